//! What the router did with packets, in the order in which it did it, with the rules that decided.
//!
//! The plane notes steps; here they become *walks*, one for each packet: those that came in, and those that the box
//! made because of them (errors, log datagrams). [`Tracer`] walks packets one by one, [`text()`] shows a walk to people.

mod text;
mod tracer;

use plane::{DropReason, Summary, TraceStep};
use policy::{CtState, FunctionId, Hook, StepId, Verdict};
use wire::{IfaceId, IpAddr};

pub use text::{packet_line, summary, text};
pub use tracer::{Change, Traced, Tracer};

/// One packet, from where it began to where it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    pub begin: Begin,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It came in, and passed admission.
    Received { iface: IfaceId, packet: Summary },
    /// The box made it, as this Iface.
    Originated { iface: IfaceId, packet: Summary },
    /// It did not come as far as the rules: refused at admission, or a message of the link.
    Frame,
}

/// A stage of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// What tracking says of it; `first`: the first packet of its flow.
    Tracked {
        state: CtState,
        first: bool,
    },
    /// A chain has judged it, and rewritten it to this.
    Chain {
        hook: Hook,
        iface: IfaceId,
        functions: Vec<FunctionWalk>,
        rewritten: Option<Summary>,
    },
    /// The way out.
    Routed {
        iface: IfaceId,
        neighbor: IpAddr,
    },
    /// It leaves; `held`: as soon as its neighbor has said its MAC address.
    Sent {
        iface: IfaceId,
        neighbor: IpAddr,
        held: bool,
    },
    /// It is handed to the box's own stack.
    Delivered {
        iface: IfaceId,
    },
    Dropped {
        reason: DropReason,
    },
    /// It waits for the rest of its datagram, or for a node of the balancer.
    Held {
        iface: IfaceId,
    },
    /// The router itself has used it up.
    Used,
}

/// A function that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionWalk {
    pub id: FunctionId,
    /// The steps of its program that were taken, and what came of each.
    pub rules: Vec<(StepId, Ruling)>,
}

/// What came of a step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// A test held, or not.
    Holds(bool),
    Logged,
    Translated,
    Ended(Verdict),
}

impl Ruling {
    /// As it is printed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds(true) => "yes",
            Self::Holds(false) => "no",
            Self::Logged => "log",
            Self::Translated => "translate",
            Self::Ended(Verdict::Accept) => "accept",
            Self::Ended(Verdict::Drop) => "drop",
            Self::Ended(Verdict::Reject(_)) => "reject",
        }
    }
}

impl Stage {
    /// The packet's way is over.
    const fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Sent { .. } | Self::Delivered { .. } | Self::Dropped { .. } | Self::Held { .. } | Self::Used
        )
    }
}

/// Steps as walks. Messages of the link are walks only where nothing else happened.
pub fn walks(steps: &[TraceStep]) -> Vec<Walk> {
    let mut walks: Vec<Walk> = Vec::new();
    for step in steps {
        let begin = match *step {
            TraceStep::Received { iface, packet } => Some(Begin::Received { iface, packet }),
            TraceStep::Originated { iface, packet } => Some(Begin::Originated { iface, packet }),
            _ => None,
        };
        let is_over = walks.last().and_then(|walk| walk.stages.last()).is_some_and(Stage::is_end);
        if begin.is_some() || walks.is_empty() || is_over {
            walks.push(Walk { begin: begin.unwrap_or(Begin::Frame), stages: Vec::new() });
        }
        if let Some(walk) = walks.last_mut() {
            walk.add(step);
        }
    }
    let is_link = |walk: &Walk| walk.begin == Begin::Frame && walk.stages == [Stage::Used];
    if !walks.iter().all(is_link) {
        walks.retain(|walk| !is_link(walk));
    }
    walks
}

impl Walk {
    fn add(&mut self, step: &TraceStep) {
        let stage = match *step {
            TraceStep::Received { .. } | TraceStep::Originated { .. } => return,
            TraceStep::Tracked { state, first } => Stage::Tracked { state, first },
            TraceStep::Chain { hook, iface } => Stage::Chain { hook, iface, functions: Vec::new(), rewritten: None },
            TraceStep::Function { function } => return self.function(function),
            TraceStep::Step { step, holds, .. } => {
                return self.rule(step, holds.map_or(Ruling::Logged, Ruling::Holds));
            }
            TraceStep::Ruled { step, verdict, .. } => {
                return self.rule(step, verdict.map_or(Ruling::Translated, Ruling::Ended));
            }
            TraceStep::Rewritten { packet, .. } => {
                if let Some(Stage::Chain { rewritten, .. }) = self.stages.last_mut() {
                    *rewritten = Some(packet);
                }
                return;
            }
            TraceStep::Routed { iface, neighbor } => Stage::Routed { iface, neighbor },
            TraceStep::Sent { iface, neighbor, held } => Stage::Sent { iface, neighbor, held },
            TraceStep::Delivered { iface } => Stage::Delivered { iface },
            TraceStep::Dropped { reason } => Stage::Dropped { reason },
            TraceStep::Held { iface } => Stage::Held { iface },
            TraceStep::Used => Stage::Used,
        };
        self.stages.push(stage);
    }

    fn function(&mut self, id: FunctionId) {
        if let Some(Stage::Chain { functions, .. }) = self.stages.last_mut() {
            functions.push(FunctionWalk { id, rules: Vec::new() });
        }
    }

    fn rule(&mut self, step: StepId, ruling: Ruling) {
        if let Some(Stage::Chain { functions, .. }) = self.stages.last_mut()
            && let Some(function) = functions.last_mut()
        {
            function.rules.push((step, ruling));
        }
    }
}
