//! What a value stands for: names followed to their literals, members looked up, circles found.

use super::Checker;
use crate::ast::{self, Name, Path, Range, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic, listed, nearest};
use crate::parse::MAX_DEPTH;
use crate::resolve::{Data, ElementId, Kind, Object, Typed};
use crate::source::Span;
use crate::vocabulary::{self, ObjectKind, PacketField};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use wire::{IfaceId, IpAddr};

/// A value with every name followed.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub what: What<'a>,
    /// Where it stands in the text that is read.
    pub at: Span,
    /// Where its literal stands: the same, or a constant's.
    pub origin: Span,
}

#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    Bool(bool),
    Integer(i64),
    Decimal,
    Address(IpAddr),
    Cidr(IpAddr, u8),
    Range(Range),
    String(&'a str),
    List(&'a [Value<'a>]),
    /// With the members set out of line.
    Object(&'a Object<'a>),
    /// An element of a list.
    Literal(&'a ast::Object<'a>),
    /// A predefined constant; its number depends on what it is compared with.
    Symbol(&'a str),
    Field(&'static PacketField),
    Iface(IfaceId),
    /// The own IPv6 addresses of an Iface, written as this value.
    OwnAddresses(&'a Value<'a>),
    /// The IPv4 address that an Iface has at run time.
    CurrentAddress(IfaceId),
    /// Reported.
    Broken,
}

impl What<'_> {
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Integer(_) => "an integer",
            Self::Decimal => "a decimal number",
            Self::Address(IpAddr::V4(_)) => "an IPv4 address",
            Self::Address(IpAddr::V6(_)) => "an IPv6 address",
            Self::Cidr(..) => "a CIDR",
            Self::Range(_) => "a range",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) | Self::Literal(_) => "an object",
            Self::Symbol(name) => {
                vocabulary::predefined(name).next().map_or("a name", |constant| constant.class.describe())
            }
            Self::Field(_) => "a packet property",
            Self::Iface(_) => "an Iface",
            Self::OwnAddresses(_) => "a list of addresses",
            Self::CurrentAddress(_) => "the address that an Iface has at run time",
            Self::Broken => "something not understood",
        }
    }
}

/// Where a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a function: packet properties and addresses of run time are known.
    Function,
    /// In a constant, which may be used in functions: addresses of run time are known.
    Constant,
    /// In a typed object.
    Object,
}

impl Scope {
    /// Of a constant that is named here.
    fn inside(self) -> Self {
        match self {
            Self::Function | Self::Constant => Self::Constant,
            Self::Object => Self::Object,
        }
    }
}

/// What a path leads to, before it is read as a value.
enum Target<'a> {
    Value(&'a Value<'a>),
    Object(&'a Object<'a>),
    Iface(ElementId),
    /// A member of an Iface.
    Member(ElementId, &'static str, &'a Value<'a>),
    /// Reported.
    Broken,
}

impl<'a> Checker<'a, '_> {
    pub fn evaluate(&mut self, value: &'a Value<'a>, scope: Scope) -> Found<'a> {
        let mut found = self.follow(value, scope);
        found.at = value.span;
        found
    }

    fn follow(&mut self, value: &'a Value<'a>, scope: Scope) -> Found<'a> {
        let what = match &value.kind {
            ValueKind::Bool(value) => What::Bool(*value),
            ValueKind::Integer(value) => What::Integer(*value),
            ValueKind::Decimal => What::Decimal,
            ValueKind::Address(address) => What::Address(*address),
            ValueKind::Cidr(address, prefix_len) => What::Cidr(*address, *prefix_len),
            ValueKind::Range(range) => What::Range(**range),
            ValueKind::String(text) => What::String(text.as_str()),
            ValueKind::List(elements) => What::List(elements),
            ValueKind::Object(literal) => What::Literal(literal),
            ValueKind::Error => What::Broken,
            ValueKind::Path(path) => return self.path(path, scope),
        };
        Found { what, at: value.span, origin: value.span }
    }

    fn path(&mut self, path: &'a Path<'a>, scope: Scope) -> Found<'a> {
        let at = path.span();
        let here = |what| Found { what, at, origin: at };
        let first = path.first();
        let Some(id) = self.names.find(first.text) else {
            return here(self.undefined(path, scope));
        };
        self.names.mark_used(id);
        if !self.enter(at.start, first) {
            return here(What::Broken);
        }
        let target = self.target(id, path);
        let found = match target {
            Target::Broken => here(What::Broken),
            Target::Value(value) => self.follow(value, scope.inside()),
            Target::Object(object) => Found { what: What::Object(object), at, origin: object.span },
            Target::Iface(id) => match self.iface_id(id) {
                Some(iface) => here(What::Iface(iface)),
                None => here(What::Broken),
            },
            Target::Member(id, key, value) => self.iface_member(id, key, value, path, scope),
        };
        self.trail.pop();
        found
    }

    /// Notes that the value at `start` is being followed; false for a circle or too long a way, which it reports.
    pub fn enter(&mut self, start: u32, name: Name<'a>) -> bool {
        if let Some(from) = self.trail.iter().position(|(at, _)| *at == start) {
            let circle: Vec<(u32, Name<'a>)> = self.trail.get(from..).unwrap_or_default().to_vec();
            self.report_cycle(&circle);
            return false;
        }
        if self.trail.len() >= MAX_DEPTH {
            let message = format!("`{}` is named through more than {MAX_DEPTH} other constants", name.text);
            self.report(Diagnostic::new(Code::NestingTooDeep, name.span, message).help("name the value itself"));
            return false;
        }
        self.trail.push((start, name));
        true
    }

    /// Each step of the circle is a use of the next name.
    fn report_cycle(&mut self, circle: &[(u32, Name<'a>)]) {
        // The circle is told from its first place in the file.
        let first = circle.iter().enumerate().min_by_key(|(_, (at, _))| *at).map_or(0, |(at, _)| at);
        let Some(&(start, _)) = circle.get(first) else { return };
        if !self.cycles.insert(start) {
            return;
        }
        let turned = circle.iter().cycle().skip(first).take(circle.len());
        let uses: Vec<Name<'a>> = turned.map(|(_, name)| *name).collect();
        let mut way = String::new();
        for name in uses.last().into_iter().chain(&uses) {
            if !way.is_empty() {
                way.push_str(" -> ");
            }
            way.push_str(name.text);
        }
        let Some(first) = uses.first() else { return };
        let mut diagnostic = Diagnostic::new(
            Code::ConstantCycle,
            first.span,
            format!("the constants name each other in a circle: {way}"),
        );
        for name in uses.iter().skip(1) {
            diagnostic = diagnostic.note(name.span, format!("and then `{}`", name.text));
        }
        self.report(diagnostic.help("give one of them a value of its own"));
    }

    fn target(&mut self, id: ElementId, path: &'a Path<'a>) -> Target<'a> {
        let Some(element) = self.names.get(id) else { return Target::Broken };
        let mut rest = path.parts.iter().skip(1);
        let mut data = match &element.kind {
            Kind::Broken => return Target::Broken,
            Kind::Constant(data) => data,
            Kind::Function(function) => {
                let (code, message) = match path.single() {
                    Some(name) => (Code::FunctionAsValue, format!("`{}` is a function, not a value", name.text)),
                    None => (Code::NoMembers, format!("`{}` is a function and has no members", path.first().text)),
                };
                let diagnostic = Diagnostic::new(code, path.span(), message);
                self.report(diagnostic.note(function.head(), "the function"));
                return Target::Broken;
            }
            Kind::Object(kind, Typed { object, value }) => {
                let Some(key) = rest.next() else {
                    if *kind == ObjectKind::Iface {
                        return Target::Iface(id);
                    }
                    let message = format!("`{}` is a whole object, not a value", element.name.text);
                    let diagnostic = Diagnostic::new(Code::ObjectAsValue, path.span(), message)
                        .note(element.name.span, "defined here");
                    self.report(diagnostic.help("name one of its members, like `name.key`"));
                    return Target::Broken;
                };
                let known = vocabulary::IFACE.key(key.text).map_or("", |key| key.name);
                if *kind == ObjectKind::Iface && path.parts.len() == 2 {
                    let value_of = |key: &str| match &object.get(key)?.data {
                        Data::Value(value) => Some(*value),
                        Data::Object(_) => None,
                    };
                    // An address that DHCP will give need not be written: what stands for it is the word `dhcp`.
                    let dynamic = known == "address" && self.is_dynamic(id);
                    let instead = || (*value).or_else(|| value_of("config")).filter(|_| dynamic);
                    if let Some(value) = value_of(key.text).or_else(instead) {
                        return Target::Member(id, known, value);
                    }
                }
                match object.get(key.text) {
                    Some(member) => &member.data,
                    None => {
                        let known = object.members().iter().map(|member| member.key.text);
                        self.unknown_member(path, element.name, 1, known.collect());
                        return Target::Broken;
                    }
                }
            }
        };
        for key in rest {
            data = match data {
                Data::Object(object) => match object.get(key.text) {
                    Some(member) => &member.data,
                    None => {
                        let at = path.parts.iter().position(|part| part.span == key.span).unwrap_or(1);
                        let known = object.members().iter().map(|member| member.key.text);
                        self.unknown_member(path, element.name, at, known.collect());
                        return Target::Broken;
                    }
                },
                Data::Value(value) => {
                    if !matches!(value.kind, ValueKind::Error) {
                        let upto = path.first().span.to(Span::new(0, key.span.start.saturating_sub(1)));
                        let shown = self.text(upto).trim_end();
                        let message = format!("`{shown}` is {} and has no members", value.describe());
                        self.report(
                            Diagnostic::new(Code::NoMembers, path.span(), message).note(value.span, "its value"),
                        );
                    }
                    return Target::Broken;
                }
            };
        }
        match data {
            Data::Object(object) => Target::Object(object),
            Data::Value(value) => Target::Value(value),
        }
    }

    fn unknown_member(&mut self, path: &Path<'a>, defined: Name<'a>, at: usize, known: Vec<&'a str>) {
        let key = path.parts.get(at).copied().unwrap_or(path.first());
        let owner = self.text(crate::resolve::prefix_span(path, at));
        let near = nearest(key.text, known.iter().copied());
        let others = || match &known[..] {
            [] => "it has no members".into(),
            _ => format!("it has: {}", listed(known)),
        };
        let message = format!("`{owner}` has no member `{}`", key.text);
        let diagnostic = Diagnostic::new(Code::UnknownMember, path.span(), message)
            .note(defined.span, format!("`{}` is defined here", defined.text));
        self.report(diagnostic.nearest_or(key.span, near, others));
    }

    fn iface_member(
        &mut self,
        id: ElementId,
        key: &'static str,
        value: &'a Value<'a>,
        path: &Path<'a>,
        scope: Scope,
    ) -> Found<'a> {
        let at = path.span();
        let broken = Found { what: What::Broken, at, origin: at };
        let iface = self.iface_id(id);
        match (key, iface) {
            ("address", Some(iface)) if self.is_dynamic(id) => {
                let fixed = matches!(value.kind, ValueKind::Address(_));
                match scope {
                    Scope::Function | Scope::Constant => {
                        Found { what: What::CurrentAddress(iface), at, origin: value.span }
                    }
                    // The fallback of a DHCP Iface is as good as a constant outside functions.
                    Scope::Object if fixed => self.follow(value, scope),
                    Scope::Object => {
                        let message = format!("`{}` is known only when a DHCP server has answered", self.text(at));
                        let diagnostic = Diagnostic::new(Code::RuntimeAddress, at, message)
                            .help("functions may use it; here a fixed address is needed");
                        self.report(diagnostic);
                        broken
                    }
                }
            }
            ("address6", _) => {
                let found = self.follow(value, scope);
                match found.what {
                    What::Cidr(address, _) => Found { what: What::Address(address), ..found },
                    What::List(_) => Found { what: What::OwnAddresses(value), ..found },
                    _ => found,
                }
            }
            _ => self.follow(value, scope),
        }
    }

    /// The Iface asks a DHCP server for its IPv4 address.
    pub fn is_dynamic(&self, id: ElementId) -> bool {
        let Some(Kind::Object(ObjectKind::Iface, typed)) = self.names.get(id).map(|element| &element.kind) else {
            return false;
        };
        let word = |value: &Value<'_>| match &value.kind {
            ValueKind::Path(path) => path.single().is_some_and(|name| {
                ["dhcp", "dhcp-with-fallback"].iter().any(|word| word.eq_ignore_ascii_case(name.text))
            }),
            _ => false,
        };
        let config = match typed.object.get("config").map(|member| &member.data) {
            Some(Data::Value(value)) => word(value),
            _ => false,
        };
        config || typed.value.is_some_and(word)
    }

    /// A path whose first part is not defined: a packet property, a predefined constant, or a mistake.
    fn undefined(&mut self, path: &Path<'a>, scope: Scope) -> What<'a> {
        let (at, first) = (path.span(), path.first());
        let name: String = path.parts.iter().map(|part| part.text).collect::<Vec<_>>().join(".");
        if let Some(field) = vocabulary::packet_field(&name) {
            if scope != Scope::Function {
                let message = format!("`{name}` is only known inside a function");
                self.report(Diagnostic::new(Code::FieldOutsideFunction, at, message));
                return What::Broken;
            }
            return What::Field(field);
        }
        if path.parts.len() > 1
            && (vocabulary::is_packet_object(first.text) || vocabulary::packet_field(first.text).is_some())
        {
            let two = path.parts.iter().take(2).map(|part| part.text).collect::<Vec<_>>().join(".");
            let whole = if vocabulary::packet_field(first.text).is_some() { first.text } else { &two };
            if vocabulary::packet_field(whole).is_some() {
                self.report(Diagnostic::new(Code::NoMembers, at, format!("`{whole}` has no members")));
            } else {
                self.unknown_field(at, first, path.parts.get(1).copied().unwrap_or(first));
            }
            return What::Broken;
        }
        if path.parts.len() == 1 && vocabulary::predefined(first.text).next().is_some() {
            return What::Symbol(first.text);
        }
        self.unknown_name(first, |_| true, "is not defined");
        What::Broken
    }

    fn unknown_field(&mut self, at: Span, object: Name<'_>, member: Name<'_>) {
        let fields = vocabulary::PACKET_FIELDS.iter().filter(|field| field.object().eq_ignore_ascii_case(object.text));
        let known: Vec<_> = fields.map(PacketField::member).collect();
        let near = nearest(member.text, known.iter().copied()).map(|near| format!("{}.{near}", object.text));
        let message = format!("`{}` has no property `{}`", object.text, member.text);
        let diagnostic = Diagnostic::new(Code::UnknownField, at, message);
        self.report(diagnostic.nearest_or(at, near.as_deref(), || format!("it has: {}", listed(known))));
    }

    /// Reports a name that nothing of the wanted kind defines.
    pub fn unknown_name(&mut self, name: Name<'a>, wanted: impl Fn(&Kind<'a>) -> bool, what: &str) {
        let mut diagnostic = Diagnostic::new(Code::UnknownName, name.span, format!("`{}` {what}", name.text));
        if let Some(near) = self.names.nearest(name.text, wanted) {
            diagnostic = diagnostic
                .note(near.name.span, format!("`{}` is defined here", near.name.text))
                .did_you_mean(name.span, near.name.text);
        } else if let Some(near) = nearest(name.text, vocabulary::PREDEFINED.iter().map(|constant| constant.name)) {
            let help = format!("did you mean the predefined constant `{near}`?");
            diagnostic = diagnostic.help(help).replace(name.span, near);
        }
        self.report(diagnostic);
    }
}
