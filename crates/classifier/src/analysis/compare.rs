//! Do two programs do the same to every packet?

use super::{Effort, Witness, shape};
use crate::guarded::{Entry, Guarded, What};
use crate::sets::{RankSet, Sets};
use crate::space::{Dim, Purpose, Question, Space};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use policy::{Program, Step, StepId, Template, Translation, Verdict};

/// What two programs have been found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// They do the same to every packet.
    None,
    /// They do not.
    At(Box<Example>),
    /// It would take more effort, or they ask for more than headers tell in ways that do not correspond.
    Unknown,
}

/// A packet that two programs treat differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its outcomes are those of the left program.
    pub witness: Witness,
    pub left: Behavior,
    pub right: Behavior,
}

/// What a program does to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behavior {
    /// Steps that write a line, in order.
    pub logs: Vec<StepId>,
    /// The step that ends it: an end, or a translation.
    pub end: StepId,
}

/// The programs behave equally if their lines are, and their verdict or translation. Token buckets of equal rates, in
/// order, count as the same bucket.
pub fn compare(left: &Program, right: &Program, effort: Effort) -> Difference {
    let (mut space, questions) = Space::of(&[left, right], Purpose::Analysis);
    let [of_left, of_right] = &questions[..] else { return Difference::Unknown };
    let lists = [Guarded::whole(left, &mut space, of_left), Guarded::whole(right, &mut space, of_right)];
    let whole = |guarded: &Guarded, program: &Program| match &guarded.entries[..] {
        // A program that decides nothing is one that ends at once.
        [] => Some(Entry::default()).filter(|_| matches!(program.steps(), [Step::End(_), ..])),
        [entry] if entry.step == 0 => Some(entry.clone()),
        _ => None,
    };
    let [Some(left_list), Some(right_list)] = [whole(&lists[0], left), whole(&lists[1], right)] else {
        return Difference::Unknown;
    };
    let mut effort = effort.0;
    for region in shape::shapes(&mut space) {
        if region.iter().any(|set| space.sets.is_empty(*set)) {
            continue;
        }
        let ranks =
            region.iter().map(|set| space.sets.intervals(*set).first().map_or(0, |(first, _)| *first)).collect();
        let mut search = Search {
            sides: [Side { program: left, entry: &left_list }, Side { program: right, entry: &right_list }],
            sets: &space.sets,
            effort: &mut effort,
            region: &region,
            fixed: BTreeSet::new(),
            same: BTreeSet::new(),
            ranks,
        };
        let items = [(0..left_list.items.len()).collect(), (0..right_list.items.len()).collect()];
        let Ok(found) = search.search(items) else { return Difference::Unknown };
        let ranks = search.ranks;
        if let Some([left_does, right_does]) = found {
            let header = shape::header(&space, &ranks);
            let outcomes = open_outcomes(left, &space, of_left, &ranks);
            let witness = Witness { header, outcomes };
            return Difference::At(Box::new(Example { witness, left: left_does, right: right_does }));
        }
    }
    Difference::None
}

/// How the tests of a program turn out that the header does not tell of.
fn open_outcomes(program: &Program, space: &Space, questions: &[Question], ranks: &[u32]) -> Vec<(StepId, bool)> {
    let tests = (0..).zip(program.steps()).zip(questions).filter(|((_, step), _)| matches!(step, Step::Test { .. }));
    let open = tests.filter_map(|((at, _), question)| match question {
        Question::In { dim, set } if shape::is_open(space, *dim) => {
            Some((at, space.sets.contains(*set, ranks.get(usize::from(*dim)).copied()?)))
        }
        _ => None,
    });
    open.collect()
}

struct Side<'a> {
    program: &'a Program,
    entry: &'a Entry,
}

struct Exhausted;

struct Search<'a> {
    sides: [Side<'a>; 2],
    sets: &'a Sets,
    effort: &'a mut usize,
    region: &'a [RankSet],
    fixed: BTreeSet<Dim>,
    /// What was found to behave equally behind the dimensions fixed.
    same: BTreeSet<(Vec<Dim>, [Vec<usize>; 2])>,
    ranks: Vec<u32>,
}

const DEPTH: usize = 48;

impl Search<'_> {
    /// What the two do where they differ.
    fn search(&mut self, mut items: [Vec<usize>; 2]) -> Result<Option<[Behavior; 2]>, Exhausted> {
        let spent = items[0].len() + items[1].len() + 1;
        *self.effort = self.effort.checked_sub(spent).ok_or(Exhausted)?;
        let mut next = None;
        for (side, items) in self.sides.iter().zip(&mut items) {
            let mut end = items.len();
            for (at, number) in items.iter().enumerate() {
                let Some(item) = side.entry.items.get(*number) else { continue };
                let guard = side.entry.guard(item);
                match guard.iter().find(|(dim, set)| self.is_open(*dim, *set)) {
                    Some((dim, _)) => next = next.or(Some(*dim)),
                    None if item.what != What::Pass => {
                        end = at + 1;
                        break;
                    }
                    None => {}
                }
            }
            items.truncate(end);
        }
        let Some(dim) = next else {
            let does = [self.behavior(0, &items[0]), self.behavior(1, &items[1])];
            return Ok((!self.equal(&does)).then_some(does));
        };
        if self.fixed.len() >= DEPTH {
            return Err(Exhausted);
        }
        let key = (self.fixed.iter().copied().collect::<Vec<_>>(), items);
        if self.same.contains(&key) {
            return Ok(None);
        }
        let region = self.region.get(usize::from(dim)).copied().unwrap_or(0);
        let mut starts: Vec<u32> = self.sets.intervals(region).iter().map(|(first, _)| *first).collect();
        for (side, items) in self.sides.iter().zip(&key.1) {
            for set in items.iter().filter_map(|number| side.condition(*number, dim)) {
                starts.extend(self.sets.intervals(set).iter().flat_map(|(first, last)| [*first, last + 1]));
            }
        }
        starts.sort_unstable();
        starts.dedup();
        starts.retain(|start| self.sets.contains(region, *start));
        self.fixed.insert(dim);
        let mut seen: BTreeSet<[Vec<usize>; 2]> = BTreeSet::new();
        for start in starts {
            *self.effort = self.effort.checked_sub(spent / 2 + 1).ok_or(Exhausted)?;
            let inside = [0, 1].map(|side: usize| -> Vec<usize> {
                let holds = |number: &&usize| {
                    self.sides[side].condition(**number, dim).is_none_or(|set| self.sets.contains(set, start))
                };
                key.1[side].iter().filter(holds).copied().collect()
            });
            if !seen.insert(inside.clone()) {
                continue;
            }
            if let Some(found) = self.search(inside)? {
                if let Some(rank) = self.ranks.get_mut(usize::from(dim)) {
                    *rank = start;
                }
                return Ok(Some(found));
            }
        }
        self.fixed.remove(&dim);
        self.same.insert(key);
        Ok(None)
    }

    /// May a condition on this dimension still be met or not?
    fn is_open(&self, dim: Dim, set: RankSet) -> bool {
        let Some(region) = self.region.get(usize::from(dim)).filter(|_| !self.fixed.contains(&dim)) else {
            return false;
        };
        let intervals = self.sets.intervals(set);
        !self.sets.intervals(*region).iter().all(|(first, last)| {
            let at = intervals.partition_point(|(_, other)| other < first);
            intervals.get(at).is_some_and(|(start, end)| start <= first && last <= end)
        })
    }

    fn behavior(&self, side: usize, items: &[usize]) -> Behavior {
        let mut behavior = Behavior { logs: Vec::new(), end: 0 };
        let entry = self.sides.get(side).map(|side| side.entry);
        for item in items.iter().filter_map(|number| entry?.items.get(*number)) {
            match item.what {
                What::Pass => behavior.logs.push(item.step),
                What::Run | What::Go => behavior.end = item.step,
            }
        }
        behavior
    }

    fn equal(&self, [left, right]: &[Behavior; 2]) -> bool {
        let [of_left, of_right] = &self.sides;
        of_left.end(left.end) == of_right.end(right.end)
            && left.logs.len() == right.logs.len()
            && left.logs.iter().zip(&right.logs).all(|(a, b)| of_left.line(*a) == of_right.line(*b))
    }
}

impl Side<'_> {
    fn condition(&self, item: usize, dim: Dim) -> Option<RankSet> {
        let item = self.entry.items.get(item)?;
        self.entry.guard(item).iter().find(|(own, _)| *own == dim).map(|(_, set)| *set)
    }

    fn end(&self, step: StepId) -> (Option<Verdict>, Option<Translation>) {
        match self.program.steps().get(step as usize) {
            Some(Step::End(verdict)) => (Some(*verdict), None),
            Some(Step::Translate { translation, .. }) => (None, Some(*translation)),
            _ => (None, None),
        }
    }

    fn line(&self, step: StepId) -> Option<&Template> {
        match self.program.steps().get(step as usize) {
            Some(Step::Log { template, .. }) => self.program.templates().get(*template as usize),
            _ => None,
        }
    }
}
