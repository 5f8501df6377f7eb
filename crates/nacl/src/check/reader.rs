//! Reading the keys of an object: which there are, which must be, and of what type their values are.

use super::Checker;
use super::value::{Found, Scope, What};
use crate::ast::{self, Name, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic, listed, nearest};
use crate::resolve::{Data, Kind, Member, Object, Typed};
use crate::source::Span;
use crate::vocabulary::{self, Class, Key, ObjectKind, Shape};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use wire::{IfaceId, IpAddr, Ipv4Addr};

impl<'a> Checker<'a, '_> {
    /// Reports keys that the shape does not have; `allow` names others that may stand there.
    pub fn known_keys(&mut self, shape: &'static Shape, object: &Object<'a>, owner: &str) {
        for member in object.members() {
            if shape.key(member.key.text).is_none() {
                self.unknown_key(shape, member.key, owner);
                if let Data::Value(value) = &member.data {
                    self.mark_mentioned(value);
                }
            }
        }
    }

    /// What is named where nothing can be made of it is not unused.
    pub fn mark_mentioned(&mut self, value: &Value<'a>) {
        let elements = match &value.kind {
            ValueKind::List(elements) => &elements[..],
            _ => core::slice::from_ref(value),
        };
        for element in elements {
            if let ValueKind::Path(path) = &element.kind
                && let Some(id) = self.names.find(path.first().text)
            {
                self.names.mark_used(id);
            }
        }
    }

    pub fn unknown_key(&mut self, shape: &'static Shape, key: Name<'_>, owner: &str) {
        let known = shape.keys.iter().map(|key| key.name);
        let message = if owner.is_empty() {
            format!("{} has no property `{}`", shape.noun, key.text)
        } else {
            format!("`{owner}` has no property `{}`", key.text)
        };
        let diagnostic = Diagnostic::new(Code::UnknownProperty, key.span, message);
        self.report(match (shape.name, key.text) {
            ("Iface", "mac") => diagnostic.help("the hardware address goes in `index`, as a string"),
            ("Iface", "forward") => diagnostic.help("`forward` belongs to the Gateway"),
            _ => {
                let near = nearest(key.text, known.clone());
                diagnostic.nearest_or(key.span, near, || format!("known: {}", listed(known)))
            }
        });
    }

    /// Has the object a key that is this one misspelt? That was said; the key is not missing as well.
    pub fn is_misspelt(&self, shape: &'static Shape, object: &Object<'a>, key: &str) -> bool {
        let known = || shape.keys.iter().map(|key| key.name);
        let mut unknown = object.members().iter().filter(|member| shape.key(member.key.text).is_none());
        unknown.any(|member| nearest(member.key.text, known()) == Some(key))
    }

    /// Reports keys that must be given and are not, at the name of their owner.
    pub fn required_keys(&mut self, shape: &'static Shape, object: &Object<'a>, owner: &str, at: Span) -> bool {
        let mut complete = true;
        for key in shape.keys.iter().filter(|key| key.required && object.key(key.name).is_none()) {
            complete = false;
            if self.is_misspelt(shape, object, key.name) {
                continue;
            }
            let owner = if owner.contains(' ') { owner.into() } else { format!("`{owner}`") };
            let kind = if key.value == key.name { String::new() } else { format!(" ({})", key.value) };
            let message = format!("{owner} needs {}{kind}", key.name);
            self.report(Diagnostic::new(Code::MissingProperty, at, message).help(format!("add `{}: …`", key.name)));
        }
        complete
    }

    pub fn wrong_type(&mut self, what: &str, needed: &str, found: Found<'a>) {
        if matches!(found.what, What::Broken) {
            return;
        }
        let message = format!("{what} needs {needed}, found {}", found.what.describe());
        let mut diagnostic = Diagnostic::new(Code::WrongType, found.at, message);
        if found.origin != found.at {
            diagnostic = diagnostic.note(found.origin, "its value");
        }
        self.report(diagnostic);
    }

    /// The value of a member that must not be an object literal.
    pub fn scalar(&mut self, member: &Member<'a>, needed: &str) -> Option<Found<'a>> {
        match &member.data {
            Data::Value(value) => {
                let found = self.evaluate(value, Scope::Object);
                (!matches!(found.what, What::Broken)).then_some(found)
            }
            Data::Object(object) => {
                let message = format!("{} needs {needed}, found an object", member.key.text);
                self.report(Diagnostic::new(Code::WrongType, object.span, message));
                None
            }
        }
    }

    pub fn integer(&mut self, member: &Member<'a>, low: i64, high: i64) -> Option<i64> {
        let needed = "a whole number";
        let found = self.scalar(member, needed)?;
        self.integer_of(found, member.key.text, low, high)
    }

    pub fn integer_of(&mut self, found: Found<'a>, key: &str, low: i64, high: i64) -> Option<i64> {
        let value = match found.what {
            What::Integer(value) => value,
            What::Symbol(name) => match vocabulary::predefined(name).find(|constant| constant.class == Class::Port) {
                Some(constant) => i64::from(constant.number),
                None => {
                    self.wrong_type(key, "a whole number", found);
                    return None;
                }
            },
            _ => {
                self.wrong_type(key, "a whole number", found);
                return None;
            }
        };
        if value < low || value > high {
            let limits = match high {
                // As much as a policy can hold is no limit that anyone meets.
                high if high >= i64::from(u32::MAX) => format!("{low} or more"),
                _ => format!("{low}-{high}"),
            };
            let message = format!("{key} must be {limits}, found {value}");
            let mut diagnostic = Diagnostic::new(Code::OutOfRange, found.at, message);
            if found.origin != found.at {
                diagnostic = diagnostic.note(found.origin, "its value");
            }
            self.report(diagnostic);
            return None;
        }
        Some(value)
    }

    pub fn boolean(&mut self, member: &Member<'a>) -> Option<bool> {
        let needed = "true or false";
        let found = self.scalar(member, needed)?;
        match found.what {
            What::Bool(value) => Some(value),
            _ => {
                self.wrong_type(member.key.text, needed, found);
                None
            }
        }
    }

    pub fn address(&mut self, member: &Member<'a>) -> Option<(IpAddr, Span)> {
        self.address_of(member, "an address", |_| true)
    }

    pub fn address4(&mut self, member: &Member<'a>) -> Option<(Ipv4Addr, Span)> {
        match self.address_of(member, "an IPv4 address", |address| address.is_ipv4())? {
            (IpAddr::V4(address), at) => Some((address, at)),
            _ => None,
        }
    }

    fn address_of(&mut self, member: &Member<'a>, needed: &str, wanted: fn(IpAddr) -> bool) -> Option<(IpAddr, Span)> {
        let found = self.scalar(member, needed)?;
        match found.what {
            What::Address(address) if wanted(address) => Some((address, found.at)),
            What::Iface(iface) => {
                self.iface_as_value(found, iface);
                None
            }
            _ => {
                self.wrong_type(member.key.text, needed, found);
                None
            }
        }
    }

    pub fn iface_as_value(&mut self, found: Found<'a>, _iface: IfaceId) {
        let name = self.text(found.at);
        let message = format!("`{name}` is a whole Iface, not a value");
        self.report(Diagnostic::new(Code::ObjectAsValue, found.at, message).help(format!("write `{name}.address`")));
    }

    /// A netmask as its prefix length.
    pub fn netmask(&mut self, member: &Member<'a>) -> Option<(u8, Span)> {
        let (mask, at) = self.address4(member)?;
        let bits = mask.to_bits();
        if bits.leading_ones() + bits.trailing_zeros() < 32 {
            let message = format!("{mask} is no netmask: its one bits are not in a row");
            let help = "a netmask is like 255.255.255.0, which is a prefix length of 24";
            self.report(Diagnostic::new(Code::InvalidNetmask, at, message).help(help));
            return None;
        }
        Some((bits.leading_ones() as u8, at))
    }

    /// The name of an Iface, written itself and not through a constant.
    pub fn iface(&mut self, member: &Member<'a>) -> Option<(IfaceId, Span)> {
        let Data::Value(value) = &member.data else {
            let message = format!("`{}` must name an Iface, found an object", member.key.text);
            self.report(Diagnostic::new(Code::NoIface, member.data.span(), message));
            return None;
        };
        let name = match &value.kind {
            ValueKind::Path(path) => path.single(),
            ValueKind::Error => return None,
            _ => None,
        };
        let Some(name) = name else {
            let message = format!("`{}` must name an Iface, found {}", member.key.text, value.describe());
            self.report(Diagnostic::new(Code::NoIface, value.span, message));
            return None;
        };
        self.iface_named(name)
    }

    pub fn iface_named(&mut self, name: Name<'a>) -> Option<(IfaceId, Span)> {
        let Some(id) = self.names.find(name.text) else {
            self.no_iface(name);
            return None;
        };
        self.names.mark_used(id);
        if let Some(iface) = self.iface_id(id) {
            return Some((iface, name.span));
        }
        if let Some(element) = self.names.get(id)
            && !matches!(element.kind, Kind::Broken)
        {
            let message = format!("`{}` is {}, not an Iface", name.text, element.kind.describe());
            let diagnostic = Diagnostic::new(Code::NoIface, name.span, message)
                .note(element.name.span, "defined here")
                .help("write the name of the Iface itself; constants do not stand for Ifaces");
            self.report(diagnostic);
        }
        None
    }

    /// Reports that a name is no Iface's.
    pub fn no_iface(&mut self, name: Name<'a>) {
        let mut diagnostic = Diagnostic::new(Code::NoIface, name.span, format!("no Iface is named `{}`", name.text));
        if let Some(near) = self.names.nearest(name.text, |kind| matches!(kind, Kind::Object(ObjectKind::Iface, _))) {
            diagnostic = diagnostic
                .note(near.name.span, format!("`{}` is defined here", near.name.text))
                .did_you_mean(name.span, near.name.text);
        }
        self.report(diagnostic);
    }

    /// A word of the key's list, written itself and in any letter case, as its position in the list.
    pub fn word(&mut self, member: &Member<'a>, key: &'static Key) -> Option<usize> {
        match &member.data {
            Data::Value(value) => self.word_of(value, key),
            Data::Object(object) => {
                let message = format!("{} needs a word, found an object", key.name);
                self.report(Diagnostic::new(Code::WrongType, object.span, message));
                None
            }
        }
    }

    pub fn word_of(&mut self, value: &'a Value<'a>, key: &'static Key) -> Option<usize> {
        let expected = || format!("expected one of: {}", listed(key.words.iter().map(|word| word.name)));
        let name = match &value.kind {
            ValueKind::Path(path) => path.single(),
            ValueKind::Error => return None,
            _ => None,
        };
        let Some(name) = name else {
            let message = format!("{} needs a word, found {}", key.name, value.describe());
            self.report(Diagnostic::new(Code::WrongType, value.span, message).help(expected()));
            return None;
        };
        if let Some(at) = key.words.iter().position(|word| word.name.eq_ignore_ascii_case(name.text)) {
            return Some(at);
        }
        let near = nearest(name.text, key.words.iter().map(|word| word.name));
        let message = format!("{} cannot be `{}`", key.name, name.text);
        self.report(Diagnostic::new(Code::UnknownWord, name.span, message).nearest_or(name.span, near, expected));
        if let Some(id) = self.names.find(name.text) {
            self.names.mark_used(id);
        }
        None
    }

    /// All elements of this kind, with what they are made of; reports a second one where there may be one only.
    pub fn objects(&mut self, wanted: ObjectKind) -> Vec<(Name<'a>, &'a Typed<'a>)> {
        let names = self.names;
        let mut found: Vec<(Name<'a>, &'a Typed<'a>)> = Vec::new();
        for (_, element) in names.iter() {
            if let Kind::Object(kind, typed) = &element.kind
                && *kind == wanted
            {
                found.push((element.name, typed));
            }
        }
        found
    }

    /// The one object of this kind; reports every further one.
    pub fn only_object(&mut self, wanted: ObjectKind, noun: &str) -> Option<(Name<'a>, &'a Typed<'a>)> {
        let mut found = self.objects(wanted).into_iter();
        let first = found.next()?;
        for (name, _) in found {
            let message = format!("there can be one {noun} only");
            let diagnostic = Diagnostic::new(Code::OnlyOne, name.span, message)
                .note(first.0.span, "the first one")
                .help("join them into one");
            self.report(diagnostic);
        }
        Some(first)
    }

    /// Reports a typed object whose value is no object.
    pub fn needs_object(&mut self, typed: &Typed<'a>, noun: &str, needed: &str) -> bool {
        match typed.value {
            Some(value) if !matches!(value.kind, ValueKind::Error) => {
                let message = format!("{noun} needs {needed}, found {}", value.describe());
                self.report(Diagnostic::new(Code::WrongType, value.span, message));
                false
            }
            other => other.is_none(),
        }
    }

    /// An object, or the name of a constant that is one.
    pub fn object_member<'m>(&mut self, member: &'m Member<'a>) -> Option<&'m Object<'a>> {
        let value = match &member.data {
            Data::Object(object) => return Some(object),
            Data::Value(value) => value,
        };
        let found = self.evaluate(value, Scope::Object);
        match found.what {
            What::Object(object) => Some(object),
            _ => {
                self.wrong_type(member.key.text, "an object", found);
                None
            }
        }
    }

    /// An object literal that is an element of a list, as an object with known keys.
    pub fn literal_object(&mut self, literal: &'a ast::Object<'a>, span: Span) -> Object<'a> {
        let mut object = Object::new(true);
        object.span = span;
        object.fill(literal, self.diagnostics);
        object
    }

    /// `owner.key`
    pub fn dotted(owner: &str, key: &str) -> String {
        format!("{owner}.{key}")
    }
}
