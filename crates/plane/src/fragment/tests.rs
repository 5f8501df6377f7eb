//! Datagrams in fragments through a whole router, and packets that it cuts.

mod attacks;
mod cutting;
mod datagrams;
mod echo;

use super::*;
use crate::neighbor::Hint;
use crate::tests::{Flat, HOST, LAN, ROUTER, WAN, World, feed, iface, route};
use crate::{Limits, Link};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use policy::{
    Field, Function, FunctionId, FunctionKind, Gateway, Parts, Place, Policy, Program, Route, Set, Step, Test,
    Translation, Verdict,
};
use wire::checksum::{Sum, checksum};
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Cidr, Duration, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, ipv4, ipv6};

/// A client outside, a server inside, and the router's outside address, of each family.
pub(super) fn ends(v6: bool) -> [IpAddr; 3] {
    let net6 = |net, host| IpAddr::from([0x2001, 0xdb8, 0, net, 0, 0, 0, host]);
    match v6 {
        false => [[10, 0, 0, 9], [10, 1, 0, 9], [10, 0, 0, 1]].map(IpAddr::from),
        true => [net6(0, 9), net6(1, 9), net6(0, 1)],
    }
}

/// A UDP packet with a right checksum, from its IP header on; its payload counts up.
pub(super) fn packet(src: IpAddr, dst: IpAddr, port: u16, payload_len: usize, id: u16, ttl: u8) -> Vec<u8> {
    let udp_len = 8 + payload_len;
    let mut udp = vec![0; 8];
    udp[0..2].copy_from_slice(&4000u16.to_be_bytes());
    udp[2..4].copy_from_slice(&port.to_be_bytes());
    udp[4..6].copy_from_slice(&(udp_len as u16).to_be_bytes());
    udp.extend((0..payload_len).map(|at| (at / 3) as u8));
    let sum = Sum::pseudo_header(src, dst, protocol::UDP, udp_len as u32).bytes(&udp).checksum();
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    ip_packet(src, dst, protocol::UDP, &udp, id, ttl)
}

pub(super) fn ip_packet(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8], id: u16, ttl: u8) -> Vec<u8> {
    let payload_len = payload.len() as u16;
    let mut bytes = vec![0; if src.is_ipv4() { 20 } else { 40 }];
    match (src, dst) {
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
            ipv4::Repr { saddr, daddr, protocol, ttl, tos: 0, id, dont_fragment: false, payload_len }.emit(&mut bytes);
        }
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            ipv6::Repr { saddr, daddr, next_header: protocol, hop_limit: ttl, traffic_class: 0, payload_len }
                .emit(&mut bytes);
        }
        _ => unreachable!(),
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The part of a packet's payload from `start` to `end` as a fragment.
pub(super) fn part(packet: &[u8], start: usize, end: usize, more: bool, id: u32) -> Vec<u8> {
    let v4 = packet[0] >> 4 == 4;
    let header_len = if v4 { 20 } else { 40 };
    let mut bytes = packet[..header_len].to_vec();
    let data = &packet[header_len + start..header_len + end];
    if v4 {
        bytes[2..4].copy_from_slice(&((20 + data.len()) as u16).to_be_bytes());
        bytes[6..8].copy_from_slice(&((start / 8) as u16 | u16::from(more) << 13).to_be_bytes());
        bytes[10..12].fill(0);
        let sum = checksum(&bytes);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        bytes[4..6].copy_from_slice(&((8 + data.len()) as u16).to_be_bytes());
        let next = core::mem::replace(&mut bytes[6], 44);
        bytes.extend([next, 0]);
        bytes.extend((start as u16 | u16::from(more)).to_be_bytes());
        bytes.extend(id.to_be_bytes());
    }
    bytes.extend_from_slice(data);
    bytes
}

/// A packet in fragments that end at these places of its payload.
pub(super) fn cut(packet: &[u8], ends: &[usize], id: u32) -> Vec<Vec<u8>> {
    let len = packet.len() - if packet[0] >> 4 == 4 { 20 } else { 40 };
    let starts = [0].into_iter().chain(ends.iter().copied());
    let ends = ends.iter().copied().chain([len]);
    starts.zip(ends).map(|(start, end)| part(packet, start, end, end < len, id)).collect()
}

/// Where a fragment's data belongs, whether more follow, and the data.
pub(super) fn read(fragment: &[u8]) -> (usize, bool, &[u8]) {
    if fragment[0] >> 4 == 4 {
        let header = ipv4::Header::parse(fragment).unwrap();
        assert!(header.checksum_is_right());
        assert_eq!(usize::from(header.total_len()), fragment.len());
        (usize::from(header.frag_off()) * 8, header.more_fragments(), &fragment[header.header_len()..])
    } else {
        let fragment_header = ipv6::upper_layer(fragment).unwrap().fragment.unwrap();
        let at = fragment_header.at + 8;
        (usize::from(fragment_header.frag_off) * 8, fragment_header.more, &fragment[at..])
    }
}

/// Puts a datagram together the simplest way: its payload, if nothing is missing.
pub(super) fn reassemble(fragments: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut parts: Vec<_> = fragments.iter().map(|fragment| read(fragment)).collect();
    parts.sort_by_key(|(start, ..)| *start);
    let mut payload = vec![];
    for (nth, (start, more, data)) in parts.iter().enumerate() {
        if *start != payload.len() || *more != (nth + 1 < parts.len()) {
            return None;
        }
        payload.extend_from_slice(data);
    }
    Some(payload)
}

pub(super) fn frame(to: MacAddr, packet: &[u8]) -> Flat {
    let mut bytes = vec![0; 14];
    let kind = if packet[0] >> 4 == 4 { ethertype::IPV4 } else { ethertype::IPV6 };
    ethernet::Header::emit(&mut bytes, to, HOST, None, kind);
    bytes.extend_from_slice(packet);
    bytes.resize(bytes.len().max(60), 0);
    Flat::new(&bytes)
}

/// A router of both families: UDP to port 53 may begin a flow; outside is masqueraded if asked for.
struct Bench {
    plane: Plane<Flat>,
    world: World,
    now: Instant,
}

impl Bench {
    fn new(masquerade: bool, lan_mtu: u16, limits: Limits) -> Self {
        let steps = vec![
            Step::Test { test: Test::In { field: Field::CtState, set: 0 }, then: 2, otherwise: 1 },
            Step::Test { test: Test::In { field: Field::UdpDport, set: 1 }, then: 2, otherwise: 3 },
            Step::End(Verdict::Accept),
            Step::End(Verdict::Drop),
        ];
        let sets = vec![Set::number(1), Set::number(53)];
        let program = Program::new(steps, vec![Place::NONE; 4], sets, vec![], vec![]).unwrap();
        let (name, kind) = (String::from("f"), FunctionKind::Filter);
        let function = Function { name, kind, program, mentions_invalid: false, place: Place::NONE };
        let route6 = |net, iface| Route {
            net: Cidr::masked(IpAddr::from([0x2001, 0xdb8, 0, net, 0, 0, 0, 0]), 64).unwrap(),
            ..route([0; 4], iface)
        };
        let gateway = Gateway {
            routes: vec![route([10, 0, 0, 0], 0), route([10, 1, 0, 0], 1), route6(0, 0), route6(1, 1)],
            forward: vec![FunctionId(0)],
            send_time_exceeded: true,
            ..Gateway::default()
        };
        let steps =
            vec![Step::Translate { translation: Translation::Masquerade, otherwise: 1 }, Step::End(Verdict::Accept)];
        let program = Program::new(steps, vec![Place::NONE; 2], vec![], vec![], vec![]).unwrap();
        let (name, kind) = (String::from("m"), FunctionKind::Nat);
        let nat = Function { name, kind, program, mentions_invalid: false, place: Place::NONE };
        let postrouting = if masquerade { vec![FunctionId(1)] } else { vec![] };
        let six = |net| (Ipv6Addr::new(0x2001, 0xdb8, 0, net, 0, 0, 0, 1), 64);
        let wan = policy::Iface { address6: vec![six(0)], ..iface("wan", 0, [10, 0, 0, 1]) };
        let lan = policy::Iface { address6: vec![six(1)], postrouting, ..iface("lan", 1, [10, 1, 0, 1]) };
        let parts = Parts {
            ifaces: vec![wan, lan],
            gateway: Some(gateway),
            functions: vec![function, nat],
            ..Parts::default()
        };
        let links =
            vec![Link { port: WAN, mac: ROUTER[0], mtu: 1500 }, Link { port: LAN, mac: ROUTER[1], mtu: lan_mtu }];
        let now = Instant::BOOT;
        let mut plane = Plane::new(Policy::new(parts).unwrap(), links, limits, [7; 32], now);
        plane.handle_timeout(now, &mut World::default());
        let mut bench = Self { plane, world: World::default(), now };
        bench.learn();
        bench
    }

    fn plain() -> Self {
        Self::new(false, 1500, Limits::default())
    }

    /// The hosts are neighbors whose MAC addresses are known.
    fn learn(&mut self) {
        for v6 in [false, true] {
            let [client, server, _] = ends(v6);
            for (iface, address) in [(IfaceId(0), client), (IfaceId(1), server)] {
                self.plane.neighbors.resolve(self.now, iface, address);
                self.plane.neighbors.learn(self.now, iface, address, HOST, Hint::Answer);
            }
        }
    }

    /// One packet comes in from outside; gives the packets that leave, without link headers.
    fn feed(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        feed(&mut self.plane, self.now, WAN, frame(ROUTER[0], packet), &mut self.world);
        self.sent()
    }

    fn sent(&mut self) -> Vec<Vec<u8>> {
        let is_ip = |frame: &Flat| {
            let kind = ethernet::Header::parse(frame.head()).unwrap().ethertype;
            kind != ethertype::ARP
                && !(frame.head()[14] >> 4 == 6 && frame.head()[14 + 6] == protocol::ICMPV6 && frame.head()[54] >= 133)
        };
        self.world
            .sent
            .drain(..)
            .map(|(_, frame)| frame)
            .filter(is_ip)
            .map(|frame| frame.head()[14..].to_vec())
            .collect()
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.plane.handle_timeout(self.now, &mut self.world);
        self.learn();
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.plane.counters().dropped(reason)
    }

    /// Every frame that came in is somewhere.
    fn assert_nothing_is_lost(&self) {
        let total = self.plane.counters().total();
        let drops: u64 = total.drops().map(|(_, count)| count).sum();
        let own_drops = total.originated - total.sent;
        let ends = total.forwarded + total.delivered + total.link + drops - own_drops + self.plane.held() as u64;
        assert_eq!(total.received, ends, "{total:?}");
    }
}

fn orders() -> [[usize; 3]; 6] {
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
}
