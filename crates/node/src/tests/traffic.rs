//! Packets from one end to the other: through ports, plane and the box's own stack.

use super::world::{Frame, World, seed};
use super::*;
use alloc::collections::BTreeSet;
use alloc::format;
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::tcp::flag::{ACK, RST, SYN};
use wire::{Buffer, Ipv4Addr, MacAddr, arp, icmpv4, ipv4, ipv6, ndp, tcp};

/// A host beside the box.
#[derive(Clone, Copy)]
struct Station {
    port: usize,
    mac: MacAddr,
    address: Ipv4Addr,
}

const CLIENT: Station = station(0, [10, 0, 0, 9]);
const ROUTER: Station = station(0, [10, 0, 0, 1]);
const SERVER: Station = station(1, [192, 168, 0, 50]);
const FAR_AWAY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const BOX_OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

const fn station(port: usize, address: [u8; 4]) -> Station {
    let [a, b, c, d] = address;
    Station { port, mac: MacAddr([2, 0, a, b, c, d]), address: Ipv4Addr::new(a, b, c, d) }
}

/// A router of the seed's policy, with stations that answer ARP by themselves.
struct Net {
    node: Node<World>,
    world: World,
    now: Instant,
    asked: BTreeSet<Ipv4Addr>,
}

impl Net {
    fn new() -> Self {
        let world = World::new();
        let node = super::node(seed(), &world);
        let mut net = Self { node, world, now: Instant::from_secs(10), asked: BTreeSet::new() };
        // Duplicate address detection and whatever else belongs to the start.
        net.settle();
        net.world.transmitted.iter_mut().for_each(Vec::clear);
        net
    }

    /// Turns until nothing happens any more, without time passing.
    fn settle(&mut self) {
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
    fn send(&mut self, from: Station, packet: Vec<u8>) -> Vec<(usize, Frame)> {
        let mut bytes = vec![0; ethernet::HEADER_LEN];
        ethernet::Header::emit(&mut bytes, self.world.nics[from.port].mac, from.mac, None, ethertype::IPV4);
        bytes.extend(packet);
        self.world.received[from.port].push_back(Frame::new(&bytes));
        self.settle();
        let sent = self.world.transmitted.iter_mut().enumerate();
        sent.flat_map(|(port, frames)| frames.drain(..).map(move |frame| (port, frame))).collect()
    }

    fn report(&mut self) -> Vec<String> {
        self.world.lines.clear();
        self.node.report_counters(&mut self.world);
        core::mem::take(&mut self.world.lines)
    }
}

fn arp_message(frame: &Frame) -> Option<arp::Message> {
    let link = ethernet::Header::parse(frame.head()).ok()?;
    (link.ethertype == ethertype::ARP).then(|| arp::Message::parse(&frame.head()[link.len..])).flatten()
}

fn arp_frame(from: Station, dst: MacAddr, message: arp::Message) -> Frame {
    let mut bytes = vec![0; 60];
    ethernet::Header::emit(&mut bytes, dst, from.mac, None, ethertype::ARP);
    message.emit(&mut bytes[ethernet::HEADER_LEN..]);
    Frame::new(&bytes)
}

/// An IPv4 packet whose transport checksum, at `check` of its payload, is right.
fn packet(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, mut payload: Vec<u8>, check: usize) -> Vec<u8> {
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

fn echo(src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
    let message = [&[icmpv4::kind::ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 1][..], b"salt"].concat();
    packet(src, dst, protocol::ICMP, message, 2)
}

fn segment(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), flags: u16) -> Vec<u8> {
    let ports = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
    let rest = [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags as u8, 0xff, 0xff, 0, 0, 0, 0];
    packet(src.0, dst.0, protocol::TCP, [&ports[..], &rest[..]].concat(), 16)
}

/// What a frame says: port, destination MAC, `src > dst ttl`, and the first bytes of the transport header.
fn said((port, frame): &(usize, Frame)) -> (usize, MacAddr, String, Vec<u8>) {
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

#[test]
fn a_ping_to_the_box_is_answered_after_it_has_asked_for_the_senders_mac_address() {
    let mut net = Net::new();
    let sent = net.send(CLIENT, echo(CLIENT.address, BOX_OUTSIDE));
    let (port, dst, way, message) = said(&sent[0]);
    assert_eq!((sent.len(), port, dst), (1, 0, CLIENT.mac));
    assert_eq!(way, "10.0.0.2 > 10.0.0.9 ttl 64");
    assert_eq!((message[0], &message[4..]), (icmpv4::kind::ECHO_REPLY, &b"\x00\x07\x00\x01salt"[..]));
    assert_eq!(net.asked, BTreeSet::from([CLIENT.address]), "ARP, and for nobody else");
}

#[test]
fn an_answer_to_who_is_far_away_leaves_by_the_gateway() {
    let mut net = Net::new();
    let sent = net.send(ROUTER, echo(FAR_AWAY, BOX_OUTSIDE));
    let (port, dst, way, _) = said(&sent[0]);
    assert_eq!((sent.len(), port, dst, &*way), (1, 0, ROUTER.mac, "10.0.0.2 > 203.0.113.9 ttl 64"));
}

#[test]
fn a_connection_to_a_closed_port_of_the_box_is_reset() {
    let mut net = Net::new();
    let sent = net.send(CLIENT, segment((CLIENT.address, 4000), (BOX_OUTSIDE, 22), SYN));
    let (_, _, way, bytes) = said(&sent[0]);
    assert_eq!(way, "10.0.0.2 > 10.0.0.9 ttl 64");
    let header = tcp::Header::parse(&bytes).unwrap();
    assert_eq!((header.flags(), header.sport(), header.ackseq()), (RST | ACK, 22, 2));
}

#[test]
fn what_the_forward_chain_accepts_is_forwarded_both_ways_and_the_rest_is_logged() {
    let mut net = Net::new();
    let (client, server) = ((FAR_AWAY, 4000), (SERVER.address, 80));
    let sent = net.send(ROUTER, segment(client, server, SYN));
    let (port, dst, way, _) = said(&sent[0]);
    assert_eq!((sent.len(), port, dst, &*way), (1, 1, SERVER.mac, "203.0.113.9 > 192.168.0.50 ttl 63"));
    let sent = net.send(SERVER, segment(server, client, SYN | ACK));
    let (port, dst, way, _) = said(&sent[0]);
    assert_eq!((sent.len(), port, dst, &*way), (1, 0, ROUTER.mac, "192.168.0.50 > 203.0.113.9 ttl 63"));
    assert!(net.world.lines.is_empty(), "{:?}", net.world.lines);

    assert!(net.send(ROUTER, segment(client, (SERVER.address, 22), SYN)).is_empty());
    assert_eq!(net.world.lines, ["<12> <USER.WARNING> 2003-10-11T22:14:25.000Z saltgate: dropped 203.0.113.9"]);
}

#[test]
fn the_counters_account_for_every_frame() {
    let mut net = Net::new();
    net.send(CLIENT, echo(CLIENT.address, BOX_OUTSIDE));
    net.send(ROUTER, segment((FAR_AWAY, 4000), (SERVER.address, 80), SYN));
    net.send(ROUTER, segment((FAR_AWAY, 4000), (SERVER.address, 22), SYN));
    let mut broken = echo(CLIENT.address, BOX_OUTSIDE);
    broken[ipv4::field::CHECKSUM] ^= 1;
    for _ in 0..3 {
        net.send(CLIENT, broken.clone());
    }
    let lines = net.report();
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    assert!(lines.contains(&"drop outside BadHeaderChecksum 3".into()), "{lines:?}");
    assert!(lines.contains(&"drop outside forward 1".into()), "{lines:?}");
    assert!(lines.contains(&"stack received 1 queue_full 0 refused 0 sent 1 no_buffer 0".into()), "{lines:?}");
    for name in ["outside", "inside", "-"] {
        let row = |what| rows.iter().find(|row| row[..2] == [what, name]).unwrap();
        let value = |what| row(what)[2].parse::<u64>().unwrap();
        let drops = rows.iter().filter(|row| row[..2] == ["drop", name]);
        let dropped: u64 = drops.map(|row| row[3].parse::<u64>().unwrap()).sum();
        assert_eq!(value("received"), value("forwarded") + value("delivered") + value("link") + dropped, "{lines:?}");
    }
}

#[test]
fn a_node_without_work_sleeps_until_time_alone_changes_something() {
    let mut net = Net::new();
    net.send(ROUTER, segment((FAR_AWAY, 4000), (SERVER.address, 80), SYN));
    let mut turns = 0;
    while let Some(wake) = net.node.turn(net.now, &mut net.world).wake {
        assert!(wake > net.now, "it woke at {} for {wake}", net.now);
        net.now = wake;
        turns += 1;
        assert!(turns < 1000, "it wakes for nothing, last at {wake}");
    }
    assert_eq!(net.node.plane().flows().0, 0, "the flow has expired");
}

#[test]
fn the_box_looks_for_another_station_with_its_ipv6_address_and_gives_it_up_if_there_is_one() {
    let world = World::new();
    let mut net = Net { node: super::node(seed(), &world), world, now: Instant::from_secs(10), asked: BTreeSet::new() };
    net.node.turn(net.now, &mut net.world);
    let own: wire::Ipv6Addr = "2001:db8::2".parse().unwrap();
    let mut bytes = vec![0; ethernet::HEADER_LEN + ipv6::HEADER_LEN + ndp::LEN];
    ethernet::Header::emit(&mut bytes, MacAddr([0x33, 0x33, 0, 0, 0, 1]), CLIENT.mac, None, ethertype::IPV6);
    let header = ipv6::Repr {
        saddr: own,
        daddr: "ff02::1".parse().unwrap(),
        next_header: protocol::ICMPV6,
        hop_limit: 255,
        traffic_class: 0,
        payload_len: ndp::LEN as u16,
    };
    header.emit(&mut bytes[ethernet::HEADER_LEN..]);
    let at = ethernet::HEADER_LEN + ipv6::HEADER_LEN;
    let advertisement = ndp::Message::Advertisement {
        target: own,
        target_mac: Some(CLIENT.mac),
        router: false,
        solicited: false,
        override_: true,
    };
    advertisement.emit(&mut bytes[at..]);
    let sum = Sum::pseudo_header(own.into(), header.daddr.into(), protocol::ICMPV6, ndp::LEN as u32);
    let sum = sum.bytes(&bytes[at..]).checksum();
    bytes[at + 2..at + 4].copy_from_slice(&sum.to_be_bytes());
    net.world.received[0].push_back(Frame::new(&bytes));
    net.settle();
    assert_eq!(net.world.lines, ["duplicate address outside 2001:db8::2 given up, another station has it"]);
}
