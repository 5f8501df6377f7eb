//! Values in the words of the language: sets as lists of addresses, networks, ranges and names.

use nacl::vocabulary::{self, Class, Domain, Subject};
use policy::{AddrRef, Field, Policy, Set};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The members of a set, sorted, each a single value, a network or a range.
pub fn members(policy: &Policy, field: Field, set: &Set) -> Vec<String> {
    if field.is_address() {
        let v4 = set.v4.intervals().iter().map(|(low, high)| {
            let ends = (Ipv4Addr::from_bits(*low).into(), Ipv4Addr::from_bits(*high).into());
            addresses(ends, 32, u128::from(*low), u128::from(*high))
        });
        let v6 = set.v6.intervals().iter().map(|(low, high)| {
            let ends = (Ipv6Addr::from_bits(*low).into(), Ipv6Addr::from_bits(*high).into());
            addresses(ends, 128, *low, *high)
        });
        return v4.chain(v6).collect();
    }
    let domain = vocabulary::PACKET_FIELDS.iter().find(|known| known.subject == Subject::Field(field));
    let domain = domain.map_or(Domain::Integer(u32::MAX), |known| known.domain);
    let mut members = Vec::new();
    for &(low, high) in set.numbers.intervals() {
        match domain {
            // These have names only, and few of them.
            Domain::State | Domain::Iface => {
                members.extend((low..=high.min(low.saturating_add(u16::MAX.into()))).map(|n| name(policy, domain, n)));
            }
            _ if low == high => members.push(name(policy, domain, low)),
            _ => members.push(format!("{low}-{high}")),
        }
    }
    members
}

/// A single value, in the word that the language has for it.
fn name(policy: &Policy, domain: Domain, number: u32) -> String {
    let class = match domain {
        Domain::Protocol => Class::Protocol,
        Domain::IcmpType => Class::IcmpType,
        Domain::Icmpv6Type => Class::Icmpv6Type,
        Domain::State => Class::State,
        Domain::Iface => return iface(policy, wire::IfaceId(number as u16)).to_owned(),
        Domain::Integer(_) | Domain::Address | Domain::Flags | Domain::Bool => return number.to_string(),
    };
    let known = vocabulary::PREDEFINED.iter().find(|known| known.class == class && known.number == number);
    known.map_or_else(|| number.to_string(), |known| known.name.to_owned())
}

/// An address, a network, or a range of addresses.
fn addresses((first, last): (IpAddr, IpAddr), bits: u32, low: u128, high: u128) -> String {
    let host_bits = match (high ^ low).checked_add(1) {
        Some(size) if size.is_power_of_two() => size.trailing_zeros(),
        Some(_) => return format!("{first} - {last}"),
        None => 128,
    };
    let aligned = host_bits == 128 || low & ((1 << host_bits) - 1) == 0;
    match bits - host_bits {
        _ if !aligned => format!("{first} - {last}"),
        len if len == bits => first.to_string(),
        len => format!("{first}/{len}"),
    }
}

pub fn iface(policy: &Policy, id: wire::IfaceId) -> &str {
    policy.iface(id).map_or("", |iface| &iface.name)
}

/// `10.0.0.1`, or `eth0.address` where that is known only at run time.
pub fn address(policy: &Policy, address: AddrRef) -> String {
    match address {
        AddrRef::Fixed(address) => address.to_string(),
        AddrRef::Iface(id) => format!("{}.address", iface(policy, id)),
    }
}

/// The names of the bits of `tcp.flags`, as properties: `tcp.syn`.
pub fn flags(mask: u16) -> Vec<&'static str> {
    let known = vocabulary::PACKET_FIELDS.iter();
    known
        .filter(|field| matches!(field.subject, Subject::Flag(bit) if bit & mask != 0))
        .map(|field| field.name)
        .collect()
}

/// As `syslog` takes it.
pub fn severity(number: u8) -> &'static str {
    vocabulary::SEVERITIES.get(usize::from(number)).map_or("DEBUG", |word| word.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_an_address_a_network_or_a_range() {
        let parts = policy::Parts::default();
        let policy = Policy::new(parts).unwrap();
        let set = |ranges: &[(&str, &str)]| {
            Set::addresses(ranges.iter().map(|(low, high)| (low.parse().unwrap(), high.parse().unwrap())))
        };
        let table = [
            (set(&[("10.0.0.1", "10.0.0.1")]), "10.0.0.1"),
            (set(&[("10.0.0.0", "10.0.0.255")]), "10.0.0.0/24"),
            (set(&[("10.0.0.0", "10.0.0.127"), ("10.0.0.128", "10.0.0.255")]), "10.0.0.0/24"),
            (set(&[("10.0.0.1", "10.0.1.0")]), "10.0.0.1 - 10.0.1.0"),
            (set(&[("10.0.0.128", "10.0.1.127")]), "10.0.0.128 - 10.0.1.127"),
            (
                set(&[("0.0.0.0", "255.255.255.255"), ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]),
                "0.0.0.0/0, ::/0",
            ),
            (set(&[("2001:db8::", "2001:db8::ffff")]), "2001:db8::/112"),
            (set(&[("2001:db8::1", "2001:db8::2")]), "2001:db8::1 - 2001:db8::2"),
        ];
        for (set, words) in table {
            assert_eq!(members(&policy, Field::IpSaddr, &set).join(", "), words);
        }
    }

    #[test]
    fn numbers_have_the_names_that_the_language_gives_them() {
        let policy = Policy::new(policy::Parts::default()).unwrap();
        let table = [
            (Field::IpProtocol, vec![(6, 6), (17, 17), (47, 50)], "tcp, udp, 47-50"),
            (Field::IcmpType, vec![(8, 8), (13, 13), (200, 200)], "echo-request, timestamp-request, 200"),
            (Field::Icmpv6Type, vec![(128, 128)], "echo-request"),
            (Field::CtState, vec![(0, 1), (3, 3)], "new, established, invalid"),
            (Field::TcpDport, vec![(22, 22), (80, 81)], "22, 80-81"),
        ];
        for (field, intervals, words) in table {
            assert_eq!(members(&policy, field, &Set::numbers(intervals)).join(", "), words);
        }
        assert_eq!(flags(0x12), ["tcp.syn", "tcp.ack"]);
    }
}
