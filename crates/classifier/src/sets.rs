//! Sets of ranks, each kept once.

use crate::intern::{Hasher, Table};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A set in [`Sets`]; equal sets have equal numbers.
pub(crate) type RankSet = u32;

/// First and last rank.
pub(crate) type Interval = (u32, u32);

/// Sets as sorted intervals that neither overlap nor touch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets {
    intervals: Vec<Interval>,
    /// Where each set's intervals are.
    ranges: Vec<(u32, u32)>,
    table: Table,
    /// Intersections and unions that were asked for, by their operands, the lesser first.
    meets: BTreeMap<(RankSet, RankSet), RankSet>,
    joins: BTreeMap<(RankSet, RankSet), RankSet>,
    complements: BTreeMap<(RankSet, u32), RankSet>,
    scratch: Vec<Interval>,
}

impl Sets {
    #[inline]
    pub fn intervals(&self, set: RankSet) -> &[Interval] {
        let (start, end) = self.ranges.get(set as usize).copied().unwrap_or((0, 0));
        self.intervals.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// How many intervals all sets have together.
    pub fn size(&self) -> usize {
        self.intervals.len() + self.ranges.len()
    }

    /// Bytes of what is left behind [`seal`](Self::seal).
    pub fn bytes(&self) -> usize {
        size_of_val(&self.intervals[..]) + size_of_val(&self.ranges[..])
    }

    pub fn is_empty(&self, set: RankSet) -> bool {
        self.intervals(set).is_empty()
    }

    #[inline]
    pub fn contains(&self, set: RankSet, rank: u32) -> bool {
        let intervals = self.intervals(set);
        let after = intervals.partition_point(|(first, _)| *first <= rank);
        after.checked_sub(1).and_then(|at| intervals.get(at)).is_some_and(|(_, last)| rank <= *last)
    }

    /// The set of these intervals, in any order.
    pub fn add(&mut self, mut intervals: Vec<Interval>) -> RankSet {
        intervals.sort_unstable();
        intervals.dedup_by(|next, last| {
            let touches = next.0 <= last.1.saturating_add(1);
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        self.intern(&intervals)
    }

    /// The ranks below `end` that are not in the set.
    pub fn complement(&mut self, set: RankSet, end: u32) -> RankSet {
        if let Some(known) = self.complements.get(&(set, end)) {
            return *known;
        }
        let mut result = core::mem::take(&mut self.scratch);
        result.clear();
        let mut next = 0;
        for (first, last) in self.intervals(set) {
            if next < *first {
                result.push((next, first - 1));
            }
            next = last + 1;
        }
        if next < end {
            result.push((next, end - 1));
        }
        let id = self.intern(&result);
        self.scratch = result;
        self.complements.insert((set, end), id);
        self.complements.insert((id, end), set);
        id
    }

    /// What is in both.
    pub fn meet(&mut self, a: RankSet, b: RankSet) -> RankSet {
        let pair = (a.min(b), a.max(b));
        if a == b {
            return a;
        }
        if let Some(known) = self.meets.get(&pair) {
            return *known;
        }
        let mut result = core::mem::take(&mut self.scratch);
        result.clear();
        let (mut left, mut right) = (self.intervals(a), self.intervals(b));
        while let ([(a0, a1), left_rest @ ..], [(b0, b1), right_rest @ ..]) = (left, right) {
            let (first, last) = (*a0.max(b0), *a1.min(b1));
            if first <= last {
                result.push((first, last));
            }
            if a1 <= b1 {
                left = left_rest;
            } else {
                right = right_rest;
            }
        }
        let id = self.intern(&result);
        self.scratch = result;
        self.meets.insert(pair, id);
        id
    }

    /// What is in either.
    pub fn join(&mut self, a: RankSet, b: RankSet) -> RankSet {
        let pair = (a.min(b), a.max(b));
        if a == b {
            return a;
        }
        if let Some(known) = self.joins.get(&pair) {
            return *known;
        }
        let mut both = self.intervals(a).to_vec();
        both.extend_from_slice(self.intervals(b));
        let id = self.add(both);
        self.joins.insert(pair, id);
        id
    }

    /// Is all of `a` in `b`?
    pub fn within(&mut self, a: RankSet, b: RankSet) -> bool {
        self.meet(a, b) == a
    }

    /// Frees what only building needs.
    pub fn seal(&mut self) {
        self.table = Table::default();
        self.meets.clear();
        self.joins.clear();
        self.complements.clear();
        self.scratch = Vec::new();
    }

    fn intern(&mut self, intervals: &[Interval]) -> RankSet {
        let hash = hash(intervals);
        if let Some(known) = self.table.find(hash, |id| self.intervals(id) == intervals) {
            return known;
        }
        let id = self.ranges.len() as RankSet;
        let start = self.intervals.len() as u32;
        self.intervals.extend_from_slice(intervals);
        self.ranges.push((start, self.intervals.len() as u32));
        let (all, ranges) = (&self.intervals, &self.ranges);
        self.table.add(hash, id, |id| {
            let (start, end) = ranges.get(id as usize).copied().unwrap_or((0, 0));
            self::hash(all.get(start as usize..end as usize).unwrap_or(&[]))
        });
        id
    }
}

fn hash(intervals: &[Interval]) -> u64 {
    let mut hasher = Hasher::new(intervals.len() as u64);
    for (first, last) in intervals {
        hasher.add(u64::from(*first) << 32 | u64::from(*last));
    }
    hasher.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn sets_are_what_their_members_say() {
        let lists: [&[Interval]; 6] = [&[], &[(0, 9)], &[(0, 0), (3, 4)], &[(2, 7)], &[(9, 9)], &[(1, 3), (5, 8)]];
        let mut sets = Sets::default();
        let ids: Vec<RankSet> = lists.iter().map(|list| sets.add(list.to_vec())).collect();
        for &a in &ids {
            let complement = sets.complement(a, 10);
            for &b in &ids {
                let (meet, join, within) = (sets.meet(a, b), sets.join(a, b), sets.within(a, b));
                let has = |set, rank| sets.contains(set, rank);
                let mut inside = true;
                for rank in 0..10 {
                    assert_eq!(has(meet, rank), has(a, rank) && has(b, rank));
                    assert_eq!(has(join, rank), has(a, rank) || has(b, rank));
                    assert_eq!(has(complement, rank), !has(a, rank));
                    inside &= !has(a, rank) || has(b, rank);
                }
                assert_eq!(within, inside);
            }
        }
    }

    #[test]
    fn equal_sets_are_one() {
        let mut sets = Sets::default();
        let set = sets.add(vec![(5, 9), (1, 2), (3, 4)]);
        assert_eq!(sets.intervals(set), [(1, 9)]);
        assert_eq!(sets.add(vec![(1, 9)]), set);
        let other = sets.complement(set, 20);
        assert_eq!(sets.complement(other, 20), set);
    }
}
