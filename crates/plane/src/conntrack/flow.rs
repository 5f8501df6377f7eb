//! One connection, in two cache lines, and how long it may be silent.
//!
//! ```text
//!  line 0  ends of both directions 32 | deadline 8 | decisions 8 | rewriting 8 | site 4 | flags, protocol 4
//!  line 1  TCP 44 | site 4 | mapping 4 | lists of the table 10 | Iface 2
//! ```
//!
//! A known packet of anything but TCP touches the first line alone. IPv6 addresses are in a third line, in a slab of
//! their own (`table.rs`).

use super::mapping::MappingId;
use super::tcp::{Phase, TcpState};
use crate::fastpath::{DecisionId, Rewriting};
use crate::nat::{Site, Sites};
use crate::parse::{Packet, Transport};
use policy::{Conntrack as Settings, FunctionId, Hook};
use wire::{IfaceId, Instant};

/// A flow in the table, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Original = 0,
    Reply = 1,
}

impl Direction {
    #[inline(always)]
    pub const fn other(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// What tells the packets of one direction from all others: a [`Key`](super::Key), but that the addresses of IPv6 are
/// in a slab of their own, and here is their place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Ends {
    pub addresses: u64,
    pub rest: u64,
}

/// A connection as it stands in the table.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Flow {
    /// By direction: as its first packet was seen, before any rewriting; as its replies are expected, which is that
    /// reversed but for what a translation changes.
    pub(super) ends: [Ends; 2],
    pub deadline: Instant,
    /// By direction: what was decided about its packets, so that they need not be judged again.
    pub decisions: [DecisionId; 2],
    /// By direction: what its translation does to checksums.
    pub rewriting: [Rewriting; 2],
    snat: PackedSite,
    pub(super) flags: u16,
    pub protocol: u8,
    pub tcp: TcpState,
    dnat: PackedSite,
    /// The mapping that its source goes by.
    mapping: u32,
    /// Neighbors in its list of the timer wheel, or the next free record.
    pub(super) next: u32,
    pub(super) prev: u32,
    /// Its slot of the wheel.
    pub(super) slot: u16,
    /// The Iface that its first packet came in by; `u16::MAX`: none, the box made it. With its
    /// original tuple that is what judging it again would need.
    iface: u16,
}

const _: () = assert!(size_of::<Flow>() == 128 && core::mem::offset_of!(Flow, tcp) == 64);

/// Iface and function of a [`Site`]; whether there is one, and its hook, are among the flags.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct PackedSite {
    iface: u16,
    /// `u16::MAX`: behind the last function.
    function: u16,
}

/// Stands for none of what a number of its kind names.
const NONE: u16 = u16::MAX;
const NO_MAPPING: u32 = u32::MAX;

/// Bits of [`Flow::flags`].
pub(super) mod flag {
    /// The record holds a flow.
    pub const USED: u16 = 1;
    /// Its replies have another hash than its first packet, and an entry of their own in the index.
    pub const APART: u16 = 1 << 1;
    /// A reply has been seen.
    pub const REPLIED: u16 = 1 << 2;
    /// The balancer has picked a node for it.
    pub const BALANCED: u16 = 1 << 3;
    /// It counts as one of the balancer's sessions.
    pub const SESSION: u16 = 1 << 4;
    /// Its destination is translated, …
    pub const DNAT: u16 = 1 << 5;
    /// … on output, not on prerouting.
    pub const DNAT_ON_OUTPUT: u16 = 1 << 6;
    /// Its source is translated, …
    pub const SNAT: u16 = 1 << 7;
    /// … on input, not on postrouting.
    pub const SNAT_ON_INPUT: u16 = 1 << 8;
}

impl PackedSite {
    const NONE: Self = Self { iface: NONE, function: NONE };

    fn new(site: Site) -> Self {
        Self { iface: site.iface.0, function: site.function.map_or(NONE, |id| id.0) }
    }

    fn site(self, hook: Hook) -> Site {
        let function = Some(self.function).filter(|id| *id != NONE).map(FunctionId);
        Site { hook, iface: IfaceId(self.iface), function }
    }
}

impl Flow {
    /// A record that holds nothing.
    pub(super) const FREE: Self = Self {
        ends: [Ends { addresses: 0, rest: 0 }; 2],
        flags: 0,
        iface: NONE,
        protocol: 0,
        deadline: Instant::BOOT,
        decisions: [DecisionId::NONE; 2],
        rewriting: [Rewriting::NONE; 2],
        dnat: PackedSite::NONE,
        snat: PackedSite::NONE,
        tcp: TcpState::NONE,
        mapping: NO_MAPPING,
        next: 0,
        prev: 0,
        slot: 0,
    };

    /// A flow of these ends, in the list of a wheel slot between `prev` and `next`.
    #[inline(always)]
    pub(super) fn new(ends: [Ends; 2], deadline: Instant, slot: u16, (prev, next): (u32, u32)) -> Self {
        Self { ends, deadline, slot, prev, next, flags: flag::USED, ..Self::FREE }
    }

    /// Says which protocol it is, and by which Iface its first packet came in.
    #[inline(always)]
    pub fn begin(&mut self, protocol: u8, iface: Option<IfaceId>) {
        (self.protocol, self.iface) = (protocol, iface.map_or(NONE, |id| id.0));
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: u16, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// The Iface that its first packet came in by; `None`: the box made it.
    pub fn iface(&self) -> Option<IfaceId> {
        Some(self.iface).filter(|id| *id != NONE).map(IfaceId)
    }

    /// A reply has been seen.
    pub fn replied(&self) -> bool {
        self.has(flag::REPLIED)
    }

    /// The balancer has picked a node for it.
    pub fn balanced(&self) -> bool {
        self.has(flag::BALANCED)
    }

    /// Its endpoints are not those of its packets on both sides of the box.
    pub fn is_translated(&self) -> bool {
        self.has(flag::DNAT | flag::SNAT | flag::BALANCED)
    }

    /// Where its endpoints are translated.
    pub fn sites(&self) -> Sites {
        let dnat = if self.has(flag::DNAT_ON_OUTPUT) { Hook::Output } else { Hook::Prerouting };
        let snat = if self.has(flag::SNAT_ON_INPUT) { Hook::Input } else { Hook::Postrouting };
        Sites {
            dnat: self.has(flag::DNAT).then(|| self.dnat.site(dnat)),
            snat: self.has(flag::SNAT).then(|| self.snat.site(snat)),
        }
    }

    /// Says where a new flow's endpoints are translated.
    pub fn set_sites(&mut self, sites: Sites) {
        if let Some(site) = sites.dnat {
            self.dnat = PackedSite::new(site);
            self.flags |= flag::DNAT | if site.hook == Hook::Output { flag::DNAT_ON_OUTPUT } else { 0 };
        }
        if let Some(site) = sites.snat {
            self.snat = PackedSite::new(site);
            self.flags |= flag::SNAT | if site.hook == Hook::Input { flag::SNAT_ON_INPUT } else { 0 };
        }
    }

    /// The mapping that its source goes by.
    pub fn mapping(&self) -> Option<MappingId> {
        Some(self.mapping).filter(|id| *id != NO_MAPPING).map(MappingId)
    }

    pub fn set_mapping(&mut self, mapping: MappingId) {
        self.mapping = mapping.0;
    }

    /// A TCP connection whose handshake has not ended.
    pub fn is_half_open(&self) -> bool {
        self.protocol == wire::ipv4::protocol::TCP && self.tcp.is_half_open()
    }
}

/// How long flows may be silent, in nanoseconds (RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2).
pub(crate) struct Silences {
    /// Before a reply has been seen, and after that: UDP, ICMP, others.
    classes: [[u64; 3]; 2],
    /// TCP, by phase.
    tcp: [u64; super::tcp::PHASES],
    /// TCP that was picked up in the middle, before a reply.
    tcp_unanswered: u64,
}

impl Silences {
    pub fn new(settings: &Settings) -> Self {
        let nanos = |duration: wire::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let class = |class: &policy::Timeouts| [class.udp, class.icmp, class.other].map(nanos);
        Self {
            classes: [class(&settings.confirmed), class(&settings.established)],
            tcp: super::tcp::timeouts(settings).map(nanos),
            tcp_unanswered: nanos(settings.confirmed.tcp),
        }
    }

    /// As [`of`](Self::of), for a flow that is known to be of TCP.
    #[inline(always)]
    pub fn of_tcp(&self, flow: &Flow) -> u64 {
        self.of_phase(flow.tcp.phase, flow.replied())
    }

    #[inline(always)]
    fn of_phase(&self, phase: Phase, replied: bool) -> u64 {
        if phase == Phase::Established && !replied { self.tcp_unanswered } else { self.tcp[phase as usize] }
    }

    /// From now on, for this flow.
    #[inline(always)]
    pub fn of(&self, flow: &Flow) -> u64 {
        self.of_class(flow.protocol, flow.tcp.phase, flow.replied())
    }

    #[inline(always)]
    fn of_class(&self, protocol: u8, phase: Phase, replied: bool) -> u64 {
        use wire::ipv4::protocol;
        let [udp, icmp, other] = &self.classes[usize::from(replied)];
        match protocol {
            protocol::TCP => self.of_phase(phase, replied),
            protocol::UDP => *udp,
            protocol::ICMP | protocol::ICMPV6 => *icmp,
            _ => *other,
        }
    }

    /// When a flow ends whose first packet came at `now`, if there is no other.
    #[inline(always)]
    pub fn first_deadline(&self, now: Instant, packet: &Packet) -> Instant {
        let phase = match &packet.transport {
            Transport::Tcp(tcp) => Phase::of_first(tcp.flags),
            _ => Phase::Established,
        };
        Instant::from_nanos(now.as_nanos().saturating_add(self.of_class(packet.protocol, phase, false)))
    }

    /// As [`deadline`](Self::deadline), of flows of UDP: before and after a reply.
    pub fn udp_deadlines(&self, now: Instant) -> [Instant; 2] {
        self.classes.map(|[udp, ..]| Instant::from_nanos(now.as_nanos().saturating_add(udp)))
    }

    /// When a flow ends that is silent from `now` on.
    #[inline(always)]
    pub fn deadline(&self, now: Instant, flow: &Flow) -> Instant {
        Instant::from_nanos(now.as_nanos().saturating_add(self.of(flow)))
    }
}

/// The TCP header of a packet and its payload length, where it has one.
pub(crate) fn segment(packet: &Packet) -> Option<(crate::parse::Tcp, u32)> {
    match packet.transport {
        Transport::Tcp(tcp) => Some((tcp, packet.transport_len().saturating_sub(u32::from(tcp.header_len)))),
        _ => None,
    }
}
