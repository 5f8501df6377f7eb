//! A packet of the notation as bytes, with everything right that it does not say otherwise.

use super::{Extension, Key, Kind, Message, Number, Packet};
use crate::text::Diagnostic;
use std::collections::HashMap;
use wire::checksum::{Sum, checksum};
use wire::ipv4::protocol;
use wire::{IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, arp, icmpv4, icmpv6, ipv4, ipv6, ndp, tcp, udp};

/// The first sequence number of a host that has not said anything.
const INITIAL_SEQUENCE: u32 = 1000;

/// What hosts have sent so far: the numbers that a well-behaved host would choose next.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    streams: HashMap<[(IpAddr, u16); 2], Stream>,
    /// Values of `$names`.
    pub names: HashMap<String, u64>,
}

/// One direction of a TCP connection.
#[derive(Clone, Copy, Debug)]
struct Stream {
    last: u32,
    next: u32,
}

/// The words that must be there before a packet can be sent.
struct Missing(&'static str);

impl Seen {
    /// Remembers a TCP segment that was sent, or received, by a host.
    pub fn remember(&mut self, packet: &Packet) {
        let number = |key| packet.number(key);
        let (Some(ends), Some(seq), Some(flags)) = (ends(packet, self), number(Key::Seq), number(Key::Flags)) else {
            return;
        };
        let len = packet.data.as_ref().map_or(0, |data| data.len() as u32);
        let is_set = |flag: u16| u32::from(flags as u16 & flag != 0);
        let last = seq as u32;
        let next = last.wrapping_add(len + is_set(tcp::flag::SYN) + is_set(tcp::flag::FIN));
        self.streams.insert(ends, Stream { last, next });
    }

    fn number(&self, packet: &Packet, key: Key) -> Option<u64> {
        match packet.numbers.get(&key)? {
            Number::Is(value) => Some(*value),
            Number::Named(name) => self.names.get(name).copied(),
            Number::Any => None,
        }
    }
}

/// Source and destination of a TCP segment, where they are known.
fn ends(packet: &Packet, seen: &Seen) -> Option<[(IpAddr, u16); 2]> {
    let port = |key| seen.number(packet, key).map(|port| port as u16);
    Some([(packet.src?, port(Key::Sport)?), (packet.dst?, port(Key::Dport)?)])
}

impl Packet {
    /// Finds what is missing before this packet can be sent.
    pub fn check_sendable(&self) -> Result<(), Diagnostic> {
        let missing = |what: &str| Diagnostic::new(self.span, format!("a packet that comes in needs {what}"));
        if self.is_arp() || matches!(self.kind, Kind::Hex(_) | Kind::Frame(_)) {
            return match self.kind {
                Kind::ArpReply { mac: None, .. } => Err(missing("a MAC address")),
                _ => Ok(()),
            };
        }
        if self.src.is_none() || self.dst.is_none() {
            return Err(missing("both addresses"));
        }
        if self.numbers.values().any(|number| *number == Number::Any) {
            return Err(missing("a number where `*` stands"));
        }
        let has = |key| self.numbers.contains_key(&key);
        let is_later_fragment = self.number(Key::Frag).is_some_and(|at| at > 0);
        if matches!(self.kind, Kind::Tcp | Kind::Udp) && !is_later_fragment && !(has(Key::Sport) && has(Key::Dport)) {
            return Err(missing("both ports"));
        }
        if matches!(self.kind, Kind::Tcp) && !is_later_fragment && !has(Key::Flags) {
            return Err(missing("its flags").help("letters such as S, SA, A, F, R, or - for none"));
        }
        let is_ipv4 = self.src.is_some_and(|src| src.is_ipv4());
        if is_ipv4 && self.extensions.is_some() {
            return Err(missing("IPv6 addresses to have extension headers"));
        }
        if !is_ipv4 && (self.ip_options.is_some() || has(Key::Df) || has(Key::BadIpSum)) {
            return Err(missing("IPv4 addresses for `df`, `ipopt` and `badipsum`"));
        }
        if is_ipv4 && self.number(Key::Len).max(self.number(Key::Of)) > Some(65535) {
            return Err(Diagnostic::new(self.span, "an IPv4 packet has at most 65535 bytes"));
        }
        if let Some(at) = self.number(Key::Frag)
            && at % 8 != 0
        {
            return Err(Diagnostic::new(self.span, "a fragment offset is a multiple of 8"));
        }
        let least = self.bytes(&Seen::default()).map(|bytes| bytes.len() as u64);
        match (self.number(Key::Len), least) {
            (Some(len), Ok(built)) if built > len && !has(Key::Frag) => {
                Err(Diagnostic::new(self.span, format!("this packet is longer than {len} bytes: {built}")))
            }
            _ => self.quote.as_ref().map_or(Ok(()), |quote| quote.check_sendable()),
        }
    }

    /// The packet's bytes from its IP header on, or those of an ARP message behind an Ethernet header.
    pub fn bytes(&self, seen: &Seen) -> Result<Vec<u8>, Diagnostic> {
        self.try_bytes(seen).map_err(|Missing(what)| Diagnostic::new(self.span, format!("this packet needs {what}")))
    }

    fn try_bytes(&self, seen: &Seen) -> Result<Vec<u8>, Missing> {
        match (&self.kind, self.src, self.dst) {
            (Kind::Hex(bytes) | Kind::Frame(bytes), ..) => Ok(bytes.clone()),
            (Kind::ArpRequest { .. } | Kind::ArpReply { .. }, ..) => Ok(Vec::new()),
            (_, Some(IpAddr::V4(saddr)), Some(IpAddr::V4(daddr))) => {
                let options = self.ip_options.clone().map(|mut options| {
                    options.resize(options.len().next_multiple_of(4).min(40), 0);
                    options
                });
                let options = options.unwrap_or_default();
                let header_len = ipv4::MIN_HEADER_LEN + options.len();
                let (payload, more) = self.fragment_of(seen, header_len)?;
                let mut bytes = vec![0; header_len];
                let number = |key| seen.number(self, key);
                ipv4::Repr {
                    saddr,
                    daddr,
                    protocol: self.protocol(),
                    ttl: self.ttl(seen),
                    tos: self.traffic_class(seen),
                    id: number(Key::Id).unwrap_or(1) as u16,
                    dont_fragment: number(Key::Df) == Some(1),
                    payload_len: (payload.len() + options.len()) as u16,
                }
                .emit(&mut bytes);
                if let Some(place) = bytes.get_mut(ipv4::MIN_HEADER_LEN..) {
                    place.copy_from_slice(&options);
                }
                let fragment = (number(Key::Frag).unwrap_or(0) / 8) as u16 | u16::from(more) << 13;
                bytes[0] = 0x40 | (header_len / 4) as u8;
                let word = u16::from_be_bytes([bytes[6], bytes[7]]) | fragment;
                bytes[6..8].copy_from_slice(&word.to_be_bytes());
                bytes[10..12].fill(0);
                let sum = checksum(&bytes) ^ if number(Key::BadIpSum) == Some(1) { 0x5555 } else { 0 };
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
                bytes.extend(payload);
                Ok(bytes)
            }
            (_, Some(IpAddr::V6(saddr)), Some(IpAddr::V6(daddr))) => {
                let mut headers = self.extension_headers();
                let extensions_len: usize = headers.iter().map(|(_, body)| body.len()).sum();
                let is_fragment = self.is_fragment();
                let header_len = ipv6::HEADER_LEN + extensions_len + if is_fragment { 8 } else { 0 };
                let (payload, more) = self.fragment_of(seen, header_len)?;
                if is_fragment {
                    let mut body = vec![0; 8];
                    let at = seen.number(self, Key::Frag).unwrap_or(0) as u16;
                    body[2..4].copy_from_slice(&(at | u16::from(more)).to_be_bytes());
                    body[4..8].copy_from_slice(&(seen.number(self, Key::Id).unwrap_or(1) as u32).to_be_bytes());
                    headers.push((ipv6::extension::FRAGMENT, body));
                }
                let mut next: Vec<u8> = headers.iter().map(|(kind, _)| *kind).collect();
                next.push(self.protocol());
                let mut bytes = vec![0; ipv6::HEADER_LEN];
                ipv6::Repr {
                    saddr,
                    daddr,
                    next_header: next[0],
                    hop_limit: self.ttl(seen),
                    traffic_class: self.traffic_class(seen),
                    payload_len: (header_len - ipv6::HEADER_LEN + payload.len()) as u16,
                }
                .emit(&mut bytes);
                for ((_, mut body), next) in headers.into_iter().zip(next.into_iter().skip(1)) {
                    body[0] = next;
                    bytes.extend(body);
                }
                bytes.extend(payload);
                Ok(bytes)
            }
            _ => Err(Missing("source and destination of one family")),
        }
    }

    /// Chains of 8 bytes each: a PadN option, or an exhausted routing header.
    fn extension_headers(&self) -> Vec<(u8, Vec<u8>)> {
        let header = |extension: &Extension| match *extension {
            Extension::HopByHop => (ipv6::extension::HOP_BY_HOP, vec![0, 0, 1, 4, 0, 0, 0, 0]),
            Extension::Destination => (ipv6::extension::DESTINATION, vec![0, 0, 1, 4, 0, 0, 0, 0]),
            Extension::Routing(kind) => (ipv6::extension::ROUTING, vec![0, 0, kind, 0, 0, 0, 0, 0]),
        };
        self.extensions.iter().flatten().map(header).collect()
    }

    fn is_fragment(&self) -> bool {
        self.number(Key::Frag).is_some() || self.number(Key::Mf) == Some(1)
    }

    fn protocol(&self) -> u8 {
        match self.kind {
            Kind::Tcp => protocol::TCP,
            Kind::Udp => protocol::UDP,
            Kind::Icmp(_) => protocol::ICMP,
            Kind::Icmpv6(_) => protocol::ICMPV6,
            Kind::Ip(number) => number,
            _ => 0,
        }
    }

    fn ttl(&self, seen: &Seen) -> u8 {
        let is_discovery =
            matches!(self.kind, Kind::Icmpv6(Message { kind, .. }) if icmpv6::is_neighbor_discovery(kind));
        seen.number(self, Key::Ttl).map_or(if is_discovery { 255 } else { 64 }, |ttl| ttl as u8)
    }

    fn traffic_class(&self, seen: &Seen) -> u8 {
        let bits = |key| seen.number(self, key).unwrap_or(0) as u8;
        bits(Key::Dscp) << 2 | bits(Key::Ecn)
    }

    /// What follows the IP header, and whether more of the datagram does not.
    ///
    /// A fragment is a piece of the datagram that the notation describes: from `frag` on, as many bytes as `len`
    /// leaves room for; the datagram itself is `of` bytes long, or ends with this fragment.
    fn fragment_of(&self, seen: &Seen, header_len: usize) -> Result<(Vec<u8>, bool), Missing> {
        let len = |key| seen.number(self, key).map(|len| len as usize);
        let more = seen.number(self, Key::Mf) == Some(1);
        if !self.is_fragment() {
            return Ok((self.transport(seen, len(Key::Len).map(|len| len.saturating_sub(header_len)))?, false));
        }
        let at = len(Key::Frag).unwrap_or(0);
        let size = len(Key::Len).map(|len| len.saturating_sub(header_len));
        let fragment_header = if self.src.is_some_and(|src| src.is_ipv6()) { 8 } else { 0 };
        // The whole packet has no fragment header.
        let whole = len(Key::Of).map(|of| (of + fragment_header).saturating_sub(header_len));
        let whole = whole.or(size.map(|size| at + size));
        let datagram = self.transport(seen, whole)?;
        let end = size.map_or(datagram.len(), |size| (at + size).min(datagram.len()));
        let mut piece = datagram.get(at..end).unwrap_or_default().to_vec();
        piece.resize(size.unwrap_or(piece.len()), 0);
        Ok((piece, more))
    }

    /// Transport header and payload, filled to `len` bytes where that is named.
    fn transport(&self, seen: &Seen, len: Option<usize>) -> Result<Vec<u8>, Missing> {
        let number = |key| seen.number(self, key);
        let port = |key| number(key).unwrap_or(0) as u16;
        let mut bytes = match self.kind {
            Kind::Tcp => self.tcp_header(seen),
            Kind::Udp => [port(Key::Sport).to_be_bytes(), port(Key::Dport).to_be_bytes(), [0, 0], [0, 0]].concat(),
            Kind::Icmp(message) | Kind::Icmpv6(message) => self.icmp_message(seen, message)?,
            _ => Vec::new(),
        };
        bytes.extend(self.data.iter().flatten());
        let header_len = bytes.len();
        bytes.extend((header_len..len.unwrap_or(0)).map(|at| (at - header_len) as u8));
        let (Some(src), Some(dst)) = (self.src, self.dst) else { return Err(Missing("both addresses")) };
        let pseudo = Sum::pseudo_header(src, dst, self.protocol(), bytes.len() as u32);
        let (field, sum) = match self.kind {
            Kind::Tcp => (tcp::field::CHECKSUM, pseudo),
            Kind::Udp => {
                let len = (bytes.len() as u16).to_be_bytes();
                bytes[udp::field::LENGTH..udp::field::LENGTH + 2].copy_from_slice(&len);
                (udp::field::CHECKSUM, pseudo)
            }
            Kind::Icmp(_) => (2, Sum::ZERO),
            Kind::Icmpv6(_) => (2, pseudo),
            _ => return Ok(bytes),
        };
        let sum = match sum.bytes(&bytes).checksum() {
            0 if matches!(self.kind, Kind::Udp) => 0xffff,
            sum => sum,
        };
        let sum = match (number(Key::BadSum), number(Key::NoSum)) {
            (_, Some(1)) => 0,
            (Some(1), _) => sum ^ 0x5555,
            _ => sum,
        };
        bytes[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        Ok(bytes)
    }

    fn tcp_header(&self, seen: &Seen) -> Vec<u8> {
        let number = |key| seen.number(self, key);
        let flags = number(Key::Flags).unwrap_or(0) as u16;
        let ends = ends(self, seen);
        let mine = ends.and_then(|ends| seen.streams.get(&ends));
        let theirs = ends.and_then(|[src, dst]| seen.streams.get(&[dst, src]));
        let is_first = flags & tcp::flag::SYN != 0;
        let seq = number(Key::Seq).map(|seq| seq as u32).unwrap_or(match mine {
            // A SYN that is sent again is the same SYN.
            Some(stream) if is_first => stream.last,
            Some(stream) => stream.next,
            None => INITIAL_SEQUENCE + u32::from(!is_first),
        });
        let ack = number(Key::Ack).map(|ack| ack as u32).unwrap_or(match theirs {
            Some(stream) if flags & tcp::flag::ACK != 0 => stream.next,
            _ => 0,
        });
        let mut options = Vec::new();
        if let Some(mss) = number(Key::Mss) {
            options.extend([2, 4]);
            options.extend((mss as u16).to_be_bytes());
        }
        if number(Key::Sack) == Some(1) {
            options.extend([4, 2]);
        }
        if let Some(shift) = number(Key::Wscale) {
            options.extend([3, 3, shift as u8]);
        }
        options.resize(options.len().next_multiple_of(4), 1);
        let header_len = tcp::MIN_HEADER_LEN + options.len();
        let mut bytes = Vec::with_capacity(header_len);
        for key in [Key::Sport, Key::Dport] {
            bytes.extend((number(key).unwrap_or(0) as u16).to_be_bytes());
        }
        bytes.extend(seq.to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes.extend((((header_len / 4) as u16) << 12 | flags).to_be_bytes());
        bytes.extend((number(Key::Win).unwrap_or(65535) as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend((number(Key::Urg).unwrap_or(0) as u16).to_be_bytes());
        bytes.extend(options);
        bytes
    }

    fn icmp_message(&self, seen: &Seen, message: Message) -> Result<Vec<u8>, Missing> {
        let number = |key| seen.number(self, key);
        let is_query = match self.kind {
            Kind::Icmp(_) => icmpv4::is_query(message.kind),
            _ => icmpv6::is_query(message.kind),
        };
        if let (Kind::Icmpv6(_), Some(target)) = (&self.kind, message.target) {
            return self.discovery(seen, message, target);
        }
        let mut bytes = vec![message.kind, message.code.unwrap_or(0), 0, 0, 0, 0, 0, 0];
        let rest = if is_query {
            let (id, seq) = (number(Key::EchoId).unwrap_or(1), number(Key::EchoSeq).unwrap_or(1));
            (id << 16 | seq) as u32
        } else {
            // Parameter problem of ICMP has its pointer in the first byte only (RFC 792).
            let shift = if matches!(self.kind, Kind::Icmp(_)) { 24 } else { 0 };
            (number(Key::Mtu).unwrap_or(0) | number(Key::Pointer).unwrap_or(0) << shift) as u32
        };
        bytes[4..8].copy_from_slice(&rest.to_be_bytes());
        if let Some(quote) = &self.quote {
            bytes.extend(quote.try_bytes(&seen.quoting(quote))?);
        }
        Ok(bytes)
    }

    fn discovery(&self, seen: &Seen, message: Message, target: Ipv6Addr) -> Result<Vec<u8>, Missing> {
        let flag = |key| seen.number(self, key) == Some(1);
        let mac = self.src_mac.or(self.src.filter(|src| !src.is_unspecified()).map(sim::mac_of));
        let message = match message.kind {
            icmpv6::kind::NEIGHBOR_SOLICITATION => ndp::Message::Solicitation { target, source_mac: mac },
            icmpv6::kind::NEIGHBOR_ADVERTISEMENT => ndp::Message::Advertisement {
                target,
                target_mac: Some(self.src_mac.unwrap_or(sim::mac_of(target.into()))),
                router: flag(Key::Router),
                solicited: flag(Key::Solicited),
                override_: flag(Key::Override),
            },
            _ => return Err(Missing("no target: it is neither a solicitation nor an advertisement")),
        };
        let mut bytes = vec![0; ndp::LEN];
        let len = message.emit(&mut bytes);
        bytes.truncate(len);
        Ok(bytes)
    }
}

impl Seen {
    /// As if the quoted segment were sent again.
    fn quoting(&self, quote: &Packet) -> Self {
        let mut seen = self.clone();
        if let Some(stream) = ends(quote, self).and_then(|ends| seen.streams.get_mut(&ends)) {
            stream.next = stream.last;
        }
        seen
    }
}

/// An ARP message of the notation, as `sender_mac` sends it to the box at `own`.
pub fn arp_message(kind: &Kind, sender_mac: MacAddr, own: (MacAddr, Ipv4Addr)) -> Option<arp::Message> {
    match *kind {
        Kind::ArpRequest { target, sender } => Some(arp::Message {
            operation: arp::Operation::Request,
            sender_mac,
            sender,
            target_mac: MacAddr::default(),
            target,
        }),
        Kind::ArpReply { sender, mac } => Some(arp::Message {
            operation: arp::Operation::Reply,
            sender_mac: mac?,
            sender,
            target_mac: own.0,
            target: own.1,
        }),
        _ => None,
    }
}
