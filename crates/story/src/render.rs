//! Diagnostics as text: the message, the line of the story, what was expected and what came.

use crate::text::Diagnostic;
use std::fmt::Write as _;

/// Where colours begin and end; empty strings for none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub error: &'static str,
    pub quiet: &'static str,
    pub bold: &'static str,
    pub reset: &'static str,
}

impl Style {
    pub const PLAIN: Self = Self { error: "", quiet: "", bold: "", reset: "" };
    /// ANSI escapes.
    pub const COLORED: Self = Self { error: "\x1b[1;31m", quiet: "\x1b[34m", bold: "\x1b[1m", reset: "\x1b[0m" };
}

/// One diagnostic, ending in a newline. `text` is the whole story.
///
/// ```text
/// error: this packet came differently
///   --> seed.story:4:7
///    |
///  4 |       out inside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63
///    |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
///    = came: out inside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 64
///    = differs: ttl: expected ttl 63, came ttl 64
/// ```
pub fn render(diagnostic: &Diagnostic, name: &str, text: &str, style: Style) -> String {
    let Style { error, quiet, bold, reset } = style;
    let span = diagnostic.span;
    let line = text.lines().nth((span.line as usize).saturating_sub(1)).unwrap_or_default();
    let number = span.line.to_string();
    let margin = " ".repeat(number.len() + 1);
    let before: String =
        line.chars().take((span.start as usize).saturating_sub(1)).map(|c| if c == '\t' { c } else { ' ' }).collect();
    let marks = "^".repeat((span.end.saturating_sub(span.start) as usize).max(1));
    let mut out = String::new();
    let _ = writeln!(out, "{error}error{reset}{bold}: {}{reset}", diagnostic.message);
    let _ = writeln!(out, "{margin}{quiet}-->{reset} {name}:{span}");
    let _ = writeln!(out, "{margin}{quiet} |{reset}");
    let _ = writeln!(out, " {quiet}{number} |{reset} {}", line.trim_end());
    let _ = writeln!(out, "{margin}{quiet} |{reset} {before}{error}{marks}{reset}");
    for (label, note) in &diagnostic.notes {
        let _ = writeln!(out, "{margin}{quiet} ={reset} {bold}{label}{reset}: {note}");
    }
    out
}
