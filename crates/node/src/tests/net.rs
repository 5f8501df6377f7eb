//! A router and the stations beside it, which answer ARP by themselves.

use super::world::{Frame, World, seed};
use super::*;
use alloc::collections::BTreeSet;
use alloc::format;
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Buffer, Ipv4Addr, MacAddr, arp, icmpv4, ipv4};

/// A host beside the box.
#[derive(Clone, Copy)]
pub struct Station {
    pub port: usize,
    pub mac: MacAddr,
    pub address: Ipv4Addr,
}

pub const CLIENT: Station = station(0, [10, 0, 0, 9]);
pub const ROUTER: Station = station(0, [10, 0, 0, 1]);
pub const SERVER: Station = station(1, [192, 168, 0, 50]);
pub const FAR_AWAY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
pub const BOX_OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

pub const fn station(port: usize, address: [u8; 4]) -> Station {
    let [a, b, c, d] = address;
    Station { port, mac: MacAddr([2, 0, a, b, c, d]), address: Ipv4Addr::new(a, b, c, d) }
}

/// A router of the seed's policy, with stations that answer ARP by themselves.
pub struct Net {
    pub node: Node<World>,
    pub world: World,
    pub now: Instant,
    pub asked: BTreeSet<Ipv4Addr>,
}

impl Net {
    pub fn new() -> Self {
        let mut net = Self::unstarted(seed());
        // Duplicate address detection and whatever else belongs to the start.
        net.settle();
        net.world.transmitted.iter_mut().for_each(Vec::clear);
        net
    }

    /// Before its first turn, 10 s after the box booted.
    pub fn unstarted(policy: Policy) -> Self {
        let world = World::new();
        let now = Instant::from_secs(10);
        let settings = Settings { now, unix_time: Some(Duration::from_secs(1_065_910_465)), ..Settings::default() };
        let node = Node::new(policy, &world.nics, settings).unwrap();
        Self { node, world, now, asked: BTreeSet::new() }
    }

    /// Turns until nothing happens any more, without time passing.
    pub fn settle(&mut self) {
        for _ in 0..100 {
            let turn = self.node.turn(self.now, &mut self.world);
            let answered = self.answer_arp();
            if !turn.busy && !answered {
                assert!(turn.wake.is_none_or(|wake| wake > self.now), "awake for nothing");
                return;
            }
        }
        panic!("the node never rests");
    }

    fn answer_arp(&mut self) -> bool {
        let mut answered = false;
        for station in [CLIENT, ROUTER, SERVER] {
            let sent = core::mem::take(&mut self.world.transmitted[station.port]);
            for frame in sent {
                match arp_message(&frame) {
                    Some(ask) if ask.operation == arp::Operation::Request && ask.target == station.address => {
                        self.asked.insert(station.address);
                        self.world.received[station.port].push_back(arp_frame(
                            station,
                            ask.sender_mac,
                            arp::Message {
                                operation: arp::Operation::Reply,
                                sender_mac: station.mac,
                                sender: station.address,
                                target_mac: ask.sender_mac,
                                target: ask.sender,
                            },
                        ));
                        answered = true;
                    }
                    _ => self.world.transmitted[station.port].push(frame),
                }
            }
        }
        answered
    }

    /// Sends a packet from a station to the box's MAC address, and returns the IPv4 packets that come out, by port.
    pub fn send(&mut self, from: Station, packet: Vec<u8>) -> Vec<(usize, Frame)> {
        let mut bytes = vec![0; ethernet::HEADER_LEN];
        ethernet::Header::emit(&mut bytes, self.world.nics[from.port].mac, from.mac, None, ethertype::IPV4);
        bytes.extend(packet);
        self.world.received[from.port].push_back(Frame::new(&bytes));
        self.run()
    }

    /// Turns until nothing happens any more, and returns what came out meanwhile, by port.
    pub fn run(&mut self) -> Vec<(usize, Frame)> {
        self.settle();
        let sent = self.world.transmitted.iter_mut().enumerate();
        sent.flat_map(|(port, frames)| frames.drain(..).map(move |frame| (port, frame))).collect()
    }

    pub fn report(&mut self) -> Vec<String> {
        self.world.lines.clear();
        self.node.report_counters(&mut self.world);
        core::mem::take(&mut self.world.lines)
    }
}

pub fn arp_message(frame: &Frame) -> Option<arp::Message> {
    let link = ethernet::Header::parse(frame.head()).ok()?;
    (link.ethertype == ethertype::ARP).then(|| arp::Message::parse(&frame.head()[link.len..])).flatten()
}

pub fn arp_frame(from: Station, dst: MacAddr, message: arp::Message) -> Frame {
    let mut bytes = vec![0; 60];
    ethernet::Header::emit(&mut bytes, dst, from.mac, None, ethertype::ARP);
    message.emit(&mut bytes[ethernet::HEADER_LEN..]);
    Frame::new(&bytes)
}

/// An IPv4 packet whose transport checksum, at `check` of its payload, is right.
pub fn packet(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, mut payload: Vec<u8>, check: usize) -> Vec<u8> {
    let len = payload.len() as u16;
    let pseudo = match protocol {
        protocol::ICMP => Sum::ZERO,
        _ => Sum::pseudo_header(src.into(), dst.into(), protocol, u32::from(len)),
    };
    let sum = pseudo.bytes(&payload).checksum();
    payload[check..check + 2].copy_from_slice(&sum.to_be_bytes());
    let mut bytes = vec![0; ipv4::MIN_HEADER_LEN];
    let header =
        ipv4::Repr { saddr: src, daddr: dst, protocol, ttl: 64, tos: 0, id: 1, dont_fragment: true, payload_len: len };
    header.emit(&mut bytes);
    bytes.extend(payload);
    bytes
}

pub fn echo(src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
    let message = [&[icmpv4::kind::ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 1][..], b"salt"].concat();
    packet(src, dst, protocol::ICMP, message, 2)
}

pub fn segment(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), flags: u16) -> Vec<u8> {
    let ports = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
    let rest = [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags as u8, 0xff, 0xff, 0, 0, 0, 0];
    packet(src.0, dst.0, protocol::TCP, [&ports[..], &rest[..]].concat(), 16)
}

/// What a frame says: port, destination MAC, `src > dst ttl`, and the first bytes of the transport header.
pub fn said((port, frame): &(usize, Frame)) -> (usize, MacAddr, String, Vec<u8>) {
    let link = ethernet::Header::parse(frame.head()).unwrap();
    let bytes = &frame.head()[link.len..];
    let header = ipv4::Header::parse(bytes).unwrap();
    assert!(header.checksum_is_right());
    let payload = &bytes[header.header_len()..usize::from(header.total_len())];
    let (src, dst) = (header.saddr().into(), header.daddr().into());
    let pseudo = match header.protocol() {
        protocol::ICMP => Sum::ZERO,
        other => Sum::pseudo_header(src, dst, other, payload.len() as u32),
    };
    assert_eq!(pseudo.bytes(payload).checksum(), 0, "transport checksum");
    (*port, link.dst, format!("{src} > {dst} ttl {}", header.ttl()), payload.to_vec())
}
