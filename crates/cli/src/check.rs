//! `saltgate check`: compiles NaCl files and shows what is wrong with them.

pub mod json;
mod sarif;

use crate::{Answer, terminal};
use anyhow::{Context, Result, bail};
use nacl::{Code, Compiled, Severity, Source};
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

/// How what was found is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: each finding with its line of the file
    Text,
    /// One JSON document on standard output
    Json,
    /// One SARIF 2.1.0 document, for code review tools
    Sarif,
}

/// A file, and what became of it.
struct Checked {
    source: Source,
    compiled: Compiled,
}

impl Checked {
    fn count(&self, severity: Severity) -> usize {
        self.compiled.diagnostics.iter().filter(|found| found.severity == severity).count()
    }
}

fn count(files: &[Checked], severity: Severity) -> usize {
    files.iter().map(|file| file.count(severity)).sum()
}

pub fn run(args: &Args) -> Result<Answer> {
    if let Some(name) = &args.explain {
        return explain(name, args.format);
    }
    let coloured = terminal::stdout_is_coloured();
    let mut files = Vec::new();
    for path in &args.files {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let source = Source::from_bytes(path.display().to_string(), &bytes);
        let compiled = nacl::analyze(&source);
        if args.format == Format::Text {
            for found in &compiled.diagnostics {
                terminal::print(&(terminal::render(&source, found, coloured) + "\n"))?;
            }
        }
        files.push(Checked { source, compiled });
    }
    match args.format {
        Format::Text => terminal::print(&summary(&files))?,
        Format::Json => terminal::print_json(&json::report(&files))?,
        Format::Sarif => terminal::print_json(&sarif::log(&files))?,
    }
    let compile = files.iter().all(|file| file.compiled.policy.is_some());
    let good = compile && (count(&files, Severity::Warning) == 0 || !args.deny_warnings);
    Ok(if good { Answer::Yes } else { Answer::No })
}

/// `seed.nacl: ok`, or how much is wrong.
fn summary(files: &[Checked]) -> String {
    let some = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let what = match files {
        [file] => file.source.name().to_owned(),
        files => some(files.len(), "file"),
    };
    match (count(files, Severity::Error), count(files, Severity::Warning)) {
        (0, 0) => format!("{what}: ok\n"),
        (0, warnings) => format!("{what}: ok, {}\n", some(warnings, "warning")),
        (errors, 0) => format!("{what}: {}\n", some(errors, "error")),
        (errors, warnings) => format!("{what}: {}, {}\n", some(errors, "error"), some(warnings, "warning")),
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
        Format::Sarif => bail!("`--explain` answers as text or json"),
    }
    Ok(Answer::Yes)
}
