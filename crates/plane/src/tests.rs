//! The plane through its doors: frames in, frames out.

use super::*;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec;
use policy::{
    Field, Function, FunctionId, FunctionKind, Gateway, Iface, Ipv4Config, NicRef, Parts, Place, Program, Route, Set,
    Static4, Step, Test, Verdict,
};
use wire::ethernet::ethertype;
use wire::ipv4::protocol;
use wire::{Cidr, IpAddr, Offload, arp, checksum, ethernet, ipv4};

/// A frame in one piece.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    memory: Vec<u8>,
    start: usize,
    offload: Offload,
    /// Its length cannot be set to more.
    room: usize,
}

impl Flat {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut memory = vec![0; Self::HEADROOM];
        memory.extend_from_slice(bytes);
        Self { memory, start: Self::HEADROOM, offload: Offload::NONE, room: usize::MAX }
    }
}

impl Buffer for Flat {
    fn head(&self) -> &[u8] {
        &self.memory[self.start..]
    }

    fn head_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }

    fn len(&self) -> usize {
        self.memory.len() - self.start
    }

    fn truncate(&mut self, len: usize) {
        self.memory.truncate(self.start + len);
    }

    fn trim_front(&mut self, count: usize) -> bool {
        let fits = count <= self.len();
        self.start += if fits { count } else { 0 };
        fits
    }

    fn grow_front(&mut self, count: usize) -> bool {
        let fits = count <= self.start;
        self.start -= if fits { count } else { 0 };
        fits
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = len <= self.room;
        if fits {
            self.memory.resize(self.start + len, 0);
        }
        fits
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let bytes = self.head().get(offset..).unwrap_or(&[]);
        let len = bytes.len().min(into.len());
        into[..len].copy_from_slice(&bytes[..len]);
        len
    }

    fn offload(&self) -> Offload {
        self.offload
    }

    fn set_offload(&mut self, offload: Offload) {
        self.offload = offload;
    }
}

#[derive(Default)]
pub(crate) struct World {
    pub sent: VecDeque<(PortId, Flat)>,
    pub delivered: Vec<(IfaceId, Flat)>,
    pub lines: Vec<String>,
    /// What its empty frames have room for.
    pub room: Option<usize>,
}

impl Outlet<Flat> for World {
    fn allocate(&mut self) -> Option<Flat> {
        Some(Flat { room: self.room.unwrap_or(usize::MAX), ..Flat::new(&[]) })
    }

    fn transmit(&mut self, port: PortId, frame: Flat) {
        self.sent.push_back((port, frame));
    }

    fn deliver(&mut self, iface: IfaceId, frame: Flat) {
        self.delivered.push((iface, frame));
    }

    fn event(&mut self, event: Event<'_>) {
        if let Event::Log { text, .. } = event {
            self.lines.push(text.to_string());
        }
    }
}

pub(crate) const WAN: PortId = PortId(0);
pub(crate) const LAN: PortId = PortId(1);
pub(crate) const ROUTER: [MacAddr; 2] = [MacAddr([2, 0, 0, 0, 0, 0xa0]), MacAddr([2, 0, 0, 0, 0, 0xa1])];
pub(crate) const HOST: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

pub(crate) fn iface(name: &str, nic: u16, address: [u8; 4]) -> Iface {
    let address = Static4 { address: address.into(), prefix_len: 24, gateway: None, dns: None };
    Iface {
        name: name.into(),
        nic: NicRef::Index(nic),
        vlan: None,
        ipv4: Ipv4Config::Static(address),
        address6: vec![],
        gateway6: None,
        masquerade: false,
        prerouting: vec![],
        input: vec![],
        output: vec![],
        postrouting: vec![],
        buffer_limit: None,
        send_queue_limit: None,
        mtu: None,
        reverse_path: None,
        place: Place::NONE,
    }
}

pub(crate) fn route(net: [u8; 4], iface: u16) -> Route {
    let net = Cidr::masked(IpAddr::from(net), 24).unwrap();
    Route { name: String::new(), net, nexthop: None, iface: IfaceId(iface), cost: 1, place: Place::NONE }
}

/// Two networks, 10.0.0.0/24 and 10.1.0.0/24; only UDP to port 53 may begin a flow.
fn router() -> Plane<Flat> {
    let steps = vec![
        Step::Test { test: Test::In { field: Field::CtState, set: 0 }, then: 2, otherwise: 1 },
        Step::Test { test: Test::In { field: Field::UdpDport, set: 1 }, then: 2, otherwise: 3 },
        Step::End(Verdict::Accept),
        Step::End(Verdict::Drop),
    ];
    let sets = vec![Set::number(1), Set::number(53)];
    let program = Program::new(steps, vec![Place::NONE; 4], sets, vec![], vec![]).unwrap();
    let function =
        Function { name: "f".into(), kind: FunctionKind::Filter, program, mentions_invalid: false, place: Place::NONE };
    let gateway = Gateway {
        routes: vec![route([10, 0, 0, 0], 0), route([10, 1, 0, 0], 1)],
        forward: vec![FunctionId(0)],
        send_time_exceeded: true,
        ..Gateway::default()
    };
    let parts = Parts {
        ifaces: vec![iface("wan", 0, [10, 0, 0, 1]), iface("lan", 1, [10, 1, 0, 1])],
        gateway: Some(gateway),
        functions: vec![function],
        ..Parts::default()
    };
    let policy = Policy::new(parts).unwrap();
    let links = vec![Link { port: WAN, mac: ROUTER[0], mtu: 1500 }, Link { port: LAN, mac: ROUTER[1], mtu: 1500 }];
    let mut plane = Plane::new(policy, links, Limits::default(), [7; 32], Instant::BOOT);
    plane.handle_timeout(Instant::BOOT, &mut World::default());
    plane
}

fn udp(to: MacAddr, src: ([u8; 4], u16), dst: ([u8; 4], u16), ttl: u8) -> Flat {
    let mut bytes = vec![0; 14 + 20 + 8 + 4];
    ethernet::Header::emit(&mut bytes, to, HOST, None, ethertype::IPV4);
    let (saddr, daddr) = (src.0.into(), dst.0.into());
    let repr =
        ipv4::Repr { saddr, daddr, protocol: protocol::UDP, ttl, tos: 0, id: 1, dont_fragment: false, payload_len: 12 };
    repr.emit(&mut bytes[14..]);
    bytes[34..36].copy_from_slice(&src.1.to_be_bytes());
    bytes[36..38].copy_from_slice(&dst.1.to_be_bytes());
    bytes[39] = 12;
    let sum = checksum::Sum::pseudo_header(saddr.into(), daddr.into(), 17, 12).bytes(&bytes[34..]);
    bytes[40..42].copy_from_slice(&sum.checksum().to_be_bytes());
    Flat::new(&bytes)
}

fn arp_reply(to: MacAddr, sender: [u8; 4], target: [u8; 4]) -> Flat {
    let mut bytes = vec![0; 60];
    ethernet::Header::emit(&mut bytes, to, HOST, None, ethertype::ARP);
    let operation = arp::Operation::Reply;
    arp::Message { operation, sender_mac: HOST, sender: sender.into(), target_mac: to, target: target.into() }
        .emit(&mut bytes[14..]);
    Flat::new(&bytes)
}

pub(crate) fn feed(plane: &mut Plane<Flat>, now: Instant, port: PortId, frame: Flat, world: &mut World) {
    let mut burst = Burst::new();
    burst.push(frame).ok().unwrap();
    plane.process_burst(now, port, &mut burst, world);
}

#[test]
fn a_packet_waits_for_its_neighbor_and_its_reply_needs_no_rule() {
    let (mut plane, mut world) = (router(), World::default());
    let (client, server) = (([10, 0, 0, 9], 4000), ([10, 1, 0, 9], 53));
    feed(&mut plane, Instant::BOOT, WAN, udp(ROUTER[0], client, server, 64), &mut world);
    let (port, question) = world.sent.pop_front().unwrap();
    assert_eq!((port, &question.head()[12..14]), (LAN, &[8, 6][..]), "ARP first");
    assert!(world.sent.is_empty());

    feed(&mut plane, Instant::BOOT, LAN, arp_reply(ROUTER[1], [10, 1, 0, 9], [10, 1, 0, 1]), &mut world);
    let (port, frame) = world.sent.pop_front().unwrap();
    assert_eq!(port, LAN);
    assert_eq!(&frame.head()[..12], [HOST.0, ROUTER[1].0].concat());
    let header = ipv4::Header::parse(&frame.head()[14..]).unwrap();
    assert!(header.checksum_is_right() && header.ttl() == 63);

    feed(&mut plane, Instant::BOOT, WAN, arp_reply(ROUTER[0], [10, 0, 0, 9], [10, 0, 0, 1]), &mut world);
    feed(&mut plane, Instant::BOOT, LAN, udp(ROUTER[1], server, client, 64), &mut world);
    assert!(
        world.sent.iter().any(|(port, frame)| *port == WAN && frame.head()[12..14] == [8, 6]),
        "asks for the client"
    );
    let total = plane.counters().total();
    assert_eq!((total.received, total.forwarded, total.link), (4, 1, 2));
    assert_eq!(plane.held(), 1);
    assert_eq!(plane.flows().0, 1);
}

#[test]
fn what_a_rule_drops_leaves_nothing_behind() {
    let (mut plane, mut world) = (router(), World::default());
    feed(&mut plane, Instant::BOOT, WAN, udp(ROUTER[0], ([10, 0, 0, 9], 1), ([10, 1, 0, 9], 54), 64), &mut world);
    assert!(world.sent.is_empty());
    assert_eq!(plane.counters().dropped(DropReason::Forward), 1);
    assert_eq!(plane.flows().0, 0);
}

#[test]
fn an_expired_packet_is_told_to_its_sender() {
    let (mut plane, mut world) = (router(), World::default());
    let frame = udp(ROUTER[0], ([10, 0, 0, 9], 1), ([10, 1, 0, 9], 53), 1);
    feed(&mut plane, Instant::BOOT, WAN, frame.clone(), &mut world);
    world.sent.clear();
    feed(&mut plane, Instant::BOOT, WAN, arp_reply(ROUTER[0], [10, 0, 0, 9], [10, 0, 0, 1]), &mut world);
    let (port, error) = world.sent.pop_front().unwrap();
    let bytes = &error.head()[14..];
    let header = ipv4::Header::parse(bytes).unwrap();
    assert_eq!((port, header.saddr(), header.daddr()), (WAN, [10, 0, 0, 1].into(), [10, 0, 0, 9].into()));
    assert_eq!((bytes[20], bytes[21], checksum::checksum(&bytes[20..])), (11, 0, 0));
    assert_eq!(&bytes[28..], &frame.head()[14..], "quotes the packet as it came");
    assert_eq!(plane.counters().dropped(DropReason::TtlExpired), 1);
}

#[test]
fn no_frame_makes_the_plane_panic_and_each_is_counted() {
    let (mut plane, mut world) = (router(), World::default());
    let good = udp(ROUTER[0], ([10, 0, 0, 9], 4000), ([10, 1, 0, 9], 53), 64);
    let mut state = 1u32;
    for round in 0..20_000u64 {
        let mut frame = good.clone();
        for _ in 0..round % 4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % frame.len();
            frame.head_mut()[at] = state as u8;
        }
        frame.truncate(if round % 3 == 0 { (state >> 16) as usize % 60 } else { 60 });
        feed(&mut plane, Instant::from_millis(round), WAN, frame, &mut world);
    }
    let total = plane.counters().total();
    let drops: u64 = total.drops().map(|(_, count)| count).sum();
    let held_from_transit = total.received - total.forwarded - total.delivered - total.link;
    assert_eq!(total.received, 20_000);
    assert!(drops >= held_from_transit - plane.held() as u64, "{drops} {held_from_transit}");
}
