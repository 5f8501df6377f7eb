//! Pairs of packets at the edges of a policy's rules, in the notation of stories.

use crate::random::Random;
use policy::{Field, Policy, Step, Test, Translation};
use std::collections::BTreeSet;
use wire::{Cidr, IpAddr};

/// A packet, and the Iface that it comes in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub iface: String,
    pub packet: String,
}

/// Values at which a rule, a route or a translation may change its mind.
pub struct Edges {
    four: Vec<IpAddr>,
    six: Vec<IpAddr>,
    ports: Vec<u16>,
    ttls: Vec<u32>,
    lengths: Vec<u32>,
    dscps: Vec<u32>,
    windows: Vec<u32>,
    sequences: Vec<u32>,
    ifaces: Vec<String>,
}

impl Edges {
    pub fn of(policy: &Policy) -> Self {
        let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
        let mut around = |address: IpAddr| {
            addresses.extend([Some(address), step(address, 1), step(address, -1)].into_iter().flatten())
        };
        let mut own_subnets = Vec::new();
        for iface in &policy.ifaces {
            if let policy::Ipv4Config::Static(config) = iface.ipv4 {
                around(config.address.into());
                own_subnets.extend(Cidr::masked(config.address.into(), config.prefix_len).ok());
            }
            for (address, len) in &iface.address6 {
                around((*address).into());
                own_subnets.extend(Cidr::masked((*address).into(), *len).ok());
            }
        }
        let routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
        for net in routes.map(|route| route.net).chain(own_subnets).filter(|net| net.prefix_len() > 0) {
            around(net.network());
            around(last(net));
            around(host(net, 9));
        }
        let mut numbers: [BTreeSet<u32>; 6] = Default::default();
        for function in &policy.functions {
            for step in function.program.steps() {
                match step {
                    Step::Test { test: Test::In { field, set }, .. } => {
                        let Some(set) = function.program.sets().get(*set as usize) else { continue };
                        for (low, high) in set.v4.intervals() {
                            around(IpAddr::V4((*low).into()));
                            around(IpAddr::V4((*high).into()));
                        }
                        for (low, high) in set.v6.intervals() {
                            around(IpAddr::V6((*low).into()));
                            around(IpAddr::V6((*high).into()));
                        }
                        if let Some(kind) = kind(*field) {
                            for (low, high) in set.numbers.intervals() {
                                let corners = [low.checked_sub(1), Some(*low), Some(*high), high.checked_add(1)];
                                numbers[kind].extend(corners.into_iter().flatten());
                            }
                        }
                    }
                    Step::Translate {
                        translation: Translation::Dnat { address, port } | Translation::Snat { address, port },
                        ..
                    } => {
                        if let Some(policy::AddrRef::Fixed(address)) = address {
                            around(*address);
                        }
                        numbers[0].extend(port.map(u32::from));
                    }
                    _ => {}
                }
            }
        }
        let [ports, ttls, lengths, dscps, windows, sequences] = numbers;
        let with = |mut found: BTreeSet<u32>, more: &[u32], max: u32| {
            found.extend(more);
            found.into_iter().filter(|number| *number <= max).collect::<Vec<_>>()
        };
        Self {
            // Nobody lives at an address that ends in 0.
            four: addresses
                .iter()
                .copied()
                .filter(|address| matches!(address, IpAddr::V4(four) if four.octets()[3] != 0))
                .collect(),
            six: addresses.iter().copied().filter(IpAddr::is_ipv6).collect(),
            ports: with(ports, &[53, 80, 443, 4000, 5001, 40_000], 65_535)
                .into_iter()
                .map(|port| port as u16)
                .filter(|port| *port > 0)
                .collect(),
            ttls: with(ttls, &[1, 2, 64], 255).into_iter().filter(|ttl| *ttl > 0).collect(),
            lengths: with(lengths, &[100], 1400),
            dscps: with(dscps, &[0], 63),
            windows: with(windows, &[65_535], 65_535),
            sequences: with(sequences, &[1000], u32::MAX),
            ifaces: policy.ifaces.iter().map(|iface| iface.name.clone()).collect(),
        }
    }

    /// A first packet.
    pub fn first(&self, random: &mut Random, policy: &Policy) -> Sent {
        let at = random.below(self.ifaces.len());
        let all = if random.chance(50) && !self.six.is_empty() { &self.six } else { &self.four };
        // Mostly a source that may come in here.
        let src = (0..20).map(|_| *random.pick(all)).find(|src| fits(policy, at, *src) && !is_end(*src));
        let src = src.filter(|_| random.chance(90)).unwrap_or(*random.pick(all));
        // Linux takes the ends of subnets for its own, and nobody lives at their beginning: not every time.
        let mut dst = *random.pick(all);
        if is_end(dst) && random.chance(80) {
            dst = *random.pick(all);
        }
        Sent { iface: self.ifaces[at].clone(), packet: self.packet(random, src, dst) }
    }

    /// A packet that a conversation may begin with.
    pub fn opening(&self, random: &mut Random, policy: &Policy) -> Sent {
        loop {
            let first = self.first(random, policy);
            let words = first.packet.split(' ').collect::<Vec<_>>();
            let other = words.first() == Some(&"tcp") && !words.contains(&"S") || words.contains(&"echo-reply");
            // Not every time: a router may pick up a connection in the middle.
            if !other || random.chance(5) {
                return first;
            }
        }
    }

    fn packet(&self, random: &mut Random, src: IpAddr, dst: IpAddr) -> String {
        let (sport, dport) = (*random.pick(&self.ports), *random.pick(&self.ports));
        let ends = match src {
            IpAddr::V4(_) => format!("{src}:{sport} > {dst}:{dport}"),
            IpAddr::V6(_) => format!("[{src}]:{sport} > [{dst}]:{dport}"),
        };
        let six = src.is_ipv6();
        let mut text = match random.below(20) {
            0..=8 => {
                let flags = *random.pick(&["S", "S", "S", "S", "A", "SA", "R", "FA", "PA", "RA"]);
                let mut text = format!("tcp {ends} {flags}");
                if random.chance(20) {
                    text += &format!(" win {}", random.pick(&self.windows));
                }
                if random.chance(15) {
                    text += &format!(" seq {}", random.pick(&self.sequences));
                }
                if random.chance(10) {
                    text += " mss 1460";
                }
                text
            }
            9..=14 => {
                let sum = if six || random.chance(85) { "" } else { " nosum" };
                format!("udp {ends}{sum}")
            }
            15..=17 => {
                let kind = if random.chance(80) { "echo-request" } else { "echo-reply" };
                let id = *random.pick(&self.ports);
                format!("{} {kind} {src} > {dst} echo {id}/1", if six { "icmpv6" } else { "icmp" })
            }
            // A GRE header without any flag, an ESP header, anything.
            _ => format!("ip {} {src} > {dst} data 0000080000000007", random.pick(&[47, 50, 253])),
        };
        if random.chance(30) {
            text += &format!(" ttl {}", random.pick(&self.ttls));
        }
        if random.chance(20) {
            text += &format!(" dscp {}", random.pick(&self.dscps));
        }
        if random.chance(20) && !text.contains(" data ") {
            let len = *random.pick(&self.lengths);
            let least = if six { 80 } else { 60 };
            if len >= least {
                text += &format!(" len {len}");
            }
        }
        if !six && random.chance(20) {
            text += " df";
        }
        text
    }

    /// A second packet: often one that has to do with the first, which left as `out` by an Iface (or did not).
    pub fn second(&self, random: &mut Random, policy: &Policy, first: &Sent, out: Option<&Sent>) -> Sent {
        let (iface, about) = match out {
            Some(out) => (&out.iface, &out.packet),
            None => (&self.ifaces[random.below(self.ifaces.len())], &first.packet),
        };
        let parts: Vec<&str> = about.split(' ').collect();
        let at = parts.iter().position(|word| *word == ">").unwrap_or(0);
        let (Some(src), Some(dst), false) = (parts.get(at.wrapping_sub(1)), parts.get(at + 1), at == 0) else {
            return self.first(random, policy);
        };
        let kind = parts[0];
        match random.below(10) {
            0 => first.clone(),
            1..=4 => {
                let flags = match parts.get(at + 2) {
                    Some(&"S") => *random.pick(&["SA", "SA", "SA", "RA", "A"]),
                    _ => *random.pick(&["A", "SA", "R"]),
                };
                let packet = match kind {
                    "tcp" => format!("tcp {dst} > {src} {flags}"),
                    "udp" => format!("udp {dst} > {src} data \"back\""),
                    "icmp" | "icmpv6" => {
                        let id = parts.iter().position(|word| *word == "echo").and_then(|at| parts.get(at + 1));
                        format!("{kind} echo-reply {dst} > {src} echo {}", id.unwrap_or(&"1/1"))
                    }
                    _ => format!("{} {} {dst} > {src} data 0000080000000008", kind, parts.get(1).unwrap_or(&"253")),
                };
                Sent { iface: iface.clone(), packet }
            }
            5 | 6 => {
                // Somebody on the way complains about it.
                let host = |end: &str| bare(end);
                let six = host(src).contains(':');
                let from = if random.chance(60) {
                    host(dst)
                } else if six {
                    "2001:db8:2::33".into()
                } else {
                    "10.2.0.33".into()
                };
                let error = match (six, random.below(3)) {
                    (false, 0) => "icmp unreachable-port".to_owned(),
                    (false, 1) => "icmp time-exceeded".to_owned(),
                    (false, _) => "icmp fragmentation-needed".to_owned(),
                    (true, 0) => "icmpv6 unreachable-port".to_owned(),
                    (true, 1) => "icmpv6 time-exceeded".to_owned(),
                    (true, _) => "icmpv6 packet-too-big".to_owned(),
                };
                let mtu = if error.ends_with("needed") || error.ends_with("big") { " mtu 1400" } else { "" };
                let packet = format!("{error} {from} > {}{mtu} [{about}]", host(src));
                Sent { iface: iface.clone(), packet }
            }
            7 if kind == "tcp" => {
                let first_parts: Vec<&str> = first.packet.split(' ').collect();
                let at = first_parts.iter().position(|word| *word == ">").unwrap_or(1);
                let ends = first_parts[at - 1..=at + 1].join(" ");
                let flags = *random.pick(&["A", "PA", "R", "FA", "S"]);
                Sent { iface: first.iface.clone(), packet: format!("tcp {ends} {flags}") }
            }
            _ => self.first(random, policy),
        }
    }
}

/// The address of an end, without port and brackets.
pub fn bare(end: &str) -> String {
    match end.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest).to_owned(),
        None if end.matches(':').count() == 1 => end.split(':').next().unwrap_or(end).to_owned(),
        None => end.to_owned(),
    }
}

/// The first or last address of a subnet, or what looks like one.
fn is_end(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets()[3], 0 | 255),
        IpAddr::V6(address) => address.to_bits() & u128::from(u64::MAX) == 0,
    }
}

/// Which list of numbers a field belongs to.
fn kind(field: Field) -> Option<usize> {
    match field {
        Field::TcpSport | Field::TcpDport | Field::UdpSport | Field::UdpDport => Some(0),
        Field::IpTtl => Some(1),
        Field::IpLength => Some(2),
        Field::IpDscp => Some(3),
        Field::TcpWindow => Some(4),
        Field::TcpSequence => Some(5),
        _ => None,
    }
}

fn step(address: IpAddr, by: i64) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => address.to_bits().checked_add_signed(by as i32).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(address) => address.to_bits().checked_add_signed(by.into()).map(|bits| IpAddr::V6(bits.into())),
    }
}

fn last(net: Cidr) -> IpAddr {
    match net {
        Cidr::V4(net) => net.last().into(),
        Cidr::V6(net) => net.last().into(),
    }
}

/// The n-th host of a network.
fn host(net: Cidr, n: i64) -> IpAddr {
    step(net.network(), n).unwrap_or(net.network())
}

/// The source is on the link of the Iface, or behind a router on it.
fn fits(policy: &Policy, at: usize, src: IpAddr) -> bool {
    let Some(iface) = policy.ifaces.get(at) else { return false };
    let on_link = match iface.ipv4 {
        policy::Ipv4Config::Static(config) => {
            Cidr::masked(config.address.into(), config.prefix_len).is_ok_and(|net| net.contains(src))
        }
        _ => false,
    };
    let on_link6 =
        iface.address6.iter().any(|(own, len)| Cidr::masked((*own).into(), *len).is_ok_and(|net| net.contains(src)));
    on_link || on_link6
}
