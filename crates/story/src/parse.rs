//! A story's text, understood line by line. All mistakes are found in one go.

use crate::packet::{self, Cursor, is_times};
use crate::script::{Action, Config, Effect, EffectKind, Name, SEVERITIES, Step, Story, Times};
use crate::text::{Diagnostic, Span, did_you_mean, tokens};
use plane::DropReason;
use wire::Duration;

const ACTIONS: [&str; 5] = ["in", "wait", "start", "silent", "answer"];
const EFFECTS: [&str; 5] = ["out", "log", "console", "drop", "local"];

/// Reads a story; `name` is what the user calls its file.
pub fn parse(name: &str, text: &str) -> Result<Story, Vec<Diagnostic>> {
    let mut parser = Parser { config: Vec::new(), steps: Vec::new(), diagnostics: Vec::new() };
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let span = line_span(line, number);
        if let Err(diagnostic) = parser.line(line, number, span, &mut lines) {
            parser.diagnostics.push(diagnostic);
        }
    }
    let Parser { config, steps, mut diagnostics } = parser;
    if config.is_empty() && diagnostics.is_empty() {
        let start = Span { line: 1, start: 1, end: 2 };
        diagnostics.push(
            Diagnostic::new(start, "a story needs a configuration")
                .help("write `config FILE`, or `config <<END` … `END`"),
        );
    }
    if diagnostics.is_empty() {
        Ok(Story { name: name.to_owned(), text: text.to_owned(), config, steps })
    } else {
        Err(diagnostics)
    }
}

/// Reads one step, as `+20ms in inside udp …`; or a packet alone, which comes in by `iface` at once.
pub fn step(text: &str, iface: Option<&str>) -> Result<Step, Diagnostic> {
    let span = line_span(text, 1);
    let tokens = tokens(1, text)?;
    let mut cursor = Cursor::new(&tokens, span);
    let word = cursor.peek_word().unwrap_or_default();
    let mut after = Duration::ZERO;
    let action = if word.starts_with('+') {
        after = duration(word, cursor.span())?;
        cursor.advance();
        action(&mut cursor)?
    } else if ACTIONS.contains(&word) {
        action(&mut cursor)?
    } else {
        let packet = Box::new(packet::parse(&mut cursor)?);
        packet.check_sendable()?;
        let Some(iface) = iface else {
            return Err(Diagnostic::new(span, "by which Iface does it come in?")
                .help("name one with `--in IFACE`, or before the packet: `in IFACE PACKET`"));
        };
        Action::In { iface: Name { text: iface.to_owned(), span }, packet, times: 1 }
    };
    if !cursor.is_at_end() {
        return Err(Diagnostic::new(cursor.span(), "it should end here"));
    }
    Ok(Step { span, after, action, effects: Vec::new() })
}

/// A line from its first word to its last.
fn line_span(line: &str, number: u32) -> Span {
    let indent = line.chars().take_while(|c| c.is_whitespace()).count() as u32;
    let len = line.trim().chars().count() as u32;
    Span { line: number, start: indent + 1, end: indent + 1 + len.max(1) }
}

struct Parser {
    config: Vec<Config>,
    steps: Vec<Step>,
    diagnostics: Vec<Diagnostic>,
}

impl Parser {
    fn line<'t>(
        &mut self,
        line: &str,
        number: u32,
        span: Span,
        rest: &mut impl Iterator<Item = (&'t str, u32)>,
    ) -> Result<(), Diagnostic> {
        let tokens = tokens(number, line)?;
        let mut cursor = Cursor::new(&tokens, span);
        if cursor.is_at_end() {
            return Ok(());
        }
        let (word, place) = cursor.word("a step or an effect")?;
        match word {
            "config" => self.config(&mut cursor, span, rest)?,
            _ if word.starts_with('+') => {
                let after = duration(word, place)?;
                let action = action(&mut cursor);
                self.step(span, after, action)?;
            }
            _ if ACTIONS.contains(&word) => {
                let action = action_of(word, &mut cursor);
                self.step(span, Duration::ZERO, action)?;
            }
            _ if EFFECTS.contains(&word) => {
                let effect = effect(word, &mut cursor, span)?;
                match self.steps.last_mut() {
                    Some(step) => step.effects.push(effect),
                    None => return Err(Diagnostic::new(span, "nothing has happened yet that this could come of")),
                }
            }
            _ => {
                let error = Diagnostic::new(place, format!("`{word}` begins no line of a story"));
                let all = ACTIONS.into_iter().chain(EFFECTS).chain(["config"]);
                return Err(match did_you_mean(word, all) {
                    Some(name) => error.help(format!("did you mean `{name}`?")),
                    None => error.help(format!(
                        "steps begin with +TIME or one of {}; effects with one of {}",
                        ACTIONS.join(", "),
                        EFFECTS.join(", ")
                    )),
                });
            }
        }
        if cursor.is_at_end() { Ok(()) } else { Err(Diagnostic::new(cursor.span(), "the line should end here")) }
    }

    /// Adds a step even if its action is broken, so that its effects find it.
    fn step(&mut self, span: Span, after: Duration, action: Result<Action, Diagnostic>) -> Result<(), Diagnostic> {
        let (action, error) = match action {
            Ok(action) => (action, Ok(())),
            Err(error) => (Action::Wait, Err(error)),
        };
        let is_late = action == Action::Start && !(self.steps.is_empty() && after.is_zero());
        self.steps.push(Step { span, after, action, effects: Vec::new() });
        if is_late { Err(Diagnostic::new(span, "the box starts in the first step, at once")) } else { error }
    }

    fn config<'t>(
        &mut self,
        cursor: &mut Cursor<'_>,
        span: Span,
        rest: &mut impl Iterator<Item = (&'t str, u32)>,
    ) -> Result<(), Diagnostic> {
        if let Some(step) = self.steps.first() {
            return Err(Diagnostic::new(span, "the configuration comes before the first step")
                .note("first step", format!("line {}", step.span.line)));
        }
        let (word, place) = cursor.word("a NaCl file, or `<<END`")?;
        let Some(end) = word.strip_prefix("<<") else {
            self.config.push(Config::File { path: word.into(), span: place });
            return Ok(());
        };
        if end.is_empty() {
            return Err(Diagnostic::new(place, "a word that ends the text should follow `<<`"));
        }
        let mut text = String::new();
        for (line, _) in rest {
            if line.trim() == end {
                self.config.push(Config::Inline { text, line: span.line + 1, span: place });
                return Ok(());
            }
            text.push_str(line);
            text.push('\n');
        }
        Err(Diagnostic::new(place, format!("no line `{end}` ends this text")))
    }
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action, Diagnostic> {
    let (word, span) = cursor.word("in, wait, start, silent or answer")?;
    if ACTIONS.contains(&word) {
        return action_of(word, cursor);
    }
    let error = Diagnostic::new(span, format!("`{word}` is nothing that a step can do"));
    Err(match did_you_mean(word, ACTIONS) {
        Some(name) => error.help(format!("did you mean `{name}`?")),
        None => error.help(format!("one of {}", ACTIONS.join(", "))),
    })
}

fn action_of(word: &str, cursor: &mut Cursor<'_>) -> Result<Action, Diagnostic> {
    match word {
        "in" => {
            let iface = name(cursor, "an Iface")?;
            let packet = Box::new(packet::parse(cursor)?);
            packet.check_sendable()?;
            let span = cursor.span();
            let times = opt_times(cursor)?;
            if times.least != times.most || times.most > 1_000_000 {
                return Err(Diagnostic::new(span, "a packet comes in a certain number of times, at most 1,000,000"));
            }
            Ok(Action::In { iface, packet, times: times.most as u32 })
        }
        "wait" => Ok(Action::Wait),
        "start" => Ok(Action::Start),
        _ => {
            let mut hosts = vec![cursor.value("an IP address")?];
            while !cursor.is_at_end() {
                hosts.push(cursor.value("an IP address")?);
            }
            Ok(if word == "silent" { Action::Silent(hosts) } else { Action::Answer(hosts) })
        }
    }
}

fn effect(word: &str, cursor: &mut Cursor<'_>, span: Span) -> Result<Effect, Diagnostic> {
    let kind = match word {
        "out" => EffectKind::Out { iface: name(cursor, "an Iface")?, packet: Box::new(packet::parse(cursor)?) },
        "log" => EffectKind::Log {
            severity: severity(cursor)?,
            text: cursor.text("the line")?,
            source: if cursor.eat("from") { Some(cursor.value("an IP address")?) } else { None },
        },
        "console" => EffectKind::Console { text: cursor.text("the line")? },
        "drop" => EffectKind::Drop { reason: reason(cursor)?, iface: opt_iface(cursor)? },
        _ => EffectKind::Local { iface: opt_iface(cursor)? },
    };
    Ok(Effect { span, kind, times: opt_times(cursor)? })
}

fn name(cursor: &mut Cursor<'_>, what: &str) -> Result<Name, Diagnostic> {
    let (text, span) = cursor.word(what)?;
    Ok(Name { text: text.to_owned(), span })
}

/// An Iface may follow, before a repetition.
fn opt_iface(cursor: &mut Cursor<'_>) -> Result<Option<Name>, Diagnostic> {
    match cursor.peek_word() {
        Some(word) if !is_times(word) => name(cursor, "an Iface").map(Some),
        _ => Ok(None),
    }
}

fn severity(cursor: &mut Cursor<'_>) -> Result<u8, Diagnostic> {
    let (word, span) = cursor.word("a severity")?;
    let lower = word.to_ascii_lowercase();
    let name = match &lower[..] {
        "emergency" => "emerg",
        "critical" => "crit",
        "error" => "err",
        "warn" => "warning",
        other => other,
    };
    let known = SEVERITIES.iter().position(|known| *known == name).map(|number| number as u8);
    known.ok_or_else(|| {
        Diagnostic::new(span, format!("`{word}` is no severity")).help(format!("one of {}", SEVERITIES.join(", ")))
    })
}

fn reason(cursor: &mut Cursor<'_>) -> Result<DropReason, Diagnostic> {
    let (word, span) = cursor.word("a hook or a drop reason")?;
    DropReason::from_name(word).ok_or_else(|| {
        let error = Diagnostic::new(span, format!("`{word}` is neither a hook nor a drop reason"));
        match did_you_mean(word, DropReason::ALL.iter().map(|reason| reason.name())) {
            Some(name) => error.help(format!("did you mean `{name}`?")),
            None => {
                let names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
                error.help(format!("one of {}", names.join(", ")))
            }
        }
    })
}

/// `x3`, `x2..4`, `x..4`, `x2..`; once where there is none.
fn opt_times(cursor: &mut Cursor<'_>) -> Result<Times, Diagnostic> {
    let span = cursor.span();
    let Some(text) = cursor.peek_word().filter(|word| is_times(word)).and_then(|word| word.strip_prefix('x')) else {
        return Ok(Times::ONCE);
    };
    cursor.advance();
    let number = |text: &str, default| if text.is_empty() { Ok(default) } else { text.parse() };
    let (least, most) = text
        .split_once("..")
        .map_or_else(|| (number(text, 0), number(text, 0)), |(least, most)| (number(least, 0), number(most, u64::MAX)));
    match (least, most) {
        (Ok(least), Ok(most)) if least <= most => Ok(Times { least, most }),
        _ => Err(Diagnostic::new(span, "this is no number of times").help("x3, x2..4, x..4 or x2..")),
    }
}

/// `+20ms`, `+1.5s`, `+2min`
fn duration(word: &str, span: Span) -> Result<Duration, Diagnostic> {
    let wrong =
        || Diagnostic::new(span, format!("`{word}` is no time")).help("as +0ms, +1.5s, +2min; us, ms, s, min, h");
    let text = word.trim_start_matches('+');
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let nanos = match unit {
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "min" => 60e9,
        "h" => 3600e9,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    if number.is_finite() && (0.0..=1e6).contains(&number) {
        Ok(Duration::from_nanos((number * nanos).round() as u64))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_story_are_understood() {
        let story = parse(
            "a.story",
            "# a comment\nconfig <<END\nIface e {}\nEND\nconfig seed.nacl\n\n\
             +0ms  in outside udp 10.0.0.1:1 > 10.0.0.2:2 x3\n      drop forward x2..3\n      log INFO \"a # b\"\n\
             +1.5s silent 10.0.0.9 ::1\n      local outside\n      local x2\n",
        )
        .unwrap();
        assert_eq!(story.config.len(), 2);
        assert!(matches!(&story.config[0], Config::Inline { text, line: 3, .. } if text == "Iface e {}\n"));
        let [first, second] = &story.steps[..] else { panic!("{:?}", story.steps) };
        assert!(matches!(first.action, Action::In { times: 3, .. }));
        assert_eq!(first.effects[0].times, Times { least: 2, most: 3 });
        assert_eq!(first.effects[1].kind, EffectKind::Log { severity: 6, text: "a # b".into(), source: None });
        assert_eq!(second.after, Duration::from_millis(1500));
        assert!(matches!(&second.action, Action::Silent(hosts) if hosts.len() == 2));
        assert!(matches!(
            second.effects[1],
            Effect { kind: EffectKind::Local { iface: None }, times: Times { least: 2, .. }, .. }
        ));
    }

    #[test]
    fn every_mistake_is_found_with_its_place() {
        let text = "config a.nacl\n\
                    +0ms in e tcp 10.0.0.1:1 > 10.0.0.2:2\n\
                    \tdrop forwrad\n\
                    \tout e udp 10.0.0.1:1 > 10.0.0.2:70000\n\
                    \tlog loud \"x\"\n\
                    +5 wait\n\
                    \tout e icmp ecko 10.0.0.1 > 10.0.0.2\n\
                    frob\n\
                    \tout e udp 10.0.0.1 > 10.0.0.2 tll 5\n\
                    \tout e udp 10.0.0.1 10.0.0.2\n";
        let errors = parse("a.story", text).unwrap_err();
        let found: Vec<_> = errors.iter().map(|error| format!("{} {}", error.span, error.message)).collect();
        assert_eq!(
            found,
            [
                "2:11 a packet that comes in needs its flags",
                "3:7 `forwrad` is neither a hook nor a drop reason",
                "4:25 `dport` is at most 65535",
                "5:6 `loud` is no severity",
                "6:1 `+5` is no time",
                "7:13 `ecko` is not an ICMP message",
                "8:1 `frob` begins no line of a story",
                "9:32 `tll` is no field of a packet",
                "10:21 `>` should stand here, between source and destination",
            ]
        );
        assert_eq!(errors[1].notes, [("help", "did you mean `forward`?".to_owned())]);
        assert_eq!(errors[7].notes, [("help", "did you mean `ttl`?".to_owned())]);
    }

    #[test]
    fn a_story_without_a_configuration_is_none() {
        assert_eq!(parse("a", "").unwrap_err()[0].message, "a story needs a configuration");
        assert_eq!(parse("a", "config <<X\nIface").unwrap_err()[0].message, "no line `X` ends this text");
        let late = parse("a", "config a\n+0ms wait\nconfig b\n").unwrap_err();
        assert_eq!(late[0].span.line, 3);
    }
}
