//! Policies at random, in NaCl: three networks, chains on every hook, translations.
//!
//! What nftables has no words for is left out (see `docs/export.md`), and so is what depends on time.

use crate::random::Random;
use std::fmt::Write as _;

/// The Ifaces of every policy here.
pub const IFACES: [&str; 3] = ["west", "east", "south"];

const HOSTS4: [&str; 8] =
    ["10.1.0.9", "10.1.0.200", "10.2.0.9", "10.2.0.128", "10.3.0.9", "203.0.113.9", "198.51.100.1", "10.2.0.1"];
const HOSTS6: [&str; 6] =
    ["2001:db8:1::9", "2001:db8:2::9", "2001:db8:2::80", "2001:db8:3::9", "2001:db8:9::9", "2001:db8:2::1"];
const SETS4: [&str; 6] =
    ["10.1.0.0/24", "10.2.0.64/26", "10.2.0.8 - 10.2.0.130", "203.0.113.0/28", "0.0.0.0/0", "10.0.0.0 - 10.2.255.255"];
const SETS6: [&str; 4] = ["2001:db8:2::/64", "2001:db8::/33", "2001:db8:1::8 - 2001:db8:1::20", "::/0"];

/// What a function's conditions may ask where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Site {
    /// Packets as they come in.
    Prerouting,
    Forward,
    /// Packets of the box are among them, whose other fields are each system's own affair.
    Ends,
}

/// The text of a policy.
pub fn random(random: &mut Random) -> String {
    let mut text = String::new();
    let mut functions = String::new();
    let mut chains: [String; 3] = Default::default();
    let mut forward = String::new();
    let mut writer = Writer { random, number: 0 };
    for chain in &mut chains {
        for (hook, site, filters, nats) in [
            ("prerouting", Site::Prerouting, 30, 30),
            ("input", Site::Ends, 20, 0),
            ("output", Site::Ends, 10, 0),
            ("postrouting", Site::Ends, 20, 30),
        ] {
            let names = writer.chain(&mut functions, hook, site, filters, nats);
            if !names.is_empty() {
                let _ = write!(chain, ", {hook}: [{}]", names.join(", "));
            }
        }
    }
    let names = writer.chain(&mut functions, "forward", Site::Forward, 70, 0);
    if !names.is_empty() {
        let _ = writeln!(forward, "  forward: [{}],", names.join(", "));
    }
    for (at, (name, chain)) in IFACES.iter().zip(&chains).enumerate() {
        let n = at + 1;
        let gateway = if at == 0 { ", gateway: 10.1.0.254, gateway6: 2001:db8:1::fe" } else { "" };
        let masquerade = if writer.random.chance(15) { ", masquerade: true" } else { "" };
        let reverse = match writer.random.below(8) {
            0 => ", reverse_path: strict",
            1 => ", reverse_path: loose",
            _ => "",
        };
        let _ = writeln!(
            text,
            "Iface {name} {{ index: {at}, address: 10.{n}.0.1, netmask: 255.255.255.0, address6: 2001:db8:{n}::1/64{gateway}{masquerade}{reverse}{chain} }}"
        );
    }
    text.push_str("Gateway g {\n");
    text.push_str(&forward);
    if writer.random.chance(20) {
        text.push_str("  send_time_exceeded: false,\n");
    }
    writer.routes(&mut text);
    text.push_str("}\n");
    let stateful = writer.random.chance(30);
    let _ = writeln!(text, "Conntrack c {{ limit: 64, stateful_tcp: {stateful} }}");
    text + &functions
}

struct Writer<'a> {
    random: &'a mut Random,
    number: u32,
}

impl Writer<'_> {
    fn routes(&mut self, text: &mut String) {
        let mut routes = vec![
            "r1: { net: 10.1.0.0/24, iface: west }".to_owned(),
            "r2: { net: 10.2.0.0/24, iface: east }".to_owned(),
            "s1: { net: 2001:db8:1::/64, iface: west }".to_owned(),
            "s2: { net: 2001:db8:2::/64, iface: east }".to_owned(),
        ];
        if self.random.chance(80) {
            routes.push("r0: { net: 0.0.0.0/0, iface: west }".to_owned());
            routes.push("s0: { net: ::/0, iface: west }".to_owned());
        }
        if self.random.chance(70) {
            routes.push("r3: { net: 10.3.0.0/24, iface: south }".to_owned());
            routes.push("s3: { net: 2001:db8:3::/64, iface: south }".to_owned());
        }
        if self.random.chance(30) {
            routes.push("r4: { net: 10.2.0.128/25, nexthop: 10.3.0.7, iface: south }".to_owned());
            routes.push("s4: { net: 2001:db8:2::80/121, nexthop: 2001:db8:3::7, iface: south }".to_owned());
        }
        if self.random.chance(20) {
            routes.push("r5: { net: 203.0.113.0/24, nexthop: 10.2.0.7, iface: east, cost: 5 }".to_owned());
            routes.push("r6: { net: 203.0.113.0/24, nexthop: 10.1.0.7, iface: west, cost: 3 }".to_owned());
        }
        let _ = writeln!(text, "  {}", routes.join(",\n  "));
    }

    /// The functions of a chain, Filters and Nats in any order but for Filters between two Nats.
    fn chain(&mut self, out: &mut String, hook: &str, site: Site, filters: usize, nats: usize) -> Vec<String> {
        let mut names = Vec::new();
        let filter = |writer: &mut Self, out: &mut String, names: &mut Vec<String>| {
            if writer.random.chance(filters) {
                writer.number += 1;
                names.push(format!("f{}", writer.number));
                writer.filter(out, site, hook);
            }
        };
        filter(self, out, &mut names);
        if self.random.chance(nats) {
            self.number += 1;
            names.push(format!("f{}", self.number));
            self.nat(out, hook);
        }
        if site == Site::Forward || self.random.chance(30) {
            filter(self, out, &mut names);
        }
        names
    }

    fn filter(&mut self, out: &mut String, site: Site, hook: &str) {
        let _ = writeln!(out, "Filter::IP f{} {{", self.number);
        let statements = 1 + self.random.below(4);
        for _ in 0..statements {
            self.statement(out, site, hook, 1, "");
        }
        let end = if self.random.chance(65) { "accept" } else { "drop" };
        let _ = writeln!(out, "  {end}\n}}");
    }

    /// `protocol`: that of the function it stands in.
    fn statement(&mut self, out: &mut String, site: Site, hook: &str, depth: usize, protocol: &str) {
        let pad = "  ".repeat(depth);
        match self.random.below(10) {
            0..=2 if protocol.is_empty() => {
                let inner = *self.random.pick(&["TCP", "UDP", "ICMP", "ICMPv6"]);
                let _ = writeln!(out, "{pad}Filter::{inner} {{");
                for _ in 0..1 + self.random.below(2) {
                    self.statement(out, site, hook, depth + 1, inner);
                }
                let _ = writeln!(out, "{pad}}}");
            }
            3 => {
                let _ = writeln!(out, "{pad}log(\"here \")");
            }
            _ => {
                let condition = self.condition(site, protocol, 0);
                let verdict = self.verdict(hook);
                let _ = writeln!(out, "{pad}if ({condition}) {{ {verdict} }}");
            }
        }
    }

    fn verdict(&mut self, hook: &str) -> String {
        let rejects = hook == "forward" || hook == "input";
        match self.random.below(10) {
            0..=4 => "accept",
            5..=7 => "drop",
            8 if rejects => *self.random.pick(&["reject", "reject(port-unreachable)", "reject(tcp-reset)"]),
            _ => "log(\"met \")",
        }
        .to_owned()
    }

    fn condition(&mut self, site: Site, protocol: &str, depth: usize) -> String {
        if depth < 2 {
            match self.random.below(10) {
                0 | 1 => {
                    let (a, b) = (self.condition(site, protocol, depth + 1), self.condition(site, protocol, depth + 1));
                    return format!("{a} and {b}");
                }
                2 => {
                    let (a, b) = (self.condition(site, protocol, depth + 1), self.condition(site, protocol, depth + 1));
                    return format!("({a} or {b})");
                }
                3 => return format!("not ({})", self.condition(site, protocol, depth + 1)),
                _ => {}
            }
        }
        let own = self.random.chance(60);
        match protocol {
            "TCP" if own => self.tcp(site),
            "UDP" if own => self.ports("udp"),
            "ICMP" if own => {
                let kind =
                    *self.random.pick(&["echo-request", "echo-reply", "destination-unreachable", "time-exceeded"]);
                format!("icmp.type == {kind}")
            }
            "ICMPv6" if own => {
                let kind = *self.random.pick(&["echo-request", "echo-reply", "packet-too-big", "time-exceeded"]);
                format!("icmpv6.type == {kind}")
            }
            _ => self.ip(site),
        }
    }

    fn tcp(&mut self, site: Site) -> String {
        match self.random.below(if site == Site::Ends { 4 } else { 8 }) {
            0..=3 => self.ports("tcp"),
            4 => self.random.pick(&["tcp.syn", "tcp.ack", "tcp.rst", "tcp.fin"]).to_string(),
            5 => format!("tcp.window {} {}", self.comparison(), self.random.pick(&[0, 1024, 65535])),
            6 => format!("tcp.sequence {} {}", self.comparison(), self.random.pick(&[1000, 1001, 4_000_000_000_u32])),
            _ => format!("tcp.doff {} {}", self.comparison(), self.random.pick(&[5, 6])),
        }
    }

    fn ports(&mut self, protocol: &str) -> String {
        let field = *self.random.pick(&["sport", "dport"]);
        match self.random.below(3) {
            0 => format!("{protocol}.{field} in [22, 80, 443, 8000 - 8080]"),
            1 => format!(
                "{protocol}.{field} {} {}",
                self.comparison(),
                self.random.pick(&[1, 53, 80, 1023, 8080, 50_000])
            ),
            _ => format!("{protocol}.{field} in [1024 - 65535]"),
        }
    }

    fn comparison(&mut self) -> &'static str {
        const ALL: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
        ALL[self.random.below(ALL.len())]
    }

    fn ip(&mut self, site: Site) -> String {
        let direction = *self.random.pick(&["saddr", "daddr"]);
        match self.random.below(if site == Site::Ends { 8 } else { 14 }) {
            0 => format!("ip.{direction} == {}", self.random.pick(&HOSTS4)),
            1 => format!("ip.{direction} == {}", self.random.pick(&HOSTS6)),
            2 | 3 => {
                let (four, six) = (self.random.pick(&SETS4).to_string(), self.random.pick(&SETS6).to_string());
                match self.random.below(3) {
                    0 => format!("ip.{direction} in [{four}]"),
                    1 => format!("ip.{direction} in [{six}]"),
                    _ => format!("ip.{direction} in [{four}, {six}]"),
                }
            }
            4 | 5 => {
                let state = *self.random.pick(&["new", "established", "established", "related", "invalid"]);
                format!("ct.state == {state}")
            }
            6 => format!("ip.protocol == {}", self.random.pick(&["tcp", "udp", "icmp", "47", "58"])),
            7 => format!("ip.version == {}", self.random.pick(&[4, 6])),
            8 => format!("ip.ttl {} {}", self.comparison(), self.random.pick(&[2, 63, 64, 128])),
            9 => format!("ip.length {} {}", self.comparison(), self.random.pick(&[28, 40, 60, 576])),
            10 => format!("ip.dscp {} {}", self.comparison(), self.random.pick(&[0, 10, 46])),
            11 => format!("iif == {}", self.random.pick(&IFACES)),
            12 if site == Site::Forward => format!("oif == {}", self.random.pick(&IFACES)),
            _ => format!("ip.{direction} {} {}", self.random.pick(&["<", ">="]), self.random.pick(&HOSTS4)),
        }
    }

    fn nat(&mut self, out: &mut String, hook: &str) {
        let number = self.number;
        let inner = *self.random.pick(&["TCP", "UDP"]);
        let lower = inner.to_lowercase();
        let port = *self.random.pick(&[80, 443, 5001]);
        let destination = match self.random.below(5) {
            0 => "dnat(10.2.0.9, 8080)",
            1 => "dnat(10.2.0.9)",
            2 => "dnat(8000)",
            3 => "redirect(8000)",
            _ => "dnat(2001:db8:2::9)",
        };
        let source = match self.random.below(5) {
            0 => "snat(10.2.0.77)",
            1 => "snat(10.3.0.77, 4444)",
            2 => "snat(2001:db8:2::77)",
            _ => "masquerade",
        };
        let action = if hook == "prerouting" { destination } else { source };
        let _ = match self.random.below(3) {
            0 => {
                writeln!(out, "Nat::IP f{number} {{ Nat::{inner} {{ if ({lower}.dport == {port}) {{ {action} }} }} }}")
            }
            1 => {
                let condition = self.condition(Site::Ends, "", 1);
                let action = if action.contains("(8000)") { "dnat(10.2.0.9)" } else { action };
                writeln!(out, "Nat::IP f{number} {{ if ({condition}) {{ {action} }} }}")
            }
            _ => writeln!(out, "Nat::IP f{number} {{ Nat::{inner} {{ {action} }} }}"),
        };
    }
}
