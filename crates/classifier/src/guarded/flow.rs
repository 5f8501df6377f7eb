//! The graph of a program's steps, as far as it is decided by ranks.

use crate::sets::RankSet;
use crate::space::{Dim, Question};
use alloc::vec::Vec;
use policy::{Program, Step, StepId};

/// For each step what happens there.
pub(super) struct Flow {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Test {
        dim: Dim,
        set: RankSet,
        then: To,
        otherwise: To,
    },
    /// Something is done on the way.
    Pass(To),
    /// A test whose outcome is known.
    Always(To),
    /// The program ends here, or something must be asked.
    Stop,
}

/// Where an edge leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Go(StepId),
    /// To run this step.
    Stop(StepId),
}

impl Flow {
    /// `folded`: tests whose outcome is known are left out, and logs that lead nowhere but to a stop are part of it.
    pub fn of(program: &Program, questions: &[Question], folded: bool) -> Self {
        let mut nodes: Vec<Node> = Vec::with_capacity(program.steps().len());
        // From the last to the first, so that each knows what it leads to.
        for (at, (step, question)) in program.steps().iter().zip(questions).enumerate().rev() {
            let to = |step: StepId| match nodes.get(program.steps().len() - 1 - step as usize) {
                Some(Node::Stop) | None => To::Stop(step),
                // Analysis asks for every step, so that it must be in a list.
                Some(Node::Always(to)) if folded => *to,
                Some(_) => To::Go(step),
            };
            let node = match (step, *question) {
                (Step::Test { then, otherwise, .. }, Question::In { dim, set }) => match (to(*then), to(*otherwise)) {
                    (then, otherwise) if then == otherwise => Node::Always(then),
                    (then, otherwise) => Node::Test { dim, set, then, otherwise },
                },
                (Step::Test { then, .. }, Question::Constant(true)) => Node::Always(to(*then)),
                (Step::Test { otherwise, .. }, Question::Constant(false)) => Node::Always(to(*otherwise)),
                (Step::Translate { otherwise, .. }, Question::In { dim, set }) => {
                    Node::Test { dim, set, then: To::Stop(at as StepId), otherwise: to(*otherwise) }
                }
                (Step::Log { next, .. }, _) => match to(*next) {
                    To::Stop(_) if folded => Node::Stop,
                    next => Node::Pass(next),
                },
                (Step::Test { .. }, Question::Ask) | (Step::Translate { .. } | Step::End(_), _) => Node::Stop,
            };
            nodes.push(node);
        }
        nodes.reverse();
        Self { nodes }
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn node(&self, step: StepId) -> Node {
        self.nodes.get(step as usize).copied().unwrap_or(Node::Stop)
    }

    /// Is there nothing to decide at this step?
    pub fn stops(&self, step: StepId) -> bool {
        self.node(step) == Node::Stop
    }
}

impl Node {
    pub fn targets(self) -> [Option<To>; 2] {
        match self {
            Self::Test { then, otherwise, .. } => [Some(then), Some(otherwise)],
            Self::Pass(to) | Self::Always(to) => [Some(to), None],
            Self::Stop => [None, None],
        }
    }
}
