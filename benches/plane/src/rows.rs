//! The packets whose cost is told.

use saltgate_bench_plane::{Bed, Endpoint, Packet, SERVERS, USERS};
use wire::tcp::flag;
use wire::{Ipv4Addr, Ipv6Addr, PortId};

/// Connections that the rows of known ones take turns with.
const FLOWS: u64 = 10_000;
/// Room in the table.
const LIMIT: u32 = 262_144;

/// One kind of packet.
pub struct Row {
    pub name: &'static str,
    pub bed: fn() -> Bed,
    /// Begins the connections; true: every packet of the row leaves.
    pub prepare: fn(&mut Bed) -> bool,
    /// Bursts that it can be measured with.
    pub most: u64,
    /// Puts the nth packet into the burst; returns the port that all of the row come in by.
    pub packet: fn(&mut Bed, u64) -> PortId,
}

pub const ROWS: &[Row] = &[
    Row {
        name: "udp4-known",
        bed: plain,
        prepare: udp4_begin,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &udp4(nth % FLOWS)),
    },
    Row {
        name: "udp4-known-reply",
        bed: plain,
        prepare: udp4_begin,
        most: u64::MAX,
        packet: |bed, nth| push(bed, SERVERS, &reversed(udp4(nth % FLOWS))),
    },
    Row {
        name: "tcp4-known",
        bed: plain,
        prepare: tcp4_begin,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &tcp4(nth % FLOWS)),
    },
    Row {
        name: "udp6-known",
        bed: plain,
        prepare: udp6_begin,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &udp6(nth % FLOWS)),
    },
    Row {
        name: "udp4-nat-known",
        bed: nat,
        prepare: udp4_begin,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &udp4(nth % FLOWS)),
    },
    Row {
        name: "tcp4-nat-known",
        bed: nat,
        prepare: tcp4_begin,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &tcp4(nth % FLOWS)),
    },
    Row {
        name: "udp4-new",
        bed: plain,
        prepare: |_| true,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &udp4(nth)),
    },
    Row {
        name: "udp6-new",
        bed: plain,
        prepare: |_| true,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &udp6(nth)),
    },
    Row {
        name: "tcp4-new",
        bed: plain,
        prepare: |_| true,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &Packet::tcp(user4(nth), server4(80), flag::SYN, 1, 0)),
    },
    Row {
        name: "udp4-nat-new",
        bed: nat,
        prepare: |_| true,
        most: 1_500,
        packet: |bed, nth| push(bed, USERS, &Packet { src: (user4(nth).0, 1024 + nth as u16), ..udp4(nth) }),
    },
    Row {
        name: "udp4-dropped",
        bed: plain,
        prepare: |_| false,
        most: u64::MAX,
        packet: |bed, nth| push(bed, USERS, &Packet::udp(user4(nth), server4(9))),
    },
];

fn plain() -> Bed {
    Bed::new(LIMIT, false)
}

fn nat() -> Bed {
    Bed::new(LIMIT, true)
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

fn udp6(nth: u64) -> Packet {
    Packet::udp(user6(nth), (Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 80).into(), 53))
}

fn reversed(packet: Packet) -> Packet {
    Packet { src: packet.dst, dst: packet.src, ..packet }
}

/// A segment of an established connection, of 512 bytes.
fn tcp4(nth: u64) -> Packet {
    Packet { payload: 512, ..Packet::tcp(user4(nth), server4(80), flag::ACK | flag::PSH, 2, 1001) }
}

/// The handshakes of all connections. The servers see another port of a user, or another user.
fn tcp4_begin(bed: &mut Bed) -> bool {
    let opening: Vec<Packet> = (0..FLOWS).map(|nth| Packet::tcp(user4(nth), server4(80), flag::SYN, 1, 0)).collect();
    let ports = bed.send_and_see(USERS, &opening);
    let answers = (0..FLOWS).zip(ports).map(|(nth, port)| {
        let user = seen(bed, nth, port);
        Packet::tcp(server4(80), user, flag::SYN | flag::ACK, 1000, 2)
    });
    let answers: Vec<Packet> = answers.collect();
    assert_eq!(bed.send(SERVERS, &answers), FLOWS);
    let last: Vec<Packet> = (0..FLOWS).map(|nth| Packet::tcp(user4(nth), server4(80), flag::ACK, 2, 1001)).collect();
    assert_eq!(bed.send(USERS, &last), FLOWS);
    true
}

fn udp4_begin(bed: &mut Bed) -> bool {
    let packets: Vec<Packet> = (0..FLOWS).map(udp4).collect();
    let ports = bed.send_and_see(USERS, &packets);

    let replies: Vec<Packet> =
        (0..FLOWS).zip(ports).map(|(nth, port)| Packet { dst: seen(bed, nth, port), ..reversed(udp4(nth)) }).collect();
    assert_eq!(bed.send(SERVERS, &replies), FLOWS);
    true
}

fn udp6_begin(bed: &mut Bed) -> bool {
    let packets: Vec<Packet> = (0..FLOWS).map(udp6).collect();
    assert_eq!(bed.send(USERS, &packets), FLOWS);
    let replies: Vec<Packet> = packets.into_iter().map(reversed).collect();
    assert_eq!(bed.send(SERVERS, &replies), FLOWS);
    true
}

/// The nth user as the servers see it.
fn seen(bed: &Bed, nth: u64, port: u16) -> Endpoint {
    if bed.masquerades() { (Ipv4Addr::new(10, 1, 0, 1).into(), port) } else { user4(nth) }
}
