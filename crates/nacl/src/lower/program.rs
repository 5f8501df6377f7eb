//! A function to a program: built from its end by continuations, which both ways of an `if` share, so that a program
//! is as long as its text, and turned around at the end, so that every edge points forward.

use crate::checked::{Action, Block, Condition, Procedure, Question};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{ById, ElementId, Names};
use crate::source::{Source, Span};
use crate::vocabulary::Subtype;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use policy::{
    Field, Limit, LimitId, LimitRate, Place, Program, ProgramError, Set, SetId, Step, StepId, Template, TemplateId,
    Test, Verdict,
};

/// Most steps of a function with everything that it calls written out.
pub const MAX_STEPS: usize = 1 << 20;

type Procedures = BTreeMap<ElementId, Procedure>;

/// How many steps each function becomes; an upper bound, saturating. Functions that call in circles have none.
pub fn sizes(procedures: &Procedures) -> ById<usize> {
    let mut sizes: ById<usize> = ById::new();
    // Callees first: a function is sized as soon as all that it calls are. The nesting of calls was bounded before, so
    // this many rounds suffice.
    let mut open: Vec<(&ElementId, &Procedure)> = procedures.iter().collect();
    loop {
        let before = open.len();
        open.retain(|(id, procedure)| match size(&procedure.block, &sizes) {
            Some(size) => {
                sizes.insert(**id, size);
                false
            }
            None => true,
        });
        if open.is_empty() || open.len() == before {
            return sizes;
        }
    }
}

fn size(block: &Block, sizes: &ById<usize>) -> Option<usize> {
    block.statements.iter().try_fold(1_usize, |sum, statement| {
        let own = match &statement.action {
            Action::Call(id) => sizes.get(*id)?.saturating_add(2),
            Action::Gate(_, inner) => size(inner, sizes)?.saturating_add(2),
            Action::If(arms, otherwise) => {
                let mut sum = 0_usize;
                for arm in arms {
                    sum = sum.saturating_add(tests(&arm.condition)).saturating_add(size(&arm.block, sizes)?);
                }
                if let Some(block) = otherwise {
                    sum = sum.saturating_add(size(block, sizes)?);
                }
                sum
            }
            Action::End(_) | Action::Translate(_) | Action::Log(_) | Action::Unknown => 1,
        };
        Some(sum.saturating_add(own))
    })
}

fn tests(condition: &Condition) -> usize {
    match condition {
        Condition::Or(parts) | Condition::And(parts) => parts.iter().map(tests).sum(),
        Condition::Not(inner) => tests(inner),
        Condition::Test(..) => 1,
        Condition::Constant(..) | Condition::Unknown => 0,
    }
}

/// The diagnostic for a function that calls make too large, with the chain of calls that adds most.
pub fn too_large(names: &Names<'_>, procedures: &Procedures, sizes: &ById<usize>, id: ElementId) -> Diagnostic {
    let name = |id: ElementId| names.get(id).map_or("", |element| element.name.text);
    let head = procedures.get(&id).map_or(Span::default(), |procedure| procedure.head);
    let message = format!("`{}` becomes larger than {MAX_STEPS} steps with everything that it calls", name(id));
    let mut diagnostic = Diagnostic::new(Code::ProgramTooLarge, head, message);
    let mut way = String::from(name(id));
    let mut at = id;
    for _ in 0..8 {
        let mut calls: Vec<(ElementId, Span)> = Vec::new();
        if let Some(procedure) = procedures.get(&at) {
            crate::check::calls(&procedure.block, &mut calls);
        }
        let Some((callee, span)) = calls.into_iter().max_by_key(|(callee, _)| sizes.get(*callee)) else { break };
        way.push_str(" -> ");
        way.push_str(name(callee));
        diagnostic = diagnostic.note(span, format!("`{}` is written out here", name(callee)));
        at = callee;
    }
    diagnostic.help(format!("each call is written out where it stands; the largest chain of calls is {way}"))
}

/// The program of a function.
pub fn program(
    source: &Source,
    procedure: &Procedure,
    procedures: &Procedures,
    limits: &[LimitRate],
) -> Result<Program, ProgramError> {
    let mut builder = Builder::new(source, procedures, limits);
    // A Nat that falls off its end accepts, as does a Filter that nothing lets fall off.
    let end = builder.push(Step::End(Verdict::Accept), procedure.block.end);
    let body = builder.block(&procedure.block, end, procedure.subtype);
    let entry = builder.gate(procedure.subtype, Subtype::Ip, body, end, procedure.head);
    builder.finish(entry)
}

struct Builder<'b> {
    source: &'b Source,
    procedures: &'b Procedures,
    all_limits: &'b [LimitRate],
    /// Each after all that it leads to.
    steps: Vec<Step>,
    places: Vec<Place>,
    sets: Vec<Set>,
    /// Sets that several tests share, by their address.
    shared_sets: BTreeMap<*const Set, SetId>,
    /// Sets of one interval, by kind and ends.
    small_sets: BTreeMap<(u8, u128, u128), SetId>,
    templates: Vec<Template>,
    shared_templates: BTreeMap<*const Template, TemplateId>,
    limits: Vec<Limit>,
    shared_limits: BTreeMap<LimitId, LimitId>,
}

impl<'b> Builder<'b> {
    fn new(source: &'b Source, procedures: &'b Procedures, all_limits: &'b [LimitRate]) -> Self {
        Self {
            source,
            procedures,
            all_limits,
            steps: Vec::new(),
            places: Vec::new(),
            sets: Vec::new(),
            shared_sets: BTreeMap::new(),
            small_sets: BTreeMap::new(),
            templates: Vec::new(),
            shared_templates: BTreeMap::new(),
            limits: Vec::new(),
            shared_limits: BTreeMap::new(),
        }
    }

    fn push(&mut self, step: Step, at: Span) -> StepId {
        let place = self.source.place(at.start);
        self.steps.push(step);
        self.places.push(place);
        self.steps.len() as StepId - 1
    }

    /// The entry of a block that goes on at `after`.
    fn block(&mut self, block: &Block, after: StepId, context: Subtype) -> StepId {
        let mut next = after;
        for statement in block.statements.iter().rev() {
            let at = statement.at;
            next = match &statement.action {
                Action::End(verdict) => self.push(Step::End(*verdict), at),
                Action::Log(template) => {
                    let template = self.template(template);
                    self.push(Step::Log { template, next }, at)
                }
                // A file with one does not come here.
                Action::Unknown => next,
                Action::Translate(translation) => {
                    self.push(Step::Translate { translation: *translation, otherwise: next }, at)
                }
                Action::Gate(subtype, inner) => {
                    let entry = self.block(inner, next, narrowed(context, *subtype));
                    self.gate(*subtype, context, entry, next, at)
                }
                Action::Call(id) => {
                    let procedures = self.procedures;
                    let Some(callee) = procedures.get(id) else { continue };
                    let entry = self.block(&callee.block, next, narrowed(context, callee.subtype));
                    self.gate(callee.subtype, context, entry, next, at)
                }
                Action::If(arms, otherwise) => {
                    let mut entry = match otherwise {
                        Some(block) => self.block(block, next, context),
                        None => next,
                    };
                    for arm in arms.iter().rev() {
                        let body = self.block(&arm.block, next, context);
                        entry = self.condition(&arm.condition, body, entry);
                    }
                    entry
                }
            };
        }
        next
    }

    /// Packets of the subtype go on at `inner`, the others at `past`.
    fn gate(&mut self, subtype: Subtype, context: Subtype, inner: StepId, past: StepId, at: Span) -> StepId {
        if subtype == context {
            return inner;
        }
        let (version, protocol) = match subtype {
            Subtype::Ip => return inner,
            Subtype::Tcp => (None, 6),
            Subtype::Udp => (None, 17),
            Subtype::Icmp => (Some(4), 1),
            Subtype::Icmpv6 => (Some(6), 58),
        };
        let entry = self.test_number(Field::IpProtocol, protocol, inner, past, at);
        match version {
            Some(version) => self.test_number(Field::IpVersion, version, entry, past, at),
            None => entry,
        }
    }

    fn test_number(&mut self, field: Field, value: u32, then: StepId, otherwise: StepId, at: Span) -> StepId {
        let set = self.small_set(Set::number(value), (0, value.into(), value.into()));
        self.push(Step::Test { test: Test::In { field, set }, then, otherwise }, at)
    }

    /// `and`, `or` and `not` become edges.
    fn condition(&mut self, condition: &Condition, then: StepId, otherwise: StepId) -> StepId {
        match condition {
            Condition::Constant(true) => then,
            Condition::Constant(false) | Condition::Unknown => otherwise,
            Condition::Not(inner) => self.condition(inner, otherwise, then),
            Condition::And(parts) => parts.iter().rev().fold(then, |then, part| self.condition(part, then, otherwise)),
            Condition::Or(parts) => {
                parts.iter().rev().fold(otherwise, |otherwise, part| self.condition(part, then, otherwise))
            }
            Condition::Test(question, at) => {
                let test = match question {
                    Question::In { field, set } => Test::In { field: *field, set: self.set(set) },
                    Question::Compare { left, comparison, right } => {
                        Test::Compare { left: *left, comparison: *comparison, right: *right }
                    }
                    Question::IsAddress { field, comparison, address } => {
                        Test::IsAddress { field: *field, comparison: *comparison, address: *address }
                    }
                    Question::TcpFlags { mask } => Test::TcpFlags { mask: *mask },
                    Question::Limit(limit) => Test::Limit(self.limit(*limit)),
                };
                self.push(Step::Test { test, then, otherwise }, *at)
            }
        }
    }

    fn set(&mut self, set: &Rc<Set>) -> SetId {
        let intervals = (set.numbers.intervals(), set.v4.intervals(), set.v6.intervals());
        let key = match intervals {
            (&[(low, high)], [], []) => Some((0, low.into(), high.into())),
            ([], &[(low, high)], []) => Some((1, low.into(), high.into())),
            ([], [], &[(low, high)]) => Some((2, low, high)),
            _ => None,
        };
        if let Some(key) = key {
            return self.small_set((**set).clone(), key);
        }
        let address = Rc::as_ptr(set);
        if let Some(id) = self.shared_sets.get(&address) {
            return *id;
        }
        let id = self.add_set((**set).clone());
        self.shared_sets.insert(address, id);
        id
    }

    fn small_set(&mut self, set: Set, key: (u8, u128, u128)) -> SetId {
        if let Some(id) = self.small_sets.get(&key) {
            return *id;
        }
        let id = self.add_set(set);
        self.small_sets.insert(key, id);
        id
    }

    fn add_set(&mut self, set: Set) -> SetId {
        self.sets.push(set);
        self.sets.len() as SetId - 1
    }

    fn template(&mut self, template: &Template) -> TemplateId {
        let next = self.templates.len() as TemplateId;
        let id = *self.shared_templates.entry(core::ptr::from_ref(template)).or_insert(next);
        if id == next {
            self.templates.push(template.clone());
        }
        id
    }

    fn limit(&mut self, limit: LimitId) -> LimitId {
        let next = self.limits.len() as LimitId;
        let id = *self.shared_limits.entry(limit).or_insert(next);
        if id == next {
            let rate = self.all_limits.get(limit as usize);
            self.limits.extend(rate.map(|rate| Limit { rate: *rate, bucket: limit }));
        }
        id
    }

    /// Drops what is never reached and turns the order around, so that the entry is first and edges point forward.
    fn finish(self, entry: StepId) -> Result<Program, ProgramError> {
        let mut reached = vec![false; self.steps.len()];
        if let Some(first) = reached.get_mut(entry as usize) {
            *first = true;
        }
        // Steps lead to earlier ones only, so one pass from the last to the first sees all.
        for at in (0..self.steps.len()).rev() {
            if reached.get(at) != Some(&true) {
                continue;
            }
            let targets = match self.steps.get(at) {
                Some(Step::Test { then, otherwise, .. }) => [Some(*then), Some(*otherwise)],
                Some(Step::Log { next, .. }) => [Some(*next), None],
                Some(Step::Translate { otherwise, .. }) => [Some(*otherwise), None],
                Some(Step::End(_)) | None => [None, None],
            };
            for target in targets.into_iter().flatten() {
                if let Some(flag) = reached.get_mut(target as usize) {
                    *flag = true;
                }
            }
        }
        let mut number = 0;
        let mut numbers: Vec<StepId> = vec![0; self.steps.len()];
        for (new, flag) in numbers.iter_mut().zip(&reached).rev() {
            *new = number;
            number += StepId::from(*flag);
        }
        let renumber = |old: StepId| numbers.get(old as usize).copied().unwrap_or(StepId::MAX);
        let (mut steps, mut places) = (Vec::with_capacity(number as usize), Vec::with_capacity(number as usize));
        let kept = self.steps.into_iter().zip(self.places).zip(reached).rev().filter(|(_, reached)| *reached);
        for ((step, place), _) in kept {
            places.push(place);
            steps.push(match step {
                Step::Test { test, then, otherwise } => {
                    Step::Test { test, then: renumber(then), otherwise: renumber(otherwise) }
                }
                Step::Log { template, next } => Step::Log { template, next: renumber(next) },
                Step::Translate { translation, otherwise } => {
                    Step::Translate { translation, otherwise: renumber(otherwise) }
                }
                Step::End(verdict) => Step::End(verdict),
            });
        }
        Program::new(steps, places, self.sets, self.templates, self.limits)
    }
}

/// Which packets are in a function of this subtype inside `context`.
fn narrowed(context: Subtype, subtype: Subtype) -> Subtype {
    if subtype == Subtype::Ip { context } else { subtype }
}
