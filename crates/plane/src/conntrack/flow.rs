//! One connection, and how long it may be silent.

use super::mapping::MappingId;
use super::tcp::TcpState;
use super::tuple::Tuple;
use crate::nat::Sites;
use crate::parse::{Packet, Transport};
use policy::Conntrack as Settings;
use wire::{Duration, Instant};

/// A flow in the table, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Original,
    Reply,
}

/// A connection as it stands in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// As its first packet was seen, before any rewriting.
    pub original: Tuple,
    /// As its replies are expected: `original` reversed, but for what a translation changes.
    pub reply: Tuple,
    /// A reply has been seen.
    pub replied: bool,
    pub tcp: TcpState,
    pub deadline: Instant,
    /// Where its endpoints are translated.
    pub sites: Sites,
    /// The balancer has picked a node for it.
    pub balanced: bool,
    /// It counts as one of the balancer's sessions.
    pub session: bool,
    /// The mapping that its source goes by.
    pub mapping: Option<MappingId>,
}

impl Flow {
    pub fn new(original: Tuple, reply: Tuple, tcp: TcpState) -> Self {
        Self {
            original,
            reply,
            replied: false,
            tcp,
            deadline: Instant::BOOT,
            sites: Sites::default(),
            balanced: false,
            session: false,
            mapping: None,
        }
    }

    pub fn tuple(&self, direction: Direction) -> &Tuple {
        match direction {
            Direction::Original => &self.original,
            Direction::Reply => &self.reply,
        }
    }

    /// A TCP connection whose handshake has not ended.
    pub fn is_half_open(&self) -> bool {
        self.original.protocol == wire::ipv4::protocol::TCP && self.tcp.is_half_open()
    }

    /// How long it may be silent from now on (RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2).
    pub fn timeout(&self, settings: &Settings) -> Duration {
        let class = if self.replied { &settings.established } else { &settings.confirmed };
        match self.original.protocol {
            wire::ipv4::protocol::TCP => self.tcp.timeout(settings, self.replied),
            wire::ipv4::protocol::UDP => class.udp,
            wire::ipv4::protocol::ICMP | wire::ipv4::protocol::ICMPV6 => class.icmp,
            _ => class.other,
        }
    }
}

/// The TCP header of a packet and its payload length, where it has one.
pub(crate) fn segment(packet: &Packet) -> Option<(crate::parse::Tcp, u32)> {
    match packet.transport {
        Transport::Tcp(tcp) => Some((tcp, packet.transport_len().saturating_sub(u32::from(tcp.header_len)))),
        _ => None,
    }
}
