//! Conditions: each test typed, constants turned into sets, what is decided at compile time folded.
//!
//! A property compared with constants becomes membership in a set: `==` a single value, `<` everything below, `!=` the
//! negation. So an IPv4 and an IPv6 value are never equal and neither is before the other, without further ado.

use super::Checker;
use super::function::Context;
use super::value::{Found, Scope, What};
use crate::ast::{Expr, Name, Operator, Path, Test, Value, ValueKind};
use crate::checked::{Condition, Question};
use crate::diagnostic::{Code, Diagnostic, listed, nearest};
use crate::source::Span;
use crate::vocabulary::{self, Class, Domain, PacketField, Subject, Subtype};
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use policy::{AddrRef, Comparison, Field, LimitRate, Set};
use wire::{Duration, IpAddr, Ipv4Addr, Ipv6Addr};

impl<'a> Checker<'a, '_> {
    pub(super) fn condition(&mut self, expr: &'a Expr<'a>, context: Context) -> Condition {
        match expr {
            Expr::Or(parts) => Condition::Or(parts.iter().map(|part| self.condition(part, context)).collect()),
            Expr::And(parts) => Condition::And(parts.iter().map(|part| self.condition(part, context)).collect()),
            Expr::Not(inner, _) => Condition::Not(Box::new(self.condition(inner, context))),
            Expr::Error(_) => Condition::Unknown,
            Expr::Test(test) => {
                let checked = match &**test {
                    Test::Bare(value) => self.bare(value, context),
                    Test::Call { name, arguments, span } => self.limit_test(*name, arguments, *span),
                    Test::Compare { left, operator, operator_span, right } => {
                        self.comparison(left, *operator, *operator_span, right, context)
                    }
                };
                checked.unwrap_or(Condition::Unknown)
            }
        }
    }

    // Kept out of the frame of what recurses: the image's stack is small.
    #[inline(never)]
    fn bare(&mut self, value: &'a Value<'a>, context: Context) -> Option<Condition> {
        let found = self.evaluate(value, Scope::Function);
        match found.what {
            What::Bool(truth) => {
                self.constant_condition(found.at, truth);
                Some(Condition::Constant(truth))
            }
            What::Field(field @ PacketField { subject: Subject::Flag(mask), .. }) => {
                self.visible(field, found.at, context)?;
                Some(Condition::Test(Question::TcpFlags { mask: *mask }, found.at))
            }
            What::Broken => None,
            what => {
                let message = format!("a condition must be true or false, found {}", what.describe());
                let help = match what {
                    What::Field(field) => format!("compare it: `{} == …`", field.name),
                    What::List(_) | What::Object(_) | What::Cidr(..) | What::Range(_) => {
                        "ask whether a property is in it: `ip.saddr in …`".into()
                    }
                    What::Symbol(name) if vocabulary::packet_field(&format!("tcp.{name}")).is_some() => {
                        format!("write `tcp.{name}` to test the flag")
                    }
                    _ => "compare it with a property".into(),
                };
                self.report(Diagnostic::new(Code::NotACondition, found.at, message).help(help));
                None
            }
        }
    }

    fn constant_condition(&mut self, at: Span, truth: bool) {
        let message = format!("the condition is always {truth}");
        let help = if truth { "remove the `if` and keep its body" } else { "remove the `if` with its body" };
        self.report(Diagnostic::new(Code::ConstantCondition, at, message).help(help));
    }

    fn never_true(&mut self, at: Span, message: impl Into<alloc::string::String>) {
        self.report(Diagnostic::new(Code::NeverTrue, at, message));
    }

    #[inline(never)]
    fn limit_test(&mut self, name: crate::ast::Name<'a>, arguments: &'a [Value<'a>], span: Span) -> Option<Condition> {
        if let Some(element) = self.names.find(name.text).and_then(|id| self.names.get(id)) {
            let message = format!("`{}` is {}, which a condition cannot call", name.text, element.kind.describe());
            let diagnostic = Diagnostic::new(Code::NotACondition, span, message);
            self.report(diagnostic.note(element.name.span, "defined here"));
            return None;
        }
        if !name.text.eq_ignore_ascii_case("limit") {
            let message = format!("`{}` cannot be called in a condition", name.text);
            let help = "the only call that a condition may hold is `limit(10, \"second\", 5)`";
            self.report(Diagnostic::new(Code::NotACondition, span, message).help(help));
            return None;
        }
        let [rate, unit, burst] = arguments else {
            let message = "`limit` takes three arguments: a rate, a unit and a burst";
            let diagnostic = Diagnostic::new(Code::WrongArguments, span, message);
            self.report(diagnostic.help("write `limit(10, \"second\", 5)`"));
            return None;
        };
        let most = i64::from(u32::MAX);
        let found = self.evaluate(rate, Scope::Function);
        let tokens = self.integer_of(found, "the rate of a limit", 1, most);
        let found = self.evaluate(unit, Scope::Function);
        let per = match found.what {
            What::String("second") => Some(Duration::from_secs(1)),
            What::String("minute") => Some(Duration::from_secs(60)),
            What::String(other) => {
                let message = format!("unknown unit `{other}`");
                let diagnostic = Diagnostic::new(Code::UnknownWord, found.at, message);
                self.report(diagnostic.help("known: \"second\", \"minute\""));
                None
            }
            _ => {
                self.wrong_type("the unit of a limit", "\"second\" or \"minute\"", found);
                None
            }
        };
        let found = self.evaluate(burst, Scope::Function);
        let burst = self.integer_of(found, "the burst of a limit", 1, most);
        let rate = LimitRate { tokens: tokens? as u32, per: per?, burst: burst? as u32 };
        self.limits.push(rate);
        Some(Condition::Test(Question::Limit(self.limits.len() as u32 - 1), span))
    }

    #[inline(never)]
    fn comparison(
        &mut self,
        left: &'a Value<'a>,
        operator: Operator,
        operator_span: Span,
        right: &'a Value<'a>,
        context: Context,
    ) -> Option<Condition> {
        self.iface_names(left, right)?;
        let (left, right) = (self.evaluate(left, Scope::Function), self.evaluate(right, Scope::Function));
        let span = left.at.to(right.at);
        for side in [left, right] {
            if let What::Field(field) = side.what {
                self.visible(field, side.at, context)?;
                if field.subject == Subject::Field(Field::Oif) {
                    self.oif = self.oif.or(Some(side.at));
                }
            }
        }
        if matches!(left.what, What::Broken) || matches!(right.what, What::Broken) {
            return None;
        }
        match operator {
            Operator::In => self.membership(left, operator_span, right, span, context),
            Operator::Compare(comparison) => {
                for side in [left, right] {
                    if is_set(&side.what) {
                        let what = side.what.describe();
                        let message = format!("{what} is a set, which `{}` cannot compare", operator.symbol());
                        let help = "use `in`: the property on the left, the set on the right";
                        self.report(Diagnostic::new(Code::WrongOperator, operator_span, message).help(help));
                        return None;
                    }
                }
                self.compared(left, comparison, operator_span, right, span, context)
            }
        }
    }

    /// `ip.protocol == nope` is about protocols, so what is suggested are protocols.
    fn property_words(&mut self, field: &Path<'a>, word: Name<'a>) -> Option<()> {
        let name = field.parts.iter().map(|part| part.text).collect::<Vec<_>>().join(".");
        let Some(property) = vocabulary::packet_field(&name) else { return Some(()) };
        let class = match property.domain {
            Domain::Protocol => Class::Protocol,
            Domain::IcmpType => Class::IcmpType,
            Domain::Icmpv6Type => Class::Icmpv6Type,
            Domain::State => Class::State,
            _ => return Some(()),
        };
        let known = self.names.find(field.first().text).is_some()
            || self.names.find(word.text).is_some()
            || vocabulary::packet_field(word.text).is_some()
            || vocabulary::predefined(word.text).next().is_some();
        if known {
            return Some(());
        }
        let words = || vocabulary::PREDEFINED.iter().filter(|constant| constant.class == class).map(|word| word.name);
        let near = nearest(word.text, words());
        let numbers = if class == Class::State { "" } else { ", or a number" };
        let message = format!("`{}` is not defined, and is not {}", word.text, class.describe());
        let diagnostic = Diagnostic::new(Code::UnknownName, word.span, message);
        self.report(diagnostic.nearest_or(word.span, near, || format!("known: {}{numbers}", listed(words()))));
        None
    }

    /// `iif == nope` is about Ifaces, so the message is too.
    fn iface_names(&mut self, left: &'a Value<'a>, right: &'a Value<'a>) -> Option<()> {
        for (field, other) in [(left, right), (right, left)] {
            let (ValueKind::Path(field), ValueKind::Path(other)) = (&field.kind, &other.kind) else { continue };
            let (Some(field), Some(other)) = (field.single(), other.single()) else { continue };
            let is_iface = vocabulary::packet_field(field.text).is_some_and(|field| field.domain == Domain::Iface);
            let known = self.names.find(other.text).is_some() || vocabulary::packet_field(other.text).is_some();
            if is_iface && self.names.find(field.text).is_none() && !known {
                self.no_iface(other);
                return None;
            }
        }
        for (field, other) in [(left, right), (right, left)] {
            let (ValueKind::Path(field), ValueKind::Path(other)) = (&field.kind, &other.kind) else { continue };
            if let Some(word) = other.single() {
                self.property_words(field, word)?;
            }
        }
        Some(())
    }

    fn membership(
        &mut self,
        left: Found<'a>,
        operator_span: Span,
        right: Found<'a>,
        span: Span,
        context: Context,
    ) -> Option<Condition> {
        if is_set(&left.what) {
            let message = format!("the left side of `in` must be a single value, found {}", left.what.describe());
            let help = "write the property on the left and the set on the right";
            self.report(Diagnostic::new(Code::SetOnLeft, left.at, message).help(help));
            return None;
        }
        if let (What::Iface(iface), What::Field(PacketField { domain: Domain::Address, .. })) = (right.what, left.what)
        {
            self.iface_as_value(right, iface);
            return None;
        }
        let Some(elements) = self.elements(right, Scope::Function) else {
            let message = format!("`in` needs a list, range, CIDR or object, found {}", right.what.describe());
            self.report(Diagnostic::new(Code::NeedsSet, operator_span, message).help("use `==` for a single value"));
            return None;
        };
        if let What::Field(field) = left.what {
            let set = self.set_for(field, &elements, right)?;
            if let Subject::Flag(_) = field.subject {
                let message = format!("`{}` is a bool and needs no `in`", field.name);
                self.report(Diagnostic::new(Code::WrongOperator, operator_span, message));
                return None;
            }
            return self.question(field, set.set, &set.current, right.at, span, context);
        }
        // Both sides are known now.
        if elements.broken {
            return None;
        }
        let truth = match left.what {
            What::Integer(value) => elements.numbers.iter().any(|(low, high)| (*low..=*high).contains(&value)),
            What::Address(IpAddr::V4(address)) => elements.v4.contains(address.to_bits()),
            What::Address(IpAddr::V6(address)) => elements.v6.contains(address.to_bits()),
            What::Iface(iface) => elements.ifaces.contains(&iface),
            What::Symbol(name) => elements.symbols.keys().any(|symbol| symbol.eq_ignore_ascii_case(name)),
            what => {
                let message = format!("{} cannot be looked for in a set", what.describe());
                self.report(Diagnostic::new(Code::CannotCompare, left.at, message));
                return None;
            }
        };
        self.constant_condition(span, truth);
        Some(Condition::Constant(truth))
    }

    /// A test that a property is in a set, or equal to one of the addresses known only at run time.
    fn question(
        &mut self,
        field: &'static PacketField,
        set: Rc<Set>,
        current: &[wire::IfaceId],
        at: Span,
        span: Span,
        context: Context,
    ) -> Option<Condition> {
        let Subject::Field(subject) = field.subject else { return None };
        if field.domain == Domain::State {
            for number in set.numbers.intervals().iter().flat_map(|(low, high)| *low..=*high) {
                self.states |= 1_u8.checked_shl(number).unwrap_or(0);
            }
        }
        if current.is_empty() && !self.can_match(field, &set, at, context) {
            return Some(Condition::Constant(false));
        }
        let mut parts = Vec::new();
        if !set.is_empty() {
            parts.push(Condition::Test(Question::In { field: subject, set }, span));
        }
        for iface in current {
            let address = AddrRef::Iface(*iface);
            let question = Question::IsAddress { field: subject, comparison: Comparison::Equal, address };
            parts.push(Condition::Test(question, span));
        }
        match parts.len() {
            1 => parts.pop(),
            _ => Some(Condition::Or(parts)),
        }
    }

    /// Warns of a set in which no packet that comes here can be.
    fn can_match(&mut self, field: &'static PacketField, set: &Set, at: Span, context: Context) -> bool {
        let name = field.name;
        if set.is_empty() {
            self.never_true(at, format!("never true: the set holds no value that `{name}` can have"));
            return false;
        }
        match (field.domain, context.subtype) {
            (Domain::Address, Subtype::Icmp) if set.v4.is_empty() => {
                self.never_true(at, "never true: ICMP packets have IPv4 addresses");
                false
            }
            (Domain::Address, Subtype::Icmpv6) if set.v6.is_empty() => {
                self.never_true(at, "never true: ICMPv6 packets have IPv6 addresses");
                false
            }
            (Domain::Icmpv6Type, _)
                if set.numbers.intervals().iter().all(|(low, high)| (133..=137).contains(low) && *high <= 137) =>
            {
                self.never_true(at, "never true: neighbour discovery is handled before any chain");
                false
            }
            _ => true,
        }
    }

    fn compared(
        &mut self,
        left: Found<'a>,
        comparison: Comparison,
        operator_span: Span,
        right: Found<'a>,
        span: Span,
        context: Context,
    ) -> Option<Condition> {
        match (left.what, right.what) {
            (What::Field(a), What::Field(b)) => self.two_fields(a, comparison, operator_span, b, span),
            (What::Field(field), _) => self.with_constant(field, comparison, operator_span, right, span, context),
            (_, What::Field(field)) => {
                self.with_constant(field, swapped(comparison), operator_span, left, span, context)
            }
            _ => self.two_constants(left, comparison, right, span),
        }
    }

    fn two_fields(
        &mut self,
        a: &'static PacketField,
        comparison: Comparison,
        operator_span: Span,
        b: &'static PacketField,
        span: Span,
    ) -> Option<Condition> {
        let number = |domain| matches!(domain, Domain::Integer(_) | Domain::Flags);
        if a.domain != b.domain && !(number(a.domain) && number(b.domain)) {
            let message = format!(
                "cannot compare {} (`{}`) with {} (`{}`)",
                a.domain.describe(),
                a.name,
                b.domain.describe(),
                b.name
            );
            self.report(Diagnostic::new(Code::CannotCompare, span, message));
            return None;
        }
        self.ordered(a, comparison, operator_span)?;
        match (a.subject, b.subject) {
            (Subject::Field(left), Subject::Field(right)) if left == right => {
                use Comparison::*;
                let truth = matches!(comparison, Equal | LessOrEqual | GreaterOrEqual);
                self.constant_condition(span, truth);
                Some(Condition::Constant(truth))
            }
            (Subject::Field(left), Subject::Field(right)) => {
                Some(Condition::Test(Question::Compare { left, comparison, right }, span))
            }
            (Subject::Flag(a), Subject::Flag(b)) => {
                let test = |mask| Condition::Test(Question::TcpFlags { mask }, span);
                let not = |mask| Condition::Not(Box::new(test(mask)));
                let both = Condition::And(Vec::from([test(a), test(b)]));
                let neither = Condition::And(Vec::from([not(a), not(b)]));
                let equal = Condition::Or(Vec::from([both, neither]));
                Some(if comparison == Comparison::Equal { equal } else { Condition::Not(Box::new(equal)) })
            }
            _ => None,
        }
    }

    /// The property has an order, or the operator needs none.
    fn ordered(&mut self, field: &PacketField, comparison: Comparison, operator_span: Span) -> Option<()> {
        if field.domain.is_ordered() || matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return Some(());
        }
        let what = match field.domain {
            Domain::State => "states have",
            Domain::Iface => "Ifaces have",
            Domain::Bool => "bools have",
            Domain::Protocol => "protocols have",
            _ => "types have",
        };
        let message = format!("{what} no order");
        self.report(Diagnostic::new(Code::WrongOperator, operator_span, message).help("use `==`, `!=` or `in`"));
        None
    }

    fn with_constant(
        &mut self,
        field: &'static PacketField,
        comparison: Comparison,
        operator_span: Span,
        constant: Found<'a>,
        span: Span,
        context: Context,
    ) -> Option<Condition> {
        if let (Subject::Flag(mask), What::Bool(truth)) = (field.subject, constant.what) {
            self.ordered(field, comparison, operator_span)?;
            let test = Condition::Test(Question::TcpFlags { mask }, span);
            let positive = truth == (comparison == Comparison::Equal);
            return Some(if positive { test } else { Condition::Not(Box::new(test)) });
        }
        if let (Domain::Address, What::CurrentAddress(iface), Subject::Field(subject)) =
            (field.domain, constant.what, field.subject)
        {
            let address = AddrRef::Iface(iface);
            return Some(Condition::Test(Question::IsAddress { field: subject, comparison, address }, span));
        }
        let negated = comparison == Comparison::NotEqual;
        let positive = if negated { Comparison::Equal } else { comparison };
        let set = match (field.domain, constant.what) {
            (Domain::Address, What::Address(address)) => addresses(positive, address),
            (Domain::Iface, What::Iface(iface)) => Set::number(u32::from(iface.0)),
            (Domain::State, What::Symbol(name)) => {
                Set::number(self.symbol_number(name, field.domain, constant.at, field.name)?)
            }
            (Domain::Address | Domain::Iface | Domain::State | Domain::Bool, _) => {
                return self.mismatch(field, constant);
            }
            (domain, What::Integer(value)) => {
                return self.number(field, domain, comparison, operator_span, value, constant.at, span, context);
            }
            (domain, What::Symbol(name)) => {
                let value = self.symbol_number(name, domain, constant.at, field.name)?;
                return self.number(
                    field,
                    domain,
                    comparison,
                    operator_span,
                    i64::from(value),
                    constant.at,
                    span,
                    context,
                );
            }
            _ => return self.mismatch(field, constant),
        };
        self.ordered(field, comparison, operator_span)?;
        let question = self.question(field, Rc::new(set), &[], constant.at, span, context)?;
        Some(if negated { Condition::Not(Box::new(question)) } else { question })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one comparison")]
    fn number(
        &mut self,
        field: &'static PacketField,
        domain: Domain,
        comparison: Comparison,
        operator_span: Span,
        value: i64,
        at: Span,
        span: Span,
        context: Context,
    ) -> Option<Condition> {
        self.ordered(field, comparison, operator_span)?;
        let largest = i64::from(domain.largest()?);
        let (low, high) = match comparison {
            Comparison::Equal | Comparison::NotEqual => (value, value),
            Comparison::Less => (0, value.saturating_sub(1)),
            Comparison::LessOrEqual => (0, value),
            Comparison::Greater => (value.saturating_add(1), largest),
            Comparison::GreaterOrEqual => (value, largest),
        };
        let (low, high) = (low.max(0), high.min(largest));
        let negated = comparison == Comparison::NotEqual;
        let always = (low, high) == (0, largest);
        if low > high || always {
            let truth = always != negated;
            let word = if truth { "always" } else { "never" };
            let message = format!("`{}` is 0-{largest}: this is {word} true", field.name);
            let code = if truth { Code::ConstantCondition } else { Code::NeverTrue };
            let mut diagnostic = Diagnostic::new(code, at, message);
            if largest == 0xffff && value > largest {
                diagnostic = diagnostic.help("is a `,` missing between two numbers?");
            }
            self.report(diagnostic);
            return Some(Condition::Constant(truth));
        }
        let set = Set::numbers(Vec::from([(low as u32, high as u32)]));
        let question = self.question(field, Rc::new(set), &[], at, span, context)?;
        Some(if negated { Condition::Not(Box::new(question)) } else { question })
    }

    fn mismatch(&mut self, field: &PacketField, constant: Found<'a>) -> Option<Condition> {
        let message =
            format!("cannot compare {} (`{}`) with {}", field.domain.describe(), field.name, constant.what.describe());
        let mut diagnostic = Diagnostic::new(Code::CannotCompare, constant.at, message);
        if constant.origin != constant.at {
            diagnostic = diagnostic.note(constant.origin, "its value");
        }
        if let (What::Iface(_), Domain::Address) = (constant.what, field.domain) {
            diagnostic = diagnostic.help(format!("write `{}.address`", self.text(constant.at)));
        }
        self.report(diagnostic);
        None
    }

    fn two_constants(
        &mut self,
        left: Found<'a>,
        comparison: Comparison,
        right: Found<'a>,
        span: Span,
    ) -> Option<Condition> {
        let equal_only = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let order = match (left.what, right.what) {
            (What::Integer(a), What::Integer(b)) => Some(a.cmp(&b)),
            (What::Address(a), What::Address(b)) if a.is_ipv4() == b.is_ipv4() => Some(a.cmp(&b)),
            (What::Address(_), What::Address(_)) => None,
            (What::Bool(a), What::Bool(b)) if equal_only => Some(a.cmp(&b)),
            (What::String(a), What::String(b)) if equal_only => Some(a.cmp(b)),
            (What::Iface(a), What::Iface(b)) if equal_only => Some(a.cmp(&b)),
            (What::Symbol(a), What::Symbol(b)) if equal_only => {
                Some(if a.eq_ignore_ascii_case(b) { Ordering::Equal } else { Ordering::Less })
            }
            (a, b) => {
                let message = format!("cannot compare {} with {}", a.describe(), b.describe());
                let diagnostic = Diagnostic::new(Code::CannotCompare, span, message);
                self.report(diagnostic.help("one side of a comparison should be a packet property"));
                return None;
            }
        };
        let truth = match (comparison, order) {
            (Comparison::NotEqual, None) => true,
            (_, None) => false,
            (Comparison::Equal, Some(order)) => order.is_eq(),
            (Comparison::NotEqual, Some(order)) => order.is_ne(),
            (Comparison::Less, Some(order)) => order.is_lt(),
            (Comparison::LessOrEqual, Some(order)) => order.is_le(),
            (Comparison::Greater, Some(order)) => order.is_gt(),
            (Comparison::GreaterOrEqual, Some(order)) => order.is_ge(),
        };
        self.constant_condition(span, truth);
        Some(Condition::Constant(truth))
    }
}

fn is_set(what: &What<'_>) -> bool {
    matches!(
        what,
        What::List(_) | What::Object(_) | What::Literal(_) | What::OwnAddresses(_) | What::Cidr(..) | What::Range(_)
    )
}

fn swapped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Equal | Comparison::NotEqual => comparison,
    }
}

/// The addresses of one family that compare so with `address`.
fn addresses(comparison: Comparison, address: IpAddr) -> Set {
    let (first, last): (IpAddr, IpAddr) = match address {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into()),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::from_bits(u128::MAX).into()),
    };
    let before = match address {
        IpAddr::V4(address) => address.to_bits().checked_sub(1).map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(address) => address.to_bits().checked_sub(1).map(|bits| Ipv6Addr::from_bits(bits).into()),
    };
    let after = match address {
        IpAddr::V4(address) => address.to_bits().checked_add(1).map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(address) => address.to_bits().checked_add(1).map(|bits| Ipv6Addr::from_bits(bits).into()),
    };
    let range = match comparison {
        Comparison::Equal | Comparison::NotEqual => Some((address, address)),
        Comparison::Less => before.map(|before| (first, before)),
        Comparison::LessOrEqual => Some((first, address)),
        Comparison::Greater => after.map(|after| (after, last)),
        Comparison::GreaterOrEqual => Some((address, last)),
    };
    Set::addresses(range)
}
