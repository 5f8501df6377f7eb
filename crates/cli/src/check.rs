//! `saltgate check`: compiles NaCl files and shows what is wrong with them.

use crate::terminal;
use crate::{Answer, Format};
use anyhow::{Context, Result, bail};
use nacl::{Code, Diagnostic, Severity, Source};
use serde::Serialize;
use std::path::PathBuf;

/// Compile NaCl files; show every error and warning
#[derive(clap::Args)]
pub struct Args {
    /// The files to compile, each by itself
    #[arg(value_name = "FILE", required_unless_present = "explain")]
    files: Vec<PathBuf>,
    /// Warnings, too, make the answer "no"
    #[arg(long)]
    deny_warnings: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Say what a diagnostic code means, with an example and its repair
    #[arg(long, value_name = "CODE", conflicts_with_all = ["files", "deny_warnings"])]
    explain: Option<String>,
}

/// The JSON document.
#[derive(Serialize)]
struct Report {
    files: Vec<FileReport>,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    /// It compiles.
    ok: bool,
    diagnostics: Vec<Finding>,
}

/// Places count from 1; `end` is the first column behind, columns are Unicode scalar values.
#[derive(Serialize)]
struct Finding {
    code: &'static str,
    severity: &'static str,
    message: String,
    #[serde(flatten)]
    place: Place,
    related: Vec<Related>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

#[derive(Serialize)]
struct Related {
    #[serde(flatten)]
    place: Place,
    message: String,
}

#[derive(Serialize)]
struct Place {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

pub fn run(args: &Args) -> Result<Answer> {
    if let Some(name) = &args.explain {
        return explain(name, args.format);
    }
    let coloured = terminal::stdout_is_coloured();
    let mut report = Report { files: Vec::new(), errors: 0, warnings: 0 };
    for path in &args.files {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let source = Source::from_bytes(path.display().to_string(), &bytes);
        let compiled = nacl::compile(&source);
        let count = |severity| compiled.diagnostics.iter().filter(|found| found.severity == severity).count();
        report.errors += count(Severity::Error);
        report.warnings += count(Severity::Warning);
        if args.format == Format::Text {
            for found in &compiled.diagnostics {
                terminal::print(&(terminal::render(&source, found, coloured) + "\n"))?;
            }
        }
        report.files.push(FileReport {
            file: source.name().to_owned(),
            ok: compiled.policy.is_some(),
            diagnostics: compiled.diagnostics.iter().map(|found| finding(&source, found)).collect(),
        });
    }
    match args.format {
        Format::Text => terminal::print(&summary(&report))?,
        Format::Json => terminal::print_json(&report)?,
    }
    let good = report.files.iter().all(|file| file.ok) && (report.warnings == 0 || !args.deny_warnings);
    Ok(if good { Answer::Yes } else { Answer::No })
}

/// `seed.nacl: ok`, or how much is wrong.
fn summary(report: &Report) -> String {
    let some = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let what = match &report.files[..] {
        [file] => file.file.clone(),
        files => some(files.len(), "file"),
    };
    match (report.errors, report.warnings) {
        (0, 0) => format!("{what}: ok\n"),
        (0, warnings) => format!("{what}: ok, {}\n", some(warnings, "warning")),
        (errors, 0) => format!("{what}: {}\n", some(errors, "error")),
        (errors, warnings) => format!("{what}: {}, {}\n", some(errors, "error"), some(warnings, "warning")),
    }
}

fn finding(source: &Source, found: &Diagnostic) -> Finding {
    let place = |span: nacl::Span| {
        let (start, end) = (source.place(span.start), source.place(span.end));
        Place { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
    };
    Finding {
        code: found.code.name(),
        severity: found.severity.name(),
        message: found.message.clone(),
        place: place(found.span),
        related: { found.related.iter() }
            .map(|(span, message)| Related { place: place(*span), message: message.clone() })
            .collect(),
        help: found.help.clone(),
    }
}

/// What a code means.
#[derive(Serialize)]
struct Explanation {
    code: &'static str,
    severity: &'static str,
    text: &'static str,
}

fn explain(name: &str, format: Format) -> Result<Answer> {
    let Some(code) = Code::from_name(name) else {
        let hint = match story::did_you_mean(name, Code::ALL.iter().map(|code| code.name())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "codes stand in brackets behind a message, as [unknown-name]".to_owned(),
        };
        bail!("no diagnostic has the code `{name}`; {hint}");
    };
    match format {
        Format::Text => terminal::print(&format!("{} ({}): {}\n", code.name(), code.severity().name(), code.title()))?,
        Format::Json => {
            let (severity, text) = (code.severity().name(), code.title());
            terminal::print_json(&Explanation { code: code.name(), severity, text })?;
        }
    }
    Ok(Answer::Yes)
}
