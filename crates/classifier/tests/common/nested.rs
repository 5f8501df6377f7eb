//! Random nested programs, as a compiler makes them: blocks of statements, built from their ends.

use super::Random;
use policy::{
    AddrRef, Comparison, Field, Limit, LimitRate, Part, Place, Program, Reject, Set, Sink, Step, StepId, Template,
    Test, Translation, Verdict,
};
use std::{vec, vec::Vec};
use wire::{Duration, IfaceId, IpAddr};

/// What the programs are made of.
#[derive(Clone, Copy)]
pub struct Shape {
    pub statements: u64,
    pub depth: u32,
    /// In a hundred statements.
    pub logs: u64,
    pub ends: u64,
    pub translations: u64,
    /// In a hundred tests.
    pub limits: u64,
    pub predicates: u64,
}

impl Shape {
    pub const PLAIN: Self =
        Self { statements: 4, depth: 3, logs: 0, ends: 25, translations: 0, limits: 0, predicates: 0 };
    pub const FULL: Self =
        Self { statements: 4, depth: 3, logs: 20, ends: 20, translations: 8, limits: 6, predicates: 10 };
}

struct Builder<'r> {
    random: &'r mut Random,
    shape: Shape,
    steps: Vec<Step>,
    sets: Vec<Set>,
    limits: u32,
}

pub fn program(random: &mut Random, shape: Shape) -> Program {
    let mut builder = Builder { random, shape, steps: vec![Step::End(Verdict::Accept)], sets: vec![], limits: 0 };
    let entry = builder.block(0, shape.depth);
    let Builder { steps, sets, limits, .. } = builder;
    turned(steps, entry, sets, limits)
}

/// Steps that each lead to earlier ones, the entry last, turned around; what is not reached is left out.
pub fn turned(steps: Vec<Step>, entry: StepId, sets: Vec<Set>, limits: u32) -> Program {
    let mut reached = vec![false; steps.len()];
    reached[entry as usize] = true;
    for at in (0..steps.len()).rev().filter(|at| *at <= entry as usize) {
        if reached[at] {
            each_target(&steps[at], |to| reached[to as usize] = true);
        }
    }
    let mut numbers = vec![0; steps.len()];
    for (number, at) in (0..).zip((0..steps.len()).rev().filter(|at| reached[*at])) {
        numbers[at] = number;
    }
    let mut kept = Vec::new();
    for at in (0..steps.len()).rev().filter(|at| reached[*at]) {
        let to = |step: StepId| numbers[step as usize];
        kept.push(match steps[at].clone() {
            Step::Test { test, then, otherwise } => Step::Test { test, then: to(then), otherwise: to(otherwise) },
            Step::Log { template, next } => Step::Log { template, next: to(next) },
            Step::Translate { translation, otherwise } => Step::Translate { translation, otherwise: to(otherwise) },
            end => end,
        });
    }
    finished(kept, sets, limits)
}

pub fn finished(steps: Vec<Step>, sets: Vec<Set>, limits: u32) -> Program {
    let places = vec![Place::NONE; steps.len()];
    let template = Template { sink: Sink::Console, parts: vec![Part::Text("x".into())] };
    let rate = LimitRate { tokens: 1, per: Duration::from_secs(1), burst: 1 };
    Program::new(steps, places, sets, vec![template], (0..limits).map(|bucket| Limit { rate, bucket }).collect())
        .expect("a program")
}

fn each_target(step: &Step, mut reach: impl FnMut(StepId)) {
    match step {
        Step::Test { then, otherwise, .. } => {
            reach(*then);
            reach(*otherwise);
        }
        Step::Log { next, .. } => reach(*next),
        Step::Translate { otherwise, .. } => reach(*otherwise),
        Step::End(_) => {}
    }
}

/// Any steps, their edges anywhere ahead.
pub fn tangle(random: &mut Random, len: u64, shape: Shape) -> Program {
    let mut builder = Builder { random, shape, steps: vec![Step::End(Verdict::Drop)], sets: vec![], limits: 0 };
    for _ in 1..len {
        let known = builder.steps.len() as u64;
        let near = |random: &mut Random| (known - 1 - random.below(known.min(6))) as StepId;
        let (a, b) = (near(builder.random), near(builder.random));
        let choice = builder.random.below(100);
        let step = if choice < builder.shape.logs {
            Step::Log { template: 0, next: a }
        } else if choice < builder.shape.logs + builder.shape.translations {
            Step::Translate { translation: builder.translation(), otherwise: a }
        } else if choice < builder.shape.logs + builder.shape.translations + 10 {
            Step::End(builder.verdict())
        } else {
            Step::Test { test: builder.test(), then: a, otherwise: b }
        };
        builder.steps.push(step);
    }
    let Builder { steps, sets, limits, .. } = builder;
    let entry = steps.len() as StepId - 1;
    turned(steps, entry, sets, limits)
}

impl Builder<'_> {
    fn push(&mut self, step: Step) -> StepId {
        self.steps.push(step);
        self.steps.len() as StepId - 1
    }

    fn block(&mut self, after: StepId, depth: u32) -> StepId {
        let mut next = after;
        if self.random.percent(self.shape.ends) {
            let verdict = self.verdict();
            next = self.push(Step::End(verdict));
        }
        for _ in 0..self.random.below(self.shape.statements + 1) {
            next = self.statement(next, depth);
        }
        next
    }

    fn statement(&mut self, next: StepId, depth: u32) -> StepId {
        let choice = self.random.below(100);
        if choice < self.shape.logs {
            self.push(Step::Log { template: 0, next })
        } else if choice < self.shape.logs + self.shape.translations {
            let translation = self.translation();
            self.push(Step::Translate { translation, otherwise: next })
        } else {
            let inner = depth.saturating_sub(1);
            let block = |builder: &mut Self| match depth {
                0 => {
                    let verdict = builder.verdict();
                    builder.push(Step::End(verdict))
                }
                _ => builder.block(next, inner),
            };
            let otherwise = if self.random.percent(40) { block(self) } else { next };
            let then = block(self);
            self.condition(then, otherwise, 2)
        }
    }

    fn condition(&mut self, then: StepId, otherwise: StepId, depth: u32) -> StepId {
        match self.random.below(if depth == 0 { 1 } else { 5 }) {
            1 => {
                let second = self.condition(then, otherwise, depth - 1);
                self.condition(second, otherwise, depth - 1)
            }
            2 => {
                let second = self.condition(then, otherwise, depth - 1);
                self.condition(then, second, depth - 1)
            }
            3 => self.condition(otherwise, then, depth - 1),
            _ => {
                let test = self.test();
                self.push(Step::Test { test, then, otherwise })
            }
        }
    }

    fn verdict(&mut self) -> Verdict {
        *self.random.pick(&[Verdict::Accept, Verdict::Drop, Verdict::Reject(Reject::TcpReset)])
    }

    fn translation(&mut self) -> Translation {
        let fixed = AddrRef::Fixed(address(self.random));
        match self.random.below(5) {
            0 => Translation::Dnat { address: Some(fixed), port: None },
            1 => Translation::Snat { address: Some(fixed), port: Some(9) },
            2 => Translation::Dnat { address: None, port: Some(9) },
            3 => Translation::Snat { address: Some(AddrRef::Iface(IfaceId(0))), port: None },
            _ => Translation::Masquerade,
        }
    }

    fn test(&mut self) -> Test {
        let choice = self.random.below(100);
        if choice < self.shape.limits {
            // Some buckets are shared between tests.
            let limit = self.random.below(u64::from(self.limits) + 1) as u32;
            self.limits = self.limits.max(limit + 1);
            return Test::Limit(limit);
        }
        if choice < self.shape.limits + self.shape.predicates {
            let comparison = self.comparison();
            let fields = [Field::IpSaddr, Field::IpDaddr, Field::TcpSport, Field::TcpDport, Field::IpTtl];
            let (left, right) = (*self.random.pick(&fields), *self.random.pick(&fields));
            return match self.random.below(3) {
                0 => Test::Compare { left, comparison, right },
                1 => {
                    let address = AddrRef::Iface(IfaceId(self.random.below(2) as u16));
                    Test::IsAddress { field: left, comparison, address }
                }
                _ => Test::IsAddress { field: left, comparison, address: AddrRef::Fixed(address(self.random)) },
            };
        }
        if choice > 95 {
            return Test::TcpFlags { mask: 1 << self.random.below(10) | self.random.below(2) as u16 };
        }
        let (field, set) = member(self.random);
        self.sets.push(set);
        Test::In { field, set: self.sets.len() as u32 - 1 }
    }

    fn comparison(&mut self) -> Comparison {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        *self.random.pick(&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
    }
}

/// A field and a set of values, from few enough values that sets meet.
fn member(random: &mut Random) -> (Field, Set) {
    let field = *random.pick(&[
        Field::IpSaddr,
        Field::IpSaddr,
        Field::IpSaddr,
        Field::IpDaddr,
        Field::IpDaddr,
        Field::IpProtocol,
        Field::IpProtocol,
        Field::TcpDport,
        Field::TcpDport,
        Field::UdpDport,
        Field::TcpSport,
        Field::UdpSport,
        Field::IcmpType,
        Field::Icmpv6Type,
        Field::CtState,
        Field::CtState,
        Field::IpVersion,
        Field::IpTtl,
        Field::TcpFlags,
        Field::Iif,
        Field::Oif,
        Field::IpLength,
    ]);
    let set = match field {
        Field::IpSaddr | Field::IpDaddr => {
            let ranges = (0..random.below(3) + 1).map(|_| {
                let base = address(random);
                let span = random.below(5).pow(4);
                match base {
                    IpAddr::V4(base) => {
                        (IpAddr::V4(base), IpAddr::V4((base.to_bits().saturating_add(span as u32)).into()))
                    }
                    IpAddr::V6(base) => {
                        (IpAddr::V6(base), IpAddr::V6(base.to_bits().saturating_add(u128::from(span) << 60).into()))
                    }
                }
            });
            Set::addresses(ranges.collect::<Vec<_>>())
        }
        Field::IpProtocol => {
            Set::numbers(vec![*random.pick(&[(6, 6), (17, 17), (1, 1), (58, 58), (6, 17), (0, 5), (47, 47)])])
        }
        Field::CtState => Set::number(random.below(4) as u32),
        Field::IpVersion => Set::number(4 + random.below(2) as u32 * 2),
        Field::TcpFlags => Set::number(random.below(20) as u32),
        Field::Iif | Field::Oif => Set::number(random.below(3) as u32),
        _ => {
            let intervals = (0..random.below(3) + 1).map(|_| {
                let base = random.below(30) as u32 * 10;
                (base, base + random.below(3) as u32 * 25)
            });
            Set::numbers(intervals.collect())
        }
    };
    (field, set)
}

fn address(random: &mut Random) -> IpAddr {
    if random.percent(70) {
        IpAddr::from([10, 0, random.below(2) as u8, random.below(6) as u8 * 40])
    } else {
        IpAddr::V6(((0xfd00_u128 << 112) + (u128::from(random.below(3)) << 64) + u128::from(random.below(3))).into())
    }
}
