//! Lists of rules of the shapes that measurements are made with, from seeds.
//!
//! * `Ports`: a destination port each, of UDP and TCP in turn;
//! * `Sources`: a source address each;
//! * `Acl`: an access list: nearly all rules name a source and a destination, of few servers and many clients;
//! * `Fw`: a perimeter firewall: 61 % of the rules any source, 26 % any destination, 3 % both;
//! * `Ipc`: connection rules of inside nets, 80 % narrow on both sides;
//! * `Gateway`: a zone policy with block lists;
//! * `Adversary`: prefixes and port ranges without any structure.
//!
//! Addresses are nested prefixes of a few networks, destination ports one of some dozens of services with few ranges.

use super::Random;
use policy::{Field, Program, Set, Step, StepId, Test, Verdict};
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;
use wire::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Acl,
    Fw,
    Ipc,
    Gateway,
    Adversary,
    Ports,
    Sources,
}

impl Kind {
    pub const ALL: [Self; 7] =
        [Self::Ports, Self::Sources, Self::Acl, Self::Fw, Self::Ipc, Self::Gateway, Self::Adversary];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Sources => "sources",
            Self::Acl => "acl",
            Self::Fw => "fw",
            Self::Ipc => "ipc",
            Self::Gateway => "gateway",
            Self::Adversary => "adversary",
        }
    }
}

/// First and last values: source and destination address, source and destination port; the protocol, if any is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    pub src: (u32, u32),
    pub dst: (u32, u32),
    pub sport: (u32, u32),
    pub dport: (u32, u32),
    pub protocol: Option<u32>,
}

pub const ANY: (u32, u32) = (0, u32::MAX);
pub const ANY_PORT: (u32, u32) = (0, 65_535);

const SERVICES: [(u32, u32); 24] = [
    (80, 6),
    (443, 6),
    (22, 6),
    (53, 17),
    (53, 6),
    (25, 6),
    (123, 17),
    (3306, 6),
    (5432, 6),
    (6379, 6),
    (8080, 6),
    (8443, 6),
    (161, 17),
    (514, 17),
    (389, 6),
    (636, 6),
    (445, 6),
    (3389, 6),
    (5060, 17),
    (1194, 17),
    (21, 6),
    (110, 6),
    (143, 6),
    (1433, 6),
];

fn prefix(random: &mut Random, net: u32, len: u64) -> (u32, u32) {
    let mask = if len == 0 { 0 } else { u32::MAX << (32 - len) };
    let base = (net ^ (random.bits() & !0xffff_0000)) & mask;
    (base, base | !mask)
}

fn range(random: &mut Random) -> (u32, u32) {
    let (a, b) = (random.below(65_536) as u32, random.below(65_536) as u32);
    (a.min(b), a.max(b))
}

/// That many different rules.
pub fn rules(kind: Kind, count: usize, seed: u64) -> Vec<Rule> {
    let mut random = Random(seed ^ (kind as u64) << 40 ^ (count as u64) << 8);
    let nets: Vec<u32> = (0..count / 400 + 3).map(|_| random.bits() & 0xffff_0000).collect();
    // Servers and nets that many rules name.
    let servers: Vec<(u32, u32)> = (0..count / 40 + 4)
        .map(|_| {
            let net = *random.pick(&nets);
            let len = *random.pick(&[32, 32, 32, 30, 28, 24]);
            prefix(&mut random, net, len)
        })
        .collect();
    let mut seen = BTreeMap::new();
    let mut rules = Vec::with_capacity(count);
    let mut tries = 0;
    while rules.len() < count && tries < count * 20 + 1_000 {
        tries += 1;
        let rule = match kind {
            // Every other port, so that they are no range.
            Kind::Ports => {
                let (number, protocol) = (rules.len() as u32, if rules.len() % 2 == 0 { 17 } else { 6 });
                let port = 10_001 + number / 2 * 2;
                let dport = (port & 0xffff, port & 0xffff);
                Rule { src: ANY, dst: ANY, sport: ANY_PORT, dport, protocol: Some(protocol) }
            }
            Kind::Sources => {
                let address = random.bits();
                Rule { src: (address, address), dst: ANY, sport: ANY_PORT, dport: ANY_PORT, protocol: None }
            }
            _ => rule(kind, &mut random, &nets, &servers),
        };
        let key = (rule.src, rule.dst, rule.sport, rule.dport, rule.protocol);
        if seen.insert(key, ()).is_none() {
            rules.push(rule);
        }
    }
    rules
}

fn rule(kind: Kind, random: &mut Random, nets: &[u32], servers: &[(u32, u32)]) -> Rule {
    if kind == Kind::Adversary {
        let (source, target) = (random.bits(), random.bits());
        let (source_len, target_len) = (1 + random.below(32), 1 + random.below(32));
        return Rule {
            src: prefix(random, source, source_len),
            dst: prefix(random, target, target_len),
            sport: range(random),
            dport: range(random),
            protocol: *random.pick(&[Some(6), Some(17), None]),
        };
    }
    let host = |random: &mut Random| {
        let net = *random.pick(nets);
        prefix(random, net, 32)
    };
    let net = |random: &mut Random| {
        let net = *random.pick(nets);
        let len = *random.pick(&[16, 20, 22, 24, 24, 24, 26, 28]);
        prefix(random, net, len)
    };
    let share = random.below(100);
    let (src, dst) = match kind {
        Kind::Acl => match share {
            0 => (ANY, *random.pick(servers)),
            1 => (net(random), ANY),
            2..20 => (net(random), *random.pick(servers)),
            20..75 => (host(random), *random.pick(servers)),
            _ => (net(random), net(random)),
        },
        Kind::Fw => match share {
            0..61 => (ANY, if random.percent(70) { host(random) } else { net(random) }),
            61..87 => (if random.percent(60) { host(random) } else { net(random) }, ANY),
            87..90 => (ANY, ANY),
            _ => (net(random), *random.pick(servers)),
        },
        Kind::Ipc => match share {
            0..12 => (ANY, *random.pick(servers)),
            12..20 => (host(random), ANY),
            20..50 => (net(random), *random.pick(servers)),
            _ => (host(random), host(random)),
        },
        _ => match share {
            0..35 => (ANY, host(random)),
            35..60 => (net(random), host(random)),
            60..75 => (host(random), host(random)),
            75..88 => (net(random), net(random)),
            88..97 => (host(random), ANY),
            _ => (ANY, ANY),
        },
    };
    let both_any = src == ANY && dst == ANY;
    let (service, protocol) = *random.pick(&SERVICES);
    let (dport, protocol) = match random.below(100) {
        0..75 => ((service, service), Some(protocol)),
        75..85 => {
            let base = 1_024 + random.below(120) as u32 * 500;
            ((base, base + *random.pick(&[0, 9, 99, 499])), Some(*random.pick(&[6, 17])))
        }
        85..92 if !both_any => ((1_024, 65_535), Some(6)),
        _ if !both_any => (ANY_PORT, *random.pick(&[None, Some(6), Some(17), Some(1)])),
        _ => ((service, service), Some(protocol)),
    };
    let sport = match kind {
        Kind::Fw | Kind::Ipc if random.percent(15) => *random.pick(&[(1_024, 65_535), (53, 53), (123, 123), (20, 20)]),
        _ => ANY_PORT,
    };
    Rule { src, dst, sport, dport, protocol }
}

/// The rules as a program: each an `if` that ends, and at the end a verdict for all others. The step that a rule ends
/// at is in `ends`.
pub fn program(rules: &[Rule]) -> (Program, Vec<StepId>) {
    let mut sets: Vec<Set> = Vec::new();
    let mut known: BTreeMap<(u8, u32, u32), u32> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut ends = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let mut set = |is_address: bool, (low, high): (u32, u32)| {
            *known.entry((u8::from(is_address), low, high)).or_insert_with(|| {
                sets.push(match is_address {
                    true => Set::addresses([(IpAddr::V4(low.into()), IpAddr::V4(high.into()))]),
                    false => Set::numbers(vec![(low, high)]),
                });
                sets.len() as u32 - 1
            })
        };
        let mut tests: Vec<(Field, u32)> = Vec::new();
        if rule.src != ANY {
            tests.push((Field::IpSaddr, set(true, rule.src)));
        }
        if rule.dst != ANY {
            tests.push((Field::IpDaddr, set(true, rule.dst)));
        }
        // Ports without a protocol are those of TCP and of UDP.
        let protocols: Vec<Option<u32>> = match rule.protocol {
            None if rule.sport != ANY_PORT || rule.dport != ANY_PORT => vec![Some(6), Some(17)],
            protocol => vec![protocol],
        };
        let (mut alternatives, verdict) = (Vec::new(), if at % 3 == 0 { Verdict::Drop } else { Verdict::Accept });
        for protocol in protocols {
            let mut tests = tests.clone();
            if let Some(protocol) = protocol {
                tests.push((Field::IpProtocol, set(false, (protocol, protocol))));
                let fields = match protocol {
                    6 => Some((Field::TcpSport, Field::TcpDport)),
                    17 => Some((Field::UdpSport, Field::UdpDport)),
                    _ => None,
                };
                if let Some((sport, dport)) = fields {
                    if rule.sport != ANY_PORT {
                        tests.push((sport, set(false, rule.sport)));
                    }
                    if rule.dport != ANY_PORT {
                        tests.push((dport, set(false, rule.dport)));
                    }
                }
            }
            alternatives.push(tests);
        }
        // `if (a and b or c and d) { verdict }`, each alternative with an end of its own.
        for tests in alternatives {
            let next = steps.len() + tests.len() + 1;
            for (field, set) in tests {
                let then = steps.len() as StepId + 1;
                steps.push(Step::Test { test: Test::In { field, set }, then, otherwise: next as StepId });
            }
            ends.push(steps.len() as StepId);
            steps.push(Step::End(verdict));
        }
    }
    steps.push(Step::End(Verdict::Drop));
    (super::nested::finished(steps, sets, 0), ends)
}

/// A packet: one in ten anything, else inside of a rule.
pub fn packet(rules: &[Rule], random: &mut Random) -> [u32; 5] {
    if rules.is_empty() || random.percent(10) {
        let protocol = *random.pick(&[6, 17, 1]);
        return [random.bits(), random.bits(), random.below(65_536) as u32, random.below(65_536) as u32, protocol];
    }
    let rule = random.pick(rules);
    let mut inside = |(low, high): (u32, u32)| low + random.below(u64::from(high - low) + 1) as u32;
    let fields = [inside(rule.src), inside(rule.dst), inside(rule.sport), inside(rule.dport)];
    let protocol = rule.protocol.unwrap_or_else(|| *random.pick(&[6, 17, 1]));
    [fields[0], fields[1], fields[2], fields[3], protocol]
}

/// The packet as a header.
pub fn header([src, dst, sport, dport, protocol]: [u32; 5]) -> super::super::Header {
    let mut header = super::super::Header::new();
    header.set_number(Field::IpVersion, 4);
    header.set_address(Field::IpSaddr, IpAddr::V4(src.into()));
    header.set_address(Field::IpDaddr, IpAddr::V4(dst.into()));
    header.set_number(Field::IpProtocol, protocol);
    let fields = match protocol {
        6 => (Field::TcpSport, Field::TcpDport),
        17 => (Field::UdpSport, Field::UdpDport),
        _ => return header,
    };
    header.set_number(fields.0, sport);
    header.set_number(fields.1, dport);
    header
}

/// The rule that the packet meets first.
pub fn scan(rules: &[Rule], [src, dst, sport, dport, protocol]: [u32; 5]) -> Option<usize> {
    let inside = |(low, high): (u32, u32), value| low <= value && value <= high;
    let has_ports = protocol == 6 || protocol == 17;
    rules.iter().position(|rule| {
        inside(rule.src, src)
            && inside(rule.dst, dst)
            && rule.protocol.is_none_or(|own| own == protocol)
            && if has_ports {
                inside(rule.sport, sport) && inside(rule.dport, dport)
            } else {
                rule.sport == ANY_PORT && rule.dport == ANY_PORT || rule.protocol.is_some()
            }
    })
}
