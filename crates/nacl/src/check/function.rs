//! Functions: their statements typed, their names bound. Each function is checked once, however often it is called.

use super::Checker;
use crate::ast::{self, Name};
use crate::checked::{Action, Arm, Block, Condition, Procedure, Question, Statement};
use crate::diagnostic::{Code, Diagnostic, listed, nearest};
use crate::resolve::Kind;
use crate::source::Span;
use crate::vocabulary::{self, Subtype};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use policy::{Field, FunctionKind};

/// Where in a function a statement stands.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub kind: FunctionKind,
    /// The narrowest subtype around it: which packets come here, and so which properties they have.
    pub subtype: Subtype,
    /// A condition around it tests `ip.protocol`.
    pub protocol_tested: bool,
}

impl<'a> Checker<'a, '_> {
    pub fn procedures(&mut self) {
        let names = self.names;
        let mut nested = BTreeMap::new();
        for (_, element) in names.iter() {
            if let Kind::Function(function) = &element.kind {
                nested_names(&function.body, &mut nested);
            }
        }
        for (id, element) in names.iter() {
            let Kind::Function(function) = &element.kind else { continue };
            let Some(kind) = vocabulary::function_type(function.kind.text) else { continue };
            self.hidden_by_action(element.name);
            // A subtype that is not known was reported; the body is checked as far as it can be.
            let known = self.subtype(function.subtype);
            let context = Context { kind, subtype: known.unwrap_or(Subtype::Ip), protocol_tested: false };
            self.states = 0;
            self.oif = None;
            let block = self.block(&function.body, context, &nested);
            let (states, oif) = (self.states, self.oif);
            let procedure =
                Procedure { kind, subtype: context.subtype, head: function.head(), block, states, oif, falls: true };
            self.procedures.insert(id, procedure);
        }
    }

    fn hidden_by_action(&mut self, name: Name<'a>) {
        let action = vocabulary::action(name.text).filter(|action| !action.extension);
        if action.is_some() {
            let message = format!("the function `{}` cannot be called: the action of that name goes first", name.text);
            self.report(Diagnostic::new(Code::ShadowedAction, name.span, message).help("rename the function"));
        }
    }

    fn subtype(&mut self, name: Name<'_>) -> Option<Subtype> {
        let known = vocabulary::subtype(name.text);
        if known.is_none() {
            let words = vocabulary::SUBTYPES.iter().map(|(_, word)| word.name);
            let near = nearest(name.text, words.clone());
            let message = format!("unknown subtype `{}`", name.text);
            let diagnostic = Diagnostic::new(Code::UnknownSubtype, name.span, message);
            let of_family = ["IPv4", "IPv6"].iter().any(|family| family.eq_ignore_ascii_case(name.text));
            let listed = || format!("known: {}", listed(words));
            self.report(match of_family {
                true => {
                    diagnostic.help(format!("{}; IP is for both families, which `ip.version` tells apart", listed()))
                }
                false => diagnostic.nearest_or(name.span, near, listed),
            });
        }
        known
    }

    fn block(&mut self, body: &'a ast::Body<'a>, context: Context, nested: &BTreeMap<&'a str, Span>) -> Block {
        let mut statements = Vec::with_capacity(body.statements.len());
        for statement in &body.statements {
            let at = statement.span();
            let action = match statement {
                ast::Statement::Function(function) => self.nested_function(function, context, nested),
                ast::Statement::If(conditional) => Some(self.conditional(conditional, context, nested)),
                ast::Statement::Action(action) => self.action(action, context, nested),
            };
            statements.push(Statement { at, action: action.unwrap_or(Action::Unknown) });
        }
        let end = Span::new(body.span.end.saturating_sub(1), body.span.end);
        Block { statements, end }
    }

    fn nested_function(
        &mut self,
        function: &'a ast::Function<'a>,
        context: Context,
        nested: &BTreeMap<&'a str, Span>,
    ) -> Option<Action> {
        let kind = vocabulary::function_type(function.kind.text);
        match kind {
            None => {
                let message = format!("unknown function type `{}`", function.kind.text);
                let diagnostic = Diagnostic::new(Code::UnknownType, function.kind.span, message);
                self.report(diagnostic.help("a nested function is a Filter in a Filter, a Nat in a Nat"));
            }
            Some(kind) if kind != context.kind => {
                let (inner, outer) = (kind_name(kind), kind_name(context.kind));
                let message = format!("a {inner} cannot stand in a {outer}");
                self.report(Diagnostic::new(Code::WrongFunctionType, function.kind.span, message));
            }
            Some(_) => {}
        }
        let subtype = self.subtype(function.subtype);
        let inner = subtype.unwrap_or(Subtype::Ip);
        let fits = context.subtype.holds(inner);
        if !fits {
            let (inner, outer) = (inner.name(), context.subtype.name());
            let (one, another) = (article(inner), article(outer));
            let message = format!("{one} {inner} function inside {another} {outer} function can never match");
            let diagnostic = Diagnostic::new(Code::SubtypeMismatch, function.subtype.span, message);
            self.report(diagnostic.help(format!("move it out of the {outer} function")));
        }
        let narrowed = if inner == Subtype::Ip { context.subtype } else { inner };
        let inside = Context { kind: kind.unwrap_or(context.kind), subtype: narrowed, ..context };
        let block = self.block(&function.body, inside, nested);
        let known = fits && kind == Some(context.kind);
        subtype.filter(|_| known).map(|subtype| Action::Gate(subtype, block))
    }

    fn conditional(
        &mut self,
        conditional: &'a ast::Conditional<'a>,
        context: Context,
        nested: &BTreeMap<&'a str, Span>,
    ) -> Action {
        let mut arms = Vec::with_capacity(conditional.arms.len());
        for arm in &conditional.arms {
            let condition = self.condition(&arm.condition, context);
            let protocol_tested = context.protocol_tested || tests_protocol(&condition);
            let block = self.block(&arm.body, Context { protocol_tested, ..context }, nested);
            arms.push(Arm { keyword: arm.keyword, condition, block });
        }
        let otherwise = conditional.otherwise.as_ref().map(|body| self.block(body, context, nested));
        Action::If(arms, otherwise)
    }

    /// The property exists in every packet that comes here; else reports it.
    pub(super) fn visible(
        &mut self,
        field: &'static vocabulary::PacketField,
        at: Span,
        context: Context,
    ) -> Option<()> {
        use vocabulary::Protocol;
        let needed = match field.protocol {
            Protocol::Any => return Some(()),
            Protocol::Tcp => Subtype::Tcp,
            Protocol::Udp => Subtype::Udp,
            Protocol::Icmp => Subtype::Icmp,
            Protocol::Icmpv6 => Subtype::Icmpv6,
        };
        if context.subtype == needed {
            return Some(());
        }
        let kind = kind_name(context.kind);
        let message = format!("`{}` needs a function of subtype {}", field.name, needed.name());
        let help = format!("put the statement in `{kind}::{} {{ … }}`", needed.name());
        self.report(Diagnostic::new(Code::FieldOfOtherProtocol, at, message).help(help));
        None
    }
}

pub(super) fn kind_name(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Filter => "Filter",
        FunctionKind::Nat => "Nat",
    }
}

fn tests_protocol(condition: &Condition) -> bool {
    match condition {
        Condition::Or(parts) | Condition::And(parts) => parts.iter().any(tests_protocol),
        Condition::Not(inner) => tests_protocol(inner),
        Condition::Test(Question::In { field, .. }, _) => *field == Field::IpProtocol,
        Condition::Test(..) | Condition::Constant(..) | Condition::Unknown => false,
    }
}

fn nested_names<'a>(body: &'a ast::Body<'a>, names: &mut BTreeMap<&'a str, Span>) {
    for statement in &body.statements {
        match statement {
            ast::Statement::Function(function) => {
                if let Some(name) = function.name {
                    names.entry(name.text).or_insert(name.span);
                }
                nested_names(&function.body, names);
            }
            ast::Statement::If(conditional) => {
                conditional.arms.iter().for_each(|arm| nested_names(&arm.body, names));
                conditional.otherwise.iter().for_each(|body| nested_names(body, names));
            }
            ast::Statement::Action(_) => {}
        }
    }
}

/// For the name of a subtype.
pub(super) fn article(subtype: &str) -> &'static str {
    if subtype.starts_with('I') { "an" } else { "a" }
}
