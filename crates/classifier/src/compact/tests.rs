use super::*;
use crate::Header;
use crate::common::Random;
use crate::common::nested::{self, Shape, finished};
use crate::common::packets::Recorder;
use policy::{Set, Verdict};
use std::vec;

/// For each field that a program compares, every value at which an answer may change.
fn values(program: &Program) -> BTreeMap<Field, Vec<u128>> {
    let mut values: BTreeMap<Field, Vec<u128>> = BTreeMap::new();
    for step in program.steps() {
        let Step::Test { test: Test::In { field, set }, .. } = step else { continue };
        let set = &program.sets()[*set as usize];
        let narrow = |bounds: &[(u32, u32)]| -> Vec<u128> {
            let around = |(low, high): &(u32, u32)| [low.wrapping_sub(1), *low, *high, high.wrapping_add(1)];
            bounds.iter().flat_map(around).map(u128::from).collect()
        };
        let values = values.entry(*field).or_default();
        values.extend(narrow(set.numbers.intervals()));
        values.extend(narrow(set.v4.intervals()));
        for (low, high) in set.v6.intervals() {
            values.extend([low.wrapping_sub(1), *low, *high, high.wrapping_add(1)]);
        }
    }
    for values in values.values_mut() {
        values.sort_unstable();
        values.dedup();
    }
    values
}

/// Packets of every class with every combination of those values, unless there are too many.
fn packets(values: &BTreeMap<Field, Vec<u128>>) -> Vec<Header> {
    let mut packets = Vec::new();
    for (kind, v6) in Kind::ALL.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let mut header = Header::new();
        header.set_number(Field::IpVersion, if v6 { 6 } else { 4 });
        header.set_number(Field::IpProtocol, kind.protocol().unwrap_or(47));
        match kind {
            Kind::Tcp => header.set_number(Field::TcpFlags, 2),
            Kind::Udp => header.set_number(Field::UdpSport, 1),
            Kind::Icmp => header.set_number(Field::IcmpType, 8),
            Kind::Icmpv6 => header.set_number(Field::Icmpv6Type, 128),
            Kind::Other => {}
        }
        for field in [Field::IpSaddr, Field::IpDaddr] {
            header.set_address(field, if v6 { IpAddr::V6(1.into()) } else { IpAddr::V4(1.into()) });
        }
        let mut of_class = vec![header];
        for (field, values) in values {
            // A field of another protocol would make it one of that, and so would a protocol of a kind.
            if ![Kind::Other, kind].contains(&Kind::of(*field)) || *field == Field::IpProtocol {
                continue;
            }
            let with = |header: &Header, value: u128| {
                let mut header = header.clone();
                match field.is_address() {
                    true if v6 => header.set_address(*field, IpAddr::V6(value.into())),
                    true => header.set_address(*field, IpAddr::V4((value as u32).into())),
                    false => header.set_number(*field, value as u32),
                }
                header
            };
            let more: Vec<Header> =
                of_class.iter().flat_map(|header| values.iter().map(|value| with(header, *value))).collect();
            // What does not have the field at all stays, too.
            of_class.extend(more);
        }
        packets.extend(of_class);
    }
    packets
}

#[test]
fn small_programs_do_what_their_steps_do_to_every_packet_there_is() {
    let (mut random, mut compared) = (Random(81), 0);
    for round in 0..400 {
        let program = match round % 2 {
            0 => nested::tangle(&mut random, 2 + round / 2 % 6, Shape::FULL),
            _ => nested::program(&mut random, Shape { depth: 1, statements: 2, ..Shape::FULL }),
        };
        let compact = Compact::new(&program).unwrap();
        let values = values(&program);
        if values.values().map(|values| values.len() + 1).product::<usize>() > 3_000 {
            continue;
        }
        for header in packets(&values) {
            let (mut by_steps, mut decoded) = (Recorder::new(round), Recorder::new(round));
            let expected = by_steps.interpret(&program, &header);
            let got = compact.run(&program, &mut decoded.with(&header));
            assert_eq!(got.map(|ended| ended.verdict), expected, "{:?}\n{header:?}", program.steps());
            assert_eq!(decoded, by_steps, "{:?}\n{header:?}", program.steps());
            compared += 1;
        }
    }
    assert!(compared > 20_000, "{compared}");
}

/// So many tests of a port, one after the other.
fn ports(count: u32) -> Program {
    let mut steps: Vec<Step> = (0..count)
        .map(|at| {
            let test = Test::In { field: Field::UdpDport, set: at };
            Step::Test { test, then: count, otherwise: if at + 1 < count { at + 1 } else { count + 1 } }
        })
        .collect();
    steps.extend([Step::End(Verdict::Drop), Step::End(Verdict::Accept)]);
    finished(steps, (0..count).map(Set::number).collect(), 0)
}

#[test]
fn a_way_costs_as_many_nodes_as_there_are_numbers_to_compare() {
    let compact = Compact::new(&ports(10)).unwrap();
    assert_eq!((compact.longest_way(), compact.nodes.len()), (10, 10), "only UDP has them, and both families share");
    let program = ports(10);
    let mut header = Header::new();
    header.set_address(Field::IpSaddr, IpAddr::from([10, 0, 0, 1]));
    header.set_address(Field::IpDaddr, IpAddr::from([10, 0, 0, 2]));
    header.set_number(Field::TcpDport, 3);
    let ended = compact.run(&program, &mut Recorder::new(0).with(&header));
    assert_eq!(ended, Ok(Ended::by(Verdict::Accept, 11)), "another protocol's port");
    header.set_number(Field::UdpDport, 3);
    assert_eq!(compact.run(&program, &mut Recorder::new(0).with(&header)), Ok(Ended::by(Verdict::Drop, 10)));
}

#[test]
fn a_program_with_more_nodes_than_edges_can_name_is_not_decoded() {
    assert!(Compact::new(&ports(30_000)).is_some());
    assert!(Compact::new(&ports(40_000)).is_none());
}
