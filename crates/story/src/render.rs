//! Diagnostics as text for people, in the compiler's way:
//!
//! ```text
//! seed.story:4:7: error: this packet came differently
//!     4 |       out inside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63
//!       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
//!       came: out inside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 64
//!       differs: ttl: expected ttl 63, came ttl 64
//! ```

use crate::text::Diagnostic;

/// One diagnostic, each line ended; `text` is the whole story. Coloured for a terminal, if asked.
pub fn render(diagnostic: &Diagnostic, name: &str, text: &str, coloured: bool) -> String {
    let paint = |colour: &str, text: &str| {
        if coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let span = diagnostic.span;
    let line = text.lines().nth((span.line as usize).saturating_sub(1)).unwrap_or_default();
    let shown: String = line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = " ".repeat((span.start as usize).saturating_sub(1));
    let marks = "^".repeat((span.end.saturating_sub(span.start) as usize).max(1));
    let mut out = format!(
        "{}: {}: {}\n{} {shown}\n{} {before}{}\n",
        paint("1", &format!("{name}:{span}")),
        paint("1;31", "error"),
        paint("1", &diagnostic.message),
        paint("2", &format!("{:>5} |", span.line)),
        paint("2", &format!("{:>5} |", "")),
        paint("1;31", &marks),
    );
    for (label, note) in &diagnostic.notes {
        let colour = if *label == "help" { "1;32" } else { "1;36" };
        // A note of several lines stands below its label.
        let note =
            if note.contains('\n') { format!("\n{note}").replace('\n', "\n        ") } else { format!(" {note}") };
        out.push_str(&format!("      {}:{note}\n", paint(colour, label)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Span;

    #[test]
    fn a_diagnostic_shows_its_line_its_place_and_what_came() {
        let diagnostic = Diagnostic::new(Span { line: 2, start: 2, end: 6 }, "this drop did not come")
            .note("came", "out e")
            .help("look");
        let expected = "a.story:2:2: error: this drop did not come\n    2 |  drop forward\n      |  ^^^^\n      came: out e\n      help: look\n";
        assert_eq!(render(&diagnostic, "a.story", "x\n\tdrop forward\n", false), expected);
        assert!(render(&diagnostic, "a.story", "x", true).contains("\x1b[1;31merror\x1b[0m"));
    }
}
