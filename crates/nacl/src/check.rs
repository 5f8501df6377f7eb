//! Definitions to checked parts: one file per type of object, one for values, three for functions.
//!
//! Every mistake becomes a diagnostic where it stands, and what was meant is guessed no further: a part that is wrong
//! is left out, and whoever refers to it is not reported again.

mod action;
mod balancer;
mod condition;
mod conntrack;
mod constants;
pub mod facts;
mod flow;
mod function;
mod gateway;
mod iface;
mod paths;
mod reach;
mod reader;
mod set;
mod shadow;
mod subnets;
mod syslog;
mod timer;
mod value;

use crate::ast::Name;
use crate::checked::{Chain, Checked, Procedure};
use crate::diagnostic::Diagnostic;
use crate::resolve::{ElementId, Kind, Names};
use crate::source::{Source, Span};
use crate::vocabulary::ObjectKind;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;
use policy::LimitRate;
use set::{Elements, SetOf};
use wire::IfaceId;

pub use flow::calls;
use value::Found;

/// Checks everything that the names define. `torn`: where text was not understood and is missing from them. `deeply`:
/// also what is probably not meant, by following packets through the functions.
pub fn check<'a>(
    source: &'a Source,
    names: &'a Names<'a>,
    torn: Vec<Span>,
    deeply: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Checked {
    let mut checker = Checker::new(source, names, diagnostics);
    checker.torn = torn;
    let mut checked = Checked { ifaces: checker.ifaces(), ..Checked::default() };
    checker.procedures();
    checked.gateway = checker.gateway(&checked.ifaces);
    checked.conntrack = checker.conntrack();
    checked.syslog = checker.syslog();
    checked.balancer = checker.balancer(&checked.ifaces);
    checked.timers = checker.timers(checked.balancer.is_some());
    checker.subnets(&checked, deeply);
    let calls_end = checker.flow();
    if deeply {
        checked.shadows = checker.shadows();
    }
    if deeply && calls_end {
        checker.reach(&checked.ifaces);
        checker.paths(&checked);
    }
    checker.constants();
    checked.chains = checker.chains;
    checked.procedures = checker.procedures;
    checked.limits = checker.limits;
    checked
}

/// What the checks share.
struct Checker<'a, 'd> {
    source: &'a Source,
    names: &'a Names<'a>,
    diagnostics: &'d mut Vec<Diagnostic>,
    /// The Ifaces' elements, by [`IfaceId`]: in file order, and so ascending.
    ifaces: Vec<ElementId>,
    /// Sets of list and object literals, by where they begin: each is collected once.
    /// What is known only at run time is known in functions and constants, not in other objects.
    sets: BTreeMap<(u32, bool), Rc<Elements<'a>>>,
    /// Those sets as values of a property.
    fitted: BTreeMap<(u32, &'static str), SetOf>,
    /// Where circles of constants were reported.
    cycles: BTreeSet<u32>,
    /// Where lists begin whose elements are words and no values.
    word_lists: BTreeSet<u32>,
    /// The values being evaluated at present, innermost last.
    trail: Vec<(u32, Name<'a>)>,
    chains: Vec<Chain>,
    procedures: BTreeMap<ElementId, Procedure>,
    limits: Vec<LimitRate>,
    /// States that the function being checked tests for: bit n is that of number n.
    states: u8,
    /// Where that function asks for `oif`.
    oif: Option<Span>,
    /// Where the routes of the Gateway begin, in the order in which they are kept.
    route_spans: Vec<Span>,
    /// A route of the Gateway was not understood.
    route_missing: bool,
    /// Where text is missing: what is not there must not be concluded from.
    torn: Vec<Span>,
}

impl<'a, 'd> Checker<'a, 'd> {
    fn new(source: &'a Source, names: &'a Names<'a>, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        let ifaces = names.iter().filter(|(_, element)| matches!(element.kind, Kind::Object(ObjectKind::Iface, _)));
        let ifaces = ifaces.map(|(id, _)| id).collect();
        Self {
            source,
            names,
            diagnostics,
            ifaces,
            sets: BTreeMap::new(),
            fitted: BTreeMap::new(),
            cycles: BTreeSet::new(),
            word_lists: BTreeSet::new(),
            trail: Vec::new(),
            chains: Vec::new(),
            procedures: BTreeMap::new(),
            limits: Vec::new(),
            states: 0,
            oif: None,
            route_spans: Vec::new(),
            route_missing: false,
            torn: Vec::new(),
        }
    }

    /// The Iface that an element is, if it is one.
    fn iface_id(&self, element: ElementId) -> Option<IfaceId> {
        self.ifaces.binary_search(&element).ok().map(|at| IfaceId(at as u16))
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn text(&self, span: Span) -> &'a str {
        self.source.slice(span)
    }
}
