//! The programs of a policy as tables, where that is faster than their steps.

use super::depends::Dependencies;
use alloc::vec;
use alloc::vec::Vec;
use classifier::{Classifier, Cost, Level};
use policy::{Function, FunctionId, Policy, Program, Step, StepId};

/// A program of fewer steps is walked faster than looked up, …
const FEW_STEPS: usize = 12;
/// … and so is one whose longest way is not so many times as long as that through its tables: a line of a table costs
/// somewhat more than a step, and packets seldom go the longest way.
const WORTH: usize = 2;
/// A program of fewer steps can be walked for a while, until there is time to make its tables.
const URGENT_STEPS: usize = 64;

/// Are programs looked up in tables, or walked step by step? What they do is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    Never,
    /// Those are for which it pays.
    #[default]
    WhereFaster,
    /// Whatever it costs.
    Always,
}

/// What running a function costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleCost {
    /// Steps of its program.
    pub steps: usize,
    /// The most of them that a packet can be made to go through; with tables, what [`Cost::worst_steps`] says.
    pub worst_steps: usize,
    /// `None`: it is walked.
    pub tables: Option<Cost>,
}

/// What running each function of a policy costs: its tables are made for the answer.
pub fn rule_costs(policy: &Policy) -> Vec<RuleCost> {
    costs(policy, &build(policy, where_faster))
}

/// How programs are run, and what is known about them beforehand.
pub(crate) struct Tables {
    level: Level,
    pub depends: Dependencies,
    /// For each function; `None`: it is walked.
    functions: Vec<Option<Classifier>>,
    /// Those of the shorter programs are still to be made.
    pending: bool,
}

impl Tables {
    /// Makes the tables of the longer programs; the others wait for [`complete`](Self::complete).
    pub fn new(policy: &Policy) -> Self {
        let functions =
            build(policy, |program| if is_short(program.steps().len()) { None } else { where_faster(program) });
        let pending = policy.functions.iter().any(|function| is_short(function.program.steps().len()));
        Self { level: Level::detect(), depends: Dependencies::new(policy), functions, pending }
    }

    /// Makes and forgets tables as asked for.
    pub fn set_lookup(&mut self, policy: &Policy, lookup: Lookup) {
        self.pending = false;
        self.functions = build(policy, |program| match lookup {
            Lookup::Never => None,
            Lookup::WhereFaster => where_faster(program),
            Lookup::Always => Some(Classifier::new(program)),
        });
    }

    /// Are there tables that wait?
    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// Makes the tables that have waited.
    pub fn complete(&mut self, policy: &Policy) {
        if !core::mem::take(&mut self.pending) {
            return;
        }
        for (tables, function) in self.functions.iter_mut().zip(&policy.functions) {
            if is_short(function.program.steps().len()) {
                *tables = where_faster(&function.program);
            }
        }
    }

    pub fn set_level(&mut self, level: Level) {
        self.level = level;
    }

    pub fn costs(&self, policy: &Policy) -> Vec<RuleCost> {
        costs(policy, &self.functions)
    }

    #[inline]
    pub fn of(&self, id: FunctionId) -> Option<(Level, &Classifier)> {
        self.functions.get(usize::from(id.0))?.as_ref().map(|tables| (self.level, tables))
    }
}

/// Long enough for tables to pay, and short enough to be walked until they are made.
fn is_short(steps: usize) -> bool {
    (FEW_STEPS..URGENT_STEPS).contains(&steps)
}

/// The tables of a program, if they are faster than its steps.
fn where_faster(program: &Program) -> Option<Classifier> {
    let longest = if program.steps().len() < FEW_STEPS { 0 } else { longest_way(program) };
    (longest >= FEW_STEPS)
        .then(|| Classifier::new(program))
        .filter(|tables| tables.cost(program).worst_steps.saturating_mul(WORTH) <= longest)
}

fn build(policy: &Policy, tables: impl Fn(&Program) -> Option<Classifier>) -> Vec<Option<Classifier>> {
    let of = |function: &Function| tables(&function.program);
    policy.functions.iter().map(of).collect()
}

fn costs(policy: &Policy, tables: &[Option<Classifier>]) -> Vec<RuleCost> {
    let of = |(at, function): (usize, &Function)| {
        let program = &function.program;
        let tables = tables.get(at).and_then(Option::as_ref).map(|tables| tables.cost(program));
        let worst_steps = tables.map_or_else(|| longest_way(program), |tables| tables.worst_steps);
        RuleCost { steps: program.steps().len(), worst_steps, tables }
    };
    policy.functions.iter().enumerate().map(of).collect()
}

/// The most steps that a packet can be made to go through.
fn longest_way(program: &Program) -> usize {
    let mut from = vec![0_usize; program.steps().len()];
    // From the last to the first, since everything leads forward.
    for (at, step) in program.steps().iter().enumerate().rev() {
        let most = |to: StepId| from.get(to as usize).copied().unwrap_or(0);
        let way = 1 + match step {
            Step::Test { then, otherwise, .. } => most(*then).max(most(*otherwise)),
            Step::Log { next, .. } => most(*next),
            Step::Translate { otherwise, .. } => most(*otherwise),
            Step::End(_) => 0,
        };
        if let Some(from) = from.get_mut(at) {
            *from = way;
        }
    }
    from.first().copied().unwrap_or(0)
}
