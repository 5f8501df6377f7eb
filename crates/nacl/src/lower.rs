//! Checked definitions to a [`Policy`].

mod program;

use crate::checked::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{ById, ElementId, Names};
use crate::source::{Source, Span};
use alloc::format;
use alloc::vec::Vec;
use core::mem;
use policy::{CtState, Function, FunctionId, Hook, Parts, Policy};

/// Takes the objects out of `checked`, and leaves the functions. Only for a file without errors. What goes wrong all the same (a program too large) is reported.
pub fn lower(
    source: &Source,
    names: &Names<'_>,
    checked: &mut Checked,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Policy> {
    let mut on_chains: Vec<ElementId> =
        checked.chains.iter().flat_map(|chain| chain.functions.iter().map(|(id, _)| *id)).collect();
    on_chains.sort_unstable();
    on_chains.dedup();
    let sizes = program::sizes(&checked.procedures);
    let mut functions = Vec::with_capacity(on_chains.len());
    let mut numbers: ById<FunctionId> = ById::new();
    for id in on_chains {
        let (Some(procedure), Some(element)) = (checked.procedures.get(&id), names.get(id)) else { continue };
        if sizes.get(id).is_none_or(|size| *size > program::MAX_STEPS) {
            diagnostics.push(program::too_large(names, &checked.procedures, &sizes, id));
            continue;
        }
        let program = match program::program(source, procedure, &checked.procedures, &checked.limits) {
            Ok(program) => program,
            Err(error) => {
                diagnostics.push(internal(procedure.head, &error));
                continue;
            }
        };
        numbers.insert(id, FunctionId(functions.len() as u16));
        functions.push(Function {
            name: element.name.text.into(),
            kind: procedure.kind,
            program,
            mentions_invalid: procedure.states & (1 << CtState::Invalid as u8) != 0,
            place: source.place(element.name.span.start),
        });
    }
    for chain in &checked.chains {
        let list: Vec<FunctionId> = chain.functions.iter().filter_map(|(id, _)| numbers.get(*id).copied()).collect();
        let iface = chain.iface.and_then(|iface| checked.ifaces.get_mut(usize::from(iface.0)));
        match (chain.hook, iface, &mut checked.gateway) {
            (Hook::Prerouting, Some(iface), _) => iface.prerouting = list,
            (Hook::Input, Some(iface), _) => iface.input = list,
            (Hook::Output, Some(iface), _) => iface.output = list,
            (Hook::Postrouting, Some(iface), _) => iface.postrouting = list,
            (Hook::Forward, _, Some(gateway)) => gateway.forward = list,
            _ => {}
        }
    }
    let parts = Parts {
        source: source.name().into(),
        ifaces: mem::take(&mut checked.ifaces),
        gateway: checked.gateway.take(),
        functions,
        conntrack: mem::take(&mut checked.conntrack),
        syslog: checked.syslog.take(),
        balancer: checked.balancer.take(),
        timers: mem::take(&mut checked.timers),
    };
    if diagnostics.iter().any(|found| found.severity == crate::Severity::Error) {
        return None;
    }
    match Policy::new(parts) {
        Ok(policy) => Some(policy),
        Err(policy::PolicyError::TooMany) => {
            let message = "more than 65,535 Ifaces or functions";
            diagnostics.push(Diagnostic::new(Code::ProgramTooLarge, Span::default(), message));
            None
        }
        Err(error) => {
            diagnostics.push(internal(Span::default(), &error));
            None
        }
    }
}

fn internal(at: Span, error: &dyn core::fmt::Display) -> Diagnostic {
    let message = format!("the compiler made a mistake: {error}");
    Diagnostic::new(Code::Internal, at, message).help("please report it, with the file")
}
