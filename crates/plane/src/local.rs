//! The door to the box itself: deliver in, originate out, and what the router has to say.
//!
//! What the box says itself (the stack's packets, ICMP errors, log datagrams) goes one way: OUTPUT of the Iface that
//! owns the source → lookup → POSTROUTING → confirm → emit.

use crate::conntrack::{Confirmed, Tracked};
use crate::icmp::{self, Answer};
use crate::link::{UNTAGGED_L3, ndp_frame};
use crate::neighbor::{CameAs, Resolve, Sender, Waiting};
use crate::parse::{self, Arrived, Packet};
use crate::pipeline::{Came, Refusal, Way};
use crate::route::NextHop;
use crate::trace::{Summary, TraceStep};
use crate::{DropReason, Event, Outlet, Plane, emit, ingress, link, log};
use core::fmt::{self, Write};
use policy::{Hook, Syslog};
use wire::addr::is_link_local6;
use wire::arp::{self, Operation};
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Buffer, IfaceId, Instant, IpAddr, MacAddr, ipv4, ipv6, ndp, udp};

/// The plane's end of the virtual link to the box's own stack.
const FAR_END: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xfe]);

/// Source port of log datagrams (RFC 5426 §3.3 leaves it free).
const LOG_PORT: u16 = 514;

/// What a packet of the box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of the stack.
    Own,
    /// An ICMP error or a RST about a packet: related to it, whatever the flow table knows.
    Answer,
    /// A log datagram: it logs nothing itself, and a full table does not silence it.
    Log,
    /// A log datagram that says how many were lost; its own loss is not counted as one more, or it would go on forever.
    LossReport,
}

impl<B: Buffer> Plane<B> {
    /// Emits a packet and sends it on its way.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        packet: Confirmed<'_>,
        mut frame: B,
        sender: Sender,
        out: &mut impl Outlet<B>,
    ) {
        let NextHop { iface, neighbor } = packet.hop();
        let Packet { l3, split_mtu, ttl, .. } = *packet.packet();
        let l3 = usize::from(l3);
        if split_mtu == 0 {
            let resolve = self.resolve(now, iface, neighbor, out);
            if let Resolve::Found(mac) = resolve {
                // What nearly every packet meets. Nothing of it may have to wait.
                self.rules.trace.note(|| TraceStep::Sent { iface, neighbor, held: false });
                emit::headers(&mut frame, packet);
                return self.launch_to(mac, iface, neighbor.is_ipv4(), frame, l3, sender, out);
            }
            let came_as = if resolve.holds() { CameAs::read(&frame, l3) } else { None };
            emit::headers(&mut frame, packet);
            let waiting = Waiting { frame, iface, neighbor, sender, l3, came_as };
            return self.transmit_to(now, waiting, resolve, out);
        }
        let came_as = CameAs::read(&frame, l3);
        emit::headers(&mut frame, packet);
        // What the box cuts of its own has an identification of its own (RFC 6864 §4.1): the stack writes the same one
        // into every packet.
        if packet.packet().is_v4() && !matches!(sender, Sender::Transit(_)) {
            emit::fragment(&mut frame, l3, packet.packet(), ttl, Some(self.fragment_ids.next()));
        }
        self.split(now, Waiting { frame, iface, neighbor, sender, l3, came_as }, split_mtu, out);
    }

    /// Hands a packet to the stack on `owner` and counts it; it came in by `iface`.
    pub(crate) fn deliver(
        &mut self,
        packet: Confirmed<'_>,
        owner: IfaceId,
        iface: IfaceId,
        frame: B,
        out: &mut impl Outlet<B>,
    ) {
        match self.hand_over(packet, owner, frame, out) {
            Ok(()) => self.counters.iface_mut(Some(iface)).delivered += 1,
            Err(reason) => self.count_drop(Some(iface), reason, out),
        }
    }

    /// Hands a packet to the stack on `owner`.
    pub(crate) fn hand_over(
        &mut self,
        packet: Confirmed<'_>,
        owner: IfaceId,
        mut frame: B,
        out: &mut impl Outlet<B>,
    ) -> Result<(), DropReason> {
        emit::headers(&mut frame, packet);
        // The box believes only what is right; of transit packets checksums are carried. Rewriting keeps a wrong one
        // wrong, so it is judged with the addresses that it now covers.
        if !emit::transport_checksum_is_right(&frame, packet.packet()) {
            return Err(DropReason::BadTransportChecksum);
        }
        let (l3, v4) = (usize::from(packet.packet().l3), packet.packet().is_v4());
        if !emit::stack_link(&mut frame, l3, self.ifaces.mac(owner), FAR_END, v4) {
            return Err(DropReason::NoBuffer);
        }
        out.deliver(owner, frame);
        self.rules.trace.note(|| TraceStep::Delivered { iface: owner });
        Ok(())
    }

    /// Counts a refused packet and tells its sender, where that is owed.
    pub(crate) fn refuse(
        &mut self,
        now: Instant,
        came: &Came,
        refusal: Refusal,
        frame: &mut B,
        out: &mut impl Outlet<B>,
    ) {
        let iface = came.iface;
        self.count_drop(Some(iface), refusal.reason, out);
        let Some(answer) = refusal.answer else { return };
        // Read again: the packet as it came, whatever the walk made of it.
        if let Ok(packet) = parse::packet(frame, came.l3, came.is_v6(), Some(iface)) {
            let packet = Packet { to_group: came.to_group, ..packet };
            self.answer(now, iface, answer, &packet, frame, out);
        }
    }

    /// Tells the sender of a packet that has waited for its next hop in vain.
    pub(crate) fn answer_waiting(
        &mut self,
        now: Instant,
        iface: IfaceId,
        mut waiting: Waiting<B>,
        out: &mut impl Outlet<B>,
    ) {
        let v6 = waiting.neighbor.is_ipv6();
        let packet = match parse::arrived(&mut waiting.frame, waiting.l3, v6, Some(iface)) {
            Ok(Arrived::Packet(packet)) => Some(packet),
            // Of a datagram only the first fragment tells whom to answer.
            Ok(Arrived::Fragment(first)) if first.offset == 0 => {
                parse::datagram(&first, parse::MAX_PAYLOAD_LEN, &waiting.frame).ok()
            }
            Ok(Arrived::Fragment(_)) | Err(_) => None,
        };
        // It has been rewritten already; its sender knows it as it was before that.
        let Some((mut packet, CameAs { endpoints, ttl })) = packet.zip(waiting.came_as) else { return };
        packet.set_src(endpoints.src, endpoints.sport);
        packet.set_dst(endpoints.dst, endpoints.dport);
        packet.ttl = ttl;
        let as_it_came = Tracked::untracked(packet);
        if let Ok(accepted) = self.conntrack.confirm(now, &as_it_came, &[]) {
            emit::headers(&mut waiting.frame, as_it_came.confirmed(accepted));
            self.answer(now, iface, Answer::HostUnreachable, &packet, &waiting.frame, out);
        }
    }

    pub(crate) fn answer(
        &mut self,
        now: Instant,
        iface: IfaceId,
        answer: Answer,
        packet: &Packet,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) {
        if !self.icmp.allows(now, packet, answer) {
            return;
        }
        // A RST comes from the address that the segment was sent to.
        let own = match answer {
            Answer::TcpReset if packet.protocol == protocol::TCP => Some(packet.dst),
            _ => self.ifaces.get(iface).and_then(|iface| iface.source_for(packet.src)),
        };
        let Some((own, mut message)) = own.zip(out.allocate()) else { return };
        if icmp::build(&mut message, frame, packet, answer, own) {
            self.originate_packet(now, iface, message, UNTAGGED_L3, Kind::Answer, out);
        }
    }

    /// A frame of the stack's virtual link.
    pub(crate) fn receive_from_stack(&mut self, now: Instant, iface: IfaceId, mut frame: B, out: &mut impl Outlet<B>) {
        let Ok(header) = ethernet::Header::parse(frame.head()) else { return };
        match header.ethertype {
            ethertype::ARP => self.answer_stack_arp(iface, &frame, out),
            ethertype::IPV4 | ethertype::IPV6 => {
                let v6 = header.ethertype == ethertype::IPV6;
                if !(v6 && self.answer_stack_solicitation(iface, &mut frame, out)) {
                    self.originate_packet(now, iface, frame, header.len, Kind::Own, out);
                }
            }
            _ => {}
        }
        self.send_log(now, out);
    }

    fn answer_stack_arp(&mut self, iface: IfaceId, frame: &B, out: &mut impl Outlet<B>) {
        let payload = frame.head().get(UNTAGGED_L3..).unwrap_or(&[]);
        let Some(message) = arp::Message::parse(payload).filter(|message| message.operation == Operation::Request)
        else {
            return;
        };
        // An announcement of its own address asks nobody.
        if message.target == message.sender {
            return;
        }
        let reply = arp::Message {
            operation: Operation::Reply,
            sender_mac: FAR_END,
            sender: message.target,
            target_mac: message.sender_mac,
            target: message.sender,
        };
        let Some((own, mut answer)) = self.ifaces.get(iface).zip(out.allocate()) else { return };
        let mut virtual_link = own.clone();
        virtual_link.vid = None;
        if link::arp_frame(&mut answer, &virtual_link, message.sender_mac, &reply) {
            out.deliver(iface, answer);
        }
    }

    /// True if the frame was neighbor discovery of the stack, which stays on its virtual link.
    fn answer_stack_solicitation(&mut self, iface: IfaceId, frame: &mut B, out: &mut impl Outlet<B>) -> bool {
        let Ok(packet) = parse::packet(frame, UNTAGGED_L3, true, None) else { return false };
        let parse::Transport::Icmp(icmp) = packet.transport else { return false };
        if packet.protocol != protocol::ICMPV6 || !wire::icmpv6::is_neighbor_discovery(icmp.kind) {
            return false;
        }
        let bytes = frame.head().get(usize::from(packet.l4)..).unwrap_or(&[]);
        let (Some(ndp::Message::Solicitation { target, .. }), IpAddr::V6(src)) =
            (ndp::Message::parse(bytes), packet.src)
        else {
            return true;
        };
        if src.is_unspecified() {
            return true;
        }
        let (target_mac, override_) = (Some(FAR_END), true);
        let answer = ndp::Message::Advertisement { target, target_mac, router: true, solicited: true, override_ };
        let Some(mut frame) = out.allocate() else { return true };
        if ndp_frame(&mut frame, None, self.ifaces.mac(iface), FAR_END, target, src, &answer) {
            out.deliver(iface, frame);
        }
        true
    }

    /// A packet that the plane has made, from an address of `iface`, behind room for an untagged link header.
    pub(crate) fn originate_own(&mut self, now: Instant, iface: IfaceId, frame: B, out: &mut impl Outlet<B>) {
        self.originate_packet(now, iface, frame, UNTAGGED_L3, Kind::Own, out);
    }

    /// One packet of the box itself, from an address of `iface`, to its end.
    fn originate_packet(
        &mut self,
        now: Instant,
        iface: IfaceId,
        mut frame: B,
        l3: usize,
        kind: Kind,
        out: &mut impl Outlet<B>,
    ) {
        self.counters.iface_mut(Some(iface)).originated += 1;
        let v6 = frame.head().get(l3).is_some_and(|byte| byte >> 4 == 6);
        let packet = parse::packet(&mut frame, l3, v6, None);
        let mut tracked = Tracked::untracked(packet.unwrap_or(Packet::NONE));
        let way = match packet {
            Ok(_) => self.walk_out(now, iface, &mut tracked, &frame, kind),
            Err(reason) => Err(reason.into()),
        };
        let sender = if kind == Kind::Log { Sender::Log(iface) } else { Sender::Own(iface) };
        match way {
            Ok(Way::Out(accepted)) => self.send(now, tracked.confirmed(accepted), frame, sender, out),
            Ok(Way::In(accepted, owner)) => self.deliver(tracked.confirmed(accepted), owner, iface, frame, out),
            Ok(Way::Link | Way::Used | Way::Hold(_) | Way::Queue(_)) => {}
            Err(refusal) => self.count_drop(Some(iface), refusal.reason, out),
        }
    }

    /// The way of a packet of the box itself, from an address of `iface`.
    pub(crate) fn walk_out_own(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        frame: &B,
    ) -> Result<Way, Refusal> {
        self.walk_out(now, iface, tracked, frame, Kind::Own)
    }

    fn walk_out(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        frame: &B,
        kind: Kind,
    ) -> Result<Way, Refusal> {
        // Listener reports belong to the link.
        if ingress::is_link_message(&tracked.packet) {
            tracked.hop = NextHop { iface, neighbor: tracked.packet.dst };
            return Ok(Way::Out(self.conntrack.confirm(now, tracked, &[])?));
        }
        self.rules.trace.note(|| TraceStep::Originated { iface, packet: Summary::of(&tracked.packet) });
        match kind {
            Kind::Answer => *tracked = Tracked::related(tracked.packet),
            Kind::Own | Kind::Log | Kind::LossReport => self.track(now, iface, tracked, frame)?,
        }
        self.run_chain(now, Hook::Output, iface, tracked)?;
        if let Some(owner) = self.ifaces.owner(tracked.packet.dst) {
            self.run_chain(now, Hook::Input, owner, tracked)?;
            return Ok(Way::In(self.confirm(now, tracked, frame)?, owner));
        }
        // The stack, or a dnat on output, may name what is on no wire.
        if ingress::is_martian_destination(tracked.packet.dst) {
            return Err(DropReason::MartianDestination.into());
        }
        let hop = self.routes.local(&self.ifaces, iface, tracked.packet.dst)?;
        // Who asks a link-local address from elsewhere cannot be answered from it: on another link it means another
        // station (RFC 4007 §9).
        if hop.iface != iface && matches!(tracked.packet.src, IpAddr::V6(src) if is_link_local6(src)) {
            return Err(DropReason::NoRoute.into());
        }
        self.rules.trace.note(|| TraceStep::Routed { iface: hop.iface, neighbor: hop.neighbor });
        (tracked.hop, tracked.packet.oif) = (hop, Some(hop.iface));
        // The stack goes by the Iface that has its address; the way out may be narrower.
        let mtu = self.ifaces.get(hop.iface).map_or(0, |iface| iface.link.mtu);
        if tracked.packet.wire_len > u32::from(mtu) {
            tracked.packet.split_mtu = mtu;
        }
        self.run_chain(now, Hook::Postrouting, hop.iface, tracked)?;
        let accepted = match kind {
            Kind::Log | Kind::LossReport => self.conntrack.confirm_log(now, tracked)?,
            Kind::Own | Kind::Answer => self.confirm(now, tracked, frame)?,
        };
        Ok(Way::Out(accepted))
    }

    /// Sends the lines that the walk has written, now that it is over.
    pub(crate) fn send_log(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        let Some(lines) = self.rules.log.take(now) else { return };
        if !lines.console.is_empty() {
            out.event(Event::Log { severity: None, text: &lines.console });
        }
        for (severity, text) in lines.messages() {
            self.send_message(now, severity, text, out);
        }
        self.rules.log.put_back(lines);
    }

    /// One syslog message: a datagram to the server, or an event where the policy names none.
    fn send_message(&mut self, now: Instant, severity: u8, text: &str, out: &mut impl Outlet<B>) {
        if self.policy.syslog.is_none() {
            out.event(Event::Log { severity: Some(severity), text });
        } else if !self.send_datagram(now, Kind::Log, severity, text, out) {
            self.rules.log.lose(1, now);
        }
    }

    /// Tells how many lines were lost, where they would have gone.
    pub(crate) fn report_suppressed(&mut self, now: Instant, lines: u64, out: &mut impl Outlet<B>) {
        const WARNING: u8 = 4;
        let mut text = [0; 40];
        let mut writer = Writer { bytes: &mut text, len: 0 };
        let _ = write!(writer, "suppressed {lines}");
        let len = writer.len;
        let text = text.get(..len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("");
        if self.policy.syslog.is_none() || !self.send_datagram(now, Kind::LossReport, WARNING, text, out) {
            out.event(Event::Suppressed { lines });
        }
    }

    fn send_datagram(&mut self, now: Instant, kind: Kind, severity: u8, text: &str, out: &mut impl Outlet<B>) -> bool {
        let Some(&Syslog { address: server, port, .. }) = self.policy.syslog.as_ref() else { return false };
        // The egress Iface by the longest matching subnet or route; the source is its address.
        let Some(iface) = self.routes.way_to(&self.ifaces, server) else { return false };
        let Some(source) = self.ifaces.get(iface).and_then(|iface| iface.source_for(server)) else { return false };
        let Some(mut frame) = out.allocate() else { return false };
        let unix = self.wall_clock.map(|(at, unix)| unix + now.since(at));
        if !log_datagram(&mut frame, severity, text, unix, source, server, port) {
            return false;
        }
        let muted = core::mem::replace(&mut self.rules.log.muted, true);
        self.originate_packet(now, iface, frame, UNTAGGED_L3, kind, out);
        self.rules.log.muted = muted;
        true
    }
}

/// Makes an empty frame a log datagram from behind a link header on. A message that does not fit the frame is cut off.
fn log_datagram<B: Buffer>(
    frame: &mut B,
    severity: u8,
    text: &str,
    unix: Option<wire::Duration>,
    source: IpAddr,
    server: IpAddr,
    port: u16,
) -> bool {
    let ip_len = if source.is_ipv4() { ipv4::MIN_HEADER_LEN } else { ipv6::HEADER_LEN };
    let l4 = UNTAGGED_L3 + ip_len;
    let start = l4 + udp::HEADER_LEN;
    // As much room as the frame has, up to the longest message and its header.
    let room = (0..4).map(|quarter| start + log::MAX_MESSAGE + 128 - quarter * 512).find(|len| frame.set_len(*len));
    let Some(room) = room else { return false };
    let mut writer = Writer { bytes: frame.head_mut().get_mut(start..room).unwrap_or(&mut []), len: 0 };
    // A full datagram is cut off, which is no error.
    let _ = log::write_header(&mut writer, severity, unix, source).and_then(|()| writer.write_str(text));
    let udp_len = udp::HEADER_LEN + writer.len;
    if !frame.set_len(l4 + udp_len) {
        return false;
    }
    let head = frame.head_mut();
    let (Some(header), payload_len) = (head.get_mut(UNTAGGED_L3..), udp_len as u16) else { return false };
    match (source, server) {
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
            let (protocol, id, dont_fragment) = (protocol::UDP, 0, true);
            ipv4::Repr { saddr, daddr, protocol, ttl: 64, tos: 0, id, dont_fragment, payload_len }.emit(header);
        }
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            let (next_header, hop_limit) = (protocol::UDP, 64);
            ipv6::Repr { saddr, daddr, next_header, hop_limit, traffic_class: 0, payload_len }.emit(header);
        }
        _ => return false,
    }
    let Some(datagram) = head.get_mut(l4..l4 + udp_len) else { return false };
    datagram[0..2].copy_from_slice(&LOG_PORT.to_be_bytes());
    datagram[2..4].copy_from_slice(&port.to_be_bytes());
    datagram[4..6].copy_from_slice(&payload_len.to_be_bytes());
    datagram[6..8].fill(0);
    let sum = Sum::pseudo_header(source, server, protocol::UDP, u32::from(payload_len)).bytes(datagram);
    let check = match sum.checksum() {
        0 => 0xffff,
        check => check,
    };
    datagram[6..8].copy_from_slice(&check.to_be_bytes());
    true
}

struct Writer<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut len = text.len().min(self.bytes.len() - self.len);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        if let (Some(place), Some(text)) = (self.bytes.get_mut(self.len..self.len + len), text.as_bytes().get(..len)) {
            place.copy_from_slice(text);
        }
        self.len += len;
        if len < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
