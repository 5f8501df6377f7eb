//! The examples with pieces of them deleted, repeated, exchanged and brought in from other files: texts that look like
//! NaCl, and so get beyond the parser.
//!
//! The bytes say which file to begin with and what to do to it; see `mutated`. What comes out is compiled as any text
//! is ([`nacl_text`](crate::nacl_text)), laid out, and asked about as an editor would.

use crate::Bytes;
use nacl::Source;
use nacl::lex;

/// What is cut up: every construct of the language is in one of them.
pub const FILES: &[&str] = &[
    include_str!("../../examples/guard.nacl"),
    include_str!("../../examples/includeos-gateway-real.nacl"),
    include_str!("../../examples/seed-nat.nacl"),
    include_str!("../../examples/seed.nacl"),
    include_str!("../../examples/seed6.nacl"),
    include_str!("../../tests/nacl/includeos-gateway.nacl"),
    include_str!("../../tests/nacl/upstream-assignments.nacl"),
    include_str!("../../tests/nacl/upstream-config_options.nacl"),
    include_str!("../../tests/nacl/upstream-conntrack_stateful.nacl"),
    include_str!("../../tests/nacl/upstream-gateway_with_forward_chain.nacl"),
    include_str!("../../tests/nacl/upstream-iface.nacl"),
    include_str!("../../tests/nacl/upstream-iface_with_limits.nacl"),
    include_str!("../../tests/nacl/upstream-lb_assignment_functionality.nacl"),
    include_str!("../../tests/nacl/upstream-lb.nacl"),
    include_str!("../../tests/nacl/upstream-log.nacl"),
    include_str!("../../tests/nacl/upstream-syslog.nacl"),
    include_str!("../../tests/nacl/upstream-timers.nacl"),
    include_str!("../../tests/nacl/upstream-vlan_routing.nacl"),
    EXTENSIONS,
];

/// Words of the language that no example has.
const EXTENSIONS: &str = r#"
Iface wan { index: 0, config: dhcp, reverse_path: loose, mtu: 1500, masquerade: true, postrouting: out, input: guard }
Iface lan { index: 1, address: 10.0.0.1, netmask: 255.255.255.0, address6: [2001:db8:1::1/64, fd00::1/64],
  prerouting: [web, guard], reverse_path: strict, output: guard }
Iface pipe { index: "52:54:00:00:00:07", config: dhcp-with-fallback, address: 10.9.0.1, netmask: 255.255.255.254 }
Gateway edge {
  send_unreachable: true, send_time_exceeded: false, forward: [guard, second],
  a: { net: 10.0.0.0/24, iface: lan }, b: { host: 10.7.0.1, nexthop: 10.0.0.9, iface: lan, cost: 3 },
  c: { net: ::/0, nexthop: fe80::1, iface: lan }, d: { net: 0.0.0.0, netmask: 0.0.0.0, iface: wan }
}
edge.e: { net: 10.8.0.0/16, gateway: 10.0.0.7, iface: lan }
Conntrack tracking { limit: 1000, reserve: 10, stateful_tcp: true, timeout: { established: { tcp: 60, other: 9 } } }
Syslog server { address: 2001:db8:1::9, port: 514, rate: 10, burst: 20 }
ports: { http: 80, more: [8080 - 8090, https], deep: { one: 1 } }
ports.two: 2
on: true
hosts: [10.0.0.10 - 10.0.0.20, 2001:db8:1::/64, 10.0.0.0/30]
Filter::IP guard {
  if (ct.state == invalid) { drop } else if (ct.state in [established, related]) { accept }
  Filter::ICMPv6 { if (icmpv6.type == packet-too-big or icmpv6.type in [1 - 4]) { accept } }
  Filter::ICMP { if (icmp.type != redirect && ip.ttl > 3) { accept } else { drop } }
  Filter::TCP syns { if (tcp.syn and not tcp.ack and !limit(10, "second", 20)) { reject(tcp-reset) } tell }
  Filter::UDP { if (udp.sport == udp.dport || udp.dport IN ports) { syslog(warning, "x ", udp.length, on) accept() } }
  if (iif == lan and ip.saddr in hosts) { accept }
  if (oif in [lan, pipe] and (ip.daddr != ip.saddr or ip.dscp >= 8)) { log("out ", oif, "\n") }
  if (ip.daddr == wan.address) { reject(port-unreachable) }
  reject
}
Filter::TCP tell { if (tcp.flags == syn) { log(tcp.dport) } if (tcp.window <= 10) { drop } }
Filter::IP second { if (on) { accept } else { drop } }
Nat::IP web {
  Nat::TCP { if (tcp.dport == http) { dnat(10.0.0.10, 8080) } redirect(3128) }
  dnat(2001:db8:1::10)
}
Nat::IP out { if (ip.saddr in 10.0.0.0/24) { masquerade } snat(pipe.address) }
Load_balancer pool { layer: tcp, clients: { iface: pipe, port: 80, session_limit: 5, wait_queue_limit: 3 },
  servers: { iface: lan, algorithm: round_robin, pool: [{ address: 10.0.0.11, port: 80 }, { address: 10.0.0.12, port: 81 }] } }
Timer stats { interval: 5, data: [timestamp, stats, memory, cpu, lb, stack-sampling, timers] }
"#;

/// What a token may be replaced with: values at the edges of what is allowed, and beyond.
const ODD: &[&str] = &[
    "0",
    "1",
    "4095",
    "65535",
    "65536",
    "4294967296",
    "9223372036854775808",
    "(-1)",
    "1.5",
    "0.0.0.0",
    "255.255.255.255",
    "10.0.0.300",
    "224.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "2001:db8::/0",
    "10.0.0.0/33",
    "1 - 0",
    "\"\"",
    "\"\\n\"",
    "\"",
    "true",
    "not",
    "else",
    "in",
    "{ }",
    "[ ]",
    "()",
    ",",
    ":",
    ".",
    "-",
    "/",
    "=",
    "a.b.c",
    "ip.saddr",
    "tcp.dport",
    "iif",
    "limit",
    "reject",
    "Filter::IP q { drop }",
    "/*",
    "//",
];

/// Steps that one input may take, and the longest text that comes of them.
const MOST_STEPS: usize = 64;
const LONGEST: usize = 64 << 10;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let text = mutated(&mut bytes);
    crate::nacl_text::run(text.as_bytes());
    let source = Source::new("fuzz.nacl", text.as_str());
    if let Ok(laid_out) = nacl::format(&source) {
        let again = nacl::format(&Source::new("fuzz.nacl", laid_out.as_str()));
        assert_eq!(again.as_deref(), Ok(laid_out.as_str()), "the layout is final");
        let [before, after] = [&source, &Source::new("fuzz.nacl", laid_out.as_str())].map(meaning);
        assert_eq!(before, after, "the layout means the same");
    }
    edit(text, bytes.u16());
}

/// The codes of all diagnostics, and how large the policy is.
fn meaning(source: &Source) -> (Vec<&'static str>, Option<Vec<usize>>) {
    let compiled = nacl::compile(source);
    let mut codes: Vec<&str> = compiled.diagnostics.iter().map(|found| found.code.name()).collect();
    codes.sort_unstable();
    let sizes = compiled.policy.map(|policy| policy.functions.iter().map(|f| f.program.steps().len()).collect());
    (codes, sizes)
}

/// What an editor asks at a place.
fn edit(text: String, place: u16) {
    let file = ide::File::new("fuzz.nacl", text);
    let mut at = usize::from(place) % (file.text().len() + 1);
    while !file.text().is_char_boundary(at) {
        at -= 1;
    }
    let at = at as u32;
    file.completions(at);
    file.hover(at);
    file.outline();
    file.references(at, true);
    if let Ok(edits) = file.rename(at, "renamed_by_fuzzing") {
        ide::apply(file.text(), &edits);
    }
    // An editor asks at a place, and not thousands of times.
    for found in file.diagnostics().iter().take(20) {
        file.fixes(found.span);
    }
}

/// The text that an input stands for: what to look at when one fails.
pub fn text(data: &[u8]) -> String {
    mutated(&mut Bytes::new(data))
}

/// A file, and what is done to its pieces one step after another.
fn mutated(bytes: &mut Bytes<'_>) -> String {
    let mut pieces = cut(file(bytes.u8()));
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() || pieces.is_empty() {
            break;
        }
        step(&mut pieces, bytes);
        if pieces.iter().map(String::len).sum::<usize>() > LONGEST {
            break;
        }
    }
    pieces.concat()
}

fn file(number: u8) -> &'static str {
    FILES.get(usize::from(number) % FILES.len()).copied().unwrap_or_default()
}

/// Tokens, each with the white space and the comments before it.
fn cut(text: &str) -> Vec<String> {
    let source = Source::new("piece.nacl", text);
    let lexed = lex::lex(&source, &mut Vec::new());
    let mut at = 0;
    let mut pieces = Vec::new();
    for token in &lexed.tokens {
        let end = token.span.end as usize;
        pieces.extend(text.get(at..end).filter(|piece| !piece.is_empty()).map(String::from));
        at = end;
    }
    pieces
}

fn step(pieces: &mut Vec<String>, bytes: &mut Bytes<'_>) {
    let kind = bytes.u8();
    let at = usize::from(bytes.u16()) % pieces.len();
    let statement = at..end_of(pieces, at);
    match kind % 10 {
        0 => drop(pieces.remove(at)),
        1 => pieces.insert(at, pieces[at].clone()),
        2 => {
            let other = usize::from(bytes.u16()) % pieces.len();
            pieces.swap(at, other);
        }
        3 => pieces[at] = format!(" {}", ODD[usize::from(bytes.u8()) % ODD.len()]),
        4 => drop(pieces.drain(statement)),
        5 => {
            let copy = pieces[statement.clone()].to_vec();
            drop(pieces.splice(statement.end..statement.end, copy));
        }
        // A statement goes elsewhere.
        6 => {
            let moved: Vec<String> = pieces.drain(statement).collect();
            let to = usize::from(bytes.u16()) % (pieces.len() + 1);
            drop(pieces.splice(to..to, moved));
        }
        // A statement of another file instead of this one, or before it; a token of it.
        other => {
            let foreign = cut(file(bytes.u8()));
            let from = usize::from(bytes.u16()) % foreign.len().max(1);
            let taken = foreign.get(from..end_of(&foreign, from)).unwrap_or_default().to_vec();
            match other {
                7 => drop(pieces.splice(statement, taken)),
                8 => drop(pieces.splice(at..at, taken)),
                _ => pieces[at] = foreign.get(from).cloned().unwrap_or_default(),
            }
        }
    }
}

/// Where what begins at a piece ends: with its line, and with every bracket that it opens.
fn end_of(pieces: &[String], at: usize) -> usize {
    let mut depth = 0_usize;
    for (number, piece) in pieces.iter().enumerate().skip(at) {
        if number > at && depth == 0 && piece.contains('\n') {
            return number;
        }
        match piece.as_bytes().last() {
            Some(b'{' | b'[' | b'(') => depth += 1,
            Some(b'}' | b']' | b')') => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return number.max(at + 1),
            },
            _ => {}
        }
    }
    pieces.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_text_and_every_file_compiles() {
        for text in FILES {
            assert_eq!(cut(text).concat().trim_end(), text.trim_end());
            let compiled = nacl::compile(&Source::new("file.nacl", *text));
            assert!(!compiled.has_errors(), "{text}\n{:?}", compiled.diagnostics);
        }
    }

    #[test]
    fn a_statement_ends_with_its_line_and_with_what_it_opens() {
        let pieces = cut("if (a) {\n  drop\n}\naccept\n");
        let text = |at: usize| pieces[at..end_of(&pieces, at)].concat();
        assert_eq!(text(0), "if (a) {\n  drop\n}");
        assert_eq!(text(pieces.len() - 2).trim(), "accept");
    }
}
