//! The store against the simplest reassembler there is, and its bounds.

use super::*;
use crate::fragment::tests::{frame, ip_packet, part};
use crate::nat::Random;
use crate::parse::{self, Arrived};
use crate::tests::{Flat, ROUTER};
use alloc::vec;
use alloc::vec::Vec;
use wire::ipv4::protocol;

const LAN: IfaceId = IfaceId(0);
const SEED: [u64; 4] = [0x51, 0x9e3c_0f12, 3, 5 << 40];

fn address(v6: bool, host: u16) -> IpAddr {
    let [high, low] = host.to_be_bytes();
    if v6 { IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]) } else { IpAddr::from([10, 0, high, low]) }
}

/// Bytes `start` to `end` of a datagram of GRE.
fn fragment(v6: bool, src: u16, id: u16, start: usize, end: usize, more: bool, data: &[u8]) -> (Fragment, Flat) {
    let whole = ip_packet(address(v6, src), address(v6, 0xffff), 47, data, id, 64);
    let mut frame = frame(ROUTER[0], &part(&whole, start, end, more, id.into()));
    match parse::arrived(&mut frame, 14, v6, Some(LAN)) {
        Ok(Arrived::Fragment(fragment)) => (fragment, frame),
        other => panic!("{other:?}"),
    }
}

/// What came of a fragment: why which frames were dropped, and the datagram that is complete.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    dropped: Vec<DropReason>,
    complete: Option<Vec<u8>>,
}

fn hold(store: &mut Store<Flat>, now: Instant, (fragment, frame): (Fragment, Flat)) -> Came {
    let mut dropped = vec![];
    let complete = store.hold(now, LAN, &fragment, frame, &mut |_, reason| dropped.push(reason));
    let complete = complete.map(|mut datagram| {
        let mut payload = vec![];
        while let Some((frame, extent)) = store.next(&mut datagram) {
            assert_eq!(extent.start as usize, payload.len(), "in order, without gaps");
            payload.extend_from_slice(&frame.head()[usize::from(extent.data_at)..]);
            assert_eq!(extent.end as usize, payload.len());
        }
        assert_eq!(datagram.payload_len as usize, payload.len());
        payload
    });
    Came { dropped, complete }
}

/// A datagram as a list of parts.
struct Naive {
    key: (bool, u16),
    deadline: Instant,
    refused: bool,
    parts: Vec<(usize, usize, bool, Vec<u8>)>,
}

impl Naive {
    fn verdict(&self, start: usize, end: usize, more: bool, data: &[u8]) -> Result<(), DropReason> {
        if self.refused {
            return Err(DropReason::FragmentRefused);
        }
        if start == end || (more && !(end - start).is_multiple_of(8)) {
            return Err(DropReason::FragmentLength);
        }
        for (a, b, other_more, other) in &self.parts {
            if (*a, *b, *other_more, &other[..]) == (start, end, more, data) {
                return Err(DropReason::DuplicateFragment);
            }
        }
        if self.parts.iter().any(|(a, b, ..)| start < *b && *a < end) {
            return Err(DropReason::FragmentOverlap);
        }
        let ends_at = self.parts.iter().find(|(_, _, more, _)| !more).map(|(_, end, ..)| *end);
        let reaches = self.parts.iter().map(|(_, end, ..)| *end).max().unwrap_or(0);
        match ends_at {
            Some(at) if end > at || !more => Err(DropReason::FragmentEnd),
            None if !more && end < reaches => Err(DropReason::FragmentEnd),
            _ => Ok(()),
        }
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let mut parts: Vec<_> = self.parts.iter().collect();
        parts.sort_by_key(|(start, ..)| *start);
        let fits =
            parts.iter().scan(0, |at, (start, end, ..)| Some(core::mem::replace(at, *end) == *start)).all(|fits| fits);
        let ends = parts.last().is_some_and(|(_, _, more, _)| !more);
        (fits && ends).then(|| parts.iter().flat_map(|(.., data)| data.iter().copied()).collect())
    }
}

#[test]
fn the_store_equals_a_list_of_parts_for_every_cut_order_and_overlap() {
    let mut store = Store::new(16 << 20, SEED);
    let mut list: Vec<Naive> = vec![];
    let mut random = Random::new(3);
    let mut pick = |below: usize| (random.next() >> 8) as usize % below;
    let mut now = Instant::BOOT;
    let (mut completed, mut refused) = (0, 0);
    for step in 0..60_000 {
        now += Duration::from_millis(pick(400) as u64);
        if pick(1000) == 0 {
            now += Duration::from_secs(31);
        }
        // Time-outs first, as the plane's timer has it.
        let mut over = vec![];
        while store.poll_timeout().is_some_and(|at| at <= now) {
            store.expire(now, &mut |_, reason| over.push(reason));
        }
        let expected: usize =
            list.iter().filter(|datagram| datagram.deadline <= now).map(|datagram| datagram.parts.len()).sum();
        list.retain(|datagram| datagram.deadline > now);
        assert_eq!(over, vec![DropReason::FragmentTimeout; expected], "step {step}");

        let (v6, id) = (pick(2) == 0, pick(6) as u16);
        let data: Vec<u8> = (0..90).map(|at| at as u8 ^ (id as u8) << 5).collect();
        let cuts = [[0, 24, 32, 64, 90], [0, 32, 64, 72, 90]][usize::from(id % 2) ^ usize::from(pick(50) == 0)];
        let nth = pick(4);
        let (mut start, mut end): (usize, usize) = (cuts[nth], cuts[nth + 1]);
        let mut more = end < 90;
        let mut bytes = data.clone();
        match pick(200) {
            0 => start = 8 * pick(end.div_ceil(8)),
            1 => end = start + pick(91 - start),
            2 => more = !more,
            3 => bytes[start] ^= 0x80,
            _ => {}
        }
        // Without offset and more to come it would be a packet.
        more |= start == 0;
        let came = hold(&mut store, now, fragment(v6, 1, id, start, end, more, &bytes));

        let data = bytes[start..end].to_vec();
        let at = list.iter().position(|datagram| datagram.key == (v6, id)).unwrap_or_else(|| {
            list.push(Naive { key: (v6, id), deadline: now + HOLD, refused: false, parts: vec![] });
            list.len() - 1
        });
        let datagram = &mut list[at];
        let mut expected = Came { dropped: vec![], complete: None };
        match datagram.verdict(start, end, more, &data) {
            Ok(()) => {
                datagram.parts.push((start, end, more, data));
                expected.complete = datagram.whole();
                if expected.complete.is_some() {
                    completed += 1;
                    list.remove(at);
                }
            }
            Err(reason @ (DropReason::FragmentRefused | DropReason::DuplicateFragment)) => {
                expected.dropped.push(reason)
            }
            Err(reason) => {
                refused += 1;
                expected.dropped = vec![reason; datagram.parts.len() + 1];
                (datagram.refused, datagram.parts) = (true, vec![]);
            }
        }
        assert_eq!(came, expected, "step {step}: {start}..{end} more {more}");
        assert_eq!(store.len(), list.iter().map(|datagram| datagram.parts.len()).sum::<usize>());
    }
    assert!(completed > 1000 && refused > 1000, "{completed} complete, {refused} refused");
}

#[test]
fn memory_is_bounded_in_all_and_for_each_source_and_the_oldest_gives_way() {
    let now = Instant::BOOT;
    let data = [0; 24];
    let last = |src, id| fragment(false, src, id, 16, 24, false, &data);
    // One source: its share is used up by as many frames, however short they are.
    let share = SOURCE_SHARE / UNIT as u32;
    let mut store = Store::new(1 << 20, SEED);
    for id in 0..share as u16 {
        assert_eq!(hold(&mut store, now, last(1, id)).dropped, []);
    }
    assert_eq!(hold(&mut store, now, last(1, 999)).dropped, [DropReason::FragmentsFull]);
    assert_eq!((store.len() as u32, store.units), (share, share));
    assert_eq!(hold(&mut store, now, last(1, 0)).dropped, [DropReason::FragmentRefused], "0 was the oldest");
    // Another source has a share of its own, until there is nothing left; then the oldest of all gives way.
    for (src, id) in (2..=4).flat_map(|src| (0..share as u16).map(move |id| (src, id))) {
        assert_eq!(hold(&mut store, now, last(src, id)).dropped, []);
    }
    assert_eq!(store.len(), 512);
    assert_eq!(hold(&mut store, now, last(5, 1)).dropped, [DropReason::FragmentsFull]);
    assert_eq!(store.len(), 512);
    assert_eq!(hold(&mut store, now, last(1, 1)).dropped, [DropReason::FragmentRefused]);
    // A datagram that alone is more than a share goes when it is the oldest itself.
    let mut store = Store::new(1 << 20, SEED);
    let mut dropped = vec![];
    let data = vec![0; 8 * 200];
    for at in 0..200 {
        dropped.extend(hold(&mut store, now, fragment(false, 1, 7, at * 8, at * 8 + 8, true, &data)).dropped);
    }
    assert_eq!(dropped.iter().filter(|reason| **reason == DropReason::FragmentsFull).count(), share as usize + 1);
    assert_eq!((dropped.len(), store.len(), store.units), (200, 0, 0));
    // No memory, no fragments.
    let mut none = Store::new(0, SEED);
    assert_eq!(hold(&mut none, now, last(1, 1)).dropped, [DropReason::FragmentsFull]);
}

#[test]
fn refused_datagrams_are_remembered_within_bounds_and_never_in_the_way_of_others() {
    let now = Instant::BOOT;
    let mut store = Store::new(32 << 10, SEED);
    let bad = |id| fragment(false, 1, id, 0, 9, true, &[0; 24]);
    for id in 0..1000 {
        assert_eq!(hold(&mut store, now, bad(id)).dropped, [DropReason::FragmentLength]);
    }
    assert_eq!(hold(&mut store, now, bad(999)).dropped, [DropReason::FragmentRefused]);
    assert_eq!(hold(&mut store, now, bad(0)).dropped, [DropReason::FragmentLength], "forgotten for younger ones");
    for id in 2000..2016 {
        let first = fragment(false, 1, id, 0, 16, true, &[0; 24]);
        assert_eq!(hold(&mut store, now, first), Came { dropped: vec![], complete: None });
    }
    for id in 2000..2016 {
        let last = fragment(false, 1, id, 16, 24, false, &[0; 24]);
        assert_eq!(hold(&mut store, now, last).complete.is_some(), id > 2000, "{id}: the first gave way to the last");
    }
}

#[test]
fn a_fragment_of_another_iface_source_protocol_or_family_belongs_to_another_datagram() {
    let now = Instant::BOOT;
    let mut store = Store::new(1 << 20, SEED);
    let last = || fragment(false, 1, 7, 16, 24, false, &[0; 24]);
    assert!(hold(&mut store, now, fragment(false, 1, 7, 0, 16, true, &[0; 24])).complete.is_none());
    let (mut other_protocol, frame) = last();
    other_protocol.packet.protocol = protocol::UDP;
    assert!(hold(&mut store, now, (other_protocol, frame)).complete.is_none());
    assert!(hold(&mut store, now, fragment(false, 2, 7, 16, 24, false, &[0; 24])).complete.is_none());
    assert!(hold(&mut store, now, fragment(true, 1, 7, 16, 24, false, &[0; 24])).complete.is_none());
    let (fragment, frame) = last();
    assert!(store.hold(now, IfaceId(1), &fragment, frame, &mut |_, _| ()).is_none());
    assert!(hold(&mut store, now, last()).complete.is_some());
    assert_eq!(store.len(), 4);
}
