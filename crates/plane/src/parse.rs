//! Frame → [`Packet`]: every field that a rule may ask for, read once into a value.
//!
//! After this, nobody reads the frame until `emit` writes the differences. Every length that a later stage relies on
//! is checked here: the packet fits its frame, the transport header fits the packet.

use crate::DropReason;
use crate::fastpath::Sight;
use wire::ipv4::protocol;
use wire::{Buffer, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// A packet in the hand of the walk. Addresses, ports and TTL are the current ones, after any rewriting so far; the
/// rest is as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    /// The Iface it came in by; `None` for one that the box itself made.
    pub iif: Option<IfaceId>,
    /// The Iface it leaves by, once that is known.
    pub oif: Option<IfaceId>,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub ttl: u8,
    pub protocol: u8,
    /// TOS or traffic class.
    pub tos: u8,
    /// Of IPv4: identification and header checksum; for IPv6 0.
    pub id: u16,
    pub ip_checksum: u16,
    /// It may be cut into fragments on its way: IPv4 without DF, and no NIC is yet to segment it.
    pub is_splittable: bool,
    /// The whole packet in bytes, as its header says; of a datagram in fragments, the datagram; at most 65,575.
    pub total_len: u32,
    /// The largest packet that it will be on a wire: less than `total_len` if a NIC is yet to segment it, or if it
    /// came in fragments.
    pub wire_len: u32,
    /// It is to be cut into fragments of at most so many bytes; 0: it fits as it is.
    pub split_mtu: u16,
    /// Where in the frame the IP header begins, …
    pub l3: u16,
    /// … and the transport header.
    pub l4: u16,
    /// Bytes between the two that belong to a fragment and not to its datagram.
    pub fragment_header_len: u8,
    pub transport: Transport,
    /// The frame was sent to a group MAC address.
    pub to_group: bool,
    /// Endpoints are other than they came.
    pub rewritten: bool,
}

// A larger one would be copied by a call of `memcpy`.
const _: () = assert!(size_of::<Packet>() <= 96);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp(Tcp),
    Udp(Udp),
    /// ICMP in an IPv4 packet, ICMPv6 in an IPv6 packet.
    Icmp(Icmp),
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub sport: u16,
    pub dport: u16,
    pub sequence: u32,
    pub ackseq: u32,
    pub flags: u16,
    pub window: u16,
    /// In bytes.
    pub header_len: u8,
    pub reserved: u8,
    pub checksum: u16,
    pub urgptr: u16,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Udp {
    pub sport: u16,
    pub dport: u16,
    pub length: u16,
    pub checksum: u16,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Icmp {
    pub kind: u8,
    pub code: u8,
    /// The identifier of a query, whatever bytes 4 and 5 are otherwise.
    pub id: u16,
}

impl Packet {
    /// None yet.
    pub const NONE: Self = Self {
        iif: None,
        oif: None,
        src: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        ttl: 0,
        protocol: 0,
        tos: 0,
        id: 0,
        ip_checksum: 0,
        is_splittable: false,
        total_len: 0,
        wire_len: 0,
        split_mtu: 0,
        l3: 0,
        l4: 0,
        fragment_header_len: 0,
        transport: Transport::Other,
        to_group: false,
        rewritten: false,
    };

    #[inline(always)]
    pub fn is_v4(&self) -> bool {
        self.src.is_ipv4()
    }

    /// From the IP header to the transport header, in bytes; a fragment header is not counted.
    pub fn ip_header_len(&self) -> u32 {
        u32::from(self.l4.saturating_sub(self.l3)).saturating_sub(u32::from(self.fragment_header_len))
    }

    /// From the transport header to the end of the packet, in bytes.
    pub fn transport_len(&self) -> u32 {
        self.total_len.saturating_sub(self.ip_header_len())
    }

    /// Source and destination port. The identifier of an ICMP query is the port of who asks, so that two hosts that ask
    /// each other under one identifier are two flows; else zeros.
    pub fn ports(&self) -> (u16, u16) {
        match self.transport {
            Transport::Tcp(tcp) => (tcp.sport, tcp.dport),
            Transport::Udp(udp) => (udp.sport, udp.dport),
            Transport::Icmp(icmp) if self.is_icmp_request() => (icmp.id, 0),
            Transport::Icmp(icmp) if self.is_icmp_query() => (0, icmp.id),
            Transport::Icmp(_) | Transport::Other => (0, 0),
        }
    }

    /// Rewrites the source endpoint; the port (of an ICMP request: its identifier) of a protocol that has one.
    pub fn set_src(&mut self, address: IpAddr, port: u16) {
        self.src = address;
        self.rewritten = true;
        let asks = self.is_icmp_request();
        match &mut self.transport {
            Transport::Tcp(tcp) => tcp.sport = port,
            Transport::Udp(udp) => udp.sport = port,
            Transport::Icmp(icmp) if asks => icmp.id = port,
            Transport::Icmp(_) | Transport::Other => {}
        }
    }

    /// As [`set_src`](Self::set_src), the destination endpoint; its identifier belongs to a reply.
    pub fn set_dst(&mut self, address: IpAddr, port: u16) {
        self.dst = address;
        self.rewritten = true;
        let answers = self.is_icmp_query() && !self.is_icmp_request();
        match &mut self.transport {
            Transport::Tcp(tcp) => tcp.dport = port,
            Transport::Udp(udp) => udp.dport = port,
            Transport::Icmp(icmp) if answers => icmp.id = port,
            Transport::Icmp(_) | Transport::Other => {}
        }
    }

    pub fn has_ports(&self) -> bool {
        matches!(self.transport, Transport::Tcp(_) | Transport::Udp(_))
    }

    pub fn is_icmp_query(&self) -> bool {
        match self.transport {
            Transport::Icmp(icmp) if self.is_v4() => icmpv4::is_query(icmp.kind),
            Transport::Icmp(icmp) => icmpv6::is_query(icmp.kind),
            _ => false,
        }
    }

    /// An ICMP query that asks.
    pub fn is_icmp_request(&self) -> bool {
        match self.transport {
            Transport::Icmp(icmp) if self.is_v4() => icmpv4::is_request(icmp.kind),
            Transport::Icmp(icmp) => icmpv6::is_request(icmp.kind),
            _ => false,
        }
    }

    /// An error that tracking relates to the flow of the packet that it quotes. Of the ICMPv6 types below 128, which are
    /// all errors to those who answer none, these are what RFC 4443 defines; others are tracked by their addresses.
    pub fn is_tracked_error(&self) -> bool {
        match self.transport {
            Transport::Icmp(icmp) if !self.is_v4() => (1..=4).contains(&icmp.kind),
            _ => self.is_icmp_error(),
        }
    }

    /// An ICMP or ICMPv6 message that quotes a packet.
    pub fn is_icmp_error(&self) -> bool {
        match self.transport {
            Transport::Icmp(icmp) if self.is_v4() => icmpv4::is_error(icmp.kind),
            Transport::Icmp(icmp) => icmpv6::is_error(icmp.kind),
            _ => false,
        }
    }
}

/// What a frame carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrived {
    Packet(Packet),
    Fragment(Fragment),
}

/// A part of a datagram (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    /// What its IP header says; the transport header is not read.
    pub packet: Packet,
    pub id: u32,
    /// Where in the datagram's payload its data belongs, in bytes: a multiple of 8, at most 65,528.
    pub offset: u32,
    /// It is not the last.
    pub more: bool,
    /// Where in the frame its data begins.
    pub data_at: u16,
    /// The first fragment, and it holds less than all headers up to the upper layer's.
    pub is_tiny: bool,
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    id: u32,
    offset: u32,
    more: bool,
    data_at: u16,
    is_tiny: bool,
}

impl Fragment {
    pub fn new(packet: Packet, Part { id, offset, more, data_at, is_tiny }: Part) -> Self {
        Self { packet, id, offset, more, data_at, is_tiny }
    }

    /// What it has beside the packet.
    pub fn part(&self) -> Part {
        let Self { id, offset, more, data_at, is_tiny, .. } = *self;
        Part { id, offset, more, data_at, is_tiny }
    }

    /// Bytes of the datagram's payload that it carries.
    pub fn data_len(&self) -> u32 {
        (u32::from(self.packet.l3) + self.packet.total_len).saturating_sub(u32::from(self.data_at))
    }

    /// The datagram's length, its header like this fragment's, if `payload_len` bytes follow it.
    pub fn datagram_len(&self, payload_len: u32) -> u32 {
        let headers = u32::from(self.data_at).saturating_sub(u32::from(self.packet.l3));
        headers.saturating_sub(u32::from(self.packet.fragment_header_len)) + payload_len
    }
}

/// What is behind a link header of ethertype IPv4 or IPv6: the bytes of `frame` from `l3` on.
///
/// Cuts off the frame's padding. Verifies the IPv4 header checksum, no transport checksum.
pub(crate) fn arrived<B: Buffer>(
    frame: &mut B,
    l3: usize,
    v6: bool,
    iif: Option<IfaceId>,
) -> Result<Arrived, DropReason> {
    let (mut packet, part) = if v6 { ipv6_packet(frame, l3, iif) } else { ipv4_packet(frame, l3, iif) }?;
    frame.truncate(l3 + packet.total_len as usize);
    let bytes = frame.head().get(usize::from(packet.l4)..).unwrap_or(&[]);
    let Some(part) = part else {
        packet.transport = transport(bytes, packet.transport_len() as usize, packet.protocol, v6)?;
        packet.wire_len = wire_len(frame, &packet);
        return Ok(Arrived::Packet(packet));
    };
    let is_tiny = part.offset == 0 && bytes.len() < least_transport_header(bytes, packet.protocol, v6);
    Ok(Arrived::Fragment(Fragment::new(packet, Part { is_tiny, ..part })))
}

/// Makes of [`Packet::NONE`] the packet of a sight: what [`arrived`] says of the same frame. In its place, since it is
/// large.
#[inline(always)]
pub(crate) fn sighted<B: Buffer>(packet: &mut Packet, frame: &mut B, sight: &Sight) {
    let (l3, l4) = (usize::from(sight.l3), usize::from(sight.l4));
    frame.truncate(l3 + sight.total_len as usize);
    let segmentation = frame.offload().segmentation;
    let head = frame.head();
    packet.iif = Some(sight.iif);
    packet.protocol = sight.sought.key.protocol();
    packet.total_len = sight.total_len;
    packet.wire_len = segmentation.map_or(sight.total_len, |segmentation| sight.wire_len(head, segmentation.size));
    (packet.l3, packet.l4) = (sight.l3, sight.l4);
    (packet.src, packet.dst) = sight.sought.key.addresses();
    // A sight has seen all of these bytes.
    if sight.is_v4() {
        if let Some(header) = head.get(l3..).and_then(|bytes| bytes.first_chunk::<{ ipv4::MIN_HEADER_LEN }>()) {
            let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
            (packet.tos, packet.ttl) = (header[1], header[ipv4::field::TTL]);
            (packet.id, packet.ip_checksum) = (word(ipv4::field::ID), word(ipv4::field::CHECKSUM));
            packet.is_splittable = header[ipv4::field::FRAGMENT] & 0x40 == 0 && segmentation.is_none();
        }
    } else if let Some(header) = head.get(l3..).and_then(|bytes| bytes.first_chunk::<8>()) {
        (packet.tos, packet.ttl) = (header[0] << 4 | header[1] >> 4, header[ipv6::field::HOP_LIMIT]);
    }
    let bytes = head.get(l4..).unwrap_or(&[]);
    packet.transport = match bytes.first_chunk::<{ udp::HEADER_LEN }>() {
        Some(&[.., l0, l1, c0, c1]) if !sight.is_tcp() => Transport::Udp(Udp {
            sport: sight.sought.key.sport(),
            dport: sight.sought.key.dport(),
            length: u16::from_be_bytes([l0, l1]),
            checksum: u16::from_be_bytes([c0, c1]),
        }),
        _ => transport(bytes, sight.transport_len(), packet.protocol, !sight.is_v4()).unwrap_or(Transport::Other),
    };
}

/// As [`arrived`], where only a whole packet will do.
pub(crate) fn packet<B: Buffer>(
    frame: &mut B,
    l3: usize,
    v6: bool,
    iif: Option<IfaceId>,
) -> Result<Packet, DropReason> {
    match arrived(frame, l3, v6, iif)? {
        Arrived::Packet(packet) => Ok(packet),
        Arrived::Fragment(_) => Err(DropReason::Fragment),
    }
}

/// No datagram has more bytes behind its IP header.
pub(crate) const MAX_PAYLOAD_LEN: u32 = 65_535;

/// The datagram of `payload_len` bytes behind the IP header whose first fragment this is, as one packet.
pub(crate) fn datagram<B: Buffer>(first: &Fragment, payload_len: u32, frame: &B) -> Result<Packet, DropReason> {
    let mut packet = first.packet;
    packet.total_len = first.datagram_len(payload_len);
    let bytes = frame.head().get(usize::from(packet.l4)..).unwrap_or(&[]);
    packet.transport = transport(bytes, packet.transport_len() as usize, packet.protocol, !packet.is_v4())?;
    Ok(packet)
}

fn ipv4_packet<B: Buffer>(frame: &B, l3: usize, iif: Option<IfaceId>) -> Result<(Packet, Option<Part>), DropReason> {
    let bytes = frame.head().get(l3..).unwrap_or(&[]);
    let header = ipv4::Header::parse(bytes).map_err(|_| DropReason::BadHeader)?;
    let total_len = usize::from(header.total_len());
    if l3 + total_len > frame.len() {
        return Err(DropReason::Truncated);
    }
    if !header.checksum_is_right() {
        return Err(DropReason::BadHeaderChecksum);
    }
    if !header.options().is_empty() && !ipv4::options_may_pass(header.options()) {
        return Err(DropReason::IpOptions);
    }
    let l4 = (l3 + header.header_len()) as u16;
    let part = (header.frag_off() != 0 || header.more_fragments()).then(|| Part {
        id: u32::from(header.id()),
        offset: u32::from(header.frag_off()) * 8,
        more: header.more_fragments(),
        data_at: l4,
        is_tiny: false,
    });
    let packet = Packet {
        iif,
        oif: None,
        src: header.saddr().into(),
        dst: header.daddr().into(),
        ttl: header.ttl(),
        protocol: header.protocol(),
        tos: header.tos(),
        id: header.id(),
        ip_checksum: header.checksum(),
        is_splittable: !header.dont_fragment() && frame.offload().segmentation.is_none(),
        total_len: total_len as u32,
        wire_len: total_len as u32,
        split_mtu: 0,
        l3: l3 as u16,
        l4,
        fragment_header_len: 0,
        transport: Transport::Other,
        to_group: false,
        rewritten: false,
    };
    Ok((packet, part))
}

fn ipv6_packet<B: Buffer>(frame: &B, l3: usize, iif: Option<IfaceId>) -> Result<(Packet, Option<Part>), DropReason> {
    let bytes = frame.head().get(l3..).unwrap_or(&[]);
    let header = ipv6::Header::parse(bytes).map_err(|_| DropReason::BadHeader)?;
    let total_len = ipv6::HEADER_LEN + usize::from(header.payload_len());
    if l3 + total_len > frame.len() {
        return Err(DropReason::Truncated);
    }
    // Extension headers may neither leave the packet nor the bytes at hand.
    let at_hand = bytes.get(..total_len.min(bytes.len())).unwrap_or(bytes);
    let upper = ipv6::upper_layer(at_hand).map_err(|error| match error {
        ipv6::ExtensionError::NestedFragment => DropReason::NestedFragment,
        ipv6::ExtensionError::FirstFragment => DropReason::TinyFragment,
        _ => DropReason::ExtensionHeaders,
    })?;
    // An atomic fragment is no fragment (RFC 6946).
    let fragment = upper.fragment.filter(|fragment| fragment.more || fragment.frag_off != 0);
    let part = fragment.map(|fragment| Part {
        id: fragment.id,
        offset: u32::from(fragment.frag_off) * 8,
        more: fragment.more,
        data_at: (l3 + fragment.at + ipv6::FRAGMENT_HEADER_LEN) as u16,
        is_tiny: false,
    });
    let packet = Packet {
        iif,
        oif: None,
        src: header.saddr().into(),
        dst: header.daddr().into(),
        ttl: header.hop_limit(),
        protocol: upper.protocol,
        tos: header.traffic_class(),
        id: 0,
        ip_checksum: 0,
        is_splittable: false,
        total_len: total_len as u32,
        wire_len: total_len as u32,
        split_mtu: 0,
        l3: l3 as u16,
        l4: (l3 + upper.offset) as u16,
        fragment_header_len: if part.is_some() { ipv6::FRAGMENT_HEADER_LEN as u8 } else { 0 },
        transport: Transport::Other,
        to_group: false,
        rewritten: false,
    };
    Ok((packet, part))
}

fn wire_len<B: Buffer>(frame: &B, packet: &Packet) -> u32 {
    let transport_header_len = match packet.transport {
        Transport::Tcp(tcp) => usize::from(tcp.header_len),
        Transport::Udp(_) => udp::HEADER_LEN,
        Transport::Icmp(_) | Transport::Other => 0,
    };
    match frame.offload().segmentation {
        Some(segmentation) => {
            let headers = packet.ip_header_len() + transport_header_len as u32;
            (headers + u32::from(segmentation.size)).min(packet.total_len)
        }
        None => packet.total_len,
    }
}

/// Bytes that a first fragment must have from the transport header on (RFC 1858 §4, RFC 7112 §5). `bytes` begins with
/// that header.
fn least_transport_header(bytes: &[u8], protocol: u8, v6: bool) -> usize {
    match protocol {
        protocol::TCP => bytes.get(12).map_or(0, |word| usize::from(word >> 4) * 4).max(tcp::MIN_HEADER_LEN),
        protocol::UDP => udp::HEADER_LEN,
        protocol::ICMP if !v6 => icmpv4::HEADER_LEN,
        protocol::ICMPV6 if v6 => icmpv4::HEADER_LEN,
        _ => 0,
    }
}

/// `bytes` begins with the transport header; `len` bytes of it are the packet's.
pub(crate) fn transport(bytes: &[u8], len: usize, protocol: u8, v6: bool) -> Result<Transport, DropReason> {
    let bytes = bytes.get(..len.min(bytes.len())).unwrap_or(bytes);
    match protocol {
        protocol::TCP => {
            let header = tcp::Header::parse(bytes).map_err(|_| DropReason::BadTransport)?;
            if header.header_len() > len {
                return Err(DropReason::BadTransport);
            }
            Ok(Transport::Tcp(Tcp {
                sport: header.sport(),
                dport: header.dport(),
                sequence: header.sequence(),
                ackseq: header.ackseq(),
                flags: header.flags(),
                window: header.window(),
                header_len: header.header_len() as u8,
                reserved: header.reserved(),
                checksum: header.checksum(),
                urgptr: header.urgptr(),
            }))
        }
        protocol::UDP => {
            let header = udp::Header::parse(bytes).map_err(|_| DropReason::BadTransport)?;
            if usize::from(header.length()) < udp::HEADER_LEN || usize::from(header.length()) > len {
                return Err(DropReason::BadTransport);
            }
            let (sport, dport) = (header.sport(), header.dport());
            Ok(Transport::Udp(Udp { sport, dport, length: header.length(), checksum: header.checksum() }))
        }
        protocol::ICMP if !v6 => icmp(bytes),
        protocol::ICMPV6 if v6 => icmp(bytes),
        _ => Ok(Transport::Other),
    }
}

fn icmp(bytes: &[u8]) -> Result<Transport, DropReason> {
    match *bytes {
        [kind, code, _, _, a, b, _, _, ..] => Ok(Transport::Icmp(Icmp { kind, code, id: u16::from_be_bytes([a, b]) })),
        _ => Err(DropReason::BadTransport),
    }
}

/// The packet that an ICMP error quotes, as far as tracking needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    pub sport: u16,
    pub dport: u16,
}

/// Reads the quoted packet, which may be cut off behind the first 8 bytes of its transport header (RFC 792). `None`
/// for what tracking can know nothing of: another family, a later fragment, a quoted error, too few bytes.
pub(crate) fn quote(bytes: &[u8], v6: bool) -> Option<Quote> {
    let (src, dst, protocol, offset): (IpAddr, IpAddr, u8, usize) = if v6 {
        let header = ipv6::Header::parse(bytes).ok()?;
        let upper = ipv6::upper_layer(bytes).ok()?;
        if upper.fragment.is_some_and(|fragment| fragment.frag_off != 0) {
            return None;
        }
        (header.saddr().into(), header.daddr().into(), upper.protocol, upper.offset)
    } else {
        let header = ipv4::Header::parse(bytes).ok()?;
        if header.frag_off() != 0 {
            return None;
        }
        (header.saddr().into(), header.daddr().into(), header.protocol(), header.header_len())
    };
    let transport = bytes.get(offset..).unwrap_or(&[]);
    let (sport, dport) = match protocol {
        protocol::TCP | protocol::UDP => match *transport {
            [a, b, c, d, ..] => (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
            _ => return None,
        },
        protocol::ICMP | protocol::ICMPV6 if (protocol == protocol::ICMPV6) == v6 => match *transport {
            [kind, _, _, _, a, b, ..] => {
                let (query, request, error) = match v6 {
                    true => (icmpv6::is_query(kind), icmpv6::is_request(kind), icmpv6::is_error(kind)),
                    false => (icmpv4::is_query(kind), icmpv4::is_request(kind), icmpv4::is_error(kind)),
                };
                let id = u16::from_be_bytes([a, b]);
                match (query, request) {
                    _ if error => return None,
                    (true, true) => (id, 0),
                    (true, false) => (0, id),
                    (false, _) => (0, 0),
                }
            }
            _ => return None,
        },
        _ => (0, 0),
    };
    Some(Quote { src, dst, protocol, sport, dport })
}

/// An address that a host may have: neither unspecified nor multicast nor broadcast.
pub(crate) fn is_host_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address != Ipv4Addr::UNSPECIFIED && address != Ipv4Addr::BROADCAST && !address.is_multicast()
        }
        IpAddr::V6(address) => address != Ipv6Addr::UNSPECIFIED && !address.is_multicast(),
    }
}
