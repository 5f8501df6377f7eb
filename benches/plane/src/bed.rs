//! A router between two networks whose neighbors answer at once.

use crate::{Frame, Packet};
use nacl::Source;
use plane::{Event, Limits, Link, Outlet, Plane};
use wire::checksum::Sum;
use wire::ethernet::{self, HEADER_LEN, ethertype};
use wire::ipv4::protocol;
use wire::{Buffer, Burst, Duration, IfaceId, Instant, IpAddr, MacAddr, PortId, arp, icmpv6, ipv6, ndp};

/// The side that begins connections, …
pub const USERS: PortId = PortId(0);
/// … and the one that is asked.
pub const SERVERS: PortId = PortId(1);

const MACS: [MacAddr; 2] = [MacAddr([2, 0, 0, 0, 0, 0xa0]), MacAddr([2, 0, 0, 0, 0, 0xa1])];
const NEIGHBOR: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

/// Users are 172.16.0.0/12 and 2001:db8:a::/48 behind a router of their own, everything else is behind another one.
const NETWORKS: &str = "
Iface users {
  index: 0, address: 10.0.0.1, netmask: 255.255.255.0, address6: 2001:db8:0:1::1/64, reverse_path: strict USERS
}
Iface servers {
  index: 1, address: 10.1.0.1, netmask: 255.255.255.0, address6: 2001:db8:0:2::1/64, reverse_path: strict SERVERS
}
Gateway router {
  forward: rules, ROUTES
  near: { net: 172.16.0.0/12, nexthop: 10.0.0.9, iface: users },
  far: { net: 0.0.0.0/0, nexthop: 10.1.0.9, iface: servers },
  near6: { net: 2001:db8:a::/48, nexthop: 2001:db8:0:1::9, iface: users },
  far6: { net: ::/0, nexthop: 2001:db8:0:2::9, iface: servers }
}
Conntrack table { limit: LIMIT }
";

/// Ten rules that look at every packet; what is established passes by the last one, as everything does but UDP to
/// port 9.
const RULES: &str = "
Filter::IP rules {
  Filter::UDP {
    if (udp.dport == 9) { drop }
    if (udp.dport in 1000-1009) { drop }
    if (udp.sport == 11) { drop }
  }
  Filter::TCP {
    if (tcp.dport == 1001) { drop }
    if (tcp.dport == 1002) { drop }
    if (tcp.dport in 2000-2009) { drop }
  }
  if (ip.saddr == 198.51.100.1) { drop }
  if (ip.saddr in 198.51.100.16-198.51.100.31) { drop }
  if (ip.daddr == 198.51.100.2) { drop }
  accept
}
";

/// A plane and its surroundings.
pub struct Bed {
    pub plane: Plane<Frame>,
    pub now: Instant,
    /// What looking at the clock has taken so far.
    pub expiring: Duration,
    outside: Outside,
    burst: Burst<Frame>,
}

/// What leaves is counted and its frame used again.
struct Outside {
    free: Vec<Frame>,
    sent: u64,
    /// Questions for neighbors, still to be answered.
    asked: Vec<(PortId, Vec<u8>)>,
    /// Nobody asks, and nobody wants to see what leaves.
    pub measuring: bool,
    /// Where the source ports of IPv4 packets are noted, if somebody wants to know.
    sources: Option<Vec<u16>>,
}

impl Outlet<Frame> for Outside {
    fn allocate(&mut self) -> Option<Frame> {
        self.free.pop()
    }

    #[inline]
    fn transmit(&mut self, port: PortId, frame: Frame) {
        self.sent += 1;
        if self.measuring {
            return self.free.push(frame);
        }
        if frame.head().get(12..14) == Some(&[8, 6]) || frame.head().get(20) == Some(&protocol::ICMPV6) {
            self.asked.push((port, frame.head().to_vec()));
        }
        if let (Some(sources), Some(&[high, low])) = (&mut self.sources, frame.head().get(34..36)) {
            sources.push(u16::from_be_bytes([high, low]));
        }
        self.free.push(frame);
    }

    fn deliver(&mut self, _: IfaceId, frame: Frame) {
        self.free.push(frame);
    }

    fn event(&mut self, _: Event<'_>) {}
}

impl Bed {
    /// A router for `flows` connections; `masquerade`: the servers see its own address.
    pub fn new(flows: u32, masquerade: bool) -> Self {
        Self::with_rules(flows, masquerade, RULES)
    }

    /// As [`new`](Self::new) with a Filter named `rules`.
    pub fn with_rules(flows: u32, masquerade: bool, rules: &str) -> Self {
        Self::with_routes(flows, masquerade, "", rules)
    }

    /// As [`new`](Self::new); there are users in the router's own network, too.
    pub fn with_hosts(flows: u32) -> Self {
        Self::with_routes(flows, false, "hosts: { net: 10.0.0.0/24, iface: users },", RULES)
    }

    fn with_routes(flows: u32, masquerade: bool, routes: &str, rules: &str) -> Self {
        let networks = NETWORKS
            .replace("ROUTES", routes)
            .replace("LIMIT", &flows.to_string())
            .replace("USERS", "")
            .replace("SERVERS", if masquerade { ", masquerade: true" } else { "" });
        let source = Source::new("bench.nacl", networks + rules);
        let compiled = nacl::compile(&source);
        let problems: Vec<String> =
            compiled.diagnostics.iter().map(|found| nacl::diagnostic::render(&source, found)).collect();
        let policy = compiled.policy.unwrap_or_else(|| panic!("{}", problems.concat()));
        let links = [USERS, SERVERS].map(|port| Link { port, mac: MACS[usize::from(port.0)], mtu: 1500 });
        let limits = Limits { flows, ..Limits::default() };
        let mut plane = Plane::new(policy, links.to_vec(), limits, [7; 32], Instant::BOOT);
        plane.complete();
        let free = (0..256).map(|_| Frame::new()).collect();
        let outside = Outside { free, sent: 0, asked: Vec::new(), measuring: false, sources: None };
        let mut bed = Self { plane, now: Instant::BOOT, expiring: Duration::ZERO, outside, burst: Burst::new() };
        bed.plane.handle_timeout(bed.now, &mut bed.outside);
        bed.meet_neighbors();
        bed
    }

    /// Sends packets both ways until no neighbor is unknown.
    fn meet_neighbors(&mut self) {
        for (user, server) in [("172.16.0.1", "192.0.2.1"), ("2001:db8:a::1", "2001:db8:b::1")] {
            let (user, server) = (user.parse().unwrap(), server.parse().unwrap());
            let there = Packet::udp((user, 7), (server, 7));
            let back = Packet::udp((server, 8), (user, 8));
            for (port, packet) in [(USERS, there), (SERVERS, back)] {
                self.send(port, &[packet]);
                self.answer();
            }
        }
    }

    /// Lets neighbors answer what they have been asked.
    pub fn answer(&mut self) {
        for (port, question) in core::mem::take(&mut self.outside.asked) {
            if let Some(answer) = answer(MACS[usize::from(port.0)], &question) {
                self.push(&answer);
                self.walk(port);
            }
        }
    }

    /// Walks these packets as bursts of one port, which nobody counts; returns how many frames left.
    pub fn send(&mut self, port: PortId, packets: &[Packet]) -> u64 {
        let before = self.outside.sent;
        for packets in packets.chunks(Burst::<Frame>::CAPACITY) {
            for packet in packets {
                self.push(&packet.bytes(MACS[usize::from(port.0)]));
            }
            self.walk(port);
        }
        self.outside.sent - before
    }

    /// As [`send`](Self::send); returns the source ports with which IPv4 packets left.
    pub fn send_and_see(&mut self, port: PortId, packets: &[Packet]) -> Vec<u16> {
        self.outside.sources = Some(Vec::with_capacity(packets.len()));
        self.send(port, packets);
        self.outside.sources.take().unwrap_or_default()
    }

    /// As bytes that this router takes on `port`.
    pub fn bytes(port: PortId, packet: &Packet) -> Vec<u8> {
        packet.bytes(MACS[usize::from(port.0)])
    }

    /// Puts a frame into the burst, which must have room.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut frame = self.outside.free.pop().unwrap_or_default();
        frame.fill(bytes);
        assert!(self.burst.push(frame).is_ok(), "the burst is full");
    }

    /// Walks the burst and is measured; returns how long that took.
    pub fn run(&mut self, port: PortId) -> Duration {
        let begun = std::time::Instant::now();
        measured_region(|| self.process(port));
        let took = begun.elapsed();
        self.do_what_is_due();
        took
    }

    fn walk(&mut self, port: PortId) {
        self.process(port);
        self.do_what_is_due();
    }

    fn process(&mut self, port: PortId) {
        let Self { plane, now, outside, burst, .. } = self;
        plane.process_burst(*now, port, burst, outside);
    }

    fn do_what_is_due(&mut self) {
        let Self { plane, now, expiring, outside, .. } = self;
        while plane.poll_timeout().is_some_and(|due| due <= *now) {
            let begun = std::time::Instant::now();
            plane.handle_timeout(*now, outside);
            *expiring += begun.elapsed();
        }
    }

    /// Lets time pass, and what is due then be done once; returns how long that took.
    pub fn wait(&mut self, time: Duration) -> Duration {
        self.now += time;
        let Self { plane, now, outside, .. } = self;
        let begun = std::time::Instant::now();
        measured_region(|| plane.handle_timeout(*now, outside));
        begun.elapsed()
    }

    /// The servers see the router's own address.
    pub fn masquerades(&self) -> bool {
        self.plane.policy().ifaces.iter().any(|iface| iface.masquerade)
    }

    /// From now on frames that leave are only counted.
    pub fn measure(&mut self) {
        self.outside.measuring = true;
    }

    /// Frames that have left so far.
    pub fn sent(&self) -> u64 {
        self.outside.sent
    }
}

/// What callgrind counts, by this name.
#[inline(never)]
pub fn measured_region(work: impl FnOnce()) {
    work();
}

/// What a neighbor says to a question for it.
fn answer(router: MacAddr, question: &[u8]) -> Option<Vec<u8>> {
    let payload = question.get(HEADER_LEN..)?;
    if let Some(asked) = arp::Message::parse(payload) {
        let mut bytes = vec![0; 60];
        ethernet::Header::emit(&mut bytes, router, NEIGHBOR, None, ethertype::ARP);
        let (operation, target_mac) = (arp::Operation::Reply, router);
        arp::Message { operation, sender_mac: NEIGHBOR, sender: asked.target, target_mac, target: asked.sender }
            .emit(&mut bytes[HEADER_LEN..]);
        return (asked.sender != asked.target).then_some(bytes);
    }
    let header = ipv6::Header::parse(payload).ok()?;
    let message = ndp::Message::parse(payload.get(ipv6::HEADER_LEN..)?)?;
    let ndp::Message::Solicitation { target, source_mac: Some(_) } = message else { return None };
    let (solicited, override_) = (true, true);
    let message =
        ndp::Message::Advertisement { target, target_mac: Some(NEIGHBOR), router: true, solicited, override_ };
    let l4 = HEADER_LEN + ipv6::HEADER_LEN;
    let mut bytes = vec![0; l4 + ndp::LEN];
    let len = message.emit(&mut bytes[l4..]);
    ethernet::Header::emit(&mut bytes, router, NEIGHBOR, None, ethertype::IPV6);
    let (saddr, daddr, payload_len) = (target, header.saddr(), len as u16);
    ipv6::Repr { saddr, daddr, next_header: protocol::ICMPV6, hop_limit: 255, traffic_class: 0, payload_len }
        .emit(&mut bytes[HEADER_LEN..]);
    let (src, dst) = (IpAddr::V6(saddr), IpAddr::V6(daddr));
    let sum = Sum::pseudo_header(src, dst, protocol::ICMPV6, len as u32).bytes(&bytes[l4..l4 + len]).checksum();
    bytes[l4 + 2..l4 + 4].copy_from_slice(&sum.to_be_bytes());
    debug_assert_eq!(bytes[l4], icmpv6::kind::NEIGHBOR_ADVERTISEMENT);
    Some(bytes)
}
