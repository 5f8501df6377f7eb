//! Rewriting against recomputation, for complete and partial checksums.

use super::*;
use crate::conntrack::{Conntrack, Room, Tracked};
use crate::nat::Random;
use crate::parse;
use crate::tests::Flat;
use alloc::vec::Vec;
use wire::{Instant, Offload, PartialChecksum};

fn packet(random: &mut Random, v6: bool, protocol: u8, payload_len: usize, complete: bool) -> Flat {
    let mut bytes = alloc::vec![0u8; 14];
    let header_len = if protocol == protocol::TCP { 20 } else { 8 };
    let transport_len = header_len + payload_len;
    if v6 {
        let mut header = [0; ipv6::HEADER_LEN];
        let address =
            |random: &mut Random| Ipv6Addr::from_bits(u128::from(random.next()) << 64 | u128::from(random.next()));
        let (saddr, daddr) = (address(random), address(random));
        let payload_len = transport_len as u16;
        ipv6::Repr { saddr, daddr, next_header: protocol, hop_limit: 9, traffic_class: 0, payload_len }
            .emit(&mut header);
        bytes.extend_from_slice(&header);
    } else {
        let mut header = [0; ipv4::MIN_HEADER_LEN];
        let address = |random: &mut Random| Ipv4Addr::from_bits(random.next() as u32);
        let (saddr, daddr) = (address(random), address(random));
        let (id, payload_len) = (random.next() as u16, transport_len as u16);
        ipv4::Repr { saddr, daddr, protocol, ttl: 9, tos: 0, id, dont_fragment: false, payload_len }.emit(&mut header);
        bytes.extend_from_slice(&header);
    }
    let l4 = bytes.len();
    bytes.extend((0..transport_len).map(|_| random.next() as u8));
    match protocol {
        protocol::TCP => bytes[l4 + 12] = 0x50,
        protocol::UDP => bytes[l4 + 4..l4 + 6].copy_from_slice(&(transport_len as u16).to_be_bytes()),
        protocol::ICMPV6 => bytes[l4] = 128,
        _ => bytes[l4] = 8,
    }
    let mut frame = Flat::new(&bytes);
    let at = checksum_at(protocol);
    frame.head_mut()[l4 + at..l4 + at + 2].fill(0);
    let parsed = parse::packet(&mut frame, 14, v6, None).unwrap();
    let pseudo = match protocol {
        protocol::ICMP => Sum::ZERO,
        _ => Sum::pseudo_header(parsed.src, parsed.dst, protocol, transport_len as u32),
    };
    let value = if complete {
        match pseudo.bytes(&frame.head()[l4..]).checksum() {
            0 if protocol == protocol::UDP => 0xffff,
            sum => sum,
        }
    } else {
        frame.set_offload(Offload {
            partial: Some(PartialChecksum { start: l4 as u16, offset: at as u16 }),
            ..Offload::NONE
        });
        pseudo.fold()
    };
    frame.head_mut()[l4 + at..l4 + at + 2].copy_from_slice(&value.to_be_bytes());
    frame
}

fn checksum_at(protocol: u8) -> usize {
    match protocol {
        protocol::TCP => 16,
        protocol::UDP => 6,
        _ => 2,
    }
}

/// As if the last rule had accepted it.
fn headers(frame: &mut Flat, packet: parse::Packet) {
    let mut conntrack = Conntrack::new(
        &policy::Conntrack::default(),
        1,
        Room { mappings: 0, translates: true, v6: true },
        [1; 4],
        Instant::BOOT,
    );
    let tracked = Tracked::untracked(packet);
    let accepted = conntrack.confirm(Instant::BOOT, &tracked, &[]).unwrap();
    super::headers(frame, tracked.confirmed(accepted));
}

/// Completes a partial checksum, as a NIC would.
fn complete(frame: &mut Flat) {
    if let Some(PartialChecksum { start, offset }) = frame.offload().partial {
        let (start, offset) = (usize::from(start), usize::from(offset));
        let check = Sum::ZERO.bytes(&frame.head()[start..]).checksum();
        frame.head_mut()[start + offset..start + offset + 2].copy_from_slice(&check.to_be_bytes());
        frame.set_offload(Offload::NONE);
    }
}

#[test]
fn every_checksum_is_right_after_every_rewriting() {
    let mut random = Random::new(11);
    let shapes: Vec<(bool, u8)> = [(false, protocol::TCP), (false, protocol::UDP), (false, protocol::ICMP)]
        .into_iter()
        .chain([(true, protocol::TCP), (true, protocol::UDP), (true, protocol::ICMPV6)])
        .collect();
    for round in 0..3000 {
        let (v6, protocol) = shapes[round % shapes.len()];
        let is_complete = protocol == protocol::ICMP || random.next().is_multiple_of(2);
        // Now and then the largest that a NIC joins together.
        let payload_len = if round % 97 == 0 { 65_535 - 40 } else { random.next() as usize % 70 };
        let mut frame = packet(&mut random, v6, protocol, payload_len, is_complete);
        let mut packet = parse::packet(&mut frame, 14, v6, None).unwrap();
        let other = self::packet(&mut random, v6, protocol, 0, true);
        let other = parse::packet(&mut other.clone(), 14, v6, None).unwrap();
        packet.ttl -= 1;
        if random.next().is_multiple_of(2) {
            packet.set_src(other.src, random.next() as u16);
        }
        if random.next().is_multiple_of(2) {
            packet.set_dst(other.dst, random.next() as u16);
        }
        headers(&mut frame, packet);
        complete(&mut frame);
        let after = parse::packet(&mut frame, 14, v6, None).unwrap_or_else(|reason| panic!("round {round}: {reason}"));
        assert_eq!((after.src, after.dst, after.ttl), (packet.src, packet.dst, 8), "round {round}");
        assert_eq!(after.ports(), packet.ports(), "round {round}");
        assert!(
            transport_checksum_is_right(&frame, &after),
            "round {round}: protocol {protocol} v6 {v6} {is_complete}"
        );
    }
}

#[test]
fn a_udp_checksum_of_zero_stays_zero_and_a_wrong_one_stays_wrong() {
    let mut random = Random::new(5);
    let mut frame = packet(&mut random, false, protocol::UDP, 10, true);
    frame.head_mut()[40..42].fill(0);
    let mut without = parse::packet(&mut frame, 14, false, None).unwrap();
    without.set_src(Ipv4Addr::new(192, 0, 2, 1).into(), 99);
    headers(&mut frame, without);
    assert_eq!(frame.head()[40..42], [0, 0]);

    let mut frame = packet(&mut random, false, protocol::TCP, 10, true);
    frame.head_mut()[50] ^= 1;
    let mut wrong = parse::packet(&mut frame, 14, false, None).unwrap();
    wrong.set_dst(Ipv4Addr::new(192, 0, 2, 1).into(), 99);
    headers(&mut frame, wrong);
    let after = parse::packet(&mut frame, 14, false, None).unwrap();
    assert!(!transport_checksum_is_right(&frame, &after));
}

#[test]
fn the_packet_that_an_error_quotes_is_rewritten_with_right_checksums() {
    let mut random = Random::new(23);
    for (v6, protocol) in [(false, protocol::UDP), (false, protocol::TCP), (true, protocol::UDP), (true, protocol::TCP)]
    {
        let inner = packet(&mut random, v6, protocol, 21, true);
        let inner_packet = parse::packet(&mut inner.clone(), 14, v6, None).unwrap();
        let mut outer = Flat::new(&[]);
        let own = inner_packet.dst;
        assert!(crate::icmp::build(&mut outer, &inner, &inner_packet, crate::icmp::Answer::PortUnreachable, own));
        let mut error = parse::packet(&mut outer, 14, v6, None).unwrap();
        let mut expected = inner_packet;
        let other = packet(&mut random, v6, protocol, 0, true);
        let other = parse::packet(&mut other.clone(), 14, v6, None).unwrap();
        expected.set_src(other.src, 4321);
        error.dst = other.src;
        let quote =
            parse::Quote { src: other.src, dst: expected.dst, protocol, sport: 4321, dport: expected.ports().1 };
        rewritten(outer.head_mut(), &error, Some(quote), false);
        let after = parse::packet(&mut outer, 14, v6, None).unwrap();
        assert!(transport_checksum_is_right(&outer, &after), "outer, v6 {v6}, protocol {protocol}");
        let at = usize::from(after.l4) + ICMP_HEADER_LEN;
        let mut quoted = Flat::new(&[&[0; 14], &outer.head()[at..]].concat());
        let inside = parse::packet(&mut quoted, 14, v6, None).unwrap();
        assert_eq!((inside.src, inside.ports()), (other.src, expected.ports()));
        assert!(transport_checksum_is_right(&quoted, &inside), "inner, v6 {v6}, protocol {protocol}");
    }
}
