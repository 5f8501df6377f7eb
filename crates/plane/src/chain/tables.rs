//! The programs of a policy as tables, where that is faster than their steps.

use super::depends::Dependencies;
use alloc::vec::Vec;
use classifier::{Classifier, Level};
use policy::{Function, FunctionId, Policy};

/// A program of fewer steps is walked faster than looked up.
const FEW_STEPS: usize = 12;

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
}

impl Tables {
    pub fn new(policy: &Policy) -> Self {
        let functions = build(policy, Lookup::default());
        Self { level: Level::detect(), depends: Dependencies::new(policy), functions }
    }

    /// Makes and forgets tables as asked for.
    pub fn set_lookup(&mut self, policy: &Policy, lookup: Lookup) {
        self.functions = build(policy, lookup);
    }

    #[inline]
    pub fn of(&self, id: FunctionId) -> Option<(Level, &Classifier)> {
        self.functions.get(usize::from(id.0))?.as_ref().map(|tables| (self.level, tables))
    }
}

fn build(policy: &Policy, lookup: Lookup) -> Vec<Option<Classifier>> {
    let pays = |function: &Function| match lookup {
        Lookup::Never => false,
        Lookup::WhereFaster => function.program.steps().len() >= FEW_STEPS,
        Lookup::Always => true,
    };
    let of = |function: &Function| pays(function).then(|| Classifier::new(&function.program));
    policy.functions.iter().map(of).collect()
}
