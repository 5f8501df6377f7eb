//! `saltgate fmt`: one layout for every NaCl file.

use crate::check::json::{Finding, finding};
use crate::{Answer, Format, terminal};
use anyhow::{Context, Result, bail};
use nacl::{Diagnostic, Source};
use serde::Serialize;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lay NaCl files out in the one canonical way; comments and blank lines between groups stay
#[derive(clap::Args)]
pub struct Args {
    /// The files to rewrite; `-` reads standard input and writes standard output
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write nothing; show which files are laid out otherwise, and how
    #[arg(long)]
    check: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "text", requires = "check")]
    format: Format,
}

/// The JSON document.
#[derive(Serialize)]
struct Report {
    version: u32,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    /// It has the canonical layout.
    ok: bool,
    /// Syntax errors, which keep a file from having any layout.
    diagnostics: Vec<Finding>,
}

pub fn run(args: &Args) -> Result<Answer> {
    let mut report = Report { version: 1, files: Vec::new() };
    for path in &args.files {
        let is_input = path.as_os_str() == "-";
        let source = read(path, is_input)?;
        let formatted = nacl::format(&source);
        let same = formatted.as_ref().is_ok_and(|text| text == source.text());
        let errors = formatted.as_ref().err().map(Vec::as_slice).unwrap_or_default();
        report.files.push(FileReport {
            file: source.name().to_owned(),
            ok: if args.check { same } else { errors.is_empty() },
            diagnostics: errors.iter().map(|error| finding(&source, error)).collect(),
        });
        match &formatted {
            _ if args.format == Format::Json => {}
            Err(errors) => complain(&source, errors),
            Ok(text) if args.check && !same => terminal::print(&difference(&source, text))?,
            Ok(_) if args.check => {}
            Ok(text) if is_input => terminal::print(text)?,
            Ok(_) if same => {}
            Ok(text) => replace(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        }
    }
    if args.format == Format::Json {
        terminal::print_json(&report)?;
    }
    Ok(if report.files.iter().all(|file| file.ok) { Answer::Yes } else { Answer::No })
}

/// Bytes that are no UTF-8 are refused: they could not be written back.
fn read(path: &Path, is_input: bool) -> Result<Source> {
    let mut bytes = Vec::new();
    let name = if is_input {
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        "<stdin>".to_owned()
    } else {
        bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        path.display().to_string()
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(_) => bail!("{name} is not UTF-8"),
    }
}

/// On standard error: standard output is for the text.
fn complain(source: &Source, errors: &[Diagnostic]) {
    for error in errors {
        eprintln!("{}", terminal::render(source, error, terminal::stderr_is_coloured()));
    }
}

/// Writes beside the file and renames, so that no reader ever sees half of it. Of a link, the file that it leads to is
/// replaced.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let target = std::fs::canonicalize(path)?;
    let mut beside = target.clone().into_os_string();
    beside.push(format!(".{}.tmp", std::process::id()));
    let write = || {
        let mut file = std::fs::File::create_new(&beside)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(std::fs::metadata(&target)?.permissions())?;
        file.sync_all()?;
        std::fs::rename(&beside, &target)
    };
    write().inspect_err(|_| {
        // What is left of the attempt; the error itself is worth more.
        let _ = std::fs::remove_file(&beside);
    })
}

/// What `fmt` would change, as `diff -u` shows it.
fn difference(source: &Source, formatted: &str) -> String {
    let name = source.name();
    // A large file with other indentation has every line different: a rough answer in time is better.
    let lines = similar::TextDiff::configure().timeout(Duration::from_secs(1)).diff_lines(source.text(), formatted);
    lines.unified_diff().context_radius(2).header(name, &format!("{name} (formatted)")).to_string()
}
