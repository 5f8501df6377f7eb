//! Questions about programs, answered before any packet comes: what can never run, and why; whether two programs do
//! the same.
//!
//! An answer is a proof. "Never" holds for all packets that there can be ([`domain`], and the fields that go together);
//! otherwise there is a witness, a packet that shows it. Where an answer would take more effort than allowed, it is
//! *unknown*.
//!
//! Token buckets, whether a translation applies, and tests that compare two fields or ask for an address of run time
//! may turn out either way here; a witness that depends on one says so.

mod compare;
mod cover;
mod example;
mod shape;
#[cfg(test)]
mod tests;

use crate::diagram::Rules;
use crate::forest::{Forest, NONE};
use crate::guarded::{Entry, Guarded, Reached, What, enclosing};
use crate::header::Header;
use crate::sets::{RankSet, Sets};
use crate::space::{Dim, Purpose, Question, Space};
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use cover::{Covered, Search};
use lanes::{Level, Ranks, SLOTS};
use policy::{Program, Step, StepId};

pub use compare::{Behavior, Difference, Example, compare};
pub use shape::domain;

/// How much may be spent on one program: roughly, rules compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort(pub usize);

impl Default for Effort {
    /// Some tenths of a second.
    fn default() -> Self {
        Self(40_000_000)
    }
}

/// Can it happen?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Reached(Witness),
    Never(Why),
    Unknown,
}

/// A packet that shows that something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub header: Header,
    /// What must turn out so at steps whose outcome the header does not tell.
    pub outcomes: Vec<(StepId, bool)>,
}

/// Why something never happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The tests around it contradict each other or it, or ask for what no packet is.
    Contradiction,
    /// All such packets have gone another way before: they end at these steps at the latest, in order. One is a rule
    /// that covers all; several cover it together.
    Covered(Vec<StepId>),
}

/// What is odd about a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Tests that never turn out so, though packets come to them: the step, the outcome that never happens, why. A
    /// rule that is shadowed by earlier ones is a test that is never true.
    pub never: Vec<(StepId, bool, Why)>,
    /// Steps that no packet comes to, all of them, ascending.
    pub unreached: Vec<StepId>,
    /// Outcomes that remained unknown.
    pub unknown: Vec<(StepId, bool)>,
}

/// A program and what is known of it.
pub struct Analysis<'p> {
    program: &'p Program,
    space: Space,
    questions: Vec<Question>,
    guarded: Guarded,
    /// For each list its stops as a forest, to find quickly who stops where. None for a space of too many dimensions.
    forests: Vec<Option<Stops>>,
    /// Steps, each with the list and the product by which packets come to it, in order of steps.
    reached: Vec<(StepId, usize, Reached)>,
    /// For each step the nearest test that all who come there have met.
    enclosing: Vec<Option<StepId>>,
    /// The packets that there can be, as disjoint regions: for each dimension the ranks.
    shapes: Vec<Vec<RankSet>>,
    effort: usize,
    /// Does each place where a list stops begin one?
    complete: bool,
}

/// The stops of a list as a forest.
struct Stops {
    forest: Forest,
    /// The items' positions in the list.
    positions: Vec<usize>,
    /// What a look-up may take, as effort.
    effort: usize,
}

/// Where something happens, as ranks.
enum Place {
    At(Vec<u32>),
    Never(Why),
    Unknown,
}

impl<'p> Analysis<'p> {
    pub fn new(program: &'p Program, effort: Effort) -> Self {
        let (mut space, mut questions) = Space::of(&[program], Purpose::Analysis);
        let questions = questions.pop().unwrap_or_default();
        let guarded = Guarded::whole(program, &mut space, &questions);
        let shapes = shape::shapes(&mut space);
        let ranks: Vec<u32> = space.dims.iter().map(|dimension| dimension.ranks).collect();
        let forest = |entry: &Entry| {
            let (mut rules, mut positions) = (Rules::default(), Vec::new());
            for (at, item) in entry.items.iter().enumerate().filter(|(_, item)| item.what != What::Pass) {
                rules.push(entry.guard(item));
                positions.push(at);
            }
            let forest = Forest::of(&rules, &space.sets, &ranks);
            let effort = forest.worst_steps().max(64);
            Stops { forest, positions, effort }
        };
        let mut reached: Vec<(StepId, usize, Reached)> = Vec::new();
        for (number, entry) in guarded.entries.iter().enumerate() {
            reached.extend(entry.reached().map(|reached| (reached.step, number, reached)));
        }
        reached.sort_by_key(|(step, ..)| *step);
        let few = space.dims.len() <= SLOTS;
        let forests = guarded.entries.iter().map(|entry| few.then(|| forest(entry))).collect();
        let complete = guarded.is_complete();
        Self {
            complete,
            program,
            questions,
            guarded,
            forests,
            reached,
            enclosing: enclosing(program),
            shapes,
            effort: effort.0,
            space,
        }
    }

    /// Can the test at a step turn out so?
    pub fn outcome(&mut self, step: StepId, holds: bool) -> Reach {
        let place = self.find_outcome(step, holds);
        self.shown(place, step)
    }

    /// Can any packet come to a step?
    pub fn reach(&mut self, step: StepId) -> Reach {
        let place = self.find(step, None);
        self.shown(place, step)
    }

    /// Everything odd about the program.
    pub fn findings(&mut self) -> Findings {
        let mut findings = Findings::default();
        let steps = self.program.steps();
        let mut reached = vec![false; steps.len()];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for (at, step) in (0..).zip(steps) {
            if !reached.get(at as usize).copied().unwrap_or(false) {
                findings.unreached.push(at);
                continue;
            }
            let mut mark = |to: StepId| {
                if let Some(flag) = reached.get_mut(to as usize) {
                    *flag = true;
                }
            };
            match step {
                Step::Test { then, otherwise, .. } if then == otherwise => mark(*then),
                Step::Test { then, otherwise, .. } => {
                    for (holds, to) in [(true, *then), (false, *otherwise)] {
                        match self.find_outcome(at, holds) {
                            Place::Never(why) => {
                                findings.never.push((at, holds, why));
                                continue;
                            }
                            Place::Unknown => findings.unknown.push((at, holds)),
                            Place::At(_) => {}
                        }
                        mark(to);
                    }
                }
                Step::Log { next, .. } => mark(*next),
                Step::Translate { otherwise, .. } => mark(*otherwise),
                Step::End(_) => {}
            }
        }
        findings
    }

    fn shown(&self, place: Place, step: StepId) -> Reach {
        match place {
            Place::At(ranks) => self.witness(&ranks, step).map_or(Reach::Unknown, Reach::Reached),
            Place::Never(why) => Reach::Never(why),
            Place::Unknown => Reach::Unknown,
        }
    }

    fn find_outcome(&mut self, step: StepId, holds: bool) -> Place {
        match self.questions.get(step as usize) {
            Some(Question::In { .. }) => {
                let condition = self.condition(step, holds);
                self.find(step, condition)
            }
            Some(Question::Constant(is)) if *is != holds => Place::Never(Why::Contradiction),
            Some(Question::Constant(_)) => self.find(step, None),
            Some(Question::Ask) | None => Place::Unknown,
        }
    }

    /// That the test at a step turns out so, as ranks of a dimension.
    fn condition(&mut self, step: StepId, holds: bool) -> Option<(Dim, RankSet)> {
        let Some(Question::In { dim, set }) = self.questions.get(step as usize) else { return None };
        let (dim, set) = (*dim, *set);
        let set = if holds { set } else { self.space.sets.complement(set, self.space.ranks_of(dim)) };
        Some((dim, set))
    }

    /// A place where a packet comes to the step, and meets the condition there.
    fn find(&mut self, step: StepId, condition: Option<(Dim, RankSet)>) -> Place {
        let Some(around) = self.around(step, condition) else { return Place::Never(Why::Contradiction) };
        let regions: Vec<Vec<RankSet>> = (0..self.shapes.len()).filter_map(|at| self.region(at, &around)).collect();
        let Some(first) = regions.first() else { return Place::Never(Why::Contradiction) };
        if step == 0 {
            let [corner, ..] = shape::corners(&self.space, first);
            return Place::At(corner);
        }
        let mut covers: BTreeSet<StepId> = BTreeSet::new();
        let first = self.reached.partition_point(|(own, ..)| *own < step);
        let ways = self.reached.get(first..).unwrap_or(&[]).iter().take_while(|(own, ..)| *own == step).count();
        // A list that there was no room for may lead here.
        let mut unknown = !self.complete;
        for at in first..first + ways {
            let Some((_, number, reached)) = self.reached.get(at).copied() else { continue };
            match self.uncovered(number, reached, &regions) {
                // To a list that begins in the middle of the program fewer packets come than it knows.
                Ok(Ok(ranks)) if self.begins_first(number) || self.witness(&ranks, step).is_some() => {
                    return Place::At(ranks);
                }
                Ok(Ok(_)) => unknown = true,
                Ok(Err(by)) => covers.extend(by),
                Err(cover::Exhausted) => unknown = true,
            }
        }
        match covers.is_empty() {
            _ if unknown => Place::Unknown,
            true => Place::Never(Why::Contradiction),
            false => Place::Never(Why::Covered(covers.into_iter().collect())),
        }
    }

    /// What is around the step and the condition, as a product: whoever comes here is in it. `None`: nobody.
    fn around(&self, step: StepId, condition: Option<(Dim, RankSet)>) -> Option<Vec<(Dim, RankSet)>> {
        let mut around: Vec<(Dim, RankSet)> = condition.into_iter().collect();
        let mut outer = self.enclosing.get(step as usize).copied().flatten();
        while let Some(test) = outer {
            match self.questions.get(test as usize) {
                Some(Question::In { dim, set }) => around.push((*dim, *set)),
                Some(Question::Constant(false)) => return None,
                _ => {}
            }
            outer = self.enclosing.get(test as usize).copied().flatten();
        }
        Some(around)
    }

    fn begins_first(&self, number: usize) -> bool {
        self.guarded.entries.get(number).is_some_and(|entry| entry.step == 0)
    }

    /// The ranks of a packet in the product that no item before its place stops; or the steps of those that do.
    fn uncovered(
        &mut self,
        number: usize,
        reached: Reached,
        regions: &[Vec<RankSet>],
    ) -> Result<Result<Vec<u32>, BTreeSet<StepId>>, cover::Exhausted> {
        let mut by = BTreeSet::new();
        let Some(entry) = self.guarded.entries.get(number) else { return Ok(Err(by)) };
        let product = entry.product(&reached).to_vec();
        for region in regions {
            let Some(region) = narrowed(&mut self.space.sets, region, &product) else { continue };
            if let Some(ranks) = self.uncovered_in(number, &region, reached.items, &mut by)? {
                return Ok(Ok(ranks));
            }
        }
        Ok(Err(by))
    }

    fn uncovered_in(
        &mut self,
        number: usize,
        region: &[RankSet],
        items: usize,
        by: &mut BTreeSet<StepId>,
    ) -> Result<Option<Vec<u32>>, cover::Exhausted> {
        let (Some(entry), Some(stops)) = (self.guarded.entries.get(number), self.forests.get(number)) else {
            return Ok(None);
        };
        // Most rules are reached by some corner of theirs; that is found by a look-up.
        if let Some(Stops { forest, positions, effort }) = stops {
            for corner in shape::corners(&self.space, region) {
                self.effort = self.effort.checked_sub(*effort).ok_or(cover::Exhausted)?;
                let mut ranks = Ranks::default();
                for (slot, rank) in ranks.0.iter_mut().zip(&corner) {
                    *slot = *rank;
                }
                let stop = forest.first(Level::FLOOR, &self.space.sets, &ranks);
                if stop == NONE || positions.get(stop as usize).is_none_or(|at| *at >= items) {
                    return Ok(Some(corner));
                }
            }
        }
        let mut search = Search::new(&mut self.space.sets, &mut self.effort, region);
        match search.uncovered(entry, items)? {
            Covered::Not(ranks) => Ok(Some(ranks)),
            Covered::By(items) => {
                by.extend(items.into_iter().filter_map(|item| entry.items.get(item)).map(|item| item.step));
                Ok(None)
            }
        }
    }

    /// The part of a shape that is in the product, if there is any.
    fn region(&mut self, shape: usize, product: &[(Dim, RankSet)]) -> Option<Vec<RankSet>> {
        narrowed(&mut self.space.sets, self.shapes.get(shape)?, product)
    }

    /// The packet of these ranks, if it does come to the step.
    fn witness(&self, ranks: &[u32], step: StepId) -> Option<Witness> {
        let header = shape::header(&self.space, ranks);
        let mut outcomes = Vec::new();
        let mut at = 0;
        while at != step {
            let holds = match self.questions.get(at as usize)? {
                Question::In { dim, set } => {
                    let holds = self.space.sets.contains(*set, ranks.get(usize::from(*dim)).copied()?);
                    if shape::is_open(&self.space, *dim) {
                        outcomes.push((at, holds));
                    }
                    holds
                }
                Question::Constant(is) => *is,
                Question::Ask => return None,
            };
            at = match self.program.steps().get(at as usize)? {
                Step::Test { then, otherwise, .. } => {
                    if holds {
                        *then
                    } else {
                        *otherwise
                    }
                }
                Step::Log { next, .. } => *next,
                Step::Translate { otherwise, .. } if !holds => *otherwise,
                Step::Translate { .. } | Step::End(_) => return None,
            };
        }
        match self.questions.get(step as usize) {
            Some(Question::In { dim, set }) if shape::is_open(&self.space, *dim) => {
                outcomes.push((step, self.space.sets.contains(*set, ranks.get(usize::from(*dim)).copied()?)));
            }
            _ => {}
        }
        Some(Witness { header, outcomes })
    }
}

/// The part of a region that is in the product, if there is any.
fn narrowed(sets: &mut Sets, region: &[RankSet], product: &[(Dim, RankSet)]) -> Option<Vec<RankSet>> {
    let mut region = region.to_vec();
    for (dim, set) in product {
        let own = region.get_mut(usize::from(*dim))?;
        *own = sets.meet(*own, *set);
        if sets.is_empty(*own) {
            return None;
        }
    }
    Some(region)
}
