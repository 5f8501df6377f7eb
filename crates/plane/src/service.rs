//! The balancer's service: what happens to a packet that has passed the input chain of one of its Ifaces.

use crate::balancer::{Client, MAX_SYN, Probe, Unanswered};
use crate::conntrack::{Direction, Tracked, Tuple};
use crate::icmp::Answer;
use crate::link::UNTAGGED_L3;
use crate::neighbor::Sender;
use crate::parse::{self, Packet, Tcp, Transport};
use crate::pipeline::{Refusal, Way};
use crate::trace::TraceStep;
use crate::{DropReason, Outlet, Plane, emit};
use policy::Hook;
use wire::checksum::Sum;
use wire::ipv4::protocol;
use wire::tcp::{MIN_HEADER_LEN, field, flag};
use wire::{Buffer, IfaceId, Instant, IpAddr, Offload, PartialChecksum, ipv4, ipv6};

const TTL: u8 = 64;

impl<B: Buffer> Plane<B> {
    /// Serves a packet for an own address of `iface`. `None`: it is none of the balancer's.
    pub(crate) fn serve(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Option<Way>, Refusal> {
        let Some(balancer) = &mut self.balancer else { return Ok(None) };
        if tracked.is_balanced() && tracked.packet.is_icmp_error() {
            return self.pass_on_error(now, tracked, frame).map(Some);
        }
        let Transport::Tcp(segment) = tracked.packet.transport else { return Ok(None) };
        let settings = &balancer.settings;
        let (clients, servers, port) = (settings.clients, settings.servers, settings.port);
        if iface == servers && !tracked.is_balanced() {
            let probe = balancer.probe_of(tracked.packet.src, segment.sport, segment.dport);
            return match probe {
                Some(probe) => Ok(self.end_probe(now, &probe, &segment, out).then_some(Way::Used)),
                None => Ok(None),
            };
        }
        if iface == servers {
            return self.answer_of_node(now, tracked, &segment, frame, out);
        }
        let own = self.ifaces.get(clients).is_some_and(|iface| iface.owns(tracked.packet.dst));
        if iface != clients || segment.dport != port || !own {
            return Ok(None);
        }
        let tuple = Tuple::of(&tracked.packet, None);
        let opens = segment.flags & (flag::SYN | flag::ACK | flag::RST) == flag::SYN;
        if tracked.is_balanced() {
            // While no node has answered, a repeated SYN goes to the next one.
            if !(opens && self.conntrack.forget_unanswered(now, &tuple)) {
                return self.pass_on(now, tracked, servers, frame).map(Some);
            }
            self.track(now, iface, tracked, frame)?;
        }
        if segment.flags & flag::RST != 0 {
            let gave_up = self.balancer.as_mut().and_then(|balancer| balancer.give_up(&tuple));
            if let Some(client) = gave_up {
                self.count_drop(Some(client.iface), DropReason::ClientGaveUp, out);
                return Ok(Some(Way::Used));
            }
        }
        if !(opens && tracked.is_draft()) {
            return Ok(None);
        }
        self.admit_client(now, iface, tracked, frame).map(Some)
    }

    /// A new client: to a node, into the waiting room, or refused.
    fn admit_client(&mut self, now: Instant, iface: IfaceId, tracked: &mut Tracked, frame: &B) -> Result<Way, Refusal> {
        let tuple = Tuple::of(&tracked.packet, None);
        self.settle_sessions();
        let Some(balancer) = &mut self.balancer else { return Ok(Way::Used) };
        if balancer.waits(now, &tuple) {
            return Ok(Way::Used);
        }
        match balancer.pick(tracked.packet.is_v4()) {
            Some((node, address, port)) => self.connect(now, iface, tracked, node, (address, port), frame),
            None if balancer.has_room() => Ok(Way::Queue(tuple)),
            None => Err(Refusal { reason: DropReason::BalancerFull, answer: Some(Answer::TcpReset) }),
        }
    }

    /// Translates a client's SYN to a node, and lets the rules of the servers' side judge it.
    fn connect(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        node: usize,
        target: (IpAddr, u16),
        frame: &B,
    ) -> Result<Way, Refusal> {
        let Some(servers) = self.balancer.as_ref().map(|balancer| balancer.settings.servers) else {
            return Ok(Way::Used);
        };
        let own = self.ifaces.get(servers).and_then(|iface| iface.global_address(tracked.packet.is_v4()));
        let own = own.ok_or(DropReason::NoRoute)?;
        let tuple = Tuple::of(&tracked.packet, None);
        tracked.packet.set_dst(target.0, target.1);
        let sport = self.conntrack.choose_source(now, &mut self.rules.random, &tracked.packet, own);
        tracked.packet.set_src(own, sport.ok_or(DropReason::NatClash)?);
        tracked.draft_balanced();
        let reply = Tuple::of(&tracked.packet, None).reversed();
        let way = self.leave_by(now, tracked, servers, frame)?;
        let l3 = usize::from(tracked.packet.l3);
        let packet = frame.head().get(l3..(l3 + tracked.packet.total_len as usize).min(frame.len())).unwrap_or(&[]);
        let partial = frame.offload().partial.and_then(|partial| {
            Some(PartialChecksum { start: partial.start.checked_sub(tracked.packet.l3)?, ..partial })
        });
        if let Some(balancer) = &mut self.balancer {
            balancer.begin(Unanswered::new(now, tuple, reply, node, iface, packet, partial));
        }
        Ok(way)
    }

    /// A packet of a session, from a client to its node.
    fn pass_on(&mut self, now: Instant, tracked: &mut Tracked, servers: IfaceId, frame: &B) -> Result<Way, Refusal> {
        if let Some((flow, Direction::Original)) = tracked.translated() {
            tracked.packet.set_dst(flow.reply.src, flow.reply.sport);
            tracked.packet.set_src(flow.reply.dst, flow.reply.dport);
        }
        self.leave_by(now, tracked, servers, frame)
    }

    /// A packet of a session, from a node to its client.
    fn answer_of_node(
        &mut self,
        now: Instant,
        tracked: &mut Tracked,
        segment: &Tcp,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Option<Way>, Refusal> {
        let Some((flow, Direction::Reply)) = tracked.translated() else { return Ok(None) };
        let Some(balancer) = &mut self.balancer else { return Ok(None) };
        if segment.flags & (flag::SYN | flag::RST) != 0 {
            let unanswered = balancer.answered(&flow.reply);
            if let Some(unanswered) = unanswered.filter(|_| segment.flags & flag::RST != 0) {
                // The node refuses: the client sees nothing of it, its SYN goes to another.
                balancer.fail(now, unanswered.node);
                self.conntrack.forget_flow(now, &flow.reply);
                self.settle_sessions();
                self.reconnect(now, &unanswered, out);
                return Ok(Some(Way::Used));
            }
        }
        tracked.packet.set_dst(flow.original.src, flow.original.sport);
        tracked.packet.set_src(flow.original.dst, flow.original.dport);
        let clients = balancer.settings.clients;
        self.leave_by(now, tracked, clients, frame).map(Some)
    }

    /// An error about a packet of a session, to who sent that: without "fragmentation needed" no path MTU is found.
    fn pass_on_error(&mut self, now: Instant, tracked: &mut Tracked, frame: &B) -> Result<Way, Refusal> {
        let (Some((flow, direction)), Some(balancer)) = (tracked.translated(), &self.balancer) else {
            return Ok(Way::Used);
        };
        let (clients, servers) = (balancer.settings.clients, balancer.settings.servers);
        // Whichever router says it, on the other side it comes from whom that side talks to (RFC 5508 §4.2).
        let (there, iface) = match direction {
            Direction::Original => (flow.reply, servers),
            Direction::Reply => (flow.original, clients),
        };
        tracked.packet.set_dst(there.src, 0);
        tracked.packet.set_src(there.dst, 0);
        self.leave_by(now, tracked, iface, frame)
    }

    /// Out, as a packet of the box itself: output of `iface`, its way, postrouting of the Iface that it leaves by.
    fn leave_by(&mut self, now: Instant, tracked: &mut Tracked, iface: IfaceId, frame: &B) -> Result<Way, Refusal> {
        tracked.packet.ttl = TTL;
        self.run_chain(now, Hook::Output, iface, tracked)?;
        let hop = self.routes.local(&self.ifaces, iface, tracked.packet.dst)?;
        self.rules.trace.note(|| TraceStep::Routed { iface: hop.iface, neighbor: hop.neighbor });
        (tracked.hop, tracked.packet.oif) = (hop, Some(hop.iface));
        // Client and node agree on their sizes with each other: of a link between them that is narrower they are told.
        let mtu = self.ifaces.get(hop.iface).map_or(0, |iface| iface.link.mtu);
        if tracked.packet.wire_len > u32::from(mtu) {
            if !tracked.packet.is_splittable {
                return Err(Refusal { reason: DropReason::TooBig, answer: Some(Answer::TooBig { mtu }) });
            }
            tracked.packet.split_mtu = mtu;
        }
        self.run_chain(now, Hook::Postrouting, hop.iface, tracked)?;
        Ok(Way::Out(self.confirm(now, tracked, frame)?))
    }

    /// Sends a client's SYN once more, from the copy of it.
    fn reconnect(&mut self, now: Instant, unanswered: &Unanswered, out: &mut impl Outlet<B>) {
        let Some(mut frame) = out.allocate() else { return };
        let len = unanswered.syn_len.min(MAX_SYN);
        if !frame.set_len(UNTAGGED_L3 + len) {
            return;
        }
        if let (Some(place), Some(syn)) = (frame.head_mut().get_mut(UNTAGGED_L3..), unanswered.syn.get(..len)) {
            place.copy_from_slice(syn);
        }
        let at = |partial: PartialChecksum| PartialChecksum { start: partial.start + UNTAGGED_L3 as u16, ..partial };
        frame.set_offload(Offload { partial: unanswered.partial.map(at), ..Offload::NONE });
        self.counters.iface_mut(Some(unanswered.iface)).originated += 1;
        let client = Client::again(unanswered.tuple, frame, unanswered.iface, UNTAGGED_L3, now);
        self.serve_client(now, client, Sender::Own(unanswered.iface), out);
    }

    /// Serves a client whose SYN has passed its rules before.
    fn serve_client(&mut self, now: Instant, client: Client<B>, sender: Sender, out: &mut impl Outlet<B>) {
        let Client { mut frame, iface, l3, .. } = client;
        let v6 = client.tuple.src.is_ipv6();
        let packet = parse::packet(&mut frame, l3, v6, Some(iface));
        let mut tracked = Tracked::untracked(packet.unwrap_or(Packet::NONE));
        let way = match packet.and_then(|_| self.track(now, iface, &mut tracked, &frame)) {
            Ok(()) if tracked.is_draft() => self.admit_client(now, iface, &mut tracked, &frame),
            Ok(()) => Ok(Way::Used),
            Err(reason) => Err(reason.into()),
        };
        match way {
            Ok(Way::Out(accepted)) => self.send(now, tracked.confirmed(accepted), frame, sender, out),
            Ok(Way::Queue(tuple)) => {
                if let Some(balancer) = &mut self.balancer {
                    balancer.hold(now, tuple, frame, iface, l3);
                }
            }
            // Its flow has begun in the meantime.
            Ok(_) => self.counters.iface_mut(Some(iface)).link += 1,
            Err(refusal) => self.count_drop(Some(iface), refusal.reason, out),
        }
    }

    /// What time and the ends of sessions ask of the balancer.
    pub(crate) fn balancer_timeout(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        self.settle_sessions();
        let Some(balancer) = &mut self.balancer else { return };
        balancer.expire(now);
        while let Some(client) = self.balancer.as_mut().and_then(|balancer| balancer.forget(now)) {
            self.count_drop(Some(client.iface), DropReason::ClientGaveUp, out);
        }
        loop {
            let random = self.rules.random.next();
            let Some(probe) = self.balancer.as_mut().and_then(|balancer| balancer.due_probe(now, random)) else {
                break;
            };
            self.send_probe(now, &probe, flag::SYN, probe.sequence, 0, out);
        }
        self.release_clients(now, out);
    }

    /// Serves clients that wait, as far as there are nodes and sessions for them.
    pub(crate) fn release_clients(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        loop {
            // Serving a client may find that another's session has expired.
            self.settle_sessions();
            let Some(client) = self.balancer.as_mut().and_then(|balancer| balancer.release()) else { break };
            let sender = Sender::Transit(client.iface);
            self.serve_client(now, client, sender, out);
        }
    }

    fn settle_sessions(&mut self) {
        let ended = self.conntrack.take_ended_sessions();
        if let Some(balancer) = self.balancer.as_mut().filter(|_| ended > 0) {
            balancer.end(ended);
        }
    }

    /// True if the segment answers the probe.
    fn end_probe(&mut self, now: Instant, probe: &Probe, segment: &Tcp, out: &mut impl Outlet<B>) -> bool {
        let acknowledges = segment.flags & flag::ACK != 0 && segment.ackseq == probe.sequence.wrapping_add(1);
        let up = segment.flags & (flag::SYN | flag::RST) == flag::SYN;
        if !acknowledges || !(up || segment.flags & flag::RST != 0) {
            return false;
        }
        if let Some(balancer) = &mut self.balancer {
            balancer.probed(probe.node, up);
        }
        if up {
            // The connection is closed at once.
            self.send_probe(now, probe, flag::RST, segment.ackseq, 0, out);
        }
        true
    }

    fn send_probe(
        &mut self,
        now: Instant,
        probe: &Probe,
        flags: u16,
        sequence: u32,
        ackseq: u32,
        out: &mut impl Outlet<B>,
    ) {
        let Some(servers) = self.balancer.as_ref().map(|balancer| balancer.settings.servers) else { return };
        let own = self.ifaces.get(servers).and_then(|iface| iface.global_address(probe.address.is_ipv4()));
        let Some((own, mut frame)) = own.zip(out.allocate()) else { return };
        if probe_segment(&mut frame, own, probe, flags, sequence, ackseq) {
            self.originate_own(now, servers, frame, out);
        }
    }
}

/// Makes an empty frame a TCP segment of a probe, with room for a link header before it.
fn probe_segment<B: Buffer>(frame: &mut B, own: IpAddr, probe: &Probe, flags: u16, sequence: u32, ackseq: u32) -> bool {
    let ip_len = if own.is_ipv4() { ipv4::MIN_HEADER_LEN } else { ipv6::HEADER_LEN };
    let l4 = UNTAGGED_L3 + ip_len;
    if !frame.set_len(l4 + MIN_HEADER_LEN) {
        return false;
    }
    let head = frame.head_mut();
    let payload_len = MIN_HEADER_LEN as u16;
    let Some(header) = head.get_mut(UNTAGGED_L3..) else { return false };
    match (own, probe.address) {
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
            let (protocol, id, dont_fragment) = (protocol::TCP, 0, true);
            ipv4::Repr { saddr, daddr, protocol, ttl: TTL, tos: 0, id, dont_fragment, payload_len }.emit(header);
        }
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            let (next_header, hop_limit) = (protocol::TCP, TTL);
            ipv6::Repr { saddr, daddr, next_header, hop_limit, traffic_class: 0, payload_len }.emit(header);
        }
        _ => return false,
    }
    let Some(segment) = head.get_mut(l4..l4 + MIN_HEADER_LEN) else { return false };
    segment.fill(0);
    segment[0..2].copy_from_slice(&probe.sport.to_be_bytes());
    segment[2..4].copy_from_slice(&probe.port.to_be_bytes());
    segment[4..8].copy_from_slice(&sequence.to_be_bytes());
    segment[8..12].copy_from_slice(&ackseq.to_be_bytes());
    segment[12..14].copy_from_slice(&(0x5000 | flags).to_be_bytes());
    segment[14..16].copy_from_slice(&1024u16.to_be_bytes());
    let start = Sum::pseudo_header(own, probe.address, protocol::TCP, u32::from(payload_len));
    let check = emit::sum_range(frame, l4, MIN_HEADER_LEN, start).checksum();
    let at = l4 + field::CHECKSUM;
    if let Some(place) = frame.head_mut().get_mut(at..at + 2) {
        place.copy_from_slice(&check.to_be_bytes());
    }
    true
}
