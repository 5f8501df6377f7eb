//! The packets that there can be.

use crate::header::{Header, Kind};
use crate::sets::{Interval, RankSet};
use crate::space::{Axis, Dim, Dimension, Part, Space, Starts, part, service};
use alloc::vec::Vec;
use policy::Field;
use wire::IpAddr;

/// The least and the greatest value that a packet can have in an integer field.
pub const fn domain(field: Field) -> (u32, u32) {
    match field {
        Field::IpVersion => (4, 6),
        // Five words without options; IPv6 has forty bytes and its extension headers.
        Field::IpHdrLength | Field::IpLength => (20, 65_535 + 40),
        Field::IpDscp => (0, 63),
        Field::IpEcn => (0, 3),
        Field::IpFragOff => (0, 8_191),
        Field::IpTtl | Field::IpProtocol | Field::IcmpType | Field::Icmpv6Type => (0, 255),
        Field::UdpLength => (8, 65_535),
        Field::TcpDoff => (5, 15),
        Field::TcpReserved => (0, 7),
        Field::TcpFlags => (0, 511),
        Field::CtState => (0, 3),
        Field::TcpSequence | Field::TcpAckseq => (0, u32::MAX),
        Field::IpSaddr | Field::IpDaddr => (0, 0),
        Field::IpId
        | Field::IpChecksum
        | Field::UdpSport
        | Field::UdpDport
        | Field::UdpChecksum
        | Field::TcpSport
        | Field::TcpDport
        | Field::TcpWindow
        | Field::TcpChecksum
        | Field::TcpUrgptr
        | Field::Iif
        | Field::Oif => (0, 65_535),
    }
}

/// All packets as disjoint regions, for each dimension the ranks: IPv4 or IPv6, and one of the transport protocols that
/// rules can look into, or another.
pub(super) fn shapes(space: &mut Space) -> Vec<Vec<RankSet>> {
    let mut shapes = Vec::new();
    for version in [4, 6] {
        let icmp = if version == 4 { Kind::Icmp } else { Kind::Icmpv6 };
        for kind in [Kind::Tcp, Kind::Udp, icmp, Kind::Other] {
            let Space { dims, sets } = space;
            let shape = dims.iter().map(|dimension| {
                let all = || alloc::vec![(0, dimension.ranks.saturating_sub(1))];
                sets.add(ranks(dimension, version, kind).unwrap_or_else(all))
            });
            shapes.push(shape.collect());
        }
    }
    shapes
}

/// The ranks in a dimension of such packets; `None`: all.
fn ranks(dimension: &Dimension, version: u32, kind: Kind) -> Option<Vec<Interval>> {
    let part = |at: usize| dimension.parts.get(at);
    let all = |at: usize| part(at).map(|part| (part.base, part.last())).into_iter().collect::<Vec<_>>();
    let values = |at: usize, (least, greatest): (u32, u32)| {
        part(at).map(|part| (part.rank(u128::from(least)), part.rank(u128::from(greatest)))).into_iter().collect()
    };
    Some(match dimension.axis {
        Axis::Outcome(_) | Axis::Free(..) => return None,
        Axis::Address(_) => all(if version == 4 { part::V4 } else { part::V6 }),
        Axis::Service => {
            let (at, field) = service(kind);
            if kind != Kind::Other {
                return Some(values(at, domain(field)));
            }
            let own = if version == 4 { 1 } else { 58 };
            let others = (0..=255_u32).filter(|protocol| ![own, 6, 17].contains(protocol));
            others.flat_map(|protocol| values(at, (protocol, protocol))).collect()
        }
        Axis::SourcePort => match kind {
            Kind::Tcp => values(part::SPORT_TCP, domain(Field::TcpSport)),
            Kind::Udp => values(part::SPORT_UDP, domain(Field::UdpSport)),
            _ => all(part::ABSENT),
        },
        Axis::Number(Field::IpVersion) => values(part::VALUES, (version, version)),
        Axis::Number(field) => match Kind::of(field) {
            // A packet of the box itself came in by no Iface; before routing there is none that it leaves by.
            Kind::Other if matches!(field, Field::Iif | Field::Oif) => {
                [all(part::ABSENT), values(part::VALUES, domain(field))].concat()
            }
            Kind::Other => values(part::VALUES, domain(field)),
            of if of == kind => values(part::VALUES, domain(field)),
            _ => all(part::ABSENT),
        },
    })
}

/// Does the header not tell the rank in this dimension?
pub(super) fn is_open(space: &Space, dim: Dim) -> bool {
    matches!(space.dim(dim).map(|dimension| dimension.axis), Some(Axis::Outcome(_) | Axis::Free(..)))
}

/// Some packets of a region: its least and greatest ranks, and some in between.
pub(super) fn corners(space: &Space, region: &[RankSet]) -> [Vec<u32>; 6] {
    let mut seed = 0x9e37_79b9_u32;
    core::array::from_fn(|corner| {
        let pick = |set: &RankSet| {
            let intervals = space.sets.intervals(*set);
            let (first, last) =
                (intervals.first().map_or(0, |(first, _)| *first), intervals.last().map_or(0, |(_, last)| *last));
            if corner < 2 {
                return if corner == 0 { first } else { last };
            }
            seed = seed.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            let at = (seed >> 8) as usize % intervals.len().max(1);
            let (low, high) = intervals.get(at).copied().unwrap_or((0, 0));
            if corner == 2 { low } else { low + (seed >> 4) % (high - low + 1) }
        };
        region.iter().map(pick).collect()
    })
}

/// A packet of these ranks: in each dimension the least value of its elementary interval, elsewhere something plain.
pub(super) fn header(space: &Space, ranks: &[u32]) -> Header {
    let mut header = Header::new();
    let rank_of = |wanted: Axis| {
        let at = space.dims.iter().position(|dimension| dimension.axis == wanted)?;
        Some((space.dims.get(at)?, ranks.get(at).copied()?))
    };
    let service_at = rank_of(Axis::Service).and_then(|(dimension, rank)| place(dimension, rank));
    let sport_at = rank_of(Axis::SourcePort).and_then(|(dimension, rank)| place(dimension, rank));
    let addresses = [Field::IpSaddr, Field::IpDaddr]
        .map(|field| rank_of(Axis::Address(field)).and_then(|(dimension, rank)| place(dimension, rank)));
    let version_at = rank_of(Axis::Number(Field::IpVersion)).and_then(|(dimension, rank)| place(dimension, rank));
    let mut transports = space.dims.iter().zip(ranks).filter_map(|(dimension, rank)| match dimension.axis {
        Axis::Number(field) if Kind::of(field) != Kind::Other => match place(dimension, *rank)? {
            (part::VALUES, _) => Some(Kind::of(field)),
            _ => None,
        },
        _ => None,
    });
    let kind = match (service_at, sport_at) {
        (Some((part::DPORT_TCP, _)), _) | (None, Some((part::SPORT_TCP, _))) => Kind::Tcp,
        (Some((part::DPORT_UDP, _)), _) | (None, Some((part::SPORT_UDP, _))) => Kind::Udp,
        (Some((part::TYPE_ICMP, _)), _) => Kind::Icmp,
        (Some((part::TYPE_ICMPV6, _)), _) => Kind::Icmpv6,
        (Some(_), _) => Kind::Other,
        (None, _) => transports.next().unwrap_or(Kind::Other),
    };
    let is_v6 = addresses.iter().flatten().any(|(part, _)| *part == part::V6)
        || version_at.is_some_and(|(_, value)| value == 6)
        || kind == Kind::Icmpv6;
    header.set_number(Field::IpVersion, if is_v6 { 6 } else { 4 });
    for (field, at) in [Field::IpSaddr, Field::IpDaddr].into_iter().zip(addresses) {
        let value = at.map_or(u128::from(field == Field::IpDaddr), |(_, value)| value);
        header.set_address(field, if is_v6 { IpAddr::V6(value.into()) } else { IpAddr::V4((value as u32).into()) });
    }
    for field in Field::ALL.iter().filter(|field| Kind::of(**field) == Kind::Other && !field.is_address()) {
        match field {
            Field::IpVersion | Field::IpProtocol | Field::Iif | Field::Oif => {}
            Field::IpTtl => header.set_number(*field, 64),
            Field::IpHdrLength => header.set_number(*field, if is_v6 { 40 } else { 20 }),
            Field::IpLength => header.set_number(*field, 60),
            field => header.set_number(*field, domain(*field).0),
        }
    }
    let (_, service_field) = service(kind);
    let value = service_at.map_or(if kind == Kind::Other { 47 } else { 0 }, |(_, value)| value as u32);
    header.set_number(service_field, value);
    if let (Kind::Tcp | Kind::Udp, Some((_, value))) = (kind, sport_at) {
        header.set_number(if kind == Kind::Tcp { Field::TcpSport } else { Field::UdpSport }, value as u32);
    }
    if kind == Kind::Tcp {
        header.set_number(Field::TcpDoff, 5);
    }
    if kind == Kind::Udp {
        header.set_number(Field::UdpLength, 8);
    }
    for (dimension, rank) in space.dims.iter().zip(ranks) {
        if let Axis::Number(field) = dimension.axis {
            match place(dimension, *rank) {
                Some((part::VALUES, value)) => header.set_number(field, value as u32),
                _ if Kind::of(field) == Kind::Other => header.clear(field),
                _ => {}
            }
        }
    }
    header
}

/// The part that a rank is in, and the least value there of that rank.
fn place(dimension: &Dimension, rank: u32) -> Option<(usize, u128)> {
    let at = dimension.parts.iter().rposition(|part| part.base <= rank)?;
    let Part { base, starts } = dimension.parts.get(at)?;
    let value = match ((rank - base) as usize).checked_sub(1) {
        None => 0,
        Some(index) => match starts {
            Starts::Narrow(starts) => starts.get(index).copied().map_or(0, u128::from),
            Starts::Wide(starts) => starts.get(index).copied().unwrap_or(0),
        },
    };
    Some((at, value))
}
