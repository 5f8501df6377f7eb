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
            // Places that are not used hold this value.
            if value == u32::MAX {
                return levels.len;
            }
            let biased = crate::keys::biased32(value);
            let mut at = 0_u32;
            let inner = usize::from(levels.inner) % Levels::MOST;
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
        pub fn rank16_many(lines: &[Keys16], levels: &Levels, values: &mut [u32]) {
            for value in values {
                *value = rank16(lines, levels, *value);
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
            while walks.len > 0 {
                let mut kept = 0;
                for at in 0..walks.len.min(Walks::ROOM) {
                    let packet = walks.packets[at];
                    let edge = walks.edges[at];
                    let next = match forks.get(edge.index()) {
                        Some(fork) => way(fork, ranks[usize::from(packet) % BATCH].0[edge.slot()]),
                        None => Edge::NONE,
                    };
                    // Finished walks are dropped without a branch, since nobody could predict it.
                    walks.edges[kept] = next;
                    walks.packets[kept] = packet;
                    let found = if next.is_leaf() { next.value() } else { Edge::MAX_LEAF };
                    let best = &mut best[usize::from(packet) % BATCH];
                    *best = (*best).min(found);
                    kept += usize::from(!next.is_leaf());
                }
                walks.len = kept;
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
            // exists and is enabled.
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

    /// [`rank16`](Self::rank16) of many values, each replaced by its rank.
    #[inline]
    pub fn rank16_many(self, lines: &[Keys16], levels: &Levels, values: &mut [u32]) {
        choose!(self, rank16_many(lines, levels, values));
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
