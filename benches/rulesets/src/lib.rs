//! The same rules in the words of every contender.
//!
//! None of them matches what the hosts send, so every packet that is judged is judged by all of them; what follows them
//! accepts it.

#![forbid(unsafe_code)]

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

/// What the rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Protocol and destination port.
    Ports,
    /// One blocked source address each.
    Sources,
    /// Source and destination prefix, protocol, and a port or a range of ports, as ClassBench's access lists have them.
    Classes,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Ports, Self::Sources, Self::Classes];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Sources => "sources",
            Self::Classes => "classes",
        }
    }
}

/// So many rules of a kind, and what stands around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    pub kind: Kind,
    /// At most [`Filter::MOST`].
    pub count: u32,
    /// Established flows are accepted before the rules.
    pub tracked: bool,
}

struct Rule {
    source: Option<(Ipv4Addr, u8)>,
    destination: Option<(Ipv4Addr, u8)>,
    /// `tcp` or `udp`, and the first and the last port.
    service: Option<(&'static str, u16, u16)>,
}

/// What the hosts send, which must come through.
const PASS: [(&str, &str); 2] = [("10.1.0.0/24", "10.2.0.0/24"), ("10.2.0.0/24", "10.1.0.0/24")];

impl Filter {
    pub const MOST: u32 = 50_000;

    pub fn new(kind: Kind, count: u32) -> Self {
        Self { kind, count: count.min(Self::MOST), tracked: true }
    }

    fn rules(self) -> impl Iterator<Item = Rule> {
        (0..self.count).map(move |n| rule(self.kind, n))
    }

    /// For us: two Ifaces, their networks, and a filter between them.
    pub fn nacl(self) -> String {
        let accept: Vec<String> = PASS
            .iter()
            .map(|(from, to)| format!("  if (ip.saddr in {from} and ip.daddr in {to}) {{ accept }}\n"))
            .collect();
        format!(
            "Iface a {{ index: 0, address: 10.1.0.1, netmask: 255.255.255.0 }}\n\
             Iface b {{ index: 1, address: 10.2.0.1, netmask: 255.255.255.0 }}\n\
             Gateway between {{\n  forward: rules,\n  a: {{ net: 10.1.0.0/24, iface: a }},\n  \
             b: {{ net: 10.2.0.0/24, iface: b }}\n}}\n\
             Conntrack table {{ limit: 262144 }}\n{}",
            self.nacl_filter(&format!("{}  drop\n", accept.concat()))
        )
    }

    /// For us: a filter called `rules` that ends with `rest`.
    pub fn nacl_filter(self, rest: &str) -> String {
        let mut text = String::new();
        if self.kind == Kind::Sources {
            let list: Vec<String> = self.rules().filter_map(|rule| Some(format!("  {}", rule.source?.0))).collect();
            text.push_str(&format!("blocked: [\n{}\n]\n", list.join(",\n")));
        }
        text.push_str("Filter::IP rules {\n");
        if self.tracked {
            text.push_str("  if (ct.state in [established, related]) { accept }\n");
        }
        if self.kind == Kind::Sources {
            text.push_str("  if (ip.saddr in blocked) { drop }\n");
        } else {
            for protocol in ["tcp", "udp"] {
                text.push_str(&format!("  Filter::{} {{\n", protocol.to_uppercase()));
                let of_protocol = |rule: &Rule| rule.service.is_some_and(|(name, ..)| name == protocol);
                self.rules().filter(of_protocol).for_each(|rule| text.push_str(&format!("    {}\n", Nacl(&rule))));
                text.push_str("  }\n");
            }
        }
        text.push_str(rest);
        text.push_str("}\n");
        text
    }

    /// For nftables, a rule for each.
    pub fn nft_sequential(self) -> String {
        let mut rules = String::new();
        self.rules().for_each(|rule| rules.push_str(&format!("    {}\n", Nft(&rule))));
        self.nft("", &rules)
    }

    /// For nftables, all in one set, which is how its manual would have it.
    pub fn nft_sets(self) -> String {
        let (key, of_rule) = match self.kind {
            Kind::Ports => ("inet_proto . inet_service", "ip protocol . th dport"),
            Kind::Sources => ("ipv4_addr", "ip saddr"),
            Kind::Classes => (
                "ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval",
                "ip saddr . ip daddr . ip protocol . th dport",
            ),
        };
        let elements: Vec<String> = self.rules().map(|rule| element(&rule)).collect();
        let set = format!("  set missed {{ type {key}; elements = {{\n    {}\n  }} }}\n", elements.join(",\n    "));
        self.nft(&set, &format!("    {of_rule} @missed drop\n"))
    }

    /// For nftables, with its own cache of flows that passed the rules (the software flowtable).
    pub fn nft_flowtable(self) -> String {
        let table = "  flowtable fast { hook ingress priority 0; devices = { @A@, @B@ }; }\n";
        let mut rules = String::from("    meta l4proto { tcp, udp } flow add @fast\n");
        self.rules().for_each(|rule| rules.push_str(&format!("    {}\n", Nft(&rule))));
        self.nft(table, &rules)
    }

    fn nft(self, definitions: &str, rules: &str) -> String {
        let mut text = format!("table ip bench {{\n{definitions}");
        if !self.tracked {
            text.push_str("  chain raw { type filter hook prerouting priority raw; policy accept; notrack; }\n");
        }
        text.push_str("  chain forward {\n    type filter hook forward priority filter; policy drop;\n");
        // `flow add` stands first: a flow is handed over when its first answer has come.
        let (cache, rules) =
            if definitions.contains("flowtable") { rules.split_once('\n').unwrap_or((rules, "")) } else { ("", rules) };
        text.push_str(&format!("{cache}\n"));
        if self.tracked {
            text.push_str("    ct state established,related accept\n");
        }
        text.push_str(rules);
        for (from, to) in PASS {
            text.push_str(&format!("    ip saddr {from} ip daddr {to} accept\n"));
        }
        text.push_str("  }\n}\n");
        text
    }

    /// For `iptables-restore`.
    pub fn iptables(self) -> String {
        let mut text = String::new();
        if !self.tracked {
            text.push_str(
                "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -j CT --notrack\nCOMMIT\n",
            );
        }
        text.push_str("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n");
        if self.tracked {
            text.push_str("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n");
        }
        self.rules().for_each(|rule| text.push_str(&format!("{}\n", Iptables(&rule))));
        for (from, to) in PASS {
            text.push_str(&format!("-A FORWARD -s {from} -d {to} -j ACCEPT\n"));
        }
        text.push_str("COMMIT\n");
        text
    }
}

/// The n-th rule of a kind. Rules of a kind do not overlap, so that a set may hold them all.
fn rule(kind: Kind, n: u32) -> Rule {
    let protocol = if n.is_multiple_of(2) { "tcp" } else { "udp" };
    match kind {
        Kind::Ports => {
            // Every other port, so that they are no range.
            let port = 10_001 + (n / 2 * 2) as u16;
            Rule { source: None, destination: None, service: Some((protocol, port, port)) }
        }
        Kind::Sources => {
            // An odd factor permutes the numbers below 2^20: no order, and no neighbors.
            let address = Ipv4Addr::from_bits(0x0b00_0000 + n.wrapping_mul(0x9_e377) % (1 << 20) * 3);
            Rule { source: Some((address, 32)), destination: None, service: None }
        }
        Kind::Classes => {
            let [.., high, low] = (n / 8).to_be_bytes();
            let port = 20_000 + (n.wrapping_mul(7) % 20_000) as u16;
            let last = if n.is_multiple_of(3) { port + 3 } else { port };
            Rule {
                source: Some((Ipv4Addr::new(11, high, low, 0), 24)),
                destination: Some((Ipv4Addr::new(10, 2, (n % 8) as u8, 0), 24)),
                service: Some((protocol, port, last)),
            }
        }
    }
}

fn element(rule: &Rule) -> String {
    let prefix = |(address, len): (Ipv4Addr, u8)| match len {
        32 => address.to_string(),
        _ => format!("{address}/{len}"),
    };
    let mut parts: Vec<String> = rule.source.into_iter().chain(rule.destination).map(prefix).collect();
    if let Some((protocol, first, last)) = rule.service {
        parts.push(protocol.to_owned());
        parts.push(if first == last { first.to_string() } else { format!("{first}-{last}") });
    }
    parts.join(" . ")
}

struct Nacl<'a>(&'a Rule);

impl fmt::Display for Nacl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tests = Vec::new();
        tests.extend(self.0.source.map(|(address, len)| format!("ip.saddr in {address}/{len}")));
        tests.extend(self.0.destination.map(|(address, len)| format!("ip.daddr in {address}/{len}")));
        tests.extend(self.0.service.map(|(protocol, first, last)| match first == last {
            true => format!("{protocol}.dport == {first}"),
            false => format!("{protocol}.dport in {first}-{last}"),
        }));
        write!(f, "if ({}) {{ drop }}", tests.join(" and "))
    }
}

struct Nft<'a>(&'a Rule);

impl fmt::Display for Nft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, prefix) in [("saddr", self.0.source), ("daddr", self.0.destination)] {
            if let Some((address, len)) = prefix {
                write!(f, "ip {field} {address}/{len} ")?;
            }
        }
        if let Some((protocol, first, last)) = self.0.service {
            write!(f, "{protocol} dport {first}")?;
            if first != last {
                write!(f, "-{last}")?;
            }
            f.write_char(' ')?;
        }
        f.write_str("drop")
    }
}

struct Iptables<'a>(&'a Rule);

impl fmt::Display for Iptables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("-A FORWARD ")?;
        for (flag, prefix) in [("-s", self.0.source), ("-d", self.0.destination)] {
            if let Some((address, len)) = prefix {
                write!(f, "{flag} {address}/{len} ")?;
            }
        }
        if let Some((protocol, first, last)) = self.0.service {
            write!(f, "-p {protocol} -m {protocol} --dport {first}")?;
            if first != last {
                write!(f, ":{last}")?;
            }
            f.write_char(' ')?;
        }
        f.write_str("-j DROP")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_words() {
        let [ports, sources, classes] = Kind::ALL.map(|kind| rule(kind, 3));
        assert_eq!(Nft(&ports).to_string(), "udp dport 10003 drop");
        assert_eq!(Iptables(&sources).to_string(), format!("-A FORWARD -s {}/32 -j DROP", sources.source.unwrap().0));
        assert_eq!(
            Nacl(&classes).to_string(),
            "if (ip.saddr in 11.0.0.0/24 and ip.daddr in 10.2.3.0/24 and udp.dport in 20021-20024) { drop }"
        );
        assert_eq!(element(&classes), "11.0.0.0/24 . 10.2.3.0/24 . udp . 20021-20024");
    }

    #[test]
    fn rules_of_a_kind_are_all_different() {
        for kind in Kind::ALL {
            let mut elements: Vec<String> = (0..Filter::MOST).map(|n| element(&rule(kind, n))).collect();
            elements.sort();
            elements.dedup();
            assert_eq!(elements.len(), Filter::MOST as usize, "{kind:?}");
        }
    }

    #[test]
    fn no_rule_matches_what_the_hosts_send() {
        for n in 0..Filter::MOST {
            let (first, last) = rule(Kind::Ports, n).service.map(|(_, first, last)| (first, last)).unwrap();
            assert!([9, 5201, 7777, 9000, 9003].iter().all(|port| !(first..=last).contains(port)));
            assert_eq!(rule(Kind::Sources, n).source.unwrap().0.octets()[0], 11);
            assert_eq!(rule(Kind::Classes, n).source.unwrap().0.octets()[0], 11);
        }
    }
}
