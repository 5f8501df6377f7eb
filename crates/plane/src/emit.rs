//! Decided values → bytes, once: what changed between the packet as it came and as it leaves.

use crate::conntrack::Confirmed;
use crate::iface::Iface;
use crate::parse::{Packet, Quote, Transport};
use wire::checksum::{Delta, Sum};
use wire::ethernet::{Header, ethertype};
use wire::ipv4::protocol;
use wire::{Buffer, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// Writes TTL, addresses, ports and ICMP identifier where they differ, and adjusts the checksums over them (RFC 1624).
///
/// A transport checksum that was wrong stays wrong; a UDP checksum of 0 over IPv4 stays 0 (RFC 768); a partial
/// checksum, which holds the pseudo-header sum alone, is changed by the addresses only.
#[inline(always)]
pub(crate) fn headers<B: Buffer>(frame: &mut B, confirmed: Confirmed<'_>) {
    let packet = confirmed.packet();
    if packet.rewritten || confirmed.is_translated() {
        let partial = frame.offload().partial.is_some();
        rewritten(frame.head_mut(), packet, confirmed.quoted(), partial);
    } else {
        hop(frame.head_mut(), usize::from(packet.l3), packet);
    }
}

/// `quoted`: what the endpoints of the packet that an ICMP error quotes become. `partial`: the transport checksum is that
/// of the pseudo-header.
#[inline(never)]
fn rewritten(head: &mut [u8], packet: &Packet, quoted: Option<Quote>, partial: bool) {
    let (l3, l4) = (usize::from(packet.l3), usize::from(packet.l4));
    let addresses = match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => ipv4_header(head, l3, packet.ttl, src, dst),
        (IpAddr::V6(src), IpAddr::V6(dst)) => ipv6_header(head, l3, packet.ttl, src, dst),
        _ => Delta::NONE,
    };
    let v4 = packet.is_v4();
    let quoted = quoted.map_or(Delta::NONE, |quote| quoted_packet(head, l4 + ICMP_HEADER_LEN, &quote));
    match packet.transport {
        Transport::Tcp(segment) => {
            let ports = ports(head, l4, segment.sport, segment.dport);
            transport_checksum(head, l4 + tcp::field::CHECKSUM, partial, addresses, addresses.and(ports), false);
        }
        Transport::Udp(datagram) => {
            let ports = ports(head, l4, datagram.sport, datagram.dport);
            transport_checksum(head, l4 + udp::field::CHECKSUM, partial, addresses, addresses.and(ports), true);
        }
        Transport::Icmp(message) => {
            // Only ICMPv6 sums a pseudo-header.
            let addresses = if v4 { Delta::NONE } else { addresses };
            let id = if packet.is_icmp_query() { word(head, l4 + 4, message.id) } else { Change::NONE };
            adjust(head, l4 + 2, partial, addresses, id.then(Change(quoted)), false);
        }
        Transport::Other => {}
    }
}

/// Writes the TTL alone.
#[inline(always)]
fn hop(head: &mut [u8], l3: usize, packet: &Packet) {
    let Some(bytes) = head.get_mut(l3..) else { return };
    if packet.is_v4() {
        let Some(header) = bytes.first_chunk_mut::<{ ipv4::MIN_HEADER_LEN }>() else { return };
        let word = |header: &[u8; ipv4::MIN_HEADER_LEN], at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let old = word(header, ipv4::field::TTL);
        header[ipv4::field::TTL] = packet.ttl;
        let delta = match (old >> 8) as u8 {
            // What is forwarded has one hop less, and that is always the same change.
            ttl if ttl == packet.ttl.wrapping_add(1) => Delta::HOP,
            _ => Delta::NONE.word(old, word(header, ipv4::field::TTL)),
        };
        let check = delta.apply(word(header, ipv4::field::CHECKSUM));
        header[ipv4::field::CHECKSUM..ipv4::field::SADDR].copy_from_slice(&check.to_be_bytes());
    } else if let Some(hop_limit) = bytes.get_mut(ipv6::field::HOP_LIMIT) {
        *hop_limit = packet.ttl;
    }
}

/// Writes what the fragments of a datagram have in common with it: addresses, and a new IPv4 identification where its
/// source was translated; its own TTL.
pub(crate) fn fragment<B: Buffer>(frame: &mut B, l3: usize, packet: &Packet, ttl: u8, id: Option<u16>) {
    let head = frame.head_mut();
    match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            ipv4_header(head, l3, ttl, src, dst);
            if let Some(id) = id {
                let changed = word(head, l3 + ipv4::field::ID, id);
                adjust(head, l3 + ipv4::field::CHECKSUM, false, Delta::NONE, changed, false);
            }
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ipv6_header(head, l3, ttl, src, dst);
        }
        _ => {}
    }
}

/// Writes a new identification into the fragment header of IPv6 that ends at `data_at`.
pub(crate) fn fragment_id6<B: Buffer>(frame: &mut B, data_at: usize, id: u32) {
    if let Some(place) = frame.head_mut().get_mut(data_at.saturating_sub(4)..data_at) {
        place.copy_from_slice(&id.to_be_bytes());
    }
}

/// Writes the type of the ICMP message at `l4`, and adjusts its checksum.
pub(crate) fn icmp_kind<B: Buffer>(frame: &mut B, l4: usize, kind: u8) {
    let head = frame.head_mut();
    let Some(&code) = head.get(l4 + 1) else { return };
    let changed = word(head, l4, u16::from_be_bytes([kind, code]));
    adjust(head, l4 + 2, false, Delta::NONE, changed, false);
}

/// Computes the checksum that a NIC would have, for a frame that will not stay as it is.
pub(crate) fn complete_checksum<B: Buffer>(frame: &mut B) {
    let offload = frame.offload();
    let Some(partial) = offload.partial else { return };
    let start = usize::from(partial.start);
    let sum = sum_range(frame, start, frame.len().saturating_sub(start), Sum::ZERO).checksum();
    // A UDP checksum that comes out as 0 is sent as its other form (RFC 768); to the others both are equal.
    let sum = if sum == 0 { 0xffff } else { sum };
    let at = start + usize::from(partial.offset);
    if let Some(place) = frame.head_mut().get_mut(at..at + 2) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    frame.set_offload(wire::Offload { partial: None, ..offload });
}

/// Up to two 16-bit words that changed.
#[derive(Clone, Copy)]
struct Change(Delta);

impl Change {
    const NONE: Self = Self(Delta::NONE);

    fn then(self, next: Self) -> Self {
        Self(self.0.and(next.0))
    }
}

fn word(head: &mut [u8], at: usize, new: u16) -> Change {
    match head.get_mut(at..at + 2) {
        Some(place) => {
            let old = u16::from_be_bytes([place[0], place[1]]);
            place.copy_from_slice(&new.to_be_bytes());
            Change(Delta::NONE.word(old, new))
        }
        None => Change::NONE,
    }
}

/// Writes the ports at `l4`, where TCP and UDP have them, and returns what that changes.
#[inline(always)]
fn ports(head: &mut [u8], l4: usize, sport: u16, dport: u16) -> Delta {
    const _: () = assert!(tcp::field::SPORT == 0 && tcp::field::DPORT == 2);
    const _: () = assert!(udp::field::SPORT == 0 && udp::field::DPORT == 2);
    let Some(place) = head.get_mut(l4..).and_then(|rest| rest.first_chunk_mut::<4>()) else { return Delta::NONE };
    let new = u32::from(sport) << 16 | u32::from(dport);
    let old = u32::from_be_bytes(core::mem::replace(place, new.to_be_bytes()));
    Delta::NONE.words(old.into(), new.into())
}

fn adjust(head: &mut [u8], at: usize, partial: bool, addresses: Delta, rest: Change, udp: bool) {
    transport_checksum(head, at, partial, addresses, addresses.and(rest.0), udp);
}

/// Adjusts the checksum at `at` for a change of `addresses`, or, where that of the pseudo-header is not the only one,
/// for `all` that has changed.
#[inline(always)]
pub(crate) fn transport_checksum(head: &mut [u8], at: usize, partial: bool, addresses: Delta, all: Delta, udp: bool) {
    let Some(place) = head.get_mut(at..at + 2) else { return };
    let old = u16::from_be_bytes([place[0], place[1]]);
    let new = if partial {
        addresses.apply_partial(old)
    } else if udp && old == 0 {
        0
    } else {
        match all.apply(old) {
            0 if udp => 0xffff,
            new => new,
        }
    };
    place.copy_from_slice(&new.to_be_bytes());
}

#[inline(always)]
fn ipv4_header(head: &mut [u8], l3: usize, ttl: u8, src: Ipv4Addr, dst: Ipv4Addr) -> Delta {
    let Some(header) = head.get_mut(l3..).and_then(|rest| rest.first_chunk_mut::<{ ipv4::MIN_HEADER_LEN }>()) else {
        return Delta::NONE;
    };
    let old_ttl = u16::from_be_bytes([header[ipv4::field::TTL], header[ipv4::field::TTL + 1]]);
    header[ipv4::field::TTL] = ttl;
    let new_ttl = u16::from_be_bytes([ttl, header[ipv4::field::TTL + 1]]);
    let new = u64::from(src.to_bits()) << 32 | u64::from(dst.to_bits());
    let addresses = header.last_chunk_mut::<8>().map_or(Delta::NONE, |place| {
        let old = u64::from_be_bytes(core::mem::replace(place, new.to_be_bytes()));
        Delta::NONE.words(old, new)
    });
    let old = u16::from_be_bytes([header[ipv4::field::CHECKSUM], header[ipv4::field::CHECKSUM + 1]]);
    let new = addresses.word(old_ttl, new_ttl).apply(old);
    header[ipv4::field::CHECKSUM..ipv4::field::SADDR].copy_from_slice(&new.to_be_bytes());
    addresses
}

fn ipv6_header(head: &mut [u8], l3: usize, hop_limit: u8, src: Ipv6Addr, dst: Ipv6Addr) -> Delta {
    let Some(header) = head.get_mut(l3..).and_then(|rest| rest.first_chunk_mut::<{ ipv6::HEADER_LEN }>()) else {
        return Delta::NONE;
    };
    header[ipv6::field::HOP_LIMIT] = hop_limit;
    let address = |at: usize| {
        let octets = header.get(at..).and_then(|rest| rest.first_chunk::<16>());
        octets.map_or(Ipv6Addr::UNSPECIFIED, |octets| Ipv6Addr::from_octets(*octets))
    };
    let (old_src, old_dst) = (address(ipv6::field::SADDR), address(ipv6::field::DADDR));
    if (old_src, old_dst) == (src, dst) {
        return Delta::NONE;
    }
    header[ipv6::field::SADDR..ipv6::field::DADDR].copy_from_slice(&src.octets());
    header[ipv6::field::DADDR..].copy_from_slice(&dst.octets());
    Delta::NONE.addr6(old_src, src).addr6(old_dst, dst)
}

/// Gives the packet that an ICMP error quotes at `at` other endpoints (RFC 5508 REQ-4), its own checksums adjusted as
/// far as they are quoted, and returns what that changes in the checksum over the whole message.
fn quoted_packet(head: &mut [u8], at: usize, quote: &Quote) -> Delta {
    const REACH: usize = 192;
    let end = head.len().min(at + REACH);
    let mut before = [0; REACH];
    let (Some(bytes), Some(copy)) = (head.get_mut(at..end), before.get_mut(..end.saturating_sub(at))) else {
        return Delta::NONE;
    };
    copy.copy_from_slice(bytes);
    let (addresses, offset) = match (quote.src, quote.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let Ok(header) = ipv4::Header::parse(copy) else { return Delta::NONE };
            (ipv4_header(bytes, 0, header.ttl(), src, dst), header.header_len())
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let (Ok(header), Ok(upper)) = (ipv6::Header::parse(copy), ipv6::upper_layer(copy)) else {
                return Delta::NONE;
            };
            (ipv6_header(bytes, 0, header.hop_limit(), src, dst), upper.offset)
        }
        _ => return Delta::NONE,
    };
    match quote.protocol {
        protocol::TCP | protocol::UDP => {
            let ports = word(bytes, offset, quote.sport).then(word(bytes, offset + 2, quote.dport));
            let udp = quote.protocol == protocol::UDP;
            let check = if udp { udp::field::CHECKSUM } else { tcp::field::CHECKSUM };
            adjust(bytes, offset + check, false, addresses, ports, udp);
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let (v4, kind) = (quote.protocol == protocol::ICMP, bytes.get(offset).copied().unwrap_or(0));
            let (query, asks) = match v4 {
                true => (icmpv4::is_query(kind), icmpv4::is_request(kind)),
                false => (icmpv6::is_query(kind), icmpv6::is_request(kind)),
            };
            let addresses = if v4 { Delta::NONE } else { addresses };
            let id = match query {
                true => word(bytes, offset + 4, if asks { quote.sport } else { quote.dport }),
                false => Change::NONE,
            };
            adjust(bytes, offset + 2, false, addresses, id, false);
        }
        _ => {}
    }
    let words = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)]);
    (0..bytes.len()).step_by(2).fold(Delta::NONE, |delta, at| delta.word(words(copy, at), words(bytes, at)))
}

/// Puts the link header of an Iface before the packet that begins at `l3`: the frame grows or shrinks by a VLAN tag.
/// False, and the frame is unfit to be sent, where its memory has no room.
#[inline]
pub(crate) fn link<B: Buffer>(frame: &mut B, l3: usize, iface: &Iface, dst: MacAddr, v4: bool) -> bool {
    let fits = fit_link_header(frame, l3, Header::len_for(iface.vid));
    if fits {
        let ethertype = if v4 { ethertype::IPV4 } else { ethertype::IPV6 };
        Header::emit(frame.head_mut(), dst, iface.link.mac, iface.vid, ethertype);
    }
    fits
}

/// The link header of the virtual link to the box's own stack, which has no VLANs.
pub(crate) fn stack_link<B: Buffer>(frame: &mut B, l3: usize, stack: MacAddr, far_end: MacAddr, v4: bool) -> bool {
    let ethertype = if v4 { ethertype::IPV4 } else { ethertype::IPV6 };
    fit_link_header(frame, l3, Header::len_for(None)) && {
        Header::emit(frame.head_mut(), stack, far_end, None, ethertype);
        true
    }
}

/// Makes the packet that begins at `l3` begin at `wanted`; false where the frame's memory has no room.
#[inline]
pub(crate) fn fit_link_header<B: Buffer>(frame: &mut B, l3: usize, wanted: usize) -> bool {
    if l3 == wanted {
        true
    } else if l3 > wanted {
        frame.trim_front(l3 - wanted)
    } else {
        frame.grow_front(wanted - l3)
    }
}

/// Is the transport checksum right, as far as there is one? Reads the whole packet; for packets that end at the box
/// and for ICMP errors, which are believed.
pub(crate) fn transport_checksum_is_right<B: Buffer>(frame: &B, packet: &Packet) -> bool {
    let offload = frame.offload();
    if offload.verified || offload.partial.is_some() {
        return true;
    }
    let pseudo = || Sum::pseudo_header(packet.src, packet.dst, packet.protocol, packet.transport_len());
    let sum = match packet.transport {
        Transport::Udp(datagram) if datagram.checksum == 0 => return packet.is_v4(),
        Transport::Tcp(_) | Transport::Udp(_) => pseudo(),
        Transport::Icmp(_) if packet.protocol == protocol::ICMPV6 => pseudo(),
        Transport::Icmp(_) => Sum::ZERO,
        Transport::Other => return true,
    };
    // A UDP length field shorter than the packet's payload covers less than the IP payload.
    let len = match packet.transport {
        Transport::Udp(datagram) => u32::from(datagram.length),
        _ => packet.transport_len(),
    };
    sum_range(frame, usize::from(packet.l4), len as usize, sum).checksum() == 0
}

/// Adds `len` bytes of the frame from `start` on, tail included.
pub(crate) fn sum_range<B: Buffer>(frame: &B, start: usize, len: usize, mut sum: Sum) -> Sum {
    if let Some(bytes) = frame.head().get(start..start + len) {
        return sum.bytes(bytes);
    }
    let mut chunk = [0; 256];
    let (mut at, end) = (start, start + len);
    while at < end {
        let wanted = chunk.len().min(end - at);
        let got = frame.copy_out(at, chunk.get_mut(..wanted).unwrap_or(&mut []));
        if got == 0 {
            break;
        }
        sum = sum.bytes(chunk.get(..got).unwrap_or(&[]));
        at += got;
    }
    sum
}

/// Length in bytes of the ICMP header that all messages have; both families.
pub(crate) const ICMP_HEADER_LEN: usize = icmpv4::HEADER_LEN;

#[cfg(test)]
mod tests;
