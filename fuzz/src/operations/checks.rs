//! What must hold, whatever happened.

use super::packets::{Part, Seen, join};
use super::{Output, REMEMBERED, Router, other_lease};
use plane::{Endpoints, IfaceCounters};
use policy::Ipv4Config;
use std::collections::HashSet;
use wire::addr::is_link_local6;
use wire::ipv4::protocol;
use wire::{Buffer, Duration, IfaceId, IpAddr, MacAddr, arp, ethernet, ndp, tcp};

/// Reads the packet that an error quotes, which may be cut off.
pub fn read_quote(bytes: &[u8]) -> Option<Seen> {
    let enough = match bytes.first()? >> 4 {
        4 => wire::ipv4::Header::parse(bytes).is_ok_and(|header| header.checksum_is_right()),
        _ => wire::ipv6::upper_layer(bytes).is_ok(),
    };
    enough.then(|| Seen::read(bytes))
}

/// Packets, but for drops, and drops.
fn figures(row: &IfaceCounters) -> ([u64; 7], u64) {
    let IfaceCounters { received, forwarded, delivered, link, originated, sent, transmitted, .. } = *row;
    let dropped = row.drops().map(|(_, count)| count).sum();
    ([received, forwarded, delivered, link, originated, sent, transmitted], dropped)
}

impl Router {
    /// Takes note of how a packet leaves, as far as the tables say right after its walk.
    pub fn expect(&mut self, number: u16) {
        let Some(input) = self.inputs.get(usize::from(number)) else { return };
        let (tuple, quotes) = (input.tuple, input.quotes);
        // Connections of addresses that mean another host on each link are not told apart here.
        let is_global = |tuple: &Endpoints| {
            let local = |address| matches!(address, IpAddr::V6(address) if wire::addr::is_link_local6(address));
            ![tuple.src, tuple.dst].into_iter().any(|address| address.is_multicast() || local(address))
        };
        let leaves_as = Some(tuple).filter(is_global).and_then(|tuple| self.other_side(tuple));
        let quotes_as = quotes
            .filter(is_global)
            .map(|quotes| self.other_side(quotes.reversed()).map_or(quotes, Endpoints::reversed));
        let input = &mut self.inputs[usize::from(number)];
        (input.leaves_as, input.quotes_as) = (leaves_as, quotes_as);
    }

    /// What a packet of this tuple becomes, if a connection has it.
    fn other_side(&self, tuple: Endpoints) -> Option<Endpoints> {
        self.plane.connections(self.now).find_map(|connection| {
            if connection.original == tuple {
                Some(connection.reply.reversed())
            } else {
                (connection.reply == tuple).then(|| connection.original.reversed())
            }
        })
    }

    /// Looks at everything that has come out.
    pub fn look(&mut self) {
        for (port, frame) in std::mem::take(&mut self.world.sent) {
            let header = ethernet::Header::parse(frame.head()).expect("a whole link header");
            let on_link = |iface: &IfaceId| self.link(*iface).port == port && self.vlan(*iface) == header.vid;
            let iface = self.policy.iface_ids().find(on_link).expect("an Iface has this port and VLAN");
            assert_eq!(header.src, self.link(iface).mac, "sent in our own name");
            assert!(header.dst != MacAddr([0; 6]));
            let bytes = frame.on_the_wire();
            let bytes = &bytes[header.len..];
            match header.ethertype {
                ethernet::ethertype::ARP => self.look_at_arp(iface, bytes),
                _ => {
                    let seen = Seen::read(bytes);
                    let mtu = usize::from(self.link(iface).mtu);
                    assert!(
                        frame.offload().segmentation.is_some() || bytes.len() <= mtu,
                        "{} bytes on a link of {mtu}: {seen:?}",
                        bytes.len()
                    );
                    self.look_at_packet(iface, bytes, seen, false);
                }
            }
        }
        for (iface, frame) in std::mem::take(&mut self.world.delivered) {
            let header = ethernet::Header::parse(frame.head()).expect("a whole link header");
            assert_eq!(header.vid, None, "the box's own link has no VLANs");
            if header.ethertype == ethernet::ethertype::ARP {
                continue;
            }
            let bytes = frame.on_the_wire();
            let bytes = &bytes[header.len..];
            let seen = Seen::read(bytes);
            assert!(seen.part.is_none(), "the box gets whole datagrams");
            assert!(self.raw || seen.check_is_right(), "the box gets nothing broken: {seen:?}");
            self.look_at_packet(iface, bytes, seen, true);
        }
    }

    fn look_at_arp(&mut self, iface: IfaceId, bytes: &[u8]) {
        let message = arp::Message::parse(bytes).expect("an ARP message");
        assert_eq!(message.sender_mac, self.link(iface).mac);
        if message.operation == arp::Operation::Request && message.sender != message.target {
            self.questions.push((iface, message.target.into()));
        }
    }

    fn look_at_packet(&mut self, iface: IfaceId, bytes: &[u8], seen: Seen, delivered: bool) {
        assert_eq!(seen.total_len, bytes.len(), "no more and no less than the packet");
        if !delivered {
            assert!(!seen.src.is_multicast() && !seen.dst.is_loopback(), "a martian leaves: {seen:?}");
            // The later part of a cut message may begin with any byte.
            if let (None, protocol::ICMPV6, [135, ..]) = (&seen.part, seen.protocol, &seen.transport[..]) {
                if let Some(ndp::Message::Solicitation { target, .. }) = ndp::Message::parse(&seen.transport) {
                    self.questions.push((iface, target.into()));
                }
                assert!(seen.check_is_right(), "a solicitation's checksum");
                return;
            }
        }
        if let Some(part) = seen.part.clone() {
            self.look_at_part(iface, &seen, part);
        } else {
            self.look_at_whole(iface, bytes, seen, delivered);
        }
    }

    fn look_at_part(&mut self, iface: IfaceId, seen: &Seen, part: Part) {
        let key = (iface, seen.src, seen.dst, part.id);
        let at = self.parts.iter().position(|(other, _)| *other == key);
        let at = at.unwrap_or_else(|| {
            if self.parts.len() >= 64 {
                self.parts.remove(0);
            }
            self.parts.push((key, Vec::new()));
            self.parts.len() - 1
        });
        let overlaps = |other: &(Part, Vec<u8>)| {
            part.offset < other.0.offset + other.1.len() && other.0.offset < part.offset + seen.transport.len()
        };
        // The same datagram once more, or another after 65,535: the former is not waited for.
        if self.parts[at].1.iter().any(overlaps) {
            self.parts[at].1.clear();
        }
        self.parts[at].1.push((part, seen.transport.clone()));
        if let Some(whole) = join(&self.parts[at].1) {
            self.parts.remove(at);
            if !self.raw {
                let seen = Seen::read(&whole);
                self.look_at_whole(iface, &whole, seen, false);
            }
        }
    }

    fn look_at_whole(&mut self, iface: IfaceId, bytes: &[u8], seen: Seen, delivered: bool) {
        if !self.raw {
            match seen.number().map(usize::from) {
                Some(number) if seen.is_error() => self.look_at_error(number, &seen),
                Some(number) => self.look_at_numbered(number, &seen, delivered),
                None => {
                    assert!(seen.check_is_right(), "a checksum is wrong: {seen:?}");
                    if seen.is_error() && !delivered {
                        self.look_at_own_error(&seen);
                    }
                }
            }
        }
        if self.outputs.len() == REMEMBERED {
            self.outputs.pop_front();
        }
        self.outputs.push_back(Output { iface, bytes: bytes.to_vec(), seen, delivered });
    }

    fn look_at_numbered(&self, number: usize, seen: &Seen, delivered: bool) {
        let input = self.inputs.get(number).expect("a packet that was sent");
        assert_eq!(seen.check_is_right(), !input.wrong, "a checksum: {seen:?} was {:?}", input.tuple);
        if input.zero {
            assert_eq!(seen.transport.get(6..8), Some(&[0, 0][..]), "a checksum that was left out stays so");
        }
        let turned_round = input.cut && seen.is_query() && seen.carried().first() != input.carried.first();
        if turned_round {
            assert!(seen.carried()[1..] == input.carried[1..], "a reply holds what its request did: {seen:?}");
            // A link-local address is nobody else's on its link.
            let is_own = self.is_own(seen.src) || matches!(seen.src, IpAddr::V6(src) if is_link_local6(src));
            assert!(is_own && seen.dst == input.tuple.src, "back to who asked: {seen:?}");
            return;
        }
        assert!(seen.carried() == input.carried, "something has changed: {seen:?} was {:?}", input.tuple);
        // What opens a session of the balancer goes to another node, if the first one refuses it.
        let may_move =
            self.policy.balancer.is_some() && seen.protocol == protocol::TCP && seen.tcp_flags() & tcp::flag::SYN != 0;
        if let Some(expected) = input.leaves_as.filter(|_| !may_move) {
            assert_eq!(seen.tuple(), expected, "not as its connection says; it was {:?}", input.tuple);
        }
        if !delivered && self.policy.balancer.is_none() && seen.ttl != 64 {
            assert_eq!(seen.ttl, input.ttl.wrapping_sub(1), "one hop less: {seen:?}");
        }
    }

    /// An error that somebody sent, and that was passed on.
    fn look_at_error(&self, number: usize, seen: &Seen) {
        let input = self.inputs.get(number).expect("an error that was sent");
        assert!(!input.wrong, "an error with a wrong checksum is believed");
        assert!(seen.check_is_right(), "an error's checksum is wrong: {seen:?}");
        let quote = read_quote(seen.payload())
            .unwrap_or_else(|| panic!("a quoted packet whose header is right: {seen:?}, it quoted {:?}", input.quotes));
        if let Some(expected) = input.quotes_as {
            assert_eq!(quote.tuple(), expected, "not as the sender knows it; it quoted {:?}", input.quotes);
            assert_eq!(
                seen.dst, expected.src,
                "not to the sender of the quoted packet: {seen:?}, it quoted {:?}",
                input.quotes
            );
        }
        if let Some(quoted) = quote.number().and_then(|number| self.inputs.get(usize::from(number)))
            && quote.total_len == seen.payload().len()
        {
            assert_eq!(quote.check_is_right(), !quoted.wrong, "a quoted checksum: {quote:?}");
        }
    }

    /// An error that the box itself says, about a packet that it refused.
    fn look_at_own_error(&self, seen: &Seen) {
        let quoted = seen.payload();
        let Some(quote) = read_quote(quoted) else { panic!("a quoted packet whose header is right: {seen:?}") };
        let Some(input) = quote.number().and_then(|number| self.inputs.get(usize::from(number))) else { return };
        assert_eq!(quote.tuple(), input.tuple, "not as its sender knows it: {seen:?}");
        assert_eq!(seen.dst, input.tuple.src, "not to its sender");
        assert!(input.cut || input.packet.starts_with(quoted), "not as it was sent: {quote:?}");
    }

    /// Every packet is in one place.
    pub fn check_accounts(&self) {
        let mut waiting = 0;
        for iface in self.policy.iface_ids().map(Some).chain([None]) {
            let row = self.plane.counters().iface(iface);
            let dropped: u64 = row.drops().map(|(_, count)| count).sum();
            let entered = row.received + row.originated;
            let left = row.forwarded + row.delivered + row.link + row.sent + dropped;
            assert!(left <= entered, "{iface:?}: {entered} entered, {left} left: {row:?}");
            waiting += entered - left;
        }
        assert_eq!(waiting, self.plane.held() as u64, "packets that wait, by what entered and left, and by themselves");
        for (reason, counted) in self.plane.counters().total().drops() {
            assert_eq!(self.world.told[reason as usize], counted, "{reason}: told, counted");
        }
    }

    /// No tuple is another's, no table too large.
    pub fn check_tables(&self) {
        let (flows, limit) = self.plane.flows();
        // One more, for the box's log datagrams.
        assert!(flows <= limit + 1 && limit == self.limits.flows);
        let mut tuples = HashSet::new();
        let mut mapped = 0;
        for connection in self.plane.connections(self.now) {
            assert!(tuples.insert(connection.original), "a tuple of two: {connection:?}");
            let itself = connection.original == connection.reply;
            assert!(itself || tuples.insert(connection.reply), "a tuple of two: {connection:?}");
            mapped += u32::from(connection.mapped);
        }
        let (mut outers, mut users) = (HashSet::new(), 0);
        for mapping in self.plane.mappings(self.now) {
            assert!(outers.insert((mapping.protocol, mapping.outer)), "an outer endpoint of two: {mapping:?}");
            users += mapping.connections;
        }
        // Connections that have expired may not have been removed yet.
        assert!(users >= mapped, "mappings are used {users} times, by {mapped} connections");
        let held = self.limits.held.max(1) as usize;
        let fragments = self.limits.fragments as usize / 2048;
        let clients = self.policy.balancer.as_ref().map_or(0, |balancer| balancer.wait_queue_limit as usize);
        assert!(self.world.live.count() <= held + fragments + clients, "more frames than may wait");
    }

    /// Nothing happens by itself.
    pub fn check_idle(&mut self) {
        if self.plane.poll_timeout().is_some_and(|at| at <= self.now) {
            return;
        }
        let before = figures(&self.plane.counters().total());
        let (events, held) = (self.world.events, self.plane.held());
        self.plane.handle_timeout(self.now, &mut self.world);
        assert!(self.world.sent.is_empty() && self.world.delivered.is_empty(), "something comes out of nothing");
        assert_eq!(before, figures(&self.plane.counters().total()), "something counts by itself");
        assert_eq!((events, held), (self.world.events, self.plane.held()));
    }

    /// In the end nothing is left: everything that waits gives up.
    pub fn drain(&mut self) {
        self.world.buffers = usize::MAX;
        for seconds in [1, 5, 31, 61, 130, 7441, 130, 5] {
            self.now += Duration::from_secs(seconds);
            self.run_timers();
        }
        // Neighbors are asked again for what came last.
        for _ in 0..8 {
            self.now += Duration::from_secs(1);
            self.run_timers();
        }
        // A balancer goes on asking for its nodes.
        let probes = self.policy.balancer.as_ref().map_or(0, |balancer| balancer.nodes.len());
        assert!(
            self.plane.held() <= probes,
            "{} packets wait forever: {:?} {:?} {:?}",
            self.plane.held(),
            self.plane.balancer(),
            self.plane.poll_timeout(),
            self.now
        );
        assert_eq!(self.world.live.count(), self.plane.held(), "frames are lost");
        self.check_accounts();
        let left = self.plane.connections(self.now).find(|connection| !self.is_own(connection.original.src));
        assert_eq!(left, None, "a connection that lasts forever");
    }

    /// An address that the box has, or has had.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.policy.ifaces.iter().any(|iface| match (address, iface.ipv4) {
            (IpAddr::V4(address), Ipv4Config::Static(own)) => {
                [own.address, other_lease(own.address)].contains(&address)
            }
            (IpAddr::V6(address), _) => iface.address6.iter().any(|(own, _)| *own == address),
            _ => false,
        })
    }
}
