//! The stack from outside: frames in, frames out.

mod frames;

use super::*;
use alloc::vec;
use frames::{BOX_MAC, BOX4, BOX6, Frame, PEER_MAC, PEER4, PEER6, dhcp_answer, echo4, echo6, tcp4, tcp6, udp4, udp6};
use policy::{Iface, Ipv4Config, NicRef, Parts, Place, Static4};
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Duration, IpAddr, Ipv4Addr, checksum::Sum, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

const IFACE: IfaceId = IfaceId(0);
const STATIC: Static4 = Static4 { address: BOX4, prefix_len: 24, gateway: None, dns: None };

fn iface(ipv4: Ipv4Config, address6: Vec<(Ipv6Addr, u8)>) -> Iface {
    Iface {
        name: "outside".into(),
        nic: NicRef::Index(0),
        vlan: None,
        ipv4,
        address6,
        gateway6: None,
        masquerade: false,
        prerouting: vec![],
        input: vec![],
        output: vec![],
        postrouting: vec![],
        buffer_limit: None,
        send_queue_limit: None,
        mtu: None,
        reverse_path: None,
        place: Place::NONE,
    }
}

fn stack_of(ifaces: Vec<Iface>) -> Stack<Frame> {
    let nics = vec![Nic { mac: BOX_MAC, mtu: 1500 }; ifaces.len()];
    let policy = Policy::new(Parts { ifaces, ..Parts::default() }).unwrap();
    Stack::new(&policy, &nics, [7; 32], Instant::BOOT)
}

/// One Iface with a static address of each family.
fn stack() -> Stack<Frame> {
    stack_of(vec![iface(Ipv4Config::Static(STATIC), vec![(BOX6, 64)])])
}

/// Hands a frame over and returns all that comes back.
fn exchange(stack: &mut Stack<Frame>, now: Instant, frame: Frame) -> Vec<Frame> {
    stack.handle_frame(IFACE, frame);
    run(stack, now)
}

fn run(stack: &mut Stack<Frame>, now: Instant) -> Vec<Frame> {
    let mut sent = vec![];
    loop {
        let more = stack.poll(now, || Some(Frame::empty()));
        while let Some((_, frame)) = stack.poll_transmit() {
            sent.push(frame);
        }
        if !more {
            return sent;
        }
    }
}

/// The IPv4 packet in a frame: protocol and payload; both checksums are right.
fn packet4(frame: &Frame) -> (u8, Vec<u8>) {
    let link = ethernet::Header::parse(frame.head()).unwrap();
    assert_eq!((link.ethertype, link.src), (ethertype::IPV4, BOX_MAC));
    let bytes = &frame.head()[link.len..];
    let header = ipv4::Header::parse(bytes).unwrap();
    assert!(header.checksum_is_right());
    let payload = bytes[header.header_len()..usize::from(header.total_len())].to_vec();
    let sum = match header.protocol() {
        protocol::ICMP => Sum::ZERO,
        other => {
            Sum::pseudo_header(header.saddr().into(), header.daddr().into(), other, payload.len().try_into().unwrap())
        }
    };
    assert_eq!(sum.bytes(&payload).checksum(), 0, "transport checksum");
    (header.protocol(), payload)
}

fn packet6(frame: &Frame) -> (u8, Vec<u8>) {
    let link = ethernet::Header::parse(frame.head()).unwrap();
    assert_eq!((link.ethertype, link.src), (ethertype::IPV6, BOX_MAC));
    let bytes = &frame.head()[link.len..];
    let header = ipv6::Header::parse(bytes).unwrap();
    let payload = bytes[ipv6::HEADER_LEN..][..usize::from(header.payload_len())].to_vec();
    let (src, dst) = (header.saddr().into(), header.daddr().into());
    let sum = Sum::pseudo_header(src, dst, header.next_header(), u32::from(header.payload_len()));
    assert_eq!(sum.bytes(&payload).checksum(), 0, "transport checksum");
    (header.next_header(), payload)
}

#[test]
fn the_first_ping_is_answered_and_so_is_one_after_an_hour_of_silence() {
    let mut stack = stack();
    for now in [0, 1, 59, 61, 3600, 3_600_000].map(Instant::from_secs) {
        let [reply] = &exchange(&mut stack, now, echo4(BOX4, b"salt"))[..] else { panic!("no IPv4 reply at {now}") };
        let (protocol, payload) = packet4(reply);
        assert_eq!((protocol, payload[0], &payload[8..]), (protocol::ICMP, icmpv4::kind::ECHO_REPLY, &b"salt"[..]));
        let [reply] = &exchange(&mut stack, now, echo6(BOX6, b"salt"))[..] else { panic!("no IPv6 reply at {now}") };
        let (protocol, payload) = packet6(reply);
        assert_eq!((protocol, payload[0], &payload[8..]), (protocol::ICMPV6, icmpv6::kind::ECHO_REPLY, &b"salt"[..]));
    }
    assert_eq!(stack.poll_timeout(), None, "an idle host needs no waking");
    assert_eq!(stack.counters(), Counters { received: 12, sent: 12, ..Counters::default() });
}

#[test]
fn a_closed_port_is_refused_in_the_way_of_its_protocol() {
    let mut stack = stack();
    let now = Instant::BOOT;
    let (kind, segment) = packet4(&exchange(&mut stack, now, tcp4(BOX4, tcp::flag::SYN))[0]);
    assert_eq!((kind, tcp::Header::parse(&segment).unwrap().flags()), (protocol::TCP, tcp::flag::RST | tcp::flag::ACK));
    let (kind, segment) = packet6(&exchange(&mut stack, now, tcp6(BOX6, tcp::flag::SYN))[0]);
    assert_eq!((kind, tcp::Header::parse(&segment).unwrap().flags()), (protocol::TCP, tcp::flag::RST | tcp::flag::ACK));
    assert!(exchange(&mut stack, now, tcp4(BOX4, tcp::flag::RST)).is_empty(), "a RST is never answered");

    let (kind, error) = packet4(&exchange(&mut stack, now, udp4(BOX4, 9))[0]);
    let unreachable = [icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::PORT];
    assert_eq!((kind, &error[..2]), (protocol::ICMP, &unreachable[..]));
    let (kind, error) = packet6(&exchange(&mut stack, now, udp6(BOX6, 9))[0]);
    let unreachable = [icmpv6::kind::DESTINATION_UNREACHABLE, icmpv6::unreachable::PORT];
    assert_eq!((kind, &error[..2]), (protocol::ICMPV6, &unreachable[..]));

    let (kind, error) = packet4(&exchange(&mut stack, now, frames::ip4(BOX4, 47, &[0; 8]))[0]);
    let unreachable = [icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::PROTOCOL];
    assert_eq!((kind, &error[..2]), (protocol::ICMP, &unreachable[..]));
}

#[test]
fn what_no_host_may_answer_is_refused_unread() {
    let all = Ipv4Addr::new(224, 0, 0, 1);
    let all6: Ipv6Addr = "ff02::1".parse().unwrap();
    let refused = [
        ("TCP to a group", tcp4(all, tcp::flag::SYN)),
        ("TCP to everybody", tcp4(Ipv4Addr::BROADCAST, tcp::flag::SYN)),
        ("ping to everybody", echo4(Ipv4Addr::BROADCAST, b"")),
        ("ping to everybody of the subnet", echo4(Ipv4Addr::new(10, 0, 0, 255), b"")),
        ("UDP to everybody", udp4(Ipv4Addr::BROADCAST, 9)),
        ("DHCP without a client", dhcp_answer([0; 4], 2, BOX4, PEER4, 1)),
        ("ping to someone else", echo4(PEER4, b"")),
        ("ping to someone else by IPv6", echo6(PEER6, b"")),
        ("TCP to an IPv6 group", tcp6(all6, tcp::flag::SYN)),
        ("UDP to an IPv6 group", udp6(all6, 9)),
        ("nothing", Frame::empty()),
        ("an unknown EtherType", Frame::new(&[0; 60])),
    ];
    let mut stack = stack();
    for (what, frame) in refused {
        let before = stack.counters().refused;
        assert!(exchange(&mut stack, Instant::BOOT, frame).is_empty(), "{what}");
        assert_eq!(stack.counters().refused, before + 1, "{what}");
    }
    assert_eq!(exchange(&mut stack, Instant::BOOT, echo6(all6, b"")).len(), 1, "RFC 4443 §4.2: answered");
}

#[test]
fn a_partial_checksum_a_foreign_mac_address_and_a_tail_do_not_keep_a_frame_from_being_read() {
    let mut stack = stack();
    let mut partial = echo4(BOX4, b"salt");
    let checksum = ethernet::HEADER_LEN + ipv4::MIN_HEADER_LEN + 2;
    partial.head_mut()[checksum..checksum + 2].fill(0x55);
    assert_eq!(exchange(&mut stack, Instant::BOOT, partial).len(), 1);

    let mut foreign = echo4(BOX4, b"salt");
    foreign.head_mut()[..6].copy_from_slice(&PEER_MAC.0);
    assert_eq!(exchange(&mut stack, Instant::BOOT, foreign).len(), 1);

    let data: Vec<u8> = (0..1400).map(|at| at as u8).collect();
    let [reply] = &exchange(&mut stack, Instant::BOOT, echo4(BOX4, &data).with_tail(256))[..] else { panic!() };
    assert_eq!(&packet4(reply).1[8..], &data[..]);
}

#[test]
fn more_than_a_host_can_hold_is_dropped_and_counted() {
    let mut stack = stack();
    for _ in 0..100 {
        stack.handle_frame(IFACE, echo4(BOX4, b""));
    }
    assert_eq!(stack.counters().queue_full, 36);
    assert_eq!(run(&mut stack, Instant::BOOT).len(), 64);

    stack.handle_frame(IFACE, echo4(BOX4, b""));
    assert!(!stack.poll(Instant::BOOT, || None), "without a buffer the answer is lost, and nothing is left to do");
    assert_eq!((stack.poll_transmit().is_none(), stack.counters().no_buffer), (true, 1));
}

#[test]
fn frames_wait_while_nobody_takes_the_answers() {
    let mut stack = stack_of(vec![iface(Ipv4Config::Static(STATIC), vec![]); 2].into_iter().enumerate().fold(
        vec![],
        |mut ifaces, (at, mut iface)| {
            iface.nic = NicRef::Index(at as u16);
            ifaces.push(iface);
            ifaces
        },
    ));
    for iface in [IfaceId(0), IfaceId(1)] {
        for _ in 0..64 {
            stack.handle_frame(iface, echo4(BOX4, b""));
        }
    }
    for _ in 0..10 {
        assert!(stack.poll(Instant::BOOT, || Some(Frame::empty())));
    }
    assert_eq!(stack.counters().sent, 64);
    assert_eq!(run(&mut stack, Instant::BOOT).len(), 128);
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut stack = stack_of(vec![iface(Ipv4Config::Dhcp, vec![(BOX6, 64)])]);
    let models =
        [echo4(BOX4, b"salt"), tcp4(BOX4, 2), udp4(BOX4, 68), echo6(BOX6, b"salt"), tcp6(BOX6, 2), udp6(BOX6, 9)];
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    for round in 0..20_000 {
        let mut frame = models[round % models.len()].clone();
        for _ in 0..random() % 4 {
            let at = random() % frame.head().len();
            frame.head_mut()[at] = random() as u8;
        }
        frame.truncate(random() % 100 + 1);
        exchange(&mut stack, Instant::from_millis(round as u64), frame);
    }
    let Counters { received, refused, sent, .. } = stack.counters();
    assert!(refused > 1000 && sent > 1000 && sent + refused < received, "{:?}", stack.counters());
}

#[test]
fn an_address_that_another_station_has_is_no_source_any_more() {
    let mut stack = stack();
    stack.forget_address6(IFACE, BOX6);
    let all6: Ipv6Addr = "ff02::1".parse().unwrap();
    let [reply] = &exchange(&mut stack, Instant::BOOT, echo6(all6, b""))[..] else { panic!("no reply") };
    let header = ipv6::Header::parse(&reply.head()[ethernet::HEADER_LEN..]).unwrap();
    assert_eq!(header.saddr(), BOX_MAC.link_local());
}

mod dhcp_client {
    use super::*;

    const LEASED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const DISCOVER: u8 = 1;
    const OFFER: u8 = 2;
    const REQUEST: u8 = 3;
    const ACK: u8 = 5;

    /// The DHCP message in a frame: transaction and message type.
    fn message(frame: &Frame) -> ([u8; 4], u8) {
        let (kind, datagram) = packet4(frame);
        assert_eq!((kind, udp::Header::parse(&datagram).unwrap().dport()), (protocol::UDP, 67));
        let bootp = &datagram[udp::HEADER_LEN..];
        let kind = bootp[240..].windows(3).find(|option| option[..2] == [53, 1]).unwrap()[2];
        (bootp[4..8].try_into().unwrap(), kind)
    }

    fn events(stack: &mut Stack<Frame>) -> Vec<Event> {
        core::iter::from_fn(|| stack.poll_event()).collect()
    }

    /// Discover, offer, request, acknowledgement.
    fn lease(stack: &mut Stack<Frame>, now: Instant, secs: u32) {
        let [discover] = &run(stack, now)[..] else { panic!("no discover") };
        let (xid, kind) = message(discover);
        assert_eq!(kind, DISCOVER);
        let [request] = &exchange(stack, now, dhcp_answer(xid, OFFER, LEASED, SERVER, secs))[..] else {
            panic!("no request")
        };
        let (xid, kind) = message(request);
        assert_eq!(kind, REQUEST);
        assert!(exchange(stack, now, dhcp_answer(xid, ACK, LEASED, SERVER, secs)).is_empty());
    }

    #[test]
    fn a_lease_is_taken_renewed_and_lost() {
        let mut stack = stack_of(vec![iface(Ipv4Config::Dhcp, vec![])]);
        lease(&mut stack, Instant::BOOT, 1000);
        let gateway = Some(SERVER);
        let config = Static4 { address: LEASED, prefix_len: 24, gateway, dns: Some(IpAddr::V4(SERVER)) };
        assert_eq!(events(&mut stack), [Event::Leased { iface: IFACE, lease: Lease { server: SERVER, config } }]);
        assert_eq!(exchange(&mut stack, Instant::from_secs(1), echo4(LEASED, b"")).len(), 1);

        assert_eq!(stack.poll_timeout(), Some(Instant::from_secs(500)), "T1 is half of the lease");
        let [renewal] = &run(&mut stack, Instant::from_secs(500))[..] else { panic!("no renewal") };
        let (xid, kind) = message(renewal);
        assert_eq!(kind, REQUEST);
        let answer = dhcp_answer(xid, ACK, LEASED, SERVER, 1000);
        assert!(exchange(&mut stack, Instant::from_secs(500), answer).is_empty());
        assert_eq!((events(&mut stack), stack.poll_timeout()), (vec![], Some(Instant::from_secs(1000))));

        let mut lost = None;
        while lost.is_none() {
            let now = stack.poll_timeout().unwrap();
            assert!(now <= Instant::from_secs(1500), "the lease is over by now");
            run(&mut stack, now);
            lost = events(&mut stack).pop().map(|event| (now, event));
        }
        assert_eq!(lost, Some((Instant::from_secs(1500), Event::Lost { iface: IFACE })));
    }

    #[test]
    fn without_an_answer_in_ten_seconds_the_static_settings_are_in_force_or_a_line_says_that_there_are_none() {
        let fallback = Event::FellBack { iface: IFACE, config: STATIC };
        let table = [
            (Ipv4Config::Dhcp, Event::NoAnswer { iface: IFACE }, true),
            (Ipv4Config::DhcpWithFallback(STATIC), fallback, false),
        ];
        for (config, expected, asks_on) in table {
            let mut stack = stack_of(vec![iface(config, vec![])]);
            let mut said = vec![];
            let mut discovers = 0;
            while let Some(now) = stack.poll_timeout().filter(|now| *now <= Instant::from_secs(11)) {
                discovers += run(&mut stack, now).iter().filter(|frame| message(frame).1 == DISCOVER).count();
                said.extend(events(&mut stack).into_iter().map(|event| (now, event)));
            }
            assert_eq!(said, [(Instant::from_secs(10), expected)]);
            assert_eq!((discovers, stack.poll_timeout().is_some()), (3, asks_on));
        }
    }

    #[test]
    fn a_late_lease_is_taken_where_there_is_no_fallback() {
        let mut stack = stack_of(vec![iface(Ipv4Config::Dhcp, vec![])]);
        while let Some(now) = stack.poll_timeout().filter(|now| *now <= Instant::from_secs(59)) {
            run(&mut stack, now);
        }
        events(&mut stack);
        let now = stack.poll_timeout().unwrap() + Duration::from_millis(1);
        lease(&mut stack, now, 100);
        assert!(matches!(events(&mut stack)[..], [Event::Leased { .. }]));
    }
}
