//! What every name and word of a text means.
//!
//! Built from the tree alone, so that it is there for a file with errors too. Names are bound as the compiler binds
//! them: what the file defines goes before predefined constants, packet properties and the actions that are our
//! extensions, and behind the actions that every compiler of NaCl knows; keys of typed objects ignore letter case.

mod build;

use nacl::vocabulary::{Action, Key, ObjectKind, PacketField, Shape, Subtype, Word};
use nacl::{Source, Span};
use policy::FunctionKind;
use std::collections::BTreeMap;

/// A position in [`Index::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId(u32);

/// Something that the file defines, and that can be named.
#[derive(Debug)]
pub struct Symbol {
    pub kind: SymbolKind,
    /// The name where it is defined first.
    pub name: Span,
    /// The whole definition.
    pub whole: Span,
    /// Its value; the body of a function.
    pub value: Span,
    /// What it is a member of.
    pub owner: Option<SymbolId>,
    members: BTreeMap<String, SymbolId>,
    /// The letter case of its members' names is ignored.
    folds: bool,
    /// If its value is an object with known keys, those.
    shape: Option<&'static Shape>,
}

impl Symbol {
    pub fn shape(&self) -> Option<&'static Shape> {
        self.shape
    }

    fn member(&self, name: &str) -> Option<SymbolId> {
        if self.folds { self.members.get(&name.to_ascii_lowercase()).copied() } else { self.members.get(name).copied() }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum SymbolKind {
    Constant,
    Object(ObjectKind),
    Function(FunctionKind, Option<Subtype>),
    /// Of a type that there is none of.
    Unknown,
    /// A member of an object; with its key, if the object's keys are known.
    Member(Option<&'static Key>),
    /// The name of a nested function, which nothing can refer to.
    Label,
}

/// What a piece of the text means.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    Definition(SymbolId),
    Reference(SymbolId),
    Type(&'static Shape),
    FunctionType(&'static Word),
    Subtype(&'static Word),
    /// A key that has no symbol: of an object in a list, or one that is asked for and not set.
    Key(&'static Shape, &'static Key),
    /// `ip` of `ip.ttl`.
    PacketObject(&'static Word),
    Field(&'static PacketField),
    Action(&'static Action),
    /// One name may stand for several constants, so this is the name's.
    Predefined,
    /// `dhcp`, `strict`, `INFO`, …
    Word(&'static Word),
    Unknown,
}

impl Meaning {
    pub fn symbol(self) -> Option<SymbolId> {
        match self {
            Self::Definition(id) | Self::Reference(id) => Some(id),
            _ => None,
        }
    }

    /// Words of the vocabulary are the same if they are the same entry.
    pub fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Definition(a), Self::Definition(b)) | (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => std::ptr::eq(a, b),
            (Self::FunctionType(a), Self::FunctionType(b))
            | (Self::Subtype(a), Self::Subtype(b))
            | (Self::PacketObject(a), Self::PacketObject(b))
            | (Self::Word(a), Self::Word(b)) => std::ptr::eq(a, b),
            (Self::Key(_, a), Self::Key(_, b)) => std::ptr::eq(a, b),
            (Self::Field(a), Self::Field(b)) => std::ptr::eq(a, b),
            (Self::Action(a), Self::Action(b)) => std::ptr::eq(a, b),
            (Self::Predefined, Self::Predefined) | (Self::Unknown, Self::Unknown) => true,
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Occurrence {
    pub span: Span,
    pub meaning: Meaning,
}

/// Everything that a text names.
#[derive(Debug, Default)]
pub struct Index {
    symbols: Vec<Symbol>,
    by_name: BTreeMap<String, SymbolId>,
    /// In the order of the text; they do not overlap.
    occurrences: Vec<Occurrence>,
    /// Functions on chains, each with the member that is the chain.
    chains: Vec<(SymbolId, SymbolId)>,
}

impl Index {
    pub fn new(source: &Source) -> Self {
        build::build(source)
    }

    pub fn get(&self, id: SymbolId) -> Option<&Symbol> {
        self.symbols.get(id.0 as usize)
    }

    /// What the file defines under this name at its top level.
    pub fn find(&self, name: &str) -> Option<SymbolId> {
        self.by_name.get(name).copied()
    }

    pub fn member(&self, owner: SymbolId, name: &str) -> Option<SymbolId> {
        self.get(owner)?.member(name)
    }

    /// What a path leads to.
    pub fn follow(&self, path: &[&str]) -> Option<SymbolId> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.find(first)?, |id, part| self.member(id, part))
    }

    pub fn members(&self, owner: SymbolId) -> impl Iterator<Item = SymbolId> {
        self.get(owner).into_iter().flat_map(|symbol| symbol.members.values().copied())
    }

    /// Names of the top level, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = (&str, SymbolId)> {
        self.by_name.iter().map(|(name, id)| (name.as_str(), *id))
    }

    pub fn occurrences(&self) -> &[Occurrence] {
        &self.occurrences
    }

    /// What stands at an offset, or ends there.
    pub fn at(&self, offset: u32) -> Option<Occurrence> {
        let behind = self.occurrences.partition_point(|found| found.span.start <= offset);
        let found = self.occurrences.get(behind.checked_sub(1)?)?;
        (offset <= found.span.end).then_some(*found)
    }

    pub fn definitions_of(&self, symbol: SymbolId) -> impl Iterator<Item = Span> {
        let is_definition = move |found: &&Occurrence| matches!(found.meaning, Meaning::Definition(id) if id == symbol);
        self.occurrences.iter().filter(is_definition).map(|found| found.span)
    }

    /// The chains that a function stands on: members of Ifaces and of the Gateway.
    pub fn chains_of(&self, function: SymbolId) -> impl Iterator<Item = SymbolId> {
        self.chains.iter().filter(move |(on, _)| *on == function).map(|(_, chain)| *chain)
    }
}
