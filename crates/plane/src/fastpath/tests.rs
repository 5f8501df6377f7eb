//! Two planes of one policy, one of which walks every packet: whatever comes out of them is the same.

use super::sight::{Door, Sight};
use crate::chain::Lookup;
use crate::conntrack::Tuple;
use crate::nat::Random;
use crate::parse;
use crate::tests::{Flat, HOST, LAN, ROUTER, WAN, World, iface, route};
use crate::{Address4, Limits, Link, Plane};
use alloc::vec;
use alloc::vec::Vec;
use policy::{
    AddrRef, Comparison, Field, Function, FunctionId, FunctionKind, Gateway, Hook, Limit, LimitRate, Parts, Place,
    Policy, Program, Set, Sink, Step, Template, Test, Translation, Verdict,
};
use wire::checksum::{Sum, checksum};
use wire::ethernet::{self, ethertype};
use wire::tcp::flag;
use wire::{
    Buffer, Burst, Cidr, Duration, IfaceId, Instant, IpAddr, Ipv6Addr, MacAddr, Offload, PartialChecksum, PortId,
    Segmentation, SegmentationKind, arp, ipv4, ipv6, ndp,
};

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A VLAN of the LAN's NIC, with a network of its own.
const VLAN: u16 = 7;
const PORTS: [u16; 4] = [53, 80, 4000, 4001];

/// Steps that mostly ask for what packets of a flow have in common.
fn program(random: &mut Random, hook: Hook, kind: FunctionKind) -> Program {
    let len = 3 + random.below(6) as u32;
    let mut sets = vec![Set::number(1), Set::number(0), Set::number(6)];
    sets.push(Set::numbers(vec![(53, 80)]));
    sets.push(Set::number(4000));
    sets.push(Set::addresses([(IpAddr::from([10, 0, 0, 0]), IpAddr::from([10, 0, 0, 12]))]));
    sets.push(Set::addresses([(IpAddr::from([10, 1, 0, 9]), IpAddr::from([10, 1, 0, 9]))]));
    sets.push(Set::numbers(vec![(0, 60)]));
    let end = |random: &mut Random| {
        let drops = kind == FunctionKind::Filter && random.percent(15);
        Step::End(if drops { Verdict::Drop } else { Verdict::Accept })
    };
    let mut steps = Vec::new();
    for at in 0..len - 1 {
        let on = at + 1 + random.below(u64::from(len - at - 1)) as u32;
        if at == 0 && random.percent(30) {
            // What is established passes, or is judged by the last step.
            let test = Test::In { field: Field::CtState, set: 0 };
            steps.push(Step::Test { test, then: len - 1, otherwise: 1 });
            continue;
        }
        if at > 0 && random.percent(20) {
            steps.push(end(random));
            continue;
        }
        let test = match random.below(24) {
            0..4 => Test::In { field: Field::CtState, set: random.pick(&[0, 1]) },
            4 => Test::In { field: Field::IpProtocol, set: 2 },
            5..7 => Test::In { field: random.pick(&[Field::UdpDport, Field::TcpDport]), set: random.pick(&[3, 4]) },
            7 => Test::In { field: random.pick(&[Field::UdpSport, Field::TcpSport]), set: random.pick(&[3, 4]) },
            8..11 => Test::In { field: random.pick(&[Field::IpSaddr, Field::IpDaddr]), set: random.pick(&[5, 6]) },
            11 => Test::In { field: random.pick(&[Field::Iif, Field::Oif]), set: random.pick(&[0, 1]) },
            12 => Test::Compare { left: Field::IpSaddr, comparison: Comparison::Less, right: Field::IpDaddr },
            13 => Test::IsAddress {
                field: Field::IpDaddr,
                comparison: Comparison::NotEqual,
                address: AddrRef::Iface(IfaceId(0)),
            },
            14 if random.percent(40) => {
                Test::In { field: random.pick(&[Field::IpTtl, Field::IpLength]), set: random.pick(&[3, 7]) }
            }
            15 if random.percent(40) => Test::TcpFlags { mask: random.pick(&[flag::SYN, flag::PSH]) },
            16 if random.percent(40) => Test::Limit(0),
            17 if random.percent(40) => {
                steps.push(Step::Log { template: 0, next: on });
                continue;
            }
            18..24 if kind == FunctionKind::Nat => {
                let address = Some(AddrRef::Fixed(IpAddr::from(random.pick(&[[10, 1, 0, 20], [10, 0, 0, 20]]))));
                let port = random.pick(&[None, Some(8080)]);
                let translation = match hook {
                    Hook::Prerouting => Translation::Dnat { address, port },
                    _ if random.percent(50) => Translation::Masquerade,
                    _ => Translation::Snat { address, port },
                };
                steps.push(Step::Translate { translation, otherwise: on });
                continue;
            }
            _ => Test::In { field: Field::CtState, set: 0 },
        };
        steps.push(Step::Test { test, then: on, otherwise: at + 1 });
    }
    steps.push(end(random));
    let places = vec![Place::NONE; steps.len()];
    let template = Template { sink: Sink::Console, parts: vec![policy::Part::Field(Field::IpTtl)] };
    let limit = Limit { rate: LimitRate { tokens: 3, per: Duration::from_secs(1), burst: 5 }, bucket: 0 };
    Program::new(steps, places, sets, vec![template], vec![limit]).unwrap()
}

/// Three networks of both families, one of them a VLAN; on each hook some functions.
fn policy(random: &mut Random) -> Policy {
    let mut functions: Vec<Function> = Vec::new();
    let mut chain = |random: &mut Random, hook: Hook| -> Vec<FunctionId> {
        let mut chain = Vec::new();
        for kind in [FunctionKind::Nat, FunctionKind::Filter, FunctionKind::Filter] {
            if random.percent(35) && !(kind == FunctionKind::Nat && hook == Hook::Forward) {
                chain.push(FunctionId(functions.len() as u16));
                let (program, mentions_invalid) = (program(random, hook, kind), random.percent(30));
                functions.push(Function { name: "f".into(), kind, program, mentions_invalid, place: Place::NONE });
            }
        }
        chain
    };
    let mut ifaces =
        vec![iface("wan", 0, [10, 0, 0, 1]), iface("lan", 1, [10, 1, 0, 1]), iface("vlan", 1, [10, 2, 0, 1])];
    ifaces[2].vlan = Some(VLAN);
    for (at, iface) in ifaces.iter_mut().enumerate() {
        iface.address6 = vec![(network6(at as u16, 1), 64)];
        iface.masquerade = random.percent(15);
        iface.reverse_path = random.percent(30).then_some(policy::ReversePath::Strict);
        iface.prerouting = chain(random, Hook::Prerouting);
        iface.postrouting = chain(random, Hook::Postrouting);
    }
    let mut routes: Vec<_> = (0..3).map(|at| route([10, at, 0, 0], u16::from(at))).collect();
    for at in 0..3 {
        let net = Cidr::masked(IpAddr::V6(network6(at, 0)), 64).unwrap();
        routes.push(policy::Route { net, ..route([10, 0, 0, 0], at) });
    }
    let gateway = Gateway { routes, forward: chain(random, Hook::Forward), ..Gateway::default() };
    let conntrack = policy::Conntrack { stateful_tcp: random.percent(50), ..policy::Conntrack::default() };
    Policy::new(Parts { ifaces, gateway: Some(gateway), functions, conntrack, ..Parts::default() }).unwrap()
}

fn network6(net: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, net, 0, 0, 0, host)
}

/// What a frame of the sequence says; the rest follows from it.
#[derive(Clone, Copy, Debug)]
struct Talk {
    /// The Iface that it comes in by.
    iif: u16,
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
    /// Of TCP: flags, sequence and acknowledgment number.
    tcp: Option<(u16, u32, u32)>,
}

fn talk(random: &mut Random) -> Talk {
    let iif = random.below(3) as u16;
    let to = random.pick(&[0, 1, 2]);
    let v6 = random.percent(25);
    let host = |random: &mut Random, net: u16| -> IpAddr {
        let host = random.pick(&[9, 10, 20]);
        if v6 { IpAddr::V6(network6(net, host)) } else { IpAddr::from([10, net as u8, 0, host as u8]) }
    };
    let (src, dst) = (host(random, iif), host(random, to));
    let tcp = random.percent(60).then_some((flag::SYN, 1000, 0));
    Talk { iif, src: (src, random.pick(&PORTS)), dst: (dst, random.pick(&PORTS)), tcp }
}

/// A frame that says it, now and then with something unusual about it.
fn frame(random: &mut Random, talk: &Talk, sane: bool) -> Flat {
    let odd = |random: &mut Random, share: u64| !sane && random.percent(share);
    let options = if odd(random, 4) { 4 } else { 0 };
    let tcp_options: &[u8] = match talk.tcp {
        Some((flags, ..)) if flags & flag::SYN != 0 => random.pick(&[&[][..], &[2, 4, 5, 0xb4, 1, 3, 3, 7]]),
        Some(_) => {
            random.pick(&[&[][..], &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], &[1, 1, 5, 10, 0, 0, 3, 0, 0, 0, 4, 0]])
        }
        None => &[],
    };
    let payload = if odd(random, 5) { 1600 } else { random.pick(&[0, 1, 18, 100]) };
    let segment_len = if talk.tcp.is_some() { 20 + tcp_options.len() } else { 8 };
    let protocol = if talk.tcp.is_some() { 6 } else { 17 };
    let ttl = if odd(random, 6) { random.pick(&[0, 1, 2]) } else { 64 };
    let mut segment = vec![0; segment_len + payload];
    segment[..2].copy_from_slice(&talk.src.1.to_be_bytes());
    segment[2..4].copy_from_slice(&talk.dst.1.to_be_bytes());
    let field = match talk.tcp {
        Some((flags, sequence, ackseq)) => {
            segment[4..8].copy_from_slice(&sequence.to_be_bytes());
            segment[8..12].copy_from_slice(&ackseq.to_be_bytes());
            segment[12..14].copy_from_slice(&((segment_len as u16 / 4) << 12 | flags).to_be_bytes());
            segment[14..16].copy_from_slice(&random.pick(&[0x4000u16, 100]).to_be_bytes());
            segment[20..segment_len].copy_from_slice(tcp_options);
            16
        }
        None => {
            let short = u16::from(odd(random, 3));
            let length = segment.len() as u16 - short;
            segment[4..6].copy_from_slice(&length.to_be_bytes());
            6
        }
    };
    let pseudo = Sum::pseudo_header(talk.src.0, talk.dst.0, protocol, segment.len() as u32);
    let partial = odd(random, 10);
    let check = match random.below(if sane { 1 } else { 30 }) {
        _ if partial => pseudo.fold(),
        1 => 0x1234,
        2 if talk.tcp.is_none() => 0,
        _ => pseudo.bytes(&segment).checksum(),
    };
    segment[field..field + 2].copy_from_slice(&check.to_be_bytes());

    let vid = match talk.iif {
        2 => Some(VLAN),
        _ if odd(random, 3) => Some(random.pick(&[0, VLAN, 9])),
        _ => None,
    };
    let mac = match random.below(if sane { 1 } else { 50 }) {
        1 => MacAddr::BROADCAST,
        2 => MacAddr([2, 0, 0, 0, 0, 0xee]),
        _ => ROUTER[usize::from(talk.iif.min(1))],
    };
    let l3 = ethernet::Header::len_for(vid);
    let mut bytes = vec![0; l3];
    let fragment = odd(random, 4);
    match (talk.src.0, talk.dst.0) {
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
            ethernet::Header::emit(&mut bytes, mac, HOST, vid, ethertype::IPV4);
            bytes.resize(l3 + 20 + options, 1);
            let (tos, id, payload_len) =
                (random.below(4) as u8, random.next() as u16, (options + segment.len()) as u16);
            let dont_fragment = random.percent(60);
            ipv4::Repr { saddr, daddr, protocol, ttl, tos, id, dont_fragment, payload_len }.emit(&mut bytes[l3..]);
            bytes[l3] += (options / 4) as u8;
            if fragment {
                bytes[l3 + 6] |= 0x20;
            }
            bytes[l3 + 10..l3 + 12].fill(0);
            let sum = checksum(&bytes[l3..]) ^ u16::from(odd(random, 2));
            bytes[l3 + 10..l3 + 12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            ethernet::Header::emit(&mut bytes, mac, HOST, vid, ethertype::IPV6);
            let extension: &[u8] = if options > 0 { &[protocol, 0, 1, 4, 0, 0, 0, 0] } else { &[] };
            bytes.resize(l3 + 40, 0);
            let (next_header, payload_len) = (if options > 0 { 60 } else { protocol }, extension.len() + segment.len());
            let payload_len = payload_len as u16;
            ipv6::Repr { saddr, daddr, next_header, hop_limit: ttl, traffic_class: 0, payload_len }
                .emit(&mut bytes[l3..]);
            bytes.extend_from_slice(extension);
        }
        _ => {}
    }
    let l4 = bytes.len();
    bytes.extend_from_slice(&segment);
    if odd(random, 4) {
        bytes.truncate(bytes.len() - random.below(30) as usize % bytes.len());
    }
    if random.percent(30) {
        bytes.resize(bytes.len().max(60), 0xaa);
    }
    let mut frame = Flat::new(&bytes);
    if partial {
        let partial = Some(PartialChecksum { start: l4 as u16, offset: field as u16 });
        let kind = if talk.tcp.is_some() { SegmentationKind::Tcp4 } else { SegmentationKind::Udp };
        let size = random.pick(&[500, 1600]);
        let segmentation = (payload > 1000).then_some(Segmentation { kind, ecn: false, size, header_len: l4 as u16 });
        frame.set_offload(Offload { partial, verified: false, segmentation });
    }
    frame
}

/// Reads a frame that has left: what its receiver would have to know to answer.
fn read(port: PortId, frame: &Flat) -> Option<Talk> {
    let link = ethernet::Header::parse(frame.head()).ok()?;
    let bytes = frame.head().get(link.len..)?;
    let iif = if link.vid.is_some() { 2 } else { port.0 };
    let (src, dst, protocol, l4): (IpAddr, IpAddr, u8, usize) = match link.ethertype {
        ethertype::IPV4 => {
            let header = ipv4::Header::parse(bytes).ok()?;
            (header.saddr().into(), header.daddr().into(), header.protocol(), header.header_len())
        }
        ethertype::IPV6 => {
            let header = ipv6::Header::parse(bytes).ok()?;
            (header.saddr().into(), header.daddr().into(), header.next_header(), 40)
        }
        _ => return None,
    };
    let bytes = bytes.get(l4..)?;
    let port = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let tcp = match protocol {
        6 => Some((port(12)? & 0x1ff, number(4)?, number(8)?)),
        17 => None,
        _ => return None,
    };
    Some(Talk { iif, src: (src, port(0)?), dst: (dst, port(2)?), tcp })
}

/// What comes next in the conversation of a packet that has arrived or was sent.
fn next(random: &mut Random, seen: &Talk, arrived: bool) -> Talk {
    let Talk { iif, src, dst, tcp } = *seen;
    let tcp = tcp.map(|(flags, sequence, ackseq)| {
        let wild = if random.percent(4) { random.next() as u32 } else { 0 };
        let end = sequence.wrapping_add(u32::from(flags & (flag::SYN | flag::FIN) != 0));
        let closing = if random.percent(6) { random.pick(&[flag::FIN, flag::RST, flag::URG]) } else { 0 };
        let more = closing | if random.percent(40) { flag::PSH } else { 0 };
        match (arrived, flags & flag::SYN != 0, flags & flag::ACK != 0) {
            (true, true, false) => (flag::SYN | flag::ACK, 5000, end.wrapping_add(wild)),
            (true, ..) => (flag::ACK | more, ackseq.wrapping_add(wild), end),
            (false, true, false) => (flag::ACK | more, end, 5001),
            (false, ..) => (flag::ACK | more, end.wrapping_add(wild), ackseq),
        }
    });
    if arrived { Talk { iif, src: dst, dst: src, tcp } } else { Talk { iif, src, dst, tcp } }
}

/// What the neighbor says that this frame asks for.
fn resolved(port: PortId, frame: &Flat) -> Option<Flat> {
    let link = ethernet::Header::parse(frame.head()).ok()?;
    let payload = frame.head().get(link.len..)?;
    let router = ROUTER[usize::from(port.0)];
    let mut bytes = vec![0; link.len];
    ethernet::Header::emit(&mut bytes, router, HOST, link.vid, link.ethertype);
    if link.ethertype == ethertype::ARP {
        let asked = arp::Message::parse(payload).filter(|asked| asked.sender != asked.target)?;
        bytes.resize(link.len + 46, 0);
        let (operation, target_mac) = (arp::Operation::Reply, router);
        arp::Message { operation, sender_mac: HOST, sender: asked.target, target_mac, target: asked.sender }
            .emit(&mut bytes[link.len..]);
        return Some(Flat::new(&bytes));
    }
    let header = ipv6::Header::parse(payload).ok()?;
    let message = ndp::Message::parse(payload.get(40..)?)?;
    let ndp::Message::Solicitation { target, source_mac: Some(_) } = message else { return None };
    let (target_mac, solicited, override_) = (Some(HOST), true, true);
    let answer = ndp::Message::Advertisement { target, target_mac, router: false, solicited, override_ };
    let mut body = [0; ndp::LEN];
    let len = answer.emit(&mut body);
    let (saddr, daddr, payload_len) = (target, header.saddr(), len as u16);
    let sum = Sum::pseudo_header(saddr.into(), daddr.into(), 58, len as u32).bytes(&body[..len]).checksum();
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes.resize(link.len + 40, 0);
    ipv6::Repr { saddr, daddr, next_header: 58, hop_limit: 255, traffic_class: 0, payload_len }
        .emit(&mut bytes[link.len..]);
    bytes.extend_from_slice(&body[..len]);
    Some(Flat::new(&bytes))
}

/// A station says that it has, or is, another one now.
fn moved(random: &mut Random) -> (PortId, Flat) {
    let net = random.below(3) as u8;
    let sender = wire::Ipv4Addr::new(10, net, 0, random.pick(&[9, 10, 20]));
    let sender_mac = random.pick(&[HOST, MacAddr([2, 0, 0, 0, 0, 0x77])]);
    let vid = (net == 2).then_some(VLAN);
    let mut bytes = vec![0; ethernet::Header::len_for(vid)];
    ethernet::Header::emit(&mut bytes, MacAddr::BROADCAST, sender_mac, vid, ethertype::ARP);
    let at = bytes.len();
    bytes.resize(at + 46, 0);
    let (operation, target_mac) = (arp::Operation::Request, MacAddr::default());
    arp::Message { operation, sender_mac, sender, target_mac, target: sender }.emit(&mut bytes[at..]);
    (PortId(u16::from(net.min(1))), Flat::new(&bytes))
}

fn plane(policy: &Policy, fast: bool) -> Plane<Flat> {
    let lan = Link { port: LAN, mac: ROUTER[1], mtu: 1500 };
    let links = vec![Link { port: WAN, mac: ROUTER[0], mtu: 1400 }, lan, lan];
    let limits = Limits { flows: 64, neighbors: 16, ..Limits::default() };
    let mut plane = Plane::new(policy.clone(), links, limits, [7; 32], Instant::BOOT);
    plane.set_fast_path(fast);
    plane.set_lookup(Lookup::Never);
    plane
}

struct Twins {
    planes: [Plane<Flat>; 2],
    outside: [World; 2],
    policy: Policy,
}

impl Twins {
    /// Gives both a burst of frames; what leaves.
    fn feed(&mut self, now: Instant, port: PortId, frames: &[Flat]) -> Vec<(PortId, Flat)> {
        for (plane, outside) in self.planes.iter_mut().zip(&mut self.outside) {
            let mut burst = Burst::new();
            frames.iter().for_each(|frame| burst.push(frame.clone()).ok().unwrap());
            plane.process_burst(now, port, &mut burst, outside);
        }
        self.compare(now)
    }

    fn compare(&mut self, now: Instant) -> Vec<(PortId, Flat)> {
        let [walk, fast] = &mut self.outside;
        let bytes = |sent: &(PortId, Flat)| (sent.0, sent.1.head().to_vec(), sent.1.offload());
        let [walked, passed] = [&walk.sent, &fast.sent].map(|sent| sent.iter().map(bytes).collect::<Vec<_>>());
        assert_eq!(walked, passed, "at {now:?}");
        assert_eq!(walk.lines, fast.lines);
        assert_eq!(walk.delivered.len(), fast.delivered.len());
        fast.sent.clear();
        let [left, right] = &self.planes;
        assert_eq!(
            (left.flows(), left.held(), left.poll_timeout()),
            (right.flows(), right.held(), right.poll_timeout())
        );
        for id in [None, Some(IfaceId(0)), Some(IfaceId(1)), Some(IfaceId(2))] {
            let row = |plane: &Plane<Flat>| alloc::format!("{:?}", plane.counters().iface(id));
            assert_eq!(row(left), row(right), "{id:?}");
        }
        walk.sent.drain(..).collect()
    }

    fn compare_rules(&self) {
        let [left, right] = &self.planes;
        for (id, function) in (0..).map(FunctionId).zip(&self.policy.functions) {
            for step in 0..function.program.steps().len() as u32 {
                assert_eq!(left.rule_counts().of(id, step), right.rule_counts().of(id, step), "{id:?} step {step}");
            }
        }
    }
}

/// As long as there are frames to answer, answers them; conversations go on in `talks`.
fn settle(twins: &mut Twins, random: &mut Random, now: Instant, mut left: Vec<(PortId, Flat)>, talks: &mut Vec<Talk>) {
    for _ in 0..6 {
        for (port, frame) in core::mem::take(&mut left) {
            match resolved(port, &frame) {
                Some(answer) => left.extend(twins.feed(now, port, &[answer])),
                None => talks.extend(read(port, &frame).map(|seen| next(random, &seen, true))),
            }
        }
    }
}

#[test]
fn known_packets_fare_as_if_they_walked() {
    let mut passed = 0;
    for round in 0..120 {
        let mut random = Random::new(round);
        let policy = policy(&mut random);
        let planes = [false, true].map(|fast| plane(&policy, fast));
        let mut twins = Twins { planes, outside: [World::default(), World::default()], policy };
        let (mut now, mut talks) = (Instant::BOOT, Vec::new());
        for step in 0..300 {
            now += Duration::from_millis(random.pick(&[0, 0, 0, 1, 20, 400]));
            if random.percent(1) {
                now += Duration::from_secs(random.pick(&[5, 31, 61, 301]));
            }
            for (plane, outside) in twins.planes.iter_mut().zip(&mut twins.outside) {
                plane.handle_timeout(now, outside);
            }
            let left = twins.compare(now);
            settle(&mut twins, &mut random, now, left, &mut talks);
            if random.percent(1) {
                let address = random.pick(&[[10, 0, 0, 1], [10, 0, 0, 20]]).into();
                let address = Some(Address4 { address, prefix_len: 24, gateway: None }).filter(|_| step % 3 > 0);
                for (plane, outside) in twins.planes.iter_mut().zip(&mut twins.outside) {
                    plane.set_address4(IfaceId(0), address, outside);
                }
                twins.compare(now);
            }
            if random.percent(2) {
                let (port, announcement) = moved(&mut random);
                let left = twins.feed(now, port, &[announcement]);
                settle(&mut twins, &mut random, now, left, &mut talks);
            }
            // Of one port, in one burst: each of them the same again, what comes next, or something new.
            let (mut port, mut burst) = (None, Vec::new());
            for _ in 0..random.pick(&[1, 1, 2, 3, 20]) {
                let fresh = talks.is_empty() || random.percent(8);
                let at = random.below(talks.len().max(1) as u64) as usize;
                let said = if fresh { talk(&mut random) } else { talks[at] };
                let of_port = PortId(said.iif.min(1));
                if *port.get_or_insert(of_port) != of_port {
                    continue;
                }
                if !fresh && random.percent(20) {
                    talks[at] = next(&mut random, &said, false);
                }
                for _ in 0..random.pick(&[1, 1, 1, 3]) {
                    let sane = random.percent(70);
                    burst.extend((burst.len() < 32).then(|| frame(&mut random, &said, sane)));
                }
                talks.push(next(&mut random, &said, false));
            }
            let left = twins.feed(now, port.unwrap_or(WAN), &burst);
            settle(&mut twins, &mut random, now, left, &mut talks);
            while talks.len() > 24 {
                let at = random.below(talks.len() as u64) as usize;
                talks.swap_remove(at);
            }
        }
        twins.compare_rules();
        assert_eq!(twins.planes[0].fast_path_packets(), 0);
        passed += twins.planes[1].fast_path_packets();
    }
    assert!(passed > 5_000, "only {passed} packets went without the walk");
}

#[test]
fn a_sight_is_what_parsing_says() {
    let mut random = Random::new(77);
    let policy = policy(&mut random);
    let plane = plane(&policy, true);
    let mut seen = [0; 4];
    for _ in 0..20_000 {
        let said = talk(&mut random);
        let sane = random.percent(50);
        let frame = frame(&mut random, &said, sane);
        let mut place = None;
        let port = PortId(said.iif.min(1));
        Sight::read(&mut place, frame.head(), frame.len(), &Door::new(&plane.ifaces, &plane.conntrack, port));
        let Some(sight) = place else { continue };
        let link = ethernet::Header::parse(frame.head()).unwrap();
        assert_eq!(plane.ifaces.of_frame(port, link.vid), Some(sight.iif));
        assert_eq!((link.dst, link.len), (plane.ifaces.mac(sight.iif), usize::from(sight.l3)));
        let (mut parsed, mut sighted) = (frame.clone(), frame);
        let arrived = parse::arrived(&mut parsed, link.len, !sight.is_v4(), Some(sight.iif)).unwrap();
        let parse::Arrived::Packet(packet) = arrived else { panic!("a fragment") };
        let mut seen_as = parse::Packet::NONE;
        parse::sighted(&mut seen_as, &mut sighted, &sight);
        assert_eq!(alloc::format!("{packet:?}"), alloc::format!("{seen_as:?}"));
        assert_eq!(parsed.len(), sighted.len());
        assert_eq!(sight.sought.key, Tuple::of(&packet, Some(sight.iif)).key());
        assert_eq!(sight.sought.hash, plane.conntrack.hash(&sight.sought.key));
        seen[usize::from(sight.is_v4()) * 2 + usize::from(sight.is_tcp())] += 1;
    }
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}

/// How a connection ends, and after how many seconds of silence it is forgotten.
type End = (&'static [(u16, (u16, u32, u32))], u64);

#[test]
fn the_end_of_a_connection_needs_no_walk_and_is_noticed_in_time() {
    const FIN: u16 = flag::FIN | flag::ACK;
    let begin: &[(u16, (u16, u32, u32))] = &[
        (0, (flag::SYN, 1000, 0)),
        (1, (flag::SYN | flag::ACK, 5000, 1001)),
        (0, (flag::ACK, 1001, 5001)),
        (1, (flag::ACK, 5001, 1001)),
    ];
    let fins: &[_] =
        &[(0, (FIN, 1001, 5001)), (1, (flag::ACK, 5001, 1002)), (1, (FIN, 5001, 1002)), (0, (flag::ACK, 1002, 5002))];
    let ends: [End; 3] =
        [(fins, 120), (&[(1, (flag::RST, 5001, 0))], 10), (&[(0, (flag::RST | flag::ACK, 1001, 5001))], 10)];
    let gateway = Gateway { routes: vec![route([10, 0, 0, 0], 0), route([10, 1, 0, 0], 1)], ..Gateway::default() };
    let ifaces = vec![iface("wan", 0, [10, 0, 0, 1]), iface("lan", 1, [10, 1, 0, 1])];
    let policy = Policy::new(Parts { ifaces, gateway: Some(gateway), ..Parts::default() }).unwrap();
    let hosts = [(IpAddr::from([10, 0, 0, 9]), 4000), (IpAddr::from([10, 1, 0, 9]), 80)];
    for (end, seconds) in ends {
        let planes = [false, true].map(|fast| plane(&policy, fast));
        let mut twins = Twins { planes, outside: [World::default(), World::default()], policy: policy.clone() };
        let (mut random, mut now) = (Random::new(1), Instant::BOOT);
        for ((iif, tcp), is_fast) in
            { begin }.iter().map(|said| (*said, false)).chain(end.iter().map(|said| (*said, true)))
        {
            now += Duration::from_millis(10);
            let before = twins.planes[1].fast_path_packets();
            let talk = Talk { iif, src: hosts[usize::from(iif)], dst: hosts[usize::from(1 - iif)], tcp: Some(tcp) };
            let mut bytes = frame(&mut random, &talk, true);
            // No options and no payload: the numbers above count nothing but SYN and FIN.
            while bytes.len() != 54 {
                bytes = frame(&mut random, &talk, true);
            }
            let left = twins.feed(now, PortId(iif), &[bytes]);
            settle(&mut twins, &mut random, now, left, &mut Vec::new());
            let passed = twins.planes[1].fast_path_packets() - before;
            assert!(!is_fast || passed == 1, "{talk:?}");
        }
        for (later, flows) in [(seconds - 1, 1), (4, 0)] {
            now += Duration::from_secs(later);
            for (plane, outside) in twins.planes.iter_mut().zip(&mut twins.outside) {
                plane.handle_timeout(now, outside);
                assert_eq!(plane.flows().0, flows, "{end:?}");
            }
            twins.compare(now);
        }
    }
}

#[test]
fn a_handshake_is_completed_without_a_walk_where_it_is_known_how_answered_flows_fare() {
    let asks = |fields: &[Field]| -> Function {
        let end = fields.len() as u32;
        let test = |(at, field): (u32, &Field)| {
            let test = Test::In { field: *field, set: 0 };
            Step::Test { test, then: at + 1, otherwise: end + 1 }
        };
        let mut steps: Vec<_> = (0..).zip(fields).map(test).collect();
        steps.extend([const { Step::End(Verdict::Accept) }; 2]);
        let places = vec![Place::NONE; steps.len()];
        let program = Program::new(steps, places, vec![Set::number(1)], vec![], vec![]).unwrap();
        Function { name: "f".into(), kind: FunctionKind::Filter, program, mentions_invalid: false, place: Place::NONE }
    };
    let hosts = [(IpAddr::from([10, 0, 0, 9]), 4000), (IpAddr::from([10, 1, 0, 9]), 80)];
    let said = |iif: u16, tcp| Talk { iif, src: hosts[usize::from(iif)], dst: hosts[usize::from(1 - iif)], tcp };
    //  what a rule of the forward chain asks for       masquerade  the last packet of the first and second three walks
    let table: [(&[Field], bool, [bool; 2]); 5] = [
        (&[], false, [false, false]),
        (&[Field::CtState], false, [true, false]),
        (&[Field::CtState, Field::TcpSport], false, [true, true]),
        (&[], true, [false, false]),
        (&[Field::CtState], true, [true, false]),
    ];
    for (fields, masquerade, walks) in table {
        let routes = vec![route([10, 0, 0, 0], 0), route([10, 1, 0, 0], 1)];
        let forward = if fields.is_empty() { vec![] } else { vec![FunctionId(0)] };
        let gateway = Some(Gateway { routes, forward, ..Gateway::default() });
        let mut ifaces = vec![iface("wan", 0, [10, 0, 0, 1]), iface("lan", 1, [10, 1, 0, 1])];
        ifaces[1].masquerade = masquerade;
        let functions = vec![asks(fields)];
        let policy = Policy::new(Parts { ifaces, gateway, functions, ..Parts::default() }).unwrap();
        let planes = [false, true].map(|fast| plane(&policy, fast));
        let mut twins = Twins { planes, outside: [World::default(), World::default()], policy };
        let (mut random, mut now) = (Random::new(1), Instant::BOOT);
        let mut say = |talk: &Talk| {
            now += Duration::from_millis(10);
            let before = twins.planes[1].fast_path_packets();
            let left = twins.feed(now, PortId(talk.iif), &[frame(&mut random, talk, true)]);
            let seen = left.iter().find_map(|(port, frame)| read(*port, frame));
            settle(&mut twins, &mut random, now, left, &mut Vec::new());
            (twins.planes[1].fast_path_packets() - before == 1, seen)
        };
        // Neighbors are asked for.
        for iif in [0, 1] {
            say(&Talk { src: (hosts[usize::from(iif)].0, 7), ..said(iif, None) });
        }
        let handshake = [(flag::SYN, 1000, 0), (flag::SYN | flag::ACK, 5000, 1001), (flag::ACK, 1001, 5001)];
        for ([ask, answer, last], walks) in [[None; 3], handshake.map(Some)].into_iter().zip(walks) {
            let (passed, seen) = say(&said(0, ask));
            let seen = seen.unwrap();
            assert_eq!((passed, seen.src == hosts[0]), (false, !masquerade));
            let answered = say(&Talk { dst: seen.src, ..said(1, answer) }).0;
            let completed = say(&said(0, last)).0;
            assert_eq!((answered, completed), (false, !walks), "{fields:?} {ask:?}");
        }
        twins.compare_rules();
    }
}
