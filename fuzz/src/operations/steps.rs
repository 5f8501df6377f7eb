//! The operations.

use super::buffer::Frame;
use super::packets::{
    ADDRESSES4, ADDRESSES6, Check, Ip, PORTS, Seen, Segment, Transport, error_rest, icmp, packet, payload, set_check,
    tcp, udp,
};
use super::plan::{LENGTHS, Plan};
use super::{Router, other_lease};
use crate::Bytes;
use plane::Address4;
use policy::Ipv4Config;
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{Duration, IfaceId, IpAddr, MacAddr, Offload, ethernet, icmpv4, icmpv6};

const PAUSES: [u64; 16] =
    [1, 10, 100, 1000, 2000, 4000, 5000, 10_000, 30_000, 31_000, 60_000, 120_000, 121_000, 240_000, 300_000, 7_441_000];

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
        let before = (self.inputs[usize::from(number)].leaves_as, self.inputs[usize::from(number)].quotes_as);
        let iface = self.way_in(tuple.src, how);
        let frame = self.frame(iface, &packet, Offload::NONE, how);
        self.receive(iface, vec![frame]);
        self.expect(number);
        // If the one before still waits for its neighbor, which of the two comes out cannot be told.
        let input = &mut self.inputs[usize::from(number)];
        if before != (input.leaves_as, input.quotes_as) {
            (input.leaves_as, input.quotes_as) = (None, None);
        }
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
