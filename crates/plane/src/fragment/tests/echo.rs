//! Pings for the box itself, in fragments.

use super::*;
use wire::{icmpv4, icmpv6};

/// An echo request with a right checksum, from its IP header on; its payload counts up.
fn ping(src: IpAddr, dst: IpAddr, payload_len: usize) -> Vec<u8> {
    let (kind, protocol) = match src.is_ipv4() {
        true => (icmpv4::kind::ECHO_REQUEST, protocol::ICMP),
        false => (icmpv6::kind::ECHO_REQUEST, protocol::ICMPV6),
    };
    let mut message = vec![kind, 0, 0, 0, 0x12, 0x34, 0, 1];
    message.extend((0..payload_len).map(|at| (at / 3) as u8));
    let start = match src.is_ipv4() {
        true => Sum::ZERO,
        false => Sum::pseudo_header(src, dst, protocol, message.len() as u32),
    };
    let sum = start.bytes(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ip_packet(src, dst, protocol, &message, 7, 55)
}

fn places(payload_len: usize, size: usize) -> Vec<usize> {
    (1..(payload_len + 8).div_ceil(size)).map(|nth| nth * size).collect()
}

#[test]
fn a_ping_of_any_size_is_answered_in_the_fragments_that_it_came_in() {
    //  payload, bytes of each fragment
    let table = [(65_507, 1480), (65_507, 1232), (40_000, 1480), (3000, 1480), (1473, 1480), (100, 64), (1, 8)];
    for v6 in [false, true] {
        let [client, _, own] = ends(v6);
        for (payload_len, size) in table {
            let request = ping(client, own, payload_len);
            let header_len = if v6 { 40 } else { 20 };
            let fragments = cut(&request, &places(payload_len, size.min(1448)), 9);
            let mut bench = Bench::plain();
            let mut sent = vec![];
            for fragment in fragments.iter().rev() {
                sent.extend(bench.feed(fragment));
            }
            assert_eq!(sent.len(), fragments.len(), "{payload_len} bytes in pieces of {size}, IPv6 {v6}");
            let mut expected = request[header_len..].to_vec();
            expected[0] = if v6 { 129 } else { 0 };
            let reply = reassemble(&sent).unwrap();
            assert_eq!((reply[0], &reply[4..]), (expected[0], &expected[4..]));
            let start = match v6 {
                false => Sum::ZERO,
                true => Sum::pseudo_header(own, client, protocol::ICMPV6, reply.len() as u32),
            };
            assert_eq!(start.bytes(&reply).checksum(), 0, "its checksum is right");
            for fragment in &sent {
                let at = if v6 { 8 } else { 12 };
                let [src, dst] =
                    [&request[at..at + (header_len - at) / 2], &request[at + (header_len - at) / 2..header_len]];
                assert_eq!(&fragment[at..header_len], [dst, src].concat(), "back to who asked");
                assert_eq!(fragment[if v6 { 7 } else { 8 }], 64, "with a TTL of the box's own");
                let id = if v6 { &fragment[44..48] } else { &fragment[4..6] };
                assert!(!id.ends_with(&[0, 9]) && !id.ends_with(&[0, 7]), "under an identification of the box's own");
            }
            let (count, total) = (fragments.len() as u64, bench.plane.counters().total());
            assert_eq!((total.delivered, total.originated, total.sent), (count, count, count));
            bench.assert_nothing_is_lost();
        }
    }
}

#[test]
fn a_ping_in_fragments_whose_checksum_is_wrong_is_not_answered() {
    for v6 in [false, true] {
        let [client, _, own] = ends(v6);
        for broken_at in [100, 2000, 3999] {
            let mut request = ping(client, own, 4000);
            request[broken_at] ^= 1;
            let mut bench = Bench::plain();
            let sent: Vec<_> = cut(&request, &[1400, 2800], 9).iter().flat_map(|part| bench.feed(part)).collect();
            assert!(sent.is_empty());
            assert_eq!(bench.dropped(DropReason::BadTransportChecksum), 3);
            bench.assert_nothing_is_lost();
        }
    }
}

#[test]
fn what_no_buffer_holds_is_dropped_unless_it_is_a_ping() {
    for v6 in [false, true] {
        let [client, _, own] = ends(v6);
        let mut bench = Bench::plain();
        bench.world.room = Some(2000);
        let whole = packet(client, own, 53, 4000, 7, 64);
        let sent: Vec<_> = cut(&whole, &[1400, 2800], 9).iter().flat_map(|part| bench.feed(part)).collect();
        assert!(sent.is_empty() && bench.world.delivered.is_empty());
        assert_eq!(bench.dropped(DropReason::ReassemblyTooLong), 3);
        bench.assert_nothing_is_lost();
    }
}

#[test]
fn a_ping_to_everybody_is_answered_by_nobody() {
    let [client, ..] = ends(false);
    for everybody in [[10, 0, 0, 255], [255, 255, 255, 255]] {
        let mut bench = Bench::plain();
        let request = ping(client, IpAddr::from(everybody), 1500);
        let sent: Vec<_> = cut(&request, &[1400], 9).iter().flat_map(|part| bench.feed(part)).collect();
        assert!(sent.is_empty());
        assert_eq!(bench.world.delivered.len(), 1, "the stack knows that it does not answer");
    }
}
