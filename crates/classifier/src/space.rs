//! The space that a program cuts packets into: for each field that it tests, elementary intervals.
//!
//! All bounds that the program mentions cut a field's values into intervals inside of which no test can tell two
//! values apart. Their numbers, the *ranks*, are all that is left of the values: IPv4 and IPv6, ports and states are
//! the same from here on.
//!
//! A dimension has a rank for "the packet has no such field". Fields that exclude each other share one:
//!
//! ```text
//!   service      no protocol | other: by protocol | tcp.dport … | udp.dport … | icmp.type … | icmpv6.type …
//!   source port  no ports    | tcp.sport …        | udp.sport …
//!   address      none        | IPv4 …             | IPv6 …
//!   number       none        | values …
//!   outcome      false       | true                                 of a test that is no set of one field's values
//! ```

mod question;
pub(crate) mod tree;

#[cfg(any(feature = "analysis", test))]
use crate::header::Kind;
use crate::header::{Packet, Value};
use crate::interpret::{compares, is_address};
use crate::sets::{RankSet, Sets};
use alloc::vec;
use alloc::vec::Vec;
use policy::{AddrRef, Comparison, Field, Program};
use wire::IpAddr;

/// A position in [`Space::dims`].
pub(crate) type Dim = u16;

#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    pub dims: Vec<Dimension>,
    pub sets: Sets,
}

#[derive(Clone, Debug)]
pub(crate) struct Dimension {
    pub axis: Axis,
    /// As the table above names them; an outcome has none.
    pub parts: Vec<Part>,
    /// How many ranks there are.
    pub ranks: u32,
}

/// What a dimension is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Address(Field),
    Service,
    SourcePort,
    Number(Field),
    Outcome(Predicate),
    /// Of two programs the first or second, and its step whose outcome nothing but running it tells. In analysis only.
    #[cfg(feature = "analysis")]
    Free(u8, policy::StepId),
}

/// A test that depends on the packet, though not on one field alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predicate {
    Compare { left: Field, comparison: Comparison, right: Field },
    IsAddress { field: Field, comparison: Comparison, address: AddrRef },
}

/// Consecutive ranks for values of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The rank of the values below all starts.
    pub base: u32,
    pub starts: Starts,
}

/// Where elementary intervals begin, ascending; the first begins at 0 without being listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Starts {
    Narrow(Vec<u32>),
    Wide(Vec<u128>),
}

/// What a step asks, in ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    In {
        dim: Dim,
        set: RankSet,
    },
    Constant(bool),
    /// Only running the step tells.
    Ask,
}

/// What a space is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Tests beyond so many dimensions are asked, as are those of token buckets.
    LookUp { dims: usize },
    /// Every outcome that only running tells is a dimension of its own.
    #[cfg(feature = "analysis")]
    Analysis,
}

pub(crate) mod part {
    //! The parts of each axis, by position.
    pub const ABSENT: usize = 0;
    pub const V4: usize = 1;
    pub const V6: usize = 2;
    pub const VALUES: usize = 1;
    pub const OTHER: usize = 1;
    pub const DPORT_TCP: usize = 2;
    pub const DPORT_UDP: usize = 3;
    pub const TYPE_ICMP: usize = 4;
    pub const TYPE_ICMPV6: usize = 5;
    pub const SPORT_TCP: usize = 1;
    pub const SPORT_UDP: usize = 2;
}

impl Space {
    /// The space of these programs, and for each of them what each of its steps asks: of a test its question, of a
    /// translation whether it applies.
    pub fn of(programs: &[&Program], purpose: Purpose) -> (Self, Vec<Vec<Question>>) {
        question::ask(programs, purpose)
    }

    pub fn dim(&self, dim: Dim) -> Option<&Dimension> {
        self.dims.get(usize::from(dim))
    }

    /// How many ranks a dimension has.
    pub fn ranks_of(&self, dim: Dim) -> u32 {
        self.dim(dim).map_or(1, |dimension| dimension.ranks)
    }

    /// A packet's rank in each dimension, by plain search.
    #[cfg(test)]
    pub fn ranks(&self, packet: &impl Packet, address: impl Fn(AddrRef) -> Option<IpAddr>) -> Vec<u32> {
        self.dims.iter().map(|dimension| dimension.rank(packet, &address)).collect()
    }
}

impl Dimension {
    pub fn new(axis: Axis) -> Self {
        let narrow = || Part { base: 0, starts: Starts::Narrow(Vec::new()) };
        let wide = || Part { base: 0, starts: Starts::Wide(Vec::new()) };
        let parts = match axis {
            Axis::Address(_) => vec![narrow(), narrow(), wide()],
            Axis::Service => vec![narrow(), narrow(), narrow(), narrow(), narrow(), narrow()],
            Axis::SourcePort => vec![narrow(), narrow(), narrow()],
            Axis::Number(_) => vec![narrow(), narrow()],
            Axis::Outcome(_) => vec![],
            #[cfg(feature = "analysis")]
            Axis::Free(..) => vec![],
        };
        Self { axis, parts, ranks: 2 }
    }

    /// Sorts the starts and numbers the intervals.
    pub fn number(&mut self) {
        let mut next = 0;
        for part in &mut self.parts {
            part.base = next;
            next += part.starts.number();
        }
        if !self.parts.is_empty() {
            self.ranks = next;
        }
    }

    #[cfg(test)]
    pub fn rank(&self, packet: &impl Packet, address: impl Fn(AddrRef) -> Option<IpAddr>) -> u32 {
        let (part, value) = match self.axis {
            Axis::Outcome(predicate) => return u32::from(predicate.holds(packet, address)),
            #[cfg(feature = "analysis")]
            Axis::Free(..) => return 0,
            Axis::Address(field) => match packet.address(field) {
                None => (part::ABSENT, 0),
                Some(IpAddr::V4(address)) => (part::V4, u128::from(address.to_bits())),
                Some(IpAddr::V6(address)) => (part::V6, address.to_bits()),
            },
            Axis::Number(field) => match packet.number(field) {
                None => (part::ABSENT, 0),
                Some(number) => (part::VALUES, u128::from(number)),
            },
            Axis::Service => {
                let (part, field) = service(packet.kind());
                match packet.number(field) {
                    None => (part::ABSENT, 0),
                    Some(number) => (part, u128::from(number)),
                }
            }
            Axis::SourcePort => match packet.kind() {
                Kind::Tcp => (part::SPORT_TCP, u128::from(packet.number(Field::TcpSport).unwrap_or(0))),
                Kind::Udp => (part::SPORT_UDP, u128::from(packet.number(Field::UdpSport).unwrap_or(0))),
                _ => (part::ABSENT, 0),
            },
        };
        self.parts.get(part).map_or(0, |part| part.rank(value))
    }
}

/// The part of the service dimension that a packet is in, and the field whose value says where.
#[cfg(any(feature = "analysis", test))]
pub(crate) const fn service(kind: Kind) -> (usize, Field) {
    match kind {
        Kind::Other => (part::OTHER, Field::IpProtocol),
        Kind::Tcp => (part::DPORT_TCP, Field::TcpDport),
        Kind::Udp => (part::DPORT_UDP, Field::UdpDport),
        Kind::Icmp => (part::TYPE_ICMP, Field::IcmpType),
        Kind::Icmpv6 => (part::TYPE_ICMPV6, Field::Icmpv6Type),
    }
}

impl Part {
    /// The rank of a value.
    pub fn rank(&self, value: u128) -> u32 {
        self.base
            + match &self.starts {
                Starts::Narrow(starts) => starts.partition_point(|start| u128::from(*start) <= value) as u32,
                Starts::Wide(starts) => starts.partition_point(|start| *start <= value) as u32,
            }
    }

    /// The last rank.
    pub fn last(&self) -> u32 {
        self.base + self.starts.len() as u32
    }
}

impl Starts {
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(starts) => starts.len(),
            Self::Wide(starts) => starts.len(),
        }
    }

    /// Adds the bounds of an interval of values.
    pub fn cut(&mut self, first: u128, last: u128) {
        match self {
            Self::Narrow(starts) => {
                starts.extend((first > 0).then_some(first as u32));
                starts.extend((last as u32).checked_add(1));
            }
            Self::Wide(starts) => {
                starts.extend((first > 0).then_some(first));
                starts.extend(last.checked_add(1));
            }
        }
    }

    /// How many intervals there are, once sorted.
    fn number(&mut self) -> u32 {
        match self {
            Self::Narrow(starts) => {
                starts.sort_unstable();
                starts.dedup();
            }
            Self::Wide(starts) => {
                starts.sort_unstable();
                starts.dedup();
            }
        }
        self.len() as u32 + 1
    }
}

impl Predicate {
    pub fn holds(&self, packet: &impl Packet, address: impl Fn(AddrRef) -> Option<IpAddr>) -> bool {
        match *self {
            Self::Compare { left, comparison, right } => compares(packet.value(left), comparison, packet.value(right)),
            Self::IsAddress { field, comparison, address: of } => is_address(packet, field, comparison, address(of)),
        }
    }
}

/// A fixed address compared with what a packet has.
pub(crate) fn compared(value: Option<Value>, comparison: Comparison, address: IpAddr) -> bool {
    compares(value, comparison, Some(Value::Address(address)))
}
