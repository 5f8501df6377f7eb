//! Frames that no honest host sends: each is one counted drop, and the box goes on.

use anyhow::{Context, Result, ensure};
use lab::{Counters, Host, Kind, Lab, Plug, Process, RawSocket, Site};
use saltgate_vm_tests::frame::{self, ARP, ICMP, IPV4, IPV6, Ipv4, TCP, UDP, ethernet, mac, syn, udp};
use saltgate_vm_tests::{PATIENCE, example, image, machine, power_on};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const STRANGER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// The router between two hosts that speak only when told to.
struct Bench {
    console: Process,
    outer: Host,
    inner: Host,
    raw: RawSocket,
    _lab: Lab,
}

impl Bench {
    fn new(image: &std::path::Path) -> Result<Self> {
        let (outer, inner) = (Host::new("outer")?, Host::new("inner")?);
        let plugs = [(&outer, Site::MACS[0]), (&inner, Site::MACS[1])];
        let plugs = plugs.map(|(host, mac)| Plug { host, device: "eth0", mac });
        let (lab, mut console) = power_on(&machine(Kind::Q35, image, &example("seed.nacl")), &plugs)?;
        for (host, address) in [(&outer, "10.0.0.1/24"), (&inner, "192.168.0.50/24")] {
            host.sysctl("ipv6/conf/eth0/disable_ipv6", "1")?;
            host.address("eth0", address)?;
        }
        inner.default_route("192.168.0.1")?;
        outer.ip("route add default via 10.0.0.2")?;
        let raw = RawSocket::open(&outer, "eth0")?;
        console.wait_for("tables", PATIENCE)?;
        // Neighbors are known from here on.
        outer.address("lo", "10.55.1.1/32")?;
        outer.succeed("ping -c 3 -i 0.2 -I 10.55.1.1 -W 2 192.168.0.50")?;
        Ok(Self { console, outer, inner, raw, _lab: lab })
    }

    /// The counters after `outside` has received so many frames more than `before`.
    fn counters_after(&mut self, before: &Counters, frames: u64) -> Result<Counters> {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = Counters::read(&mut self.console)?;
            let received = |counters: &Counters| counters.of("outside", "received") + counters.of("-", "received");
            let more = received(&now) - received(before);
            ensure!(more <= frames, "{more} frames arrived of {frames} that were sent");
            if more == frames {
                return Ok(now);
            }
            ensure!(Instant::now() < until, "only {more} of {frames} frames are counted");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A frame to the router's outside NIC.
fn to_router(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(mac(Site::MACS[0]), [2, 0, 0, 0, 0, 7], ethertype, payload)
}

/// A packet in a frame to the router.
fn packet(packet: &Ipv4) -> Vec<u8> {
    to_router(IPV4, &packet.bytes())
}

/// A right packet from a stranger to the web server, to be spoiled.
fn right() -> Ipv4 {
    Ipv4::new(STRANGER, Site::WEB, UDP, udp(STRANGER, Site::WEB, 7, 9, b"payload"))
}

fn from(saddr: Ipv4Addr) -> Ipv4 {
    Ipv4::new(saddr, Site::WEB, UDP, udp(saddr, Site::WEB, 7, 9, b"payload"))
}

fn to(daddr: Ipv4Addr) -> Ipv4 {
    Ipv4::new(STRANGER, daddr, UDP, udp(STRANGER, daddr, 7, 9, b"payload"))
}

/// An IPv6 packet with nothing in it (RFC 8200 §4.7), between two documentation addresses.
fn no_next_header() -> Vec<u8> {
    let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, last];
    [&[0x60, 0, 0, 0, 0, 0, 59, 64][..], &address(7), &address(8)].concat()
}

/// What is sent, how it is called, and the one drop that accounts for it.
fn spoiled() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let cut = |len: usize| to_router(IPV4, &right().bytes()[..len]);
    let with = |change: fn(&mut Ipv4)| {
        let mut spoiled = right();
        change(&mut spoiled);
        packet(&spoiled)
    };
    let tcp_with = |change: fn(&mut Vec<u8>)| {
        let mut segment = syn(STRANGER, Site::WEB, 4000, 80);
        change(&mut segment);
        packet(&Ipv4::new(STRANGER, Site::WEB, TCP, segment))
    };
    let own = Ipv4Addr::new(10, 0, 0, 2);
    let land = Ipv4::new(Site::WEB, Site::WEB, TCP, syn(Site::WEB, Site::WEB, 80, 80));
    let source_group = ethernet(mac(Site::MACS[0]), [1, 0, 0, 0, 0, 7], IPV4, &right().bytes());
    let other_station = ethernet([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 7], IPV4, &right().bytes());
    vec![
        ("no payload at all", to_router(IPV4, &[]), "BadHeader"),
        ("half an IPv4 header", cut(10), "BadHeader"),
        ("an IPv4 packet cut off", cut(30), "Truncated"),
        ("half an ARP message", to_router(ARP, &[0, 1, 8, 0, 6, 4]), "FrameTruncated"),
        ("an unknown EtherType", to_router(0x88b5, &[0; 46]), "UnknownEthertype"),
        ("from a group MAC", source_group, "BadSourceMac"),
        ("to another station", other_station, "NotOurMac"),
        ("IPv6 on an Iface without it", to_router(IPV6, &no_next_header()), "FamilyOff"),
        ("an IPv6 packet longer than its frame", to_router(IPV6, &[0x60; 60]), "Truncated"),
        ("IP version 5", with(|packet| packet.version = 5), "BadHeader"),
        ("a header of four words", with(|packet| packet.ihl = 4), "BadHeader"),
        ("a header longer than the packet", with(|packet| packet.ihl = 15), "BadHeader"),
        ("a length longer than the frame", with(|packet| packet.total_len = Some(1000)), "Truncated"),
        ("a length shorter than the header", with(|packet| packet.total_len = Some(19)), "BadHeader"),
        ("a wrong header checksum", with(|packet| packet.checksum_off_by = 1), "BadHeaderChecksum"),
        ("a fragment of an odd length", with(|packet| packet.fragment = 0x2000), "FragmentLength"),
        ("a TTL of 1", with(|packet| packet.ttl = 1), "TtlExpired"),
        ("a TTL of 0", with(|packet| packet.ttl = 0), "TtlExpired"),
        ("a UDP header cut off", with(|packet| packet.payload.truncate(5)), "BadTransport"),
        ("a UDP length beyond the packet", with(|packet| packet.payload[5] = 200), "BadTransport"),
        ("a UDP length below its header", with(|packet| packet.payload[5] = 7), "BadTransport"),
        ("a TCP header cut off", tcp_with(|segment| segment.truncate(12)), "BadTransport"),
        ("a TCP data offset of 4", tcp_with(|segment| segment[12] = 4 << 4), "BadTransport"),
        ("a TCP data offset beyond the packet", tcp_with(|segment| segment[12] = 15 << 4), "BadTransport"),
        ("an ICMP header cut off", packet(&Ipv4::new(STRANGER, Site::WEB, ICMP, vec![8, 0])), "BadTransport"),
        ("LAND", packet(&land), "Land"),
        ("from our own outside address", packet(&from(own)), "SpoofedSource"),
        ("from our own inside address", packet(&from(Ipv4Addr::new(192, 168, 0, 1))), "SpoofedSource"),
        ("from loopback", packet(&from(Ipv4Addr::LOCALHOST)), "MartianSource"),
        ("from a multicast group", packet(&from(Ipv4Addr::new(224, 0, 0, 5))), "MartianSource"),
        ("from broadcast", packet(&from(Ipv4Addr::BROADCAST)), "MartianSource"),
        ("to loopback", packet(&to(Ipv4Addr::LOCALHOST)), "MartianDestination"),
        ("to nobody", packet(&to(Ipv4Addr::UNSPECIFIED)), "MartianDestination"),
        ("what the policy drops", packet(&right()), "forward"),
    ]
}

#[test]
fn each_malformed_frame_is_exactly_one_counted_drop() -> Result<()> {
    let Some(image) = image("each_malformed_frame_is_exactly_one_counted_drop", &["ping"]) else { return Ok(()) };
    let mut bench = Bench::new(&image)?;
    let mut wrong = Vec::new();
    for (what, frame, reason) in spoiled() {
        let before = Counters::read(&mut bench.console)?;
        // What comes after the first bad fragment of a datagram is dropped for another reason.
        let copies = if reason.starts_with("Fragment") { 1 } else { 3 };
        for _ in 0..copies {
            bench.raw.send(&frame)?;
        }
        let after = bench.counters_after(&before, copies).with_context(|| what.to_owned())?;
        let drops = after.drops_since(&before);
        let expected = [("outside".to_owned(), reason.to_owned(), copies)];
        if drops != expected {
            wrong.push(format!("{what}: {drops:?} instead of {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bench.outer.succeed("ping -c 1 -I 10.55.1.1 -W 2 192.168.0.50").context("it forwards no more")?;
    Ok(())
}

#[test]
fn a_wrong_transport_checksum_is_carried_and_stays_wrong() -> Result<()> {
    let Some(image) = image("a_wrong_transport_checksum_is_carried_and_stays_wrong", &["ping"]) else {
        return Ok(());
    };
    let bench = Bench::new(&image)?;
    let mut datagram = udp(Site::BASTION, Site::WEB, 7, 9, b"spoiled");
    datagram[6] ^= 0x55;
    let checksum = [datagram[6], datagram[7]];
    let receiver = RawSocket::open(&bench.inner, "eth0")?;
    bench.raw.send(&packet(&Ipv4::new(Site::BASTION, Site::WEB, UDP, datagram)))?;
    let until = Instant::now() + PATIENCE;
    loop {
        let frame = receiver.receive(until.saturating_duration_since(Instant::now()))?.context("it did not arrive")?;
        if frame.ends_with(b"spoiled") {
            assert_eq!(frame[22], 63, "the TTL is one less");
            assert_eq!(frame::checksum(&frame[14..34]), 0, "the header checksum is right");
            assert_eq!(frame[40..42], checksum);
            return Ok(());
        }
    }
}

#[test]
fn after_ten_thousand_random_frames_every_one_is_accounted_for() -> Result<()> {
    let Some(image) = image("after_ten_thousand_random_frames_every_one_is_accounted_for", &["ping"]) else {
        return Ok(());
    };
    let mut bench = Bench::new(&image)?;
    let seeds: Vec<Vec<u8>> = spoiled().into_iter().map(|(_, frame, _)| frame).collect();
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    for _ in 0..100 {
        let before = Counters::read(&mut bench.console)?;
        for _ in 0..100 {
            let mut frame = seeds[random.below(seeds.len())].clone();
            for _ in 0..=random.below(4) {
                // Behind the MAC addresses: frames for others are nothing new.
                let at = 12 + random.below(frame.len() - 12);
                frame[at] = random.below(256) as u8;
            }
            if random.below(8) == 0 {
                frame.truncate(14 + random.below(frame.len() - 13));
            }
            bench.raw.send(&frame)?;
        }
        bench.counters_after(&before, 100)?;
    }
    let counters = Counters::read(&mut bench.console)?;
    for iface in ["outside", "inside", "-"] {
        let of = |word| counters.of(iface, word);
        let gone = of("forwarded") + of("delivered") + of("link") + counters.dropped(iface);
        // What waits for a neighbor is the only thing that may be missing.
        let held = of("received") + of("originated") - of("sent") - gone;
        assert!(held <= 256, "{iface}: {held} frames are unaccounted for\n{counters:?}");
    }
    bench.outer.succeed("ping -c 1 -I 10.55.1.1 -W 2 192.168.0.50").context("it forwards no more")?;
    Ok(())
}

/// Marsaglia's generator: the same frames every time.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
