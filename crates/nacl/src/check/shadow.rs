//! Tests that can never be fulfilled: because they contradict themselves, or because an earlier rule has decided every
//! packet that would fulfil them.

use super::Checker;
use super::facts::{Cause, Facts, intersect, is_subset, join};
use crate::checked::{Action, Arm, Block, Condition, Question, Shadow};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::vocabulary::Subtype;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;
use policy::{Field, Set};

/// Comparisons with earlier rules that one function is worth: enough for 1,400 rules that each see all before them.
const BUDGET: usize = 1_000_000;

/// Packets whose properties lie in these sets, exactly.
type Region = BTreeMap<Field, Rc<Set>>;

/// One function being walked.
struct Walk {
    /// Regions that were decided so far, each with the rule that did it.
    decided: Vec<(Region, Span)>,
    budget: usize,
    found: Vec<Shadow>,
}

impl Checker<'_, '_> {
    /// Of every function by itself: calls are not followed.
    pub fn shadows(&mut self) -> Vec<Shadow> {
        let mut found = Vec::new();
        for procedure in self.procedures.values() {
            let mut walk = Walk { decided: Vec::new(), budget: BUDGET, found: Vec::new() };
            let cause = Cause { keyword: procedure.head, test: procedure.head };
            let facts = Facts::default().gate(procedure.subtype, cause);
            walk.block(&procedure.block, facts.unwrap_or_default(), Some(Region::new()), &|id| {
                self.procedures.get(&id).is_none_or(|callee| callee.falls)
            });
            found.append(&mut walk.found);
        }
        found
    }
}

impl Walk {
    /// What holds behind the block, `None` if nothing comes there. `region`: the packets that the rules around the
    /// block let in, if that can be told exactly.
    fn block(
        &mut self,
        block: &Block,
        facts: Facts,
        region: Option<Region>,
        falls: &dyn Fn(crate::resolve::ElementId) -> bool,
    ) -> Option<Facts> {
        let mut here = Some(facts);
        for statement in &block.statements {
            // What is never reached was said before.
            let facts = here?;
            here = match &statement.action {
                Action::End(_) => None,
                Action::Log(_) | Action::Translate(_) | Action::Unknown => Some(facts),
                Action::Call(id) => falls(*id).then_some(facts),
                Action::Gate(subtype, inner) => self.gate(*subtype, inner, statement.at, facts, region.as_ref(), falls),
                Action::If(arms, otherwise) => {
                    self.conditional(arms, otherwise.as_ref(), facts, region.as_ref(), falls)
                }
            };
        }
        here
    }

    fn gate(
        &mut self,
        subtype: Subtype,
        inner: &Block,
        at: Span,
        facts: Facts,
        region: Option<&Region>,
        falls: &dyn Fn(crate::resolve::ElementId) -> bool,
    ) -> Option<Facts> {
        let cause = Cause { keyword: at, test: at };
        let Some(inside) = facts.gate(subtype, cause) else {
            self.never_run(subtype, at, &facts);
            return Some(facts);
        };
        let narrowed = region.and_then(|region| with_gate(region, subtype));
        let behind = self.block(inner, inside, narrowed.clone(), falls);
        if behind.is_none() {
            self.decided.extend(narrowed.map(|region| (region, at)));
        }
        join(behind, facts.passed(subtype, cause))
    }

    fn conditional(
        &mut self,
        arms: &[Arm],
        otherwise: Option<&Block>,
        facts: Facts,
        region: Option<&Region>,
        falls: &dyn Fn(crate::resolve::ElementId) -> bool,
    ) -> Option<Facts> {
        let (mut open, mut behind) = (Some(facts), None);
        // Every packet that an earlier arm took was decided there.
        let mut all_decide = true;
        for arm in arms {
            let Some(facts) = open else { break };
            let (holds, fails) = facts.split(&arm.condition, arm.keyword);
            if fails.is_none() {
                self.always(arm);
            }
            let narrowed = region.filter(|_| all_decide).map(|region| with_condition(region, &arm.condition));
            let mut decides = false;
            match holds {
                None => self.never(arm, &facts),
                Some(holds) => {
                    self.decided_before(arm, &holds);
                    let single = narrowed.as_ref().and_then(|regions| match &regions[..] {
                        [region] => Some(region.clone()),
                        _ => None,
                    });
                    let after = self.block(&arm.block, holds, single, falls);
                    decides = after.is_none();
                    behind = join(behind, after);
                }
            }
            if decides && self.budget > 0 {
                self.decided.extend(narrowed.into_iter().flatten().map(|region| (region, arm.keyword)));
            }
            all_decide &= decides;
            open = fails;
        }
        match (open, otherwise) {
            (Some(facts), Some(block)) => join(behind, self.block(block, facts, None, falls)),
            (open, _) => join(behind, open),
        }
    }

    // What reports is kept out of the frames of what recurses: the image's stack is small.
    #[inline(never)]
    fn never_run(&mut self, subtype: Subtype, at: Span, facts: &Facts) {
        let message = format!("never run: no {} packet comes here", subtype.name());
        let mut diagnostic = Diagnostic::new(Code::NeverTrue, at, message);
        if let Some(fact) = facts.fields.get(&Field::IpProtocol) {
            diagnostic = diagnostic.note(fact.cause.keyword, "decided here");
        }
        self.found.push(Shadow { rule: Some(at), diagnostic });
    }

    /// The condition cannot fail here; told where it could nowhere.
    #[inline(never)]
    fn always(&mut self, arm: &Arm) {
        let tautology = Facts::default().split(&arm.condition, arm.keyword).1.is_none();
        let mut at = None;
        first_test(&arm.condition, &mut at);
        if let (true, Some(at)) = (tautology, at) {
            let diagnostic = Diagnostic::new(Code::ConstantCondition, at, "the condition is always true");
            let diagnostic = diagnostic.help("does `and` stand better than `or`?");
            self.found.push(Shadow { rule: None, diagnostic });
        }
    }

    /// The condition cannot hold here.
    #[inline(never)]
    fn never(&mut self, arm: &Arm, facts: &Facts) {
        if matches!(arm.condition, Condition::Constant(_)) {
            return;
        }
        let mut at = None;
        first_test(&arm.condition, &mut at);
        let alone = Facts::default().split(&arm.condition, arm.keyword).0.is_none();
        let earlier = cause_of(&arm.condition, facts);
        let diagnostic = match (alone, earlier) {
            (false, Some(cause)) => shadowed(arm.keyword, cause.keyword),
            _ => Diagnostic::new(
                Code::NeverTrue,
                at.unwrap_or(arm.keyword),
                "never true: the tests contradict each other",
            )
            .help("does `or` stand better than `and`?"),
        };
        self.found.push(Shadow { rule: Some(arm.keyword), diagnostic });
    }

    /// Reports a condition all of whose packets an earlier rule has decided.
    #[inline(never)]
    fn decided_before(&mut self, arm: &Arm, holds: &Facts) {
        let looked_at = self.budget.min(self.decided.len());
        self.budget -= looked_at;
        let covers = |(region, _): &&(Region, Span)| {
            let holds_in = |(field, set): (&Field, &Rc<Set>)| {
                holds.fields.get(field).is_some_and(|fact| is_subset(*field, &fact.set, set))
            };
            region.iter().all(holds_in)
        };
        let earlier = self.decided.iter().take(looked_at).find(covers);
        if let Some((_, span)) = earlier {
            self.found.push(Shadow { rule: Some(arm.keyword), diagnostic: shadowed(arm.keyword, *span) });
        }
    }
}

fn shadowed(at: Span, earlier: Span) -> Diagnostic {
    Diagnostic::new(Code::ShadowedTest, at, "never matches: every packet that would match was decided before")
        .note(earlier, "decided here")
        .help("remove one of the two, or put the narrower one first")
}

fn first_test(condition: &Condition, found: &mut Option<Span>) {
    match condition {
        Condition::Or(parts) | Condition::And(parts) => parts.iter().for_each(|part| first_test(part, found)),
        Condition::Not(inner) => first_test(inner, found),
        Condition::Test(_, span) => *found = Some(found.map_or(*span, |first| first.min(*span))),
        Condition::Constant(_) | Condition::Unknown => {}
    }
}

/// What made the first of its tests impossible.
fn cause_of(condition: &Condition, facts: &Facts) -> Option<Cause> {
    match condition {
        Condition::Or(parts) | Condition::And(parts) => {
            let alone = |part: &&Condition| facts.split(part, Span::default()).0.is_none();
            parts.iter().find(alone).or(parts.first()).and_then(|part| cause_of(part, facts))
        }
        Condition::Not(inner) => cause_of(inner, facts),
        Condition::Test(Question::In { field, .. }, _) => facts.fields.get(field).map(|fact| fact.cause),
        Condition::Test(..) | Condition::Constant(_) | Condition::Unknown => None,
    }
}

fn narrow(region: &Region, field: Field, set: &Rc<Set>) -> Region {
    let mut narrowed = region.clone();
    let set = match region.get(&field) {
        Some(known) => Rc::new(intersect(known, set)),
        None => set.clone(),
    };
    narrowed.insert(field, set);
    narrowed
}

#[inline(never)]
fn with_gate(region: &Region, subtype: Subtype) -> Option<Region> {
    let number = |field, value| (field, Rc::new(Set::number(value)));
    let tests = match subtype {
        Subtype::Ip => Vec::new(),
        Subtype::Tcp => Vec::from([number(Field::IpProtocol, 6)]),
        Subtype::Udp => Vec::from([number(Field::IpProtocol, 17)]),
        Subtype::Icmp => Vec::from([number(Field::IpProtocol, 1), number(Field::IpVersion, 4)]),
        Subtype::Icmpv6 => Vec::from([number(Field::IpProtocol, 58), number(Field::IpVersion, 6)]),
    };
    Some(tests.iter().fold(region.clone(), |region, (field, set)| narrow(&region, *field, set)))
}

/// The parts of the region in which the condition holds; regions that cannot be told exactly are left out.
#[inline(never)]
fn with_condition(region: &Region, condition: &Condition) -> Vec<Region> {
    /// More alternatives than this are not followed.
    const MOST: usize = 16;
    match condition {
        Condition::Test(Question::In { field, set }, _) => Vec::from([narrow(region, *field, set)]),
        Condition::Not(inner) => match &**inner {
            Condition::Test(Question::In { field, set }, _) if !matches!(field, Field::Iif | Field::Oif) => {
                Vec::from([narrow(region, *field, &Rc::new(super::facts::complement(set)))])
            }
            _ => Vec::new(),
        },
        Condition::And(parts) => {
            let mut regions = Vec::from([region.clone()]);
            for part in parts {
                regions = regions.iter().flat_map(|region| with_condition(region, part)).take(MOST).collect();
            }
            regions
        }
        Condition::Or(parts) => parts.iter().flat_map(|part| with_condition(region, part)).take(MOST).collect(),
        Condition::Constant(true) => Vec::from([region.clone()]),
        _ => Vec::new(),
    }
}
