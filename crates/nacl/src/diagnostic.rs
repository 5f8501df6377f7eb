//! What the compiler has to say: values with a stable code, places, and a way out.

mod code;
mod explain;
mod render;

use crate::source::Span;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use code::Code;
pub use explain::{Example, Explanation};
pub use render::{render, render_coloured};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file does not compile.
    Error,
    /// It compiles, and probably does not do what is meant.
    Warning,
    /// A suggestion.
    Note,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// The offending token or construct.
    pub span: Span,
    /// A phrase without a full stop, names in backquotes.
    pub message: String,
    /// Other places that belong to it, each with what is there.
    pub related: Vec<(Span, String)>,
    /// How to repair it.
    pub help: Option<String>,
    /// Text to put in the place of what stands at the span, where that alone is the repair which `help` names.
    pub replacement: Option<(Span, String)>,
}

impl Diagnostic {
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let severity = code.severity();
        Self { code, severity, span, message: message.into(), related: Vec::new(), help: None, replacement: None }
    }

    #[must_use]
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Suggests a name for what stands at the span.
    #[must_use]
    pub fn did_you_mean(self, span: Span, near: impl Into<String>) -> Self {
        let near = near.into();
        self.help(format!("did you mean `{near}`?")).replace(span, near)
    }

    /// As [`did_you_mean`](Self::did_you_mean), where a name is near enough; otherwise other help.
    #[must_use]
    pub fn nearest_or(self, span: Span, near: Option<&str>, otherwise: impl FnOnce() -> String) -> Self {
        match near {
            Some(near) => self.did_you_mean(span, near),
            None => self.help(otherwise()),
        }
    }

    #[must_use]
    pub fn replace(mut self, span: Span, text: impl Into<String>) -> Self {
        self.replacement = Some((span, text.into()));
        self
    }

    #[must_use]
    pub fn maybe_help(mut self, text: Option<impl Into<String>>) -> Self {
        self.help = text.map(Into::into).or(self.help);
        self
    }
}

/// The candidate that `name` probably is, if one is near enough: letter case is ignored, otherwise at most one mistake
/// in three letters.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names longer than this are not typed by hand.
    const LONGEST: usize = 40;
    if name.len() > LONGEST {
        return None;
    }
    let allowed = |candidate: &str| candidate.len().max(name.len()) / 3;
    let close =
        |candidate: &&str| candidate.len() <= LONGEST && candidate.len().abs_diff(name.len()) <= allowed(candidate);
    let scored = candidates.into_iter().filter(close).map(|candidate| (distance(name, candidate), candidate));
    let best = scored.min_by_key(|(distance, _)| *distance)?;
    // A short name with a letter changed is another name.
    (best.0 <= allowed(best.1)).then_some(best.1)
}

/// Edits that turn one into the other: insertions, deletions, replacements, exchanged neighbours (optimal string
/// alignment), letter case ignored.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<u8> = a.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let b: Vec<u8> = b.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = at(&last, j) + usize::from(x != y);
            let edited = (at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = match (i.checked_sub(1).and_then(|i| a.get(i)), j.checked_sub(1).and_then(|j| b.get(j))) {
                (Some(px), Some(py)) if px == y && py == x => at(&before_last, j.saturating_sub(1)) + 1,
                _ => usize::MAX,
            };
            row.push(replaced.min(edited).min(swapped));
        }
        before_last = core::mem::replace(&mut last, row);
    }
    at(&last, b.len())
}

/// "a, b, c" for a message.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_near_or_there_is_none() {
        let known = ["address", "netmask", "index", "input"];
        let table = [
            ("adress", Some("address")),
            ("Address", Some("address")),
            ("netmaks", Some("netmask")),
            ("imput", Some("input")),
            ("colour", None),
            ("x", None),
            ("INDEX", Some("index")),
            ("adres", Some("address")),
            ("iput", Some("input")),
            ("ouput", None),
        ];
        for (name, found) in table {
            assert_eq!(nearest(name, known), found, "{name}");
        }
    }
}
