//! Packets from one end to the other: through ports, plane and the box's own stack.

use super::net::{BOX_OUTSIDE, CLIENT, FAR_AWAY, Net, ROUTER, SERVER, echo, said, segment};
use super::world::Frame;
use super::*;
use alloc::collections::BTreeSet;
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::tcp::flag::{ACK, RST, SYN};
use wire::{Buffer, Ipv6Addr, MacAddr, icmpv4, icmpv6, ipv4, ipv6, ndp, tcp};

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
    // Both segments are judged and one is logged; these rules were written in no file, so that they share a place.
    assert!(lines.contains(&"rule web_only 0:0 packets 3 bytes 120".into()), "{lines:?}");
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

const PEER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
const BOX6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

/// An ICMPv6 message from the client, with a right checksum.
fn icmpv6(dst_mac: MacAddr, saddr: Ipv6Addr, daddr: Ipv6Addr, hop_limit: u8, message: &[u8]) -> Frame {
    let mut bytes = vec![0; ethernet::HEADER_LEN + ipv6::HEADER_LEN];
    ethernet::Header::emit(&mut bytes, dst_mac, CLIENT.mac, None, ethertype::IPV6);
    let (next_header, payload_len) = (protocol::ICMPV6, message.len() as u16);
    let header = ipv6::Repr { saddr, daddr, next_header, hop_limit, traffic_class: 0, payload_len };
    header.emit(&mut bytes[ethernet::HEADER_LEN..]);
    let sum = Sum::pseudo_header(saddr.into(), daddr.into(), protocol::ICMPV6, u32::from(payload_len)).bytes(message);
    bytes.extend(message);
    let at = ethernet::HEADER_LEN + ipv6::HEADER_LEN + 2;
    bytes[at..at + 2].copy_from_slice(&sum.checksum().to_be_bytes());
    Frame::new(&bytes)
}

fn advertisement(target: Ipv6Addr, solicited: bool) -> [u8; ndp::LEN] {
    let mut bytes = [0; ndp::LEN];
    let (target_mac, router, override_) = (Some(CLIENT.mac), false, true);
    ndp::Message::Advertisement { target, target_mac, router, solicited, override_ }.emit(&mut bytes);
    bytes
}

#[test]
fn a_ping_by_ipv6_is_answered_after_the_sender_has_been_solicited() {
    let mut net = Net::new();
    let mac = net.world.nics[0].mac;
    let echo = [&[icmpv6::kind::ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 1][..], b"salt"].concat();
    net.world.received[0].push_back(icmpv6(mac, PEER6, BOX6, 64, &echo));
    let [(0, question)] = &net.run()[..] else { panic!("one question") };
    let asked = ndp::Message::parse(&question.head()[ethernet::HEADER_LEN + ipv6::HEADER_LEN..]);
    assert_eq!(asked, Some(ndp::Message::Solicitation { target: PEER6, source_mac: Some(mac) }));

    net.world.received[0].push_back(icmpv6(mac, PEER6, BOX6, 255, &advertisement(PEER6, true)));
    let [(0, reply)] = &net.run()[..] else { panic!("one reply") };
    let header = ipv6::Header::parse(&reply.head()[ethernet::HEADER_LEN..]).unwrap();
    assert_eq!((header.saddr(), header.daddr(), &reply.head()[..6]), (BOX6, PEER6, &CLIENT.mac.0[..]));
    let message = &reply.head()[ethernet::HEADER_LEN + ipv6::HEADER_LEN..];
    assert_eq!((message[0], &message[4..]), (icmpv6::kind::ECHO_REPLY, &b"\x00\x07\x00\x01salt"[..]));
}

#[test]
fn an_ipv6_address_that_another_station_has_is_given_up() {
    let mut net = Net::new();
    let (all_nodes, group) = ("ff02::1".parse().unwrap(), MacAddr([0x33, 0x33, 0, 0, 0, 1]));
    net.world.received[0].push_back(icmpv6(group, BOX6, all_nodes, 255, &advertisement(BOX6, false)));
    assert!(net.run().is_empty());
    assert_eq!(net.world.lines, ["duplicate address outside 2001:db8::2 given up, another station has it"]);
    let echo = [icmpv6::kind::ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 1];
    net.world.received[0].push_back(icmpv6(net.world.nics[0].mac, PEER6, BOX6, 64, &echo));
    assert!(net.run().is_empty());
}

#[test]
fn any_frame_ends_in_exactly_one_counter() {
    let mut net = Net::new();
    let (outside, inside) = (net.world.nics[0].mac, net.world.nics[1].mac);
    let ipv4 = |mac, packet: Vec<u8>| {
        let mut bytes = vec![0; ethernet::HEADER_LEN];
        ethernet::Header::emit(&mut bytes, mac, CLIENT.mac, None, ethertype::IPV4);
        bytes.extend(packet);
        Frame::new(&bytes)
    };
    let models = [
        ipv4(outside, echo(CLIENT.address, BOX_OUTSIDE)),
        ipv4(outside, segment((FAR_AWAY, 4000), (SERVER.address, 80), SYN)),
        ipv4(outside, segment((FAR_AWAY, 4000), (BOX_OUTSIDE, 80), SYN)),
        ipv4(inside, segment((SERVER.address, 80), (FAR_AWAY, 4000), SYN | ACK)),
        icmpv6(outside, PEER6, BOX6, 255, &advertisement(PEER6, true)),
        icmpv6(outside, PEER6, BOX6, 64, &[icmpv6::kind::ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 1]),
        icmpv6(outside, PEER6, BOX6, 64, &[icmpv6::kind::DESTINATION_UNREACHABLE, 4, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0]),
    ];
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    for round in 0..30_000 {
        let mut frame = models[round % models.len()].clone();
        for _ in 0..random() % 4 {
            let at = random() % frame.len();
            frame.head_mut()[at] = random() as u8;
        }
        if random() % 8 == 0 {
            frame.truncate(random() % frame.len() + 1);
        }
        net.world.received[usize::from(round % 7 == 3)].push_back(frame);
        net.now += Duration::from_millis(random() as u64 % 20);
        if random() % 4 == 0 {
            net.run();
        }
    }
    // Whoever was waited for is silent for good now.
    net.now += Duration::from_secs(60);
    net.run();
    let counters = net.node.plane().counters();
    for iface in [Some(IfaceId(0)), Some(IfaceId(1)), None] {
        let row = counters.iface(iface);
        let dropped: u64 = row.drops().map(|(_, count)| count).sum();
        // Drops of what the box itself sent are in the same row, and what became of it in `sent`.
        let (inward, outward) = (row.received, row.originated);
        let accounted = row.forwarded + row.delivered + row.link + row.sent + dropped;
        assert_eq!(inward + outward, accounted, "{iface:?} {row:?}");
    }
    let total = counters.total();
    assert!(total.forwarded > 1000 && total.delivered > 1000 && total.link > 1000, "{total:?}");
}
