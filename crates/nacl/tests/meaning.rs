//! What functions mean: conditions and statements compiled, and their programs asked about packets.

use policy::{AddrRef, Comparison, CtState, Field, Part, Program, Reject, Sink, Step, Test, Translation, Verdict};
use saltgate_nacl::{Code, Severity, Source, compile, diagnostic::render};
use std::collections::HashMap;
use std::net::IpAddr;

/// A packet as the values of its properties; those that it does not have are missing.
#[derive(Clone, Debug, Default)]
struct Packet {
    numbers: HashMap<Field, u32>,
    addresses: HashMap<Field, IpAddr>,
}

impl Packet {
    fn new(protocol: u32, source: &str, target: &str) -> Self {
        let (source, target): (IpAddr, IpAddr) = (source.parse().unwrap(), target.parse().unwrap());
        let version = if source.is_ipv4() { 4 } else { 6 };
        Self::default()
            .with(Field::IpVersion, version)
            .with(Field::IpProtocol, protocol)
            .with(Field::IpTtl, 64)
            .with(Field::CtState, CtState::New as u32)
            .address(Field::IpSaddr, source)
            .address(Field::IpDaddr, target)
    }

    fn udp(source: &str, sport: u32, target: &str, dport: u32) -> Self {
        Self::new(17, source, target).with(Field::UdpSport, sport).with(Field::UdpDport, dport)
    }

    fn tcp(source: &str, sport: u32, target: &str, dport: u32, flags: u32) -> Self {
        let packet = Self::new(6, source, target).with(Field::TcpFlags, flags);
        packet.with(Field::TcpSport, sport).with(Field::TcpDport, dport)
    }

    fn with(mut self, field: Field, value: u32) -> Self {
        self.numbers.insert(field, value);
        self
    }

    fn address(mut self, field: Field, value: IpAddr) -> Self {
        self.addresses.insert(field, value);
        self
    }
}

/// The address that every Iface has at run time, in these tests.
const CURRENT: &str = "192.0.2.1";

fn compares<T: PartialOrd>(a: T, comparison: Comparison, b: T) -> bool {
    match comparison {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}

fn addresses_compare(a: IpAddr, comparison: Comparison, b: IpAddr) -> bool {
    if a.is_ipv4() == b.is_ipv4() { compares(a, comparison, b) } else { comparison == Comparison::NotEqual }
}

fn holds(program: &Program, test: &Test, packet: &Packet) -> bool {
    match test {
        Test::In { field, set } => {
            let set = &program.sets()[*set as usize];
            if field.is_address() {
                packet.addresses.get(field).is_some_and(|address| set.contains_address(*address))
            } else {
                packet.numbers.get(field).is_some_and(|number| set.contains_number(*number))
            }
        }
        Test::Compare { left, comparison, right } if left.is_address() => {
            addresses_compare(packet.addresses[left], *comparison, packet.addresses[right])
        }
        Test::Compare { left, comparison, right } => compares(packet.numbers[left], *comparison, packet.numbers[right]),
        Test::IsAddress { field, comparison, address } => {
            let address = match address {
                AddrRef::Fixed(address) => *address,
                AddrRef::Iface(_) => CURRENT.parse().unwrap(),
            };
            addresses_compare(packet.addresses[field], *comparison, address)
        }
        Test::TcpFlags { mask } => packet.numbers[&Field::TcpFlags] & u32::from(*mask) != 0,
        Test::Limit(_) => true,
    }
}

#[derive(Debug, PartialEq)]
enum End {
    Verdict(Verdict),
    Translated(Translation),
}

/// Runs a program; gives its end and what it logged.
fn run(program: &Program, packet: &Packet) -> (End, String) {
    let (mut at, mut log) = (0, String::new());
    loop {
        match &program.steps()[at] {
            Step::Test { test, then, otherwise } => {
                at = if holds(program, test, packet) { *then } else { *otherwise } as usize;
            }
            Step::Log { template, next } => {
                let template = &program.templates()[*template as usize];
                if let Sink::Syslog { severity } = template.sink {
                    log.push_str(&format!("<{severity}>"));
                }
                for part in &template.parts {
                    match part {
                        Part::Text(text) => log.push_str(text),
                        Part::Field(field) if field.is_address() => log.push_str(&packet.addresses[field].to_string()),
                        Part::Field(field) => log.push_str(&packet.numbers[field].to_string()),
                        Part::Address(_) => log.push_str(CURRENT),
                    }
                }
                at = *next as usize;
            }
            Step::Translate { translation, otherwise } => {
                let address = match translation {
                    Translation::Dnat { address, .. } | Translation::Snat { address, .. } => *address,
                    Translation::Redirect { .. } | Translation::Masquerade => None,
                };
                let other_family = match address {
                    Some(AddrRef::Fixed(address)) => address.is_ipv4() != packet.addresses[&Field::IpSaddr].is_ipv4(),
                    _ => false,
                };
                if !other_family {
                    return (End::Translated(*translation), log);
                }
                at = *otherwise as usize;
            }
            Step::End(verdict) => return (End::Verdict(*verdict), log),
        }
    }
}

/// The program of the function `f` of a file whose Iface `e` has it on a chain.
fn program(chain: &str, rest: &str) -> Program {
    let head = format!(
        "Iface e {{ index: 0, address: 10.0.0.45, netmask: 255.255.255.0, address6: 2001:db8::45/64, {chain}: f }}\n"
    );
    let text = format!("{head}Iface d {{ index: 1, config: dhcp }}\n{rest}");
    let source = Source::new("test.nacl", text);
    let compiled = compile(&source);
    let all: String = compiled.diagnostics.iter().map(|found| render(&source, found)).collect();
    let policy = compiled.policy.unwrap_or_else(|| panic!("{all}"));
    policy.functions.iter().find(|function| function.name == "f").expect("f is on the chain").program.clone()
}

/// Whether a condition of an IP function holds for a packet.
fn condition(condition: &str, packet: &Packet) -> bool {
    let text = format!(
        "Filter::IP f {{ if ({condition}) {{ drop }} accept }}\nm: {{ a: 53 }}\nm.b: 54\nhosts: [ten, 2001:db8::/64]\nten: 10.0.0.0/24\non: true"
    );
    run(&program("input", &text), packet).0 == End::Verdict(Verdict::Drop)
}

fn v4() -> Packet {
    Packet::udp("10.0.0.9", 7, "10.0.0.45", 53)
}

fn v6() -> Packet {
    Packet::udp("2001:db8::9", 7, "2001:db8::45", 53)
}

#[test]
fn conditions_hold_for_the_packets_that_they_name() {
    //   condition, for an IPv4 packet, for an IPv6 packet
    let table = [
        ("ip.ttl == 64", true, true),
        ("ip.ttl != 64", false, false),
        ("64 == ip.ttl", true, true),
        ("63 < ip.ttl", true, true),
        ("64 < ip.ttl", false, false),
        ("ip.ttl <= 64 and ip.ttl >= 64", true, true),
        ("not ip.ttl == 1", true, true),
        ("not not ip.ttl == 64", true, true),
        ("ip.ttl == 64 or ip.version == 5 and ip.version == 7", true, true),
        ("(ip.ttl == 64 or ip.version == 4) and ip.version == 6", false, true),
        ("not ip.saddr in [10.0.0.9] and ip.ttl == 64", false, true),
        ("not (ip.saddr in [10.0.0.9] and ip.ttl == 64)", false, true),
        ("ip.saddr == 10.0.0.9", true, false),
        ("ip.saddr != 10.0.0.9", false, true),
        ("ip.saddr < 10.0.0.10", true, false),
        ("ip.saddr > 10.0.0.8", true, false),
        ("ip.saddr >= 10.0.0.9 and ip.saddr <= 10.0.0.9", true, false),
        ("10.0.0.10 > ip.saddr", true, false),
        ("ip.saddr < 2001:db8::a", false, true),
        ("ip.saddr >= ::", false, true),
        ("ip.saddr in 10.0.0.200/24", true, false),
        ("ip.saddr in 0.0.0.0/0", true, false),
        ("not ip.saddr in [10.0.0.0/8]", false, true),
        ("ip.saddr in hosts", true, true),
        ("ip.saddr in 10.0.0.9 - 10.0.0.9", true, false),
        ("ip.saddr IN [10.0.0.1, 2001:db8::9 - 2001:db8::a]", false, true),
        ("ip.saddr == e.address6 or ip.daddr == e.address", true, false),
        ("ip.daddr == e.address6", false, true),
        ("ip.saddr == ip.daddr", false, false),
        ("ip.saddr < ip.daddr", true, true),
        ("ip.saddr != d.address", true, true),
        ("d.address == ip.daddr", false, false),
        ("ip.daddr in [d.address, 10.0.0.45]", true, false),
        ("IP.Version == 4", true, false),
        ("ip.protocol == UDP", true, true),
        ("ip.protocol in [tcp, 17]", true, true),
        ("ip.protocol != tcp && ip.protocol != 1", true, true),
        ("ct.state == new", true, true),
        ("ct.state in [established, related]", false, false),
        ("ct.state != Established", true, true),
        ("on and ip.ttl == 64", true, true),
        ("!on || ip.ttl == 64", true, true),
        ("iif == e", false, false),
        ("iif != e", true, true),
        ("not iif in [e, d]", true, true),
        ("oif == d", false, false),
        ("ip.ttl in 60-70", true, true),
        ("ip.ttl in [1, [2, 64]]", true, true),
        ("limit(1, \"second\", 5)", true, true),
        ("LIMIT(10, \"minute\", 5) and ip.ttl == 1", false, false),
    ];
    for (text, four, six) in table {
        assert_eq!((condition(text, &v4()), condition(text, &v6())), (four, six), "{text}");
    }
}

#[test]
fn members_set_out_of_line_are_in_the_set() {
    for (dport, dropped) in [(53, true), (54, true), (55, false)] {
        let packet = Packet::udp("10.0.0.9", 7, "10.0.0.45", dport);
        let text = "m: { a: 53 }\nm.b: 54\nFilter::IP f { Filter::UDP { if (udp.dport in m) { drop } } accept }";
        let end = run(&program("input", text), &packet).0;
        assert_eq!(end == End::Verdict(Verdict::Drop), dropped, "{dport}");
    }
}

#[test]
fn subtypes_let_their_own_packets_in_and_the_others_pass() {
    let text = |subtype: &str| format!("Filter::IP f {{ Filter::{subtype} {{ drop }} accept }}");
    let packet = |protocol, version| {
        if version == 4 { Packet::new(protocol, "10.0.0.9", "10.0.0.1") } else { Packet::new(protocol, "::9", "::1") }
    };
    //   subtype, (protocol, version) that are let in
    let table: [(&str, &[(u32, u32)]); 5] = [
        ("IP", &[(1, 4), (1, 6), (6, 4), (6, 6), (17, 4), (17, 6), (47, 4), (58, 4), (58, 6)]),
        ("ICMP", &[(1, 4)]),
        ("icmpv6", &[(58, 6)]),
        ("UDP", &[(17, 4), (17, 6)]),
        ("Tcp", &[(6, 4), (6, 6)]),
    ];
    for (subtype, inside) in table {
        // A body that always drops makes what follows unreachable for IP, which is a warning only.
        let program = program("input", &text(subtype));
        for (protocol, version) in [(1, 4), (1, 6), (6, 4), (6, 6), (17, 4), (17, 6), (47, 4), (58, 4), (58, 6)] {
            let dropped = run(&program, &packet(protocol, version)).0 == End::Verdict(Verdict::Drop);
            assert_eq!(dropped, inside.contains(&(protocol, version)), "{subtype} {protocol} {version}");
        }
    }
}

#[test]
fn flags_are_tested_singly_or_all_at_once() {
    let table = [
        ("tcp.syn", 0x02, true),
        ("tcp.syn", 0x12, true),
        ("tcp.syn and not tcp.ack", 0x12, false),
        ("tcp.flags == syn", 0x02, true),
        ("tcp.flags == syn", 0x12, false),
        ("tcp.flags == 18", 0x12, true),
        ("tcp.flags in [syn, fin]", 0x01, true),
        ("tcp.ns", 0x100, true),
        ("tcp.syn == true", 0x02, true),
        ("tcp.syn != true", 0x02, false),
        ("tcp.syn == tcp.ack", 0x12, true),
        ("tcp.syn == tcp.ack", 0x02, false),
        ("tcp.syn != tcp.ack", 0x02, true),
        ("tcp.dport == http", 0x02, true),
        ("tcp.sport < tcp.dport", 0x02, false),
    ];
    for (text, flags, truth) in table {
        let packet = Packet::tcp("10.0.0.9", 4000, "10.0.0.45", 80, flags);
        let text = format!("Filter::IP f {{ Filter::TCP {{ if ({text}) {{ drop }} }} accept }}");
        assert_eq!(run(&program("input", &text), &packet).0 == End::Verdict(Verdict::Drop), truth, "{text} {flags:#x}");
    }
}

#[test]
fn icmp_names_have_the_number_of_the_property_they_are_compared_with() {
    let table = [
        ("ICMP", "icmp.type == echo-request", 1, "10.0.0.9", Field::IcmpType, 8),
        ("ICMPv6", "icmpv6.type == echo-request", 58, "::9", Field::Icmpv6Type, 128),
        ("ICMPv6", "icmpv6.type in [ping, 1]", 58, "::9", Field::Icmpv6Type, 128),
        ("ICMP", "icmp.type == ping", 1, "10.0.0.9", Field::IcmpType, 8),
        ("ICMP", "icmp.type != 9", 1, "10.0.0.9", Field::IcmpType, 8),
    ];
    for (subtype, text, protocol, source, field, number) in table {
        let packet = Packet::new(protocol, source, source).with(field, number);
        let text =
            format!("ping: echo-request\nFilter::IP f {{ Filter::{subtype} {{ if ({text}) {{ drop }} }} accept }}");
        assert_eq!(run(&program("input", &text), &packet).0, End::Verdict(Verdict::Drop), "{text}");
    }
}

#[test]
fn statements_run_in_order_and_the_first_verdict_ends() {
    let table = [
        ("log(\"a\") accept", End::Verdict(Verdict::Accept), "a"),
        (
            "if (ip.ttl == 1) { drop } else if (ip.ttl == 64) { log(\"x\") } else { drop } accept",
            End::Verdict(Verdict::Accept),
            "x",
        ),
        ("if (ip.ttl == 1) { accept } else { log(\"e\") } drop", End::Verdict(Verdict::Drop), "e"),
        (
            "log(\"1\") Filter::UDP { log(\"2\", udp.dport) Filter::IP { log(\"3\", udp.sport) } } log(\"4\") accept",
            End::Verdict(Verdict::Accept),
            "1253374",
        ),
        ("g log(\"!\") accept", End::Verdict(Verdict::Accept), "g!"),
        ("h() log(\"!\") accept", End::Verdict(Verdict::Drop), "h"),
        ("t log(\"!\") accept", End::Verdict(Verdict::Accept), "!"),
        (
            "syslog(Info, \"a\", ip.ttl, \"b\", 10, \"/\", e.address, true, port, \"\\t\") accept",
            End::Verdict(Verdict::Accept),
            "<6>a64b10/10.0.0.45true80\t",
        ),
        ("log(d.address) REJECT", End::Verdict(Verdict::Reject(Reject::AdminProhibited)), CURRENT),
        ("reject(port-unreachable)", End::Verdict(Verdict::Reject(Reject::PortUnreachable)), ""),
        ("reject(tcp-reset)", End::Verdict(Verdict::Reject(Reject::TcpReset)), ""),
        ("Accept()", End::Verdict(Verdict::Accept), ""),
    ];
    for (text, end, log) in table {
        let rest = "port: 80\nFilter::IP g { log(\"g\") }\nFilter::IP h { log(\"h\") drop }\nFilter::TCP t { drop }\nFilter::IP u { g h t log(port) drop }";
        let text = format!("Filter::IP f {{ {text} }}\n{rest}");
        assert_eq!(run(&program("input", &text), &v4()), (end, log.into()), "{text}");
    }
}

#[test]
fn nat_translates_by_family_and_accepts_at_its_end() {
    let fixed = |address: &str| Some(AddrRef::Fixed(address.parse().unwrap()));
    let dnat = |address, port| End::Translated(Translation::Dnat { address, port });
    let accept = || End::Verdict(Verdict::Accept);
    //   chain, body, for IPv4, for IPv6
    let table = [
        ("prerouting", "dnat(10.0.0.9)", dnat(fixed("10.0.0.9"), None), accept()),
        (
            "prerouting",
            "dnat(10.0.0.9) dnat(2001:db8::9)",
            dnat(fixed("10.0.0.9"), None),
            dnat(fixed("2001:db8::9"), None),
        ),
        ("prerouting", "Nat::UDP { dnat(10.0.0.9, 80) }", dnat(fixed("10.0.0.9"), Some(80)), accept()),
        ("prerouting", "Nat::UDP { dnat(http) }", dnat(None, Some(80)), dnat(None, Some(80))),
        (
            "prerouting",
            "Nat::UDP { redirect(8080) }",
            End::Translated(Translation::Redirect { port: 8080 }),
            End::Translated(Translation::Redirect { port: 8080 }),
        ),
        (
            "postrouting",
            "masquerade",
            End::Translated(Translation::Masquerade),
            End::Translated(Translation::Masquerade),
        ),
        ("postrouting", "if (ip.ttl == 1) { masquerade() }", accept(), accept()),
    ];
    for (chain, body, four, six) in table {
        let program = program(chain, &format!("Nat::IP f {{ {body} }}"));
        assert_eq!((run(&program, &v4()).0, run(&program, &v6()).0), (four, six), "{body}");
    }
    let snat = |text: &str| run(&program("postrouting", text), &v4()).0;
    let of_iface = |iface| Some(AddrRef::Iface(wire::IfaceId(iface)));
    assert_eq!(
        snat("Nat::IP f { snat(d.address) }"),
        End::Translated(Translation::Snat { address: of_iface(1), port: None })
    );
    assert_eq!(
        snat("NAT::IP f { SNAT(e.address) }"),
        End::Translated(Translation::Snat { address: fixed("10.0.0.45"), port: None })
    );
}

#[test]
fn what_the_file_defines_wins_over_an_extension_word() {
    let file = "Filter::IP f { reject accept }\nFilter::IP reject { log(\"mine\") }";
    assert_eq!(run(&program("input", file), &v4()), (End::Verdict(Verdict::Accept), "mine".into()));
    assert!(
        run(&program("input", "iif: 64\nFilter::IP f { if (ip.ttl == iif) { drop } accept }"), &v4()).0
            == End::Verdict(Verdict::Drop)
    );
    let constant = "limit: true\nFilter::IP f { if (limit) { drop } accept }";
    assert_eq!(run(&program("input", constant), &v4()).0, End::Verdict(Verdict::Drop));
    let called = Source::new("test", "limit: 5\nFilter::IP f { if (limit(1, \"second\", 1)) { drop } accept }");
    assert!(compile(&called).diagnostics.iter().any(|found| found.code == Code::NotACondition));
}

#[test]
fn every_step_knows_its_place() {
    let text =
        "Filter::IP f {\n  if (ip.ttl == 1 and\n      ip.version == 4) {\n    drop\n  }\n  log(\"x\")\n  accept\n}";
    let program = program("input", text);
    let places: Vec<String> = (0..program.steps().len()).map(|at| program.place(at as u32).to_string()).collect();
    // The head of the file is two lines.
    assert_eq!(places, ["4:7", "5:7", "6:5", "8:3", "9:3"]);
}

#[test]
fn equal_sets_and_messages_are_kept_once() {
    let uses = "if (ip.saddr in l) { log(\"x\") }\n".repeat(50);
    let program = program(
        "input",
        &format!(
            "l: [10.0.0.1, 10.0.0.3]\nFilter::IP f {{ {uses} g g accept }}\nFilter::IP g {{ if (ip.ttl == 5) {{ log(\"y\") }} }}"
        ),
    );
    assert_eq!(program.sets().len(), 2);
    assert_eq!(program.templates().len(), 51);
    assert_eq!(program.limits().len(), 0);
}

#[test]
fn a_filter_that_names_invalid_judges_invalid_packets() {
    let table = [
        ("Filter::IP f { if (ct.state == invalid) { drop } accept }", true),
        ("Filter::IP f { if (ct.state in [new, invalid]) { drop } accept }", true),
        ("Filter::IP f { g accept }\nFilter::IP g { if (ct.state != invalid) { drop } }", true),
        ("Filter::IP f { if (ct.state == new) { drop } accept }", false),
    ];
    for (text, mentions) in table {
        let text = format!("Iface e {{ index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: f }}\n{text}");
        let compiled = compile(&Source::new("test", text.as_str()));
        assert!(compiled.diagnostics.iter().all(|found| found.severity != Severity::Error));
        assert_eq!(compiled.policy.unwrap().functions[0].mentions_invalid, mentions, "{text}");
    }
}
