//! A header's ranks: one search for each dimension, or one load.

use crate::header::{Header, Kind};
use crate::space::tree::Tree;
use crate::space::{Axis, Predicate, Space, part, service};
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
    pub fn rank(&self, level: Level, header: &Header, address: impl Fn(AddrRef) -> Option<IpAddr>, ranks: &mut Ranks) {
        for (slot, search) in ranks.0.iter_mut().zip(&self.dims) {
            *slot = search.rank(level, header, &address);
        }
    }

    /// The ranks of the first `count` of a batch, dimension by dimension.
    pub fn rank_many(
        &self,
        level: Level,
        headers: &[Header],
        address: impl Fn(AddrRef) -> Option<IpAddr>,
        ranks: &mut [Ranks; BATCH],
    ) {
        for (slot, search) in self.dims.iter().enumerate() {
            for (ranks, header) in ranks.iter_mut().zip(headers) {
                if let Some(rank) = ranks.0.get_mut(slot) {
                    *rank = search.rank(level, header, &address);
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

    /// The fields that a header must have for its ranks to be right, as far as the packet has them.
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

impl Search {
    #[inline]
    fn rank(&self, level: Level, header: &Header, address: impl Fn(AddrRef) -> Option<IpAddr>) -> u32 {
        match self {
            Self::Address { field, v4, v6 } => match header.address(*field) {
                Some(IpAddr::V4(address)) => v4.rank(level, address.to_bits()),
                Some(IpAddr::V6(address)) => v6.base + v6.tree.rank_wide(level, address.to_bits()),
                None => 0,
            },
            Self::Service(parts) => {
                let (_, field) = service(header.kind());
                match (header.number(field), parts.get(header.kind() as usize)) {
                    (Some(number), Some(part)) => part.rank(level, number),
                    _ => 0,
                }
            }
            Self::SourcePort { tcp, udp } => match header.kind() {
                Kind::Tcp => tcp.rank(level, header.raw(Field::TcpSport)),
                Kind::Udp => udp.rank(level, header.raw(Field::UdpSport)),
                _ => 0,
            },
            Self::Number { field, values } => header.number(*field).map_or(0, |number| values.rank(level, number)),
            Self::Outcome(predicate) => u32::from(predicate.holds(header, address)),
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
