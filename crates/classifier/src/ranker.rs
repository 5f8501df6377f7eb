//! A packet's ranks: one search for each dimension, or one load.

use crate::header::{Kind, Packet};
use crate::space::tree::Tree;
use crate::space::{Axis, Predicate, Space, part};
use alloc::vec;
use alloc::vec::Vec;
use lanes::{BATCH, Level, Ranks, SLOTS};
use policy::{AddrRef, Field};
use wire::IpAddr;

/// Finds ranks. Dimension n has slot n.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranker {
    dims: Vec<Search>,
}

#[derive(Clone, Debug)]
enum Search {
    Address {
        field: Field,
        v4: Part,
        v6: Part,
    },
    /// By the transport header: other, TCP, UDP, ICMP, ICMPv6.
    Service(Vec<Part>),
    SourcePort {
        tcp: Part,
        udp: Part,
    },
    Number {
        field: Field,
        values: Part,
    },
    Outcome(Predicate),
}

#[derive(Clone, Debug)]
struct Part {
    base: u32,
    tree: Tree,
}

impl Part {
    #[inline]
    fn rank(&self, level: Level, value: u32) -> u32 {
        self.base + self.tree.rank(level, value)
    }
}

/// Values of some packets of a batch, searched for together; each with the number of its packet.
#[derive(Clone, Copy)]
struct Gathered {
    values: [(u32, u32); BATCH],
    len: usize,
}

impl Gathered {
    const NONE: Self = Self { values: [(0, 0); BATCH], len: 0 };

    /// At most once for each packet.
    #[inline]
    fn add(&mut self, packet: usize, value: u32) {
        self.values[self.len % BATCH] = (value, packet as u32);
        self.len += 1;
    }

    /// Writes the values' ranks into a slot.
    #[inline]
    fn finish(&mut self, level: Level, part: &Part, slot: usize, ranks: &mut [Ranks; BATCH]) {
        let values = self.values.get(..self.len).unwrap_or(&[]);
        let Part { base, tree } = part;
        tree.rank_many(level, values, |packet, rank| ranks[packet as usize % BATCH].0[slot % SLOTS] = *base + rank);
        self.len = 0;
    }
}

impl Ranker {
    pub fn of(space: &Space) -> Self {
        let dims = space.dims.iter().take(SLOTS).map(|dimension| {
            let part = |at: usize| match dimension.parts.get(at) {
                Some(part) => Part { base: part.base, tree: Tree::of(&part.starts) },
                None => Part { base: 0, tree: Tree::None },
            };
            match dimension.axis {
                Axis::Address(field) => Search::Address { field, v4: part(part::V4), v6: part(part::V6) },
                Axis::Service => Search::Service(vec![
                    part(part::OTHER),
                    part(part::DPORT_TCP),
                    part(part::DPORT_UDP),
                    part(part::TYPE_ICMP),
                    part(part::TYPE_ICMPV6),
                ]),
                Axis::SourcePort => Search::SourcePort { tcp: part(part::SPORT_TCP), udp: part(part::SPORT_UDP) },
                Axis::Number(field) => Search::Number { field, values: part(part::VALUES) },
                Axis::Outcome(predicate) => Search::Outcome(predicate),
                #[cfg(feature = "analysis")]
                // In spaces for analysis only, which have no ranker.
                Axis::Free(..) => Search::SourcePort { tcp: part(usize::MAX), udp: part(usize::MAX) },
            }
        });
        Self { dims: dims.collect() }
    }

    #[inline]
    pub fn rank(
        &self,
        level: Level,
        packet: &impl Packet,
        address: impl Fn(AddrRef) -> Option<IpAddr>,
        ranks: &mut Ranks,
    ) {
        for (slot, search) in self.dims.iter().enumerate() {
            ranks.0[slot % SLOTS] = search.rank(level, packet, &address);
        }
    }

    /// The ranks of the packets of a batch, dimension by dimension.
    pub fn rank_many(
        &self,
        level: Level,
        packets: &[impl Packet],
        address: impl Fn(AddrRef) -> Option<IpAddr>,
        ranks: &mut [Ranks; BATCH],
    ) {
        // What is looked for in each part of a dimension.
        let mut some = [Gathered::NONE; Kind::ALL.len()];
        for (slot, search) in self.dims.iter().enumerate() {
            let slot = slot % SLOTS;
            let packets = packets.iter().take(BATCH).enumerate();
            match search {
                Search::Address { field, v4, .. } => {
                    for (at, packet) in packets {
                        match packet.address(*field) {
                            Some(IpAddr::V4(address)) => some[0].add(at, address.to_bits()),
                            _ => ranks[at].0[slot] = search.rank(level, packet, &address),
                        }
                    }
                    some[0].finish(level, v4, slot, ranks);
                }
                Search::Service(parts) => {
                    for (at, packet) in packets {
                        let (kind, number) = asked(packet);
                        match number {
                            Some(number) => some[kind as usize].add(at, number),
                            None => ranks[at].0[slot] = 0,
                        }
                    }
                    for (some, part) in some.iter_mut().zip(parts).filter(|(some, _)| some.len > 0) {
                        some.finish(level, part, slot, ranks);
                    }
                }
                Search::SourcePort { tcp, udp } => {
                    for (at, packet) in packets {
                        match packet.kind() {
                            Kind::Tcp => some[0].add(at, packet.number(Field::TcpSport).unwrap_or(0)),
                            Kind::Udp => some[1].add(at, packet.number(Field::UdpSport).unwrap_or(0)),
                            _ => ranks[at].0[slot] = 0,
                        }
                    }
                    some[0].finish(level, tcp, slot, ranks);
                    some[1].finish(level, udp, slot, ranks);
                }
                _ => {
                    for (at, packet) in packets {
                        ranks[at].0[slot] = search.rank(level, packet, &address);
                    }
                }
            }
        }
    }

    /// Lines that finding all ranks visits at most.
    pub fn worst_steps(&self) -> usize {
        let height = |parts: &[&Part]| parts.iter().map(|part| part.tree.height()).max().unwrap_or(0);
        self.dims.iter().map(|search| search.parts(height)).sum()
    }

    pub fn bytes(&self) -> usize {
        self.dims
            .iter()
            .map(|search| search.parts(|parts| parts.iter().map(|part| part.tree.bytes()).sum::<usize>()))
            .sum()
    }

    /// The fields that a packet must have for its ranks to be right, as far as the packet has them.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for search in &self.dims {
            match search {
                Search::Address { field, .. } | Search::Number { field, .. } => fields.push(*field),
                Search::Service(_) => fields.extend([
                    Field::IpProtocol,
                    Field::TcpDport,
                    Field::UdpDport,
                    Field::IcmpType,
                    Field::Icmpv6Type,
                ]),
                Search::SourcePort { .. } => fields.extend([Field::TcpSport, Field::UdpSport]),
                Search::Outcome(Predicate::Compare { left, right, .. }) => fields.extend([*left, *right]),
                Search::Outcome(Predicate::IsAddress { field, .. }) => fields.push(*field),
            }
        }
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}

/// The service that a packet asks for: whose header says so, and the number in it.
#[inline]
fn asked(packet: &impl Packet) -> (Kind, Option<u32>) {
    // Fields by name, so that each is one load and not a search for it.
    match packet.kind() {
        Kind::Tcp => (Kind::Tcp, packet.number(Field::TcpDport)),
        Kind::Udp => (Kind::Udp, packet.number(Field::UdpDport)),
        Kind::Icmp => (Kind::Icmp, packet.number(Field::IcmpType)),
        Kind::Icmpv6 => (Kind::Icmpv6, packet.number(Field::Icmpv6Type)),
        Kind::Other => (Kind::Other, packet.number(Field::IpProtocol)),
    }
}

impl Search {
    #[inline]
    fn rank(&self, level: Level, packet: &impl Packet, address: impl Fn(AddrRef) -> Option<IpAddr>) -> u32 {
        match self {
            Self::Address { field, v4, v6 } => match packet.address(*field) {
                Some(IpAddr::V4(address)) => v4.rank(level, address.to_bits()),
                Some(IpAddr::V6(address)) => v6.base + v6.tree.rank_wide(level, address.to_bits()),
                None => 0,
            },
            Self::Service(parts) => {
                let (at, number) = asked(packet);
                match (number, parts.get(at as usize)) {
                    (Some(number), Some(part)) => part.rank(level, number),
                    _ => 0,
                }
            }
            Self::SourcePort { tcp, udp } => match packet.kind() {
                Kind::Tcp => tcp.rank(level, packet.number(Field::TcpSport).unwrap_or(0)),
                Kind::Udp => udp.rank(level, packet.number(Field::UdpSport).unwrap_or(0)),
                _ => 0,
            },
            Self::Number { field, values } => match packet.number(*field) {
                Some(number) => values.rank(level, number),
                None => 0,
            },
            Self::Outcome(predicate) => u32::from(predicate.holds(packet, address)),
        }
    }

    fn parts<T>(&self, of: impl Fn(&[&Part]) -> T) -> T {
        match self {
            Self::Address { v4, v6, .. } => of(&[v4, v6]),
            Self::Service(parts) => of(&parts.iter().collect::<Vec<_>>()),
            Self::SourcePort { tcp, udp } => of(&[tcp, udp]),
            Self::Number { values, .. } => of(&[values]),
            Self::Outcome(_) => of(&[]),
        }
    }
}
