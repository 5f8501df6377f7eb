//! Programs as ordered lists of guarded actions.
//!
//! An item is a product of sets, one for each dimension that matters, and a step. Meaning: of the items that a packet
//! lies in, those that *pass* are run in order, up to the first that *stops*; the packet goes on at that one's step,
//! where the program ends or has to ask for something.
//!
//! ```text
//!   if tcp { if dport in {22, 80} { accept } log "odd" }      [service: tcp 22, tcp 80]   stop at accept
//!   drop                                                      [service: tcp]              pass log "odd"
//!                                                             []                          stop at drop
//! ```
//!
//! Order carries most conditions: what comes behind a block that always ends need not say "and not …". Formally, each
//! step has a guard that holds for every packet that reaches it, and any other packet in the guard is stopped by an
//! item before it. So a program whose branches end or meet again becomes a list as long as itself. Where guards would
//! grow (an `or` of many fields, a long `else if` of blocks that all go on behind it), the list is *cut*: it stops at
//! the meeting point, which begins a list of its own, an *entry*. Every program therefore lowers in linear size.

mod flow;
mod lower;
#[cfg(test)]
mod tests;

use crate::sets::RankSet;
use crate::space::{Dim, Question, Space};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use flow::Flow;
use policy::{Program, StepId, Translation};

/// A program in lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guarded {
    /// In order of their steps. One for the first step, unless nothing is to be decided there; one for each cut; and
    /// for steps behind those that ask, as far as their sizes allow. A packet that goes on at another step is walked
    /// step by step.
    pub entries: Vec<Entry>,
}

/// The list of what happens from a step on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub step: StepId,
    pub items: Vec<Item>,
    conditions: Vec<(Dim, RankSet)>,
    /// For each product of the guard of each step of the list, in order.
    #[cfg(feature = "analysis")]
    reached: Vec<Reached>,
}

/// Who comes to a step: packets in the product that no item before stops.
#[cfg(feature = "analysis")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub step: StepId,
    conditions: (u32, u32),
    /// How many items are before the step.
    pub items: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Where its conditions are.
    conditions: (u32, u32),
    pub step: StepId,
    pub what: What,
}

/// What becomes of a packet that lies in an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The step is run on the way.
    Pass,
    /// The packet goes on by running the step.
    Run,
    /// The packet goes on by the list that begins at the step.
    Go,
}

impl Entry {
    /// The conditions of an item: sets of different dimensions, in ascending order of those; all others are free.
    pub fn guard(&self, item: &Item) -> &[(Dim, RankSet)] {
        let (start, end) = item.conditions;
        self.conditions.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// Who comes to the steps of the list, those included at which it stops by running them.
    #[cfg(feature = "analysis")]
    pub fn reached(&self) -> impl Iterator<Item = Reached> + '_ {
        let stops = self.items.iter().enumerate().filter(|(_, item)| item.what == What::Run);
        let stops = stops.map(|(items, item)| Reached { step: item.step, conditions: item.conditions, items });
        self.reached.iter().copied().chain(stops)
    }

    /// The conditions of a step's product.
    #[cfg(feature = "analysis")]
    pub fn product(&self, reached: &Reached) -> &[(Dim, RankSet)] {
        let (start, end) = reached.conditions;
        self.conditions.get(start as usize..end as usize).unwrap_or(&[])
    }

    #[cfg(feature = "analysis")]
    fn reach(&mut self, step: StepId, products: &[Vec<(Dim, RankSet)>]) {
        for product in products {
            let start = self.conditions.len() as u32;
            self.conditions.extend_from_slice(product);
            let conditions = (start, self.conditions.len() as u32);
            self.reached.push(Reached { step, conditions, items: self.items.len() });
        }
    }

    fn push(&mut self, guard: &[(Dim, RankSet)], step: StepId, what: What) {
        let start = self.conditions.len() as u32;
        self.conditions.extend_from_slice(guard);
        self.items.push(Item { conditions: (start, self.conditions.len() as u32), step, what });
    }
}

/// How large lists may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Steps of all lists together, for each step of the program.
    pub copies: usize,
    /// Products that a guard may be the union of.
    pub products: usize,
    /// Negated conditions that a guard may have picked up one behind the other.
    pub negations: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { copies: 4, products: 32, negations: 24 }
    }
}

impl Guarded {
    /// The lists of a program; `questions` are its own, in `space`.
    pub fn of(program: &Program, space: &mut Space, questions: &[Question], bounds: Bounds) -> Self {
        let flow = Flow::of(program, questions, true);
        let behind_asks = continuations(program, questions, bounds.copies.saturating_sub(1));
        Self::lower(&flow, space, behind_asks, bounds)
    }

    /// As [`of`](Self::of), with one entry for the first step and each log an item of its own.
    #[cfg(feature = "analysis")]
    pub fn whole(program: &Program, space: &mut Space, questions: &[Question]) -> Self {
        let flow = Flow::of(program, questions, false);
        Self::lower(&flow, space, Vec::new(), Bounds::default())
    }

    fn lower(flow: &Flow, space: &mut Space, behind_asks: Vec<StepId>, bounds: Bounds) -> Self {
        let mut cuts: BTreeSet<StepId> = BTreeSet::new();
        let mut entries: Vec<Entry> = Vec::new();
        let limit = (space.sets.size() + flow.len()).saturating_mul(8) + (1 << 16);
        let mut room = flow.len().saturating_mul(bounds.copies).saturating_add(1024);
        let mut waiting = behind_asks;
        waiting.reverse();
        waiting.push(0);
        let mut begun: BTreeSet<StepId> = BTreeSet::new();
        while let Some(step) = waiting.pop() {
            if flow.stops(step) || !begun.insert(step) || room == 0 {
                continue;
            }
            let (entry, steps) = lower::entry(flow, space, step, &mut cuts, bounds, limit);
            room = room.saturating_sub(steps);
            // The last of those waiting is lowered next: what packets are sure to go on at before what they may.
            waiting.extend(entry.items.iter().filter(|item| item.what == What::Go).map(|item| item.step));
            entries.push(entry);
        }
        entries.sort_unstable_by_key(|entry| entry.step);
        Self { entries }
    }

    /// Does each place where a list stops in the middle of the program begin a list?
    #[cfg(feature = "analysis")]
    pub fn is_complete(&self) -> bool {
        let begins = |step: StepId| self.entries.binary_search_by_key(&step, |entry| entry.step).is_ok();
        let items = self.entries.iter().flat_map(|entry| &entry.items);
        items.filter(|item| item.what == What::Go).all(|item| begins(item.step))
    }

    #[cfg(test)]
    pub fn entry(&self, step: StepId) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&step, |entry| entry.step).ok()?;
        self.entries.get(at)
    }
}

/// For each step the nearest test that encloses it: one that every packet that comes to the step has met.
#[cfg(feature = "analysis")]
pub(crate) fn enclosing(program: &Program) -> Vec<Option<StepId>> {
    use policy::Step;
    let steps = program.steps();
    let targets = |step: &Step| match step {
        Step::Test { then, otherwise, .. } => [Some(*then as usize), Some(*otherwise as usize)],
        Step::Log { next, .. } => [Some(*next as usize), None],
        Step::Translate { otherwise, .. } => [Some(*otherwise as usize), None],
        Step::End(_) => [None, None],
    };
    let successors: Vec<[Option<usize>; 2]> = steps.iter().map(targets).collect();
    let mut ways = alloc::vec![0_u32; steps.len()];
    for to in successors.iter().flatten().flatten() {
        if let Some(ways) = ways.get_mut(*to) {
            *ways += 1;
        }
    }
    let dominators = lower::dominators(&successors);
    let mut enclosing: Vec<Option<StepId>> = Vec::with_capacity(steps.len());
    for (at, (dominator, ways)) in dominators.iter().zip(ways).enumerate() {
        let inside = match steps.get(*dominator) {
            Some(Step::Test { then, .. }) if *then as usize == at && ways == 1 => Some(*dominator as StepId),
            _ => enclosing.get(*dominator).copied().flatten(),
        };
        enclosing.push(inside);
    }
    enclosing
}

/// The steps behind those that ask, ascending; so many that their lists have at most `copies` times the program's
/// steps together, evenly spread.
fn continuations(program: &Program, questions: &[Question], copies: usize) -> Vec<StepId> {
    let mut steps: BTreeSet<StepId> = BTreeSet::new();
    for (step, question) in program.steps().iter().zip(questions) {
        match step {
            policy::Step::Test { then, otherwise, .. } if *question == Question::Ask => {
                steps.extend([*then, *otherwise]);
            }
            // One that only changes ports applies to every packet.
            policy::Step::Translate {
                translation: Translation::Dnat { address: None, .. } | Translation::Snat { address: None, .. },
                ..
            } => {}
            policy::Step::Translate { otherwise, .. } if *question == Question::Ask => {
                steps.insert(*otherwise);
            }
            _ => {}
        }
    }
    let all = program.steps().len();
    let cost: usize = steps.iter().map(|step| all.saturating_sub(*step as usize)).sum();
    let stride = cost.div_ceil(all.saturating_mul(copies).saturating_add(1024)).max(1);
    steps.into_iter().step_by(stride).collect()
}
