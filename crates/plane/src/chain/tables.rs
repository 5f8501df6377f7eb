//! The programs of a policy as tables, where that is faster than their steps.

use super::depends::Dependencies;
use alloc::vec::Vec;
use classifier::{Classifier, Level};
use policy::{Function, FunctionId, Policy};

/// A program of fewer steps is walked faster than looked up.
const FEW_STEPS: usize = 12;

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
        let of = |function: &Function| {
            (function.program.steps().len() >= FEW_STEPS).then(|| Classifier::new(&function.program))
        };
        let functions = policy.functions.iter().map(of).collect();
        Self { level: Level::detect(), depends: Dependencies::new(policy), functions }
    }

    /// Forgets all tables: every program is walked.
    pub fn forget(&mut self) {
        self.functions = Vec::new();
    }

    #[inline]
    pub fn of(&self, id: FunctionId) -> Option<(Level, &Classifier)> {
        self.functions.get(usize::from(id.0))?.as_ref().map(|tables| (self.level, tables))
    }
}
