use super::*;
use nacl::Source;
use std::fmt::Write;
use std::path::Path;

/// A packet as far as a program can tell: which tests hold. The same test has the same answer everywhere.
fn holds(test: &Test, packet: u64) -> bool {
    mixed(&format!("{test:?}"), packet).is_multiple_of(2)
}

fn mixed(text: &str, seed: u64) -> u64 {
    text.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        let hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^ (hash >> 29)
    })
}

/// What the program does with the packet.
fn walked(program: &Program, packet: u64) -> String {
    let mut done = String::new();
    let mut at = 0;
    loop {
        at = match &program.steps()[at as usize] {
            Step::Test { test, then, otherwise } => {
                if holds(test, packet) {
                    *then
                } else {
                    *otherwise
                }
            }
            Step::Log { template, next } => {
                writeln!(done, "{:?}", program.templates()[*template as usize]).unwrap();
                *next
            }
            Step::Translate { translation, otherwise } => {
                writeln!(done, "{translation:?}").unwrap();
                if applies(*translation, packet) {
                    return done;
                }
                *otherwise
            }
            Step::End(verdict) => return done + &format!("{verdict:?}"),
        };
    }
}

fn applies(translation: Translation, packet: u64) -> bool {
    mixed(&format!("{translation:?}"), packet).is_multiple_of(2)
}

/// The same of statements; true if they have ended.
fn done(statements: &[Statement<'_>], packet: u64, out: &mut String) -> bool {
    for statement in statements {
        let ended = match statement {
            Statement::Log(template, _) => {
                writeln!(out, "{template:?}").unwrap();
                false
            }
            Statement::Translate(translation, _) => {
                writeln!(out, "{translation:?}").unwrap();
                applies(*translation, packet)
            }
            Statement::End(verdict, _) => {
                write!(out, "{verdict:?}").unwrap();
                true
            }
            Statement::If { arms, otherwise } => {
                let taken = arms.iter().find(|arm| is_true(&arm.condition, packet));
                done(taken.map_or(otherwise, |arm| &arm.body), packet, out)
            }
        };
        if ended {
            return true;
        }
    }
    false
}

fn is_true(condition: &Condition<'_>, packet: u64) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| is_true(part, packet)),
        Condition::Any(parts) => parts.iter().any(|part| is_true(part, packet)),
        Condition::Not(inner) => !is_true(inner, packet),
        Condition::Test(test) => holds(test, packet),
    }
}

/// Statements do what the program does, and hold every step once; answers how many there are.
fn same(name: &str, program: &Program) -> usize {
    let statements = statements(program);
    for packet in 0..200 {
        let mut out = String::new();
        assert!(done(&statements, packet, &mut out), "{name}: packet {packet} comes to no end in {statements:#?}");
        assert_eq!(out, walked(program, packet), "{name}, packet {packet}: {statements:#?}");
    }
    size(&statements)
}

fn size(statements: &[Statement<'_>]) -> usize {
    let one = |statement: &Statement<'_>| match statement {
        Statement::If { arms, otherwise } => {
            arms.iter().map(|arm| 1 + size(&arm.body)).sum::<usize>() + size(otherwise)
        }
        _ => 1,
    };
    statements.iter().map(one).sum()
}

fn functions(name: &str, text: &str, mut each: impl FnMut(&str, &Program)) {
    let compiled = nacl::compile(&Source::new(name, text));
    let Some(policy) = compiled.policy else { return };
    for function in &policy.functions {
        each(&format!("{name}, {}", function.name), &function.program);
    }
}

#[test]
fn the_statements_of_every_example_do_what_its_programs_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for folder in ["examples", "tests/nacl"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            functions(&path.display().to_string(), &text, |name, program| {
                let size = same(name, program);
                assert!(size <= program.steps().len(), "{name}: {size} statements of {} steps", program.steps().len());
                seen += 1;
            });
        }
    }
    assert!(seen > 20);
}

/// A function of random statements, each test unlike the others, or like one of a few.
struct Writer {
    random: u64,
    text: String,
    tests: u32,
}

impl Writer {
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % limit
    }

    fn body(&mut self, depth: u32) {
        self.text.push_str("{ ");
        for _ in 0..=self.below(3) {
            self.statement(depth);
        }
        self.text.push_str("} ");
    }

    fn statement(&mut self, depth: u32) {
        match self.below(if depth == 0 { 3 } else { 9 }) {
            0 => self.text.push_str("accept "),
            1 => self.text.push_str("drop "),
            2 => {
                let word = self.below(1000);
                write!(self.text, "log(\"{word}\") ").unwrap();
            }
            3 => {
                self.text.push_str("Filter::IP ");
                self.body(depth - 1);
            }
            4 if self.below(2) == 0 => self.text.push_str("other() "),
            _ => {
                self.text.push_str("if (");
                self.condition(2);
                self.text.push_str(") ");
                self.body(depth - 1);
                while self.below(3) == 0 {
                    self.text.push_str("else if (");
                    self.condition(1);
                    self.text.push_str(") ");
                    self.body(depth - 1);
                }
                if self.below(3) == 0 {
                    self.text.push_str("else ");
                    self.body(depth - 1);
                }
            }
        }
    }

    fn condition(&mut self, depth: u32) {
        match self.below(if depth == 0 { 1 } else { 5 }) {
            0 => {
                self.tests += 1;
                let ttl = if self.below(4) == 0 { 1 } else { self.tests };
                write!(self.text, "ip.id == {ttl}").unwrap();
            }
            1 => {
                self.text.push_str("not (");
                self.condition(depth - 1);
                self.text.push(')');
            }
            operator => {
                self.text.push('(');
                for at in 0..2 + self.below(2) {
                    self.text.push_str(match (at, operator) {
                        (0, _) => "",
                        (_, 2 | 3) => " and ",
                        _ => " or ",
                    });
                    self.condition(depth - 1);
                }
                self.text.push(')');
            }
        }
    }
}

#[test]
fn the_statements_of_any_function_do_what_its_program_does() {
    let mut compiled = 0;
    for seed in 0..400 {
        let mut writer = Writer { random: seed, text: String::new(), tests: 1 };
        for head in ["Iface e { index: 0, input: f } Filter::IP f { ", "Filter::IP other { "] {
            writer.text.push_str(head);
            for _ in 0..4 {
                writer.statement(if head.contains("other") { 1 } else { 4 });
                // Called functions call none.
                if head.contains("other") {
                    writer.text = writer.text.replace("other() ", "").replace("{ }", "{ drop }");
                    writer.text = writer.text.replace("Filter::IP { drop }", "");
                }
            }
            writer.text.push_str("drop } ");
        }
        let mut size_of_text = 0;
        functions(&format!("seed {seed}"), &writer.text, |name, program| {
            size_of_text += same(name, program);
            compiled += 1;
        });
    }
    assert!(compiled > 200, "only {compiled} of 400 compile");
}

#[test]
fn a_long_row_of_else_if_is_no_deep_nesting() {
    let mut text = "Iface e { index: 0, input: f } Filter::IP f { if (ip.id == 0) { log(\"0\") }".to_owned();
    for id in 1..20_000 {
        write!(text, " else if (ip.id == {id}) {{ log(\"{id}\") }}").unwrap();
    }
    functions("long", &(text + " drop }"), |_, program| {
        let statements = statements(program);
        assert!(matches!(&statements[..], [Statement::If { arms, .. }, Statement::End(..)] if arms.len() == 20_000));
    });
}
