//! What the documents say is true: their stories pass, and their commands print what stands below them. (Their
//! configurations are compiled by the tests of `nacl`.)
//!
//! In a block of kind `console` a line `$ saltgate …` is run in the repository's root and the lines after it are what
//! it must print. `…` stands for any text within a line, and alone on a line for any lines. A block of kind `story` is
//! played. Commands of `cargo xtask` are run by `cargo xtask test` itself; `saltgate run` is
//! run by the tests in QEMU, unless it only prints a command.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_command_in_the_documents_prints_what_they_show() {
    let mut commands = 0;
    for document in documents() {
        for block in document.blocks.iter().filter(|block| block.kind == "console") {
            for (command, expected) in block.commands() {
                let at = format!("{}:{}: {command}", document.name, block.line);
                let words = words(&command);
                match words[..] {
                    ["cargo", "xtask", ..] => continue,
                    ["saltgate", "run", ..] if !words.contains(&"--dry-run") => continue,
                    ["saltgate", "run", ..] if option_env!("SALTGATE_IMAGE").is_none() => {
                        eprintln!(
                            "skipped: {at}: this saltgate has no image inside; cargo xtask image builds one that has"
                        );
                        commands += 1;
                    }
                    ["saltgate", ref args @ ..] => {
                        let printed = saltgate(args);
                        assert!(matches(&expected, &printed), "{at} printed\n{printed}\ninstead of\n{expected}");
                        commands += 1;
                    }
                    ["cat", file] => {
                        let text = std::fs::read_to_string(root().join(file)).expect(&at);
                        assert_eq!(text.trim_end(), expected.trim_end(), "{at}");
                        commands += 1;
                    }
                    _ => panic!("{at}: no test runs this"),
                }
            }
        }
    }
    assert!(commands > 0, "no document has a command");
}

#[test]
fn every_story_in_the_documents_passes() {
    let dir = std::env::temp_dir().join(format!("saltgate-documents-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for document in documents() {
        for block in document.blocks.iter().filter(|block| block.kind == "story") {
            let file = dir.join("block.story");
            // A story of a document names its configuration from the repository's root.
            let text = block.text.replace("config examples/", &format!("config {}/examples/", root().display()));
            std::fs::write(&file, text).unwrap();
            let output = command().arg("test").arg(&file).output().unwrap();
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
            assert!(output.status.success(), "{}:{}: {said}", document.name, block.line);
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_map_has_every_crate_and_the_changelog_every_command() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let map = read("ARCHITECTURE.md");
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(map.contains(&format!("\n| `{name}` |")), "ARCHITECTURE.md does not know crates/{name}");
    }
    let (help, changelog) = (saltgate(&["--help"]), read("CHANGELOG.md"));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A line that is indented further continues the one before.
    for line in commands.filter(|line| !line.starts_with("    ")) {
        let command = line.split_whitespace().next().unwrap();
        let named = changelog.contains(&format!("`{command}`")) || command == "help";
        assert!(named, "CHANGELOG.md does not name `saltgate {command}`");
    }
}

struct Document {
    name: String,
    blocks: Vec<Block>,
}

struct Block {
    /// The first word after the fence.
    kind: String,
    /// Of the fence, from 1.
    line: usize,
    text: String,
}

impl Block {
    /// The commands, each with what it is said to print.
    fn commands(&self) -> Vec<(String, String)> {
        let mut commands: Vec<(String, String)> = Vec::new();
        for line in self.text.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, expected))) => {
                    expected.push_str(line);
                    expected.push('\n');
                }
                (None, None) => panic!("a console block begins with a command: {line}"),
            }
        }
        commands
    }
}

/// A command's words; between two `'` white space is part of one.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('\'').enumerate();
    parts.flat_map(|(nth, part)| if nth % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies in crates/")
}

fn documents() -> Vec<Document> {
    let in_dir = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = ["", "docs", "docs/language"];
    let mut paths: Vec<PathBuf> = folders.iter().flat_map(|folder| in_dir(root().join(folder))).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    assert!(paths.len() > 3, "the documents lie elsewhere: {paths:?}");
    paths.iter().map(|path| document(path)).collect()
}

fn document(path: &Path) -> Document {
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (n, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                open = true;
                let kind = info.split_whitespace().next().unwrap_or_default().to_owned();
                blocks.push(Block { kind, line: n + 1, text: String::new() });
            }
            None if open => {
                let block = blocks.last_mut().expect("an open block");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "{}: a block without an end", path.display());
    Document { name: path.strip_prefix(root()).unwrap_or(path).display().to_string(), blocks }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saltgate"));
    command.current_dir(root()).env("NO_COLOR", "1");
    command
}

/// What it prints on both outputs, errors first.
fn saltgate(args: &[&str]) -> String {
    let output = command().args(args).output().unwrap();
    [output.stderr, output.stdout].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

/// Is `text` what `pattern` describes, line by line?
fn matches(pattern: &str, text: &str) -> bool {
    let patterns: Vec<&str> = pattern.trim_end().lines().collect();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines_match(&patterns, &lines)
}

fn lines_match(patterns: &[&str], lines: &[&str]) -> bool {
    match (patterns.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((&"…", patterns)), _) => (0..=lines.len()).any(|n| lines_match(patterns, &lines[n..])),
        (Some((pattern, patterns)), Some((line, lines))) => {
            line_matches(pattern, line.trim_end()) && lines_match(patterns, lines)
        }
        _ => false,
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| line_matches(after, &rest[at..]))
        }),
    }
}
