//! Names to definitions: one table of everything that the file defines, completed by the assignments that set members
//! out of line.
//!
//! NaCl allows `eth0.address: …` anywhere in the file, before or after `eth0` itself. So definitions are first
//! collected, then completed, the shorter paths first, then frozen: [`Names`] is not changed any more.

mod object;

use crate::ast::{Assignment, Ast, Function, Item, Name, Path, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::source::{Source, Span};
use crate::vocabulary::{self, ObjectKind};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

pub use object::{Data, Member, Object};

/// A position in [`Names::elements`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementId(pub u32);

/// Something about each of some elements. Their ids count from 0, so it is a list.
#[derive(Debug)]
pub struct ById<V>(Vec<Option<V>>);

impl<V> ById<V> {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn get(&self, id: ElementId) -> Option<&V> {
        self.0.get(id.0 as usize)?.as_ref()
    }

    pub fn insert(&mut self, id: ElementId, value: V) {
        let at = id.0 as usize;
        if at >= self.0.len() {
            self.0.resize_with(at + 1, || None);
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = Some(value);
        }
    }
}

/// Something that the file defines.
#[derive(Debug)]
pub struct Element<'a> {
    pub name: Name<'a>,
    pub kind: Kind<'a>,
    used: Cell<bool>,
}

#[derive(Debug)]
pub enum Kind<'a> {
    Constant(Data<'a>),
    Object(ObjectKind, Typed<'a>),
    Function(&'a Function<'a>),
    /// Its definition was not understood; what refers to it is not reported.
    Broken,
}

impl Kind<'_> {
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Constant(_) => "a constant",
            Self::Object(ObjectKind::Iface, _) => "an Iface",
            Self::Object(..) => "an object of a type",
            Self::Function(_) => "a function",
            Self::Broken => "something not understood",
        }
    }
}

/// A typed object: its keys, and its value if that is no object (`Iface eth0 dhcp`, `Gateway gw [ … ]`).
#[derive(Debug)]
pub struct Typed<'a> {
    pub object: Object<'a>,
    pub value: Option<&'a Value<'a>>,
}

/// Everything that the file defines, in file order.
#[derive(Debug, Default)]
pub struct Names<'a> {
    elements: Vec<Element<'a>>,
    by_name: BTreeMap<&'a str, ElementId>,
    /// How many names were compared for suggestions.
    compared: Cell<usize>,
}

/// A file with many unknown names gets suggestions for the first of them: after so many comparisons, no more.
const MOST_COMPARED: usize = 500_000;

impl<'a> Names<'a> {
    pub fn find(&self, name: &str) -> Option<ElementId> {
        self.by_name.get(name).copied()
    }

    /// The element, or a broken one for an id of another table.
    pub fn get(&self, id: ElementId) -> Option<&Element<'a>> {
        self.elements.get(id.0 as usize)
    }

    /// Notes that something refers to it.
    pub fn mark_used(&self, id: ElementId) {
        if let Some(element) = self.get(id) {
            element.used.set(true);
        }
    }

    pub fn is_used(&self, id: ElementId) -> bool {
        self.get(id).is_some_and(|element| element.used.get())
    }

    pub fn iter(&self) -> impl Iterator<Item = (ElementId, &Element<'a>)> {
        self.elements.iter().enumerate().map(|(at, element)| (ElementId(at as u32), element))
    }

    /// The defined name that `name` was probably meant to be, among those that satisfy the predicate.
    pub fn nearest(&self, name: &str, wanted: impl Fn(&Kind<'a>) -> bool) -> Option<&Element<'a>> {
        self.compared.set(self.compared.get() + self.elements.len());
        if self.compared.get() > MOST_COMPARED {
            return None;
        }
        let candidates = self.elements.iter().filter(|element| wanted(&element.kind)).map(|element| element.name.text);
        let found = nearest(name, candidates)?;
        self.find(found).and_then(|id| self.get(id))
    }
}

/// Collects, completes and freezes.
pub fn resolve<'a>(source: &Source, ast: &'a Ast<'a>, diagnostics: &mut Vec<Diagnostic>) -> Names<'a> {
    let mut resolver = Resolver { source, names: Names::default(), diagnostics };
    for item in &ast.items {
        resolver.collect(item);
    }
    resolver.assign(ast);
    resolver.warn_of_case();
    resolver.names
}

struct Resolver<'a, 'd> {
    source: &'d Source,
    names: Names<'a>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Resolver<'a, '_> {
    fn collect(&mut self, item: &'a Item<'a>) {
        match item {
            Item::Typed(typed) => {
                let kind = match vocabulary::object_kind(typed.kind.text) {
                    Some(kind) => {
                        let mut object = Object::new(true);
                        let value = match &typed.value.kind {
                            ValueKind::Object(literal) => {
                                object.fill(literal, self.diagnostics);
                                None
                            }
                            _ => Some(&typed.value),
                        };
                        Kind::Object(kind, Typed { object, value })
                    }
                    None => {
                        self.unknown_type(typed.kind);
                        Kind::Broken
                    }
                };
                self.define(typed.name, kind);
            }
            Item::Function(function) => self.collect_function(function),
            Item::Assignment(Assignment { path, value }) => {
                if let Some(name) = path.single() {
                    let data = Data::of(value, false, self.diagnostics);
                    self.define(name, Kind::Constant(data));
                }
            }
        }
    }

    fn collect_function(&mut self, function: &'a Function<'a>) {
        let mut kind = Kind::Function(function);
        if vocabulary::function_type(function.kind.text).is_none() {
            if vocabulary::object_type(function.kind.text).is_some() {
                let message = format!("`{}` is not a function type", function.kind.text);
                let diagnostic = Diagnostic::new(Code::NotAFunctionType, function.kind.span, message);
                let help = format!("an object is written `{0} name {{ key: value }}`", function.kind.text);
                self.diagnostics.push(diagnostic.help(help));
            } else {
                self.unknown_type(function.kind);
            }
            kind = Kind::Broken;
        }
        match function.name {
            Some(name) => self.define(name, kind),
            None => {
                let message = "a function at top level needs a name";
                let diagnostic = Diagnostic::new(Code::MissingName, function.head(), message);
                let help = format!("write `{}::{} name {{ … }}`", function.kind.text, function.subtype.text);
                self.diagnostics.push(diagnostic.help(help));
            }
        }
    }

    fn unknown_type(&mut self, name: Name<'_>) {
        let functions = vocabulary::FUNCTION_TYPES.iter().map(|(_, word)| word.name);
        let known: Vec<_> = vocabulary::OBJECT_TYPES.iter().map(|(_, shape)| shape.name).chain(functions).collect();
        let near = nearest(name.text, known.iter().copied());
        let message = format!("unknown type `{}`", name.text);
        let diagnostic = Diagnostic::new(Code::UnknownType, name.span, message);
        let others = || format!("there are {}", crate::diagnostic::listed(known));
        self.diagnostics.push(diagnostic.nearest_or(name.span, near, others));
    }

    fn define(&mut self, name: Name<'a>, kind: Kind<'a>) {
        if name.text.contains('-') {
            let message = format!("the name `{}` contains `-`, which only keys of objects may", name.text);
            let help = format!("write `{}`", name.text.replace('-', "_"));
            self.diagnostics.push(Diagnostic::new(Code::HyphenInName, name.span, message).help(help));
        }
        if vocabulary::RESERVED_NAMES.iter().any(|reserved| reserved.eq_ignore_ascii_case(name.text)) {
            let message = format!("`{}` is reserved for a packet object", name.text);
            let help = "choose another name, one that says what it is for";
            self.diagnostics.push(Diagnostic::new(Code::ReservedName, name.span, message).help(help));
        }
        if let Some(first) = self.names.find(name.text).and_then(|id| self.names.get(id)) {
            let message = format!("`{}` is already defined", name.text);
            let diagnostic = Diagnostic::new(Code::DuplicateName, name.span, message)
                .note(first.name.span, "first defined here")
                .help("rename one of them; constants, objects and functions share one name space");
            self.diagnostics.push(diagnostic);
            return;
        }
        self.names.by_name.insert(name.text, ElementId(self.names.elements.len() as u32));
        self.names.elements.push(Element { name, kind, used: Cell::new(false) });
    }

    /// Sets members out of line, shorter paths first, so that `m.e.f: 5` may stand before `m.e: { … }`.
    fn assign(&mut self, ast: &'a Ast<'a>) {
        let mut assignments: Vec<(&Path<'a>, &'a Value<'a>)> = Vec::new();
        for item in &ast.items {
            if let Item::Assignment(Assignment { path, value }) = item
                && path.parts.len() > 1
            {
                assignments.push((path, value));
            }
        }
        assignments.sort_by_key(|(path, _)| path.parts.len());
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for (path, value) in assignments {
            let root = path.first();
            let Some(id) = self.names.find(root.text) else {
                if missing.insert(root.text) {
                    let near = self.names.nearest(root.text, |_| true).map(|element| element.name);
                    let message = format!("nothing named `{}` is defined", root.text);
                    let mut diagnostic = Diagnostic::new(Code::UnknownName, root.span, message);
                    if let Some(near) = near {
                        diagnostic = diagnostic
                            .note(near.span, format!("`{}` is defined here", near.text))
                            .did_you_mean(root.span, near.text);
                    }
                    self.diagnostics.push(diagnostic);
                }
                continue;
            };
            self.assign_one(id, path, value);
        }
    }

    fn assign_one(&mut self, id: ElementId, path: &Path<'a>, value: &'a Value<'a>) {
        let Some(element) = self.names.elements.get_mut(id.0 as usize) else { return };
        let no_members = |upto: usize, why: String| {
            let span = path.parts.get(upto).map_or(path.span(), |last| path.first().span.to(last.span));
            let shown = self.source.slice(span);
            Diagnostic::new(Code::NoMembers, path.span(), format!("`{shown}` {why} and has no members"))
        };
        let defined = element.name;
        let mut object = match &mut element.kind {
            Kind::Object(kind, typed) => {
                if let (ObjectKind::Gateway, Some(list)) = (*kind, typed.value) {
                    let diagnostic = no_members(0, "is a list of routes".into()).note(list.span, "its routes");
                    let help = "give the routes names: { name: { … } }";
                    self.diagnostics.push(diagnostic.help(help));
                    return;
                }
                &mut typed.object
            }
            Kind::Constant(Data::Object(object)) => object,
            Kind::Constant(Data::Value(found)) => {
                if !matches!(found.kind, ValueKind::Error) {
                    let diagnostic = no_members(0, format!("is {}", found.describe()));
                    self.diagnostics.push(diagnostic.note(defined.span, "defined here"));
                }
                return;
            }
            Kind::Function(_) => {
                let diagnostic = no_members(0, "is a function".into());
                self.diagnostics.push(diagnostic.note(defined.span, "defined here"));
                return;
            }
            Kind::Broken => return,
        };
        let (Some(key), inner) = (path.parts.last(), path.parts.get(1..path.parts.len() - 1).unwrap_or_default())
        else {
            return;
        };
        for part in inner {
            let span = path.first().span.to(part.span);
            let shown = self.source.slice(span);
            match object.get_mut(part.text) {
                Some(Member { data: Data::Object(next), .. }) => object = next,
                Some(Member { data: Data::Value(found), key, .. }) => {
                    if !matches!(found.kind, ValueKind::Error) {
                        let message = format!("`{shown}` is {} and has no members", found.describe());
                        let diagnostic = Diagnostic::new(Code::NoMembers, path.span(), message);
                        self.diagnostics.push(diagnostic.note(key.span, "set here"));
                    }
                    return;
                }
                None => {
                    let whole = self.source.slice(path.span());
                    let message = format!("`{shown}` does not exist, so `{whole}` cannot be set");
                    let mut diagnostic = Diagnostic::new(Code::UnknownMember, path.span(), message)
                        .note(defined.span, format!("`{}` is defined here", defined.text));
                    diagnostic = diagnostic.help(format!("set `{shown}: {{ … }}` first, in any place of the file"));
                    self.diagnostics.push(diagnostic);
                    return;
                }
            }
        }
        if let Some(first) = object.get(key.text) {
            let message = format!("`{}` is already set", self.source.slice(path.span()));
            let diagnostic = Diagnostic::new(Code::AlreadySet, path.span(), message)
                .note(first.key.span, "first set here")
                .help("remove one of them; members are never merged or overwritten");
            self.diagnostics.push(diagnostic);
            return;
        }
        let fold = object.fold;
        let data = Data::of(value, fold, self.diagnostics);
        object.push(Member { key: *key, data, at: path.span() });
    }

    fn warn_of_case(&mut self) {
        let mut folded: BTreeMap<String, Name<'a>> = BTreeMap::new();
        for element in &self.names.elements {
            let name = element.name;
            if let Some(first) = folded.get(&name.text.to_ascii_lowercase()) {
                let message = format!("`{}` differs from `{}` only in letter case", name.text, first.text);
                let diagnostic = Diagnostic::new(Code::NamesDifferInCase, name.span, message)
                    .note(first.span, "the other name")
                    .help("names are case-sensitive; make them differ in more than that");
                self.diagnostics.push(diagnostic);
            } else {
                folded.insert(name.text.to_ascii_lowercase(), name);
            }
        }
    }
}

/// The span of a path's first `count` parts.
pub fn prefix_span(path: &Path<'_>, count: usize) -> Span {
    match path.parts.get(count.saturating_sub(1)) {
        Some(last) => path.first().span.to(last.span),
        None => path.span(),
    }
}
