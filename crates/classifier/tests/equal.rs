//! A classifier, and a program with its tests decoded, do what the program does, step by step.

mod common;

use common::Random;
use common::nested::{self, Shape};
use common::packets::{Bounds, Recorder};
use common::rules::{self, Kind};
use policy::{Program, StepId, Verdict};
use saltgate_classifier::{BATCH, Classifier, Compact, Ended, Header, Level, Ranks, Walks, World, interpret};

fn agree(program: &Program, random: &mut Random, packets: usize) {
    let classifier = Classifier::new(program);
    let compact = Compact::new(program).expect("a program that is short enough");
    let bounds = Bounds::of(program);
    let mut walks = Walks::new();
    let mut left = packets;
    while left > 0 {
        let count = left.min(BATCH);
        left -= count;
        let headers: Vec<Header> = (0..count).map(|_| bounds.packet(random)).collect();
        let seed = random.next();
        let world = Recorder::new(seed);
        for header in &headers {
            let (mut by_steps, mut decoded) = (world.clone(), world.clone());
            let expected = by_steps.interpret(program, header);
            same(program, &compact.run(program, &mut decoded.with(header)), &expected);
            assert_eq!(decoded, by_steps, "{:?}\n{header:?}", program.steps());
        }
        for level in [Level::SCALAR, Level::FLOOR, Level::detect()] {
            let mut ranks = [Ranks::default(); BATCH];
            classifier.ranks_many(level, &headers, |address| world.address(address), &mut ranks);
            let found = classifier.find_many(level, &ranks, count, &mut walks);
            for ((header, ranks), found) in headers.iter().zip(&ranks).zip(found) {
                let mut by_steps = world.clone();
                let expected = by_steps.interpret(program, header);
                let alone = classifier.ranks(level, header, |address| world.address(address));
                assert_eq!(&alone, ranks, "{header:?}");
                assert_eq!(classifier.find(level, ranks), found, "{header:?}");
                let mut by_tables = world.clone();
                let got = classifier.finish(level, program, ranks, found, &mut by_tables.with(header));
                same(program, &got, &expected);
                assert_eq!(compact.run(program, &mut world.clone().with(header)), got, "by the same step");
                assert_eq!(by_tables, by_steps, "{:?}\n{header:?}", program.steps());
            }
        }
    }
}

fn same(program: &Program, got: &Result<Ended, StepId>, expected: &Result<Verdict, StepId>) {
    assert_eq!(got.map(|ended| ended.verdict), *expected, "{:?}", program.steps());
}

#[test]
fn tables_do_what_steps_do_for_nested_programs() {
    let mut random = Random(31);
    for round in 0..600 {
        let shape = [Shape::PLAIN, Shape::FULL, Shape { depth: 5, ..Shape::FULL }][round % 3];
        let program = nested::program(&mut random, shape);
        agree(&program, &mut random, 48);
    }
}

#[test]
fn tables_do_what_steps_do_for_any_forward_graph() {
    let mut random = Random(32);
    for round in 0..300 {
        let program = nested::tangle(&mut random, 5 + round % 200, Shape::FULL);
        agree(&program, &mut random, 48);
    }
}

#[test]
fn tables_do_what_steps_do_for_lists_of_rules() {
    let mut random = Random(33);
    for kind in Kind::ALL {
        for count in [1, 10, 70, 300] {
            let list = rules::rules(kind, count, 5);
            let (program, _) = rules::program(&list);
            agree(&program, &mut random, 160);
        }
    }
}

#[test]
fn the_first_rule_wins_among_many() {
    let mut random = Random(34);
    for kind in Kind::ALL {
        let list = rules::rules(kind, 1_500, 6);
        let (program, _) = rules::program(&list);
        let classifier = Classifier::new(&program);
        let cost = classifier.cost(&program);
        for _ in 0..1_500 {
            let packet = rules::packet(&list, &mut random);
            let expected = match rules::scan(&list, packet) {
                Some(at) if at % 3 != 0 => Verdict::Accept,
                _ => Verdict::Drop,
            };
            let mut world = Recorder::new(0);
            let got = classifier.run(Level::detect(), &program, &mut world.with(&rules::header(packet)));
            assert_eq!(got.map(|ended| ended.verdict), Ok(expected), "{kind:?} {packet:?} {cost:?}");
        }
    }
}
