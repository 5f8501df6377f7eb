//! Objects with the members of their literal and those set out of line.

use crate::ast::{self, Name, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// What a name or key stands for.
#[derive(Debug)]
pub enum Data<'a> {
    Object(Object<'a>),
    /// Anything but an object literal.
    Value(&'a Value<'a>),
}

impl<'a> Data<'a> {
    pub fn of(value: &'a Value<'a>, fold: bool, diagnostics: &mut Vec<Diagnostic>) -> Self {
        match &value.kind {
            ValueKind::Object(literal) => {
                let mut object = Object::new(fold);
                object.span = value.span;
                object.fill(literal, diagnostics);
                Self::Object(object)
            }
            _ => Self::Value(value),
        }
    }

    pub fn span(&self) -> Span {
        match self {
            Self::Object(object) => object.span,
            Self::Value(value) => value.span,
        }
    }
}

#[derive(Debug)]
pub struct Member<'a> {
    pub key: Name<'a>,
    pub data: Data<'a>,
    /// The key, or the whole path of an assignment.
    pub at: Span,
}

/// So many members are looked through; more have an index.
const FEW: usize = 16;

/// An object's members in the order in which they were set.
#[derive(Debug, Default)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
    /// Where each key is, once there are more than a few.
    index: BTreeMap<Key<'a>, usize>,
    /// Letter case of keys is ignored: typed objects.
    pub fold: bool,
    /// Of the literal; empty where there is none.
    pub span: Span,
}

impl<'a> Object<'a> {
    pub fn new(fold: bool) -> Self {
        Self { fold, ..Self::default() }
    }

    /// Takes the entries of a literal and reports keys that it repeats.
    pub fn fill(&mut self, literal: &'a ast::Object<'a>, diagnostics: &mut Vec<Diagnostic>) {
        for entry in &literal.entries {
            if let Some(first) = self.get(entry.key.text) {
                let message = format!("`{}` is already set in this object", entry.key.text);
                let diagnostic = Diagnostic::new(Code::DuplicateKey, entry.key.span, message)
                    .note(first.key.span, "first set here")
                    .help("remove one of them");
                diagnostics.push(diagnostic);
                continue;
            }
            let data = Data::of(&entry.value, self.fold, diagnostics);
            self.push(Member { key: entry.key, data, at: entry.key.span });
        }
    }

    pub fn push(&mut self, member: Member<'a>) {
        self.members.push(member);
        let count = self.members.len();
        if count > FEW {
            // The one that is one too many brings all the others along.
            let known = if count == FEW + 1 { 0 } else { count - 1 };
            for (at, member) in self.members.iter().enumerate().skip(known) {
                self.index.insert(Key { text: member.key.text, fold: self.fold }, at);
            }
        }
    }

    pub fn get(&self, key: &str) -> Option<&Member<'a>> {
        self.members.get(self.find(key)?)
    }

    #[inline(never)]
    fn find(&self, key: &str) -> Option<usize> {
        if self.members.len() > FEW {
            return self.index.get(&Key { text: key, fold: self.fold }).copied();
        }
        self.members.iter().rposition(|member| {
            let own = member.key.text;
            if self.fold { own.eq_ignore_ascii_case(key) } else { own == key }
        })
    }

    /// The member of this key in any letter case, for objects with known keys that are constants.
    pub fn key(&self, key: &str) -> Option<&Member<'a>> {
        let folded = || self.members.iter().find(|member| member.key.text.eq_ignore_ascii_case(key));
        self.get(key).or_else(|| if self.fold { None } else { folded() })
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Member<'a>> {
        let at = self.find(key)?;
        self.members.get_mut(at)
    }

    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }
}

/// All keys of one object fold letter case, or none does.
#[derive(Clone, Copy, Debug)]
struct Key<'a> {
    text: &'a str,
    fold: bool,
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.fold {
            let lower = |key: &'_ Self| -> Ordering {
                let (a, b) = (self.text.bytes(), key.text.bytes());
                a.map(|byte| byte.to_ascii_lowercase()).cmp(b.map(|byte| byte.to_ascii_lowercase()))
            };
            lower(other)
        } else {
            self.text.cmp(other.text)
        }
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}
