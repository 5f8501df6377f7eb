//! Sets: lists, ranges, CIDRs and objects, names followed and nested ones flattened.
//!
//! The literal of a constant is collected once and kept merged, so that `a: [b, b]`, `b: [c, c]`, … costs what it
//! says and not what it would be written out.

use super::Checker;
use super::value::{Found, Scope, What};
use crate::ast::{Name, Range, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::MAX_DEPTH;
use crate::resolve::{Data, Object};
use crate::source::Span;
use crate::vocabulary::{self, Class, Domain, PacketField};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;
use policy::{IntervalSet, Set};
use wire::{Cidr, IfaceId, IpAddr};

/// What kinds of things a set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementType {
    Integer,
    Address,
    Iface,
    Symbol,
    String,
    Bool,
    Decimal,
}

impl ElementType {
    fn describe(self, plural: bool) -> &'static str {
        match (self, plural) {
            (Self::Integer, false) => "an integer",
            (Self::Integer, true) => "integers",
            (Self::Address, false) => "an address",
            (Self::Address, true) => "addresses",
            (Self::Iface, false) => "an Iface",
            (Self::Iface, true) => "Ifaces",
            (Self::Symbol, false) => "a predefined name",
            (Self::Symbol, true) => "predefined names",
            (Self::String, false) => "a string",
            (Self::String, true) => "strings",
            (Self::Bool, false) => "a bool",
            (Self::Bool, true) => "bools",
            (Self::Decimal, false) => "a decimal number",
            (Self::Decimal, true) => "decimal numbers",
        }
    }
}

/// Everything in a set, of whatever type.
#[derive(Clone, Debug, Default)]
pub struct Elements<'a> {
    /// Inclusive, of integers.
    pub numbers: Vec<(i64, i64)>,
    pub v4: IntervalSet<u32>,
    pub v6: IntervalSet<u128>,
    pub ifaces: BTreeSet<IfaceId>,
    /// Ifaces whose address of run time is in the set.
    pub current: BTreeSet<IfaceId>,
    pub symbols: BTreeMap<&'a str, Span>,
    /// Where the first of each type stands, and which element of the outermost list it is in, from 1.
    pub first: BTreeMap<ElementType, (Span, usize)>,
    /// Something was reported: what is missing here must not lead to more.
    pub broken: bool,
}

/// A set fit for one property.
#[derive(Clone)]
pub struct SetOf {
    pub set: Rc<Set>,
    pub current: Vec<IfaceId>,
}

#[derive(Default)]
struct Collector<'a> {
    elements: Elements<'a>,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl<'a> Collector<'a> {
    fn note(&mut self, kind: ElementType, at: Span, index: usize) {
        self.elements.first.entry(kind).or_insert((at, index));
    }

    fn addresses(&mut self, low: IpAddr, high: IpAddr) {
        match (low, high) {
            (IpAddr::V4(low), IpAddr::V4(high)) => self.v4.push((low.to_bits(), high.to_bits())),
            (IpAddr::V6(low), IpAddr::V6(high)) => self.v6.push((low.to_bits(), high.to_bits())),
            _ => {}
        }
    }

    fn cidr(&mut self, address: IpAddr, prefix_len: u8) {
        match Cidr::masked(address, prefix_len) {
            Ok(Cidr::V4(cidr)) => self.addresses(cidr.network().into(), cidr.last().into()),
            Ok(Cidr::V6(cidr)) => self.addresses(cidr.network().into(), cidr.last().into()),
            // The parser has checked the length.
            Err(_) => self.elements.broken = true,
        }
    }

    fn merge(&mut self, other: &Elements<'a>, at: Span, index: usize) {
        self.elements.numbers.extend(&other.numbers);
        self.v4.extend(other.v4.intervals());
        self.v6.extend(other.v6.intervals());
        self.elements.ifaces.extend(&other.ifaces);
        self.elements.current.extend(&other.current);
        for symbol in other.symbols.keys() {
            self.elements.symbols.entry(symbol).or_insert(at);
        }
        for kind in other.first.keys() {
            self.note(*kind, at, index);
        }
        self.elements.broken |= other.broken;
    }

    fn finish(self) -> Elements<'a> {
        let mut elements = self.elements;
        elements.v4 = IntervalSet::<u32>::new(self.v4);
        elements.v6 = IntervalSet::<u128>::new(self.v6);
        elements.numbers.sort_unstable();
        elements.numbers.dedup_by(|next, last| {
            let touches = next.0 <= last.1.saturating_add(1);
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        elements
    }
}

/// A single element, by its ends: integers from the lowest up, addresses by their bits.
#[derive(Clone, Copy)]
struct Single {
    /// 0 for integers, else the version of IP.
    kind: u8,
    low: u128,
    high: u128,
    at: Span,
}

#[inline(never)]
fn ends(found: Found<'_>) -> Option<Single> {
    let integer = |value: i64| value.abs_diff(i64::MIN).into();
    let address = |address: IpAddr| match address {
        IpAddr::V4(address) => (4, address.to_bits().into()),
        IpAddr::V6(address) => (6, address.to_bits()),
    };
    let (kind, low, high) = match found.what {
        What::Integer(value) => (0, integer(value), integer(value)),
        What::Range(Range::Integers(low, high)) => (0, integer(low), integer(high)),
        What::Address(one) => (address(one).0, address(one).1, address(one).1),
        What::Range(Range::Addresses(low, high)) => (address(low).0, address(low).1, address(high).1),
        What::Cidr(one, prefix_len) => match Cidr::masked(one, prefix_len).ok()? {
            Cidr::V4(net) => (4, net.network().to_bits().into(), net.last().to_bits().into()),
            Cidr::V6(net) => (6, net.network().to_bits(), net.last().to_bits()),
        },
        _ => return None,
    };
    Some(Single { kind, low, high, at: found.at })
}

impl<'a> Checker<'a, '_> {
    /// The elements of a set; `None` if the value is a single one.
    pub fn elements(&mut self, found: Found<'a>, scope: Scope) -> Option<Rc<Elements<'a>>> {
        match found.what {
            What::List(list) => Some(self.collect(found, scope, list)),
            What::Object(object) => Some(self.object(object, found, scope)),
            What::Literal(literal) => {
                let values: Vec<&'a Value<'a>> = literal.entries.iter().map(|entry| &entry.value).collect();
                Some(self.collect(found, scope, values))
            }
            What::OwnAddresses(value) => {
                let mut collector = Collector::default();
                if let crate::ast::ValueKind::List(list) = &value.kind {
                    for (at, value) in list.iter().enumerate() {
                        if let What::Cidr(address, _) = self.evaluate(value, scope).what {
                            collector.note(ElementType::Address, value.span, at + 1);
                            collector.addresses(address, address);
                        }
                    }
                }
                Some(Rc::new(collector.finish()))
            }
            What::Cidr(..) | What::Range(_) | What::Broken => {
                let mut collector = Collector::default();
                self.element(&mut collector, found, 1, scope);
                Some(Rc::new(collector.finish()))
            }
            _ => None,
        }
    }

    #[inline(never)]
    fn object(&mut self, object: &'a Object<'a>, found: Found<'a>, scope: Scope) -> Rc<Elements<'a>> {
        let origin = found.origin;
        if let Some(known) = self.sets.get(&(origin.start, scope == Scope::Object)) {
            return known.clone();
        }
        if !self.enter(origin.start, self.label(found)) {
            return Rc::new(Elements { broken: true, ..Elements::default() });
        }
        let mut collector = Collector::default();
        for (at, member) in object.members().iter().enumerate() {
            match &member.data {
                Data::Value(value) => self.value_element(&mut collector, value, at + 1, scope),
                Data::Object(inner) => {
                    let found = Found { what: What::Object(inner), at: member.at, origin: inner.span };
                    let elements = self.object(inner, found, scope);
                    collector.merge(&elements, member.at, at + 1);
                }
            }
        }
        self.leave();
        self.remember(origin, scope, collector)
    }

    #[inline(never)]
    fn collect(
        &mut self,
        found: Found<'a>,
        scope: Scope,
        values: impl IntoIterator<Item = &'a Value<'a>>,
    ) -> Rc<Elements<'a>> {
        let origin = found.origin;
        if let Some(known) = self.sets.get(&(origin.start, scope == Scope::Object)) {
            return known.clone();
        }
        if !self.enter(origin.start, self.label(found)) {
            return Rc::new(Elements { broken: true, ..Elements::default() });
        }
        let mut collector = Collector::default();
        let mut singles = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            let found = self.evaluate(value, scope);
            singles.extend(ends(found));
            self.element(&mut collector, found, at + 1, scope);
        }
        if matches!(found.what, What::List(_)) {
            self.redundant(singles);
        }
        self.leave();
        self.remember(origin, scope, collector)
    }

    /// Warns of elements that another one contains.
    #[inline(never)]
    fn redundant(&mut self, mut singles: Vec<Single>) {
        /// More than this of one list are not told one by one.
        const MOST: usize = 20;
        // Of two that begin together the longer comes first, and of two equal ones the first in the text.
        singles.sort_unstable_by_key(|single| (single.kind, single.low, core::cmp::Reverse(single.high), single.at));
        let mut widest: Option<Single> = None;
        let mut said = 0;
        for single in singles {
            match widest {
                Some(outer) if outer.kind == single.kind && single.high <= outer.high => {
                    said += 1;
                    if said <= MOST {
                        let message = format!("{} is already in {}", self.text(single.at), self.text(outer.at));
                        let diagnostic = Diagnostic::new(Code::RedundantElement, single.at, message);
                        self.report(diagnostic.note(outer.at, "the wider element").help("remove it"));
                    }
                }
                _ => widest = Some(single),
            }
        }
    }

    /// What a message about a circle calls a set: the name by which it was reached.
    #[inline(never)]
    fn label(&self, found: Found<'a>) -> Name<'a> {
        let text = if found.at == found.origin { "this set" } else { self.text(found.at) };
        Name { text, span: found.at }
    }

    #[inline(never)]
    fn remember(&mut self, origin: Span, scope: Scope, collector: Collector<'a>) -> Rc<Elements<'a>> {
        let elements = Rc::new(collector.finish());
        self.sets.insert((origin.start, scope == Scope::Object), elements.clone());
        elements
    }

    fn value_element(&mut self, collector: &mut Collector<'a>, value: &'a Value<'a>, index: usize, scope: Scope) {
        let found = self.evaluate(value, scope);
        self.element(collector, found, index, scope);
    }

    fn element(&mut self, collector: &mut Collector<'a>, found: Found<'a>, index: usize, scope: Scope) {
        let at = found.at;
        let kind = match found.what {
            What::Integer(value) => {
                collector.elements.numbers.push((value, value));
                ElementType::Integer
            }
            What::Range(Range::Integers(low, high)) => {
                collector.elements.numbers.push((low, high));
                ElementType::Integer
            }
            What::Address(address) => {
                collector.addresses(address, address);
                ElementType::Address
            }
            What::Range(Range::Addresses(low, high)) => {
                collector.addresses(low, high);
                ElementType::Address
            }
            What::Cidr(address, prefix_len) => {
                collector.cidr(address, prefix_len);
                ElementType::Address
            }
            What::CurrentAddress(iface) => {
                collector.elements.current.insert(iface);
                ElementType::Address
            }
            What::Iface(iface) => {
                collector.elements.ifaces.insert(iface);
                ElementType::Iface
            }
            What::Symbol(name) => {
                collector.elements.symbols.entry(name).or_insert(at);
                ElementType::Symbol
            }
            What::Bool(_) => ElementType::Bool,
            What::String(_) => ElementType::String,
            What::Decimal => ElementType::Decimal,
            What::Field(field) => {
                let message = format!("`{}` cannot be an element of a set", field.name);
                self.report(
                    Diagnostic::new(Code::WrongElement, at, message).help("compare two properties with `==` instead"),
                );
                collector.elements.broken = true;
                return;
            }
            What::Broken => {
                collector.elements.broken = true;
                return;
            }
            What::List(_) | What::Object(_) | What::Literal(_) | What::OwnAddresses(_) => {
                match self.elements(found, scope) {
                    Some(inner) => collector.merge(&inner, at, index),
                    None => collector.elements.broken = true,
                }
                return;
            }
        };
        collector.note(kind, at, index);
    }

    fn leave(&mut self) {
        self.trail.pop();
        debug_assert!(self.trail.len() <= MAX_DEPTH);
    }

    /// The elements as a set of values of a property, made once for each literal and property.
    pub fn set_for(&mut self, field: &'static PacketField, elements: &Elements<'a>, found: Found<'a>) -> Option<SetOf> {
        let key = (found.origin.start, field.name);
        if let Some(known) = self.fitted.get(&key) {
            return Some(known.clone());
        }
        let set = self.fit(field.domain, elements, found.at, field.name)?;
        if set.current.is_empty() {
            self.fitted.insert(key, set.clone());
        }
        Some(set)
    }

    /// The elements as a set of values of a property; reports elements of another type.
    fn fit(&mut self, domain: Domain, elements: &Elements<'a>, at: Span, field: &str) -> Option<SetOf> {
        let fits = |kind: ElementType| match domain {
            Domain::Address => kind == ElementType::Address,
            Domain::Iface => kind == ElementType::Iface,
            Domain::State => kind == ElementType::Symbol,
            Domain::Bool => kind == ElementType::Bool,
            _ => matches!(kind, ElementType::Integer | ElementType::Symbol),
        };
        if elements.broken {
            return None;
        }
        let wrong: Vec<_> = elements.first.iter().filter(|(kind, _)| !fits(**kind)).collect();
        if let Some((kind, (place, index))) = wrong.iter().min_by_key(|(_, (_, index))| *index) {
            let needed = domain.describe();
            if wrong.len() == elements.first.len() && wrong.len() == 1 {
                let message = format!("`{field}` is {needed}, but this is a set of {}", kind.describe(true));
                let mut diagnostic = Diagnostic::new(Code::CannotCompare, at, message);
                if place.start < at.start || place.end > at.end {
                    diagnostic = diagnostic.note(*place, "its first element");
                }
                self.report(diagnostic);
            } else {
                let inside = at.start <= place.start && place.end <= at.end;
                let message = format!("element {index} is {}, but `{field}` is {needed}", kind.describe(false));
                let span = if inside { *place } else { at };
                let mut diagnostic = Diagnostic::new(Code::WrongElement, span, message);
                if !inside {
                    diagnostic = diagnostic.note(*place, "the element");
                }
                self.report(diagnostic);
            }
            return None;
        }
        let mut numbers = Vec::new();
        let largest = i64::from(domain.largest().unwrap_or(u32::MAX));
        for &(low, high) in &elements.numbers {
            // What no packet can have is left out.
            if let (Ok(low), Ok(high)) = (u32::try_from(low.max(0)), u32::try_from(high.min(largest))) {
                numbers.push((low, high));
            }
        }
        if elements.numbers.iter().any(|(low, high)| *low < 0 || *high > largest) {
            let place = elements.first.get(&ElementType::Integer).map_or(at, |(place, _)| *place);
            let message = format!("`{field}` is 0-{largest}: some elements of this set can never match");
            let span = if elements.first.len() == 1 && elements.numbers.len() == 1 { place } else { at };
            self.report(Diagnostic::new(Code::NeverTrue, span, message).help("is a `,` missing between two numbers?"));
        }
        for (symbol, place) in &elements.symbols {
            let inside = at.start <= place.start && place.end <= at.end;
            let number = self.symbol_number(symbol, domain, if inside { *place } else { at }, field)?;
            numbers.push((number, number));
        }
        numbers.extend(elements.ifaces.iter().map(|iface| (u32::from(iface.0), u32::from(iface.0))));
        let set = Set { numbers: IntervalSet::<u32>::new(numbers), v4: elements.v4.clone(), v6: elements.v6.clone() };
        Some(SetOf { set: Rc::new(set), current: elements.current.iter().copied().collect() })
    }

    /// The number of a predefined constant for a property; reports one that does not belong to it.
    pub fn symbol_number(&mut self, symbol: &str, domain: Domain, at: Span, field: &str) -> Option<u32> {
        let fits = |class: Class| match domain {
            Domain::Integer(_) => class == Class::Port,
            Domain::Protocol => matches!(class, Class::Protocol | Class::Port),
            Domain::IcmpType => matches!(class, Class::IcmpType | Class::Port),
            Domain::Icmpv6Type => matches!(class, Class::Icmpv6Type | Class::Port),
            Domain::State => class == Class::State,
            Domain::Flags => matches!(class, Class::TcpFlag | Class::Port),
            Domain::Address | Domain::Iface | Domain::Bool => false,
        };
        if let Some(constant) = vocabulary::predefined(symbol).find(|constant| fits(constant.class)) {
            if constant.name == "ip" {
                let diagnostic =
                    Diagnostic::new(Code::IpInIp, at, "`ip` is protocol 4, IP in IP, and not any IP packet");
                self.report(diagnostic.help("write 4 if that is meant; a function of subtype IP sees every packet"));
            }
            return Some(constant.number);
        }
        let what = vocabulary::predefined(symbol).next().map_or("a name", |constant| constant.class.describe());
        let message = format!("`{symbol}` is {what}, but `{field}` is {}", domain.describe());
        let wanted =
            vocabulary::PREDEFINED.iter().filter(|constant| fits(constant.class) && constant.class != Class::Port);
        let known: Vec<&str> = wanted.map(|constant| constant.name).collect();
        let help = (!known.is_empty()).then(|| format!("there are {}", crate::diagnostic::listed(known)));
        self.report(Diagnostic::new(Code::CannotCompare, at, message).maybe_help(help));
        None
    }
}
