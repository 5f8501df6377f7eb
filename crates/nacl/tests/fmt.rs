//! `format` over every file that there is, as it stands and with its white space shuffled: nothing changes but white
//! space, a second time changes nothing at all, and the policy and the diagnostics stay what they were.

use saltgate_nacl::lex::{self, TokenKind};
use saltgate_nacl::{Diagnostic, Source, analyze, format};
use std::path::{Path, PathBuf};

/// Names and texts of the NaCl files in these folders of the repository.
fn files(folders: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
            eprintln!("SKIPPED {folder}: it is not here");
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "nacl"));
        paths.sort();
        found.extend(paths.iter().map(|path| {
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            (name, String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
        }));
    }
    assert!(found.len() >= 24, "the files of the repository are here");
    found
}

const EVERYTHING: &[&str] = &["examples", "tests/nacl", "../shared/nacl/examples", "../shared/nacl/invalid"];

/// What a text means: its policy and its diagnostics, without places, and without the white space of quoted text.
fn meaning(text: &str) -> (Option<String>, Vec<String>) {
    let compiled = analyze(&Source::new("a.nacl", text));
    let say = |found: &Diagnostic| {
        let notes: String = found.related.iter().map(|(_, note)| note.as_str()).collect();
        let help = found.help.as_deref().unwrap_or_default();
        let all = format!("{} {} {notes} {help}", found.code.name(), found.message);
        all.split_whitespace().collect::<String>()
    };
    let policy = compiled.policy.map(|policy| without_places(&format!("{policy:?}")));
    (policy, compiled.diagnostics.iter().map(say).collect())
}

/// A policy in words, its places taken out.
fn without_places(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("Place {") {
        kept.push_str(before);
        rest = behind.split_once('}').unwrap().1;
    }
    kept + rest
}

fn formatted(name: &str, text: &str) -> Option<String> {
    let once = format(&Source::new("a.nacl", text)).ok()?;
    let twice = format(&Source::new("a.nacl", once.as_str())).unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
    assert_eq!(once, twice, "{name}: formatting its own output changes it");
    Some(once)
}

fn same_meaning(name: &str, before: &str, after: &str) {
    let (a, b) = (meaning(before), meaning(after));
    assert_eq!(a.1, b.1, "{name}: other diagnostics behind\n{after}");
    assert_eq!(a.0, b.0, "{name}: another policy behind\n{after}");
}

/// A small generator of the same numbers in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// The same tokens and comments with other white space, and some comments more. Lines inside brackets never begin at
/// the margin, where a declaration would be looked for.
fn shuffled(text: &str, random: &mut Random) -> String {
    let source = Source::new("a.nacl", text);
    let lexed = lex::lex(&source, &mut Vec::new());
    let mut pieces: Vec<_> = lexed.tokens.iter().map(|token| (token.span, Some(token.kind))).collect();
    pieces.extend(lexed.comments.iter().map(|span| (*span, None)));
    pieces.sort_by_key(|(span, _)| *span);
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut last = None;
    for (span, kind) in pieces {
        let white = match random.below(20) {
            0 => "\n\n\n ",
            1 => " // why\n ",
            2 => " /* so */ ",
            3 => "\n  # because\n\n\t",
            4 => " /* two\n   lines */\n ",
            5 | 6 => "\r\n ",
            7 | 8 => "\n    ",
            9..=11 => "",
            _ => random.pick(&[" ", "  ", "\t"]),
        };
        // Words and numbers that touch would be one; so would the colons of an address and of a key.
        let needs_space = matches!(last, Some(Some(_)))
            && !matches!(kind, Some(TokenKind::Comma | TokenKind::CloseBrace | TokenKind::CloseBracket));
        out.push_str(if white.is_empty() && needs_space { " " } else { white });
        let piece = source.slice(span);
        out.push_str(piece);
        if kind.is_none() && !piece.starts_with("/*") {
            out.push('\n');
        }
        match kind {
            Some(TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen) => depth += 1,
            Some(TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen) => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if depth > 0 && out.ends_with('\n') {
            out.push(' ');
        }
        last = Some(kind);
    }
    out
}

#[test]
fn formatting_changes_no_meaning_and_a_second_time_nothing() {
    let mut refused = 0;
    for (name, text) in files(EVERYTHING) {
        match formatted(&name, &text) {
            Some(after) => same_meaning(&name, &text, &after),
            None => {
                refused += 1;
                assert!(meaning(&text).0.is_none(), "{name} compiles, but is not formatted");
            }
        }
    }
    println!("{refused} files with syntax errors were not touched");
}

#[test]
fn nor_does_it_for_any_other_white_space() {
    let mut random = Random(0x5a17_6a7e);
    for (name, text) in files(EVERYTHING) {
        if format(&Source::new("a.nacl", text.as_str())).is_err() {
            continue;
        }
        for round in 0..20 {
            let name = format!("{name}, round {round}");
            let text = shuffled(&text, &mut random);
            let after = formatted(&name, &text).unwrap_or_else(|| {
                let errors = format(&Source::new("a.nacl", text.as_str()));
                panic!("{name} is refused:\n{text}\n{errors:#?}")
            });
            same_meaning(&name, &text, &after);
        }
    }
}

#[test]
fn no_line_is_wider_than_it_must_be() {
    let mut random = Random(0xf117);
    for (name, text) in files(&["examples", "tests/nacl"]) {
        let text = shuffled(&text, &mut random);
        let after = formatted(&name, &text).unwrap();
        for line in after.lines() {
            let unbreakable = line.contains('"') || line.contains("//") || line.contains('#') || line.contains("/*");
            assert!(line.chars().count() <= 100 || unbreakable, "{name}: {line}");
            assert!(!line.ends_with(' ') || line.contains("/*"), "{name}: white space behind {line:?}");
        }
        assert!(!after.contains("\n\n\n") && after.ends_with('\n'), "{name}");
    }
}

#[test]
fn the_examples_are_laid_out_as_they_should() {
    for (name, text) in files(&["examples", "tests/nacl"]) {
        if name.starts_with("examples/") {
            assert_eq!(formatted(&name, &text).as_ref(), Some(&text), "saltgate fmt {name}");
        }
    }
}

#[test]
fn a_text_with_syntax_errors_is_answered_with_them() {
    let errors = format(&Source::new("a.nacl", "a: [1 2]\nb: }")).unwrap_err();
    let codes: Vec<_> = errors.iter().map(|found| found.code.name()).collect();
    assert_eq!(codes, ["missing-comma", "expected-token"]);
}

#[test]
fn any_text_at_all_is_formatted_or_refused() {
    let mut random = Random(0x0dd);
    let files = files(&["examples", "tests/nacl"]);
    for _ in 0..2000 {
        let (name, text) = &files[random.below(files.len() as u64) as usize];
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes[at] = b"{}[]():,.-/\"#\n x1=!"[random.below(19) as usize],
                _ => {
                    let end = (at + random.below(30) as usize).min(bytes.len());
                    let piece: Vec<u8> = bytes[at..end].to_vec();
                    let to = random.below(bytes.len() as u64) as usize;
                    bytes.splice(to..to, piece);
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Err(errors) = format(&Source::new("a.nacl", text.as_ref())) {
            let own = errors.iter().find(|found| found.code.name() == "internal");
            assert!(own.is_none(), "{name}: {own:?} in\n{text}");
        } else {
            formatted(name, &text);
        }
    }
}
