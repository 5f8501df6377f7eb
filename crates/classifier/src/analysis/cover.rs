//! Is a region covered by items? A search dimension by dimension, that ends at the first place that is not.

use crate::guarded::{Entry, What};
use crate::sets::{RankSet, Sets};
use crate::space::Dim;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The effort was not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

pub(super) enum Covered {
    /// The ranks of a place that is in no item.
    Not(Vec<u32>),
    /// Positions of items that cover it together; of one, if one does.
    By(BTreeSet<usize>),
}

/// Dimensions that a search may look at one below the other.
const DEPTH: usize = 48;

pub(super) struct Search<'a> {
    sets: &'a mut Sets,
    effort: &'a mut usize,
    /// For each dimension the ranks of the region.
    region: &'a [RankSet],
    /// Dimensions that were looked at.
    fixed: BTreeSet<Dim>,
    by: BTreeSet<usize>,
    /// Lists of items that were found to cover everything behind the dimensions fixed.
    covering: BTreeSet<(Vec<Dim>, Vec<usize>)>,
    ranks: Vec<u32>,
}

impl<'a> Search<'a> {
    pub fn new(sets: &'a mut Sets, effort: &'a mut usize, region: &'a [RankSet]) -> Self {
        let least = |set: &RankSet| sets.intervals(*set).first().map_or(0, |(first, _)| *first);
        let ranks = region.iter().map(least).collect();
        Self { sets, effort, region, fixed: BTreeSet::new(), by: BTreeSet::new(), covering: BTreeSet::new(), ranks }
    }

    /// By the stops among the first so many items of the list?
    pub fn uncovered(&mut self, entry: &Entry, items: usize) -> Result<Covered, Exhausted> {
        let mut near: Vec<usize> = Vec::new();
        for (at, item) in entry.items.iter().enumerate().take(items).filter(|(_, item)| item.what != What::Pass) {
            self.spend(1)?;
            let guard = entry.guard(item);
            if !guard.iter().all(|(dim, set)| self.meets(*dim, *set)) {
                continue;
            }
            if guard.iter().all(|(dim, set)| self.covers(*dim, *set)) {
                return Ok(Covered::By(BTreeSet::from([at])));
            }
            near.push(at);
        }
        match self.search(entry, near)? {
            true => Ok(Covered::Not(self.ranks.clone())),
            false => Ok(Covered::By(core::mem::take(&mut self.by))),
        }
    }

    fn spend(&mut self, amount: usize) -> Result<(), Exhausted> {
        *self.effort = self.effort.checked_sub(amount).ok_or(Exhausted)?;
        Ok(())
    }

    /// Has the region ranks in the set?
    fn meets(&self, dim: Dim, set: RankSet) -> bool {
        let Some(region) = self.region.get(usize::from(dim)) else { return false };
        let (mut left, mut right) = (self.sets.intervals(*region), self.sets.intervals(set));
        // The longer is skipped through.
        if left.len() > right.len() {
            core::mem::swap(&mut left, &mut right);
        }
        left.iter().any(|(first, last)| {
            let at = right.partition_point(|(_, other)| other < first);
            right.get(at).is_some_and(|(other, _)| other <= last)
        })
    }

    fn covers(&self, dim: Dim, set: RankSet) -> bool {
        let Some(region) = self.region.get(usize::from(dim)) else { return false };
        let intervals = self.sets.intervals(set);
        self.sets.intervals(*region).iter().all(|(first, last)| {
            let at = intervals.partition_point(|(_, other)| other < first);
            intervals.get(at).is_some_and(|(start, end)| start <= first && last <= end)
        })
    }

    /// Is there a place in none of the items? Then the ranks are there.
    fn search(&mut self, entry: &Entry, items: Vec<usize>) -> Result<bool, Exhausted> {
        self.spend(items.len() + 1)?;
        let mut next = None;
        for at in &items {
            let Some(item) = entry.items.get(*at) else { continue };
            let open =
                entry.guard(item).iter().find(|(dim, set)| !self.fixed.contains(dim) && !self.covers(*dim, *set));
            match open {
                None => {
                    self.by.insert(*at);
                    return Ok(false);
                }
                Some((dim, _)) => next = next.or(Some(*dim)),
            }
        }
        let Some(dim) = next else { return Ok(true) };
        if self.fixed.len() >= DEPTH {
            return Err(Exhausted);
        }
        let key = (self.fixed.iter().copied().collect::<Vec<_>>(), items);
        if self.covering.contains(&key) {
            return Ok(false);
        }
        let items = &key.1;
        let condition = |at: &usize| {
            let item = entry.items.get(*at)?;
            entry.guard(item).iter().find(|(own, _)| *own == dim).map(|(_, set)| *set)
        };
        // Where the items' ranks begin and end, inside of the region.
        let region = self.region.get(usize::from(dim)).copied().unwrap_or(0);
        let mut starts: Vec<u32> = self.sets.intervals(region).iter().map(|(first, _)| *first).collect();
        for set in items.iter().filter_map(condition) {
            starts.extend(self.sets.intervals(set).iter().flat_map(|(first, last)| [*first, last + 1]));
        }
        starts.sort_unstable();
        starts.dedup();
        starts.retain(|start| self.sets.contains(region, *start));
        self.fixed.insert(dim);
        let mut seen: BTreeSet<Vec<usize>> = BTreeSet::new();
        for start in starts {
            self.spend(items.len() / 2 + 1)?;
            let holds = |at: &&usize| condition(at).is_none_or(|set| self.sets.contains(set, start));
            let inside: Vec<usize> = items.iter().filter(holds).copied().collect();
            if !seen.insert(inside.clone()) {
                continue;
            }
            if self.search(entry, inside)? {
                if let Some(rank) = self.ranks.get_mut(usize::from(dim)) {
                    *rank = start;
                }
                return Ok(true);
            }
        }
        self.fixed.remove(&dim);
        self.spend(key.1.len())?;
        self.covering.insert(key);
        Ok(false)
    }
}
