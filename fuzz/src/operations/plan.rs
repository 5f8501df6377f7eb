//! Packets on their way into the router: planned, numbered, remembered, sent.

use super::buffer::Frame;
use super::packets::{
    ADDRESSES4, ADDRESSES6, Check, Ip, PORTS, Seen, Segment, TAG_LEN, TTLS, Transport, check_at, fragments, icmp,
    packet, payload, set_check, tcp, udp,
};
use super::{Input, Router, mac_of};
use crate::Bytes;
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{
    Buffer, Burst, IfaceId, IpAddr, MacAddr, Offload, PartialChecksum, Segmentation, SegmentationKind, ethernet,
    icmpv4, icmpv6,
};

/// Bytes of payload.
pub const LENGTHS: [usize; 16] = [8, 8, 8, 32, 0, 9, 100, 548, 1000, 1232, 1452, 1460, 1472, 1480, 3000, 1];

/// A packet to be sent, before it has a number.
pub struct Plan {
    pub ip: Ip,
    pub transport: Transport,
    pub check: Check,
    pub cut: Option<(usize, u8)>,
    pub segment_size: Option<u16>,
}

impl Router {
    pub fn address(&self, v6: bool, choice: u8) -> IpAddr {
        if v6 {
            ADDRESSES6[usize::from(choice) % ADDRESSES6.len()].into()
        } else {
            ADDRESSES4[usize::from(choice) % ADDRESSES4.len()].into()
        }
    }

    pub fn plan(&mut self, bytes: &mut Bytes<'_>) -> Plan {
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

    pub fn next_id(&mut self) -> u16 {
        self.ids = self.ids.wrapping_add(1);
        self.ids
    }

    /// The Iface that a source's packets come in by, or one that they should not.
    pub fn way_in(&self, src: IpAddr, choice: u8) -> IfaceId {
        match choice >> 2 & 3 {
            3 => IfaceId(u16::from(choice & 3) % self.policy.ifaces.len() as u16),
            _ => self.iface_of(src),
        }
    }

    /// Sends what was planned, and remembers it.
    pub fn send(&mut self, iface: IfaceId, mut plan: Plan, how: u8) {
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

    pub fn offload(&self, plan: &Plan, header_len: usize, iface: IfaceId) -> Offload {
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

    pub fn remember(&mut self, bytes: &[u8], check: Check, cut: bool) -> u16 {
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
    pub fn frame(&self, iface: IfaceId, packet: &[u8], offload: Offload, how: u8) -> Frame {
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

    pub fn receive(&mut self, iface: IfaceId, frames: Vec<Frame>) {
        let mut burst = Burst::new();
        for frame in frames {
            assert!(burst.push(frame).is_ok(), "no more than a burst");
        }
        let port = self.link(iface).port;
        self.plane.process_burst(self.now, port, &mut burst, &mut self.world);
        assert!(burst.is_empty());
    }

    pub fn originate(&mut self, iface: IfaceId, mut plan: Plan) {
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
}
