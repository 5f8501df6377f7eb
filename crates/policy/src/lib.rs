//! The narrow waist: plain data that says what the router shall do.
//!
//! The compiler ends here and the data plane begins here; neither has heard of the other. A [`Policy`] is valid by
//! construction: [`Policy::new`] is the only way to get one, and whoever holds one never checks it again. It keeps
//! the boundaries of functions, because a Nat may rewrite a packet between two functions of a chain.
//!
//! Read [`Policy`] first, then [`Program`]: what a function of a chain has become.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod build;
mod program;
mod provenance;
mod set;

use alloc::string::String;
use alloc::vec::Vec;
use wire::{Cidr, Duration, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr};

pub use build::PolicyError;
pub use program::{
    AddrRef, Comparison, CtState, Field, FunctionId, Limit, LimitId, LimitRate, Part, Program, ProgramError, Reject,
    SetId, Sink, Step, StepId, Template, TemplateId, Test, Translation, Verdict,
};
pub use provenance::Place;
pub use set::{IntervalSet, Set};

/// Everything that the router shall do.
#[derive(Clone, Debug)]
pub struct Policy {
    parts: Parts,
}

impl core::ops::Deref for Policy {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The parts of a policy, before [`Policy::new`] has checked that they fit together.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The name of the file that the policy was compiled from, as the user gave it.
    pub source: String,
    /// In file order; an [`IfaceId`] is a position here.
    pub ifaces: Vec<Iface>,
    /// Absent: nothing is forwarded.
    pub gateway: Option<Gateway>,
    /// The functions that stand on chains, each once however many chains it is on.
    pub functions: Vec<Function>,
    pub conntrack: Conntrack,
    pub syslog: Option<Syslog>,
    pub balancer: Option<Balancer>,
    pub timers: Vec<Timer>,
}

/// An IP interface: a NIC, or a VLAN of one.
#[derive(Clone, Debug)]
pub struct Iface {
    pub name: String,
    pub nic: NicRef,
    /// 1 to 4094: the 802.1Q VLAN identifier of a sub-interface.
    pub vlan: Option<u16>,
    pub ipv4: Ipv4Config,
    /// Own addresses with their prefix lengths; link-local ones are added by the router.
    pub address6: Vec<(Ipv6Addr, u8)>,
    /// Next hop for the box's own packets, and for routes through this Iface that name none.
    pub gateway6: Option<Ipv6Addr>,
    pub masquerade: bool,
    pub prerouting: Vec<FunctionId>,
    pub input: Vec<FunctionId>,
    pub output: Vec<FunctionId>,
    pub postrouting: Vec<FunctionId>,
    /// Upper bounds of the NIC's rings, in frames; `None` is the ring's own size.
    pub buffer_limit: Option<u32>,
    pub send_queue_limit: Option<u32>,
    /// Largest packet sent, in bytes; `None` is the device's.
    pub mtu: Option<u16>,
    pub reverse_path: Option<ReversePath>,
    pub place: Place,
}

/// Which NIC an Iface means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicRef {
    /// The n-th in discovery order, from 0.
    Index(u16),
    Mac(MacAddr),
}

/// How an Iface comes by its IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv4Config {
    /// No IPv4: the Iface carries VLANs, or IPv6 only.
    Unconfigured,
    Static(Static4),
    Dhcp,
    DhcpWithFallback(Static4),
}

/// A static IPv4 configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Static4 {
    pub address: Ipv4Addr,
    /// 0 to 32; 31 and 32 have no subnet broadcast (RFC 3021).
    pub prefix_len: u8,
    pub gateway: Option<Ipv4Addr>,
    /// `None`: the gateway.
    pub dns: Option<IpAddr>,
}

/// Admission looks the source address up (RFC 3704 §2.2, §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReversePath {
    /// The route to the source leads out of the Iface that the packet came in by.
    Strict,
    /// There is a route to the source.
    Loose,
}

/// Where a function is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

impl Hook {
    pub const ALL: [Self; 5] = [Self::Prerouting, Self::Input, Self::Forward, Self::Output, Self::Postrouting];

    /// As netfilter and NaCl spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }
}

/// The router: which packets for others go where.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    pub name: String,
    /// In file order.
    pub routes: Vec<Route>,
    pub forward: Vec<FunctionId>,
    /// Answer expired packets with ICMP time exceeded.
    pub send_time_exceeded: bool,
    /// Answer packets without a route, or whose next hop is silent, with ICMP destination unreachable.
    pub send_unreachable: bool,
}

/// One entry of the routing table.
#[derive(Clone, Debug)]
pub struct Route {
    /// Empty for a route of a list.
    pub name: String,
    pub net: Cidr,
    /// Of the family of `net`. `None`: on-link, or the Iface's gateway.
    pub nexthop: Option<IpAddr>,
    pub iface: IfaceId,
    /// Breaks ties between routes of one prefix: the lower wins, then file order.
    pub cost: u32,
    pub place: Place,
}

/// A function of a chain.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub kind: FunctionKind,
    pub program: Program,
    /// A Filter that tests `ct.state` for `invalid`, itself or in a function it calls: it judges invalid packets,
    /// which every other Filter drops.
    pub mentions_invalid: bool,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    Filter,
    Nat,
}

/// Connection tracking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conntrack {
    /// Most connections; `None` is sized from memory.
    pub limit: Option<u32>,
    /// Room for so many connections is set aside at the start.
    pub reserve: u32,
    pub stateful_tcp: bool,
    /// Checked and shown, without effect: a flow enters the table only when it is confirmed.
    pub unconfirmed: Timeouts,
    /// No reply yet.
    pub confirmed: Timeouts,
    /// A reply has been seen.
    pub established: Timeouts,
}

/// Idle time-outs by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub tcp: Duration,
    pub udp: Duration,
    /// ICMP and ICMPv6.
    pub icmp: Duration,
    pub other: Duration,
}

impl Timeouts {
    const fn secs(tcp: u64, udp: u64, icmp: u64, other: u64) -> Self {
        Self {
            tcp: Duration::from_secs(tcp),
            udp: Duration::from_secs(udp),
            icmp: Duration::from_secs(icmp),
            other: Duration::from_secs(other),
        }
    }
}

impl Default for Conntrack {
    /// RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2.
    fn default() -> Self {
        Self {
            limit: None,
            reserve: 0,
            stateful_tcp: false,
            unconfirmed: Timeouts::secs(10, 10, 10, 10),
            confirmed: Timeouts::secs(240, 30, 60, 30),
            established: Timeouts::secs(7440, 300, 60, 300),
        }
    }
}

/// Where log lines go, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    pub address: IpAddr,
    pub port: u16,
    /// Lines per second.
    pub rate: u32,
    /// Lines at once.
    pub burst: u32,
}

/// The limit on log lines where no Syslog names one: lines per second, and as many at once.
pub const DEFAULT_LOG_RATE: u32 = 1000;

/// A TCP service spread over nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    pub name: String,
    pub clients: IfaceId,
    pub port: u16,
    /// SYNs held while no node is free.
    pub wait_queue_limit: u32,
    pub session_limit: u32,
    pub servers: IfaceId,
    /// In file order, picked round robin.
    pub nodes: Vec<Node>,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub address: IpAddr,
    pub port: u16,
}

/// Prints something now and then: first 1 s after the start, then every `interval`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    pub name: String,
    /// Whole seconds, at least 1.
    pub interval: Duration,
    /// In the order in which they print, without repetition.
    pub data: Vec<TimerData>,
    pub place: Place,
}

/// What a timer prints, in printing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerData {
    Timestamp,
    Stats,
    Memory,
    Cpu,
    Lb,
    StackSampling,
    Timers,
}

impl Parts {
    pub fn iface(&self, id: IfaceId) -> Option<&Iface> {
        self.ifaces.get(usize::from(id.0))
    }

    pub fn function(&self, id: FunctionId) -> Option<&Function> {
        self.functions.get(usize::from(id.0))
    }

    pub fn iface_ids(&self) -> impl Iterator<Item = IfaceId> + use<> {
        (0..self.ifaces.len()).map(|at| IfaceId(at as u16))
    }

    /// The functions of a hook: of the Gateway for `Forward`, else of `iface`.
    pub fn chain(&self, hook: Hook, iface: IfaceId) -> &[FunctionId] {
        let of = |pick: fn(&Iface) -> &[FunctionId]| self.iface(iface).map(pick).unwrap_or_default();
        match hook {
            Hook::Prerouting => of(|iface| &iface.prerouting),
            Hook::Input => of(|iface| &iface.input),
            Hook::Output => of(|iface| &iface.output),
            Hook::Postrouting => of(|iface| &iface.postrouting),
            Hook::Forward => self.gateway.as_ref().map(|gateway| &gateway.forward[..]).unwrap_or_default(),
        }
    }

    /// The token buckets of the policy's limits, by their numbers.
    pub fn buckets(&self) -> Vec<LimitRate> {
        let mut buckets = Vec::new();
        for limit in self.functions.iter().flat_map(|function| function.program.limits()) {
            let place = limit.bucket as usize;
            if buckets.len() <= place {
                // Of a number that no program uses the rate does not matter.
                buckets.resize(place + 1, limit.rate);
            }
            if let Some(bucket) = buckets.get_mut(place) {
                *bucket = limit.rate;
            }
        }
        buckets
    }

    /// Packets of this Iface are tracked: it is in a route, has a function on a chain, masquerades, or serves a
    /// balancer.
    pub fn is_tracked(&self, id: IfaceId) -> bool {
        let routed = self.gateway.iter().flat_map(|gateway| &gateway.routes).any(|route| route.iface == id);
        let balanced = self.balancer.iter().any(|balancer| balancer.clients == id || balancer.servers == id);
        let own = self.iface(id).is_some_and(|iface| {
            iface.masquerade
                || [&iface.prerouting, &iface.input, &iface.output, &iface.postrouting]
                    .iter()
                    .any(|chain| !chain.is_empty())
        });
        routed || balanced || own
    }
}
