//! Tracking against a naive model, and TCP's life told segment by segment.

mod endpoints;

use super::tcp::Phase;
use super::*;
use crate::nat::{Random, Site};
use crate::parse::{Tcp, Transport, Udp};
use alloc::vec::Vec;
use alloc::{format, vec};
use wire::IpAddr;

fn packet(src: [u8; 4], dst: [u8; 4], protocol: u8, transport: Transport) -> Packet {
    Packet {
        iif: Some(IfaceId(0)),
        oif: None,
        src: IpAddr::from(src),
        dst: IpAddr::from(dst),
        ttl: 64,
        protocol,
        tos: 0,
        id: 0,
        ip_checksum: 0,
        is_splittable: true,
        total_len: 48,
        wire_len: 48,
        split_mtu: 0,
        l3: 14,
        l4: 34,
        fragment_header_len: 0,
        transport,
        to_group: false,
        rewritten: false,
    }
}

fn udp(src: u8, sport: u16, dst: u8, dport: u16) -> Packet {
    let transport = Transport::Udp(Udp { sport, dport, length: 28, checksum: 1 });
    packet([10, 0, 0, src], [10, 0, 0, dst], 17, transport)
}

fn conntrack(limit: u32, strict: bool) -> Conntrack {
    let settings = Settings { stateful_tcp: strict, ..Settings::default() };
    Conntrack::new(
        &settings,
        limit,
        Room { mappings: limit, translates: true, v6: true },
        [0x51, 0x9e3c_0f12, 3, 5 << 40],
        Instant::BOOT,
    )
}

fn track(conntrack: &mut Conntrack, now: Instant, packet: Packet, link: Option<IfaceId>) -> Tracked {
    let mut tracked = Tracked::untracked(packet);
    conntrack.track(now, &mut tracked, &[], link, None);
    tracked
}

/// A connection as a list entry: its tuple, whether a reply was seen, when it dies.
struct Naive {
    tuple: Tuple,
    replied: bool,
    deadline: Instant,
}

#[test]
fn tracking_equals_a_list_of_connections() {
    let mut conntrack = conntrack(400, false);
    let mut list: Vec<Naive> = vec![];
    let mut random = Random::new(7);
    let mut now = Instant::BOOT;
    for step in 0..30_000 {
        now += core::time::Duration::from_millis(random.next() % 400);
        if random.next().is_multiple_of(500) {
            now += core::time::Duration::from_secs(random.next() % 700);
        }
        let endpoint = |bits: u64| ((bits % 3) as u8, (bits >> 8) as u16 % 3 + 1);
        let ((a, sport), (b, dport)) = (endpoint(random.next()), endpoint(random.next()));
        if (a, sport) == (b, dport) {
            continue;
        }
        let packet = udp(a, sport, b, dport);
        let tuple = Tuple::of(&packet, None);
        list.retain(|entry| entry.deadline > now);
        let known = list.iter_mut().find(|entry| entry.tuple == tuple || entry.tuple.reversed() == tuple);
        let tracked = track(&mut conntrack, now, packet, Some(IfaceId(0)));
        match known {
            Some(entry) => {
                entry.replied |= entry.tuple != tuple;
                entry.deadline = now + core::time::Duration::from_secs(if entry.replied { 300 } else { 30 });
                let expected = if entry.replied { CtState::Established } else { CtState::New };
                assert_eq!((tracked.state(), tracked.is_draft()), (expected, false), "step {step}");
            }
            None => {
                assert!(tracked.is_draft(), "step {step}");
                // Some first packets are dropped by a rule, and leave nothing behind.
                if random.next().is_multiple_of(4) {
                    continue;
                }
                conntrack.confirm(now, &tracked, &[]).unwrap_or_else(|reason| panic!("step {step}: {reason}"));
                list.push(Naive { tuple, replied: false, deadline: now + core::time::Duration::from_secs(30) });
            }
        }
        if random.next().is_multiple_of(16) {
            conntrack.expire(now);
        }
        assert!(conntrack.usage().0 as usize >= list.len(), "step {step}");
    }
    now += core::time::Duration::from_secs(1000);
    while conntrack.usage().0 > 0 {
        conntrack.expire(now);
    }
}

#[test]
fn a_full_table_refuses_new_flows_and_never_touches_known_ones() {
    let mut conntrack = conntrack(1, false);
    let now = Instant::BOOT;
    let enter = |conntrack: &mut Conntrack, now, sport| {
        let tracked = track(conntrack, now, udp(1, sport, 2, 53), None);
        conntrack.confirm(now, &tracked, &[]).map(|_| ())
    };
    assert_eq!(enter(&mut conntrack, now, 7), Ok(()));
    assert_eq!(enter(&mut conntrack, now, 8), Err(DropReason::TableFull));
    assert_eq!(enter(&mut conntrack, Instant::from_secs(29), 7), Ok(()), "a refresh never fails");
    assert_eq!(enter(&mut conntrack, Instant::from_secs(60), 8), Ok(()), "the first has expired");
}

#[test]
fn flows_that_end_together_are_removed_a_few_at_a_call_and_are_gone_at_once() {
    let mut conntrack = conntrack(2000, false);
    let enter = |conntrack: &mut Conntrack, now, sport| {
        let tracked = track(conntrack, now, udp(1, sport, 2, 53), None);
        let first = tracked.is_draft();
        conntrack.confirm(now, &tracked, &[]).unwrap();
        first
    };
    assert!((0..2000).all(|sport| enter(&mut conntrack, Instant::BOOT, sport)));
    let (later, mut calls) = (Instant::from_secs(31), 0);
    assert!(enter(&mut conntrack, later, 1999), "it is a new one, though the old one has not been removed");
    while conntrack.poll_timeout().is_some_and(|at| at <= later) {
        let before = conntrack.usage().0;
        conntrack.expire(later);
        assert!(before - conntrack.usage().0 <= EXPIRE_BUDGET as u32);
        calls += 1;
    }
    assert_eq!((conntrack.usage().0, calls), (1, 32));
    assert_eq!(conntrack.poll_timeout(), Some(Instant::from_secs(32)));
}

#[test]
fn ports_are_kept_or_taken_from_the_same_range_and_parity_and_never_shared() {
    let mut conntrack = conntrack(2000, false);
    let mut random = Random::new(3);
    let outer = IpAddr::from([192, 0, 2, 1]);
    let site = Site { hook: policy::Hook::Postrouting, iface: IfaceId(1), function: None };
    let mut taken: Vec<(u16, u8, u16)> = vec![];
    for (host, sport) in (1..=120).flat_map(|host| [(host, 4000), (host, 4001), (host, 500), (host, 501)]) {
        let now = Instant::BOOT;
        let mut tracked = track(&mut conntrack, now, udp(host, sport, 200, 53), None);
        let mapped = conntrack.choose_port(now, &mut random, &tracked.packet, outer).unwrap();
        let port = mapped.port;
        assert_eq!(port & 1, sport & 1, "parity of {sport}");
        assert_eq!(port < 1024, sport < 1024, "range of {sport}");
        assert!(host > 1 || port == sport, "the first keeps its port");
        assert!(taken.iter().all(|(other, ..)| *other != port), "{port} is shared");
        taken.push((port, host, sport));
        tracked.packet.set_src(outer, port);
        tracked.draft_snat(site, Some(mapped));
        conntrack.confirm(now, &tracked, &[]).unwrap();
        // Towards another remote the same mapping is used.
        let elsewhere = udp(host, sport, 201, 53);
        assert_eq!(conntrack.choose_port(now, &mut random, &elsewhere, outer).unwrap().port, port);
    }
}

#[test]
fn a_flood_of_syns_pushes_out_half_open_connections_and_no_established_one() {
    let mut talk = Talk::handshake(true);
    let now = Instant::from_secs(1);
    for sport in 0..1000 {
        let tcp = Tcp {
            sport,
            dport: 80,
            sequence: 1,
            ackseq: 0,
            flags: S,
            window: 0,
            header_len: 20,
            reserved: 0,
            checksum: 0,
            urgptr: 0,
        };
        let syn = packet([10, 9, 0, 1], [10, 0, 0, 2], 6, Transport::Tcp(tcp));
        let tracked = track(&mut talk.conntrack, now, syn, None);
        assert!(talk.conntrack.confirm(now, &tracked, &[]).is_ok(), "SYN {sport}");
    }
    assert_eq!((talk.conntrack.usage(), talk.conntrack.given_up()), ((8, 8), 993));
    assert_eq!(talk.say(false, A, 901, 101, 10), CtState::Established);
}

#[test]
fn the_index_takes_every_flow_that_the_table_has_room_for() {
    let mut conntrack = conntrack(20_000, false);
    for at in 0..20_000u32 {
        let tracked =
            track(&mut conntrack, Instant::BOOT, udp((at >> 14) as u8 + 1, at as u16 % 16_384, 200, 53), None);
        conntrack.confirm(Instant::BOOT, &tracked, &[]).unwrap_or_else(|reason| panic!("flow {at}: {reason}"));
    }
    assert_eq!(conntrack.usage(), (20_000, 20_000));
}

/// One conversation: who speaks (`>` the opener), flags, sequence, acknowledgment, payload bytes.
struct Talk {
    conntrack: Conntrack,
    now: Instant,
    /// The window scale option of what is said next.
    scale: Option<u8>,
}

impl Talk {
    fn new(strict: bool) -> Self {
        Self { conntrack: conntrack(8, strict), now: Instant::BOOT, scale: None }
    }

    fn say(&mut self, opener: bool, flags: u16, sequence: u32, ackseq: u32, len: u32) -> CtState {
        let (src, dst, sport, dport) = if opener { (1, 2, 4000, 80) } else { (2, 1, 80, 4000) };
        let tcp = Tcp {
            sport,
            dport,
            sequence,
            ackseq,
            flags,
            window: 1000,
            header_len: if self.scale.is_some() { 24 } else { 20 },
            reserved: 0,
            checksum: 0,
            urgptr: 0,
        };
        let mut header = vec![0; 20];
        header[12] = (tcp.header_len / 4) << 4;
        header.extend(self.scale.into_iter().flat_map(|scale| [1, 3, 3, scale]));
        let mut packet = packet([10, 0, 0, src], [10, 0, 0, dst], 6, Transport::Tcp(tcp));
        packet.total_len = 20 + u32::from(tcp.header_len) + len;
        let mut tracked = Tracked::untracked(packet);
        self.conntrack.track(self.now, &mut tracked, &header, None, None);
        let state = tracked.state();
        if state != CtState::Invalid {
            self.conntrack.confirm(self.now, &tracked, &header).unwrap();
        }
        state
    }

    fn phase(&self) -> Phase {
        let key = Key::of(&self.opener(), None);
        let (id, _) = self.conntrack.table.find_key(&key, self.conntrack.table.hash(&key)).unwrap();
        self.conntrack.table.get(id).unwrap().tcp.phase
    }

    fn opener(&self) -> Packet {
        let tcp = Tcp {
            sport: 4000,
            dport: 80,
            sequence: 0,
            ackseq: 0,
            flags: 0,
            window: 0,
            header_len: 20,
            reserved: 0,
            checksum: 0,
            urgptr: 0,
        };
        packet([10, 0, 0, 1], [10, 0, 0, 2], 6, Transport::Tcp(tcp))
    }

    fn handshake(strict: bool) -> Self {
        let mut talk = Self::new(strict);
        assert_eq!(talk.say(true, S, 100, 0, 0), CtState::New);
        assert_eq!(talk.phase(), Phase::SynSent);
        assert_eq!(talk.say(false, S | A, 900, 101, 0), CtState::Established);
        assert_eq!(talk.phase(), Phase::SynReceived);
        assert_eq!(talk.say(true, A, 101, 901, 0), CtState::Established);
        assert_eq!(talk.phase(), Phase::Established);
        talk
    }
}

const S: u16 = flag::SYN;
const A: u16 = flag::ACK;
const F: u16 = flag::FIN;
const R: u16 = flag::RST;

#[test]
fn a_connection_is_opened_used_and_closed() {
    for strict in [false, true] {
        let mut talk = Talk::handshake(strict);
        assert_eq!(talk.say(true, A, 101, 901, 500), CtState::Established);
        assert_eq!(talk.say(false, A, 901, 601, 200), CtState::Established);
        assert_eq!(talk.say(true, F | A, 601, 1101, 0), CtState::Established);
        assert_eq!(talk.phase(), Phase::Closing);
        assert_eq!(talk.say(false, F | A, 1101, 602, 0), CtState::Established);
        assert_eq!(talk.say(true, A, 602, 1102, 0), CtState::Established);
        assert_eq!(talk.phase(), Phase::TimeWait);
        assert_eq!(talk.say(true, S, 5000, 0, 0), CtState::New, "a new connection in its place");
        assert_eq!(talk.phase(), Phase::SynSent);
    }
}

#[test]
fn a_blind_reset_or_fin_ends_nothing() {
    for (strict, state) in [(false, CtState::Established), (true, CtState::Invalid)] {
        let mut talk = Talk::handshake(strict);
        for flags in [R, R | A, F | A] {
            assert_eq!(talk.say(false, flags, 500_000, 900_000, 0), state, "flags {flags}");
            assert_eq!(talk.phase(), Phase::Established);
        }
        assert_eq!(talk.say(false, R, 901, 0, 0), CtState::Established);
        assert_eq!(talk.phase(), Phase::Closed, "the exact one is believed");
    }
}

#[test]
fn a_refused_connection_is_closed_at_once() {
    let mut talk = Talk::new(true);
    talk.say(true, S, 100, 0, 0);
    assert_eq!(talk.say(false, R | A, 0, 77, 0), CtState::Invalid, "it must acknowledge the SYN");
    assert_eq!(talk.say(false, R | A, 0, 101, 0), CtState::Established);
    assert_eq!(talk.phase(), Phase::Closed);
}

#[test]
fn what_may_begin_a_connection_depends_on_stateful_tcp() {
    for (flags, simple, strict) in [
        (S, CtState::New, CtState::New),
        (A, CtState::New, CtState::Invalid),
        (S | A, CtState::New, CtState::Invalid),
        (R, CtState::Invalid, CtState::Invalid),
        (F | A, CtState::New, CtState::Invalid),
    ] {
        assert_eq!(Talk::new(false).say(true, flags, 1, 1, 0), simple, "flags {flags}");
        assert_eq!(Talk::new(true).say(true, flags, 1, 1, 0), strict, "flags {flags}, stateful");
    }
}

#[test]
fn two_syns_that_cross_open_one_connection() {
    let mut talk = Talk::new(true);
    assert_eq!(talk.say(true, S, 100, 0, 0), CtState::New);
    assert_eq!(talk.say(false, S, 900, 0, 0), CtState::Established);
    assert_eq!(talk.say(true, S | A, 100, 901, 0), CtState::Established);
    assert_eq!(talk.say(false, S | A, 900, 101, 0), CtState::Established);
    assert_eq!(talk.say(true, A, 101, 901, 10), CtState::Established);
    assert_eq!(talk.phase(), Phase::Established);
}

#[test]
fn a_syn_that_nobody_has_answered_may_come_again_with_another_number() {
    let mut talk = Talk::new(true);
    assert_eq!(talk.say(true, S, 100, 0, 0), CtState::New);
    assert_eq!(talk.say(true, S, 3_000_000_000, 0, 0), CtState::New);
    assert_eq!(talk.say(false, S | A, 900, 101, 0), CtState::Invalid, "an answer to the first");
    assert_eq!(talk.say(false, S | A, 900, 3_000_000_001, 0), CtState::Established);
    assert_eq!(talk.say(true, S, 77, 0, 0), CtState::Invalid, "now it is answered");
    assert_eq!(talk.say(true, A, 3_000_000_001, 901, 0), CtState::Established);
    assert_eq!(talk.phase(), Phase::Established);
}

/// The server still has the connection of before (RFC 9293 §3.5.1, figure 9; RFC 5961 §4.2).
#[test]
fn a_challenge_and_its_answer_pass_and_the_connection_begins_behind_them() {
    let mut talk = Talk::new(true);
    assert_eq!(talk.say(true, S, 400, 0, 0), CtState::New);
    assert_eq!(talk.say(false, A, 777_000, 123_456, 0), CtState::Established, "the challenge");
    assert_eq!(talk.say(false, A, 777_000, 123_456, 1), CtState::Invalid, "data is none");
    assert_eq!(talk.say(true, R, 123_456, 0, 0), CtState::Established, "its answer");
    assert_eq!(talk.phase(), Phase::SynSent, "neither is believed");
    assert_eq!(talk.say(true, S, 400, 0, 0), CtState::Established);
    assert_eq!(talk.say(false, S | A, 900, 401, 0), CtState::Established);
    assert_eq!(talk.say(true, A, 401, 901, 0), CtState::Established);
    assert_eq!(talk.phase(), Phase::Established);
}

/// RFC 7323 §1.3.
#[test]
fn windows_are_scaled_if_and_only_if_both_syns_said_so() {
    //  the opener's option, the other's, how far the opener may send ahead of a window field of 1000
    let table = [(Some(3), Some(7), 1000 << 7), (Some(3), None, 1000), (None, Some(7), 1000), (None, None, 1000)];
    for crossing in [false, true] {
        for (one, other, window) in table {
            let mut talk = Talk::new(true);
            talk.scale = one;
            talk.say(true, S, 100, 0, 0);
            talk.scale = other;
            if crossing {
                talk.say(false, S, 900, 0, 0);
                talk.scale = one;
                talk.say(true, S | A, 100, 901, 0);
                talk.scale = other;
            }
            assert_eq!(talk.say(false, S | A, 900, 101, 0), CtState::Established);
            talk.scale = None;
            assert_eq!(talk.say(true, A, 101, 901, 0), CtState::Established);
            // The window of the SYN itself is never scaled; this one is.
            assert_eq!(talk.say(false, A, 901, 101, 0), CtState::Established);
            let what = format!("{one:?} and {other:?}, crossing {crossing}");
            assert_eq!(talk.say(true, A, 101 + window + 1, 901, 1), CtState::Invalid, "{what}");
            assert_eq!(talk.say(true, A, 101 + window - 1, 901, 1), CtState::Established, "{what}");
        }
    }
}

#[test]
fn sequence_numbers_wrap() {
    let mut talk = Talk::new(true);
    let (near, far) = (u32::MAX - 5, u32::MAX - 2);
    talk.say(true, S, near, 0, 0);
    talk.say(false, S | A, far, near.wrapping_add(1), 0);
    for step in 0..40 {
        let (mine, theirs) = (near.wrapping_add(1 + step * 500), far.wrapping_add(1 + step * 500));
        assert_eq!(talk.say(true, A, mine, theirs, 500), CtState::Established);
        assert_eq!(talk.say(false, A, theirs, mine.wrapping_add(500), 500), CtState::Established);
    }
}

/// S13: the same endpoints again while the last connection is in TIME-WAIT; either side may begin (RFC 9293 §3.6.1).
#[test]
fn a_connection_in_time_wait_makes_room_for_the_next_whoever_begins_it() {
    for opener in [true, false] {
        let mut talk = Talk::handshake(true);
        talk.say(true, F | A, 101, 901, 0);
        talk.say(false, F | A, 901, 102, 0);
        talk.say(true, A, 102, 902, 0);
        assert_eq!(talk.phase(), Phase::TimeWait);
        assert_eq!(talk.say(true, A, 102, 902, 0), CtState::Established, "the last ACK once more");
        assert_eq!(talk.say(opener, S, 50_000, 0, 0), CtState::New);
        assert_eq!(talk.say(!opener, S | A, 70_000, 50_001, 0), CtState::Established);
        assert_eq!(talk.say(opener, A, 50_001, 70_001, 10), CtState::Established);
    }
}

#[test]
fn an_acknowledgment_before_the_answer_is_invalid() {
    let mut talk = Talk::new(true);
    talk.say(true, S, 100, 0, 0);
    assert_eq!(talk.say(true, A, 101, 901, 0), CtState::Invalid);
}

#[test]
fn data_beyond_the_window_is_invalid_and_a_connection_in_the_middle_is_picked_up() {
    let mut talk = Talk::handshake(true);
    assert_eq!(talk.say(true, A, 101, 901, 900), CtState::Established);
    assert_eq!(talk.say(true, A, 10_001, 901, 900), CtState::Invalid);
    let mut talk = Talk::new(false);
    assert_eq!(talk.say(true, A, 5000, 9000, 100), CtState::New);
    assert_eq!(talk.say(false, A, 9000, 5100, 100), CtState::Established);
    assert_eq!(talk.say(false, F | A, 9100, 5100, 0), CtState::Established);
    assert_eq!(talk.phase(), Phase::Closing);
}

#[test]
fn a_key_reversed_is_that_of_the_reply() {
    let mut random = Random::new(2);
    for _ in 0..1000 {
        let (a, b, c, d) = (random.next(), random.next(), random.next(), random.next());
        let v6 = |bits: u64| IpAddr::V6((u128::from(bits) << 64 | u128::from(bits.rotate_left(9))).into());
        let v4 = |bits: u64| IpAddr::V4((bits as u32).into());
        let (src, dst) = if a % 2 == 0 { (v4(b), v4(c)) } else { (v6(b), v6(c)) };
        let (sport, dport, protocol, zone) = (d as u16, (d >> 16) as u16, (d >> 32) as u8, (d >> 40) as u16);
        let tuple = Tuple { src, dst, sport, dport, protocol, zone };
        assert_eq!(tuple.key().reversed(), tuple.reversed().key());
        assert_eq!(Tuple::from(tuple.key()), tuple);
        let hash = |tuple: Tuple| tuple.key().hash_both_ways([1, 2, 3, 4]);
        assert_eq!(hash(tuple), hash(tuple.reversed()));
        let crossed = Tuple { sport: dport, dport: sport, ..tuple };
        assert!(sport == dport || src == dst || hash(tuple) != hash(crossed), "ports belong to their addresses");
    }
}

#[test]
fn a_mapping_that_could_not_keep_its_port_is_used_on_though_that_one_is_free_again() {
    let mut conntrack = conntrack(100, false);
    let (mut random, outer) = (Random::new(3), IpAddr::from([192, 0, 2, 1]));
    let site = Site { hook: policy::Hook::Postrouting, iface: IfaceId(1), function: None };
    let mut begin = |now: Instant, host: u8, remote: u8| {
        let mut tracked = track(&mut conntrack, now, udp(host, 4000, remote, 53), None);
        let mapped = conntrack.choose_port(now, &mut random, &tracked.packet, outer).unwrap();
        let port = mapped.port;
        tracked.packet.set_src(outer, port);
        tracked.draft_snat(site, Some(mapped));
        conntrack.confirm(now, &tracked, &[]).unwrap();
        conntrack.expire(now);
        port
    };
    let kept = begin(Instant::BOOT, 1, 200);
    let moved = begin(Instant::BOOT, 2, 200);
    assert_eq!(kept, 4000);
    assert_ne!(moved, 4000);
    // The second keeps its mapping in use, until the first one's is over.
    for (second, remote) in (1..=8).zip(201..) {
        assert_eq!(begin(Instant::from_secs(second * 50), 2, remote), moved);
    }
    let now = Instant::from_secs(401);
    assert_eq!(begin(now, 2, 210), moved);
    assert_eq!(begin(now, 3, 200), 4000, "nobody's any more");
    assert_eq!(begin(now, 1, 200) % 2, 0);
    assert_eq!(begin(now, 2, 211), moved);
}

#[test]
fn an_address_talks_to_itself_in_two_directions() {
    let mut conntrack = conntrack(10, false);
    let now = Instant::BOOT;
    let first = track(&mut conntrack, now, udp(1, 5, 1, 6), None);
    conntrack.confirm(now, &first, &[]).unwrap();
    assert_eq!(track(&mut conntrack, now, udp(1, 5, 1, 6), None).state(), CtState::New);
    assert_eq!(track(&mut conntrack, now, udp(1, 6, 1, 5), None).state(), CtState::Established);
    // From one port to the same port, both directions are one.
    let echo = track(&mut conntrack, now, udp(2, 7, 2, 7), None);
    conntrack.confirm(now, &echo, &[]).unwrap();
    assert_eq!(track(&mut conntrack, now, udp(2, 7, 2, 7), None).state(), CtState::New);
    conntrack.expire(now + core::time::Duration::from_secs(1000));
    assert_eq!(conntrack.usage().0, 0);
    assert!(track(&mut conntrack, now, udp(1, 6, 1, 5), None).is_draft());
}

/// Its replies would be taken for those of the other.
#[test]
fn who_begins_a_flow_where_anothers_translated_replies_go_is_refused() {
    let mut conntrack = conntrack(10, false);
    let (outer, now) = ([192, 0, 2, 1], Instant::BOOT);
    let mut draft = track(&mut conntrack, now, udp(1, 4000, 200, 53), None);
    draft.packet.set_src(outer.into(), 4000);
    draft.draft_snat(Site { hook: policy::Hook::Postrouting, iface: IfaceId(1), function: None }, None);
    conntrack.confirm(now, &draft, &[]).unwrap();
    let transport = Transport::Udp(Udp { sport: 4000, dport: 53, length: 28, checksum: 1 });
    let plain = || packet(outer, [10, 0, 0, 200], 17, transport);
    let late = track(&mut conntrack, now, plain(), None);
    assert!(late.is_draft());
    assert_eq!(conntrack.confirm(now, &late, &[]).map(|_| ()), Err(DropReason::NatClash));
    let after = now + core::time::Duration::from_secs(31);
    conntrack.expire(after);
    let free = track(&mut conntrack, after, plain(), None);
    assert_eq!(conntrack.confirm(after, &free, &[]).map(|_| ()), Ok(()));
}

/// What a choice has found out does not hold any more once another flow has been entered.
#[test]
fn of_two_drafts_that_chose_one_port_only_the_first_gets_it() {
    let mut conntrack = conntrack(10, false);
    let outer = IpAddr::from([192, 0, 2, 1]);
    let site = Site { hook: policy::Hook::Postrouting, iface: IfaceId(1), function: None };
    let now = Instant::BOOT;
    let mut drafts: Vec<Tracked> =
        (1..=2).map(|host| track(&mut conntrack, now, udp(host, 4000, 200, 53), None)).collect();
    for draft in &mut drafts {
        let mapped = conntrack.choose_port(now, &mut Random::new(1), &draft.packet, outer).unwrap();
        let port = mapped.port;
        assert_eq!(port, 4000);
        draft.packet.set_src(outer, port);
        draft.draft_snat(site, Some(mapped));
    }
    conntrack.confirm(now, &drafts[0], &[]).unwrap();
    assert_eq!(conntrack.confirm(now, &drafts[1], &[]).map(|_| ()), Err(DropReason::NatClash));
    assert_eq!((conntrack.usage().0, conntrack.mappings(now).count()), (1, 1));
}

/// A28: who knows the code, but not the seed, cannot aim flows at one place of the table.
#[test]
fn keys_that_collide_under_one_seed_are_spread_by_another() {
    const BUCKETS: u64 = 1024;
    let tuple = |n: u32| Tuple {
        src: IpAddr::V4((0x0a00_0000 + n).into()),
        dst: IpAddr::V4(0x0a01_0009.into()),
        sport: n as u16,
        dport: 80,
        protocol: 6,
        zone: 0,
    };
    let (known, secret) = ([1, 2, 3, 4], [0x5eed, 0xfeed, 0xbeef, 0xcafe]);
    let aimed: Vec<Tuple> =
        (0..400_000).map(tuple).filter(|tuple| tuple.key().hash_both_ways(known) % BUCKETS == 7).collect();
    assert!(aimed.len() > 300, "{}", aimed.len());
    let mut hit = vec![0_usize; BUCKETS as usize];
    aimed.iter().for_each(|tuple| hit[(tuple.key().hash_both_ways(secret) % BUCKETS) as usize] += 1);
    // Of some 390 keys in 1,024 buckets, chance puts five or six into one at most.
    assert!(hit.iter().all(|count| *count < 9), "{:?}", hit.iter().max());
}
