//! Actions of functions, and their arguments.

use super::Checker;
use super::function::{Context, article, kind_name};
use super::value::{Found, Scope, What};
use crate::ast::{self, Range, Value, ValueKind};
use crate::checked::Action;
use crate::diagnostic::{Code, Diagnostic, listed, nearest};
use crate::resolve::Kind;
use crate::source::Span;
use crate::vocabulary::{self, Class, Subject, Subtype};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use policy::{AddrRef, FunctionKind, Part, Reject, Sink, Template, Translation, Verdict};
use wire::IpAddr;

impl<'a> Checker<'a, '_> {
    pub(super) fn action(
        &mut self,
        action: &'a ast::Action<'a>,
        context: Context,
        nested: &BTreeMap<&'a str, Span>,
    ) -> Option<Action> {
        let known = vocabulary::action(action.name.text);
        if let Some(known) = known.filter(|known| !known.extension) {
            return self.known_action(known, action, context);
        }
        if self.names.find(action.name.text).is_some() {
            return self.call(action, context);
        }
        if let Some(known) = known {
            return self.known_action(known, action, context);
        }
        if let Some(label) = nested.get(action.name.text) {
            let message = format!("`{}` is a nested function, whose name cannot be called", action.name.text);
            let diagnostic = Diagnostic::new(Code::LocalFunctionName, action.name.span, message)
                .note(*label, "the nested function")
                .help("define it at the top level");
            self.report(diagnostic);
            return None;
        }
        let mut diagnostic = Diagnostic::new(
            Code::UnknownAction,
            action.name.span,
            format!("unknown action or function `{}`", action.name.text),
        );
        if let Some(near) = self.names.nearest(action.name.text, |kind| matches!(kind, Kind::Function(_))) {
            diagnostic = diagnostic
                .note(near.name.span, format!("`{}` is defined here", near.name.text))
                .did_you_mean(action.name.span, near.name.text);
        } else {
            let words = vocabulary::ACTIONS.iter().filter(|word| word.kind.is_none_or(|kind| kind == context.kind));
            let words: Vec<&str> = words.map(|word| word.name).collect();
            let near = nearest(action.name.text, words.iter().copied());
            let others = || format!("the actions of a {} are {}", kind_name(context.kind), listed(words));
            diagnostic = diagnostic.nearest_or(action.name.span, near, others);
        }
        self.report(diagnostic);
        None
    }

    fn call(&mut self, action: &'a ast::Action<'a>, context: Context) -> Option<Action> {
        let name = action.name;
        let id = self.names.find(name.text)?;
        self.names.mark_used(id);
        let element = self.names.get(id)?;
        let function = match &element.kind {
            Kind::Function(function) => function,
            Kind::Broken => return None,
            other => {
                let message = format!("`{}` is {}, not an action or a function", name.text, other.describe());
                let diagnostic = Diagnostic::new(Code::UnknownAction, name.span, message);
                self.report(diagnostic.note(element.name.span, "defined here"));
                return None;
            }
        };
        if let Some(argument) = action.arguments.first() {
            let message = format!("functions take no arguments; `{}` is given one", name.text);
            let diagnostic = Diagnostic::new(Code::WrongArguments, action.span, message);
            self.report(diagnostic.note(argument.span, "the argument").help(format!("write `{}`", name.text)));
            return None;
        }
        let kind = vocabulary::function_type(function.kind.text)?;
        if kind != context.kind {
            let message = format!("a {} cannot call the {} `{}`", kind_name(context.kind), kind_name(kind), name.text);
            let diagnostic = Diagnostic::new(Code::WrongFunctionType, name.span, message);
            self.report(diagnostic.note(function.head(), "defined here"));
            return None;
        }
        let inner = vocabulary::subtype(function.subtype.text)?;
        if !context.subtype.holds(inner) {
            let (outer, inner) = (context.subtype.name(), inner.name());
            let one = article(outer);
            let message = format!("{one} {outer} function cannot call the {inner} function `{}`", name.text);
            let diagnostic = Diagnostic::new(Code::SubtypeMismatch, name.span, message);
            self.report(diagnostic.note(function.head(), "defined here"));
            return None;
        }
        Some(Action::Call(id))
    }

    fn known_action(
        &mut self,
        known: &'static vocabulary::Action,
        action: &'a ast::Action<'a>,
        context: Context,
    ) -> Option<Action> {
        if let Some(kind) = known.kind.filter(|kind| *kind != context.kind) {
            let message = format!("`{}` is only allowed in a {} function", known.name, kind_name(kind));
            let help = match context.kind {
                FunctionKind::Filter => "a Filter accepts or drops; write a Nat to translate addresses",
                FunctionKind::Nat => "a Nat translates; write a Filter to accept or drop",
            };
            self.report(Diagnostic::new(Code::WrongFunctionType, action.name.span, message).help(help));
            action.arguments.iter().for_each(|argument| self.mark_mentioned(argument));
            return None;
        }
        match known.name {
            "accept" => self.no_arguments(known, action).map(|()| Action::End(Verdict::Accept)),
            "drop" => self.no_arguments(known, action).map(|()| Action::End(Verdict::Drop)),
            "reject" => self.reject(known, action).map(|reject| Action::End(Verdict::Reject(reject))),
            "masquerade" => self.no_arguments(known, action).map(|()| Action::Translate(Translation::Masquerade)),
            "redirect" => self.redirect(known, action, context).map(Action::Translate),
            "log" => self.log(known, action, context).map(Action::Log),
            "syslog" => self.syslog_action(known, action, context).map(Action::Log),
            _ => self.translation(known, action, context).map(Action::Translate),
        }
    }

    fn wrong_arguments(&mut self, at: Span, message: String, known: &vocabulary::Action) {
        let help = format!("it is written {}", known.usage);
        self.report(Diagnostic::new(Code::WrongArguments, at, message).help(help));
    }

    fn no_arguments(&mut self, known: &vocabulary::Action, action: &ast::Action<'a>) -> Option<()> {
        if action.arguments.is_empty() {
            return Some(());
        }
        self.wrong_arguments(action.span, format!("`{}` takes no arguments", known.name), known);
        None
    }

    fn reject(&mut self, known: &vocabulary::Action, action: &'a ast::Action<'a>) -> Option<Reject> {
        let argument = match &action.arguments[..] {
            [] => return Some(Reject::AdminProhibited),
            [argument] => argument,
            _ => {
                self.wrong_arguments(action.span, "`reject` takes one argument at most".into(), known);
                return None;
            }
        };
        let word = match &argument.kind {
            ValueKind::Path(path) => path.single().map_or("", |name| name.text),
            ValueKind::Error => return None,
            _ => "",
        };
        if word.eq_ignore_ascii_case("port-unreachable") {
            Some(Reject::PortUnreachable)
        } else if word.eq_ignore_ascii_case("tcp-reset") {
            Some(Reject::TcpReset)
        } else {
            self.wrong_arguments(argument.span, format!("`reject` knows no `{}`", self.text(argument.span)), known);
            None
        }
    }

    fn redirect(
        &mut self,
        known: &vocabulary::Action,
        action: &'a ast::Action<'a>,
        context: Context,
    ) -> Option<Translation> {
        let [argument] = &action.arguments[..] else {
            self.wrong_arguments(action.span, "`redirect` takes one port".into(), known);
            return None;
        };
        let found = self.evaluate(argument, Scope::Function);
        let port = self.port(known, found)?;
        self.port_fits(action.name.span, context)?;
        Some(Translation::Redirect { port })
    }

    fn translation(
        &mut self,
        known: &vocabulary::Action,
        action: &'a ast::Action<'a>,
        context: Context,
    ) -> Option<Translation> {
        let name = known.name;
        let found: Vec<Found<'a>> =
            action.arguments.iter().map(|argument| self.evaluate(argument, Scope::Function)).collect();
        let is_address = |found: &Found<'_>| matches!(found.what, What::Address(_) | What::CurrentAddress(_));
        let (address, port) = match found[..] {
            [one] if is_port(&one) => (None, Some(self.port(known, one)?)),
            [one] => (Some(self.translated_address(known, one)?), None),
            [first, second] if is_port(&first) && is_address(&second) => {
                self.wrong_arguments(first.at, "write the address first, then the port".into(), known);
                return None;
            }
            [first, second] => {
                let address = self.translated_address(known, first);
                let port = self.port(known, second);
                (Some(address?), Some(port?))
            }
            [] => {
                self.wrong_arguments(action.span, format!("`{name}` needs an address, a port, or both"), known);
                return None;
            }
            [_, _, third, ..] => {
                self.wrong_arguments(third.at, format!("`{name}` takes at most two arguments"), known);
                return None;
            }
        };
        if port.is_some() {
            self.port_fits(action.name.span, context)?;
        }
        if let Some(AddrRef::Fixed(address)) = address {
            self.family_fits(action.span, address, context);
        }
        Some(match name {
            "dnat" => Translation::Dnat { address, port },
            _ => Translation::Snat { address, port },
        })
    }

    fn translated_address(&mut self, known: &vocabulary::Action, found: Found<'a>) -> Option<AddrRef> {
        match found.what {
            What::Address(address) if address.is_unspecified() || address.is_multicast() => {
                let message = format!("`{}` cannot make {address} of an address", known.name);
                self.report(Diagnostic::new(Code::NotUnicast, found.at, message));
                None
            }
            What::Address(address) => Some(AddrRef::Fixed(address)),
            What::CurrentAddress(iface) => Some(AddrRef::Iface(iface)),
            What::Iface(iface) => {
                self.iface_as_value(found, iface);
                None
            }
            What::Field(field) => {
                let message = format!("`{}` needs a constant, found the packet property `{}`", known.name, field.name);
                self.report(Diagnostic::new(Code::WrongType, found.at, message));
                None
            }
            _ => {
                self.wrong_type(&format!("`{}`", known.name), "one address", found);
                None
            }
        }
    }

    fn port(&mut self, known: &vocabulary::Action, found: Found<'a>) -> Option<u16> {
        if !is_port(&found) {
            self.wrong_type(&format!("`{}`", known.name), "a port", found);
            return None;
        }
        self.integer_of(found, "a port", 1, 65535).map(|port| port as u16)
    }

    /// Warns of a translation that no packet here can have.
    fn family_fits(&mut self, at: Span, address: IpAddr, context: Context) {
        let fits = match context.subtype {
            Subtype::Icmp => address.is_ipv4(),
            Subtype::Icmpv6 => address.is_ipv6(),
            Subtype::Ip | Subtype::Tcp | Subtype::Udp => true,
        };
        if !fits {
            let subtype = context.subtype.name();
            let message = format!("never done: {subtype} packets have no address of the family of {address}");
            self.report(
                Diagnostic::new(Code::WrongFamily, at, message).help("there is no translation between IPv4 and IPv6"),
            );
        }
    }

    /// Packets here have ports; warns where some may have none.
    fn port_fits(&mut self, at: Span, context: Context) -> Option<()> {
        match context.subtype {
            Subtype::Tcp | Subtype::Udp => {}
            Subtype::Icmp | Subtype::Icmpv6 => {
                let message = format!("{} has no ports", context.subtype.name());
                self.report(Diagnostic::new(Code::PortWithoutPorts, at, message).help("give an address only"));
                return None;
            }
            Subtype::Ip if !context.protocol_tested => {
                let message = "only the ports of TCP and UDP packets are rewritten here";
                let help = "put it in a Nat::TCP or Nat::UDP function";
                self.report(Diagnostic::new(Code::PortForSome, at, message).help(help));
            }
            Subtype::Ip => {}
        }
        Some(())
    }

    fn log(&mut self, known: &vocabulary::Action, action: &'a ast::Action<'a>, context: Context) -> Option<Template> {
        if action.arguments.is_empty() {
            self.wrong_arguments(action.span, "`log` needs at least one part".into(), known);
            return None;
        }
        let parts = self.parts(&action.arguments, context)?;
        Some(Template { sink: Sink::Console, parts })
    }

    fn syslog_action(
        &mut self,
        known: &vocabulary::Action,
        action: &'a ast::Action<'a>,
        context: Context,
    ) -> Option<Template> {
        let [severity, parts @ ..] = &action.arguments[..] else {
            self.wrong_arguments(action.span, "`syslog` needs a severity and at least one part".into(), known);
            return None;
        };
        if parts.is_empty() {
            self.wrong_arguments(action.span, "`syslog` needs a severity and at least one part".into(), known);
        }
        let word = match &severity.kind {
            ValueKind::Path(path) => path.single().map(|name| name.text),
            _ => None,
        };
        let known =
            word.and_then(|word| vocabulary::SEVERITIES.iter().position(|known| known.name.eq_ignore_ascii_case(word)));
        if known.is_none() && !matches!(severity.kind, ValueKind::Error) {
            let words = vocabulary::SEVERITIES.iter().map(|word| word.name);
            let near = word.and_then(|word| nearest(word, words.clone()));
            let message = match word {
                Some(word) => format!("unknown severity `{word}`"),
                None => format!("a severity is needed, found {}", severity.describe()),
            };
            let diagnostic = Diagnostic::new(Code::UnknownWord, severity.span, message);
            self.report(diagnostic.nearest_or(severity.span, near, || format!("known: {}", listed(words))));
        }
        let parts = self.parts(parts, context);
        Some(Template { sink: Sink::Syslog { severity: known? as u8 }, parts: parts? })
    }

    fn parts(&mut self, arguments: &'a [Value<'a>], context: Context) -> Option<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        let mut text = String::new();
        let mut complete = true;
        for argument in arguments {
            let found = self.evaluate(argument, Scope::Function);
            let part = match found.what {
                What::Field(field) => match field.subject {
                    Subject::Field(subject) => {
                        complete &= self.visible(field, found.at, context).is_some();
                        Part::Field(subject)
                    }
                    Subject::Flag(_) => {
                        let message = format!("`{}` is a condition and cannot be printed", field.name);
                        let diagnostic = Diagnostic::new(Code::WrongType, found.at, message);
                        self.report(diagnostic.help("print `tcp.flags`"));
                        complete = false;
                        continue;
                    }
                },
                What::CurrentAddress(iface) => Part::Address(AddrRef::Iface(iface)),
                What::Broken => {
                    complete = false;
                    continue;
                }
                what => match printed(&what) {
                    Some(printed) => {
                        text.push_str(&printed);
                        continue;
                    }
                    None => {
                        self.wrong_type("a part of a message", "a string, a property or a single value", found);
                        complete = false;
                        continue;
                    }
                },
            };
            if !text.is_empty() {
                parts.push(Part::Text(core::mem::take(&mut text).into()));
            }
            parts.push(part);
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        complete.then_some(parts)
    }
}

fn is_port(found: &Found<'_>) -> bool {
    match found.what {
        What::Integer(_) => true,
        What::Symbol(name) => vocabulary::predefined(name).any(|constant| constant.class == Class::Port),
        _ => false,
    }
}

/// How a constant reads in a message; sets do not.
fn printed(what: &What<'_>) -> Option<String> {
    Some(match what {
        What::String(text) => (*text).into(),
        What::Integer(value) => value.to_string(),
        What::Bool(value) => value.to_string(),
        What::Address(address) => address.to_string(),
        What::Cidr(address, prefix_len) => format!("{address}/{prefix_len}"),
        What::Range(Range::Integers(low, high)) => format!("{low}-{high}"),
        What::Range(Range::Addresses(low, high)) => format!("{low}-{high}"),
        What::Symbol(name) => (*name).into(),
        _ => return None,
    })
}
