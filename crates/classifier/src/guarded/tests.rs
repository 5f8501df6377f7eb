use super::*;
use crate::Header;
use crate::common::Random;
use crate::common::nested::{self, Shape};
use crate::common::packets::{Bounds as Values, Recorder};
use crate::space::Purpose;
use policy::{Step, StepId, Test, Verdict};
use std::{vec, vec::Vec};

/// Runs a program by its lists, scanned from the front.
fn scan(
    program: &Program,
    space: &Space,
    questions: &[Question],
    guarded: &Guarded,
    header: &Header,
    world: &mut Recorder,
) -> Result<Verdict, StepId> {
    let ranks = space.ranks(header, |address| world.address(address));
    let inside =
        |guard: &[(Dim, RankSet)]| guard.iter().all(|(dim, set)| space.sets.contains(*set, ranks[usize::from(*dim)]));
    let (mut at, mut running) = (0, false);
    loop {
        if let Some(entry) = guarded.entry(at).filter(|_| !running) {
            let before = (at, running);
            for item in entry.items.iter().filter(|item| inside(entry.guard(item))) {
                if item.what == What::Pass {
                    world.log(item.step);
                    continue;
                }
                (at, running) = (item.step, item.what == What::Run);
                break;
            }
            assert_ne!((at, running), before, "nothing stops in\n{:?}\n{entry:?}", program.steps());
            continue;
        }
        running = false;
        let holds = match questions[at as usize] {
            Question::In { dim, set } => space.sets.contains(set, ranks[usize::from(dim)]),
            Question::Constant(is) => is,
            Question::Ask => true,
        };
        at = match &program.steps()[at as usize] {
            Step::End(verdict) => return Ok(*verdict),
            Step::Log { next, .. } => {
                world.log(at);
                *next
            }
            Step::Test { test: Test::Limit(limit), then, otherwise } => {
                if world.limit(*limit) {
                    *then
                } else {
                    *otherwise
                }
            }
            Step::Test { test, then, otherwise } => {
                assert_ne!(questions[at as usize], Question::Ask, "{test:?}");
                if holds { *then } else { *otherwise }
            }
            Step::Translate { otherwise, .. } => {
                if holds && world.translate(at)? {
                    return Ok(Verdict::Accept);
                }
                *otherwise
            }
        };
    }
}

fn agree(program: &Program, bounds: Bounds, random: &mut Random, packets: usize) {
    let (mut space, questions) = Space::of(&[program], Purpose::LookUp { dims: 64 });
    let guarded = Guarded::of(program, &mut space, &questions[0], bounds);
    let values = Values::of(program);
    for _ in 0..packets {
        let header = values.packet(random);
        let mut by_steps = Recorder::new(random.next());
        let mut by_list = by_steps.clone();
        let expected = by_steps.interpret(program, &header);
        let got = scan(program, &space, &questions[0], &guarded, &header, &mut by_list);
        assert_eq!((got, by_list), (expected, by_steps), "{:#?}\n{guarded:#?}\n{header:?}", program.steps());
    }
}

#[test]
fn lists_do_what_steps_do_for_nested_programs() {
    let mut random = Random(11);
    for round in 0..600 {
        let shape = [Shape::PLAIN, Shape::FULL][round % 2];
        let program = nested::program(&mut random, shape);
        agree(&program, Bounds::default(), &mut random, 40);
    }
}

#[test]
fn lists_do_what_steps_do_when_bounds_force_cuts() {
    let mut random = Random(12);
    for _ in 0..300 {
        let program = nested::program(&mut random, Shape { depth: 4, ..Shape::FULL });
        agree(&program, Bounds { copies: 2, products: 1, negations: 1 }, &mut random, 30);
        agree(&program, Bounds { copies: 1, products: 0, negations: 0 }, &mut random, 30);
    }
}

#[test]
fn lists_do_what_steps_do_for_any_forward_graph() {
    let mut random = Random(13);
    for round in 0..300 {
        let program = nested::tangle(&mut random, 5 + round % 60, Shape::FULL);
        agree(&program, Bounds::default(), &mut random, 30);
        agree(&program, Bounds { copies: 2, products: 2, negations: 1 }, &mut random, 30);
    }
}

/// Builds a program from its end.
struct Chain {
    steps: Vec<Step>,
    sets: Vec<policy::Set>,
}

impl Chain {
    fn push(&mut self, step: Step) -> StepId {
        self.steps.push(step);
        self.steps.len() as StepId - 1
    }

    fn test(&mut self, field: policy::Field, value: u32, then: StepId, otherwise: StepId) -> StepId {
        self.sets.push(match field {
            policy::Field::IpSaddr => policy::Set::address(wire::IpAddr::V4(value.into())),
            _ => policy::Set::number(value),
        });
        let set = self.sets.len() as u32 - 1;
        self.push(Step::Test { test: Test::In { field, set }, then, otherwise })
    }
}

#[test]
fn every_shape_of_program_becomes_lists_of_linear_size() {
    use policy::Field::{IpSaddr, IpTtl, TcpDport};
    const LINKS: u32 = 400;
    type Link = fn(&mut Chain, u32, StepId, StepId) -> StepId;
    // A link is given its number, what follows the whole chain, and what follows the link.
    let table: [(&str, Link); 6] = [
        ("else if of one field, all going on behind", |chain, at, end, next| {
            let log = chain.push(Step::Log { template: 0, next: end });
            chain.test(IpSaddr, at, log, next)
        }),
        ("else if of two fields, all going on behind", |chain, at, end, next| {
            let log = chain.push(Step::Log { template: 0, next: end });
            let second = chain.test(IpTtl, at % 7, log, next);
            chain.test(IpSaddr, at, second, next)
        }),
        ("if and else that both go on", |chain, at, _, next| {
            let (a, b) = (chain.push(Step::Log { template: 0, next }), chain.push(Step::Log { template: 0, next }));
            chain.test(TcpDport, at, a, b)
        }),
        ("alternatives of different fields", |chain, at, end, next| {
            chain.test([IpSaddr, IpTtl, TcpDport][at as usize % 3], at, end, next)
        }),
        ("a limit in each rule", |chain, at, _, next| {
            let end = chain.push(Step::End(Verdict::Accept));
            let limit = chain.push(Step::Test { test: Test::Limit(0), then: end, otherwise: next });
            chain.test(IpSaddr, at, limit, next)
        }),
        ("a log in each rule that goes on", |chain, at, _, next| {
            let log = chain.push(Step::Log { template: 0, next });
            chain.test([IpSaddr, TcpDport][at as usize % 2], at / 3, log, next)
        }),
    ];
    let mut random = Random(14);
    for (name, link) in table {
        let mut chain = Chain { steps: vec![Step::End(Verdict::Drop)], sets: vec![] };
        let mut end = chain.push(Step::Log { template: 0, next: 0 });
        end = chain.test(IpTtl, 3, end, 0);
        let mut next = end;
        for at in 0..LINKS {
            next = link(&mut chain, at, end, next);
        }
        let program = nested::turned(chain.steps, next, chain.sets, 1);
        let (mut space, questions) = Space::of(&[&program], Purpose::LookUp { dims: 32 });
        let before = space.sets.size();
        let guarded = Guarded::of(&program, &mut space, &questions[0], Bounds::default());
        let items: usize = guarded.entries.iter().map(|entry| entry.items.len()).sum();
        let steps = program.steps().len();
        assert!(items <= steps * 5 + 200, "{name}: {items} items of {steps} steps");
        let sets = space.sets.size() - before;
        assert!(sets <= (before + steps) * 8 + (1 << 17), "{name}: sets of {sets}, before {before}");
        assert!(guarded.entries.len() <= 40, "{name}: {} lists", guarded.entries.len());
        agree(&program, Bounds::default(), &mut random, 60);
    }
}
