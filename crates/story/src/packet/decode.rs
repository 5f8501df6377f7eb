//! Bytes as a packet of the notation, everything in them named.

use super::{Extension, Key, Kind, Message, Packet};
use crate::text::Span;
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{IpAddr, arp, icmpv4, icmpv6, ipv4, ipv6, ndp, tcp, udp};

/// What came has no place in a story.
const NOWHERE: Span = Span { line: 0, start: 0, end: 0 };

/// Reads a frame, link header included. What cannot be read becomes [`Kind::Hex`] or [`Kind::Frame`].
pub fn decode_frame(frame: &[u8]) -> Packet {
    let as_frame = || Packet::new(Kind::Frame(frame.to_vec()), NOWHERE);
    let Ok(header) = ethernet::Header::parse(frame) else { return as_frame() };
    let payload = frame.get(header.len..).unwrap_or_default();
    let mut packet = match header.ethertype {
        ethertype::IPV4 | ethertype::IPV6 => decode_packet(payload),
        ethertype::ARP => match arp::Message::parse(payload) {
            Some(message) => decode_arp(&message),
            None => as_frame(),
        },
        _ => as_frame(),
    };
    (packet.src_mac, packet.dst_mac) = (Some(header.src), Some(header.dst));
    if let Some(vid) = header.vid {
        packet.set(Key::Vlan, u64::from(vid));
    }
    packet
}

/// Reads a packet from its IP header on. It may be cut off, as packets in ICMP errors are.
pub fn decode_packet(bytes: &[u8]) -> Packet {
    let decoded = match bytes.first().map(|first| first >> 4) {
        Some(4) => decode4(bytes),
        Some(6) => decode6(bytes),
        _ => None,
    };
    decoded.unwrap_or_else(|| Packet::new(Kind::Hex(bytes.to_vec()), NOWHERE))
}

fn decode_arp(message: &arp::Message) -> Packet {
    let kind = match message.operation {
        arp::Operation::Request => Kind::ArpRequest { target: message.target, sender: message.sender },
        arp::Operation::Reply => Kind::ArpReply { sender: message.sender, mac: Some(message.sender_mac) },
    };
    Packet::new(kind, NOWHERE)
}

fn decode4(bytes: &[u8]) -> Option<Packet> {
    let header = ipv4::Header::parse(bytes).ok()?;
    let at = usize::from(header.frag_off()) * 8;
    let is_fragment = at > 0 || header.more_fragments();
    let upper = Upper {
        src: header.saddr().into(),
        dst: header.daddr().into(),
        protocol: header.protocol(),
        len: usize::from(header.total_len()) - header.header_len(),
        bytes: bytes.get(header.header_len()..usize::from(header.total_len()).min(bytes.len()))?,
        is_fragment,
        is_later: at > 0,
    };
    let mut packet = upper.decode();
    packet.set(Key::Ttl, u64::from(header.ttl()));
    packet.set(Key::Len, u64::from(header.total_len()));
    packet.set(Key::Id, u64::from(header.id()));
    packet.set(Key::Df, u64::from(header.dont_fragment()));
    packet.set(Key::Mf, u64::from(header.more_fragments()));
    packet.set(Key::Frag, at as u64);
    traffic_class(&mut packet, header.tos());
    packet.set(Key::BadIpSum, u64::from(!header.checksum_is_right()));
    packet.ip_options = header.as_bytes().get(ipv4::MIN_HEADER_LEN..).map(<[u8]>::to_vec);
    Some(packet)
}

fn decode6(bytes: &[u8]) -> Option<Packet> {
    let header = ipv6::Header::parse(bytes).ok()?;
    let chain = ipv6::upper_layer(bytes).ok()?;
    let end = ipv6::HEADER_LEN + usize::from(header.payload_len());
    let fragment = chain.fragment.filter(|fragment| fragment.frag_off > 0 || fragment.more);
    let upper = Upper {
        src: header.saddr().into(),
        dst: header.daddr().into(),
        protocol: chain.protocol,
        len: end.checked_sub(chain.offset)?,
        bytes: bytes.get(chain.offset..end.min(bytes.len()))?,
        is_fragment: fragment.is_some(),
        is_later: fragment.is_some_and(|fragment| fragment.frag_off > 0),
    };
    let mut packet = upper.decode();
    packet.set(Key::Ttl, u64::from(header.hop_limit()));
    packet.set(Key::Len, end as u64);
    traffic_class(&mut packet, header.traffic_class());
    packet.set(Key::Mf, u64::from(chain.fragment.is_some_and(|fragment| fragment.more)));
    packet.set(Key::Frag, chain.fragment.map_or(0, |fragment| u64::from(fragment.frag_off) * 8));
    packet.set(Key::BadIpSum, 0);
    if let Some(fragment) = chain.fragment {
        packet.set(Key::Id, u64::from(fragment.id));
    }
    packet.extensions = Some(extensions(bytes, header.next_header(), chain.offset));
    Some(packet)
}

fn extensions(bytes: &[u8], mut kind: u8, end: usize) -> Vec<Extension> {
    let mut extensions = Vec::new();
    let mut at = ipv6::HEADER_LEN;
    while let (true, Some(header)) = (at < end, bytes.get(at..).and_then(|rest| rest.first_chunk::<4>())) {
        let len = if kind == ipv6::extension::FRAGMENT { 8 } else { usize::from(header[1]) * 8 + 8 };
        extensions.extend(match kind {
            ipv6::extension::HOP_BY_HOP => Some(Extension::HopByHop),
            ipv6::extension::DESTINATION => Some(Extension::Destination),
            ipv6::extension::ROUTING => Some(Extension::Routing(header[2])),
            _ => None,
        });
        (kind, at) = (header[0], at + len);
    }
    extensions
}

fn traffic_class(packet: &mut Packet, class: u8) {
    packet.set(Key::Dscp, u64::from(class >> 2));
    packet.set(Key::Ecn, u64::from(class & 3));
}

/// What follows the IP header.
struct Upper<'a> {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    /// What the IP header says; `bytes` is shorter where the packet was cut off.
    len: usize,
    bytes: &'a [u8],
    is_fragment: bool,
    /// A fragment that begins with data.
    is_later: bool,
}

impl Upper<'_> {
    fn decode(&self) -> Packet {
        let mut packet = match self.protocol {
            protocol::TCP => self.tcp(),
            protocol::UDP => self.udp(),
            protocol::ICMP if self.src.is_ipv4() => self.icmp(),
            protocol::ICMPV6 if self.src.is_ipv6() => self.icmpv6(),
            other => {
                let mut packet = Packet::new(Kind::Ip(other), NOWHERE);
                packet.data = Some(self.bytes.to_vec());
                packet
            }
        };
        (packet.src, packet.dst) = (Some(self.src), Some(self.dst));
        if self.is_later {
            packet.data = Some(self.bytes.to_vec());
        }
        packet
    }

    /// True if the whole segment is at hand, so that its checksum can be told right from wrong.
    const fn is_whole(&self) -> bool {
        !self.is_fragment && self.bytes.len() == self.len
    }

    fn pseudo_header(&self) -> Sum {
        Sum::pseudo_header(self.src, self.dst, self.protocol, self.bytes.len() as u32)
    }

    fn checksum(&self, packet: &mut Packet, pseudo: Sum) {
        let is_wrong = self.is_whole() && pseudo.bytes(self.bytes).checksum() != 0;
        packet.set(Key::BadSum, u64::from(is_wrong));
    }

    fn ports(&self, packet: &mut Packet) {
        if let (Some([a, b, c, d]), false) = (self.bytes.first_chunk::<4>(), self.is_later) {
            packet.set(Key::Sport, u64::from(u16::from_be_bytes([*a, *b])));
            packet.set(Key::Dport, u64::from(u16::from_be_bytes([*c, *d])));
        }
    }

    fn tcp(&self) -> Packet {
        let mut packet = Packet::new(Kind::Tcp, NOWHERE);
        self.ports(&mut packet);
        let header = match tcp::Header::parse(self.bytes) {
            Ok(header) if !self.is_later => header,
            _ => {
                // A quoted segment may end behind its sequence number (RFC 792).
                if let (Some([.., a, b, c, d]), false) = (self.bytes.first_chunk::<8>(), self.is_later) {
                    packet.set(Key::Seq, u64::from(u32::from_be_bytes([*a, *b, *c, *d])));
                }
                return packet;
            }
        };
        self.checksum(&mut packet, self.pseudo_header());
        let numbers = [
            (Key::Flags, u64::from(header.flags())),
            (Key::Seq, u64::from(header.sequence())),
            (Key::Ack, u64::from(header.ackseq())),
            (Key::Win, u64::from(header.window())),
            (Key::Urg, u64::from(header.urgptr())),
        ];
        numbers.into_iter().for_each(|(key, value)| packet.set(key, value));
        packet.set(Key::Sack, 0);
        for option in header.options() {
            match option {
                tcp::TcpOption::MaximumSegmentSize(mss) => packet.set(Key::Mss, u64::from(mss)),
                tcp::TcpOption::WindowScale(shift) => packet.set(Key::Wscale, u64::from(shift)),
                tcp::TcpOption::SackPermitted => packet.set(Key::Sack, 1),
                tcp::TcpOption::Sack { .. } | tcp::TcpOption::Other(_) => {}
            }
        }
        packet.data = Some(self.bytes.get(header.header_len()..).unwrap_or_default().to_vec());
        packet
    }

    fn udp(&self) -> Packet {
        let mut packet = Packet::new(Kind::Udp, NOWHERE);
        self.ports(&mut packet);
        if let (Ok(header), false) = (udp::Header::parse(self.bytes), self.is_later) {
            let none = header.checksum() == 0 && self.src.is_ipv4();
            packet.set(Key::NoSum, u64::from(none));
            if none {
                packet.set(Key::BadSum, 0);
            } else {
                self.checksum(&mut packet, self.pseudo_header());
            }
            packet.data = Some(self.bytes.get(udp::HEADER_LEN..).unwrap_or_default().to_vec());
        }
        packet
    }

    fn icmp(&self) -> Packet {
        let [kind, code, rest @ ..] = self.head();
        let mut packet = Packet::new(Kind::Icmp(Message { kind, code: Some(code), target: None }), NOWHERE);
        if !self.is_later {
            self.checksum(&mut packet, Sum::ZERO);
            let is_too_big =
                (kind, code) == (icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::FRAGMENTATION_NEEDED);
            self.rest(&mut packet, rest, icmpv4::is_query(kind), icmpv4::is_error(kind), is_too_big);
        }
        packet
    }

    fn icmpv6(&self) -> Packet {
        let [kind, code, rest @ ..] = self.head();
        let discovery = if self.is_later { None } else { ndp::Message::parse(self.bytes) };
        let target = discovery.map(|message| match message {
            ndp::Message::Solicitation { target, .. } | ndp::Message::Advertisement { target, .. } => target,
        });
        let mut packet = Packet::new(Kind::Icmpv6(Message { kind, code: Some(code), target }), NOWHERE);
        if self.is_later {
            return packet;
        }
        self.checksum(&mut packet, self.pseudo_header());
        if let Some(ndp::Message::Advertisement { router, solicited, override_, .. }) = discovery {
            packet.set(Key::Router, u64::from(router));
            packet.set(Key::Solicited, u64::from(solicited));
            packet.set(Key::Override, u64::from(override_));
        }
        let is_too_big = kind == icmpv6::kind::PACKET_TOO_BIG;
        self.rest(&mut packet, rest, icmpv6::is_query(kind), icmpv6::is_error(kind), is_too_big);
        packet
    }

    /// Type, code, and the four bytes behind the checksum.
    fn head(&self) -> [u8; 6] {
        match self.bytes {
            [kind, code, _, _, a, b, c, d, ..] if !self.is_later => [*kind, *code, *a, *b, *c, *d],
            _ => [0xff; 6],
        }
    }

    fn rest(&self, packet: &mut Packet, rest: [u8; 4], is_query: bool, is_error: bool, is_too_big: bool) {
        let body = self.bytes.get(icmpv4::HEADER_LEN..).unwrap_or_default();
        let [a, b, c, d] = rest;
        if is_query {
            packet.set(Key::EchoId, u64::from(u16::from_be_bytes([a, b])));
            packet.set(Key::EchoSeq, u64::from(u16::from_be_bytes([c, d])));
        } else if is_too_big {
            packet.set(Key::Mtu, u64::from(u32::from_be_bytes(rest)));
        } else if self.src.is_ipv4() {
            packet.set(Key::Pointer, u64::from(a));
        } else if is_error {
            packet.set(Key::Pointer, u64::from(u32::from_be_bytes(rest)));
        }
        if is_error && !body.is_empty() {
            packet.quote = Some(Box::new(decode_packet(body)));
        } else if !matches!(packet.kind, Kind::Icmpv6(Message { target: Some(_), .. })) {
            packet.data = Some(body.to_vec());
        }
    }
}
