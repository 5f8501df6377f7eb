//! The definitions of a file as a tree, for an outline.

use crate::File;
use nacl::ast::{Body, Function, Item, Object, Statement, ValueKind};
use nacl::vocabulary::{self, ObjectKind};
use nacl::{Source, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadingKind {
    Constant,
    Iface,
    /// Of another type.
    Object,
    Function,
    /// A key with an object below it.
    Part,
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    pub name: String,
    /// The type, or what else says more than the name.
    pub detail: String,
    pub kind: HeadingKind,
    pub whole: Span,
    /// Inside `whole`.
    pub name_span: Span,
    pub children: Vec<Heading>,
}

impl File {
    pub fn outline(&self) -> Vec<Heading> {
        let source = self.source();
        let mut ignored = Vec::new();
        let lexed = nacl::lex::lex(source, &mut ignored);
        let ast = nacl::parse::parse(source, &lexed, &mut ignored);
        ast.items.iter().filter_map(|item| heading(source, item)).collect()
    }
}

fn heading(source: &Source, item: &Item<'_>) -> Option<Heading> {
    Some(match item {
        Item::Typed(typed) => Heading {
            name: typed.name.text.to_owned(),
            detail: typed.kind.text.to_owned(),
            kind: match vocabulary::object_kind(typed.kind.text) {
                Some(ObjectKind::Iface) => HeadingKind::Iface,
                _ => HeadingKind::Object,
            },
            whole: typed.kind.span.to(typed.value.span),
            name_span: typed.name.span,
            children: children(&typed.value.kind),
        },
        Item::Assignment(assignment) => {
            let span = assignment.path.span();
            let is_member = assignment.path.parts.len() > 1;
            Heading {
                name: source.slice(span).split_whitespace().collect(),
                detail: assignment.value.describe().to_owned(),
                kind: if is_member { HeadingKind::Key } else { HeadingKind::Constant },
                whole: span.to(assignment.value.span),
                name_span: span,
                children: children(&assignment.value.kind),
            }
        }
        Item::Function(function) => function_heading(function),
    })
}

fn children(value: &ValueKind<'_>) -> Vec<Heading> {
    match value {
        ValueKind::Object(object) => keys(object),
        _ => Vec::new(),
    }
}

fn keys(object: &Object<'_>) -> Vec<Heading> {
    let heading = |entry: &nacl::ast::Entry<'_>| {
        let is_object = matches!(entry.value.kind, ValueKind::Object(_));
        Heading {
            name: entry.key.text.to_owned(),
            detail: entry.value.describe().to_owned(),
            kind: if is_object { HeadingKind::Part } else { HeadingKind::Key },
            whole: entry.key.span.to(entry.value.span),
            name_span: entry.key.span,
            children: children(&entry.value.kind),
        }
    };
    object.entries.iter().map(heading).collect()
}

fn function_heading(function: &Function<'_>) -> Heading {
    let subtype = function.kind.span.to(function.subtype.span);
    let of = format!("{}::{}", function.kind.text, function.subtype.text);
    let mut children = Vec::new();
    nested(&function.body, &mut children);
    Heading {
        name: function.name.map_or_else(|| of.clone(), |name| name.text.to_owned()),
        detail: if function.name.is_some() { of } else { String::new() },
        kind: HeadingKind::Function,
        whole: function.kind.span.to(function.body.span),
        name_span: function.name.map_or(subtype, |name| name.span),
        children,
    }
}

fn nested(body: &Body<'_>, into: &mut Vec<Heading>) {
    for statement in &body.statements {
        match statement {
            Statement::Function(function) => into.push(function_heading(function)),
            Statement::If(conditional) => {
                conditional.arms.iter().for_each(|arm| nested(&arm.body, into));
                conditional.otherwise.iter().for_each(|body| nested(body, into));
            }
            Statement::Action(_) => {}
        }
    }
}
