//! What an editor asks about a NaCl text: what is wrong with it, what stands under the cursor, what may be written
//! there, where a name is defined and used.
//!
//! A [`File`] is a text that does not change; a new version is a new one. Places are byte offsets. Nothing here knows
//! a protocol or reads a file, and no text and no offset makes it panic: what is asked about text that was not
//! understood is answered with nothing.
//!
//! The words of the language and what they mean come from [`nacl::vocabulary`]; names are bound as the compiler binds
//! them (see [`index`]).

#![forbid(unsafe_code)]

mod complete;
mod fix;
mod hover;
pub mod index;
mod outline;
mod rename;

use nacl::{Diagnostic, Source, Span};
use std::cell::OnceCell;

pub use complete::{Candidate, CandidateKind};
pub use fix::Fix;
pub use hover::Hover;
pub use index::{Index, Meaning, Occurrence, Symbol, SymbolId, SymbolKind};
pub use outline::{Heading, HeadingKind};
pub use rename::Refusal;

/// A text and, once asked for, what is known about it.
#[derive(Debug)]
pub struct File {
    source: Source,
    diagnostics: OnceCell<Vec<Diagnostic>>,
    index: OnceCell<Index>,
}

/// Text to put in the place of what stands at the span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

impl File {
    /// `name` is what diagnostics call it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { source: Source::new(name, text), diagnostics: OnceCell::new(), index: OnceCell::new() }
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// Everything that the compiler has to say, in the order of the text.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        self.diagnostics.get_or_init(|| nacl::analyze(&self.source).diagnostics)
    }

    /// What every name and word means.
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.source))
    }

    /// The places where the name at an offset is defined; several if it is defined twice.
    pub fn definitions(&self, offset: u32) -> Vec<Span> {
        let index = self.index();
        let symbol = index.at(offset).and_then(|found| found.meaning.symbol());
        symbol.map(|symbol| index.definitions_of(symbol).collect()).unwrap_or_default()
    }

    /// Every place that means what the name at an offset does, in the order of the text.
    pub fn references(&self, offset: u32, with_definitions: bool) -> Vec<Span> {
        let index = self.index();
        let Some(symbol) = index.at(offset).and_then(|found| found.meaning.symbol()) else { return Vec::new() };
        let wanted = |found: &&Occurrence| match found.meaning {
            Meaning::Definition(id) => with_definitions && id == symbol,
            Meaning::Reference(id) => id == symbol,
            _ => false,
        };
        index.occurrences().iter().filter(wanted).map(|found| found.span).collect()
    }

    /// The edits that give the text its canonical layout; `None` for a text with syntax errors, which is not touched.
    pub fn format(&self) -> Option<Vec<Edit>> {
        let formatted = nacl::format(&self.source).ok()?;
        Some(difference(self.text(), &formatted).into_iter().collect())
    }
}

/// One edit that turns a text into another: all lines but those that both begin and end with.
fn difference(old: &str, new: &str) -> Option<Edit> {
    if old == new {
        return None;
    }
    let same = |(a, b): &(&str, &str)| a == b;
    let lines = |text| str::split_inclusive(text, '\n');
    let before: usize = lines(old).zip(lines(new)).take_while(same).map(|(line, _)| line.len()).sum();
    let (old_rest, new_rest) = (old.get(before..).unwrap_or_default(), new.get(before..).unwrap_or_default());
    let behind = lines(old_rest).rev().zip(lines(new_rest).rev()).take_while(same);
    let behind: usize = behind.map(|(line, _)| line.len()).sum();
    let text = new_rest.get(..new_rest.len() - behind).unwrap_or_default().to_owned();
    Some(Edit { span: Span::new(before as u32, (old.len() - behind) as u32), text })
}

/// The text after edits that do not overlap.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let mut changed = String::with_capacity(text.len());
    let mut at = 0;
    for Edit { span, text: new } in edits {
        changed.push_str(text.get(at..span.start as usize).unwrap_or_default());
        changed.push_str(new);
        at = span.end as usize;
    }
    changed.push_str(text.get(at..).unwrap_or_default());
    changed
}

#[cfg(test)]
mod tests;
