//! `saltgate test`: runs stories, the unit tests of a firewall.

use crate::terminal;
use crate::{Answer, Format};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::path::{Path, PathBuf};
use story::Tested;

/// Run stories: files that say what must happen to packets
#[derive(clap::Args)]
pub struct Args {
    /// Story files (*.story), or directories that hold some
    #[arg(value_name = "STORY", required = true)]
    stories: Vec<PathBuf>,
    /// How to print what came of them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write what was on the wires of each failing story to DIR/NAME.pcapng
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
}

/// The JSON document.
#[derive(Serialize)]
struct Report {
    stories: Vec<StoryReport>,
    passed: usize,
    failed: usize,
}

#[derive(Serialize)]
struct StoryReport {
    story: String,
    passed: bool,
    /// Simulated, in seconds; absent for a story that could not be played.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<f64>,
    failures: Vec<Failure>,
}

/// What was wrong, and where. `notes` are the lines below it: what was expected, what came, what would help.
#[derive(Serialize)]
struct Failure {
    file: String,
    line: u32,
    column: u32,
    message: String,
    notes: Vec<Note>,
}

#[derive(Serialize)]
struct Note {
    label: String,
    text: String,
}

pub fn run(args: &Args) -> Result<Answer> {
    let mut files = Vec::new();
    for path in &args.stories {
        find_stories(path, &mut files)?;
    }
    if let Some(dir) = &args.pcap {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let coloured = terminal::stdout_is_coloured();
    let mut report = Report { stories: Vec::new(), passed: 0, failed: 0 };
    for file in &files {
        let tested = story::test(file).with_context(|| format!("cannot read {}", file.display()))?;
        if args.format == Format::Text {
            terminal::print(&text(file, &tested, coloured))?;
        }
        if let (Some(dir), Tested::Played { played, .. }, false) = (&args.pcap, &tested, tested.passed()) {
            let name = file.file_stem().unwrap_or(file.as_os_str());
            let path = dir.join(name).with_extension("pcapng");
            std::fs::write(&path, &played.pcapng).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if tested.passed() {
            report.passed += 1;
        } else {
            report.failed += 1;
        }
        report.stories.push(story_report(file, &tested));
    }
    match args.format {
        Format::Text => terminal::print(&format!("{} passed, {} failed\n", report.passed, report.failed))?,
        Format::Json => terminal::print_json(&report)?,
    }
    Ok(if report.failed == 0 { Answer::Yes } else { Answer::No })
}

/// The story files that a path means, in the order of their names.
fn find_stories(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let before = files.len();
    walk(path, files)?;
    if files.len() == before {
        bail!("no stories in {}: none of its files ends in .story", path.display());
    }
    Ok(())
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = entries.with_context(|| format!("cannot read {}", dir.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links to directories are not followed: they may lead back.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "story") {
            files.push(path);
        }
    }
    Ok(())
}

fn text(file: &Path, tested: &Tested, coloured: bool) -> String {
    let name = file.display().to_string();
    let verdict = match (tested.passed(), coloured) {
        (true, false) => "passed",
        (false, false) => "failed",
        (true, true) => "\x1b[32mpassed\x1b[0m",
        (false, true) => "\x1b[1;31mfailed\x1b[0m",
    };
    let mut out = format!("{verdict} {name}\n");
    match tested {
        Tested::Unreadable { text, mistakes: found } => {
            found.iter().for_each(|found| out.push_str(&story::render(found, &name, text, coloured)));
        }
        Tested::Played { text, played } => {
            played.failures.iter().for_each(|found| out.push_str(&story::render(found, &name, text, coloured)));
        }
        Tested::BadConfig { source, diagnostics } => {
            diagnostics.iter().for_each(|found| out.push_str(&terminal::render(source, found, coloured)));
        }
    }
    out
}

fn story_report(file: &Path, tested: &Tested) -> StoryReport {
    let name = file.display().to_string();
    let of_story = |found: &story::Diagnostic| Failure {
        file: name.clone(),
        line: found.span.line,
        column: found.span.start,
        message: found.message.clone(),
        notes: { found.notes.iter() }
            .map(|(label, text)| Note { label: (*label).to_owned(), text: text.clone() })
            .collect(),
    };
    let failures = match tested {
        Tested::Unreadable { mistakes, .. } => mistakes.iter().map(of_story).collect(),
        Tested::Played { played, .. } => played.failures.iter().map(of_story).collect(),
        Tested::BadConfig { source, diagnostics } => {
            let of_config = |found: &nacl::Diagnostic| {
                let place = source.place(found.span.start);
                let notes = found.help.iter().map(|help| Note { label: "help".to_owned(), text: help.clone() });
                Failure {
                    file: source.name().to_owned(),
                    line: place.line,
                    column: place.column,
                    message: found.message.clone(),
                    notes: notes.collect(),
                }
            };
            diagnostics.iter().filter(|found| found.severity == nacl::Severity::Error).map(of_config).collect()
        }
    };
    let time = match tested {
        Tested::Played { played, .. } => Some(played.time.as_secs_f64()),
        Tested::Unreadable { .. } | Tested::BadConfig { .. } => None,
    };
    StoryReport { story: name, passed: tested.passed(), time, failures }
}
