//! Frame → [`Packet`]: every field that a rule may ask for, read once into a value.
//!
//! After this, nobody reads the frame until `emit` writes the differences. Every length that a later stage relies on
//! is checked here: the packet fits its frame, the transport header fits the packet.

use crate::DropReason;
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
    /// The whole packet in bytes, as its header says; at most 65,575.
    pub total_len: u32,
    /// The largest packet that it will be on a wire: less than `total_len` if a NIC is yet to segment it.
    pub wire_len: u32,
    /// Where in the frame the IP header begins, …
    pub l3: u16,
    /// … and the transport header.
    pub l4: u16,
    pub transport: Transport,
    /// The frame was sent to a group MAC address.
    pub to_group: bool,
}

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
    pub fn is_v4(&self) -> bool {
        self.src.is_ipv4()
    }

    /// From the IP header to the transport header, in bytes.
    pub fn ip_header_len(&self) -> u32 {
        u32::from(self.l4.saturating_sub(self.l3))
    }

    /// From the transport header to the end of the packet, in bytes.
    pub fn transport_len(&self) -> u32 {
        self.total_len.saturating_sub(self.ip_header_len())
    }

    /// Source and destination port; of an ICMP query its identifier twice; else zeros.
    pub fn ports(&self) -> (u16, u16) {
        match self.transport {
            Transport::Tcp(tcp) => (tcp.sport, tcp.dport),
            Transport::Udp(udp) => (udp.sport, udp.dport),
            Transport::Icmp(icmp) if self.is_icmp_query() => (icmp.id, icmp.id),
            Transport::Icmp(_) | Transport::Other => (0, 0),
        }
    }

    pub fn is_icmp_query(&self) -> bool {
        match self.transport {
            Transport::Icmp(icmp) if self.is_v4() => icmpv4::is_query(icmp.kind),
            Transport::Icmp(icmp) => icmpv6::is_query(icmp.kind),
            _ => false,
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

/// What is behind a link header of ethertype IPv4 or IPv6: the bytes of `frame` from `l3` on.
///
/// Cuts off the frame's padding. Verifies the IPv4 header checksum, no transport checksum.
pub(crate) fn packet<B: Buffer>(
    frame: &mut B,
    l3: usize,
    v6: bool,
    iif: Option<IfaceId>,
) -> Result<Packet, DropReason> {
    let packet = if v6 { ipv6_packet(frame, l3, iif) } else { ipv4_packet(frame, l3, iif) }?;
    frame.truncate(l3 + packet.total_len as usize);
    Ok(packet)
}

fn ipv4_packet<B: Buffer>(frame: &B, l3: usize, iif: Option<IfaceId>) -> Result<Packet, DropReason> {
    let bytes = frame.head().get(l3..).unwrap_or(&[]);
    let header = ipv4::Header::parse(bytes).map_err(|_| DropReason::BadHeader)?;
    let total_len = usize::from(header.total_len());
    if l3 + total_len > frame.len() {
        return Err(DropReason::Truncated);
    }
    if !header.checksum_is_right() {
        return Err(DropReason::BadHeaderChecksum);
    }
    if header.frag_off() != 0 || header.more_fragments() {
        return Err(DropReason::Fragment);
    }
    let l4 = l3 + header.header_len();
    let transport_len = total_len - header.header_len();
    let transport =
        transport(bytes.get(header.header_len()..).unwrap_or(&[]), transport_len, header.protocol(), false)?;
    Ok(Packet {
        iif,
        oif: None,
        src: header.saddr().into(),
        dst: header.daddr().into(),
        ttl: header.ttl(),
        protocol: header.protocol(),
        tos: header.tos(),
        id: header.id(),
        ip_checksum: header.checksum(),
        total_len: total_len as u32,
        wire_len: wire_len(frame, total_len, header.header_len(), &transport),
        l3: l3 as u16,
        l4: l4 as u16,
        transport,
        to_group: false,
    })
}

fn ipv6_packet<B: Buffer>(frame: &B, l3: usize, iif: Option<IfaceId>) -> Result<Packet, DropReason> {
    let bytes = frame.head().get(l3..).unwrap_or(&[]);
    let header = ipv6::Header::parse(bytes).map_err(|_| DropReason::BadHeader)?;
    let total_len = ipv6::HEADER_LEN + usize::from(header.payload_len());
    if l3 + total_len > frame.len() {
        return Err(DropReason::Truncated);
    }
    // Extension headers may neither leave the packet nor the bytes at hand.
    let at_hand = bytes.get(..total_len.min(bytes.len())).unwrap_or(bytes);
    let upper = ipv6::upper_layer(at_hand).map_err(|_| DropReason::ExtensionHeaders)?;
    // An atomic fragment is no fragment (RFC 6946).
    if upper.fragment.is_some_and(|fragment| fragment.more || fragment.frag_off != 0) {
        return Err(DropReason::Fragment);
    }
    let transport_len = total_len - upper.offset;
    let transport = transport(at_hand.get(upper.offset..).unwrap_or(&[]), transport_len, upper.protocol, true)?;
    Ok(Packet {
        iif,
        oif: None,
        src: header.saddr().into(),
        dst: header.daddr().into(),
        ttl: header.hop_limit(),
        protocol: upper.protocol,
        tos: header.traffic_class(),
        id: 0,
        ip_checksum: 0,
        total_len: total_len as u32,
        wire_len: wire_len(frame, total_len, upper.offset, &transport),
        l3: l3 as u16,
        l4: (l3 + upper.offset) as u16,
        transport,
        to_group: false,
    })
}

fn wire_len<B: Buffer>(frame: &B, total_len: usize, ip_header_len: usize, transport: &Transport) -> u32 {
    let transport_header_len = match transport {
        Transport::Tcp(tcp) => usize::from(tcp.header_len),
        Transport::Udp(_) => udp::HEADER_LEN,
        Transport::Icmp(_) | Transport::Other => 0,
    };
    match frame.offload().segmentation {
        Some(segmentation) => {
            (ip_header_len + transport_header_len + usize::from(segmentation.size)).min(total_len) as u32
        }
        None => total_len as u32,
    }
}

/// `bytes` begins with the transport header; `len` bytes of it are the packet's.
fn transport(bytes: &[u8], len: usize, protocol: u8, v6: bool) -> Result<Transport, DropReason> {
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
#[derive(Clone, Copy, Debug)]
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
                let (query, error) = match v6 {
                    true => (icmpv6::is_query(kind), icmpv6::is_error(kind)),
                    false => (icmpv4::is_query(kind), icmpv4::is_error(kind)),
                };
                let id = if query { u16::from_be_bytes([a, b]) } else { 0 };
                if error {
                    return None;
                }
                (id, id)
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
