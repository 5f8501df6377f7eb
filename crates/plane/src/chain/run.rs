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
use classifier::{Classifier, Ended, World};
use policy::{AddrRef, FunctionId, Hook, LimitId, Program, Step, StepId, Translation, Verdict};
use wire::{IfaceId, IpAddr};

/// A function, and the packet that it is to judge.
pub(super) struct Run<'a> {
    pub view: &'a View<'a>,
    pub rules: &'a mut Rules,
    pub id: FunctionId,
    pub program: &'a Program,
    pub hook: Hook,
    pub iface: IfaceId,
    pub tracked: &'a mut Tracked,
}

impl Run<'_> {
    /// Step by step.
    #[inline(never)]
    fn walk(&mut self) -> Result<Verdict, DropReason> {
        let (program, function) = (self.program, self.id);
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

    /// In the form that was made for it; who traces wants to see every step.
    #[inline]
    pub fn run(&mut self) -> Result<Verdict, DropReason> {
        let ended = match self.view.tables.form(self.id) {
            _ if self.rules.trace.is_on() => return self.walk(),
            Form::Compact(compact) => compact.run(self.program, self)?,
            Form::Tables(tables) => self.look_up(tables)?,
            Form::Steps => return self.walk(),
        };
        // A translation has been counted when it was applied.
        if !ended.translated {
            self.count(ended.step);
        }
        Ok(ended.verdict)
    }

    #[inline(never)]
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
