//! Datagrams in fragments: one walk, one decision, the same rewriting.

use super::*;
use crate::trace::TraceStep;

#[test]
fn fragments_in_any_order_make_one_walk_and_leave_as_they_came() {
    for v6 in [false, true] {
        let [client, server, _] = ends(v6);
        for order in orders() {
            let mut bench = Bench::plain();
            let whole = packet(client, server, 53, 3000 - 28, 7, 64);
            let fragments = cut(&whole, &[1232, 2464], 7);
            bench.plane.start_trace();
            for at in &order[..2] {
                assert!(bench.feed(&fragments[*at]).is_empty(), "{order:?}");
            }
            assert_eq!(bench.plane.held(), 2);
            let sent = bench.feed(&fragments[order[2]]);
            assert_eq!(reassemble(&sent).as_deref(), reassemble(&fragments).as_deref(), "{order:?}");
            for (sent, came) in sent.iter().zip(&fragments) {
                let ttl = if v6 { 7 } else { 8 };
                assert_eq!(sent[ttl], 63);
                let mut undone = sent.clone();
                undone[ttl] = 64;
                if !v6 {
                    undone[10..12].copy_from_slice(&came[10..12]);
                }
                assert_eq!(&undone, came, "in order, and nothing else has changed");
            }
            let trace = bench.plane.take_trace();
            let walks = trace.iter().filter_map(|step| match step {
                TraceStep::Received { packet, .. } => Some((packet.len, packet.dport)),
                _ => None,
            });
            assert_eq!(walks.collect::<Vec<_>>(), [(whole.len() as u32, 53)], "one walk, of the whole datagram");
            assert_eq!((bench.plane.held(), bench.plane.flows().0), (0, 1));
            bench.assert_nothing_is_lost();
        }
    }
}

#[test]
fn each_fragment_keeps_its_own_ttl_less_one_and_the_fewest_hops_decide() {
    let [client, server, _] = ends(false);
    for (ttls, left) in [([64, 9, 33], Some([63, 8, 32])), ([64, 64, 1], None), ([2, 200, 3], Some([1, 199, 2]))] {
        let mut bench = Bench::plain();
        let mut sent = vec![];
        for (nth, ttl) in ttls.into_iter().enumerate() {
            let whole = packet(client, server, 53, 2900, 7, ttl);
            sent = bench.feed(&cut(&whole, &[1400, 2800], 7)[nth]);
        }
        match left {
            Some(left) => assert_eq!(sent.iter().map(|sent| sent[8]).collect::<Vec<_>>(), left),
            None => assert_eq!(bench.dropped(DropReason::TtlExpired), 3),
        }
        bench.assert_nothing_is_lost();
    }
}

#[test]
fn a_refused_datagram_is_counted_fragment_by_fragment_and_told_once_about_its_first() {
    for v6 in [false, true] {
        let [client, server, own] = ends(v6);
        // The time is over: time exceeded. No rule lets it in: silence.
        for (port, ttl, reason, told) in [(53, 1, DropReason::TtlExpired, 1), (54, 64, DropReason::Forward, 0)] {
            let mut bench = Bench::plain();
            let fragments = cut(&packet(client, server, port, 2900, 7, ttl), &[1200, 2400], 7);
            let sent: Vec<_> = [2, 1, 0].into_iter().flat_map(|at| bench.feed(&fragments[at])).collect();
            assert_eq!((bench.dropped(reason), sent.len()), (3, told));
            for error in sent {
                let at = if v6 { 48 } else { 28 };
                assert_eq!(error[at..], fragments[0][..error.len() - at], "quotes the first fragment");
                let src = if v6 { IpAddr::from(<[u8; 16]>::try_from(&error[8..24]).unwrap()) } else { own };
                assert_eq!(src, own);
            }
            assert_eq!(bench.plane.flows().0, 0);
            bench.assert_nothing_is_lost();
        }
    }
}

#[test]
fn translation_is_the_same_in_every_fragment_with_one_new_identification() {
    for v6 in [false, true] {
        let [client, server, _] = ends(v6);
        let mut bench = Bench::new(true, 1500, Limits::default());
        let mut ids = vec![];
        for id in [7, 7, 8] {
            let whole = packet(client, server, 53, 2900, id, 64);
            let sent: Vec<_> = cut(&whole, &[1400, 2800], id.into()).iter().flat_map(|part| bench.feed(part)).collect();
            let payload = reassemble(&sent).expect("all fragments leave, with right header checksums");
            let src = match v6 {
                false => IpAddr::from(<[u8; 4]>::try_from(&sent[0][12..16]).unwrap()),
                true => IpAddr::from(<[u8; 16]>::try_from(&sent[0][8..24]).unwrap()),
            };
            assert!(bench.plane.ifaces.owner(src).is_some(), "{src}");
            let sum = Sum::pseudo_header(src, server, protocol::UDP, payload.len() as u32).bytes(&payload);
            assert_eq!(sum.checksum(), 0, "the transport checksum is right");
            for part in &sent {
                assert_eq!(part[if v6 { 8..40 } else { 12..20 }], sent[0][if v6 { 8..40 } else { 12..20 }]);
            }
            let id_of = |part: &Vec<u8>| match v6 {
                false => u32::from(u16::from_be_bytes([part[4], part[5]])),
                true => ipv6::upper_layer(part).unwrap().fragment.unwrap().id,
            };
            ids.push(id_of(&sent[0]));
            assert!(sent.iter().all(|part| id_of(part) == ids[ids.len() - 1]), "one for all");
        }
        match v6 {
            // 96 bits of address and 32 of identification: the sender's own is unique enough.
            true => assert_eq!(ids, [7, 7, 8]),
            false => assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}"),
        }
        assert_eq!(bench.plane.flows().0, 1);
        bench.assert_nothing_is_lost();
    }
}

#[test]
fn new_identifications_come_each_once_before_one_comes_again() {
    let mut ids = Ids::new(Random::new(99));
    let mut seen = vec![false; 1 << 16];
    for _ in 0..1 << 16 {
        let id = ids.next();
        assert!(!core::mem::replace(&mut seen[usize::from(id)], true), "{id}");
    }
}

#[test]
fn a_datagram_for_the_box_is_delivered_whole() {
    for v6 in [false, true] {
        let [client, _, own] = ends(v6);
        let whole = packet(client, own, 54, 2900, 7, 64);
        let header_len = if v6 { 40 } else { 20 };
        let mut bench = Bench::plain();
        for part in cut(&whole, &[1232, 2464], 7).iter().rev() {
            assert!(bench.feed(part).is_empty());
        }
        let [(_, delivered)] = &bench.world.delivered[..] else { panic!("{} frames", bench.world.delivered.len()) };
        let (came, mut expected) = (&delivered.head()[14..], whole.clone());
        if !v6 {
            expected[10..12].copy_from_slice(&came[10..12]);
            assert_eq!(checksum(&came[..header_len]), 0);
        }
        assert_eq!(came, expected);
        assert_eq!(bench.plane.counters().total().delivered, 3);
        bench.assert_nothing_is_lost();

        // A wrong checksum, and a buffer that is too small.
        for (room, reason) in [(usize::MAX, DropReason::BadTransportChecksum), (2048, DropReason::ReassemblyTooLong)] {
            let mut bench = Bench::plain();
            bench.world.room = Some(room);
            let mut wrong = whole.clone();
            wrong[header_len + 1000] ^= 1;
            cut(&wrong, &[1232, 2464], 7).iter().for_each(|part| assert!(bench.feed(part).is_empty()));
            assert_eq!((bench.dropped(reason), bench.world.delivered.len()), (3, 0));
            bench.assert_nothing_is_lost();
        }
    }
}

#[test]
fn extension_headers_before_and_behind_the_fragment_header_are_carried_and_delivered() {
    let [client, server, own] = ends(true);
    let udp = packet(client, own, 54, 200, 0, 64)[40..].to_vec();
    let options = |next| [next, 0, 1, 4, 0, 0, 0, 0];
    // hop-by-hop | fragment | destination options | UDP
    let fragmentable = [&options(17)[..], &udp].concat();
    let fragment = |dst: IpAddr, start: usize, end: usize| {
        let more = end < fragmentable.len();
        let mut payload = options(44).to_vec();
        payload.extend([60, 0]);
        payload.extend((start as u16 | u16::from(more)).to_be_bytes());
        payload.extend([0, 0, 0, 9]);
        payload.extend_from_slice(&fragmentable[start..end]);
        ip_packet(client, dst, 0, &payload, 0, 64)
    };
    let mut bench = Bench::plain();
    assert!(bench.feed(&fragment(own, 104, fragmentable.len())).is_empty());
    bench.feed(&fragment(own, 0, 104));
    let [(_, delivered)] = &bench.world.delivered[..] else { panic!("{:?}", bench.plane.counters().total()) };
    let whole = [&options(60)[..], &fragmentable].concat();
    assert_eq!(delivered.head()[14..], ip_packet(client, own, 0, &whole, 0, 64));

    // Through the router: the checksum is wrong there, which is nobody's business; the rule wants port 53.
    let mut bench = Bench::plain();
    bench.feed(&fragment(server, 104, fragmentable.len()));
    assert!(bench.feed(&fragment(server, 0, 104)).is_empty());
    assert_eq!(bench.dropped(DropReason::Forward), 2, "the port is found behind both");
}

#[test]
fn a_datagram_that_is_never_complete_is_dropped_after_half_a_minute_in_silence() {
    for v6 in [false, true] {
        let [client, server, _] = ends(v6);
        let mut bench = Bench::plain();
        let fragments = cut(&packet(client, server, 53, 2900, 7, 64), &[1400, 2800], 7);
        bench.feed(&fragments[0]);
        bench.wait(Duration::from_secs(10));
        bench.feed(&fragments[1]);
        assert!(bench.plane.poll_timeout().is_some_and(|at| at <= Instant::from_secs(30)));
        bench.wait(Duration::from_secs(19));
        assert_eq!(bench.plane.held(), 2);
        bench.wait(Duration::from_secs(1));
        assert_eq!((bench.plane.held(), bench.dropped(DropReason::FragmentTimeout)), (0, 2));
        assert!(bench.sent().is_empty());
        assert!(bench.feed(&fragments[2]).is_empty(), "it begins another, which is as incomplete");
        assert_eq!(bench.plane.held(), 1);
        bench.assert_nothing_is_lost();
    }
}
