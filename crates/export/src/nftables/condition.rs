//! A test of a program as matches of nftables.

use super::routes::address;
use policy::{AddrRef, CtState, Field, IntervalSet, Program, Set, Test};
use std::fmt::Display;
use wire::ipv4::protocol::{ICMP, ICMPV6, TCP, UDP};

/// Which packets a match is for; matches of different families hold for none together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Any,
    V4,
    V6,
}

/// A conjunction of matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub family: Family,
    /// The only protocol of the packets that it holds for, where that is known: nftables refuses rules that name two.
    pub protocol: Option<u8>,
    /// Empty: holds for every packet of the family.
    pub text: String,
}

impl Match {
    /// Holds for packets of every family and protocol.
    pub fn any(text: impl Into<String>) -> Self {
        Self { family: Family::Any, protocol: None, text: text.into() }
    }

    fn family(family: Family, text: impl Into<String>) -> Self {
        Self { family, protocol: None, text: text.into() }
    }

    /// Both; `None` if no packet fulfils both.
    pub fn and(&self, other: &Self) -> Option<Self> {
        let family = match (self.family, other.family) {
            (Family::Any, family) | (family, Family::Any) => family,
            (a, b) if a == b => a,
            _ => return None,
        };
        let protocol = match (self.protocol, other.protocol) {
            (Some(a), Some(b)) if a != b => return None,
            (a, b) => a.or(b),
        };
        let space = if self.text.is_empty() || other.text.is_empty() { "" } else { " " };
        Some(Self { family, protocol, text: format!("{}{space}{}", self.text, other.text) })
    }

    /// The whole match, its family said where no other word says it.
    pub fn render(&self) -> String {
        let prefix = match self.family {
            Family::Any => "",
            Family::V4 if names(&self.text, &["ip "]) => "",
            Family::V6 if names(&self.text, &["ip6 "]) => "",
            Family::V4 => "meta nfproto ipv4",
            Family::V6 => "meta nfproto ipv6",
        };
        let space = if prefix.is_empty() || self.text.is_empty() { "" } else { " " };
        format!("{prefix}{space}{}", self.text)
    }
}

/// One of these protocols is matched, which implies the family.
fn names(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.starts_with(word) || text.contains(&format!(" {word}")))
}

/// Matches of which one holds exactly if the test does; `Err` says what cannot be expressed. `device` names the device
/// of an Iface, `limit` the named limit of a token bucket.
pub fn matches(
    test: &Test,
    program: &Program,
    device: impl Fn(u32) -> String,
    limit: impl Fn(u32) -> String,
) -> Result<Vec<Match>, String> {
    match test {
        Test::In { field, set } => {
            let empty = Set::default();
            field_in(*field, program.sets().get(*set as usize).unwrap_or(&empty), device)
        }
        Test::TcpFlags { mask } => Ok(tcp_flags(*mask)),
        Test::Limit(id) => Ok(vec![Match::any(format!("limit name \"{}\"", limit(*id)))]),
        Test::IsAddress { address: AddrRef::Iface(_), .. } => {
            Err("an address that comes by DHCP cannot be compared with".to_owned())
        }
        Test::IsAddress { field, comparison, address: AddrRef::Fixed(address) } => {
            let set = Set::address(*address);
            match comparison {
                policy::Comparison::Equal => field_in(*field, &set, device),
                _ => Err(format!("{} is compared with {address} by size", field.name())),
            }
        }
        Test::Compare { left, right, .. } => {
            Err(format!("{} and {} cannot be compared with each other", left.name(), right.name()))
        }
    }
}

fn tcp_flags(mask: u16) -> Vec<Match> {
    let mut all = Vec::new();
    if mask & 0xff != 0 {
        let text = format!("tcp flags & {:#x} != 0x0", mask & 0xff);
        all.push(Match { protocol: Some(TCP), ..Match::any(text) });
    }
    if mask & 0x100 != 0 {
        all.push(Match { protocol: Some(TCP), ..Match::any("meta l4proto tcp @th,103,1 1") });
    }
    all
}

fn field_in(field: Field, set: &Set, device: impl Fn(u32) -> String) -> Result<Vec<Match>, String> {
    let numbers = &set.numbers;
    let of =
        |protocol: u8, words: &str, max: u32| Ok(with_protocol(by_number(words, Family::Any, numbers, max), protocol));
    let of4 = |words: &str, max: u32| by_number(words, Family::V4, numbers, max);
    let of6 = |words: &str, max: u32| by_number(words, Family::V6, numbers, max);
    // What an IPv6 packet has not is 0.
    let none6 = || if numbers.contains(0) { vec![Match::family(Family::V6, "")] } else { vec![] };
    let both = |mut four: Vec<Match>, six: Vec<Match>| {
        four.extend(six);
        Ok(four)
    };
    match field {
        Field::IpSaddr => Ok(addresses("saddr", set)),
        Field::IpDaddr => Ok(addresses("daddr", set)),
        Field::IpVersion => {
            let family = |version, family| numbers.contains(version).then(|| Match::family(family, ""));
            Ok(family(4, Family::V4).into_iter().chain(family(6, Family::V6)).collect())
        }
        Field::IpHdrLength => {
            let words: Vec<(u32, u32)> = (5..=15).filter(|n| numbers.contains(n * 4)).map(|n| (n, n)).collect();
            let four = by_number("ip hdrlength", Family::V4, &IntervalSet::<u32>::new(words), 15);
            // Of IPv6: 40, or more with extension headers.
            let six: Vec<bool> = (40..=168).step_by(8).map(|len| numbers.contains(len)).collect();
            match (six.iter().all(|inside| *inside), six.iter().any(|inside| *inside)) {
                (true, _) => both(four, vec![Match::family(Family::V6, "")]),
                (_, false) => Ok(four),
                _ => Err("ip.hdrlength of IPv6 packets cannot be tested".to_owned()),
            }
        }
        Field::IpDscp => both(of4("ip dscp", 63), of6("ip6 dscp", 63)),
        Field::IpEcn => both(of4("ip ecn", 3), of6("ip6 ecn", 3)),
        Field::IpLength => {
            let less = |(low, high): &(u32, u32)| (*high >= 40).then(|| (low.saturating_sub(40), high - 40));
            let six = IntervalSet::<u32>::new(numbers.intervals().iter().filter_map(less).collect());
            both(of4("ip length", 65_535), by_number("ip6 length", Family::V6, &six, 65_535))
        }
        Field::IpId => both(of4("ip id", 65_535), none6()),
        Field::IpChecksum => both(of4("ip checksum", 65_535), none6()),
        // Fragments are put together before any rule sees them, here as there.
        Field::IpFragOff => Ok(if numbers.contains(0) { vec![Match::any("")] } else { vec![] }),
        Field::IpTtl => both(of4("ip ttl", 255), of6("ip6 hoplimit", 255)),
        Field::IpProtocol => {
            let all = by_number("meta l4proto", Family::Any, numbers, 255);
            Ok(match numbers.intervals() {
                &[(low, high)] if low == high && low <= 255 => with_protocol(all, low as u8),
                _ => all,
            })
        }
        Field::IcmpType => Ok(with_protocol(of4("icmp type", 255), ICMP)),
        Field::Icmpv6Type => Ok(with_protocol(of6("icmpv6 type", 255), ICMPV6)),
        Field::UdpSport => of(UDP, "udp sport", 65_535),
        Field::UdpDport => of(UDP, "udp dport", 65_535),
        Field::UdpLength => of(UDP, "udp length", 65_535),
        Field::UdpChecksum => of(UDP, "udp checksum", 65_535),
        Field::TcpSport => of(TCP, "tcp sport", 65_535),
        Field::TcpDport => of(TCP, "tcp dport", 65_535),
        Field::TcpSequence => of(TCP, "tcp sequence", u32::MAX),
        Field::TcpAckseq => of(TCP, "tcp ackseq", u32::MAX),
        Field::TcpDoff => of(TCP, "tcp doff", 15),
        Field::TcpReserved => of(TCP, "meta l4proto tcp @th,100,3", 7),
        Field::TcpFlags => of(TCP, "meta l4proto tcp @th,103,9", 511),
        Field::TcpWindow => of(TCP, "tcp window", 65_535),
        Field::TcpChecksum => of(TCP, "tcp checksum", 65_535),
        Field::TcpUrgptr => of(TCP, "tcp urgptr", 65_535),
        Field::CtState => {
            let all = [CtState::New, CtState::Established, CtState::Related, CtState::Invalid];
            let names: Vec<&str> =
                all.iter().filter(|state| numbers.contains(**state as u32)).map(|state| state.name()).collect();
            Ok(list("ct state", &names).into_iter().collect())
        }
        Field::Iif => Ok(by_device("iifname", numbers, device)),
        Field::Oif => Ok(by_device("oifname", numbers, device)),
    }
}

/// No Iface has a number beyond this.
const MOST_IFACES: u32 = 65_535;

fn by_device(words: &str, numbers: &IntervalSet<u32>, device: impl Fn(u32) -> String) -> Vec<Match> {
    let ids = numbers.intervals().iter().flat_map(|(low, high)| *low..=(*high).min(MOST_IFACES));
    let names: Vec<String> = ids.map(device).filter(|name| name != "\"\"").collect();
    let names: Vec<&str> = names.iter().map(|name| &name[..]).collect();
    list(words, &names).into_iter().collect()
}

fn list(words: &str, names: &[&str]) -> Option<Match> {
    match names {
        [] => None,
        [one] => Some(Match::any(format!("{words} {one}"))),
        several => Some(Match::any(format!("{words} {{ {} }}", several.join(", ")))),
    }
}

fn with_protocol(mut all: Vec<Match>, protocol: u8) -> Vec<Match> {
    all.iter_mut().for_each(|found| found.protocol = Some(protocol));
    all
}

/// A field of at most `max`.
fn by_number(words: &str, family: Family, set: &IntervalSet<u32>, max: u32) -> Vec<Match> {
    let intervals: Vec<(u32, u32)> =
        set.intervals().iter().filter(|(low, _)| *low <= max).map(|(low, high)| (*low, (*high).min(max))).collect();
    if intervals.is_empty() {
        return Vec::new();
    }
    vec![Match::family(family, format!("{words} {}", elements(&intervals, |number| *number)))]
}

fn addresses(direction: &str, set: &Set) -> Vec<Match> {
    let mut all = Vec::new();
    let mut one = |family, word: &str, intervals: &[(u128, u128)], end: u128| match intervals {
        [] => {}
        [whole] if *whole == (0, end) => all.push(Match::family(family, "")),
        _ => {
            let text = format!("{word} {direction} {}", address_elements(intervals, family == Family::V4));
            all.push(Match::family(family, text));
        }
    };
    let four: Vec<(u128, u128)> =
        set.v4.intervals().iter().map(|(low, high)| ((*low).into(), (*high).into())).collect();
    one(Family::V4, "ip", &four, u32::MAX.into());
    one(Family::V6, "ip6", set.v6.intervals(), u128::MAX);
    all
}

/// As [`elements`], of addresses: a prefix where an interval is one.
pub fn address_elements(intervals: &[(u128, u128)], four: bool) -> String {
    let width: u32 = if four { 32 } else { 128 };
    let one = |&(low, high): &(u128, u128)| {
        let size = (high - low).checked_add(1);
        let len = match size {
            None => Some(0),
            Some(size) => (size.is_power_of_two() && low % size == 0).then(|| width - size.trailing_zeros()),
        };
        match len {
            Some(len) if len == width => address(low, four).to_string(),
            Some(len) => format!("{}/{len}", address(low, four)),
            None => format!("{}-{}", address(low, four), address(high, four)),
        }
    };
    match intervals {
        [only] => one(only),
        several => format!("{{ {} }}", several.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

/// `80`, `1-1023`, or `{ 80, 443 }`.
fn elements<T: PartialEq, D: Display>(intervals: &[(T, T)], show: impl Fn(&T) -> D) -> String {
    let one = |(low, high): &(T, T)| {
        if low == high { show(low).to_string() } else { format!("{}-{}", show(low), show(high)) }
    };
    match intervals {
        [only] => one(only),
        several => format!("{{ {} }}", several.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}
