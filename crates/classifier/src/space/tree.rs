//! Elementary intervals as static B+trees of cache lines.

use super::Starts;
use alloc::vec;
use alloc::vec::Vec;
use lanes::{Keys8, Keys16, Level, Levels};

/// How many starts are not above a value.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// No starts.
    None,
    /// All starts are below 256: the answer for each value, the last for all others.
    Direct(Vec<u32>),
    Narrow(Narrow),
    Wide(Wide),
}

/// 32-bit starts, seventeen ways a line.
#[derive(Clone, Debug)]
pub(crate) struct Narrow {
    lines: Vec<Keys16>,
    levels: Levels,
}

/// 64-bit keys, nine ways a line.
#[derive(Clone, Debug)]
struct Halves {
    lines: Vec<Keys8>,
    levels: Levels,
}

/// 128-bit starts: a tree of their upper halves, and for each of those that occurs several times or with a lower half
/// that is not 0, one of the lower halves.
#[derive(Clone, Debug)]
pub(crate) struct Wide {
    uppers: Halves,
    groups: Vec<Group>,
    lowers: Vec<Halves>,
}

/// The starts with one upper half.
#[derive(Clone, Copy, Debug)]
struct Group {
    upper: u64,
    /// How many starts are before the group, and with it.
    before: u32,
    with: u32,
    /// The tree of its lower halves; `None`: the one lower half is 0.
    lowers: Option<u32>,
}

impl Tree {
    pub fn of(starts: &Starts) -> Self {
        match starts {
            _ if starts.len() == 0 => Self::None,
            Starts::Narrow(starts) => match starts.last() {
                Some(last) if *last < 256 => Self::Direct(
                    (0..=*last).map(|value| starts.partition_point(|start| *start <= value) as u32).collect(),
                ),
                _ => Self::Narrow(Narrow::of(starts)),
            },
            Starts::Wide(starts) => Self::Wide(Wide::of(starts)),
        }
    }

    /// Of a 32-bit value.
    #[inline(always)]
    pub fn rank(&self, level: Level, value: u32) -> u32 {
        match self {
            Self::None => 0,
            Self::Direct(ranks) => {
                let at = (value as usize).min(ranks.len().saturating_sub(1));
                ranks.get(at).copied().unwrap_or(0)
            }
            Self::Narrow(tree) => tree.rank(level, value),
            Self::Wide(tree) => tree.rank(level, u128::from(value)),
        }
    }

    /// Puts the rank of each value by the number that stands beside it.
    #[inline]
    pub fn rank_many(&self, level: Level, values: &[(u32, u32)], mut put: impl FnMut(u32, u32)) {
        match self {
            Self::Narrow(tree) => level.rank16_many(&tree.lines, &tree.levels, values, put),
            _ => values.iter().for_each(|(value, to)| put(*to, self.rank(level, *value))),
        }
    }

    /// Of a 128-bit value.
    #[inline]
    pub fn rank_wide(&self, level: Level, value: u128) -> u32 {
        match self {
            Self::Wide(tree) => tree.rank(level, value),
            _ => self.rank(level, u32::try_from(value).unwrap_or(u32::MAX)),
        }
    }

    /// Lines that a look-up visits at most.
    pub fn height(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Direct(_) => 1,
            Self::Narrow(tree) => tree.levels.height(),
            Self::Wide(tree) => {
                // One for the group.
                tree.uppers.levels.height()
                    + 1
                    + tree.lowers.iter().map(|lowers| lowers.levels.height()).max().unwrap_or(0)
            }
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Direct(ranks) => size_of_val(&ranks[..]),
            Self::Narrow(tree) => size_of_val(&tree.lines[..]),
            Self::Wide(tree) => {
                let lines =
                    tree.uppers.lines.len() + tree.lowers.iter().map(|lowers| lowers.lines.len()).sum::<usize>();
                lines * size_of::<Keys8>() + size_of_val(&tree.groups[..])
            }
        }
    }
}

impl Narrow {
    fn of(starts: &[u32]) -> Self {
        let (lines, levels) = levels(starts, Keys16::LEN, |keys| Keys16::new(keys.iter().copied()));
        Self { lines, levels }
    }

    #[inline]
    fn rank(&self, level: Level, value: u32) -> u32 {
        level.rank16(&self.lines, &self.levels, value)
    }
}

impl Halves {
    fn of(keys: &[u64]) -> Self {
        let (lines, levels) = levels(keys, Keys8::LEN, |keys| Keys8::new(keys.iter().copied()));
        Self { lines, levels }
    }

    #[inline]
    fn rank(&self, level: Level, value: u64) -> u32 {
        level.rank8(&self.lines, &self.levels, value)
    }
}

impl Wide {
    fn of(starts: &[u128]) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut lowers: Vec<Halves> = Vec::new();
        let mut before = 0;
        for group in starts.chunk_by(|a, b| a >> 64 == b >> 64) {
            let keys: Vec<u64> = group.iter().map(|start| *start as u64).collect();
            let tree = (keys != [0]).then(|| {
                lowers.push(Halves::of(&keys));
                lowers.len() as u32 - 1
            });
            let with = before + group.len() as u32;
            let upper = group.first().map_or(0, |start| (start >> 64) as u64);
            groups.push(Group { upper, before, with, lowers: tree });
            before = with;
        }
        let uppers: Vec<u64> = groups.iter().map(|group| group.upper).collect();
        Self { uppers: Halves::of(&uppers), groups, lowers }
    }

    #[inline]
    fn rank(&self, level: Level, value: u128) -> u32 {
        let (upper, lower) = ((value >> 64) as u64, value as u64);
        let Some(at) = self.uppers.rank(level, upper).checked_sub(1) else { return 0 };
        let Some(group) = self.groups.get(at as usize) else { return 0 };
        match group.lowers {
            Some(tree) if group.upper == upper => {
                group.before + self.lowers.get(tree as usize).map_or(0, |lowers| lowers.rank(level, lower))
            }
            _ => group.with,
        }
    }
}

/// Lines of `way` keys, and above them lines whose keys are the first of each line below but the first.
fn levels<K: Copy, L>(keys: &[K], way: usize, line: impl Fn(&[K]) -> L) -> (Vec<L>, Levels) {
    let mut below: Vec<Vec<L>> = vec![keys.chunks(way).map(&line).collect()];
    let mut firsts: Vec<K> = keys.chunks(way).filter_map(|chunk| chunk.first().copied()).collect();
    while firsts.len() > 1 {
        below.push(firsts.chunks(way + 1).map(|chunk| line(chunk.get(1..).unwrap_or(&[]))).collect());
        firsts = firsts.chunks(way + 1).filter_map(|chunk| chunk.first().copied()).collect();
    }
    let mut lines = Vec::new();
    let mut starts = Vec::new();
    for level in below.into_iter().rev() {
        starts.push(lines.len() as u32);
        lines.extend(level);
    }
    (lines, Levels::new(&starts, keys.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::Random;

    #[test]
    fn trees_of_any_height_count_as_a_search_does() {
        let mut random = Random(21);
        for len in [1, 2, 15, 16, 17, 271, 272, 273, 4_624, 5_000, 90_000] {
            let spread = random.below(3) * 12;
            let mut narrow: Vec<u32> = (0..len).map(|_| random.bits() >> spread).collect();
            narrow.extend([1, u32::MAX]);
            let mut wide: Vec<u128> =
                (0..len).map(|_| u128::from(random.below(len)) << 64 | u128::from(random.next() >> 60) << 60).collect();
            wide.extend([1, u128::MAX, u128::from(u64::MAX) << 64]);
            let (mut narrow, mut wide) = (Starts::Narrow(narrow), Starts::Wide(wide));
            narrow.number();
            wide.number();
            let (narrow_tree, wide_tree) = (Tree::of(&narrow), Tree::of(&wide));
            let (Starts::Narrow(narrow), Starts::Wide(wide)) = (&narrow, &wide) else { unreachable!() };
            for _ in 0..2_000 {
                let near = *random.pick(narrow);
                for value in [near.wrapping_sub(1), near, near.wrapping_add(1), random.bits(), 0, u32::MAX] {
                    let expected = narrow.partition_point(|start| *start <= value) as u32;
                    for level in [Level::SCALAR, Level::FLOOR, Level::detect()] {
                        assert_eq!(narrow_tree.rank(level, value), expected, "{level:?} {len} {value}");
                    }
                }
                let near = *random.pick(wide);
                let far = u128::from(random.next()) << 64;
                for value in
                    [near.wrapping_sub(1), near, near.wrapping_add(1), near | u128::from(u64::MAX), far, u128::MAX]
                {
                    let expected = wide.partition_point(|start| *start <= value) as u32;
                    for level in [Level::SCALAR, Level::FLOOR, Level::detect()] {
                        assert_eq!(wide_tree.rank_wide(level, value), expected, "{level:?} {len} {value}");
                    }
                }
            }
        }
    }

    #[test]
    fn small_values_are_looked_up_directly_and_large_ones_end_at_the_last() {
        let tree = Tree::of(&Starts::Narrow(vec![1, 4, 255]));
        assert!(matches!(tree, Tree::Direct(_)));
        for (value, rank) in [(0, 0), (1, 1), (3, 1), (4, 2), (254, 2), (255, 3), (256, 3), (u32::MAX, 3)] {
            assert_eq!(tree.rank(Level::FLOOR, value), rank, "{value}");
        }
    }
}
