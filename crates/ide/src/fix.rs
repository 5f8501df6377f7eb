//! Repairs that need no thought: a diagnostic whose help is one replacement.

use crate::{Edit, File};
use nacl::{Diagnostic, Span};

/// A repair, and the diagnostic that it mends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix<'f> {
    /// What it does, for a menu.
    pub title: String,
    pub diagnostic: &'f Diagnostic,
    pub edit: Edit,
}

impl File {
    /// The repairs of diagnostics that touch a span.
    pub fn fixes(&self, span: Span) -> Vec<Fix<'_>> {
        let touches = |found: &&Diagnostic| found.span.start <= span.end && span.start <= found.span.end;
        self.diagnostics().iter().filter(touches).filter_map(|found| self.fix(found)).collect()
    }

    fn fix<'f>(&'f self, diagnostic: &'f Diagnostic) -> Option<Fix<'f>> {
        let (span, text) = diagnostic.replacement.clone()?;
        let old = self.source().slice(span);
        let title = match (old, text.as_str()) {
            (old, "") => format!("Remove `{old}`"),
            ("", new) => format!("Insert `{}`", new.trim()),
            (old, new) => format!("Replace `{old}` with `{new}`"),
        };
        Some(Fix { title, diagnostic, edit: Edit { span, text } })
    }
}
