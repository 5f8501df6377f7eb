//! The programs of a policy as tables, where that is faster than their steps.

use super::depends::Dependencies;
use alloc::vec::Vec;
use classifier::{Classifier, Level};
use policy::{Function, FunctionId, Policy};

/// A program of fewer steps is walked faster than looked up.
const FEW_STEPS: usize = 12;
/// A program of fewer steps can be walked for a while, until there is time to make its tables.
const URGENT_STEPS: usize = 64;

/// Are programs looked up in tables, or walked step by step? What they do is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    Never,
    /// All but the shortest are.
    #[default]
    WhereFaster,
    /// Whatever it costs.
    Always,
}

/// How programs are run, and what is known about them beforehand.
pub(crate) struct Tables {
    level: Level,
    #[allow(dead_code, reason = "for who remembers the verdicts of flows")]
    pub depends: Dependencies,
    /// For each function; `None`: it is walked.
    functions: Vec<Option<Classifier>>,
    /// Those of the shorter programs are still to be made.
    pending: bool,
}

impl Tables {
    /// Makes the tables of the longer programs; the others wait for [`complete`](Self::complete).
    pub fn new(policy: &Policy) -> Self {
        let functions = build(policy, |steps| steps >= URGENT_STEPS);
        let pending = policy.functions.iter().any(|function| is_short(function.program.steps().len()));
        Self { level: Level::detect(), depends: Dependencies::new(policy), functions, pending }
    }

    /// Makes and forgets tables as asked for.
    pub fn set_lookup(&mut self, policy: &Policy, lookup: Lookup) {
        self.pending = false;
        self.functions = build(policy, |steps| match lookup {
            Lookup::Never => false,
            Lookup::WhereFaster => steps >= FEW_STEPS,
            Lookup::Always => true,
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
                *tables = Some(Classifier::new(&function.program));
            }
        }
    }

    pub fn set_level(&mut self, level: Level) {
        self.level = level;
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

/// Makes the tables of the functions of which `pays` holds, by their number of steps.
fn build(policy: &Policy, pays: impl Fn(usize) -> bool) -> Vec<Option<Classifier>> {
    let of = |function: &Function| pays(function.program.steps().len()).then(|| Classifier::new(&function.program));
    policy.functions.iter().map(of).collect()
}
