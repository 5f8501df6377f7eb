//! From what is known of steps to what is told of the text: each function once, from its first statement on.

use super::example::{Example, compares, has_flags, is_in};
use super::outcomes::{Asked, Key, Known, Outcomes, Reason};
use super::{Finding, is_about_never};
use crate::check::facts::Facts;
use crate::checked::{Action, Arm, Block, Checked, Condition, Procedure, Question, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};
use crate::vocabulary::Subtype;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use classifier::Header;
use policy::{Field, Place};

/// Most earlier rules that a finding points at.
const MOST_NOTES: usize = 3;

pub fn findings(
    source: &Source,
    checked: &Checked,
    outcomes: &mut Outcomes<'_>,
    diagnostics: &[Diagnostic],
) -> Vec<Finding> {
    let mut rules = Rules { source, spans: BTreeMap::new() };
    for procedure in checked.procedures.values() {
        rules.block(&procedure.block, None);
    }
    let told = diagnostics.iter().filter(|found| is_about_never(found.code)).map(|found| found.span.start);
    let mut told: Vec<u32> = told.collect();
    told.sort_unstable();
    let mut tree = Tree { source, outcomes, rules, told, found: Vec::new() };
    for procedure in checked.procedures.values() {
        tree.procedure(procedure);
    }
    tree.found
}

/// For each place that may end a packet, what to point at: the `if` around it.
struct Rules<'s> {
    source: &'s Source,
    spans: BTreeMap<Place, Span>,
}

impl Rules<'_> {
    fn block(&mut self, block: &Block, rule: Option<Span>) {
        for statement in &block.statements {
            match &statement.action {
                Action::If(arms, otherwise) => {
                    arms.iter().for_each(|arm| self.block(&arm.block, Some(arm.keyword)));
                    // What no arm takes is decided where it stands.
                    otherwise.iter().for_each(|block| self.block(block, None));
                }
                Action::Gate(_, inner) => self.block(inner, rule.or(Some(statement.at))),
                _ => {
                    let place = self.source.place(statement.at.start);
                    self.spans.insert(place, rule.unwrap_or(statement.at));
                }
            }
        }
    }
}

struct Tree<'t, 'p> {
    source: &'t Source,
    outcomes: &'t mut Outcomes<'p>,
    rules: Rules<'t>,
    /// Where such things were told already, ascending.
    told: Vec<u32>,
    found: Vec<Finding>,
}

/// How a condition can turn out.
#[derive(Clone, Copy)]
struct Can {
    hold: bool,
    fail: bool,
}

impl Tree<'_, '_> {
    fn procedure(&mut self, procedure: &Procedure) {
        // A verdict at the end may be there for those who read, and for the rule that a Filter must end in one.
        let last = procedure.block.statements.last().filter(|last| matches!(last.action, Action::End(_)));
        let gate = self.outcomes.get((self.source.place(procedure.head.start), Asked::Field(Field::IpProtocol)));
        if gate.is_none_or(|gate| gate.holds) {
            self.block(&procedure.block, last.map(|last| last.at));
        }
    }

    fn block(&mut self, block: &Block, spared: Option<Span>) {
        for statement in &block.statements {
            if let Some(known) = self.first_step(statement)
                && !known.reached
            {
                if Some(statement.at) != spared {
                    self.never_run(statement.at, known, "every packet that would come here was decided before");
                }
                return;
            }
            match &statement.action {
                Action::If(arms, otherwise) => self.conditional(arms, otherwise.as_ref()),
                Action::Gate(subtype, inner) => {
                    if self.is_entered(*subtype, statement.at) {
                        self.block(inner, None);
                    }
                }
                Action::Call(_) => drop(self.is_entered(Subtype::Ip, statement.at)),
                Action::End(_) | Action::Translate(_) | Action::Log(_) | Action::Unknown => {}
            }
        }
    }

    /// What is known of the first step that the statement has become, if it has become one of its own.
    fn first_step(&self, statement: &Statement) -> Option<Known> {
        match &statement.action {
            Action::End(_) | Action::Translate(_) | Action::Log(_) => self.get(statement.at, Asked::Nothing),
            Action::If(arms, _) => {
                let (question, span) = first_test(&arms.first()?.condition)?;
                self.get(span, Asked::by(question))
            }
            Action::Gate(..) | Action::Call(_) => self
                .get(statement.at, Asked::Field(Field::IpVersion))
                .or_else(|| self.get(statement.at, Asked::Field(Field::IpProtocol))),
            Action::Unknown => None,
        }
    }

    fn get(&self, span: Span, asked: Asked) -> Option<Known> {
        let key: Key = (self.source.place(span.start), asked);
        self.outcomes.get(key)
    }

    /// Do packets come into what is only for packets of a subtype? Told if not.
    fn is_entered(&mut self, subtype: Subtype, at: Span) -> bool {
        let Some(known) = self.get(at, Asked::Field(Field::IpProtocol)) else { return true };
        if !known.holds && known.reached {
            let name = if subtype == Subtype::Ip { "such" } else { subtype.name() };
            self.never(at, at, known, true, &format!("never run: no {name} packet comes here"), &|_| true);
        }
        known.holds
    }

    fn conditional(&mut self, arms: &[Arm], otherwise: Option<&Block>) {
        let mut open = true;
        let mut certain = false;
        for (number, arm) in arms.iter().enumerate() {
            if !open {
                if let Some(known) = first_test(&arm.condition).and_then(|(test, at)| self.get(at, Asked::by(test)))
                    && number > 0
                {
                    self.never_run(arm.keyword, known, "the conditions before it take every packet");
                }
                return;
            }
            let can = self.eval(&arm.condition, true);
            match can.hold {
                true => {
                    self.alternatives(&arm.condition, true, arm.keyword);
                    self.block(&arm.block, None);
                }
                false => self.never_matches(arm),
            }
            open = can.fail;
            certain = !open && is_certain(&arm.condition);
        }
        let Some(block) = otherwise else { return };
        match (open, block.statements.first()) {
            (true, _) => self.block(block, None),
            // That the condition is always true was said.
            (false, Some(first)) if !certain => {
                if let Some(known) = self.first_step(first) {
                    self.never_run(first.at, known, "the conditions before it take every packet");
                }
            }
            (false, _) => {}
        }
    }

    /// How a condition can turn out where packets come to it.
    fn eval(&self, condition: &Condition, reached: bool) -> Can {
        match condition {
            _ if !reached => Can { hold: false, fail: false },
            Condition::Constant(is) => Can { hold: *is, fail: !is },
            Condition::Unknown => Can { hold: true, fail: true },
            Condition::Not(inner) => {
                let can = self.eval(inner, reached);
                Can { hold: can.fail, fail: can.hold }
            }
            Condition::And(parts) => {
                let mut can = Can { hold: true, fail: false };
                for part in parts {
                    let next = self.eval(part, can.hold);
                    can = Can { hold: next.hold, fail: can.fail || next.fail };
                }
                can
            }
            Condition::Or(parts) => {
                let mut can = Can { hold: false, fail: true };
                for part in parts {
                    let next = self.eval(part, can.fail);
                    can = Can { hold: can.hold || next.hold, fail: next.fail };
                }
                can
            }
            Condition::Test(question, span) => match self.get(*span, Asked::by(question)) {
                Some(known) => Can { hold: known.holds, fail: known.fails },
                None => Can { hold: true, fail: true },
            },
        }
    }

    /// Tells the parts of an `or` that take no packet of their own. `wanted`: the outcome that makes the condition hold.
    /// `rule`: the `if`.
    fn alternatives(&mut self, condition: &Condition, wanted: bool, rule: Span) {
        let (parts, divides) = match condition {
            Condition::Or(parts) => (parts, wanted),
            Condition::And(parts) => (parts, !wanted),
            Condition::Not(inner) => return self.alternatives(inner, !wanted, rule),
            Condition::Test(..) | Condition::Constant(_) | Condition::Unknown => return,
        };
        let mut reached = true;
        let mut before: Option<Span> = None;
        for part in parts {
            let can = self.eval(part, reached);
            let good = if wanted { can.hold } else { can.fail };
            let is_single = matches!(part, Condition::Test(..) | Condition::Not(_));
            if divides && reached && !good && is_single {
                let Some((question, span)) = first_test(part) else { continue };
                let Some(known) = self.get(span, Asked::by(question)) else { continue };
                let outcome = wanted != is_negated(part);
                let fits = |header: &Header| holds(part, header) == Some(wanted);
                self.never_decides((rule, span), known, outcome, before, &fits);
            } else {
                self.alternatives(part, wanted, rule);
            }
            before = before.or(first_test(part).map(|(_, span)| span));
            reached = if divides == wanted { can.fail } else { can.hold };
        }
    }

    /// Reports a part of a condition that never settles it. `before`: the first of the parts before it.
    fn never_decides(
        &mut self,
        (rule, at): (Span, Span),
        known: Known,
        outcome: bool,
        before: Option<Span>,
        fits: &dyn Fn(&Header) -> bool,
    ) {
        let message = "never decides: what is before it takes every packet that would match";
        let reason = self.outcomes.reason(known, Some(outcome));
        // The parts before it take all; or what is around the condition, or before it.
        let by_parts = reason.as_ref().is_some_and(|reason| match reason {
            Reason::Contradiction => true,
            Reason::Decided(by) => by.iter().all(|place| self.rules.spans.get(place) == Some(&rule)),
        });
        match before {
            Some(before) if by_parts => {
                let diagnostic = Diagnostic::new(Code::ShadowedTest, at, message).note(before, "asked before");
                self.add(at, at, diagnostic.help("remove it, or correct it"));
            }
            None if reason == Some(Reason::Contradiction) => {
                let diagnostic = Diagnostic::new(Code::NeverTrue, at, "never decides: no packet that comes here is so");
                self.add(at, at, diagnostic.help("remove it, or correct it"));
            }
            _ => self.never(at, at, known, outcome, message, fits),
        }
    }

    /// Reports an arm whose condition can never hold.
    fn never_matches(&mut self, arm: &Arm) {
        if is_constant(&arm.condition) {
            return;
        }
        let Some((known, outcome)) = self.deciding(&arm.condition, true) else { return };
        let Some((_, first)) = first_test(&arm.condition) else { return };
        let fits = |header: &Header| holds(&arm.condition, header) == Some(true);
        if Facts::default().split(&arm.condition, arm.keyword).0.is_none() {
            // It contradicts itself; nothing before it has decided.
            let message = "never true: the tests contradict each other";
            let diagnostic = Diagnostic::new(Code::NeverTrue, first, message);
            self.add(arm.keyword, first, diagnostic.help("does `or` stand better than `and`?"));
            return;
        }
        let message = "never matches: every packet that would match was decided before";
        self.never(arm.keyword, first, known, outcome, message, &fits);
    }

    /// The test whose outcome makes a condition turn out so, behind all others of it.
    fn deciding(&self, condition: &Condition, wanted: bool) -> Option<(Known, bool)> {
        match condition {
            Condition::Test(question, span) => Some((self.get(*span, Asked::by(question))?, wanted)),
            Condition::Not(inner) => self.deciding(inner, !wanted),
            Condition::And(parts) if wanted => self.deciding(parts.last()?, wanted),
            Condition::Or(parts) if !wanted => self.deciding(parts.last()?, wanted),
            Condition::And(parts) | Condition::Or(parts) => self.deciding(parts.first()?, wanted),
            Condition::Constant(_) | Condition::Unknown => None,
        }
    }

    #[inline(never)]
    fn never_run(&mut self, at: Span, known: Known, why: &str) {
        let by = match self.outcomes.reason(known, None) {
            Some(Reason::Decided(by)) => by,
            Some(Reason::Contradiction) => BTreeSet::new(),
            None => return,
        };
        let example = self.outcomes.example(known, None, &|_| true).filter(|example| by.contains(&example.decided));
        let diagnostic = Diagnostic::new(Code::UnreachableStatement, at, format!("never run: {why}"));
        let diagnostic = self.with_reason(diagnostic, by, example).help("remove it, or move it up");
        self.add(at, at, diagnostic);
    }

    /// Reports that a test never turns out so, if it can be told why. `rule`: what it makes idle; `test`: where it stands.
    #[inline(never)]
    fn never(
        &mut self,
        rule: Span,
        test: Span,
        known: Known,
        outcome: bool,
        message: &str,
        fits: &dyn Fn(&Header) -> bool,
    ) {
        let Some(reason) = self.outcomes.reason(known, Some(outcome)) else { return };
        let diagnostic = match reason {
            Reason::Contradiction => {
                let message = "never true: no packet that comes here is so";
                Diagnostic::new(Code::NeverTrue, test, message)
                    .help("look at the conditions around it; no packet meets them and this one")
            }
            Reason::Decided(by) => {
                let example = self.outcomes.example(known, Some(outcome), fits);
                let example = example.filter(|example| by.contains(&example.decided));
                let diagnostic = Diagnostic::new(Code::ShadowedTest, rule, message);
                let diagnostic = self.with_reason(diagnostic, by, example);
                diagnostic.help("remove one of the two, or put the narrower one first")
            }
        };
        self.add(rule, test, diagnostic);
    }

    /// With the earlier rules, the one that the example runs into first.
    fn with_reason(&self, mut diagnostic: Diagnostic, by: BTreeSet<Place>, example: Option<Example>) -> Diagnostic {
        let mut notes: Vec<(Span, String)> = Vec::new();
        if let Some((example, span)) = example.and_then(|example| {
            let span = self.rules.spans.get(&example.decided).copied()?;
            Some((example, span))
        }) {
            notes.push((span, format!("decided here, for example {}", example.packet)));
        }
        let mut more = 0;
        for span in by.iter().filter_map(|place| self.rules.spans.get(place)) {
            if notes.iter().any(|(known, _)| known == span) {
                continue;
            }
            if notes.len() < MOST_NOTES {
                notes.push((*span, "decided here".into()));
            } else {
                more += 1;
            }
        }
        if let Some((_, last)) = notes.last_mut().filter(|_| more > 0) {
            last.push_str(&format!(", and by {more} more"));
        }
        for (span, note) in notes {
            diagnostic = diagnostic.note(span, note);
        }
        diagnostic
    }

    /// Unless it was told in other words.
    fn add(&mut self, rule: Span, test: Span, diagnostic: Diagnostic) {
        let (from, to) = (rule.start.min(test.start), rule.end.max(test.end));
        let near = self.told.partition_point(|start| *start < from);
        if self.told.get(near).is_none_or(|start| *start >= to) {
            self.found.push(Finding { rule, diagnostic });
        }
    }
}

fn first_test(condition: &Condition) -> Option<(&Question, Span)> {
    match condition {
        Condition::Test(question, span) => Some((question, *span)),
        Condition::Not(inner) => first_test(inner),
        Condition::And(parts) | Condition::Or(parts) => parts.iter().find_map(first_test),
        Condition::Constant(_) | Condition::Unknown => None,
    }
}

fn is_negated(condition: &Condition) -> bool {
    match condition {
        Condition::Not(inner) => !is_negated(inner),
        _ => false,
    }
}

fn is_constant(condition: &Condition) -> bool {
    first_test(condition).is_none()
}

/// Does it hold for every packet there can be, wherever it stands?
fn is_certain(condition: &Condition) -> bool {
    is_constant(condition) || Facts::default().split(condition, Span::default()).1.is_none()
}

/// `None` if that depends on more than the header.
fn holds(condition: &Condition, header: &Header) -> Option<bool> {
    match condition {
        Condition::Constant(is) => Some(*is),
        Condition::Unknown => None,
        Condition::Not(inner) => holds(inner, header).map(|holds| !holds),
        // The first part that settles it; what is not known settles nothing.
        Condition::And(parts) | Condition::Or(parts) => {
            let settles = matches!(condition, Condition::Or(_));
            let outcomes: Vec<Option<bool>> = parts.iter().map(|part| holds(part, header)).collect();
            match outcomes.contains(&Some(settles)) {
                true => Some(settles),
                false if outcomes.contains(&None) => None,
                false => Some(!settles),
            }
        }
        Condition::Test(question, _) => match question {
            Question::In { field, set } => Some(is_in(header, *field, set)),
            Question::Compare { left, comparison, right } => Some(compares(header, *left, *comparison, *right)),
            Question::TcpFlags { mask } => Some(has_flags(header, *mask)),
            Question::IsAddress { .. } | Question::Limit(_) => None,
        },
    }
}
