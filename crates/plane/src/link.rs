//! ARP, neighbor discovery and the last step onto a wire: what belongs to the link and no rule sees.

use crate::iface::Iface;
use crate::neighbor::{Ask, Due, Hint, Resolve, Sender, Waiting, group_mac};
use crate::parse::{Packet, is_host_address};
use crate::pipeline::{Came, Refusal, Way};
use crate::trace::TraceStep;
use crate::{DropReason, Event, Outlet, Plane, emit};
use wire::addr::solicited_node;
use wire::arp::{self, Operation};
use wire::checksum::Sum;
use wire::ethernet::{self, HEADER_LEN, ethertype};
use wire::icmpv6::{self, kind};
use wire::ipv4::protocol;
use wire::{Buffer, IfaceId, Instant, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, ipv6, ndp};

impl<B: Buffer> Plane<B> {
    /// Sends a packet whose headers are right: finds its neighbor, or holds it until that is known.
    pub(crate) fn transmit(&mut self, now: Instant, packet: Waiting<B>, out: &mut impl Outlet<B>) {
        let resolve = self.resolve(now, packet.iface, packet.neighbor, out);
        self.transmit_to(now, packet, resolve, out);
    }

    pub(crate) fn resolve(
        &mut self,
        now: Instant,
        iface: IfaceId,
        neighbor: IpAddr,
        out: &mut impl Outlet<B>,
    ) -> Resolve {
        if let Some(mac) = self.ifaces.get(iface).and_then(|iface| group_mac(iface, neighbor)) {
            return Resolve::Found(mac);
        }
        let resolve = self.neighbors.resolve(now, iface, neighbor);
        self.drop_given_way(now, out);
        resolve
    }

    /// Sends a packet whose headers are right to its neighbor, or holds it.
    pub(crate) fn transmit_to(&mut self, now: Instant, packet: Waiting<B>, resolve: Resolve, out: &mut impl Outlet<B>) {
        let Waiting { iface, neighbor, .. } = packet;
        self.rules.trace.note(|| TraceStep::Sent { iface, neighbor, held: resolve.holds() });
        match resolve {
            Resolve::Found(mac) => self.launch(packet, mac, out),
            Resolve::FoundAsk(mac) => {
                self.launch(packet, mac, out);
                self.ask(Ask { iface, address: neighbor, to: Some(mac) }, out);
            }
            Resolve::Wait | Resolve::WaitAsk => {
                if let Some(given_way) = self.neighbors.hold(packet) {
                    self.drop_waiting(now, given_way, DropReason::NeighborQueueFull, out);
                }
                if resolve == Resolve::WaitAsk {
                    self.ask(Ask { iface, address: neighbor, to: None }, out);
                }
            }
        }
    }

    fn launch(&mut self, packet: Waiting<B>, mac: MacAddr, out: &mut impl Outlet<B>) {
        let Waiting { frame, iface, neighbor, sender, l3, .. } = packet;
        self.launch_to(mac, iface, neighbor.is_ipv4(), frame, l3, sender, out);
    }

    /// Puts the link header on and hands the frame to its port. The IP header begins at `l3`.
    #[expect(clippy::too_many_arguments, reason = "in registers, not in memory")]
    #[inline(always)]
    pub(crate) fn launch_to(
        &mut self,
        mac: MacAddr,
        iface: IfaceId,
        v4: bool,
        mut frame: B,
        l3: usize,
        sender: Sender,
        out: &mut impl Outlet<B>,
    ) {
        let Some(egress) = self.ifaces.get(iface) else { return };
        if !emit::link(&mut frame, l3, egress, mac, v4) {
            if sender.counts() {
                self.count_drop(Some(sender.account()), DropReason::NoBuffer, out);
            }
            return;
        }
        out.transmit(egress.link.port, frame);
        self.counters.iface_mut(Some(iface)).transmitted += 1;
        let row = self.counters.iface_mut(Some(sender.account()));
        match sender {
            Sender::Transit(_) => row.forwarded += 1,
            Sender::Own(_) | Sender::Log(_) => row.sent += 1,
            Sender::Piece(_) => {}
        }
    }

    /// Drops what waits for a neighbor that is no longer asked for, because its place in the table was needed.
    fn drop_given_way(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        let Some((iface, address)) = self.neighbors.take_given_way() else { return };
        while let Some(waiting) = self.neighbors.take_waiting(iface, address) {
            self.drop_waiting(now, waiting, DropReason::NeighborQueueFull, out);
        }
    }

    fn drop_waiting(&mut self, now: Instant, waiting: Waiting<B>, reason: DropReason, out: &mut impl Outlet<B>) {
        match waiting.sender {
            Sender::Transit(iface) => {
                let tells = self.policy.gateway.as_ref().is_some_and(|gateway| gateway.send_unreachable);
                self.count_drop(Some(iface), reason, out);
                if tells && reason == DropReason::NeighborSilent {
                    self.answer_waiting(now, iface, waiting, out);
                }
            }
            Sender::Own(iface) => self.count_drop(Some(iface), reason, out),
            Sender::Log(iface) => {
                self.count_drop(Some(iface), reason, out);
                self.rules.log.lose(1, now);
            }
            Sender::Piece(_) => {}
        }
    }

    /// Everything that waited for a neighbor that is known now.
    fn release(&mut self, iface: IfaceId, neighbor: IpAddr, out: &mut impl Outlet<B>) {
        let Some(mac) = self.neighbors.known(iface, neighbor) else { return };
        while let Some(packet) = self.neighbors.take_waiting(iface, neighbor) {
            self.launch(packet, mac, out);
        }
    }

    /// Repeats questions, and gives up neighbors that stay silent.
    pub(crate) fn neighbor_timeout(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        while let Some(due) = self.neighbors.handle_timeout(now) {
            match due {
                Due::Ask(ask) => self.ask(ask, out),
                Due::GiveUp { iface, address } => {
                    while let Some(waiting) = self.neighbors.take_waiting(iface, address) {
                        self.drop_waiting(now, waiting, DropReason::NeighborSilent, out);
                    }
                }
            }
        }
    }

    pub(crate) fn handle_arp(
        &mut self,
        now: Instant,
        came: &Came,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        let id = came.iface;
        let payload = frame.head().get(came.l3..).unwrap_or(&[]);
        let Some(message) = arp::Message::parse(payload) else {
            let short = payload.len() < arp::LEN;
            let reason = if short { DropReason::FrameTruncated } else { DropReason::BadNeighborMessage };
            return Err(reason.into());
        };
        let Some(own) = self.ifaces.get(id).and_then(|iface| iface.address4) else {
            return Err(DropReason::FamilyOff.into());
        };
        let sender = IpAddr::V4(message.sender);
        if message.sender == own.address {
            // Another station says our address (RFC 5227 §2.4).
            out.event(Event::DuplicateAddress { iface: id, address: sender });
            return Err(DropReason::BadNeighborMessage.into());
        }
        if !message.sender_mac.is_unicast() {
            return Err(DropReason::BadNeighborMessage.into());
        }
        // A probe asks without having an address yet (RFC 5227 §1.1).
        let probe = message.sender == Ipv4Addr::UNSPECIFIED;
        let on_link = self.ifaces.get(id).is_some_and(|iface| iface.on_link(sender)) && is_host_address(sender);
        let for_us = message.target == own.address;
        // Linux asks in the name of whichever of its addresses the packet has (arp_announce 0): it is answered, and
        // nothing is learned from an address that does not belong here.
        let asked = for_us && message.operation == Operation::Request && is_host_address(sender);
        if !on_link && !probe && !asked {
            return Err(DropReason::BadNeighborMessage.into());
        }
        if on_link {
            let hint = match message.operation {
                Operation::Request if for_us => Hint::Question,
                Operation::Reply if for_us => Hint::Answer,
                Operation::Request | Operation::Reply => Hint::Announcement,
            };
            self.neighbors.learn(now, id, sender, message.sender_mac, hint);
            self.drop_given_way(now, out);
            self.release(id, sender, out);
        }
        if for_us && message.operation == Operation::Request {
            let mac = self.ifaces.mac(id);
            let reply = arp::Message {
                operation: Operation::Reply,
                sender_mac: mac,
                sender: own.address,
                target_mac: message.sender_mac,
                target: message.sender,
            };
            self.transmit_arp(id, message.sender_mac, &reply, out);
        }
        Ok(Way::Link)
    }

    /// Neighbor and listener discovery. Solicitations for our addresses are answered, advertisements believed if they
    /// answer us; redirects, router advertisements and reports of others change nothing.
    pub(crate) fn handle_link_message(
        &mut self,
        now: Instant,
        id: IfaceId,
        packet: &Packet,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        let bad = || Err(DropReason::BadNeighborMessage.into());
        let crate::parse::Transport::Icmp(icmp) = packet.transport else { return bad() };
        if !emit::transport_checksum_is_right(frame, packet) {
            return Err(DropReason::BadTransportChecksum.into());
        }
        if icmpv6::is_listener_discovery(icmp.kind) {
            return Ok(Way::Link);
        }
        // A hop limit of 255 proves that the message was sent on this link (RFC 4861 §7.1).
        if packet.ttl != 255 || icmp.code != 0 {
            return bad();
        }
        if !matches!(icmp.kind, kind::NEIGHBOR_SOLICITATION | kind::NEIGHBOR_ADVERTISEMENT) {
            return Ok(Way::Link);
        }
        let (start, len) = (usize::from(packet.l4), packet.transport_len() as usize);
        let bytes = frame.head().get(start..).unwrap_or(&[]);
        let Some(message) = ndp::Message::parse(bytes.get(..len.min(bytes.len())).unwrap_or(&[])) else { return bad() };
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (packet.src, packet.dst) else { return bad() };
        match message {
            ndp::Message::Solicitation { target, source_mac } => {
                self.handle_solicitation(now, id, src, dst, target, source_mac, out)
            }
            ndp::Message::Advertisement { target, target_mac, solicited, override_, .. } => {
                if solicited && dst.is_multicast() {
                    return bad();
                }
                let target_addr = IpAddr::V6(target);
                if self.ifaces.get(id).is_some_and(|iface| iface.owns(target_addr)) {
                    self.give_up_address6(id, target, out);
                    return Ok(Way::Link);
                }
                let known = self.neighbors.known(id, target_addr);
                let Some(mac) = target_mac.or(known).filter(|mac| mac.is_unicast()) else { return Ok(Way::Link) };
                // Without the override flag, a known address is not replaced (RFC 4861 §7.2.5).
                if override_ || known.is_none_or(|known| known == mac) {
                    let hint = if solicited { Hint::Answer } else { Hint::Announcement };
                    self.neighbors.learn(now, id, target_addr, mac, hint);
                    self.drop_given_way(now, out);
                    self.release(id, target_addr, out);
                }
                Ok(Way::Link)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    fn handle_solicitation(
        &mut self,
        now: Instant,
        id: IfaceId,
        src: Ipv6Addr,
        dst: Ipv6Addr,
        target: Ipv6Addr,
        source_mac: Option<MacAddr>,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        let unspecified = src == Ipv6Addr::UNSPECIFIED;
        // A duplicate-address probe goes to the solicited-node group and names no MAC (RFC 4861 §7.1.1).
        if unspecified && (source_mac.is_some() || dst != solicited_node(target)) {
            return Err(DropReason::BadNeighborMessage.into());
        }
        let Some(iface) = self.ifaces.get(id) else { return Ok(Way::Link) };
        // Answered for our own addresses only: no proxy.
        if !iface.owns(IpAddr::V6(target)) {
            return Ok(Way::Link);
        }
        let (mac, router) = (iface.link.mac, iface.forwards6);
        let on_link = iface.on_link(IpAddr::V6(src));
        if let Some(sender_mac) = source_mac.filter(|mac| mac.is_unicast() && on_link && !unspecified) {
            self.neighbors.learn(now, id, IpAddr::V6(src), sender_mac, Hint::Question);
            self.drop_given_way(now, out);
            self.release(id, IpAddr::V6(src), out);
        }
        let advertisement = |solicited| ndp::Message::Advertisement {
            target,
            target_mac: Some(mac),
            router,
            solicited,
            override_: true,
        };
        const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        if unspecified {
            let to = MacAddr::multicast(IpAddr::V6(ALL_NODES));
            self.transmit_ndp(id, to, target, ALL_NODES, &advertisement(false), out);
        } else if let Some(to) = source_mac.or_else(|| self.neighbors.known(id, IpAddr::V6(src))) {
            self.transmit_ndp(id, to, target, src, &advertisement(true), out);
        }
        Ok(Way::Link)
    }

    /// Another station has our IPv6 address: it is given up (RFC 4862 §5.4.5).
    fn give_up_address6(&mut self, id: IfaceId, address: Ipv6Addr, out: &mut impl Outlet<B>) {
        self.change_addresses(|ifaces| ifaces.remove_address6(id, address));
        out.event(Event::DuplicateAddress { iface: id, address: IpAddr::V6(address) });
    }

    /// Tells the links which addresses we have: an ARP announcement (RFC 5227 §2.3), and one probe for each IPv6
    /// address, which is used meanwhile (RFC 4429).
    pub(crate) fn announce(&mut self, only: Option<IfaceId>, out: &mut impl Outlet<B>) {
        for at in 0..self.links.len() {
            let id = IfaceId(at as u16);
            let Some(iface) = self.ifaces.get(id).filter(|_| only.is_none_or(|only| only == id)) else { continue };
            let mac = iface.link.mac;
            if let Some(own) = iface.address4 {
                let announcement = arp::Message {
                    operation: Operation::Request,
                    sender_mac: mac,
                    sender: own.address,
                    target_mac: MacAddr::default(),
                    target: own.address,
                };
                self.transmit_arp(id, MacAddr::BROADCAST, &announcement, out);
            }
            let addresses = self.ifaces.get(id).map_or(0, |iface| iface.address6.len());
            for nth in 0..if only.is_none() { addresses } else { 0 } {
                let Some(&(target, _)) = self.ifaces.get(id).and_then(|iface| iface.address6.get(nth)) else {
                    continue;
                };
                let group = solicited_node(target);
                let probe = ndp::Message::Solicitation { target, source_mac: None };
                self.transmit_ndp(id, MacAddr::multicast(IpAddr::V6(group)), Ipv6Addr::UNSPECIFIED, group, &probe, out);
            }
        }
    }

    /// Asks one station or all who has an address.
    fn ask(&mut self, ask: Ask, out: &mut impl Outlet<B>) {
        let Ask { iface: id, address, to } = ask;
        let Some(iface) = self.ifaces.get(id) else { return };
        let mac = iface.link.mac;
        match (address, iface.source_for(address)) {
            (IpAddr::V4(target), Some(IpAddr::V4(sender))) => {
                let operation = Operation::Request;
                let question =
                    arp::Message { operation, sender_mac: mac, sender, target_mac: MacAddr::default(), target };
                self.transmit_arp(id, to.unwrap_or(MacAddr::BROADCAST), &question, out);
            }
            (IpAddr::V6(target), Some(IpAddr::V6(source))) => {
                let group = solicited_node(target);
                let (to, dst) = match to {
                    Some(to) => (to, target),
                    None => (MacAddr::multicast(IpAddr::V6(group)), group),
                };
                let question = ndp::Message::Solicitation { target, source_mac: Some(mac) };
                self.transmit_ndp(id, to, source, dst, &question, out);
            }
            _ => {}
        }
    }

    fn transmit_arp(&mut self, id: IfaceId, to: MacAddr, message: &arp::Message, out: &mut impl Outlet<B>) {
        let Some((iface, mut frame)) = self.ifaces.get(id).zip(out.allocate()) else { return };
        if arp_frame(&mut frame, iface, to, message) {
            out.transmit(iface.link.port, frame);
            self.counters.iface_mut(Some(id)).transmitted += 1;
        }
    }

    fn transmit_ndp(
        &mut self,
        id: IfaceId,
        to: MacAddr,
        src: Ipv6Addr,
        dst: Ipv6Addr,
        message: &ndp::Message,
        out: &mut impl Outlet<B>,
    ) {
        let Some((iface, mut frame)) = self.ifaces.get(id).zip(out.allocate()) else { return };
        if ndp_frame(&mut frame, iface.vid, to, iface.link.mac, src, dst, message) {
            out.transmit(iface.link.port, frame);
            self.counters.iface_mut(Some(id)).transmitted += 1;
        }
    }
}

/// Makes an empty frame an ARP message of an Iface; padded to the minimum Ethernet payload (RFC 894). False where the
/// frame has no room.
pub(crate) fn arp_frame<B: Buffer>(frame: &mut B, iface: &Iface, to: MacAddr, message: &arp::Message) -> bool {
    const MIN_PAYLOAD: usize = 46;
    let header_len = ethernet::Header::len_for(iface.vid);
    if !frame.set_len(header_len + MIN_PAYLOAD) {
        return false;
    }
    let head = frame.head_mut();
    head.fill(0);
    ethernet::Header::emit(head, to, iface.link.mac, iface.vid, ethertype::ARP);
    if let Some(payload) = head.get_mut(header_len..) {
        message.emit(payload);
    }
    true
}

/// Makes an empty frame a neighbor discovery message with hop limit 255 and a right checksum. False where the frame
/// has no room.
pub(crate) fn ndp_frame<B: Buffer>(
    frame: &mut B,
    vid: Option<u16>,
    to: MacAddr,
    from: MacAddr,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    message: &ndp::Message,
) -> bool {
    let l3 = ethernet::Header::len_for(vid);
    let l4 = l3 + ipv6::HEADER_LEN;
    let mut payload = [0; ndp::LEN];
    let len = message.emit(&mut payload);
    let Some(payload) = payload.get_mut(..len) else { return false };
    let sum = Sum::pseudo_header(src.into(), dst.into(), protocol::ICMPV6, len as u32).bytes(payload);
    payload[2..4].copy_from_slice(&sum.checksum().to_be_bytes());
    if !frame.set_len(l4 + len) {
        return false;
    }
    let head = frame.head_mut();
    ethernet::Header::emit(head, to, from, vid, ethertype::IPV6);
    let repr = ipv6::Repr {
        saddr: src,
        daddr: dst,
        next_header: protocol::ICMPV6,
        hop_limit: 255,
        traffic_class: 0,
        payload_len: len as u16,
    };
    if let Some(header) = head.get_mut(l3..) {
        repr.emit(header);
    }
    if let Some(place) = head.get_mut(l4..l4 + len) {
        place.copy_from_slice(payload);
    }
    true
}

/// Where IP begins behind an Ethernet header without a tag.
pub(crate) const UNTAGGED_L3: usize = HEADER_LEN;
