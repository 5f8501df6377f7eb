//! The walk of a packet, written down for who asks "why".
//!
//! Off unless [`Plane::start_trace`](crate::Plane::start_trace) was called; then every stage adds what it did.

use crate::{DropReason, parse::Packet};
use alloc::vec::Vec;
use policy::{CtState, FunctionId, Hook, StepId, Verdict};
use wire::{IfaceId, IpAddr};

/// One thing that happened to a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceStep {
    /// It came in, and passed admission.
    Received {
        iface: IfaceId,
        packet: Summary,
    },
    /// The box made it, as this Iface.
    Originated {
        iface: IfaceId,
        packet: Summary,
    },
    Tracked {
        state: CtState,
        /// The first packet of a flow: Nat functions are asked, and the flow is entered once the last rule has accepted.
        first: bool,
    },
    /// A chain begins: of the Gateway for `forward`, else of `iface`.
    Chain {
        hook: Hook,
        iface: IfaceId,
    },
    /// A function of the chain begins.
    Function {
        function: FunctionId,
    },
    /// A step of its program was taken; a test held or not.
    Step {
        function: FunctionId,
        step: StepId,
        holds: Option<bool>,
    },
    /// The function ended with this verdict, by this step; `None`: it translated the packet.
    Ruled {
        function: FunctionId,
        step: StepId,
        verdict: Option<Verdict>,
    },
    /// The chain changed endpoints.
    Rewritten {
        hook: Hook,
        packet: Summary,
    },
    /// The routing table, or the link, knows the way.
    Routed {
        iface: IfaceId,
        neighbor: IpAddr,
    },
    /// It leaves; `held`: once its neighbor has said its MAC address.
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
    /// It waits: a fragment for the rest of its datagram, which is then received as one packet; a client for a node of the balancer.
    Held {
        iface: IfaceId,
    },
    /// The router itself has used it up: ARP, neighbor and listener discovery, the balancer's own business.
    Used,
}

/// What a line about a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    /// The identifier of an ICMP query is the port of who asks; 0 for protocols without.
    pub sport: u16,
    pub dport: u16,
    pub ttl: u8,
    /// The whole packet, in bytes.
    pub len: u32,
}

impl Summary {
    pub(crate) fn of(packet: &Packet) -> Self {
        let (sport, dport) = packet.ports();
        let Packet { src, dst, protocol, ttl, total_len: len, .. } = *packet;
        Self { src, dst, protocol, sport, dport, ttl, len }
    }
}

/// What is remembered between two calls of [`Plane::take_trace`](crate::Plane::take_trace); a flood is cut off there.
const MOST_STEPS: usize = 1 << 16;

/// The steps so far, if anybody asked.
#[derive(Default)]
pub(crate) struct Trace(Option<Vec<TraceStep>>);

impl Trace {
    pub fn start(&mut self) {
        self.0 = Some(Vec::new());
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub fn take(&mut self) -> Vec<TraceStep> {
        self.0.as_mut().map(core::mem::take).unwrap_or_default()
    }

    #[inline]
    pub fn note(&mut self, step: impl FnOnce() -> TraceStep) {
        if let Some(steps) = &mut self.0
            && steps.len() < MOST_STEPS
        {
            steps.push(step());
        }
    }
}
