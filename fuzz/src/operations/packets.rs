//! IP packets: made from numbers, and read back from what comes out.

use plane::Endpoints;
use wire::checksum::{Sum, checksum};
use wire::ipv4::protocol;
use wire::{IpAddr, Ipv4Addr, Ipv6Addr, icmpv4, icmpv6, ipv4, ipv6};

/// What the payload of every packet with a number begins with; the number follows, and two zeros.
const MARK: [u8; 4] = [0xa5, 0x5a, 0xc3, 0x3c];
pub const TAG_LEN: usize = 8;

/// A payload that says which packet it belongs to.
pub fn payload(number: u16, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_mul(7) ^ number as u8).collect();
    if let Some(place) = bytes.first_chunk_mut::<TAG_LEN>() {
        *place = tag(number);
    }
    bytes
}

fn tag(number: u16) -> [u8; TAG_LEN] {
    let [a, b, c, d] = MARK;
    let [high, low] = number.to_be_bytes();
    [a, b, c, d, high, low, 0, 0]
}

fn number_of(payload: &[u8]) -> Option<u16> {
    let bytes = payload.first_chunk::<TAG_LEN>()?;
    let number = u16::from_be_bytes([bytes[4], bytes[5]]);
    (*bytes == tag(number)).then_some(number)
}

/// The IP header of a packet to be made.
#[derive(Clone, Copy, Debug)]
pub struct Ip {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    pub dont_fragment: bool,
    /// Options of IPv4 in words, extension headers of IPv6.
    pub extras: u8,
}

/// How a transport checksum is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Right,
    /// The sum of the pseudo-header only.
    Partial,
    Wrong,
    /// UDP without one.
    Zero,
}

/// A transport header and payload, its checksum field still 0.
pub struct Transport {
    pub protocol: u8,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub sport: u16,
    pub dport: u16,
    pub sequence: u32,
    pub ackseq: u32,
    pub flags: u16,
    pub window: u16,
    /// Bits: MSS, window scale, SACK permitted, a SACK block, padding.
    pub options: u8,
}

pub fn tcp(segment: &Segment, payload: &[u8]) -> Transport {
    let mut options = Vec::new();
    if segment.options & 1 != 0 {
        options.extend([2, 4, 5, 0xb4]);
    }
    if segment.options & 2 != 0 {
        options.extend([1, 3, 3, segment.options >> 4]);
    }
    if segment.options & 4 != 0 {
        options.extend([1, 1, 4, 2]);
    }
    if segment.options & 8 != 0 {
        options.extend([1, 1, 5, 10]);
        options.extend(segment.ackseq.wrapping_add(10).to_be_bytes());
        options.extend(segment.ackseq.wrapping_add(1000).to_be_bytes());
    }
    let mut bytes = Vec::with_capacity(20 + options.len() + payload.len());
    bytes.extend(segment.sport.to_be_bytes());
    bytes.extend(segment.dport.to_be_bytes());
    bytes.extend(segment.sequence.to_be_bytes());
    bytes.extend(segment.ackseq.to_be_bytes());
    bytes.extend(((5 + options.len() as u16 / 4) << 12 | segment.flags & 0x1ff).to_be_bytes());
    bytes.extend(segment.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(options);
    bytes.extend_from_slice(payload);
    Transport { protocol: protocol::TCP, bytes }
}

pub fn udp(sport: u16, dport: u16, payload: &[u8]) -> Transport {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend(sport.to_be_bytes());
    bytes.extend(dport.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend_from_slice(payload);
    Transport { protocol: protocol::UDP, bytes }
}

/// An ICMP message; `rest` are its bytes 4 to 7.
pub fn icmp(v6: bool, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Transport {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest);
    bytes.extend_from_slice(payload);
    Transport { protocol: if v6 { protocol::ICMPV6 } else { protocol::ICMP }, bytes }
}

/// The `rest` of an ICMP error that has a number.
pub fn error_rest(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [MARK[0], MARK[1], high, low]
}

/// Where the checksum is in a transport header.
pub fn check_at(protocol: u8) -> Option<usize> {
    match protocol {
        protocol::TCP => Some(16),
        protocol::UDP => Some(6),
        protocol::ICMP | protocol::ICMPV6 => Some(2),
        _ => None,
    }
}

fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> Sum {
    if protocol == protocol::ICMP { Sum::ZERO } else { Sum::pseudo_header(src, dst, protocol, len as u32) }
}

/// Sets the checksum as `check` says.
pub fn set_check(ip: &Ip, transport: &mut Transport, check: Check) {
    let Some(at) = check_at(transport.protocol) else { return };
    let pseudo = pseudo_header(ip.src, ip.dst, transport.protocol, transport.bytes.len());
    let right = match pseudo.bytes(&transport.bytes).checksum() {
        0 if transport.protocol == protocol::UDP => 0xffff,
        sum => sum,
    };
    let value = match check {
        Check::Right => right,
        Check::Partial => pseudo.fold(),
        Check::Wrong if right == 0x5555 => 0x1234,
        Check::Wrong => right ^ 0x5555,
        Check::Zero => 0,
    };
    transport.bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// The whole packet, and the length of its IP header.
pub fn packet(ip: &Ip, transport: &Transport) -> (Vec<u8>, usize) {
    match (ip.src, ip.dst) {
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
            let options = usize::from(ip.extras % 4) * 4;
            let mut bytes = vec![0; 20];
            let payload_len = (options + transport.bytes.len()) as u16;
            let Ip { protocol, ttl, tos, id, dont_fragment, .. } = *ip;
            ipv4::Repr { saddr, daddr, protocol, ttl, tos, id, dont_fragment, payload_len }.emit(&mut bytes);
            bytes[0] = 0x45 + options as u8 / 4;
            // No operation.
            bytes.resize(20 + options, 1);
            right_header_check(&mut bytes);
            bytes.extend_from_slice(&transport.bytes);
            (bytes, 20 + options)
        }
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            let chain: &[u8] = match ip.extras % 8 {
                1 => &[0],
                2 => &[60],
                3 => &[0, 60],
                4 => &[0, 60, 43, 60],
                _ => &[],
            };
            let len = chain.len() * 8 + transport.bytes.len();
            let mut bytes = vec![0; 40];
            let next_header = chain.first().copied().unwrap_or(ip.protocol);
            let Ip { ttl: hop_limit, tos: traffic_class, .. } = *ip;
            let payload_len = len as u16;
            ipv6::Repr { saddr, daddr, next_header, hop_limit, traffic_class, payload_len }.emit(&mut bytes);
            for (at, header) in chain.iter().enumerate() {
                let next = chain.get(at + 1).copied().unwrap_or(ip.protocol);
                // A routing header of type 2 without segments left; elsewhere padding.
                bytes.extend(if *header == 43 { [next, 0, 2, 0, 0, 0, 0, 0] } else { [next, 0, 1, 4, 0, 0, 0, 0] });
            }
            bytes.extend_from_slice(&transport.bytes);
            (bytes, 40 + chain.len() * 8)
        }
        _ => unreachable!("both addresses are of one family"),
    }
}

pub fn right_header_check(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = checksum(header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A packet cut into pieces of at most `size` bytes of payload each, a multiple of 8.
pub fn fragments(bytes: &[u8], header_len: usize, size: usize, id: u16) -> Vec<Vec<u8>> {
    let (header, payload) = bytes.split_at(header_len);
    let count = payload.len().div_ceil(size);
    let piece = |(at, data): (usize, &[u8])| {
        let (more, offset) = (at + 1 < count, at * size);
        let mut bytes = header.to_vec();
        if header[0] >> 4 == 4 {
            let total = (header_len + data.len()) as u16;
            bytes[2..4].copy_from_slice(&total.to_be_bytes());
            bytes[4..6].copy_from_slice(&id.to_be_bytes());
            bytes[6..8].copy_from_slice(&(u16::from(more) << 13 | (offset / 8) as u16).to_be_bytes());
            right_header_check(&mut bytes);
        } else {
            // Behind the extension headers, if there are any: the last one's next header names the fragment header.
            let at = if header_len == 40 { 6 } else { header_len - 8 };
            let next = std::mem::replace(&mut bytes[at], ipv6::extension::FRAGMENT);
            bytes.extend([next, 0]);
            bytes.extend((offset as u16 | u16::from(more)).to_be_bytes());
            bytes.extend(u32::from(id).to_be_bytes());
            let payload_len = (bytes.len() - 40 + data.len()) as u16;
            bytes[4..6].copy_from_slice(&payload_len.to_be_bytes());
        }
        bytes.extend_from_slice(data);
        bytes
    };
    payload.chunks(size).enumerate().map(piece).collect()
}

/// Which part of a datagram a packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub id: u32,
    pub offset: usize,
    pub more: bool,
    /// The whole datagram's header in front of its data: with it, the parts make one packet again.
    pub header: Vec<u8>,
}

/// An IP packet that was read.
#[derive(Clone, Debug)]
pub struct Seen {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub ttl: u8,
    pub protocol: u8,
    pub total_len: usize,
    /// Behind the IP header, extension headers included in that: the transport header and payload, or a fragment's data.
    pub transport: Vec<u8>,
    pub part: Option<Part>,
}

impl Seen {
    /// Reads a packet; what is wrong with its IP header is a finding.
    pub fn read(bytes: &[u8]) -> Self {
        if bytes.first().is_some_and(|first| first >> 4 == 6) { Self::read6(bytes) } else { Self::read4(bytes) }
    }

    fn read4(bytes: &[u8]) -> Self {
        let header = ipv4::Header::parse(bytes).expect("an IPv4 header");
        assert!(header.checksum_is_right(), "the header checksum is right");
        let (header_len, total_len) = (header.header_len(), usize::from(header.total_len()));
        let part = (header.frag_off() != 0 || header.more_fragments()).then(|| {
            let mut whole = bytes[..header_len].to_vec();
            whole[6..8].fill(0);
            Part {
                id: u32::from(header.id()),
                offset: usize::from(header.frag_off()) * 8,
                more: header.more_fragments(),
                header: whole,
            }
        });
        Self {
            src: header.saddr().into(),
            dst: header.daddr().into(),
            ttl: header.ttl(),
            protocol: header.protocol(),
            total_len,
            transport: bytes.get(header_len..total_len.min(bytes.len())).unwrap_or_default().to_vec(),
            part,
        }
    }

    fn read6(bytes: &[u8]) -> Self {
        let header = ipv6::Header::parse(bytes).expect("an IPv6 header");
        let upper = ipv6::upper_layer(bytes).expect("extension headers");
        let total_len = ipv6::HEADER_LEN + usize::from(header.payload_len());
        let fragment = upper.fragment.filter(|fragment| fragment.more || fragment.frag_off != 0);
        let part = fragment.map(|fragment| Part {
            id: fragment.id,
            offset: usize::from(fragment.frag_off) * 8,
            more: fragment.more,
            header: without_fragment_header(&bytes[..fragment.at + 8]),
        });
        let from = fragment.map_or(upper.offset, |fragment| fragment.at + ipv6::FRAGMENT_HEADER_LEN);
        Self {
            src: header.saddr().into(),
            dst: header.daddr().into(),
            ttl: header.hop_limit(),
            protocol: upper.protocol,
            total_len,
            transport: bytes.get(from..total_len.min(bytes.len())).unwrap_or_default().to_vec(),
            part,
        }
    }

    pub fn is_v6(&self) -> bool {
        self.src.is_ipv6()
    }

    pub fn is_query(&self) -> bool {
        let kind = self.transport.first().copied().unwrap_or(0);
        match self.protocol {
            protocol::ICMP if !self.is_v6() => icmpv4::is_query(kind),
            protocol::ICMPV6 if self.is_v6() => icmpv6::is_query(kind),
            _ => false,
        }
    }

    pub fn is_request(&self) -> bool {
        let kind = self.transport.first().copied().unwrap_or(0);
        self.is_query() && if self.is_v6() { icmpv6::is_request(kind) } else { icmpv4::is_request(kind) }
    }

    pub fn is_error(&self) -> bool {
        let kind = self.transport.first().copied().unwrap_or(0);
        match self.protocol {
            protocol::ICMP if !self.is_v6() => icmpv4::is_error(kind),
            protocol::ICMPV6 if self.is_v6() => icmpv6::is_error(kind),
            _ => false,
        }
    }

    fn word(&self, at: usize) -> u16 {
        self.transport.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn sequence(&self) -> u32 {
        u32::from(self.word(4)) << 16 | u32::from(self.word(6))
    }

    pub fn ackseq(&self) -> u32 {
        u32::from(self.word(8)) << 16 | u32::from(self.word(10))
    }

    pub fn tcp_flags(&self) -> u16 {
        self.word(12) & 0x1ff
    }

    pub fn tuple(&self) -> Endpoints {
        let (sport, dport) = match self.protocol {
            protocol::TCP | protocol::UDP => (self.word(0), self.word(2)),
            // The identifier is the port of who asks.
            _ if self.is_request() => (self.word(4), 0),
            _ if self.is_query() => (0, self.word(4)),
            _ => (0, 0),
        };
        Endpoints { src: self.src, dst: self.dst, sport, dport, protocol: self.protocol, zone: 0 }
    }

    fn header_len(&self) -> usize {
        match self.protocol {
            protocol::TCP => usize::from(self.word(12) >> 12) * 4,
            protocol::UDP => 8,
            protocol::ICMP if !self.is_v6() => 8,
            protocol::ICMPV6 if self.is_v6() => 8,
            _ => 0,
        }
    }

    /// Behind the transport header.
    pub fn payload(&self) -> &[u8] {
        self.transport.get(self.header_len()..).unwrap_or_default()
    }

    /// The number that it was sent with.
    pub fn number(&self) -> Option<u16> {
        match self.part {
            Some(_) => None,
            None if self.is_error() => {
                let rest = self.transport.get(4..8)?;
                (rest[..2] == MARK[..2]).then(|| u16::from_be_bytes([rest[2], rest[3]]))
            }
            None => number_of(self.payload()),
        }
    }

    /// Is the transport checksum right, as far as there is one? One that is left out is.
    pub fn check_is_right(&self) -> bool {
        let Some(at) = check_at(self.protocol) else { return true };
        if (self.protocol == protocol::ICMP) == self.is_v6()
            && matches!(self.protocol, protocol::ICMP | protocol::ICMPV6)
        {
            return true;
        }
        if self.protocol == protocol::UDP && self.word(at) == 0 {
            return !self.is_v6();
        }
        pseudo_header(self.src, self.dst, self.protocol, self.transport.len()).bytes(&self.transport).checksum() == 0
    }

    /// The transport header and payload without what a router may change.
    pub fn carried(&self) -> Vec<u8> {
        let mut bytes = self.transport.clone();
        let changeable: &[(usize, usize)] = match self.protocol {
            protocol::TCP => &[(0, 4), (16, 18)],
            protocol::UDP => &[(0, 4), (6, 8)],
            _ if self.is_query() => &[(2, 6)],
            // Its checksum is over the addresses, too.
            protocol::ICMPV6 => &[(2, 4)],
            _ => &[],
        };
        for (from, to) in changeable {
            bytes.get_mut(*from..*to).into_iter().for_each(|range| range.fill(0));
        }
        bytes
    }
}

fn without_fragment_header(bytes: &[u8]) -> Vec<u8> {
    let (header, fragment) = bytes.split_at(bytes.len() - 8);
    let mut header = header.to_vec();
    // Find who names the fragment header, and let it name what the fragment header names.
    let mut at = 6;
    let mut next = ipv6::HEADER_LEN;
    while header[at] != ipv6::extension::FRAGMENT || next < header.len() {
        at = next;
        next += 8 + usize::from(header[at + 1]) * 8;
    }
    header[at] = fragment[0];
    header
}

/// Parts of a datagram put together, as soon as there are all.
pub fn join(parts: &[(Part, Vec<u8>)]) -> Option<Vec<u8>> {
    let end = parts.iter().find(|(part, _)| !part.more).map(|(part, data)| part.offset + data.len())?;
    let mut payload = vec![0; end];
    let mut present = 0;
    for (part, data) in parts {
        payload.get_mut(part.offset..part.offset + data.len())?.copy_from_slice(data);
        present += data.len();
    }
    let first = parts.iter().find(|(part, _)| part.offset == 0)?;
    (present == end).then(|| {
        let mut bytes = first.0.header.clone();
        let len = bytes.len() + payload.len();
        if bytes[0] >> 4 == 4 {
            bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            right_header_check(&mut bytes);
        } else {
            bytes[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
        }
        bytes.extend(payload);
        bytes
    })
}

/// Addresses that mean something to the policies: their own, neighbors, hosts far away, and what is no host's.
pub const ADDRESSES4: [Ipv4Addr; 24] = [
    Ipv4Addr::new(192, 168, 0, 10),
    Ipv4Addr::new(192, 168, 0, 11),
    Ipv4Addr::new(192, 168, 0, 12),
    Ipv4Addr::new(192, 168, 0, 13),
    Ipv4Addr::new(192, 168, 0, 50),
    Ipv4Addr::new(192, 168, 0, 1),
    Ipv4Addr::new(10, 0, 0, 2),
    Ipv4Addr::new(10, 0, 0, 9),
    Ipv4Addr::new(10, 0, 0, 11),
    Ipv4Addr::new(203, 0, 113, 9),
    Ipv4Addr::new(203, 0, 113, 10),
    Ipv4Addr::new(10, 55, 1, 1),
    Ipv4Addr::new(172, 16, 0, 10),
    Ipv4Addr::new(172, 16, 0, 11),
    Ipv4Addr::new(172, 16, 0, 1),
    Ipv4Addr::new(172, 16, 0, 0),
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(10, 0, 0, 77),
    Ipv4Addr::new(10, 0, 0, 255),
    Ipv4Addr::new(255, 255, 255, 255),
    Ipv4Addr::new(224, 0, 0, 251),
    Ipv4Addr::new(127, 0, 0, 1),
    Ipv4Addr::new(0, 0, 0, 0),
    Ipv4Addr::new(169, 254, 1, 1),
];

pub const ADDRESSES6: [Ipv6Addr; 20] = [
    Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x10),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x11),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x50),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 2),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 9),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0x77),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 3, 0, 0, 0, 0x10),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 3, 0, 0, 0, 0x11),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 3, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0x55, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, 0, 9),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe00, 0),
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 2),
    Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0),
    Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1),
];

pub const PORTS: [u16; 16] = [80, 443, 53, 22, 23, 1024, 4000, 4001, 8080, 65_535, 1023, 0, 2222, 40_000, 40_001, 514];

pub const TTLS: [u8; 8] = [64, 64, 64, 2, 1, 0, 255, 128];
