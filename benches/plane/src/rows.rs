//! The packets whose cost is told.

use saltgate_bench_plane::{Bed, Endpoint, Packet, SERVERS, USERS};
use wire::tcp::flag;
use wire::{Ipv4Addr, Ipv6Addr, PortId};

/// Connections that the rows of known ones take turns with.
const FLOWS: u64 = 10_000;
/// Connections of the rows that go on with a handshake.
const HANDSHAKES: u64 = 32_000;
/// Room in the table.
const LIMIT: u32 = 262_144;

/// One kind of packet.
pub struct Row {
    pub name: &'static str,
    pub bed: fn() -> Bed,
    /// Begins the connections.
    pub prepare: fn(&mut Bed),
    /// Bursts that it can be measured with.
    pub most: u64,
    pub work: Work,
}

/// What is measured.
pub enum Work {
    /// Packets. `packet` puts the nth one into the burst and returns the port that all of the row come in by; so many
    /// frames leave for each.
    Packets { leave: u64, packet: fn(&mut Bed, u64) -> PortId },
    /// Connections that have ended, and leave the table.
    Expiry,
}

/// Packets that are forwarded.
const fn row(name: &'static str, bed: fn() -> Bed, prepare: fn(&mut Bed), packet: fn(&mut Bed, u64) -> PortId) -> Row {
    Row { name, bed, prepare, most: u64::MAX, work: Work::Packets { leave: 1, packet } }
}

pub const ROWS: &[Row] = &[
    row("udp4-known", plain, udp4_begin, |bed, nth| push(bed, USERS, &udp4(nth % FLOWS))),
    row("udp4-known-reply", plain, udp4_begin, |bed, nth| push(bed, SERVERS, &reversed(udp4(nth % FLOWS)))),
    // Each to another host than the one before, and so by another decision.
    row("udp4-known-many", hosts, udp4_many_begin, |bed, nth| push(bed, SERVERS, &reversed(udp4_near(nth % FLOWS)))),
    row("tcp4-known", plain, tcp4_begin, |bed, nth| push(bed, USERS, &tcp4(nth % FLOWS))),
    row("udp6-known", plain, udp6_begin, |bed, nth| push(bed, USERS, &udp6(nth % FLOWS))),
    row("udp4-nat-known", nat, udp4_begin, |bed, nth| push(bed, USERS, &udp4(nth % FLOWS))),
    row("tcp4-nat-known", nat, tcp4_begin, |bed, nth| push(bed, USERS, &tcp4(nth % FLOWS))),
    // These walk, however well their flows are known.
    row("icmp4-echo-known", plain, echo4_begin, |bed, nth| push(bed, USERS, &echo4(nth % FLOWS))),
    Row {
        // For each a line in a datagram to a server.
        work: Work::Packets { leave: 2, packet: |bed, nth| push(bed, USERS, &udp4(nth % FLOWS)) },
        ..row("udp4-logged-known", logged, udp4_begin_logged, |_, _| USERS)
    },
    row("udp4-new", plain, |_| {}, |bed, nth| push(bed, USERS, &udp4(nth))),
    row("udp6-new", plain, |_| {}, |bed, nth| push(bed, USERS, &udp6(nth))),
    row("tcp4-new", plain, |_| {}, |bed, nth| push(bed, USERS, &syn(nth))),
    // The first answer of each connection, and what completes its handshake.
    Row {
        most: HANDSHAKES / 32,
        ..row("tcp4-syn-ack", plain, tcp4_ask, |bed, nth| push(bed, SERVERS, &syn_ack(user4(nth))))
    },
    Row { most: HANDSHAKES / 32, ..row("tcp4-ack", plain, tcp4_answer, |bed, nth| push(bed, USERS, &last_ack(nth))) },
    Row {
        most: 1_500,
        ..row(
            "udp4-nat-new",
            nat,
            |_| {},
            |bed, nth| push(bed, USERS, &Packet { src: (user4(nth).0, 1024 + nth as u16), ..udp4(nth) }),
        )
    },
    Row {
        work: Work::Packets { leave: 0, packet: |bed, nth| push(bed, USERS, &Packet::udp(user4(nth), server4(9))) },
        ..row("udp4-dropped", plain, |_| {}, |_, _| USERS)
    },
    Row {
        // A ping for the box, up to its stack.
        work: Work::Packets { leave: 0, packet: |bed, nth| push(bed, USERS, &ping(nth % FLOWS)) },
        ..row("icmp4-own-known", plain, ping_begin, |_, _| USERS)
    },
    Row { most: 4_000, work: Work::Expiry, ..row("udp4-expiry", plain, |_| {}, |_, _| USERS) },
];

impl Row {
    /// Packets, or connections that end, which are measured at once.
    pub const fn burst(&self) -> u64 {
        match self.work {
            Work::Packets { .. } => 32,
            // As many as the plane takes out of its table in one go.
            Work::Expiry => 64,
        }
    }
}

/// Begins so many connections, at once.
pub fn begin(bed: &mut Bed, count: u64) {
    for nth in 0..count {
        let _ = bed.send(USERS, &[udp4(nth)]);
    }
}

fn plain() -> Bed {
    Bed::new(LIMIT, false)
}

/// Many users are neighbors.
fn hosts() -> Bed {
    Bed::with_hosts(LIMIT)
}

fn nat() -> Bed {
    Bed::new(LIMIT, true)
}

/// Every packet is told to a server, whose rate has no end.
fn logged() -> Bed {
    const RULES: &str = "
Syslog server { address: 192.0.2.9, port: 514, rate: 4000000000, burst: 4000000000 }
Filter::IP rules {
  syslog(INFO, \"from \", ip.saddr, \" to \", ip.daddr)
  accept
}
";
    Bed::with_rules(LIMIT, false, RULES)
}

fn push(bed: &mut Bed, port: PortId, packet: &Packet) -> PortId {
    bed.push(&Bed::bytes(port, packet));
    port
}

/// The nth user: 16,384 addresses, each with ports from 1024 on.
fn user4(nth: u64) -> Endpoint {
    let address = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(172, 16, 0, 0)) + 1 + (nth % 16_384) as u32);
    (address.into(), 1024 + (nth / 16_384) as u16)
}

fn user6(nth: u64) -> Endpoint {
    let address = Ipv6Addr::from_bits((0x2001_0db8_000a_u128 << 80) + 1 + u128::from(nth % 16_384));
    (address.into(), 1024 + (nth / 16_384) as u16)
}

fn server4(port: u16) -> Endpoint {
    (Ipv4Addr::new(192, 0, 2, 80).into(), port)
}

fn udp4(nth: u64) -> Packet {
    Packet::udp(user4(nth), server4(53))
}

/// From one of 32 users of the router's own network.
fn udp4_near(nth: u64) -> Packet {
    let host = (Ipv4Addr::new(10, 0, 0, 100 + (nth % 32) as u8).into(), 1024 + (nth / 32) as u16);
    Packet::udp(host, server4(53))
}

fn udp6(nth: u64) -> Packet {
    Packet::udp(user6(nth), (Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 80).into(), 53))
}

fn echo4(nth: u64) -> Packet {
    Packet::echo(user4(nth), server4(0), false)
}

/// To the router's own address.
fn ping(nth: u64) -> Packet {
    Packet { dst: (Ipv4Addr::new(10, 0, 0, 1).into(), 0), ..echo4(nth) }
}

fn reversed(packet: Packet) -> Packet {
    Packet { src: packet.dst, dst: packet.src, ..packet }
}

/// A segment of an established connection, of 512 bytes.
fn tcp4(nth: u64) -> Packet {
    Packet { payload: 512, ..Packet::tcp(user4(nth), server4(80), flag::ACK | flag::PSH, 2, 1001) }
}

fn syn(nth: u64) -> Packet {
    Packet::tcp(user4(nth), server4(80), flag::SYN, 1, 0)
}

fn syn_ack(user: Endpoint) -> Packet {
    Packet::tcp(server4(80), user, flag::SYN | flag::ACK, 1000, 2)
}

/// Of a handshake.
fn last_ack(nth: u64) -> Packet {
    Packet::tcp(user4(nth), server4(80), flag::ACK, 2, 1001)
}

/// The handshakes of all connections. The servers see another port of a user, or another user.
fn tcp4_begin(bed: &mut Bed) {
    let ports = bed.send_and_see(USERS, &(0..FLOWS).map(syn).collect::<Vec<_>>());
    let answers: Vec<Packet> = (0..FLOWS).zip(ports).map(|(nth, port)| syn_ack(seen(bed, nth, port))).collect();
    assert_eq!(bed.send(SERVERS, &answers), FLOWS);
    assert_eq!(bed.send(USERS, &(0..FLOWS).map(last_ack).collect::<Vec<_>>()), FLOWS);
}

/// Handshakes that are still to be answered.
fn tcp4_ask(bed: &mut Bed) {
    assert_eq!(bed.send(USERS, &(0..HANDSHAKES).map(syn).collect::<Vec<_>>()), HANDSHAKES);
}

/// Handshakes that are still to be completed.
fn tcp4_answer(bed: &mut Bed) {
    tcp4_ask(bed);
    let answers: Vec<Packet> = (0..HANDSHAKES).map(|nth| syn_ack(user4(nth))).collect();
    assert_eq!(bed.send(SERVERS, &answers), HANDSHAKES);
}

fn udp4_begin(bed: &mut Bed) {
    let packets: Vec<Packet> = (0..FLOWS).map(udp4).collect();
    let ports = bed.send_and_see(USERS, &packets);
    let replies: Vec<Packet> =
        (0..FLOWS).zip(ports).map(|(nth, port)| Packet { dst: seen(bed, nth, port), ..reversed(udp4(nth)) }).collect();
    assert_eq!(bed.send(SERVERS, &replies), FLOWS);
}

/// The first reply to each host has its address asked for, and leaves once that is known.
fn udp4_many_begin(bed: &mut Bed) {
    let packets: Vec<Packet> = (0..FLOWS).map(udp4_near).collect();
    assert_eq!(bed.send(USERS, &packets), FLOWS);
    let replies: Vec<Packet> = packets.into_iter().map(reversed).collect();
    bed.send(SERVERS, &replies[..32]);
    bed.answer();
    assert_eq!(bed.send(SERVERS, &replies), FLOWS);
}

/// Packet and line.
fn udp4_begin_logged(bed: &mut Bed) {
    let packets: Vec<Packet> = (0..FLOWS).map(udp4).collect();
    assert_eq!(bed.send(USERS, &packets), 2 * FLOWS);
    let replies: Vec<Packet> = packets.into_iter().map(reversed).collect();
    assert_eq!(bed.send(SERVERS, &replies), 2 * FLOWS);
}

fn echo4_begin(bed: &mut Bed) {
    let requests: Vec<Packet> = (0..FLOWS).map(echo4).collect();
    assert_eq!(bed.send(USERS, &requests), FLOWS);
    let answers = requests.iter().map(|asked| Packet::echo((asked.dst.0, asked.src.1), asked.src, true));
    assert_eq!(bed.send(SERVERS, &answers.collect::<Vec<_>>()), FLOWS);
}

fn ping_begin(bed: &mut Bed) {
    let requests: Vec<Packet> = (0..FLOWS).map(ping).collect();
    assert_eq!(bed.send(USERS, &requests), 0);
}

fn udp6_begin(bed: &mut Bed) {
    let packets: Vec<Packet> = (0..FLOWS).map(udp6).collect();
    assert_eq!(bed.send(USERS, &packets), FLOWS);
    let replies: Vec<Packet> = packets.into_iter().map(reversed).collect();
    assert_eq!(bed.send(SERVERS, &replies), FLOWS);
}

/// The nth user as the servers see it.
fn seen(bed: &Bed, nth: u64, port: u16) -> Endpoint {
    if bed.masquerades() { (Ipv4Addr::new(10, 1, 0, 1).into(), port) } else { user4(nth) }
}
