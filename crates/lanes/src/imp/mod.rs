//! The three ways to run, and the choice between them.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;

use crate::level::Kind;
use crate::{BATCH, Edge, Fork, Keys8, Keys16, Level, Levels, Ranks, Walks};

/// The loops over lines, written once and compiled with the instructions of each level, around the level's own
/// `count16`, `count8` and `way`.
macro_rules! loops {
    ($(#[$feature:meta])*) => {
        $(#[$feature])*
        #[inline]
        pub fn rank16(lines: &[Keys16], levels: &Levels, value: u32) -> u32 {
            rank16_of::<{ Levels::MOST }>(lines, levels, value)
        }

        /// Of a tree with so many levels above the leaves, if that is less than the most.
        $(#[$feature])*
        #[inline]
        fn rank16_of<const INNER: usize>(lines: &[Keys16], levels: &Levels, value: u32) -> u32 {
            // Places that are not used hold this value.
            if value == u32::MAX {
                return levels.len;
            }
            let biased = crate::keys::biased32(value);
            let mut at = 0_u32;
            let inner = if INNER < Levels::MOST { INNER } else { usize::from(levels.inner) % Levels::MOST };
            for start in &levels.starts[..inner] {
                let Some(line) = lines.get(start.wrapping_add(at) as usize) else { return levels.len };
                at = at.wrapping_mul(17).wrapping_add(count16(line, biased));
            }
            match lines.get(levels.starts[inner].wrapping_add(at) as usize) {
                Some(line) => at.wrapping_mul(16).wrapping_add(count16(line, biased)),
                None => levels.len,
            }
        }

        $(#[$feature])*
        pub fn rank16_many(
            lines: &[Keys16],
            levels: &Levels,
            values: &[(u32, u32)],
            put: impl FnMut(u32, u32),
        ) {
            match levels.inner {
                0 => many_of::<0>(lines, levels, values, put),
                1 => many_of::<1>(lines, levels, values, put),
                2 => many_of::<2>(lines, levels, values, put),
                3 => many_of::<3>(lines, levels, values, put),
                _ => many_of::<{ Levels::MOST }>(lines, levels, values, put),
            }
        }

        $(#[$feature])*
        fn many_of<const INNER: usize>(
            lines: &[Keys16],
            levels: &Levels,
            values: &[(u32, u32)],
            mut put: impl FnMut(u32, u32),
        ) {
            for (value, to) in values {
                put(*to, rank16_of::<INNER>(lines, levels, *value));
            }
        }

        $(#[$feature])*
        pub fn rank8(lines: &[Keys8], levels: &Levels, value: u64) -> u32 {
            if value == u64::MAX {
                return levels.len;
            }
            let biased = crate::keys::biased64(value);
            let mut at = 0_u32;
            let inner = usize::from(levels.inner) % Levels::MOST;
            for start in &levels.starts[..inner] {
                let Some(line) = lines.get(start.wrapping_add(at) as usize) else { return levels.len };
                at = at.wrapping_mul(9).wrapping_add(count8(line, biased));
            }
            match lines.get(levels.starts[inner].wrapping_add(at) as usize) {
                Some(line) => at.wrapping_mul(8).wrapping_add(count8(line, biased)),
                None => levels.len,
            }
        }

        $(#[$feature])*
        pub fn walk(forks: &[Fork], ranks: &Ranks, edges: &[Edge], mut best: u32) -> u32 {
            for edge in edges {
                let mut edge = *edge;
                while !edge.is_leaf() {
                    edge = match forks.get(edge.index()) {
                        Some(fork) => way(fork, ranks.0[edge.slot()]),
                        None => Edge::NONE,
                    };
                }
                best = best.min(edge.value());
            }
            best
        }

        $(#[$feature])*
        pub fn walk_many(forks: &[Fork], ranks: &[Ranks; BATCH], walks: &mut Walks, best: &mut [u32; BATCH]) {
            let Walks { edges, packets, len } = walks;
            while *len > 0 {
                let mut kept = 0;
                for at in 0..(*len).min(Walks::ROOM) {
                    let (edge, packet) = (edges[at], packets[at] as usize % BATCH);
                    // A walk that leads nowhere finds nothing.
                    let Some(fork) = forks.get(edge.index()) else { continue };
                    let next = way(fork, ranks[packet].0[edge.slot()]);
                    // Finished walks are dropped without a branch, since nobody could predict it.
                    (edges[kept % Walks::ROOM], packets[kept % Walks::ROOM]) = (next, packet as u32);
                    // A leaf's value; of a fork more than any.
                    let found = next.0 ^ 1 << 31;
                    best[packet] = best[packet].min(found);
                    kept += (found >> 31) as usize;
                }
                *len = kept;
            }
        }
    };
}
pub(crate) use loops;

/// Runs the level's function of that name.
macro_rules! choose {
    ($level:expr, $name:ident($($arg:expr),*)) => {
        match $level.kind() {
            Kind::Scalar => scalar::$name($($arg),*),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of x86-64.
            Kind::Sse2 => unsafe { sse2::$name($($arg),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: only `Level::detect` makes a level of this kind, after CPUID and XCR0 have said that AVX2
            // exists and is enabled, and CPUID that BMI1 and POPCNT exist.
            Kind::Avx2 => unsafe { avx2::$name($($arg),*) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => scalar::$name($($arg),*),
        }
    };
}

impl Level {
    /// How many keys of a tree are not above `value`.
    #[inline]
    pub fn rank16(self, lines: &[Keys16], levels: &Levels, value: u32) -> u32 {
        choose!(self, rank16(lines, levels, value))
    }

    /// [`rank16`](Self::rank16) of many values, each with a number that its rank is put by.
    #[inline]
    pub fn rank16_many(self, lines: &[Keys16], levels: &Levels, values: &[(u32, u32)], put: impl FnMut(u32, u32)) {
        choose!(self, rank16_many(lines, levels, values, put));
    }

    /// As [`rank16`](Self::rank16), for 64-bit keys.
    #[inline]
    pub fn rank8(self, lines: &[Keys8], levels: &Levels, value: u64) -> u32 {
        choose!(self, rank8(lines, levels, value))
    }

    /// The least of `best` and of the leaves that the edges lead to.
    #[inline]
    pub fn walk(self, forks: &[Fork], ranks: &Ranks, edges: &[Edge], best: u32) -> u32 {
        choose!(self, walk(forks, ranks, edges, best))
    }

    /// Ends all walks; `best` keeps for each packet the least of itself and of the leaves that its walks came to.
    #[inline]
    pub fn walk_many(self, forks: &[Fork], ranks: &[Ranks; BATCH], walks: &mut Walks, best: &mut [u32; BATCH]) {
        choose!(self, walk_many(forks, ranks, walks, best));
    }
}
