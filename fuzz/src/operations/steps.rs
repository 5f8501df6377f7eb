//! The operations.

use super::buffer::Frame;
use super::packets::{
    ADDRESSES4, ADDRESSES6, Check, Ip, PORTS, Seen, Segment, TAG_LEN, TTLS, Transport, check_at, error_rest, fragments,
    icmp, packet, payload, set_check, tcp, udp,
};
use super::{Input, Router, mac_of, other_lease};
use crate::Bytes;
use plane::Address4;
use policy::Ipv4Config;
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{
    Buffer, Burst, Duration, IfaceId, IpAddr, Ipv6Addr, MacAddr, Offload, PartialChecksum, Segmentation,
    SegmentationKind, arp, ethernet, icmpv4, icmpv6, ipv6, ndp,
};

const PAUSES: [u64; 16] =
    [1, 10, 100, 1000, 2000, 4000, 5000, 10_000, 30_000, 31_000, 60_000, 120_000, 121_000, 240_000, 300_000, 7_441_000];
const LENGTHS: [usize; 16] = [8, 8, 8, 32, 0, 9, 100, 548, 1000, 1232, 1452, 1460, 1472, 1480, 3000, 1];

/// A packet to be sent, before it has a number.
struct Plan {
    ip: Ip,
    transport: Transport,
    check: Check,
    cut: Option<(usize, u8)>,
    segment_size: Option<u16>,
}

impl Router {
    pub fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.u8() % 24 {
            0..6 => self.send_packet(bytes),
            6..11 => self.answer(bytes),
            11..13 => self.send_error(bytes),
            13 => self.send_fragments(bytes),
            14..16 => self.pass_time(bytes),
            16 => self.repeat(bytes),
            17 => self.send_raw(bytes),
            18 => self.send_own(bytes),
            19 => self.silent = bytes.u8() % 16,
            20 => self.world.buffers = [usize::MAX, 0, 1, 2][usize::from(bytes.u8() % 4)],
            21 => self.say_neighbor(bytes),
            22 => self.flood(bytes),
            _ => self.change_address(bytes),
        }
    }

    fn address(&self, v6: bool, choice: u8) -> IpAddr {
        if v6 {
            ADDRESSES6[usize::from(choice) % ADDRESSES6.len()].into()
        } else {
            ADDRESSES4[usize::from(choice) % ADDRESSES4.len()].into()
        }
    }

    fn plan(&mut self, bytes: &mut Bytes<'_>) -> Plan {
        let flags = bytes.u8();
        let v6 = flags & 1 != 0;
        let (src, dst) = (self.address(v6, bytes.u8()), self.address(v6, bytes.u8()));
        let (ports, form) = (bytes.u8(), bytes.u8());
        let (sport, dport) = (PORTS[usize::from(ports >> 4)], PORTS[usize::from(ports & 15)]);
        let number = self.inputs.len() as u16;
        let len = LENGTHS[usize::from(form & 15)];
        let data = payload(number, len);
        let kind = if v6 { icmpv6::kind::ECHO_REQUEST } else { icmpv4::kind::ECHO_REQUEST };
        let transport = match flags >> 1 & 7 {
            0..3 => {
                let (choice, sequence) = (bytes.u8(), u32::from(bytes.u8()));
                let tcp_flags =
                    [flag::SYN, flag::SYN, flag::ACK, flag::SYN | flag::ACK, flag::RST, flag::FIN | flag::ACK];
                let flags = tcp_flags.get(usize::from(choice & 7)).copied().unwrap_or(u16::from(choice));
                let sequence = sequence.wrapping_sub(16).wrapping_mul(100);
                let options = if flags & flag::SYN != 0 { choice >> 3 } else { choice >> 3 & 8 };
                let window = if sequence & 1 == 0 { 65_535 } else { 100 };
                tcp(&Segment { sport, dport, sequence, ackseq: 0, flags, window, options }, &data)
            }
            3 | 4 => udp(sport, dport, &data),
            5 => {
                let kinds = if v6 { [kind, kind, 129, 1] } else { [kind, 13, 0, 13] };
                let [high, low] = sport.to_be_bytes();
                let kind = kinds[usize::from(form >> 4 & 3)];
                // A query, or nothing that is known; an error without a quote is sent as raw bytes.
                let kind = if kind == 1 { 200 } else { kind };
                icmp(v6, kind, 0, [high, low, 0, 1], &data)
            }
            6 => Transport { protocol: [47, 50, 132, 41][usize::from(form >> 4 & 3)], bytes: data },
            _ => icmp(v6, if v6 { 201 } else { 42 }, 0, [0; 4], &data),
        };
        let more = bytes.u8();
        let ip = Ip {
            src,
            dst,
            protocol: transport.protocol,
            ttl: TTLS[usize::from(more & 7)],
            tos: if more & 8 != 0 { 46 << 2 } else { 0 },
            id: self.next_id(),
            dont_fragment: more & 16 != 0,
            extras: if more & 32 != 0 { form >> 4 } else { 0 },
        };
        let has_ports = matches!(transport.protocol, protocol::TCP | protocol::UDP);
        let check = match more >> 6 {
            1 if has_ports => Check::Partial,
            2 if len >= TAG_LEN && check_at(transport.protocol).is_some() => Check::Wrong,
            3 if transport.protocol == protocol::UDP && !v6 => Check::Zero,
            _ => Check::Right,
        };
        Plan { ip, transport, check, cut: None, segment_size: None }
    }

    fn next_id(&mut self) -> u16 {
        self.ids = self.ids.wrapping_add(1);
        self.ids
    }

    fn send_packet(&mut self, bytes: &mut Bytes<'_>) {
        let mut plan = self.plan(bytes);
        let how = bytes.u8();
        if plan.transport.protocol == protocol::TCP && how & 0xf0 == 0xf0 && plan.check == Check::Partial {
            // A large frame that a NIC is to cut into segments.
            let number = self.inputs.len() as u16;
            let header_len = usize::from(plan.transport.bytes[12] >> 4) * 4;
            plan.transport.bytes.truncate(header_len);
            let len = [2000, 20_000, 40_000, 65_400 - header_len][usize::from(how & 3)];
            plan.transport.bytes.extend(payload(number, len));
            plan.ip.extras = 0;
            plan.segment_size = Some(if how & 4 != 0 { 1000 } else { 1400 });
        }
        let iface = self.way_in(plan.ip.src, how);
        self.send(iface, plan, how);
    }

    /// The Iface that a source's packets come in by, or one that they should not.
    fn way_in(&self, src: IpAddr, choice: u8) -> IfaceId {
        match choice >> 2 & 3 {
            3 => IfaceId(u16::from(choice & 3) % self.policy.ifaces.len() as u16),
            _ => self.iface_of(src),
        }
    }

    /// Sends what was planned, and remembers it.
    fn send(&mut self, iface: IfaceId, mut plan: Plan, how: u8) {
        set_check(&plan.ip, &mut plan.transport, plan.check);
        let (bytes, header_len) = packet(&plan.ip, &plan.transport);
        let number = self.remember(&bytes, plan.check, plan.cut.is_some());
        let offload = self.offload(&plan, header_len, iface);
        let pieces = match plan.cut {
            None => vec![bytes],
            Some((size, order)) => {
                let mut pieces = fragments(&bytes, header_len, size, plan.ip.id);
                if order & 1 != 0 {
                    pieces.reverse();
                }
                if order & 2 != 0 && pieces.len() > 1 {
                    pieces.swap(0, 1);
                }
                if order & 4 != 0 {
                    pieces.pop();
                }
                if order & 8 != 0 {
                    pieces.extend(pieces.first().cloned());
                }
                pieces
            }
        };
        if let Some(first) = pieces.iter().find(|piece| Seen::read(piece).part.is_none_or(|part| part.offset == 0)) {
            self.inputs[usize::from(number)].packet = first.clone();
        }
        for piece in pieces {
            let frame = self.frame(iface, &piece, offload, how);
            self.receive(iface, vec![frame]);
            self.expect(number);
            self.look();
            self.answer_questions();
        }
    }

    fn offload(&self, plan: &Plan, header_len: usize, iface: IfaceId) -> Offload {
        let l4 = ethernet::Header::len_for(self.vlan(iface)) + header_len;
        let partial = (plan.check == Check::Partial && plan.cut.is_none()).then_some(PartialChecksum {
            start: l4 as u16,
            offset: if plan.transport.protocol == protocol::TCP { 16 } else { 6 },
        });
        let segmentation = plan.segment_size.map(|size| Segmentation {
            kind: if plan.ip.src.is_ipv4() { SegmentationKind::Tcp4 } else { SegmentationKind::Tcp6 },
            ecn: false,
            size,
            header_len: (l4 + usize::from(plan.transport.bytes[12] >> 4) * 4) as u16,
        });
        Offload { partial, verified: false, segmentation }
    }

    fn remember(&mut self, bytes: &[u8], check: Check, cut: bool) -> u16 {
        let seen = Seen::read(bytes);
        self.inputs.push(Input {
            tuple: seen.tuple(),
            packet: bytes.to_vec(),
            ttl: seen.ttl,
            carried: seen.carried(),
            cut,
            wrong: check == Check::Wrong,
            zero: check == Check::Zero,
            leaves_as: None,
            quotes: None,
            quotes_as: None,
        });
        (self.inputs.len() - 1) as u16
    }

    /// A frame for an Iface, from its packet's source.
    fn frame(&self, iface: IfaceId, packet: &[u8], offload: Offload, how: u8) -> Frame {
        let vid = self.vlan(iface);
        let at = ethernet::Header::len_for(vid);
        let seen = Seen::read(packet);
        let ethertype = if seen.is_v6() { ethernet::ethertype::IPV6 } else { ethernet::ethertype::IPV4 };
        let dst = match seen.dst {
            dst if dst.is_multicast() => MacAddr::multicast(dst),
            IpAddr::V4(dst) if dst.is_broadcast() => MacAddr::BROADCAST,
            _ => self.link(iface).mac,
        };
        let mut bytes = vec![0; at];
        ethernet::Header::emit(&mut bytes, dst, mac_of(seen.src), vid, ethertype);
        bytes.extend_from_slice(packet);
        if how & 16 != 0 && offload == Offload::NONE {
            bytes.resize(bytes.len().max(60), 0x77);
        }
        let mut frame = Frame::received(&self.world.live, &bytes, if how & 32 != 0 { 0 } else { 2000 });
        frame.set_offload(offload);
        frame
    }

    fn receive(&mut self, iface: IfaceId, frames: Vec<Frame>) {
        let mut burst = Burst::new();
        for frame in frames {
            assert!(burst.push(frame).is_ok(), "no more than a burst");
        }
        let port = self.link(iface).port;
        self.plane.process_burst(self.now, port, &mut burst, &mut self.world);
        assert!(burst.is_empty());
    }

    /// Someone goes on with a conversation: the receiver of what came out, or its sender.
    fn answer(&mut self, bytes: &mut Bytes<'_>) {
        let (which, how, shift) = (bytes.u8(), bytes.u8(), bytes.u8());
        let Some(output) = self.outputs.get(usize::from(which) % self.outputs.len().max(1)) else { return };
        let (iface, seen, delivered) = (output.iface, output.seen.clone(), output.delivered);
        let go_on = how & 1 != 0;
        let number = self.inputs.len() as u16;
        let data = payload(number, LENGTHS[usize::from(how >> 4)]);
        let known = seen.number().and_then(|number| self.inputs.get(usize::from(number)));
        let (tuple, iface, delivered) = match (go_on, known) {
            (true, Some(input)) => (input.tuple, self.iface_of(input.tuple.src), false),
            (true, None) => return,
            (false, _) => (seen.tuple().reversed(), iface, delivered),
        };
        let protocol = seen.protocol;
        let delta = [0u32, 0, 0, 0, 1, u32::MAX, 1000, 70_000][usize::from(shift & 7)];
        let transport = match protocol {
            protocol::TCP => {
                let control =
                    u32::from(seen.tcp_flags() & flag::SYN != 0) + u32::from(seen.tcp_flags() & flag::FIN != 0);
                let end = seen.sequence().wrapping_add(seen.payload().len() as u32).wrapping_add(control);
                let answers_syn = seen.tcp_flags() & (flag::SYN | flag::ACK) == flag::SYN;
                let (sequence, ackseq) = match go_on {
                    true => (end, seen.ackseq()),
                    false if answers_syn => (0xffff_ff00, end),
                    false => (seen.ackseq(), end),
                };
                let default = if answers_syn && !go_on { flag::SYN | flag::ACK } else { flag::ACK };
                let flags = match shift >> 3 & 7 {
                    0..4 => default,
                    4 => default | flag::FIN,
                    5 => flag::RST | flag::ACK,
                    6 => flag::RST,
                    _ => flag::SYN,
                };
                let options = if flags & flag::SYN != 0 { shift >> 2 } else { shift >> 6 & 8 };
                let sequence = sequence.wrapping_add(delta);
                let (sport, dport) = (tuple.sport, tuple.dport);
                let window = if shift & 128 != 0 { 0 } else { 30_000 };
                tcp(&Segment { sport, dport, sequence, ackseq, flags, window, options }, &data)
            }
            protocol::UDP => udp(tuple.sport, tuple.dport, &data),
            _ if seen.is_query() => {
                let [high, low] = tuple.sport.max(tuple.dport).to_be_bytes();
                let kind = match (seen.is_v6(), seen.is_request() == go_on) {
                    (true, true) => icmpv6::kind::ECHO_REQUEST,
                    (true, false) => icmpv6::kind::ECHO_REPLY,
                    (false, true) => icmpv4::kind::ECHO_REQUEST,
                    (false, false) => icmpv4::kind::ECHO_REPLY,
                };
                icmp(seen.is_v6(), kind, 0, [high, low, 0, 1], &data)
            }
            protocol::ICMP | protocol::ICMPV6 => return,
            protocol => Transport { protocol, bytes: data },
        };
        let id = self.next_id();
        let ip = Ip { src: tuple.src, dst: tuple.dst, protocol, ttl: 64, tos: 0, id, dont_fragment: false, extras: 0 };
        let check = match how >> 1 & 3 {
            1 if matches!(protocol, protocol::TCP | protocol::UDP) => Check::Partial,
            2 if protocol == protocol::UDP && !seen.is_v6() => Check::Zero,
            _ => Check::Right,
        };
        let plan = Plan { ip, transport, check, cut: None, segment_size: None };
        if delivered && !self.is_own(plan.ip.src) {
            // A stack answers from its own address, and broadcasts not at all.
            return;
        }
        if delivered { self.originate(iface, plan) } else { self.send(iface, plan, how & 48) }
    }

    /// A router, or the receiver itself, complains about what came out.
    fn send_error(&mut self, bytes: &mut Bytes<'_>) {
        let (which, how) = (bytes.u8(), bytes.u8());
        let Some(output) = self.outputs.get(usize::from(which) % self.outputs.len().max(1)) else { return };
        if output.seen.is_error() {
            return;
        }
        let v6 = output.seen.is_v6();
        let quoted = output.bytes.len().min([48, 68, 28, 548][usize::from(how & 3)]);
        let (dst, quotes, iface, delivered) = (output.seen.src, output.seen.tuple(), output.iface, output.delivered);
        // No less than the header and the 8 bytes that RFC 792 asks for.
        let least = output.bytes.len() - output.seen.transport.len() + 8;
        let data = output.bytes[..quoted.max(least).min(output.bytes.len())].to_vec();
        let (kind, code) = match (v6, how >> 2 & 3) {
            (false, 0) => (3, 4),
            (false, 1) => (11, 0),
            (false, 2) => (3, 3),
            (false, _) => (12, 0),
            (true, kind) => (1 + kind, 0),
        };
        let src = match how >> 4 & 3 {
            0 => output.seen.dst,
            1 => self.address(v6, how),
            2 if v6 => ADDRESSES6[12].into(),
            2 => ADDRESSES4[9].into(),
            _ if v6 => ADDRESSES6[1].into(),
            _ => ADDRESSES4[1].into(),
        };
        let check = if how & 0xc0 == 0xc0 { Check::Wrong } else { Check::Right };
        let number = self.inputs.len();
        let mut transport = icmp(v6, kind, code, error_rest(number as u16), &data);
        let id = self.next_id();
        let protocol = transport.protocol;
        let ip = Ip { src, dst, protocol, ttl: 60, tos: 0, id, dont_fragment: false, extras: 0 };
        if delivered && !self.is_own(src) {
            return;
        }
        if delivered {
            return self.originate(iface, Plan { ip, transport, check: Check::Right, cut: None, segment_size: None });
        }
        set_check(&ip, &mut transport, check);
        let (packet, _) = packet(&ip, &transport);
        self.remember(&packet, check, false);
        self.inputs[number].quotes = Some(quotes);
        let frame = self.frame(iface, &packet, Offload::NONE, how & 32);
        self.receive(iface, vec![frame]);
        self.expect(number as u16);
        self.look();
        self.answer_questions();
    }

    fn send_fragments(&mut self, bytes: &mut Bytes<'_>) {
        let mut plan = self.plan(bytes);
        let (size, order, how) = (bytes.u8(), bytes.u8(), bytes.u8());
        if plan.check == Check::Partial {
            plan.check = Check::Right;
        }
        if order & 16 != 0 && plan.transport.protocol == protocol::UDP {
            // As large as a datagram may be, or nearly.
            let number = self.inputs.len() as u16;
            let len = [5000, 20_000, 60_000, 65_000][usize::from(order >> 5 & 3)];
            let (sport, dport) = (&plan.transport.bytes[..2], &plan.transport.bytes[2..4]);
            let port = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
            plan.transport = udp(port(sport), port(dport), &payload(number, len));
        }
        let size = [1480, 1232, 552, 64][usize::from(size % 4)];
        // The least that a first fragment must hold.
        let size = if plan.transport.protocol == protocol::TCP { size.max(64) } else { size };
        if plan.transport.bytes.len() > size {
            plan.cut = Some((size, order));
        }
        let iface = self.way_in(plan.ip.src, how);
        self.send(iface, plan, how);
    }

    fn pass_time(&mut self, bytes: &mut Bytes<'_>) {
        let choice = bytes.u8();
        let until = self.now + Duration::from_millis(PAUSES[usize::from(choice & 15)]);
        match choice >> 4 & 3 {
            // Nobody looks at the clock for a while.
            0 => self.now = until,
            1 => {
                self.now = until;
                self.run_timers();
            }
            // Hours in steps of a second are long to wait for.
            _ if choice & 15 == 15 => {
                self.now = until;
                self.run_timers();
            }
            _ => self.advance(until),
        }
    }

    /// The same packet once more.
    fn repeat(&mut self, bytes: &mut Bytes<'_>) {
        let (which, how) = (usize::from(bytes.u16()), bytes.u8());
        let Some(input) = self.inputs.get(which % self.inputs.len().max(1)) else { return };
        if input.cut || input.packet.len() > 3000 {
            return;
        }
        let packet = input.packet.clone();
        // Its checksum may have been partial.
        let tuple = input.tuple;
        if !input.wrong && !Seen::read(&packet).check_is_right() {
            return;
        }
        let number = (which % self.inputs.len()) as u16;
        let iface = self.way_in(tuple.src, how);
        let frame = self.frame(iface, &packet, Offload::NONE, how);
        self.receive(iface, vec![frame]);
        self.expect(number);
        self.look();
        self.answer_questions();
    }

    /// Anything, from here on: an earlier packet with some bytes changed, or bytes from nowhere.
    fn send_raw(&mut self, bytes: &mut Bytes<'_>) {
        self.raw = true;
        let (which, how, count) = (usize::from(bytes.u16()), bytes.u8(), bytes.u8());
        let iface = IfaceId(u16::from(how) % self.policy.ifaces.len() as u16);
        let mut packet = match self.inputs.get(which % self.inputs.len().max(1)) {
            Some(input) if how & 128 == 0 => input.packet.clone(),
            _ => bytes.slice(usize::from(count)).to_vec(),
        };
        for _ in 0..count % 8 {
            let (at, value) = (usize::from(bytes.u8()), bytes.u8());
            if let Some(place) = packet.get_mut(at) {
                *place = value;
            }
        }
        let header = usize::from(packet.first().copied().unwrap_or(0) & 15) * 4;
        if how & 64 != 0 && (20..=packet.len()).contains(&header) {
            super::packets::right_header_check(&mut packet[..header]);
        }
        let vid = self.vlan(iface);
        let at = ethernet::Header::len_for(vid);
        let mut frame = vec![0; at];
        let v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        let ethertype = if v6 { ethernet::ethertype::IPV6 } else { ethernet::ethertype::IPV4 };
        ethernet::Header::emit(&mut frame, self.link(iface).mac, MacAddr([2, 0, 0, 0, 0, 7]), vid, ethertype);
        frame.extend(packet);
        let frame = Frame::received(&self.world.live, &frame, 2000);
        self.receive(iface, vec![frame]);
        self.look();
        self.answer_questions();
    }

    /// The box's own stack sends something.
    fn send_own(&mut self, bytes: &mut Bytes<'_>) {
        let iface = IfaceId(u16::from(bytes.u8()) % self.policy.ifaces.len() as u16);
        let mut plan = self.plan(bytes);
        let own = &self.policy.ifaces[usize::from(iface.0)];
        plan.ip.src = match (plan.ip.src, own.ipv4) {
            (IpAddr::V4(_), Ipv4Config::Static(own)) => own.address.into(),
            (IpAddr::V6(_), _) if !own.address6.is_empty() => own.address6[0].0.into(),
            _ => return,
        };
        self.originate(iface, plan);
    }

    fn originate(&mut self, iface: IfaceId, mut plan: Plan) {
        if plan.check != Check::Zero {
            plan.check = Check::Right;
        }
        // A stack uses time to live as it should, and knows what its link takes.
        plan.ip.ttl = 64;
        let mtu = usize::from(self.link(iface).mtu);
        set_check(&plan.ip, &mut plan.transport, plan.check);
        let (packet, _) = packet(&plan.ip, &plan.transport);
        if packet.len() > mtu {
            return;
        }
        let number = self.remember(&packet, plan.check, false);
        let seen = Seen::read(&packet);
        if seen.is_error() {
            let at = packet.len() - seen.payload().len();
            self.inputs[usize::from(number)].quotes =
                super::checks::read_quote(&packet[at..]).map(|quote| quote.tuple());
        }
        let mut bytes = vec![0; ethernet::HEADER_LEN];
        let ethertype = if plan.ip.src.is_ipv6() { ethernet::ethertype::IPV6 } else { ethernet::ethertype::IPV4 };
        let far_end = MacAddr([2, 0, 0, 0, 0, 0xfe]);
        ethernet::Header::emit(&mut bytes, far_end, self.link(iface).mac, None, ethertype);
        bytes.extend(packet);
        let frame = Frame::received(&self.world.live, &bytes, 2000);
        self.plane.originate(self.now, iface, frame, &mut self.world);
        self.expect(number);
        self.look();
        self.answer_questions();
    }

    /// A neighbor speaks without being asked.
    fn say_neighbor(&mut self, bytes: &mut Bytes<'_>) {
        let (form, a, b) = (bytes.u8(), bytes.u8(), bytes.u8());
        let v6 = form & 1 != 0;
        let (sender, target) = (self.address(v6, a), self.address(v6, b));
        let iface = if form & 2 != 0 {
            IfaceId(u16::from(form >> 2) % self.policy.ifaces.len() as u16)
        } else {
            self.iface_of(sender)
        };
        let (mac, vid) = (self.link(iface).mac, self.vlan(iface));
        let at = ethernet::Header::len_for(vid);
        let dst = if form & 64 != 0 { MacAddr::BROADCAST } else { mac };
        let frame = match (sender, target) {
            (IpAddr::V4(sender), IpAddr::V4(target)) => {
                let operation = if form & 32 != 0 { arp::Operation::Reply } else { arp::Operation::Request };
                let mut frame = vec![0; at + arp::LEN];
                ethernet::Header::emit(&mut frame, dst, mac_of(sender.into()), vid, ethernet::ethertype::ARP);
                let (sender_mac, target_mac) = (mac_of(sender.into()), mac);
                arp::Message { operation, sender_mac, sender, target_mac, target }.emit(&mut frame[at..]);
                frame
            }
            (IpAddr::V6(sender), IpAddr::V6(target)) => {
                let source_mac = (form & 128 != 0).then(|| mac_of(sender.into()));
                let message = if form & 32 != 0 {
                    let (router, solicited, override_) = (false, form & 16 != 0, form & 8 != 0);
                    ndp::Message::Advertisement { target, target_mac: source_mac, router, solicited, override_ }
                } else {
                    ndp::Message::Solicitation { target, source_mac }
                };
                neighbor_message(at, dst, vid, sender, target, &message)
            }
            _ => return,
        };
        let frame = Frame::received(&self.world.live, &frame, 2000);
        self.receive(iface, vec![frame]);
        self.look();
        self.answer_questions();
    }

    /// What neighbors say to the router's questions.
    pub fn answer_questions(&mut self) {
        for (iface, target) in std::mem::take(&mut self.questions) {
            let last = match target {
                IpAddr::V4(address) => address.octets()[3],
                IpAddr::V6(address) => address.octets()[15],
            };
            if last % 16 == self.silent || self.iface_of(target) != iface {
                continue;
            }
            let (mac, vid) = (self.link(iface).mac, self.vlan(iface));
            let at = ethernet::Header::len_for(vid);
            let own = self.policy.ifaces[usize::from(iface.0)].clone();
            let frame = match target {
                IpAddr::V4(sender) => {
                    let Ipv4Config::Static(own) = own.ipv4 else { continue };
                    let mut frame = vec![0; at + arp::LEN];
                    ethernet::Header::emit(&mut frame, mac, mac_of(target), vid, ethernet::ethertype::ARP);
                    let (operation, sender_mac) = (arp::Operation::Reply, mac_of(target));
                    let message = arp::Message { operation, sender_mac, sender, target_mac: mac, target: own.address };
                    message.emit(&mut frame[at..]);
                    frame
                }
                IpAddr::V6(address) => {
                    let target_mac = Some(mac_of(target));
                    let (router, solicited, override_) = (false, true, true);
                    let message =
                        ndp::Message::Advertisement { target: address, target_mac, router, solicited, override_ };
                    let Some((own, _)) = own.address6.first() else { continue };
                    neighbor_message(at, mac, vid, address, *own, &message)
                }
            };
            let frame = Frame::received(&self.world.live, &frame, 2000);
            self.receive(iface, vec![frame]);
            self.look();
        }
        self.questions.clear();
    }

    /// A burst of packets that each want a connection.
    fn flood(&mut self, bytes: &mut Bytes<'_>) {
        let (form, a, b, port) = (bytes.u8(), bytes.u8(), bytes.u8(), bytes.u16());
        let v6 = form & 1 != 0;
        let (src, dst) = (self.address(v6, a), self.address(v6, b));
        let iface = self.iface_of(src);
        let frames = (0..u16::from(form >> 3)).map(|at| {
            let (sport, dport) = (port.wrapping_add(at), PORTS[usize::from(form >> 1 & 3)]);
            let number = self.inputs.len() as u16;
            let data = payload(number, 8);
            let syn = Segment { sport, dport, sequence: 7, ackseq: 0, flags: flag::SYN, window: 9, options: 0 };
            let mut transport = if form & 4 != 0 { udp(sport, dport, &data) } else { tcp(&syn, &data) };
            let (id, protocol) = (self.next_id(), transport.protocol);
            let ip = Ip { src, dst, protocol, ttl: 9, tos: 0, id, dont_fragment: true, extras: 0 };
            set_check(&ip, &mut transport, Check::Right);
            let (bytes, _) = packet(&ip, &transport);
            self.remember(&bytes, Check::Right, false);
            self.frame(iface, &bytes, Offload::NONE, 0)
        });
        let frames = frames.collect();
        self.receive(iface, frames);
        self.look();
        self.answer_questions();
    }

    /// A lease comes, changes or ends.
    fn change_address(&mut self, bytes: &mut Bytes<'_>) {
        let choice = bytes.u8();
        let iface = IfaceId(u16::from(choice) % self.policy.ifaces.len() as u16);
        let Ipv4Config::Static(own) = self.policy.ifaces[usize::from(iface.0)].ipv4 else { return };
        let address = match choice >> 4 & 3 {
            0 => None,
            1 => Some(Address4 { address: other_lease(own.address), prefix_len: 24, gateway: own.gateway }),
            _ => Some(Address4 { address: own.address, prefix_len: own.prefix_len, gateway: own.gateway }),
        };
        self.plane.set_address4(iface, address, &mut self.world);
        self.look();
        self.answer_questions();
    }
}

fn neighbor_message(
    at: usize,
    mac: MacAddr,
    vid: Option<u16>,
    saddr: Ipv6Addr,
    daddr: Ipv6Addr,
    message: &ndp::Message,
) -> Vec<u8> {
    let mut body = vec![0; ndp::LEN];
    let len = message.emit(&mut body);
    body.truncate(len);
    let (src, dst) = (IpAddr::V6(saddr), IpAddr::V6(daddr));
    let sum = wire::checksum::Sum::pseudo_header(src, dst, protocol::ICMPV6, len as u32).bytes(&body).checksum();
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = vec![0; at + ipv6::HEADER_LEN];
    ethernet::Header::emit(&mut frame, mac, mac_of(src), vid, ethernet::ethertype::IPV6);
    let (next_header, payload_len) = (protocol::ICMPV6, len as u16);
    ipv6::Repr { saddr, daddr, next_header, hop_limit: 255, traffic_class: 0, payload_len }.emit(&mut frame[at..]);
    frame.extend(body);
    frame
}
