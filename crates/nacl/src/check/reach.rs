//! What kinds of packets can reach a verdict of a chain's Filter: the first packets of connections an accept, the ICMP
//! errors of accepted connections a drop.

use super::Checker;
use super::facts::{Cause, Facts, join};
use crate::checked::{Action, Block, Procedure};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::ElementId;
use crate::source::Span;
use crate::vocabulary::Subtype;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use policy::{CtState, Field, FunctionKind, Hook, Iface, Set, Translation, Verdict};

/// Statements that one question is worth, calls written out.
const BUDGET: usize = 200_000;

impl Checker<'_, '_> {
    pub fn reach(&mut self, ifaces: &[Iface]) {
        let has_gateway = !self.objects(crate::vocabulary::ObjectKind::Gateway).is_empty();
        let mut said: BTreeSet<(Span, Code)> = BTreeSet::new();
        let mut found = Vec::new();
        for chain in &self.chains {
            for (id, at) in &chain.functions {
                let Some(procedure) = self.procedures.get(id) else { continue };
                if procedure.kind != FunctionKind::Filter || procedure.falls {
                    continue;
                }
                let Some((test, with_related)) = self.established_accept(procedure) else { continue };
                let first_packets_come = match chain.hook {
                    Hook::Input | Hook::Forward => true,
                    // Behind a router, connections may begin on the other side.
                    Hook::Prerouting => !has_gateway,
                    Hook::Output | Hook::Postrouting => false,
                };
                let new = self.state(CtState::New);
                if first_packets_come
                    && !self.reaches(procedure, new, &accepts)
                    && said.insert((test, Code::NothingNew))
                {
                    let message = "no rule accepts a first packet, so no connection can become established here";
                    let diagnostic = Diagnostic::new(Code::NothingNew, test, message)
                        .note(*at, format!("`{}` is put on {} here", self.text(*at), chain.owner))
                        .help("accept the packets that may begin a connection; others pass only if the box began it");
                    found.push(diagnostic);
                }
                let mentions = procedure.states & (1 << CtState::Related as u8) != 0;
                let related = self.state(CtState::Related);
                let has_ipv6 = ifaces.iter().enumerate().any(|(at, iface)| {
                    !iface.address6.is_empty() && chain.iface.is_none_or(|id| usize::from(id.0) == at)
                });
                let errors = if has_ipv6 { &[Subtype::Icmp, Subtype::Icmpv6][..] } else { &[Subtype::Icmp] };
                let mut errors = errors.iter().filter_map(|subtype| related.gate(*subtype, Cause::default()));
                let dropped = errors.any(|facts| self.reaches(procedure, facts, &refuses));
                if !with_related && !mentions && dropped && said.insert((test, Code::EstablishedOnly)) {
                    let message = "accepts established connections, but drops the ICMP errors about them";
                    let diagnostic = Diagnostic::new(Code::EstablishedOnly, test, message)
                        .help("add `if (ct.state == related) { accept }`: path MTU discovery needs these errors");
                    found.push(diagnostic);
                }
            }
        }
        self.diagnostics.append(&mut found);
    }

    pub fn state(&self, state: CtState) -> Facts {
        let facts = Facts::default().assume(Field::CtState, &Set::number(state as u32), true, Cause::default());
        facts.unwrap_or_default()
    }

    /// The test of an accept that only established connections reach, and whether their ICMP errors do.
    fn established_accept(&self, procedure: &Procedure) -> Option<(Span, bool)> {
        let mut test = None;
        let mut visit = |event: Event, facts: &Facts| {
            if let (Event::Ends(Verdict::Accept, _), Some(fact)) = (event, facts.fields.get(&Field::CtState)) {
                let has = |state: CtState| fact.set.contains_number(state as u32);
                let only = has(CtState::Established) && !has(CtState::New);
                test = test.or(only.then_some((fact.cause.test, has(CtState::Related))));
            }
            test.is_some()
        };
        let mut walk = Walk::new(&self.procedures, &mut visit);
        walk.block(&procedure.block, Facts::default());
        test
    }

    /// A packet of which this much is known can reach such a verdict, as far as can be told.
    fn reaches(&self, procedure: &Procedure, facts: Facts, wanted: &dyn Fn(Verdict) -> bool) -> bool {
        let mut reached = false;
        let mut visit = |event: Event, _: &Facts| {
            reached |= matches!(event, Event::Ends(verdict, _) if wanted(verdict));
            reached
        };
        let mut walk = Walk::new(&self.procedures, &mut visit);
        walk.block(&procedure.block, facts);
        let exhausted = walk.is_exhausted();
        // What is not known is not warned of: a first packet is then accepted, an error not dropped.
        reached || (exhausted && wanted(Verdict::Accept))
    }
}

fn accepts(verdict: Verdict) -> bool {
    verdict == Verdict::Accept
}

fn refuses(verdict: Verdict) -> bool {
    verdict != Verdict::Accept
}

/// What a walk comes to, and where it stands.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    Ends(Verdict, Span),
    Translates(Translation, Span),
}

/// Follows packets of which something is known through a function and all that it calls.
pub struct Walk<'w> {
    procedures: &'w BTreeMap<ElementId, Procedure>,
    budget: usize,
    /// Called at each verdict and translation that can be reached; true to stop.
    visit: &'w mut dyn FnMut(Event, &Facts) -> bool,
}

impl<'w> Walk<'w> {
    pub fn new(
        procedures: &'w BTreeMap<ElementId, Procedure>,
        visit: &'w mut dyn FnMut(Event, &Facts) -> bool,
    ) -> Self {
        Self { procedures, budget: BUDGET, visit }
    }

    /// It was stopped, or the function is too large: nothing may be concluded from what was not seen.
    pub fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Tells what was come to; with enough seen, the walk ends at its next statement.
    #[inline(never)]
    fn tell(&mut self, event: Event, facts: &Facts) {
        if (self.visit)(event, facts) {
            self.budget = self.budget.min(1);
        }
    }

    /// What holds behind the block; `None` if nothing comes there, or enough was seen.
    pub fn block(&mut self, block: &Block, facts: Facts) -> Option<Facts> {
        let mut here = Some(facts);
        for statement in &block.statements {
            let facts = here?;
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 {
                return None;
            }
            let cause = Cause { keyword: statement.at, test: statement.at };
            here = match &statement.action {
                Action::End(verdict) => {
                    self.tell(Event::Ends(*verdict, statement.at), &facts);
                    None
                }
                Action::Translate(translation) => {
                    self.tell(Event::Translates(*translation, statement.at), &facts);
                    Some(facts)
                }
                Action::Log(_) | Action::Unknown => Some(facts),
                Action::Call(id) => match self.procedures.get(id) {
                    Some(callee) => {
                        let inside = facts.gate(callee.subtype, cause);
                        let behind = inside.and_then(|inside| self.block(&callee.block, inside));
                        join(behind, facts.passed(callee.subtype, cause))
                    }
                    None => Some(facts),
                },
                Action::Gate(subtype, inner) => {
                    let behind = facts.gate(*subtype, cause).and_then(|inside| self.block(inner, inside));
                    join(behind, facts.passed(*subtype, cause))
                }
                Action::If(arms, otherwise) => {
                    let (mut open, mut behind) = (Some(facts), None);
                    for arm in arms {
                        let Some(facts) = open else { break };
                        let (holds, fails) = facts.split(&arm.condition, arm.keyword);
                        behind = join(behind, holds.and_then(|holds| self.block(&arm.block, holds)));
                        open = fails;
                    }
                    match (open, otherwise) {
                        (Some(facts), Some(block)) => join(behind, self.block(block, facts)),
                        (open, _) => join(behind, open),
                    }
                }
            };
        }
        here
    }
}
