//! One program, run on one packet.
//!
//! There are three ways, of equal outcome and effects: [`Run::walk`] takes step after step and can say so to a trace, it
//! is the meaning of a program; [`Form::Compact`] takes them decoded; a program's tables ([`Classifier`]) are asked
//! where its steps would have led. Whatever is done on the way is done by one piece of code, the [`World`] below.

use super::tables::Form;
use super::{Rules, View, resolve};
use crate::DropReason;
use crate::conntrack::Tracked;
use crate::nat::{self, Site};
use crate::trace::TraceStep;
use classifier::{Classifier, Compact, Ended, Left, Values, World};
use policy::{AddrRef, FunctionId, Hook, LimitId, Program, Step, StepId, Translation, Verdict};
use wire::{IfaceId, IpAddr};

/// A function, and the packet that it is to judge.
struct Run<'a> {
    view: &'a View<'a>,
    rules: &'a mut Rules,
    id: FunctionId,
    program: &'a Program,
    hook: Hook,
    iface: IfaceId,
    tracked: &'a mut Tracked,
}

/// Lets a function judge a packet, in the form that was made for it.
#[inline(always)]
pub(super) fn judge(
    view: &View<'_>,
    rules: &mut Rules,
    id: FunctionId,
    hook: Hook,
    iface: IfaceId,
    tracked: &mut Tracked,
) -> Result<Verdict, DropReason> {
    let form = view.tables.form(id);
    let mut values = Values::NONE;
    // Most packets are judged by numbers alone, for which no more than the packet is needed.
    let decided = match form {
        Form::Compact(compact) if !rules.trace.is_on() => Some((compact, compact.decide(tracked, &mut values))),
        _ => None,
    };
    if let Some((_, Ok(ended))) = decided {
        rules.counts.hit(id, ended.step, tracked.packet.total_len);
        return Ok(ended.verdict);
    }
    // No chain has a function that is not there.
    let Some(function) = view.policy.function(id) else { return Ok(Verdict::Drop) };
    let mut run = Run { view, rules, id, program: &function.program, hook, iface, tracked };
    match decided {
        Some((compact, Err(left))) => run.finish(compact, &values, left),
        _ => run.run(form),
    }
}

impl Run<'_> {
    /// Step by step.
    #[inline(never)]
    fn walk(&mut self) -> Result<Verdict, DropReason> {
        let (program, function) = (self.program, self.id);
        self.rules.trace.note(|| TraceStep::Function { function });
        let mut at = 0;
        loop {
            at = match program.steps().get(at as usize) {
                Some(Step::Test { test, then, otherwise }) => {
                    let holds = classifier::holds(program, test, self);
                    self.rules.trace.note(|| TraceStep::Step { function, step: at, holds: Some(holds) });
                    if holds { *then } else { *otherwise }
                }
                Some(Step::Log { next, .. }) => {
                    self.log(at);
                    self.rules.trace.note(|| TraceStep::Step { function, step: at, holds: None });
                    *next
                }
                Some(Step::Translate { translation, otherwise }) => match self.translate(at, translation)? {
                    true => {
                        self.rules.trace.note(|| TraceStep::Ruled { function, step: at, verdict: None });
                        return Ok(Verdict::Accept);
                    }
                    false => *otherwise,
                },
                Some(Step::End(verdict)) => {
                    self.count(at);
                    self.rules.trace.note(|| TraceStep::Ruled { function, step: at, verdict: Some(*verdict) });
                    return Ok(*verdict);
                }
                // No program has such an edge; a packet that met one would not pass.
                None => return Ok(Verdict::Drop),
            };
        }
    }

    /// As a form of it says; who traces wants to see every step.
    #[inline(never)]
    fn run(&mut self, form: &Form) -> Result<Verdict, DropReason> {
        let ended = match form {
            _ if self.rules.trace.is_on() => return self.walk(),
            Form::Compact(compact) => compact.run(self.program, self)?,
            Form::Tables(tables) => self.look_up(tables)?,
            Form::Steps => return self.walk(),
        };
        Ok(self.end(&ended))
    }

    /// Goes on where numbers do not decide.
    #[inline(never)]
    fn finish(&mut self, compact: &Compact, values: &Values, left: Left) -> Result<Verdict, DropReason> {
        let ended = compact.finish(self.program, values, left, self)?;
        Ok(self.end(&ended))
    }

    fn end(&mut self, ended: &Ended) -> Verdict {
        // A translation has been counted when it was applied.
        if !ended.translated {
            self.count(ended.step);
        }
        ended.verdict
    }

    fn look_up(&mut self, tables: &Classifier) -> Result<Ended, DropReason> {
        tables.run(self.view.tables.level(), self.program, self)
    }

    fn count(&mut self, step: StepId) {
        self.rules.counts.hit(self.id, step, self.tracked.packet.total_len);
    }
}

impl World for Run<'_> {
    type Packet = Tracked;
    type Refusal = DropReason;

    #[inline]
    fn packet(&self) -> &Tracked {
        self.tracked
    }

    fn address(&self, address: AddrRef) -> Option<IpAddr> {
        resolve(self.view.ifaces, address)
    }

    fn log(&mut self, step: StepId) {
        let Some(Step::Log { template, .. }) = self.program.steps().get(step as usize) else { return };
        if let Some(template) = self.program.templates().get(*template as usize) {
            self.rules.log.write(template, self.tracked, self.view.ifaces);
        }
        self.count(step);
    }

    fn limit(&mut self, limit: LimitId) -> bool {
        let limit = self.program.limits().get(limit as usize);
        let bucket = limit.and_then(|limit| self.rules.buckets.get_mut(limit.bucket as usize));
        bucket.is_some_and(|bucket| bucket.take(self.view.now))
    }

    fn translate(&mut self, step: StepId, translation: &Translation) -> Result<bool, DropReason> {
        let site = Site { hook: self.hook, iface: self.iface, function: Some(self.id) };
        let applied = nat::decide(*self.view, &mut self.rules.random, site, translation, self.tracked)?;
        if applied {
            self.count(step);
        }
        Ok(applied)
    }
}
