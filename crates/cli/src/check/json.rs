//! `--format json`: the document that `docs/diagnostics.md` promises. Members may be added to it; none that is there
//! changes its meaning or goes without a new `version`.

use super::{Checked, count};
use nacl::{Diagnostic, Severity, Source, Span};
use serde::Serialize;

/// Of the document's shape.
const VERSION: u32 = 1;

#[derive(Serialize)]
pub struct Report {
    version: u32,
    files: Vec<File>,
    errors: usize,
    warnings: usize,
    notes: usize,
}

#[derive(Serialize)]
struct File {
    file: String,
    /// It compiles.
    ok: bool,
    /// In the order of the text.
    diagnostics: Vec<Finding>,
}

/// A diagnostic, as every document shows it.
#[derive(Serialize)]
pub struct Finding {
    code: &'static str,
    severity: &'static str,
    message: String,
    #[serde(flatten)]
    place: Place,
    related: Vec<Related>,
    help: Option<String>,
}

#[derive(Serialize)]
struct Related {
    message: String,
    #[serde(flatten)]
    place: Place,
}

/// Counts from 1; the end is the first column behind. Columns are Unicode scalar values.
#[derive(Serialize)]
struct Place {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

pub(super) fn report(files: &[Checked]) -> Report {
    Report {
        version: VERSION,
        files: files.iter().map(file).collect(),
        errors: count(files, Severity::Error),
        warnings: count(files, Severity::Warning),
        notes: count(files, Severity::Note),
    }
}

fn file(Checked { source, compiled }: &Checked) -> File {
    File {
        file: source.name().to_owned(),
        ok: compiled.policy.is_some(),
        diagnostics: compiled.diagnostics.iter().map(|found| finding(source, found)).collect(),
    }
}

pub fn finding(source: &Source, found: &Diagnostic) -> Finding {
    let related = |(span, message): &(Span, String)| Related { message: message.clone(), place: place(source, *span) };
    Finding {
        code: found.code.name(),
        severity: found.severity.name(),
        message: found.message.clone(),
        place: place(source, found.span),
        related: found.related.iter().map(related).collect(),
        help: found.help.clone(),
    }
}

fn place(source: &Source, span: Span) -> Place {
    let (start, end) = (source.place(span.start), source.place(span.end));
    Place {
        file: source.name().to_owned(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}
