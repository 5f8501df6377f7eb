//! Packets and fragments that are larger than their link takes.

use super::*;

#[test]
fn a_fragment_is_forwarded_if_it_fits_whatever_the_datagram_and_cut_again_if_not() {
    let [client, server, _] = ends(false);
    let whole = packet(client, server, 53, 2900, 7, 64);
    let fragments = cut(&whole, &[1400, 2800], 7);
    for (mtu, pieces) in [(1500, 3), (1420, 3), (1419, 5), (800, 5), (576, 7)] {
        let mut bench = Bench::new(false, mtu, Limits::default());
        let sent: Vec<_> = fragments.iter().flat_map(|part| bench.feed(part)).collect();
        assert_eq!(sent.len(), pieces, "mtu {mtu}");
        assert!(sent.iter().all(|part| part.len() <= usize::from(mtu)), "mtu {mtu}");
        assert_eq!(reassemble(&sent).unwrap(), whole[20..], "mtu {mtu}");
        assert_eq!(bench.plane.counters().total().forwarded, 3, "each that came is one that left");
        bench.assert_nothing_is_lost();
    }
    // With DF in one of them, and in IPv6, the sender is told, about the first.
    for v6 in [false, true] {
        let [client, server, _] = ends(v6);
        let mut fragments = cut(&packet(client, server, 53, 2900, 7, 64), &[1400, 2800], 7);
        if !v6 {
            fragments[1][6] |= 0x40;
            fragments[1][10..12].fill(0);
            let sum = checksum(&fragments[1][..20]);
            fragments[1][10..12].copy_from_slice(&sum.to_be_bytes());
        }
        let mut bench = Bench::new(false, 1300, Limits::default());
        let sent: Vec<_> = fragments.iter().flat_map(|part| bench.feed(part)).collect();
        let [error] = &sent[..] else { panic!("{} packets", sent.len()) };
        let at = if v6 { 40 } else { 20 };
        assert_eq!(error[at..at + 2], if v6 { [2, 0] } else { [3, 4] });
        assert_eq!(error[at + 6..at + 8], 1300u16.to_be_bytes());
        assert_eq!(error[at + 8..], fragments[0][..error.len() - at - 8]);
        assert_eq!(bench.dropped(DropReason::TooBig), 3);
    }
}

#[test]
fn a_packet_without_df_that_is_too_large_is_cut_and_counts_once() {
    let [client, server, _] = ends(false);
    for (mtu, len) in [(1000, 1001), (1000, 1500), (576, 1500), (68, 1500), (1400, 1400)] {
        let mut bench = Bench::new(false, mtu, Limits::default());
        let whole = packet(client, server, 53, len - 28, 7, 64);
        let before = bench.plane.counters().total().transmitted;
        let sent = bench.feed(&whole);
        let most = usize::from(mtu - 20) & !7;
        assert_eq!(sent.len(), if len <= usize::from(mtu) { 1 } else { (len - 20).div_ceil(most) }, "{len} on {mtu}");
        assert!(sent.iter().all(|part| part.len() <= usize::from(mtu) && part[8] == 63 && part[4..6] == [0, 7]));
        assert_eq!(reassemble(&sent).unwrap(), whole[20..], "{len} on {mtu}");
        let total = bench.plane.counters().total();
        assert_eq!((total.forwarded, total.transmitted - before), (1, sent.len() as u64));
        bench.assert_nothing_is_lost();
    }
    // With DF its sender is told what fits.
    let mut bench = Bench::new(false, 1000, Limits::default());
    let mut whole = packet(client, server, 53, 1200, 7, 64);
    whole[6] = 0x40;
    whole[10..12].fill(0);
    let sum = checksum(&whole[..20]);
    whole[10..12].copy_from_slice(&sum.to_be_bytes());
    let sent = bench.feed(&whole);
    assert_eq!((sent[0][20], sent[0][21], bench.dropped(DropReason::TooBig)), (3, 4, 1));
}

#[test]
fn pieces_that_wait_for_their_neighbor_are_one_packet() {
    let [client, ..] = ends(false);
    let mut bench = Bench::new(false, 576, Limits::default());
    let stranger = IpAddr::from([10, 1, 0, 77]);
    let whole = packet(client, stranger, 53, 1400, 7, 64);
    assert!(bench.feed(&whole).is_empty());
    assert_eq!(bench.plane.held(), 1);
    bench.assert_nothing_is_lost();
    for _ in 0..5 {
        bench.wait(Duration::from_secs(1));
    }
    assert_eq!((bench.plane.held(), bench.dropped(DropReason::NeighborSilent)), (0, 1));
    bench.assert_nothing_is_lost();
}

#[test]
fn options_with_the_copied_flag_go_into_every_piece_and_the_others_into_the_first() {
    let [client, server, _] = ends(false);
    let plain = packet(client, server, 53, 1200, 7, 64);
    // Router alert (copied), no operation, record route with one place (not copied), end.
    let options = [0x94, 4, 0, 0, 1, 7, 7, 4, 0, 0, 0, 0];
    let mut whole = [&plain[..20], &options, &plain[20..]].concat();
    whole[0] = 0x48;
    let total_len = whole.len() as u16;
    whole[2..4].copy_from_slice(&total_len.to_be_bytes());
    whole[10..12].fill(0);
    let sum = checksum(&whole[..32]);
    whole[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut bench = Bench::new(false, 576, Limits::default());
    let sent = bench.feed(&whole);
    let [first, rest @ ..] = &sent[..] else { panic!() };
    assert_eq!((first[0], &first[20..32]), (0x48, &options[..]));
    assert!(rest.iter().all(|part| part[0] == 0x46 && part[20..24] == options[..4]), "{rest:?}");
    assert_eq!(reassemble(&sent).unwrap(), plain[20..]);
}

#[test]
fn a_partial_checksum_is_completed_before_a_packet_is_cut() {
    let [client, server, _] = ends(false);
    let whole = packet(client, server, 53, 1400, 7, 64);
    let mut frame = frame(ROUTER[0], &whole);
    let pseudo = Sum::pseudo_header(client, server, protocol::UDP, 1408).fold();
    frame.head_mut()[40..42].copy_from_slice(&pseudo.to_be_bytes());
    let partial = Some(wire::PartialChecksum { start: 34, offset: 6 });
    frame.set_offload(wire::Offload { partial, ..wire::Offload::NONE });
    let mut bench = Bench::new(true, 576, Limits::default());
    feed(&mut bench.plane, bench.now, WAN, frame, &mut bench.world);
    assert!(bench.world.sent.iter().all(|(_, frame)| frame.offload() == wire::Offload::NONE));
    let sent = bench.sent();
    let payload = reassemble(&sent).unwrap();
    let own = IpAddr::from(Ipv4Addr::new(10, 1, 0, 1));
    assert_eq!(Sum::pseudo_header(own, server, protocol::UDP, 1408).bytes(&payload).checksum(), 0);
}
