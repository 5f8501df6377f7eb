//! The tree, with a span in every node. It borrows the text.
//!
//! Long runs (`and`, `or`, `else if`, statements, elements) are lists, never nested pairs, so that the depth of the
//! tree is the depth of the brackets in the text, which the parser bounds.

use crate::source::Span;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use wire::IpAddr;

/// A file, as far as it was understood.
#[derive(Debug, Default)]
pub struct Ast<'s> {
    pub items: Vec<Item<'s>>,
}

#[derive(Debug)]
pub enum Item<'s> {
    Typed(Typed<'s>),
    Assignment(Assignment<'s>),
    Function(Function<'s>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'s> {
    pub text: &'s str,
    pub span: Span,
}

/// `Iface eth0 { … }`
#[derive(Debug)]
pub struct Typed<'s> {
    pub kind: Name<'s>,
    pub name: Name<'s>,
    pub value: Value<'s>,
}

/// `p: 80`, `eth0.address: 10.0.0.1`
#[derive(Debug)]
pub struct Assignment<'s> {
    pub path: Path<'s>,
    pub value: Value<'s>,
}

/// `Filter::IP f { … }`, at top level or nested.
#[derive(Debug)]
pub struct Function<'s> {
    pub kind: Name<'s>,
    pub subtype: Name<'s>,
    /// A nested function may go without.
    pub name: Option<Name<'s>>,
    pub body: Body<'s>,
}

impl Function<'_> {
    /// `Filter::IP f`
    pub fn head(&self) -> Span {
        self.kind.span.to(self.name.map_or(self.subtype.span, |name| name.span))
    }
}

#[derive(Debug)]
pub struct Body<'s> {
    pub statements: Vec<Statement<'s>>,
    /// With its braces.
    pub span: Span,
}

#[derive(Debug)]
pub enum Statement<'s> {
    Function(Function<'s>),
    If(Conditional<'s>),
    Action(Action<'s>),
}

impl Statement<'_> {
    /// Where a message about the statement points.
    pub fn span(&self) -> Span {
        match self {
            Self::Function(function) => function.head(),
            Self::If(conditional) => conditional.keyword,
            Self::Action(action) => action.span,
        }
    }
}

/// `accept`, `dnat(10.0.0.9, 80)`, or the call of a function.
#[derive(Debug)]
pub struct Action<'s> {
    pub name: Name<'s>,
    pub arguments: Vec<Value<'s>>,
    /// With its arguments.
    pub span: Span,
}

#[derive(Debug)]
pub struct Conditional<'s> {
    /// The `if`.
    pub keyword: Span,
    /// The `if`, then each `else if`; at least one.
    pub arms: Vec<Arm<'s>>,
    pub otherwise: Option<Body<'s>>,
}

#[derive(Debug)]
pub struct Arm<'s> {
    /// The `if` of this arm.
    pub keyword: Span,
    pub condition: Expr<'s>,
    pub body: Body<'s>,
}

#[derive(Debug)]
pub enum Expr<'s> {
    /// At least two.
    Or(Vec<Expr<'s>>),
    /// At least two.
    And(Vec<Expr<'s>>),
    Not(Box<Expr<'s>>, Span),
    Test(Box<Test<'s>>),
    /// A condition that was not understood; its diagnostic is out.
    Error(Span),
}

impl Expr<'_> {
    pub fn span(&self) -> Span {
        match self {
            Self::Or(parts) | Self::And(parts) => match (parts.first(), parts.last()) {
                (Some(first), Some(last)) => first.span().to(last.span()),
                _ => Span::default(),
            },
            Self::Not(inner, not) => not.to(inner.span()),
            Self::Test(test) => test.span(),
            Self::Error(span) => *span,
        }
    }
}

#[derive(Debug)]
pub enum Test<'s> {
    /// A value alone.
    Bare(Value<'s>),
    Compare {
        left: Value<'s>,
        operator: Operator,
        operator_span: Span,
        right: Value<'s>,
    },
    /// `limit(10, "second", 5)`, the only call that a condition may hold.
    Call {
        name: Name<'s>,
        arguments: Vec<Value<'s>>,
        span: Span,
    },
}

impl Test<'_> {
    pub fn span(&self) -> Span {
        match self {
            Self::Bare(value) => value.span,
            Self::Compare { left, right, .. } => left.span.to(right.span),
            Self::Call { span, .. } => *span,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Compare(policy::Comparison),
    In,
}

impl Operator {
    pub fn symbol(self) -> &'static str {
        use policy::Comparison::*;
        match self {
            Self::Compare(Equal) => "==",
            Self::Compare(NotEqual) => "!=",
            Self::Compare(Less) => "<",
            Self::Compare(LessOrEqual) => "<=",
            Self::Compare(Greater) => ">",
            Self::Compare(GreaterOrEqual) => ">=",
            Self::In => "in",
        }
    }
}

#[derive(Debug)]
pub struct Value<'s> {
    pub kind: ValueKind<'s>,
    pub span: Span,
}

#[derive(Debug)]
pub enum ValueKind<'s> {
    Bool(bool),
    Integer(i64),
    /// No property takes one.
    Decimal,
    Address(IpAddr),
    /// As written, host bits and all.
    Cidr(IpAddr, u8),
    Range(Box<Range>),
    /// Its escapes replaced.
    String(Box<String>),
    Path(Path<'s>),
    Object(Object<'s>),
    List(Vec<Value<'s>>),
    /// Not understood; its diagnostic is out.
    Error,
}

/// Both ends included, the low one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    Integers(i64, i64),
    /// Of one family.
    Addresses(IpAddr, IpAddr),
}

#[derive(Debug, Default)]
pub struct Object<'s> {
    pub entries: Vec<Entry<'s>>,
}

#[derive(Debug)]
pub struct Entry<'s> {
    pub key: Name<'s>,
    pub value: Value<'s>,
}

/// One name or several joined by `.`; at least one.
#[derive(Debug)]
pub struct Path<'s> {
    pub parts: Vec<Name<'s>>,
}

impl<'s> Path<'s> {
    pub fn span(&self) -> Span {
        match (self.parts.first(), self.parts.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        }
    }

    /// The name, if it is a single one.
    pub fn single(&self) -> Option<Name<'s>> {
        match self.parts[..] {
            [name] => Some(name),
            _ => None,
        }
    }

    pub fn first(&self) -> Name<'s> {
        self.parts.first().copied().unwrap_or(Name { text: "", span: Span::default() })
    }
}

impl Value<'_> {
    /// How a message names what was found.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            ValueKind::Bool(_) => "a bool",
            ValueKind::Integer(_) => "an integer",
            ValueKind::Decimal => "a decimal number",
            ValueKind::Address(IpAddr::V4(_)) => "an IPv4 address",
            ValueKind::Address(IpAddr::V6(_)) => "an IPv6 address",
            ValueKind::Cidr(..) => "a CIDR",
            ValueKind::Range(_) => "a range",
            ValueKind::String(_) => "a string",
            ValueKind::Path(_) => "a name",
            ValueKind::Object(_) => "an object",
            ValueKind::List(_) => "a list",
            ValueKind::Error => "something not understood",
        }
    }
}
