//! Packets that show what a rule's packets run into, as stories write packets.

use super::outcomes::is_open;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use classifier::{Header, Kind, Packet};
use core::fmt::Write;
use policy::{AddrRef, Comparison, CtState, Field, Place, Program, Set, Step, Test};
use wire::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A packet, and where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub packet: String,
    pub decided: Place,
}

/// The plainest of these packets that fits, where it ends in the program.
pub fn find(program: &Program, headers: Vec<Header>, fits: &dyn Fn(&Header) -> bool) -> Option<Example> {
    let asked = asked(program);
    let mut best: Option<(usize, Header, Place)> = None;
    for header in headers {
        let header = plain(header, &asked);
        let Some(decided) = end(program, &header).filter(|_| fits(&header)) else { continue };
        let oddities = oddities(&header);
        if best.as_ref().is_none_or(|(least, ..)| oddities < *least) {
            best = Some((oddities, header, decided));
        }
    }
    let (_, header, decided) = best?;
    Some(Example { packet: notation(&header, &asked), decided })
}

/// The fields that the program looks at.
fn asked(program: &Program) -> BTreeSet<Field> {
    let mut asked = BTreeSet::new();
    for step in program.steps() {
        let Step::Test { test, .. } = step else { continue };
        match test {
            Test::In { field, .. } | Test::IsAddress { field, .. } => drop(asked.insert(*field)),
            Test::Compare { left, right, .. } => asked.extend([*left, *right]),
            Test::TcpFlags { .. } => drop(asked.insert(Field::TcpFlags)),
            Test::Limit(_) => {}
        }
    }
    asked
}

/// What nobody asks for is as in examples: addresses of the documentation prefixes, ports that occur.
fn plain(mut header: Header, asked: &BTreeSet<Field>) -> Header {
    let is_of_transport = |field: &Field| !field.name().starts_with("ip.") && field.name().contains('.');
    let of_transport = asked.iter().filter(|field| **field != Field::CtState).any(is_of_transport);
    if !of_transport && !asked.contains(&Field::IpProtocol) {
        header.set_number(Field::TcpDport, 80);
    }
    let is_v6 = header.address(Field::IpSaddr).is_some_and(|address| !address.is_ipv4());
    let host = |last: u8| match is_v6 {
        false => IpAddr::V4(Ipv4Addr::new(203, 0, 113, last)),
        true => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, last.into())),
    };
    for (field, last) in [(Field::IpSaddr, 9), (Field::IpDaddr, 50)] {
        if !asked.contains(&field) {
            header.set_address(field, host(last));
        }
    }
    let ports = match header.kind() {
        Kind::Tcp => [(Field::TcpSport, 4000), (Field::TcpDport, 80)],
        Kind::Udp => [(Field::UdpSport, 4000), (Field::UdpDport, 53)],
        _ => return header,
    };
    for (field, port) in ports {
        if !asked.contains(&field) {
            header.set_number(field, port);
        }
    }
    header
}

/// How many of its values are none that one meets.
fn oddities(header: &Header) -> usize {
    let odd_address = |field| {
        header.address(field).is_none_or(|address| match address {
            IpAddr::V4(address) => address.to_bits() >> 24 == 0 || address.to_bits() >> 28 >= 14,
            IpAddr::V6(address) => address.to_bits() >> 120 == 0 || address.to_bits() >> 120 == 0xff,
        })
    };
    let addresses = [Field::IpSaddr, Field::IpDaddr].into_iter().filter(|field| odd_address(*field)).count();
    let ports = [Field::TcpSport, Field::TcpDport, Field::UdpSport, Field::UdpDport];
    let ports = ports.into_iter().filter(|field| header.number(*field) == Some(0)).count();
    2 * addresses + ports + usize::from(header.kind() == Kind::Other)
}

/// Where the packet ends; `None` if that depends on more than its header.
fn end(program: &Program, header: &Header) -> Option<Place> {
    let mut at = 0;
    loop {
        at = match program.steps().get(at as usize)? {
            Step::End(_) => return Some(program.place(at)),
            Step::Log { next, .. } => *next,
            Step::Translate { translation, otherwise } => match translation {
                policy::Translation::Dnat { address: Some(AddrRef::Fixed(to)), .. }
                | policy::Translation::Snat { address: Some(AddrRef::Fixed(to)), .. } => {
                    if header.address(Field::IpSaddr)?.is_ipv4() == to.is_ipv4() {
                        return Some(program.place(at));
                    }
                    *otherwise
                }
                policy::Translation::Dnat { address: None, .. } | policy::Translation::Snat { address: None, .. } => {
                    return Some(program.place(at));
                }
                _ => return None,
            },
            Step::Test { test, .. } if is_open(test) => return None,
            Step::Test { test, then, otherwise } => {
                let holds = match test {
                    Test::In { field, set } => is_in(header, *field, program.sets().get(*set as usize)?),
                    Test::Compare { left, comparison, right } => compares(header, *left, *comparison, *right),
                    Test::TcpFlags { mask } => has_flags(header, *mask),
                    Test::IsAddress { .. } | Test::Limit(_) => return None,
                };
                if holds { *then } else { *otherwise }
            }
        };
    }
}

pub fn is_in(header: &Header, field: Field, set: &Set) -> bool {
    match field.is_address() {
        true => header.address(field).is_some_and(|address| set.contains_address(address)),
        false => header.number(field).is_some_and(|number| set.contains_number(number)),
    }
}

pub fn has_flags(header: &Header, mask: u16) -> bool {
    header.number(Field::TcpFlags).is_some_and(|flags| flags & u32::from(mask) != 0)
}

pub fn compares(header: &Header, left: Field, comparison: Comparison, right: Field) -> bool {
    use core::cmp::Ordering;
    let order = match left.is_address() {
        true => match (header.address(left), header.address(right)) {
            (Some(IpAddr::V4(left)), Some(IpAddr::V4(right))) => Some(left.to_bits().cmp(&right.to_bits())),
            (Some(IpAddr::V6(left)), Some(IpAddr::V6(right))) => Some(left.to_bits().cmp(&right.to_bits())),
            _ => None,
        },
        false => header.number(left).zip(header.number(right)).map(|(left, right)| left.cmp(&right)),
    };
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// The packet as stories write it: its fields that are looked at, and those that make it one.
fn notation(header: &Header, asked: &BTreeSet<Field>) -> String {
    let socket = |field: Field, port: Option<u32>| match (header.address(field), port) {
        (Some(IpAddr::V6(address)), Some(port)) => format!("[{address}]:{port}"),
        (Some(IpAddr::V6(address)), None) => format!("[{address}]"),
        (Some(IpAddr::V4(address)), Some(port)) => format!("{address}:{port}"),
        (Some(IpAddr::V4(address)), None) => address.to_string(),
        (None, _) => "?".into(),
    };
    let (name, sport, dport) = match header.kind() {
        Kind::Tcp => ("tcp".into(), header.number(Field::TcpSport), header.number(Field::TcpDport)),
        Kind::Udp => ("udp".into(), header.number(Field::UdpSport), header.number(Field::UdpDport)),
        Kind::Icmp => (format!("icmp {}", message(header.number(Field::IcmpType), ICMP)), None, None),
        Kind::Icmpv6 => (format!("icmpv6 {}", message(header.number(Field::Icmpv6Type), ICMPV6)), None, None),
        Kind::Other => (format!("ip {}", header.number(Field::IpProtocol).unwrap_or(0)), None, None),
    };
    let mut text = format!("{name} {} > {}", socket(Field::IpSaddr, sport), socket(Field::IpDaddr, dport));
    if header.kind() == Kind::Tcp {
        text.push(' ');
        text.push_str(&flags(header, asked.contains(&Field::TcpFlags)));
    }
    let words = [
        (Field::IpTtl, "ttl"),
        (Field::IpLength, "len"),
        (Field::IpDscp, "dscp"),
        (Field::IpId, "id"),
        (Field::TcpSequence, "seq"),
        (Field::TcpAckseq, "ack"),
        (Field::TcpWindow, "win"),
    ];
    for (field, word) in words.into_iter().filter(|(field, _)| asked.contains(field)) {
        if let Some(value) = header.number(field) {
            // Writing to a string cannot fail.
            let _ = write!(text, " {word} {value}");
        }
    }
    let state = header.number(Field::CtState).filter(|_| asked.contains(&Field::CtState));
    let states = [CtState::New, CtState::Established, CtState::Related, CtState::Invalid];
    if let Some(state) = states.into_iter().find(|known| Some(*known as u32) == state) {
        let _ = write!(text, ", {}", state.name());
    }
    text
}

/// As letters; a first segment's, if nobody asks.
fn flags(header: &Header, asked: bool) -> String {
    const LETTERS: [(u32, char); 9] =
        [(2, 'S'), (1, 'F'), (4, 'R'), (8, 'P'), (16, 'A'), (32, 'U'), (64, 'E'), (128, 'C'), (256, 'N')];
    let bits = header.number(Field::TcpFlags).filter(|_| asked).unwrap_or(2);
    let letters: String = LETTERS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| *letter).collect();
    if letters.is_empty() { "-".into() } else { letters }
}

/// The word for a type of ICMP message, or `TYPE/CODE`.
fn message(number: Option<u32>, names: &[(u32, &str)]) -> String {
    let number = number.unwrap_or(0);
    let known = names.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("{number}/0"), |(_, name)| (*name).into())
}

const ICMP: &[(u32, &str)] = &[
    (0, "echo-reply"),
    (8, "echo-request"),
    (11, "time-exceeded"),
    (12, "parameter-problem"),
    (13, "timestamp-request"),
    (14, "timestamp-reply"),
];

const ICMPV6: &[(u32, &str)] = &[
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
];
