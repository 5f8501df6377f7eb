//! The manual is true: every block of NaCl in the documents is compiled, and what the compiler says is what stands there.
//!
//! A line that is wrong says so at its end, `# error: unknown-name` or `# warning: host-bits, never-true`; any other
//! error or warning fails the test. Only names that an example has no use for, and notes, need not be mentioned. A block
//! of kind `nacl continues` goes on where the last block of its page ended.

use saltgate_nacl::{Code, Diagnostic, Severity, Source, analyze, diagnostic::render, format};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

struct Block {
    /// Of the fence, from 1.
    line: usize,
    continues: bool,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Markdown file in the root and below `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    let mut look_in = |folder: &Path, folders: &mut Vec<PathBuf>, deep: bool| {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && deep {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    };
    look_in(&root(), &mut folders, false);
    while let Some(folder) = folders.pop() {
        look_in(&folder, &mut folders, true);
    }
    pages.sort();
    pages
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // The fence of the block at hand, and whether it is NaCl.
    let mut open: Option<bool> = None;
    for (at, line) in page.lines().enumerate() {
        match (open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                let mut words = info.split_whitespace();
                let is_nacl = words.next() == Some("nacl");
                if is_nacl {
                    let continues = match words.next() {
                        Some("continues") => true,
                        None => false,
                        Some(other) => panic!("line {}: a block of nacl that {other}", at + 1),
                    };
                    blocks.push(Block { line: at + 1, continues, text: String::new() });
                }
                open = Some(is_nacl);
            }
            (Some(_), Some(_)) => open = None,
            (Some(true), None) => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            _ => {}
        }
    }
    blocks
}

/// `line severity code` of everything that stands behind lines of the text.
fn promised(text: &str, first_line: usize) -> BTreeSet<String> {
    let mut promised = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        for severity in ["error", "warning", "note"] {
            for marker in ["# ", "// "] {
                let Some((_, codes)) = line.split_once(&format!("{marker}{severity}: ")) else { continue };
                for code in codes.split(',').map(str::trim) {
                    assert!(Code::from_name(code).is_some(), "there is no code `{code}`: {line}");
                    promised.insert(format!("{} {severity} {code}", first_line + at));
                }
            }
        }
    }
    promised
}

/// What is wrong with what a block promises; empty if nothing is.
fn complaints(before: &str, block: &str) -> String {
    let first_line = before.lines().count() + 1;
    let source = Source::new("block", format!("{before}{block}"));
    let compiled = analyze(&source);
    let promised = promised(block, first_line);
    let mut given = BTreeSet::new();
    let mut complaints = String::new();
    for found in &compiled.diagnostics {
        let line = source.place(found.span.start).line as usize;
        let key = format!("{line} {} {}", found.severity.name(), found.code.name());
        if line >= first_line && !promised.contains(&key) && !may_be_silent(found) {
            complaints += &format!("it does not say: {}", render(&source, found));
        }
        given.insert(key);
    }
    for missing in promised.difference(&given) {
        let (line, what) = missing.split_once(' ').unwrap_or_default();
        let line = line.parse().map_or(0, |line: usize| line + 1 - first_line);
        complaints += &format!("line {line} of the block promises what does not come: {what}\n");
    }
    complaints
}

fn may_be_silent(found: &Diagnostic) -> bool {
    found.severity == Severity::Note || matches!(found.code, Code::UnusedConstant | Code::UnusedFunction)
}

#[test]
fn every_block_of_the_manual_compiles_or_fails_as_it_says() {
    let (mut seen, mut wrong) = (0, String::new());
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        let mut before = String::new();
        for block in blocks(&page) {
            if !block.continues {
                before.clear();
            }
            let complaints = complaints(&before, &block.text);
            if !complaints.is_empty() {
                wrong += &format!("{}:{}:\n{complaints}\n", path.display(), block.line);
            }
            before += &block.text;
            seen += 1;
        }
    }
    println!("{seen} blocks");
    assert!(seen > 10, "the manual is elsewhere");
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn examples_of_the_manual_are_laid_out_as_they_should() {
    let mut wrong = String::new();
    for path in pages().iter().filter(|path| path.components().any(|part| part.as_os_str() == "language")) {
        for block in blocks(&std::fs::read_to_string(path).unwrap()) {
            // What has syntax errors has no layout.
            let Ok(formatted) = format(&Source::new("block", block.text.as_str())) else { continue };
            if formatted != block.text {
                wrong += &format!("{}:{} should be\n{formatted}\n", path.display(), block.line);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn a_block_that_is_not_true_is_found_out() {
    let table = [
        ("a: b", "it does not say: "),
        ("a: b # error: unknown-name", ""),
        ("a: b # error: wrong-type", "line 1 of the block promises what does not come: error wrong-type"),
        ("\na: 1 # error: unknown-name", "line 2 of the block promises what does not come: error unknown-name"),
        ("a: [b, // error: unknown-name\nc]", "it does not say: "),
        ("a: 1", ""),
    ];
    for (block, complaint) in table {
        let found = complaints("x: 1\n", block);
        assert!(found.contains(complaint) && found.is_empty() == complaint.is_empty(), "{block}: {found}");
    }
}
