//! The way through functions: calls that go in circles or too deep, statements that are never run, chains whose
//! Filters can end without a verdict, translations on hooks where they cannot work.

use super::Checker;
use super::function::kind_name;
use crate::checked::{Action, Block, Condition};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{ById, ElementId};
use crate::source::Span;
use crate::vocabulary::Subtype;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use policy::{FunctionKind, Hook, Translation, Verdict};

/// Deepest nesting of calls and blocks together: what a later stage follows by recursion.
pub const MAX_CALL_DEPTH: usize = 100;

/// The calls of a block, with where they stand.
pub fn calls(block: &Block, found: &mut Vec<(ElementId, Span)>) {
    for statement in &block.statements {
        match &statement.action {
            Action::Call(id) => found.push((*id, statement.at)),
            Action::Gate(_, inner) => calls(inner, found),
            Action::If(arms, otherwise) => {
                arms.iter().for_each(|arm| calls(&arm.block, found));
                otherwise.iter().for_each(|block| calls(block, found));
            }
            Action::End(_) | Action::Translate(_) | Action::Log(_) | Action::Unknown => {}
        }
    }
}

impl Checker<'_, '_> {
    /// Whether calls end, and nest no deeper than they may: else nothing may follow them.
    pub fn flow(&mut self) -> bool {
        let mut edges: ById<Vec<(ElementId, Span)>> = ById::new();
        for (id, procedure) in &self.procedures {
            let mut found = Vec::new();
            calls(&procedure.block, &mut found);
            found.retain(|(id, _)| self.procedures.contains_key(id));
            edges.insert(*id, found);
        }
        let Some(order) = self.callees_first(&edges) else { return false };
        if !self.depths(&order, &edges) {
            return false;
        }
        for id in order {
            let states = edges.get(id).into_iter().flatten();
            let states =
                states.filter_map(|(callee, _)| self.procedures.get(callee)).fold(0, |bits, p| bits | p.states);
            let Some(procedure) = self.procedures.get(&id) else { continue };
            let mut never = Vec::new();
            let falls = self.falls(&procedure.block, procedure.subtype, &mut never);
            for (at, after) in never {
                let message = format!("unreachable: {} before it always ends the function", self.text_of(after));
                let diagnostic = Diagnostic::new(Code::UnreachableStatement, at, message).note(after, "ends here");
                self.report(diagnostic.help("remove it, or move it up"));
            }
            if let Some(procedure) = self.procedures.get_mut(&id) {
                procedure.falls = falls;
                procedure.states |= states;
            }
        }
        self.on_chains();
        true
    }

    fn text_of(&self, span: Span) -> String {
        let text = self.text(span);
        if text.is_empty() { "the statement".into() } else { format!("`{text}`") }
    }

    fn is_torn(&self, from: Span, to: Span) -> bool {
        self.torn.iter().any(|span| from.start <= span.start && span.start <= to.end)
    }

    fn name_of(&self, id: ElementId) -> &str {
        self.names.get(id).map_or("", |element| element.name.text)
    }

    /// An order in which every function comes after those that it calls; `None` if there is none, which is reported.
    fn callees_first(&mut self, edges: &ById<Vec<(ElementId, Span)>>) -> Option<Vec<ElementId>> {
        let mut order = Vec::new();
        // Whether a function that was come to is done; until then it is on the way.
        let mut done: ById<bool> = ById::new();
        let mut sound = true;
        for start in self.procedures.keys().copied().collect::<Vec<_>>() {
            if done.get(start).is_some() {
                continue;
            }
            // Where we are on the way down: a function, and which of its calls is next.
            let mut way: Vec<(ElementId, usize)> = Vec::from([(start, 0)]);
            done.insert(start, false);
            while let Some((id, next)) = way.last_mut() {
                let id = *id;
                let call = edges.get(id).and_then(|calls| calls.get(*next)).copied();
                *next += 1;
                let Some((callee, _)) = call else {
                    way.pop();
                    done.insert(id, true);
                    order.push(id);
                    continue;
                };
                match done.get(callee) {
                    Some(true) => {}
                    Some(false) => {
                        sound = false;
                        let from = way.iter().position(|(id, _)| *id == callee).unwrap_or(0);
                        let circle: Vec<(ElementId, Span)> = way
                            .get(from..)
                            .unwrap_or_default()
                            .iter()
                            .filter_map(|(id, next)| Some((*id, edges.get(*id)?.get(next.checked_sub(1)?)?.1)))
                            .collect();
                        self.report_circle(&circle);
                    }
                    None => {
                        way.push((callee, 0));
                        done.insert(callee, false);
                    }
                }
            }
        }
        sound.then_some(order)
    }

    /// Each function of the circle with its call of the next.
    fn report_circle(&mut self, circle: &[(ElementId, Span)]) {
        let first = circle.iter().enumerate().min_by_key(|(_, (id, _))| *id).map_or(0, |(at, _)| at);
        let turned: Vec<(ElementId, Span)> = circle.iter().cycle().skip(first).take(circle.len()).copied().collect();
        let Some((head, at)) = turned.first().copied() else { return };
        let mut diagnostic = if turned.len() == 1 {
            Diagnostic::new(Code::Recursion, at, format!("`{}` calls itself", self.name_of(head)))
        } else {
            let mut way = String::new();
            for (id, _) in &turned {
                way.push_str(self.name_of(*id));
                way.push_str(" -> ");
            }
            way.push_str(self.name_of(head));
            Diagnostic::new(Code::Recursion, at, format!("functions call each other in a circle: {way}"))
        };
        for (id, at) in turned.iter().skip(1) {
            diagnostic = diagnostic.note(*at, format!("`{}` goes on", self.name_of(*id)));
        }
        self.report(diagnostic.help("a function is written out where it is called, so the calls must end somewhere"));
    }

    /// Refuses calls that nest deeper than a later stage follows, naming the chain of calls.
    fn depths(&mut self, order: &[ElementId], edges: &ById<Vec<(ElementId, Span)>>) -> bool {
        let mut depths: ById<usize> = ById::new();
        for id in order {
            let Some(procedure) = self.procedures.get(id) else { continue };
            let depth = depth(&procedure.block, &depths);
            if depth > MAX_CALL_DEPTH {
                let mut way = String::from(self.name_of(*id));
                let mut at = *id;
                // The first steps of the deepest way tell enough.
                for _ in 0..4 {
                    let deepest = edges.get(at).into_iter().flatten().max_by_key(|(callee, _)| depths.get(*callee));
                    let Some((callee, _)) = deepest else { break };
                    way.push_str(" -> ");
                    way.push_str(self.name_of(*callee));
                    at = *callee;
                }
                let message = format!("calls and blocks are nested more than {MAX_CALL_DEPTH} levels deep: {way} -> …");
                let head = procedure.head;
                let help = "let the functions of this chain be shorter, or put several functions on the chain";
                self.report(Diagnostic::new(Code::CallsTooDeep, head, message).help(help));
                return false;
            }
            depths.insert(*id, depth);
        }
        true
    }

    /// The block can be left without a verdict. Collects statements that are never run, with what ends before them.
    fn falls(&self, block: &Block, context: Subtype, never: &mut Vec<(Span, Span)>) -> bool {
        // Where the block ended; `None` inside where the end was guessed or has been said already.
        let mut ended: Option<Option<Span>> = None;
        for statement in &block.statements {
            if let Some(Some(after)) = ended {
                never.push((statement.at, after));
                return false;
            }
            let falls = match &statement.action {
                Action::End(_) | Action::Unknown => false,
                Action::Log(_) => true,
                // A translation to an address passes over packets of the other family.
                Action::Translate(
                    Translation::Dnat { address: None, .. } | Translation::Snat { address: None, .. },
                ) => false,
                Action::Translate(_) => true,
                Action::Call(id) => {
                    self.procedures.get(id).is_none_or(|callee| callee.falls || passes(context, callee.subtype))
                }
                Action::Gate(subtype, inner) => {
                    let narrowed = if *subtype == Subtype::Ip { context } else { *subtype };
                    self.falls(inner, narrowed, never) || passes(context, *subtype)
                }
                Action::If(arms, otherwise) => {
                    let mut falls = false;
                    let mut open = true;
                    for arm in arms {
                        let inside = self.falls(&arm.block, context, never);
                        match arm.condition {
                            Condition::Constant(false) => {}
                            Condition::Constant(true) => {
                                falls |= open && inside;
                                open = false;
                            }
                            _ => falls |= open && inside,
                        }
                    }
                    let inside = otherwise.as_ref().is_none_or(|block| self.falls(block, context, never));
                    falls | (open && inside)
                }
            };
            if !falls && ended.is_none() {
                let by_constant = matches!(&statement.action, Action::If(arms, _)
                    if arms.iter().any(|arm| matches!(arm.condition, Condition::Constant(_))));
                let quiet = by_constant || matches!(statement.action, Action::Unknown);
                ended = Some((!quiet).then_some(statement.at));
            }
        }
        ended.is_none()
    }

    fn on_chains(&mut self) {
        let chains = core::mem::take(&mut self.chains);
        let mut said: BTreeSet<(ElementId, Code)> = BTreeSet::new();
        for chain in &chains {
            let mut filters: Vec<(ElementId, Span)> = Vec::new();
            let mut closed = None;
            for (id, at) in &chain.functions {
                if let Some(there) = closed {
                    let message = format!("`{}` is never run: the Filter before it lets nothing pass", self.text(*at));
                    let diagnostic = Diagnostic::new(Code::UnreachableFunction, *at, message);
                    self.report(diagnostic.note(there, "lets nothing pass").help("remove it, or change the order"));
                    break;
                }
                let Some(procedure) = self.procedures.get(id) else { continue };
                let head = procedure.head;
                let passes = procedure.falls || self.is_torn(head, procedure.block.end);
                match procedure.kind {
                    FunctionKind::Filter => {
                        if procedure.subtype != Subtype::Ip {
                            if said.insert((*id, Code::ChainNeedsIp)) {
                                self.chain_needs_ip(*id, head, *at, &chain.owner);
                            }
                        } else if procedure.falls
                            && !self.is_torn(procedure.head, procedure.block.end)
                            && said.insert((*id, Code::NoVerdict))
                        {
                            self.no_verdict(*id, *at, &chain.owner);
                        }
                        if !filters.iter().any(|(other, _)| other == id) {
                            self.several_filters(&filters, *id, *at, &chain.owner);
                        }
                        filters.push((*id, *at));
                        if !passes && !self.ends_with(*id, Verdict::Accept) && !self.has_unknown(*id) {
                            closed = Some(*at);
                        }
                    }
                    FunctionKind::Nat => self.translations(chain.hook, *id, *at, &chain.owner),
                }
                if matches!(chain.hook, Hook::Prerouting | Hook::Input) {
                    self.oif_is_unknown(*id, chain.hook, *at, &mut said);
                }
            }
        }
        self.chains = chains;
    }

    fn chain_needs_ip(&mut self, id: ElementId, head: Span, at: Span, owner: &str) {
        let (name, subtype) = (self.name_of(id), self.procedures.get(&id).map_or("", |p| p.subtype.name()));
        let message = format!("only an IP Filter can be put on a chain, and `{name}` is a {subtype} Filter");
        let help = format!("wrap it: `Filter::IP {name}_ip {{ {name} accept }}` says what happens to other packets");
        let diagnostic = Diagnostic::new(Code::ChainNeedsIp, head, message).note(at, format!("put on {owner} here"));
        self.report(diagnostic.help(help));
    }

    /// Tells a way through the Filter that reaches no verdict.
    fn no_verdict(&mut self, id: ElementId, at: Span, owner: &str) {
        let Some(procedure) = self.procedures.get(&id) else { return };
        let message = format!("`{}` is on chain {owner} and can fall off its end", self.name_of(id));
        let mut diagnostic =
            Diagnostic::new(Code::NoVerdict, procedure.head, message).note(at, format!("put on {owner} here"));
        let mut way = Vec::new();
        self.way_out(&procedure.block, procedure.subtype, &mut way);
        for (span, what) in way {
            diagnostic = diagnostic.note(span, what);
        }
        diagnostic = diagnostic.note(procedure.block.end, "the function ends without a verdict");
        self.report(diagnostic.help("add a final `accept` or `drop`"));
    }

    /// The last decisions on a way out of the block.
    fn way_out(&self, block: &Block, context: Subtype, way: &mut Vec<(Span, String)>) {
        const SHOWN: usize = 3;
        for statement in block.statements.iter().rev() {
            if way.len() >= SHOWN {
                break;
            }
            match &statement.action {
                Action::If(arms, otherwise) => {
                    let falling = arms.iter().find(|arm| self.falls(&arm.block, context, &mut Vec::new()));
                    match (otherwise, falling) {
                        (None, _) => way.push((statement.at, "when no condition of this `if` holds".into())),
                        (Some(block), None) => way.push((block.end, "when the `else` is taken".into())),
                        (Some(_), Some(arm)) => way.push((arm.keyword, "when this condition holds".into())),
                    }
                }
                Action::Gate(subtype, _) if passes(context, *subtype) => {
                    way.push((statement.at, format!("packets that are not {} pass over this", subtype.name())));
                }
                Action::Call(id) => {
                    way.push((statement.at, format!("`{}` can return without a verdict", self.name_of(*id))))
                }
                _ => {}
            }
        }
        way.reverse();
    }

    /// An accept of one Filter does not skip the next.
    fn several_filters(&mut self, before: &[(ElementId, Span)], id: ElementId, at: Span, owner: &str) {
        let earlier = before.iter().rev().find(|(id, _)| self.ends_with(*id, Verdict::Accept)).copied();
        let drops = [Verdict::Drop, Verdict::Reject(policy::Reject::AdminProhibited)];
        let refuses = drops.iter().any(|verdict| self.ends_with(id, *verdict));
        if let (Some((earlier, there)), true) = (earlier, refuses) {
            let (earlier, later) = (self.name_of(earlier), self.name_of(id));
            let message = format!("an accept in `{earlier}` does not skip `{later}` on {owner}");
            let diagnostic = Diagnostic::new(Code::SeveralFilters, at, message).note(there, "the earlier Filter");
            self.report(diagnostic.help("a packet passes only if every Filter of the chain accepts it"));
        }
    }

    /// Some way through the function, or one that it calls, ends with such a verdict (any kind of reject is one).
    fn ends_with(&self, id: ElementId, verdict: Verdict) -> bool {
        let same = |other: &Verdict| core::mem::discriminant(other) == core::mem::discriminant(&verdict);
        self.any_statement(id, &mut |_, action| matches!(action, Action::End(other) if same(other)))
    }

    fn has_unknown(&self, id: ElementId) -> bool {
        self.any_statement(id, &mut |_, action| matches!(action, Action::Unknown))
    }

    /// Visits the statements of a function and of those that it calls, each function once, until one satisfies.
    fn any_statement(&self, id: ElementId, satisfies: &mut dyn FnMut(Span, &Action) -> bool) -> bool {
        fn visit(
            block: &Block,
            callees: &mut Vec<ElementId>,
            satisfies: &mut dyn FnMut(Span, &Action) -> bool,
        ) -> bool {
            block.statements.iter().any(|statement| {
                satisfies(statement.at, &statement.action)
                    || match &statement.action {
                        Action::Call(id) => {
                            callees.push(*id);
                            false
                        }
                        Action::Gate(_, inner) => visit(inner, callees, satisfies),
                        Action::If(arms, otherwise) => {
                            arms.iter().any(|arm| visit(&arm.block, callees, satisfies))
                                || otherwise.iter().any(|block| visit(block, callees, satisfies))
                        }
                        Action::End(_) | Action::Translate(_) | Action::Log(_) | Action::Unknown => false,
                    }
            })
        }
        let mut seen = BTreeSet::from([id]);
        let mut next = Vec::from([id]);
        while let Some(id) = next.pop() {
            let Some(procedure) = self.procedures.get(&id) else { continue };
            let mut callees = Vec::new();
            if visit(&procedure.block, &mut callees, satisfies) {
                return true;
            }
            next.extend(callees.into_iter().filter(|callee| seen.insert(*callee)));
        }
        false
    }

    fn translations(&mut self, hook: Hook, id: ElementId, at: Span, owner: &str) {
        let mut wrong: Vec<(Span, Translation)> = Vec::new();
        self.any_statement(id, &mut |span, action| {
            if let Action::Translate(translation) = action {
                let allowed = match translation {
                    Translation::Dnat { .. } => matches!(hook, Hook::Prerouting | Hook::Output),
                    Translation::Snat { .. } => matches!(hook, Hook::Postrouting | Hook::Input),
                    Translation::Redirect { .. } => hook == Hook::Prerouting,
                    Translation::Masquerade => hook == Hook::Postrouting,
                };
                if !allowed {
                    wrong.push((span, *translation));
                }
            }
            false
        });
        for (span, translation) in wrong {
            let (name, place) = match translation {
                Translation::Dnat { .. } => ("dnat", "prerouting"),
                Translation::Redirect { .. } => ("redirect", "prerouting"),
                Translation::Snat { .. } => ("snat", "postrouting"),
                Translation::Masquerade => ("masquerade", "postrouting"),
            };
            let message = match (place, hook) {
                ("prerouting", Hook::Postrouting) => {
                    format!("{name} has no effect after routing; put it on prerouting")
                }
                ("prerouting", Hook::Input) => {
                    format!("{name} on input cannot be routed any more; put it on prerouting")
                }
                _ => format!("{name} belongs on {place}, not on {}", hook.name()),
            };
            let diagnostic = Diagnostic::new(Code::WrongChain, span, message).note(at, format!("put on {owner} here"));
            self.report(
                diagnostic.help(format!("name the {} on {place} of the Iface instead", kind_name(FunctionKind::Nat))),
            );
        }
    }

    fn oif_is_unknown(&mut self, id: ElementId, hook: Hook, at: Span, said: &mut BTreeSet<(ElementId, Code)>) {
        let mut callees = BTreeSet::from([id]);
        self.any_statement(id, &mut |_, action| {
            if let Action::Call(callee) = action {
                callees.insert(*callee);
            }
            false
        });
        for id in callees {
            let Some(oif) = self.procedures.get(&id).and_then(|procedure| procedure.oif) else { continue };
            if said.insert((id, Code::UnknownOif)) {
                let message = format!("`oif` is not known on {}: it matches nothing there", hook.name());
                let diagnostic = Diagnostic::new(Code::UnknownOif, oif, message).note(at, "the chain");
                self.report(diagnostic.help("it is known on forward, output and postrouting"));
            }
        }
    }
}

/// Some packets that come through `context` are not of this subtype.
pub fn passes(context: Subtype, subtype: Subtype) -> bool {
    subtype != Subtype::Ip && subtype != context
}

fn depth(block: &Block, depths: &ById<usize>) -> usize {
    let deepest = block.statements.iter().map(|statement| match &statement.action {
        Action::Call(id) => depths.get(*id).copied().unwrap_or(0),
        Action::Gate(_, inner) => depth(inner, depths),
        Action::If(arms, otherwise) => {
            let arms = arms.iter().map(|arm| depth(&arm.block, depths));
            arms.chain(otherwise.iter().map(|block| depth(block, depths))).max().unwrap_or(0)
        }
        Action::End(_) | Action::Translate(_) | Action::Log(_) | Action::Unknown => 0,
    });
    1 + deepest.max().unwrap_or(0)
}
