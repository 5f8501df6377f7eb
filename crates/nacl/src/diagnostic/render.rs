//! A diagnostic as text for people:
//!
//! ```text
//! edge.nacl:7:17: error: `outsid` is not defined [unknown-name]
//!   7 |   if (iif == outsid) { accept }
//!     |              ^^^^^^
//! edge.nacl:1:7: note: …
//!     help: did you mean `outside`?
//! ```

use super::{Diagnostic, Severity};
use crate::source::{Source, Span};
use alloc::format;
use alloc::string::{String, ToString};

/// Lines longer than this are cut around the place.
const WIDEST: usize = 100;

/// As plain text, each line ended.
pub fn render(source: &Source, diagnostic: &Diagnostic) -> String {
    Painter { source, coloured: false }.diagnostic(diagnostic)
}

/// With ANSI colours, for a terminal.
pub fn render_coloured(source: &Source, diagnostic: &Diagnostic) -> String {
    Painter { source, coloured: true }.diagnostic(diagnostic)
}

struct Painter<'a> {
    source: &'a Source,
    coloured: bool,
}

impl Painter<'_> {
    fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        let colour = match diagnostic.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;36",
        };
        let mut text = format!(
            "{}: {}: {} {}\n",
            self.paint("1", &self.location(diagnostic.span)),
            self.paint(colour, diagnostic.severity.name()),
            self.paint("1", &diagnostic.message),
            self.paint("2", &format!("[{}]", diagnostic.code.name())),
        );
        text.push_str(&self.excerpt(diagnostic.span, colour, '^'));
        for (span, note) in &diagnostic.related {
            let place = self.paint("1", &self.location(*span));
            text.push_str(&format!("{place}: {}: {note}\n", self.paint("1;36", "note")));
            text.push_str(&self.excerpt(*span, "1;36", '-'));
        }
        if let Some(help) = &diagnostic.help {
            text.push_str(&format!("      {}: {help}\n", self.paint("1;32", "help")));
        }
        text
    }

    fn location(&self, span: Span) -> String {
        let place = self.source.place(span.start);
        format!("{}:{}:{}", self.source.name(), place.line, place.column)
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.coloured { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.into() }
    }

    /// The line of the span's start, and marks under what of the span is on it.
    fn excerpt(&self, span: Span, colour: &str, mark: char) -> String {
        let (place, end) = (self.source.place(span.start), self.source.place(span.end));
        let line = self.source.line(place.line);
        let width = line.chars().count();
        let from = (place.column as usize).saturating_sub(1).min(width);
        let to = if end.line == place.line { (end.column as usize).saturating_sub(1) } else { width };
        let to = to.clamp(from, width).max(from + 1);
        // A long line (a whole program may stand on one) is shown around the place.
        let first = if width > WIDEST { from.saturating_sub(WIDEST / 3) } else { 0 };
        let show = |c: char| if c == '\t' || c.is_control() { ' ' } else { c };
        let shown: String = line.chars().skip(first).take(WIDEST).map(show).collect();
        let marks = (to - from).min(WIDEST.saturating_sub(from - first)).max(1);
        let dots = if first > 0 { "…" } else { "" };
        let more = if width > first + WIDEST { "…" } else { "" };
        let number = format!("{:>5}", place.line);
        let indent = from - first + dots.chars().count();
        let line = self.paint("2", &format!("{number} |"));
        let under = self.paint("2", &format!("{:>5} |", ""));
        let marked = self.paint(colour, &mark.to_string().repeat(marks));
        format!("{line} {dots}{}{more}\n{under} {:indent$}{marked}\n", shown.trim_end(), "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn a_diagnostic_shows_its_line_its_place_and_the_way_out() {
        let source = Source::new("edge.nacl", "p: 80\n\tp: 81 // é\n");
        let diagnostic = Diagnostic::new(Code::DuplicateName, Span::new(7, 8), "`p` is already defined")
            .note(Span::new(0, 1), "the first `p`")
            .help("rename one");
        let expected = "edge.nacl:2:2: error: `p` is already defined [duplicate-name]\n    2 |  p: 81 // é\n      |  ^\n\
                        edge.nacl:1:1: note: the first `p`\n    1 | p: 80\n      | -\n      help: rename one\n";
        assert_eq!(render(&source, &diagnostic), expected);
        assert!(render_coloured(&source, &diagnostic).contains("\u{1b}[1;31merror"));
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = "x".repeat(500);
        let source = Source::new("a", text.as_str());
        let diagnostic = Diagnostic::new(Code::ExpectedToken, Span::new(250, 500), "no");
        for line in render(&source, &diagnostic).lines() {
            assert!(line.chars().count() <= WIDEST + 12, "{line}");
        }
    }
}
