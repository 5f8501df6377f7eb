//! The flow table as a list: for whoever wants to see what is in it, and for tests that hold it to its promises.

use super::Conntrack;
use super::flow::{Direction, Flow, FlowId};
use super::mapping::Mapping;
use super::tuple::Tuple;
use wire::{IfaceId, Instant, IpAddr};

/// One direction of a connection. Ports are 0 for protocols without; an ICMP query has its identifier as both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub sport: u16,
    pub dport: u16,
    pub protocol: u8,
    /// Of a connection of link-local addresses the Iface's number plus one, else 0.
    pub zone: u16,
}

/// A connection in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The Iface that its first packet came in by; `None`: the box made it.
    pub iface: Option<IfaceId>,
    /// As its first packet came.
    pub original: Endpoints,
    /// As its replies come; other than `original` reversed where it is translated.
    pub reply: Endpoints,
    /// A reply has been seen.
    pub replied: bool,
    /// A TCP connection whose handshake has not ended.
    pub half_open: bool,
    /// When it ends if it stays silent.
    pub deadline: Instant,
    /// Its source goes by a mapping.
    pub mapped: bool,
}

/// A dynamic source translation: an inside endpoint and the outer endpoint that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappingEntry {
    pub protocol: u8,
    pub inner: (IpAddr, u16),
    pub outer: (IpAddr, u16),
    /// Connections that go by it.
    pub connections: u32,
}

impl From<Tuple> for Endpoints {
    fn from(tuple: Tuple) -> Self {
        let Tuple { src, dst, sport, dport, protocol, zone } = tuple;
        Self { src, dst, sport, dport, protocol, zone }
    }
}

impl Endpoints {
    /// The other direction.
    pub fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src, sport: self.dport, dport: self.sport, ..self }
    }
}

impl Conntrack {
    /// The connections that have not expired, in no order.
    pub fn connections(&self, now: Instant) -> impl Iterator<Item = Connection> + '_ {
        self.table
            .flows()
            .filter(move |(_, flow)| flow.deadline > now)
            .filter_map(|(id, flow)| self.connection(id, flow))
    }

    /// The mappings that are not free for others, in no order.
    pub fn mappings(&self, now: Instant) -> impl Iterator<Item = MappingEntry> + '_ {
        self.mappings.iter(now).map(|mapping| {
            let Mapping { protocol, inner, outer, .. } = *mapping;
            MappingEntry { protocol, inner, outer, connections: mapping.flows() }
        })
    }

    fn connection(&self, id: FlowId, flow: &Flow) -> Option<Connection> {
        Some(Connection {
            iface: flow.iface(),
            original: self.table.tuple(id, Direction::Original)?.into(),
            reply: self.table.tuple(id, Direction::Reply)?.into(),
            replied: flow.replied(),
            half_open: flow.is_half_open(),
            deadline: flow.deadline,
            mapped: flow.mapping().is_some(),
        })
    }
}
