//! What is known of the steps of all programs, by where their text stands.

use super::MOST_STEPS;
use super::example::{self, Example};
use crate::checked::Question;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use classifier::analysis::{Analysis, Effort, Reach, Why};
use policy::{AddrRef, Field, Place, Policy, Program, Step, StepId, Test};

/// What a program is worth: a tenth of a second, or a little more.
const EFFORT: Effort = Effort(10_000_000);

/// The steps of one place that ask or do the same: one for each time that the text is written out.
///
/// One place may ask several things: whether a packet is ICMP, of the version and of the protocol.
pub type Key = (Place, Asked);

/// What a step asks, so far as one place asks different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Nothing: it does something.
    Nothing,
    Field(Field),
    Compare,
    Address,
    Flags,
    Limit,
}

impl Asked {
    pub fn by(question: &Question) -> Self {
        match question {
            Question::In { field, .. } => Self::Field(*field),
            Question::Compare { .. } => Self::Compare,
            Question::IsAddress { .. } => Self::Address,
            Question::TcpFlags { .. } => Self::Flags,
            Question::Limit(_) => Self::Limit,
        }
    }

    fn by_step(step: &Step) -> Self {
        match step {
            Step::Test { test: Test::In { field, .. }, .. } => Self::Field(*field),
            Step::Test { test: Test::Compare { .. }, .. } => Self::Compare,
            Step::Test { test: Test::IsAddress { .. }, .. } => Self::Address,
            Step::Test { test: Test::TcpFlags { .. }, .. } => Self::Flags,
            Step::Test { test: Test::Limit(_), .. } => Self::Limit,
            Step::Log { .. } | Step::Translate { .. } | Step::End(_) => Self::Nothing,
        }
    }
}

/// What the steps of a place can do, all together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    pub reached: bool,
    /// The test can turn out so.
    pub holds: bool,
    pub fails: bool,
    /// One of the steps: a program, and a step of it.
    step: (usize, StepId),
}

impl Known {
    /// Nothing is known: anything can happen.
    pub const ANY: Self = Self { reached: true, holds: true, fails: true, step: (0, 0) };
}

/// Why something never happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No packet is so.
    Contradiction,
    /// All packets ended at these places before.
    Decided(BTreeSet<Place>),
}

pub struct Outcomes<'p> {
    programs: Vec<Option<Analyzed<'p>>>,
    known: BTreeMap<Key, Known>,
}

struct Analyzed<'p> {
    program: &'p Program,
    analysis: Analysis<'p>,
}

impl<'p> Outcomes<'p> {
    pub fn of(policy: &'p Policy) -> Self {
        let mut outcomes = Self { programs: Vec::new(), known: BTreeMap::new() };
        for (number, function) in policy.functions.iter().enumerate() {
            let analyzed = outcomes.add(number, &function.program);
            outcomes.programs.push(analyzed);
        }
        outcomes
    }

    fn add(&mut self, number: usize, program: &'p Program) -> Option<Analyzed<'p>> {
        let steps = program.steps();
        if steps.len() > MOST_STEPS {
            for (at, step) in (0..).zip(steps) {
                self.known.insert((program.place(at), Asked::by_step(step)), Known::ANY);
            }
            return None;
        }
        let mut analysis = Analysis::new(program, EFFORT);
        let findings = analysis.findings();
        let never: BTreeSet<(StepId, bool)> = findings.never.iter().map(|(step, holds, _)| (*step, *holds)).collect();
        for (at, step) in (0..).zip(steps) {
            let known = self.known.entry((program.place(at), Asked::by_step(step)));
            let known = known.or_insert(Known { step: (number, at), ..Known::default() });
            let reached = findings.unreached.binary_search(&at).is_err();
            known.reached |= reached;
            known.holds |= reached && !never.contains(&(at, true));
            known.fails |= reached && !never.contains(&(at, false));
        }
        Some(Analyzed { program, analysis })
    }

    /// `None` where the place has become no step.
    pub fn get(&self, key: Key) -> Option<Known> {
        self.known.get(&key).copied()
    }

    /// Why the test at a place never turns out so; without an outcome, why nothing comes there.
    pub fn reason(&mut self, known: Known, outcome: Option<bool>) -> Option<Reason> {
        let (number, step) = known.step;
        let Analyzed { program, analysis } = self.programs.get_mut(number)?.as_mut()?;
        let reach = match outcome {
            Some(holds) => analysis.outcome(step, holds),
            None => analysis.reach(step),
        };
        match reach {
            Reach::Never(Why::Contradiction) => Some(Reason::Contradiction),
            Reach::Never(Why::Covered(by)) => {
                Some(Reason::Decided(by.iter().map(|step| program.place(*step)).collect()))
            }
            Reach::Reached(_) | Reach::Unknown => None,
        }
    }

    /// A packet that would do so at a place, and ends before.
    pub fn example(
        &mut self,
        known: Known,
        outcome: Option<bool>,
        fits: &dyn Fn(&classifier::Header) -> bool,
    ) -> Option<Example> {
        let (number, step) = known.step;
        let Analyzed { program, analysis } = self.programs.get_mut(number)?.as_mut()?;
        example::find(program, analysis.examples(step, outcome), fits)
    }
}

/// Addresses of run time are known to nobody here.
pub fn is_open(test: &Test) -> bool {
    matches!(test, Test::Limit(_) | Test::IsAddress { address: AddrRef::Iface(_), .. })
}
