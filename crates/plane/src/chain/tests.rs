//! Two planes of one policy, the one walking its programs and the other in a faster way, fed with the same frames:
//! whatever comes out of them, or stands in their counters, is the same.

use super::tables::Form;
use crate::tests::{Flat, HOST, LAN, ROUTER, WAN, World as Outside, feed, iface, route};
use crate::{Limits, Link, Lookup, Plane};
use alloc::{vec, vec::Vec};
use classifier::{Header, World, interpret};
use common::Random;
use common::nested::{self, Shape};
use policy::{
    Function, FunctionId, FunctionKind, Gateway, Hook, Parts, Place, Policy, Program, Step, Translation, Verdict,
};
use wire::ethernet::{self, ethertype};
use wire::{Buffer, Duration, Instant, Ipv6Addr, PortId, arp, ipv4};

#[path = "../../../classifier/tests/common/mod.rs"]
mod common;

/// A program that may stand on a hook.
fn function(random: &mut Random, hook: Hook, kind: FunctionKind) -> Function {
    let depth = 2 + random.below(3) as u32;
    let program = if random.percent(15) {
        nested::tangle(random, 40, Shape::FULL)
    } else {
        nested::program(random, Shape { depth, ..Shape::FULL })
    };
    let sources = matches!(hook, Hook::Postrouting | Hook::Input);
    let fit = |at: usize, step: Step| match (kind, step) {
        (FunctionKind::Filter, Step::Translate { otherwise, .. }) => Step::Log { template: 0, next: otherwise },
        (FunctionKind::Nat, Step::End(_)) => Step::End(Verdict::Accept),
        (FunctionKind::Nat, Step::Translate { translation, otherwise }) => {
            let (address, port) = match translation {
                Translation::Dnat { address, port } | Translation::Snat { address, port } => (address, port),
                Translation::Redirect { port } => (None, Some(port)),
                Translation::Masquerade => (None, None),
            };
            let translation = match hook {
                Hook::Postrouting if at.is_multiple_of(3) => Translation::Masquerade,
                Hook::Prerouting if at.is_multiple_of(3) => Translation::Redirect { port: port.unwrap_or(70) },
                _ if sources => Translation::Snat { address, port },
                _ => Translation::Dnat { address, port },
            };
            Step::Translate { translation, otherwise }
        }
        (_, step) => step,
    };
    let steps: Vec<Step> = program.steps().iter().cloned().enumerate().map(|(at, step)| fit(at, step)).collect();
    let places = vec![Place::NONE; steps.len()];
    let program =
        Program::new(steps, places, program.sets().to_vec(), program.templates().to_vec(), program.limits().to_vec());
    Function {
        name: "f".into(),
        kind,
        program: program.unwrap(),
        mentions_invalid: random.percent(50),
        place: Place::NONE,
    }
}

/// Two networks, and on each hook a few functions.
fn policy(random: &mut Random) -> Policy {
    let mut functions: Vec<Function> = Vec::new();
    let mut chain = |random: &mut Random, hook: Hook| -> Vec<FunctionId> {
        let mut chain = Vec::new();
        for kind in [FunctionKind::Nat, FunctionKind::Filter, FunctionKind::Filter] {
            if random.percent(40) && !(kind == FunctionKind::Nat && hook == Hook::Forward) {
                chain.push(FunctionId(functions.len() as u16));
                functions.push(function(random, hook, kind));
            }
        }
        chain
    };
    let mut ifaces = vec![iface("wan", 0, [10, 0, 0, 1]), iface("lan", 1, [10, 0, 1, 1])];
    for (at, iface) in ifaces.iter_mut().enumerate() {
        iface.address6 = vec![(Ipv6Addr::new(0xfd00, 0, 0, at as u16, 0, 0, 0, 9), 64)];
        iface.masquerade = random.percent(20);
        iface.prerouting = chain(random, Hook::Prerouting);
        iface.input = chain(random, Hook::Input);
        iface.output = chain(random, Hook::Output);
        iface.postrouting = chain(random, Hook::Postrouting);
    }
    let gateway = Gateway {
        routes: vec![route([10, 0, 0, 0], 0), route([10, 0, 1, 0], 1)],
        forward: chain(random, Hook::Forward),
        send_time_exceeded: true,
        ..Gateway::default()
    };
    Policy::new(Parts { ifaces, gateway: Some(gateway), functions, ..Parts::default() }).unwrap()
}

/// Without a `lookup` as it comes: some tables are made a second later.
fn plane(policy: &Policy, lookup: Option<Lookup>) -> Plane<Flat> {
    let links = vec![Link { port: WAN, mac: ROUTER[0], mtu: 1500 }, Link { port: LAN, mac: ROUTER[1], mtu: 1500 }];
    let mut plane = Plane::new(policy.clone(), links, Limits::default(), [7; 32], Instant::BOOT);
    if let Some(lookup) = lookup {
        plane.set_lookup(lookup);
    }
    plane.handle_timeout(Instant::BOOT, &mut Outside::default());
    plane
}

/// A value where the sets of random programs begin and end, or beside.
fn near(random: &mut Random, most: u64) -> u16 {
    let edge = random.below(30) * 10 + random.below(3) * 25;
    (edge + random.below(3)).saturating_sub(1).min(most) as u16
}

/// A frame that comes in by a port, its addresses mostly those of the two networks.
fn packet(random: &mut Random, port: PortId) -> Flat {
    let protocol = *random.pick(&[6, 6, 6, 17, 17, 1, 47]);
    let mut payload = vec![0; *random.pick(&[20, 24, 60])];
    let (sport, dport) = (near(random, 65_535), near(random, 65_535));
    match protocol {
        6 => {
            payload[..2].copy_from_slice(&sport.to_be_bytes());
            payload[2..4].copy_from_slice(&dport.to_be_bytes());
            payload[12] = 0x50;
            payload[13] = *random.pick(&[2, 2, 2, 0x12, 0x10, 0x11, 4, 0x18]);
        }
        17 => {
            payload[..2].copy_from_slice(&sport.to_be_bytes());
            payload[2..4].copy_from_slice(&dport.to_be_bytes());
            payload[5] = payload.len() as u8;
        }
        1 => payload[0] = *random.pick(&[8, 8, 0, 13, 10]),
        _ => {}
    }
    let v6 = random.percent(20);
    let host = |random: &mut Random, net: u8| [10, 0, net, random.below(6) as u8 * 40 + random.below(2) as u8];
    let (from, to) = (u8::from(port == LAN), u8::from(port == WAN));
    let ttl = 2 + near(random, 200) as u8;
    let mut bytes = vec![0; 14];
    if v6 {
        ethernet::Header::emit(&mut bytes, ROUTER[usize::from(from)], HOST, None, ethertype::IPV6);
        let protocol = if protocol == 1 { 58 } else { protocol };
        if protocol == 58 {
            payload[0] = *random.pick(&[128, 129, 150]);
        }
        bytes.extend([0x60, 0, 0, 0, 0, payload.len() as u8, protocol, ttl]);
        for net in [from, to] {
            let mut address = [0; 16];
            (address[0], address[7], address[15]) = (0xfd, net, 1 + random.below(3) as u8);
            bytes.extend(address);
        }
    } else {
        ethernet::Header::emit(&mut bytes, ROUTER[usize::from(from)], HOST, None, ethertype::IPV4);
        let beyond = if random.percent(90) { to } else { from };
        let (saddr, daddr) = (host(random, from).into(), host(random, beyond).into());
        let repr = ipv4::Repr {
            saddr,
            daddr,
            protocol,
            ttl,
            tos: 0,
            id: 1,
            dont_fragment: false,
            payload_len: payload.len() as u16,
        };
        bytes.resize(14 + 20, 0);
        repr.emit(&mut bytes[14..]);
    }
    bytes.extend(payload);
    Flat::new(&bytes)
}

/// The answer of a frame's receiver: endpoints exchanged, which leaves all checksums right.
fn reply(port: PortId, frame: &Flat) -> Option<Flat> {
    let mut bytes = frame.head().to_vec();
    bytes[..6].copy_from_slice(&ROUTER[usize::from(port.0)].0);
    bytes[6..12].copy_from_slice(&HOST.0);
    let (address, len, l4, protocol) = match bytes[12..14] {
        [8, 0] => (26, 4, 34, bytes[23]),
        [0x86, 0xdd] => (22, 16, 54, bytes[20]),
        _ => return None,
    };
    for at in address..address + len {
        bytes.swap(at, at + len);
    }
    match protocol {
        6 | 17 => (l4..l4 + 2).for_each(|at| bytes.swap(at, at + 2)),
        1 if bytes[l4] == 8 => bytes[l4] = 0,
        _ => {}
    }
    if protocol == 6 && bytes[l4 + 13] == 2 {
        bytes[l4 + 13] = 0x12;
    }
    Some(Flat::new(&bytes))
}

/// What the host whose address an ARP request asks for answers.
fn resolved(port: PortId, frame: &Flat) -> Option<Flat> {
    let message = arp::Message::parse(frame.head().get(14..)?)?;
    let is_request = frame.head()[12..14] == [8, 6] && message.operation == arp::Operation::Request;
    if !is_request || message.sender == message.target {
        return None;
    }
    let to = ROUTER[usize::from(port.0)];
    let mut bytes = vec![0; 60];
    ethernet::Header::emit(&mut bytes, to, HOST, None, ethertype::ARP);
    let operation = arp::Operation::Reply;
    arp::Message { operation, sender_mac: HOST, sender: message.target, target_mac: to, target: message.sender }
        .emit(&mut bytes[14..]);
    Some(Flat::new(&bytes))
}

/// The two planes, and what has come out of each.
struct Twins {
    planes: [Plane<Flat>; 2],
    outside: [Outside; 2],
    policy: Policy,
}

impl Twins {
    /// Gives both a frame; what leaves.
    fn feed(&mut self, now: Instant, port: PortId, frame: &Flat) -> Vec<(PortId, Flat)> {
        for (plane, outside) in self.planes.iter_mut().zip(&mut self.outside) {
            plane.handle_timeout(now, outside);
            feed(plane, now, port, frame.clone(), outside);
        }
        let [left, right] = &mut self.outside;
        let bytes = |sent: &(PortId, Flat)| (sent.0, sent.1.head().to_vec());
        assert!(left.sent.iter().map(bytes).eq(right.sent.iter().map(bytes)));
        assert_eq!(left.lines, right.lines);
        assert_eq!(left.delivered.len(), right.delivered.len());
        right.sent.clear();
        left.sent.drain(..).collect()
    }

    fn compare(&self) {
        let [left, right] = &self.planes;
        assert_eq!(left.flows(), right.flows());
        let (total, others) = (left.counters().total(), right.counters().total());
        assert!(total.drops().eq(others.drops()), "{total:?}\n{others:?}");
        for (id, function) in (0..).map(FunctionId).zip(&self.policy.functions) {
            for step in 0..function.program.steps().len() as u32 {
                let counts = [left, right].map(|plane| plane.rule_counts().of(id, step));
                assert_eq!(counts[0], counts[1], "step {step} of {:?}", function.program.steps());
            }
        }
    }
}

#[test]
fn tables_decoded_tests_and_steps_do_the_same_to_every_packet_of_any_policy() {
    let (mut random, mut acted, mut forwarded) = (Random(71), 0, 0);
    for round in 0..90 {
        let policy = policy(&mut random);
        let other = [None, Some(Lookup::Decoded), Some(Lookup::Always)][round % 3];
        let planes = [Some(Lookup::Never), other].map(|lookup| plane(&policy, lookup));
        let mut twins = Twins { planes, outside: [Outside::default(), Outside::default()], policy };
        let mut now = Instant::BOOT;
        for _ in 0..60 {
            now += Duration::from_millis(random.below(700));
            let port = *random.pick(&[WAN, LAN]);
            let frame = packet(&mut random, port);
            let mut left: Vec<(PortId, Flat)> = twins.feed(now, port, &frame);
            // Hosts answer; what comes of their answers is compared, too.
            for _ in 0..4 {
                for (port, frame) in core::mem::take(&mut left) {
                    let answer = resolved(port, &frame).or_else(|| reply(port, &frame));
                    left.extend(answer.into_iter().flat_map(|answer| twins.feed(now, port, &answer)));
                }
            }
        }
        twins.compare();
        forwarded += twins.planes[0].counters().total().forwarded;
        let rules = (0..).map(FunctionId).zip(&twins.policy.functions);
        let counts =
            rules.flat_map(|(id, function)| (0..function.program.steps().len() as u32).map(move |at| (id, at)));
        let counts = counts.filter_map(|(id, step)| twins.planes[0].rule_counts().of(id, step));
        acted += counts.filter(|count| count.packets > 0).count();
    }
    assert!(acted > 300 && forwarded > 500, "{acted} {forwarded}");
}

#[test]
fn a_short_program_is_walked_as_it_is_for_a_second() {
    // So many rules; how are they run at the start, and a second later?
    let table =
        [(2, "steps", "compact"), (12, "steps", "compact"), (60, "tables", "tables"), (300, "tables", "tables")];
    for (count, at_once, later) in table {
        let (program, _) = common::rules::program(&common::rules::rules(common::rules::Kind::Ports, count, 1));
        let name = "f".into();
        let function =
            Function { name, kind: FunctionKind::Filter, program, mentions_invalid: false, place: Place::NONE };
        let ifaces = vec![iface("wan", 0, [10, 0, 0, 1]), iface("lan", 1, [10, 0, 1, 1])];
        let policy = Policy::new(Parts { ifaces, functions: vec![function], ..Parts::default() }).unwrap();
        let mut plane = plane(&policy, None);
        let form = |plane: &Plane<Flat>| match plane.tables.form(FunctionId(0)) {
            Form::Steps => "steps",
            Form::Compact(_) => "compact",
            Form::Tables(_) => "tables",
        };
        assert_eq!(form(&plane), at_once, "{count}");
        plane.handle_timeout(Instant::from_millis(999), &mut Outside::default());
        assert_eq!(form(&plane), at_once, "{count}");
        plane.handle_timeout(Instant::from_secs(1), &mut Outside::default());
        assert_eq!(form(&plane), later, "{count}");
    }
}
