//! Random Filters against every packet of a small world: what is told never to happen does not, and what does not
//! happen is told.

use crate::diagnostic::Code;
use crate::{Source, analyze, compile};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use classifier::{Header, World, interpret};
use policy::{AddrRef, Field, LimitId, Part, Program, StepId, Translation};
use wire::IpAddr;

/// xorshift64*: the same Filters in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }
}

const TESTS: &[&str] = &[
    "ip.ttl == 1",
    "ip.ttl == 2",
    "ip.ttl < 3",
    "ip.ttl in [1, 3]",
    "ip.ttl >= 2",
    "ip.ttl != 1",
    "ip.id == 1",
    "ip.id in 1 - 2",
    "ip.id > 1",
    "not ip.id == 2",
    "ip.protocol == tcp",
    "ip.protocol != udp",
];

fn condition(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 1 } else { 4 }) {
        0 | 1 => random.pick(TESTS).to_string(),
        2 => format!("({} or {})", condition(random, depth - 1), condition(random, depth - 1)),
        _ => format!("({} and {})", condition(random, depth - 1), condition(random, depth - 1)),
    }
}

/// Statements; each place that can be reached has a line of its own with its number.
fn body(random: &mut Random, depth: usize, lines: &mut usize) -> String {
    let mut text = String::new();
    for _ in 0..1 + random.below(4) {
        *lines += 1;
        let line = *lines;
        let end = random.pick(&["accept", "drop", ""]);
        match random.below(if depth == 0 { 2 } else { 5 }) {
            0 | 1 => text += &format!("if ({}) {{ log(\"<{line}>\") {end} }}\n", condition(random, 2)),
            2 => {
                let inner = body(random, depth - 1, lines);
                text += &format!("if ({}) {{ log(\"<{line}>\") {inner} {end} }}\n", condition(random, 1));
            }
            3 => {
                *lines += 1;
                let (first, second) = (condition(random, 1), condition(random, 1));
                let other = *lines;
                text += &format!(
                    "if ({first}) {{ log(\"<{line}>\") {end} }} else if ({second}) {{ log(\"<{other}>\") drop }}\n"
                );
            }
            _ => {
                let inner = body(random, depth - 1, lines);
                let subtype = random.pick(&["TCP", "UDP"]);
                text += &format!("Filter::{subtype} {{ log(\"<{line}>\") {inner} {end} }}\n");
            }
        }
    }
    text
}

struct Packets<'p> {
    program: &'p Program,
    header: Header,
    seen: &'p mut BTreeSet<String>,
}

impl World for Packets<'_> {
    type Packet = Header;
    type Refusal = ();

    fn packet(&self) -> &Header {
        &self.header
    }

    fn address(&self, _: AddrRef) -> Option<IpAddr> {
        None
    }

    fn log(&mut self, step: StepId) {
        let Some(policy::Step::Log { template, .. }) = self.program.steps().get(step as usize) else { return };
        for part in &self.program.templates()[*template as usize].parts {
            if let Part::Text(text) = part {
                self.seen.insert(text.to_string());
            }
        }
    }

    fn limit(&mut self, _: LimitId) -> bool {
        true
    }

    fn translate(&mut self, _: StepId, _: &Translation) -> Result<bool, ()> {
        Ok(false)
    }
}

/// The lines of all packets together.
fn written(program: &Program) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for ttl in [0, 1, 2, 3, 4, 255] {
        for id in [0, 1, 2, 3, 65_535] {
            for protocol in [6, 17, 47] {
                let mut header = Header::new();
                header.set_number(Field::IpVersion, 4);
                header.set_address(Field::IpSaddr, IpAddr::V4(wire::Ipv4Addr::new(192, 0, 2, 1)));
                header.set_address(Field::IpDaddr, IpAddr::V4(wire::Ipv4Addr::new(192, 0, 2, 2)));
                header.set_number(Field::IpTtl, ttl);
                header.set_number(Field::IpId, id);
                header.set_number(Field::IpProtocol, protocol);
                match protocol {
                    6 => header.set_number(Field::TcpDport, 80),
                    17 => header.set_number(Field::UdpDport, 80),
                    _ => {}
                }
                let mut world = Packets { program, header, seen: &mut seen };
                assert!(interpret(program, &mut world).is_ok());
            }
        }
    }
    seen
}

fn place(text: &str, line: usize) -> usize {
    text.find(&format!("<{line}>")).expect("each line is in the text once")
}

/// The number of the first line behind a place.
fn line_behind(text: &str, at: usize) -> usize {
    let behind = &text[at..];
    let start = behind.find("\"<").expect("a rule has a line") + 2;
    let end = behind[start..].find('>').expect("a line is closed") + start;
    behind[start..end].parse().expect("a line has a number")
}

/// From the line to the bracket that closes the block which it begins.
fn body_of(text: &str, line: usize) -> core::ops::Range<usize> {
    let start = place(text, line);
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return start..at;
        }
    }
    start..text.len()
}

#[test]
fn what_is_told_never_to_happen_does_not_and_what_does_not_is_told() {
    let mut random = Random(23);
    let mut told_of = 0;
    for round in 0..400 {
        let mut lines = 0;
        let rules = body(&mut random, 2, &mut lines);
        let text = format!("Iface eth0 {{ index: 0, input: f }}\nFilter::IP f {{\n{rules}accept\n}}\n");
        let source = Source::new("random.nacl", text.as_str());
        let compiled = analyze(&source);
        // A TCP function inside a UDP one is an error.
        let Some(policy) = compiled.policy else { continue };
        let seen = written(&policy.functions[0].program);
        let is_idle = |line: usize| !seen.contains(&format!("<{line}>"));
        let mut told: BTreeSet<usize> = BTreeSet::new();
        let mut unreached = usize::MAX;
        for found in &compiled.diagnostics {
            let start = found.span.start as usize;
            match found.code {
                Code::UnreachableStatement => unreached = unreached.min(start),
                Code::ShadowedTest | Code::NeverTrue if !found.message.starts_with("never decides") => {}
                _ => continue,
            }
            // Verdicts have no line.
            if ["accept", "drop"].iter().any(|verdict| text[start..].starts_with(verdict)) {
                continue;
            }
            let line = line_behind(&text, start);
            assert!(is_idle(line), "round {round}: <{line}> is told and happens\n{text}\n{found:#?}");
            told.insert(line);
        }
        told_of += told.len();
        let idle: Vec<usize> = (1..=lines).filter(|line| is_idle(*line)).collect();
        for line in &idle {
            let at = place(&text, *line);
            // Of what stands inside of something idle, or behind it, nothing is said again.
            let inside = |other: &usize| other != line && body_of(&text, *other).contains(&at);
            let is_known = told.contains(line) || unreached < at || idle.iter().any(inside);
            assert!(
                is_known,
                "round {round}: <{line}> never happens and is not told\n{text}\n{:#?}",
                compiled.diagnostics
            );
        }
    }
    assert!(told_of > 300, "only {told_of} findings");
}

#[test]
fn the_policy_is_the_same_with_and_without_an_analysis() {
    let text = "Iface eth0 { index: 0, input: f }\nFilter::IP f { if (ip.ttl == 1) { drop } if (ip.ttl == 1) { log(\"x\") } drop }";
    let source = Source::new("f.nacl", text);
    let (plain, deep) = (compile(&source), analyze(&source));
    assert_eq!(format!("{:?}", plain.policy), format!("{:?}", deep.policy));
    assert!(
        plain.diagnostics.is_empty() && deep.diagnostics.len() == 1,
        "{:?} {:?}",
        plain.diagnostics,
        deep.diagnostics
    );
}
