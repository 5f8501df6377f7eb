//! Renaming what the file defines, everywhere, or saying why that cannot be.
//!
//! The proof that a renaming changes no meaning is to carry it out: in the text that comes out, everything must mean
//! what it meant before.

use crate::index::{Meaning, SymbolId, SymbolKind};
use crate::{Edit, File, apply};
use nacl::lex::TokenKind;
use nacl::{Source, Span};
use std::fmt;

/// Why something cannot be renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no name at this place.
    NoName,
    /// It is a word of the language.
    Word(String),
    /// Nothing defines it.
    Undefined(String),
    /// The new name is none: not a letter followed by letters, digits, `_` and, in keys of objects, `-`.
    Invalid(String),
    /// The new name belongs to the language.
    Reserved(String),
    /// The new name is taken; the line counts from 1.
    Taken { name: String, line: u32 },
    /// Something else would mean something else; the line counts from 1.
    Changes { name: String, line: u32 },
    /// The name also stands in text that could not be understood.
    Hidden { name: String, line: u32 },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("there is no name here"),
            Self::Word(name) => write!(f, "`{name}` is a word of the language and cannot be renamed"),
            Self::Undefined(name) => write!(f, "nothing named `{name}` is defined, so there is nothing to rename"),
            Self::Invalid(name) => write!(
                f,
                "`{name}` is no name: a letter, then letters, digits and `_` (in keys of objects also `-`), and no \
                 word of the language"
            ),
            Self::Reserved(name) => write!(f, "`{name}` belongs to the language; choose another name"),
            Self::Taken { name, line } => write!(f, "`{name}` is already defined in line {line}"),
            Self::Changes { name, line } => {
                write!(f, "`{name}` would change what line {line} means; choose another name")
            }
            Self::Hidden { name, line } => {
                write!(f, "`{name}` also stands in line {line}, which was not understood; repair that first")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl File {
    /// The name at an offset that can be renamed.
    pub fn renameable(&self, offset: u32) -> Result<Span, Refusal> {
        self.to_rename(offset).map(|(span, _)| span)
    }

    /// The edits that give what stands at an offset another name; none if it has that name.
    pub fn rename(&self, offset: u32, new: &str) -> Result<Vec<Edit>, Refusal> {
        let (span, id) = self.to_rename(offset)?;
        let old = self.source().slice(span);
        if old == new {
            return Ok(Vec::new());
        }
        self.may_be_named(id, new)?;
        let spans = self.references(offset, true);
        self.nothing_hidden(old, &spans)?;
        let edit = |span: Span| Edit { span, text: new.to_owned() };
        let edits: Vec<Edit> = spans.into_iter().map(edit).collect();
        self.meaning_stays(&edits, new)?;
        Ok(edits)
    }

    fn to_rename(&self, offset: u32) -> Result<(Span, SymbolId), Refusal> {
        let found = self.index().at(offset).ok_or(Refusal::NoName)?;
        let text = self.source().slice(found.span).to_owned();
        let id = match found.meaning {
            Meaning::Definition(id) | Meaning::Reference(id) => id,
            Meaning::Unknown => return Err(Refusal::Undefined(text)),
            _ => return Err(Refusal::Word(text)),
        };
        match self.index().get(id).map(|symbol| symbol.kind) {
            None | Some(SymbolKind::Member(Some(_))) => Err(Refusal::Word(text)),
            Some(_) => Ok((found.span, id)),
        }
    }

    fn may_be_named(&self, id: SymbolId, new: &str) -> Result<(), Refusal> {
        let index = self.index();
        let Some(symbol) = index.get(id) else { return Err(Refusal::NoName) };
        let is_member = matches!(symbol.kind, SymbolKind::Member(_));
        if !is_name(new) || (!is_member && new.contains('-')) {
            return Err(Refusal::Invalid(new.to_owned()));
        }
        let owner = symbol.owner.and_then(|owner| index.get(owner));
        let is_key = owner.and_then(|owner| owner.shape()).is_some_and(|shape| shape.key(new).is_some());
        if is_key || (!is_member && nacl::vocabulary::RESERVED_NAMES.iter().any(|word| word.eq_ignore_ascii_case(new)))
        {
            return Err(Refusal::Reserved(new.to_owned()));
        }
        let taken = match symbol.owner {
            Some(owner) => index.member(owner, new),
            None if matches!(symbol.kind, SymbolKind::Label) => None,
            None => index.find(new),
        };
        // A member may change the letter case of its own name.
        match taken.filter(|other| *other != id).and_then(|other| index.get(other)) {
            Some(other) => {
                Err(Refusal::Taken { name: new.to_owned(), line: self.source().place(other.name.start).line })
            }
            None => Ok(()),
        }
    }

    /// Text that was not understood may hold uses that nobody sees.
    fn nothing_hidden(&self, old: &str, spans: &[Span]) -> Result<(), Refusal> {
        let mut syntax = Vec::new();
        let lexed = nacl::lex::lex(self.source(), &mut syntax);
        nacl::parse::parse(self.source(), &lexed, &mut syntax);
        if syntax.is_empty() {
            return Ok(());
        }
        let known = |span: Span| {
            spans.binary_search(&span).is_ok()
                || self.index().at(span.start).is_some_and(|found| found.span == span && !is_unknown(found.meaning))
        };
        let mut names = lexed.tokens.iter().filter(|token| token.kind == TokenKind::Name);
        match names.find(|token| self.source().slice(token.span) == old && !known(token.span)) {
            Some(token) => {
                let line = self.source().place(token.span.start).line;
                Err(Refusal::Hidden { name: old.to_owned(), line })
            }
            None => Ok(()),
        }
    }

    fn meaning_stays(&self, edits: &[Edit], new: &str) -> Result<(), Refusal> {
        let renamed = Self::new(self.source().name(), apply(self.text(), edits));
        let (before, after) = (self.index().occurrences(), renamed.index().occurrences());
        let pairs = before.iter().zip(after);
        let differs = pairs.clone().find(|(before, after)| !before.meaning.is(after.meaning)).map(|(before, _)| before);
        let extra = || if before.len() == after.len() { None } else { before.last() };
        match differs.or_else(extra) {
            Some(found) => {
                let line = self.source().place(found.span.start).line;
                Err(Refusal::Changes { name: new.to_owned(), line })
            }
            None => Ok(()),
        }
    }
}

fn is_unknown(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Unknown)
}

fn is_name(text: &str) -> bool {
    let mut ignored = Vec::new();
    let lexed = nacl::lex::lex(&Source::new("", text), &mut ignored);
    matches!(&lexed.tokens[..], [name, end] if name.kind == TokenKind::Name && end.kind == TokenKind::End
        && name.span == Span::new(0, text.len() as u32))
}
