//! What fragments are made for by those who mean no good; `A…` are the classes of known attacks.

use super::*;

/// What it is called, the fragments, and why each of them is dropped.
type Case = (&'static str, Vec<Vec<u8>>, Vec<DropReason>);

/// A first fragment whose header is cut short, with the rest behind it.
fn tiny(v6: bool, protocol: u8, first_len: usize) -> Vec<Vec<u8>> {
    let [client, server, _] = ends(v6);
    let mut payload = vec![0; 64];
    payload[12] = 0x60;
    cut(&ip_packet(client, server, protocol, &payload, 7, 64), &[first_len], 7)
}

#[test]
fn attacks_with_fragments_are_dropped_each_for_its_reason() {
    use DropReason::{
        DuplicateFragment, ExtensionHeaders, FragmentEnd, FragmentLength, FragmentOverlap, FragmentRefused,
        FragmentTooLong, FragmentedControl, NestedFragment, TinyFragment,
    };
    for v6 in [false, true] {
        let [client, server, _] = ends(v6);
        let whole = packet(client, server, 53, 2900, 7, 64);
        let part = |start, end, more| part(&whole, start, end, more, 7);
        let mut other_bytes = part(800, 1600, true);
        *other_bytes.last_mut().unwrap() ^= 1;
        let icmp = if v6 { 58 } else { 1 };
        let control = |kind: u8| {
            let mut message = vec![0; 64];
            message[0] = kind;
            cut(&ip_packet(client, server, icmp, &message, 7, 64), &[32], 7)
        };
        // The last fragment moved to where it ends beyond 65,535 bytes (A13, ping of death).
        let moved = |mut fragment: Vec<u8>| {
            let at = if v6 { 42 } else { 6 };
            fragment[at..at + 2].copy_from_slice(&(if v6 { 0xfff8u16 } else { 0x1fff }).to_be_bytes());
            if !v6 {
                fragment[10..12].fill(0);
                let sum = checksum(&fragment[..20]);
                fragment[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            fragment
        };
        let table: Vec<Case> = vec![
            (
                "A12 teardrop: the second within the first",
                vec![part(0, 800, true), part(400, 480, false)],
                vec![FragmentOverlap; 2],
            ),
            (
                "A12 teardrop: the second begins within the first",
                vec![part(0, 800, true), part(792, 1600, true), part(1600, 2908, false)],
                vec![FragmentOverlap, FragmentOverlap, FragmentRefused],
            ),
            (
                "a fragment over the gap's edges",
                vec![part(0, 800, true), part(1600, 2908, false), part(792, 1608, true)],
                vec![FragmentOverlap; 3],
            ),
            ("a fragment around another", vec![part(800, 1600, true), part(0, 2400, true)], vec![FragmentOverlap; 2]),
            (
                "the same range with other bytes",
                vec![part(800, 1600, true), other_bytes.clone()],
                vec![FragmentOverlap; 2],
            ),
            ("the same fragment twice", vec![part(800, 1600, true), part(800, 1600, true)], vec![DuplicateFragment]),
            ("two different ends", vec![part(1600, 2908, false), part(800, 1600, false)], vec![FragmentEnd; 2]),
            ("data behind an end", vec![part(800, 1600, false), part(1600, 2400, true)], vec![FragmentEnd; 2]),
            ("an end before data", vec![part(1600, 2400, true), part(800, 1600, false)], vec![FragmentEnd; 2]),
            ("A13 ping of death", vec![part(0, 800, true), moved(part(800, 900, false))], vec![FragmentTooLong; 2]),
            ("no data", vec![part(800, 800, true)], vec![FragmentLength]),
            ("no data at the end", vec![part(800, 800, false)], vec![FragmentLength]),
            (
                "not the last and no multiple of 8",
                vec![part(0, 801, true), part(808, 1600, true)],
                vec![FragmentLength, FragmentRefused],
            ),
            ("A16 tiny TCP", tiny(v6, protocol::TCP, 8), vec![TinyFragment, FragmentRefused]),
            // Its header says that it is 24 bytes long.
            ("A16 TCP without its options", tiny(v6, protocol::TCP, 16), vec![TinyFragment, FragmentRefused]),
            ("an error in fragments", control(if v6 { 1 } else { 3 }), vec![FragmentedControl; 2]),
        ];
        for (what, fragments, reasons) in &table {
            let mut bench = Bench::plain();
            let sent: Vec<_> = fragments.iter().flat_map(|part| bench.feed(part)).collect();
            assert!(sent.is_empty() && bench.world.delivered.is_empty(), "{what}, v6 {v6}");
            for reason in reasons {
                let expected = reasons.iter().filter(|other| *other == reason).count() as u64;
                assert_eq!(bench.dropped(*reason), expected, "{what}, v6 {v6}: {reason}");
            }
            let total: u64 = bench.plane.counters().total().drops().map(|(_, count)| count).sum();
            assert_eq!(total, reasons.len() as u64, "{what}, v6 {v6}");
            bench.assert_nothing_is_lost();
        }
        if v6 {
            let discovery = control(135);
            let mut bench = Bench::plain();
            discovery.iter().for_each(|part| assert!(bench.feed(part).is_empty()));
            assert_eq!(bench.dropped(FragmentedControl), 2, "RFC 6980");
            let fragment = |next: u8, more: u8, rest: &[u8]| {
                let payload = [&[next, 0, 0, more, 0, 0, 0, 7][..], rest].concat();
                ip_packet(client, server, 44, &payload, 7, 64)
            };
            let inner = [17, 0, 3, 0x20, 0, 0, 0, 8];
            for (what, packet, reason) in [
                ("A03 a fragment header in an atomic fragment", fragment(44, 0, &inner), NestedFragment),
                ("A03 a fragment header in a first fragment", fragment(44, 1, &inner), NestedFragment),
                (
                    "A02 a first fragment cut off in its headers",
                    fragment(60, 1, &[17, 9, 0, 0, 0, 0, 0, 0]),
                    TinyFragment,
                ),
                ("A02 a packet cut off in its headers", fragment(60, 0, &[17, 9, 0, 0, 0, 0, 0, 0]), ExtensionHeaders),
                ("nothing behind the fragment header", fragment(17, 1, &[]), TinyFragment),
            ] {
                let mut bench = Bench::plain();
                assert!(bench.feed(&packet).is_empty(), "{what}");
                assert_eq!((bench.dropped(reason), bench.plane.held()), (1, 0), "{what}");
            }
            // An atomic fragment is a packet (RFC 6946).
            let mut bench = Bench::plain();
            let udp = &packet(client, server, 53, 20, 0, 64)[40..];
            assert_eq!(bench.feed(&fragment(17, 0, udp)).len(), 1);
        }
    }
}

#[test]
fn a_flood_of_fragments_stays_within_its_bounds_and_datagrams_still_pass() {
    let limits = Limits { fragments: 1 << 20, ..Limits::default() };
    let [client, server, _] = ends(false);
    let mut bench = Bench::new(false, 1500, limits);
    let mut random = Random::new(5);
    for round in 0..20_000u64 {
        // A15 rose: last fragments of datagrams that have no others; A11: as small as can be; from anywhere.
        let [a, b] = (random.next() as u16).to_be_bytes();
        let src = if round % 4 == 0 { client } else { IpAddr::from([198, 18, a, b]) };
        let whole = ip_packet(src, server, protocol::UDP, &[0; 24], random.next() as u16 | 0x8000, 64);
        bench.feed(&part(&whole, 16, 24, false, 0));
        assert!(bench.plane.fragments.len() <= 512);
        if round % 1000 == 999 {
            let whole = packet(client, server, 53, 2900, round as u16, 64);
            let sent: Vec<_> = cut(&whole, &[1400, 2800], 7).iter().flat_map(|part| bench.feed(part)).collect();
            assert_eq!(sent.len(), 3, "round {round}");
        }
    }
    bench.assert_nothing_is_lost();
    bench.wait(Duration::from_secs(30));
    while bench.plane.poll_timeout().is_some_and(|at| at <= bench.now) {
        bench.wait(Duration::ZERO);
    }
    assert_eq!(bench.plane.held(), 0);
    bench.assert_nothing_is_lost();
}

#[test]
fn a_pile_of_random_fragments_loses_no_frame_and_panics_nowhere() {
    let limits = Limits { fragments: 256 << 10, ..Limits::default() };
    let mut bench = Bench::new(true, 600, limits);
    let mut random = Random::new(17);
    let mut pick = |below: usize| (random.next() >> 8) as usize % below;
    for round in 0..30_000 {
        let v6 = pick(2) == 0;
        let [client, server, own] = ends(v6);
        let dst = if pick(3) == 0 { own } else { server };
        let id = pick(16) as u16;
        let whole = packet(client, dst, 53, 400, id, 2);
        let (mut start, mut end) = [(0, 136), (136, 272), (272, 408)][pick(3)];
        let mut more = end < 408;
        match pick(80) {
            0 => start = 8 * pick(end / 8),
            1 => end = start + pick(409 - start),
            2 => more = !more,
            _ => {}
        }
        let mut bytes = part(&whole, start, end, more, id.into());
        if pick(80) == 0 {
            let at = pick(bytes.len());
            bytes[at] ^= 1 << pick(8);
        }
        bench.feed(&bytes);
        if round % 50 == 0 {
            bench.wait(Duration::from_millis(pick(4000) as u64));
        }
        bench.world.delivered.clear();
        bench.assert_nothing_is_lost();
    }
    let total = bench.plane.counters().total();
    assert!(total.forwarded > 100 && total.delivered > 100, "some get through: {total:?}");
}
