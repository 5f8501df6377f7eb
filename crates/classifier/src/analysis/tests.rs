use super::*;
use crate::Packet;
use crate::common::Random;
use crate::common::nested::{self, Shape};
use crate::common::packets::{Bounds, Recorder};
use crate::common::rules::{self, Kind};
use policy::{AddrRef, Field, Set, Test, Verdict};
use std::collections::BTreeMap;
use wire::IpAddr;

/// The steps that a packet comes to, and how its tests turn out; what the header does not tell is looked up.
fn walk(program: &Program, header: &Header, told: &BTreeMap<StepId, bool>, random: &mut Random) -> Vec<(StepId, bool)> {
    let mut world = Recorder::new(random.next());
    let mut at = 0;
    let mut steps = Vec::new();
    loop {
        let step = &program.steps()[at as usize];
        let holds = match step {
            Step::Test { test, .. } => told.get(&at).copied().unwrap_or_else(|| match test {
                Test::Limit(_) => random.percent(50),
                test => crate::interpret::holds(program, test, &mut world.with(header)),
            }),
            Step::Translate { translation, .. } => told.get(&at).copied().unwrap_or_else(|| {
                crate::interpret::family_fits(translation, header)
                    && (crate::interpret::family(translation).is_some() || random.percent(50))
            }),
            Step::Log { .. } | Step::End(_) => true,
        };
        steps.push((at, holds));
        at = match step {
            Step::Test { then, .. } if holds => *then,
            Step::Test { otherwise, .. } => *otherwise,
            Step::Log { next, .. } => *next,
            Step::Translate { otherwise, .. } if !holds => *otherwise,
            Step::Translate { .. } | Step::End(_) => return steps,
        };
    }
}

/// A packet that there can be: of one family, with values that fields can have.
fn plausible(bounds: &Bounds, random: &mut Random) -> Option<Header> {
    let mut header = bounds.packet(random);
    let (Some(src), Some(dst)) = (header.address(Field::IpSaddr), header.address(Field::IpDaddr)) else { return None };
    if src.is_ipv4() != dst.is_ipv4() {
        return None;
    }
    header.set_number(Field::IpVersion, if src.is_ipv4() { 4 } else { 6 });
    for field in Field::ALL.iter().filter(|field| !field.is_address()) {
        match header.number(*field) {
            Some(value) => {
                let (least, greatest) = domain(*field);
                if *field == Field::IpProtocol {
                    if value > 255 {
                        return None;
                    }
                } else {
                    header.set_number(*field, value.clamp(least, greatest));
                }
            }
            None if crate::header::Kind::of(*field) == crate::header::Kind::Other
                && !matches!(field, Field::Iif | Field::Oif) =>
            {
                return None;
            }
            None => {}
        }
    }
    let icmp = [header.number(Field::IcmpType).is_some(), header.number(Field::Icmpv6Type).is_some()];
    let bare = matches!(header.number(Field::IpProtocol), Some(6 | 17))
        && header.number(Field::TcpDport).is_none()
        && header.number(Field::UdpDport).is_none();
    let own = if src.is_ipv4() { 1 } else { 58 };
    let untyped = header.number(Field::IpProtocol) == Some(own) && icmp == [false, false];
    (!bare && !untyped && !icmp[if src.is_ipv4() { 1 } else { 0 }]).then_some(header)
}

#[test]
fn what_never_happens_happens_to_no_packet_and_witnesses_show_what_does() {
    let mut random = Random(41);
    let (mut asked, mut unknown) = (0, 0);
    for round in 0..150 {
        let program = match round % 3 {
            0 => nested::program(&mut random, Shape::PLAIN),
            1 => nested::program(&mut random, Shape { predicates: 0, ..Shape::FULL }),
            _ => nested::tangle(&mut random, 30, Shape { predicates: 0, ..Shape::FULL }),
        };
        let mut analysis = Analysis::new(&program, Effort::default());
        let mut never: Vec<(StepId, bool)> = Vec::new();
        for (at, step) in (0..).zip(program.steps()) {
            for holds in [true, false] {
                let reach = match step {
                    Step::Test { .. } => analysis.outcome(at, holds),
                    _ if holds => analysis.reach(at),
                    _ => continue,
                };
                asked += 1;
                match reach {
                    Reach::Never(_) => never.push((at, holds)),
                    Reach::Unknown => unknown += 1,
                    Reach::Reached(witness) => {
                        let told: BTreeMap<StepId, bool> = witness.outcomes.iter().copied().collect();
                        let steps = walk(&program, &witness.header, &told, &mut random);
                        let came =
                            steps.iter().any(|(step, is)| *step == at && (*is == holds || !is_test(&program, at)));
                        assert!(came, "step {at} {holds} {witness:?}\n{:?}\n{steps:?}", program.steps());
                    }
                }
            }
        }
        let bounds = Bounds::of(&program);
        for _ in 0..300 {
            let Some(header) = plausible(&bounds, &mut random) else { continue };
            for (at, holds) in walk(&program, &header, &BTreeMap::new(), &mut random) {
                let claimed = never.contains(&(at, holds)) && (is_test(&program, at) || holds);
                assert!(!claimed, "step {at} {holds} by {header:?}\n{:?}", program.steps());
            }
        }
    }
    assert!(unknown * 50 < asked, "{unknown} of {asked} remained unknown");
}

fn is_test(program: &Program, step: StepId) -> bool {
    matches!(program.steps()[step as usize], Step::Test { .. })
}

fn test(field: Field, set: u32, then: StepId, otherwise: StepId) -> Step {
    Step::Test { test: Test::In { field, set }, then, otherwise }
}

/// The addresses of a prefix.
fn net(prefix: &str) -> Set {
    let (base, len) = prefix.split_once('/').expect("a prefix");
    let len: u32 = len.parse().expect("a length");
    let last = match base.parse().expect("an address") {
        IpAddr::V4(base) => IpAddr::V4((base.to_bits() | (u32::MAX >> len)).into()),
        IpAddr::V6(base) => IpAddr::V6((base.to_bits() | (u128::MAX >> len)).into()),
    };
    Set::addresses([(base.parse().expect("an address"), last)])
}

#[test]
fn a_shadowed_rule_is_told_with_those_that_cover_it() {
    // 10.0.0.0/8 accept; 10.1.0.0/16 drop; 10.0.0.0/9 and 10.128.0.0/9 … each cover a half of another /8.
    let steps = vec![
        test(Field::IpSaddr, 0, 1, 2),
        Step::End(Verdict::Accept),
        test(Field::IpSaddr, 1, 3, 4),
        Step::End(Verdict::Drop),
        test(Field::IpSaddr, 2, 5, 6),
        Step::End(Verdict::Accept),
        test(Field::IpSaddr, 3, 7, 8),
        Step::End(Verdict::Accept),
        test(Field::IpSaddr, 4, 9, 10),
        Step::End(Verdict::Drop),
        Step::End(Verdict::Drop),
    ];
    let sets = vec![net("10.0.0.0/8"), net("10.1.0.0/16"), net("20.0.0.0/9"), net("20.128.0.0/9"), net("20.0.0.0/8")];
    let program = nested::finished(steps, sets, 0);
    let mut analysis = Analysis::new(&program, Effort::default());
    let findings = analysis.findings();
    let covered = |by: &[StepId]| Why::Covered(by.to_vec());
    assert_eq!(findings.never, [(2, true, covered(&[1])), (8, true, covered(&[5, 7]))]);
    assert_eq!(findings.unreached, [3, 9]);
    assert_eq!(findings.unknown, []);
    let Reach::Reached(witness) = analysis.reach(10) else { panic!("the last drop is reached") };
    assert_eq!(witness.outcomes, []);
}

#[test]
fn conditions_that_no_packet_meets_are_contradictions() {
    let numbers = |low, high| Set::numbers(vec![(low, high)]);
    // (field, set) and then (field, set): the second test is never true.
    let table = [
        (Field::TcpDport, numbers(80, 80), Field::UdpDport, numbers(0, u32::MAX)),
        (Field::IpProtocol, numbers(17, 17), Field::TcpDport, numbers(22, 22)),
        (Field::IpTtl, numbers(0, u32::MAX), Field::IpTtl, numbers(256, u32::MAX)),
        (Field::IpVersion, numbers(6, 6), Field::IpSaddr, net("10.0.0.0/8")),
        (Field::IpSaddr, net("10.0.0.0/8"), Field::Icmpv6Type, numbers(0, 255)),
        (Field::IpSaddr, net("10.0.0.0/8"), Field::IpDaddr, net("fd00::/8")),
        (Field::TcpDport, numbers(80, 80), Field::TcpDport, numbers(90, 100)),
        (Field::CtState, numbers(0, 0), Field::CtState, numbers(1, 9)),
        (Field::UdpSport, numbers(0, u32::MAX), Field::TcpFlags, numbers(2, 2)),
    ];
    for (first, first_set, second, second_set) in table {
        let steps =
            vec![test(first, 0, 1, 3), test(second, 1, 2, 3), Step::End(Verdict::Accept), Step::End(Verdict::Drop)];
        let program = nested::finished(steps, vec![first_set, second_set], 0);
        let findings = Analysis::new(&program, Effort::default()).findings();
        assert!(findings.never.contains(&(1, true, Why::Contradiction)), "{first:?} {second:?} {findings:?}");
        assert_eq!(findings.unreached, [2], "{first:?} {second:?}");
    }
}

#[test]
fn a_condition_that_is_always_true_is_told() {
    // if tcp { if ip.protocol == 6 { accept } drop } drop
    let steps = vec![
        test(Field::TcpDport, 0, 1, 3),
        test(Field::IpProtocol, 1, 2, 3),
        Step::End(Verdict::Accept),
        Step::End(Verdict::Drop),
    ];
    let program = nested::finished(steps, vec![Set::numbers(vec![(0, 65_535)]), Set::number(6)], 0);
    let findings = Analysis::new(&program, Effort::default()).findings();
    assert_eq!(findings.never, [(1, false, Why::Contradiction)]);
}

#[test]
fn a_limit_covers_nothing_by_itself_and_everything_with_what_is_behind_it() {
    let limited = |behind: StepId| {
        let steps = vec![
            test(Field::TcpDport, 0, 1, 4),
            Step::Test { test: Test::Limit(0), then: 2, otherwise: behind },
            Step::End(Verdict::Accept),
            Step::End(Verdict::Drop),
            test(Field::TcpDport, 0, 5, 6),
            Step::End(Verdict::Drop),
            Step::End(Verdict::Drop),
        ];
        nested::finished(steps, vec![Set::number(80)], 1)
    };
    let findings = Analysis::new(&limited(4), Effort::default()).findings();
    assert_eq!(findings.never, []);
    let findings = Analysis::new(&limited(3), Effort::default()).findings();
    assert_eq!(findings.never, [(4, true, Why::Covered(vec![3]))]);
}

#[test]
fn effort_that_is_not_enough_says_so() {
    let (program, _) = rules::program(&rules::rules(Kind::Fw, 50, 1));
    let findings = Analysis::new(&program, Effort(10)).findings();
    assert!(!findings.unknown.is_empty() && findings.never.is_empty());
}

/// What a program does to a packet: logs, and the end.
fn does(program: &Program, header: &Header) -> (usize, Verdict) {
    let mut world = Recorder::new(0);
    let verdict = world.interpret(program, header).expect("no translation");
    (world.happened.len(), verdict)
}

#[test]
fn programs_are_told_apart_by_a_packet_exactly_if_they_differ() {
    let mut random = Random(42);
    let (mut same, mut different) = (0, 0);
    for _ in 0..200 {
        let shape = Shape { logs: 15, statements: 3, depth: 2, ..Shape::PLAIN };
        let left = nested::program(&mut random, shape);
        let right = if random.percent(50) {
            // One verdict or edge changed.
            let mut steps = left.steps().to_vec();
            let at = random.below(steps.len() as u64) as usize;
            match &mut steps[at] {
                Step::End(verdict) => *verdict = Verdict::Accept,
                Step::Test { then, otherwise, .. } => core::mem::swap(then, otherwise),
                _ => {}
            }
            nested::finished(steps, left.sets().to_vec(), 0)
        } else {
            nested::program(&mut random, shape)
        };
        match compare(&left, &right, Effort::default()) {
            Difference::At(example) => {
                different += 1;
                let header = &example.witness.header;
                assert_ne!(
                    does(&left, header),
                    does(&right, header),
                    "{header:?}\n{:?}\n{:?}",
                    left.steps(),
                    right.steps()
                );
            }
            Difference::None => {
                same += 1;
                for program in [&left, &right] {
                    let bounds = Bounds::of(program);
                    for _ in 0..100 {
                        if let Some(header) = plausible(&bounds, &mut random) {
                            assert_eq!(does(&left, &header), does(&right, &header), "{header:?}");
                        }
                    }
                }
            }
            Difference::Unknown => {}
        }
    }
    assert!(same > 10 && different > 50, "{same} {different}");
}

#[test]
fn equal_lists_of_rules_are_equal_and_one_changed_rule_is_found() {
    let list = rules::rules(Kind::Acl, 150, 3);
    let (left, _) = rules::program(&list);
    assert_eq!(compare(&left, &left.clone(), Effort::default()), Difference::None);
    let mut changed = list.clone();
    changed[70].dst = (changed[70].dst.0, changed[70].dst.0);
    changed.push(rules::Rule { src: (1, 1), ..list[0] });
    let (right, _) = rules::program(&changed);
    let Difference::At(example) = compare(&left, &right, Effort::default()) else { panic!("they differ") };
    let header = &example.witness.header;
    assert_ne!(does(&left, header), does(&right, header));
}

#[test]
fn witnesses_of_addresses_known_at_run_time_say_what_they_assume() {
    let is_own = Test::IsAddress {
        field: Field::IpDaddr,
        comparison: policy::Comparison::Equal,
        address: AddrRef::Iface(wire::IfaceId(1)),
    };
    let steps =
        vec![Step::Test { test: is_own, then: 1, otherwise: 2 }, Step::End(Verdict::Accept), Step::End(Verdict::Drop)];
    let program = nested::finished(steps, vec![], 0);
    let mut analysis = Analysis::new(&program, Effort::default());
    let Reach::Reached(witness) = analysis.reach(1) else { panic!("it may be reached") };
    assert_eq!(witness.outcomes, [(0, true)]);
    assert!(Recorder::new(0).address(AddrRef::Iface(wire::IfaceId(1))).is_none());
    assert!(witness.header.address(Field::IpDaddr).is_some_and(|address: IpAddr| address.is_ipv4()));
}
