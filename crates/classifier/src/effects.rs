//! The items that a packet passes on its way, kept apart from where it stops.
//!
//! What passes shadows nothing, so that in one diagram with the rest every subset of it would be a leaf of its own.
//! Here it has a diagram whose leaves are lists; where that grows too large, tables that are asked for one item after
//! the other.

use crate::diagram::{Answer, Budget, Builder, Rules};
use crate::forest::{NONE, Residue, depths};
use crate::sets::Sets;
use crate::space::Dim;
use alloc::vec::Vec;
use lanes::{Edge, Fork, Level, Ranks};

#[derive(Clone, Debug)]
pub(crate) enum Effects {
    Nothing,
    Diagram {
        root: Edge,
        forks: Vec<Fork>,
        /// For each leaf where its list ends; it begins where the one before ends.
        ends: Vec<u32>,
        /// Ascending within each list.
        lists: Vec<u32>,
    },
    Tables(Residue),
}

impl Effects {
    pub fn of(rules: &Rules, sets: &Sets, ranks: &[u32]) -> Self {
        let all: Vec<u32> = (0..rules.len() as u32).collect();
        if all.is_empty() {
            return Self::Nothing;
        }
        let mut dims: Vec<(usize, Dim)> = (0..ranks.len() as Dim)
            .map(|dim| (all.iter().filter(|rule| rules.condition(**rule, dim).is_some()).count(), dim))
            .filter(|(users, _)| *users > 0)
            .collect();
        dims.sort_unstable_by(|a, b| b.cmp(a));
        let order: Vec<Dim> = dims.into_iter().map(|(_, dim)| dim).collect();
        let budget = Budget { edges: all.len() * 16 + 1_000, work: all.len() * 64 + 100_000 };
        let mut builder = Builder::new(rules, sets, ranks, Answer::All, budget);
        match builder.diagram(&all, &order) {
            Ok(root) => {
                let (mut ends, mut lists) = (Vec::new(), Vec::new());
                for number in 0..builder.answers.len() {
                    lists.extend_from_slice(builder.answer(number));
                    ends.push(lists.len() as u32);
                }
                Self::Diagram { root, forks: builder.forks, ends, lists }
            }
            Err(_) => Self::Tables(Residue::of(rules, sets, ranks, &all)),
        }
    }

    /// Each item below `end` that the ranks lie in, in order.
    pub fn each(&self, level: Level, sets: &Sets, ranks: &Ranks, end: u32, mut pass: impl FnMut(u32)) {
        match self {
            Self::Nothing => {}
            Self::Diagram { root, forks, ends, lists } => {
                if end == 0 {
                    return;
                }
                let leaf = level.walk(forks, ranks, &[*root], NONE) as usize;
                let start = leaf.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
                let list = ends.get(leaf).and_then(|end| lists.get(start as usize..*end as usize)).unwrap_or(&[]);
                list.iter().take_while(|item| **item < end).for_each(|item| pass(*item));
            }
            Self::Tables(tables) => {
                let mut from = 0;
                loop {
                    let item = tables.first(sets, ranks, from, end.min(NONE));
                    if item >= end {
                        return;
                    }
                    pass(item);
                    from = item + 1;
                }
            }
        }
    }

    pub const fn needs_sets(&self) -> bool {
        matches!(self, Self::Tables(_))
    }

    /// Of finding all items that a packet can pass, and passing them.
    pub fn worst_steps(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Diagram { root, forks, ends, .. } => {
                let depth = if root.is_leaf() { 0 } else { depths(forks).get(root.index()).copied().unwrap_or(0) };
                let starts = [0].into_iter().chain(ends.iter().copied());
                let longest = ends.iter().zip(starts).map(|(end, start)| end - start).max().unwrap_or(0);
                (depth + longest) as usize
            }
            // Searched again behind each item.
            Self::Tables(tables) => tables.worst_steps() * (tables.len() + 1),
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Diagram { forks, ends, lists, .. } => size_of_val(&forks[..]) + (ends.len() + lists.len()) * 4,
            Self::Tables(tables) => tables.bytes(),
        }
    }
}
