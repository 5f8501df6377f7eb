//! What a host may read at all.
//!
//! smoltcp answers some packets that RFC 1122 §3.2.2 and RFC 4443 §2.4(e) say no host may answer: a TCP segment for a
//! group gets a RST *from* the group, a UDP datagram for one a port unreachable. They end here, unread.

use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{ipv4, ipv6};

/// May a host read this frame? It looks at addresses and protocol alone; whether the rest of the packet is sound is
/// smoltcp's business.
pub fn admits(head: &[u8]) -> bool {
    let Ok(link) = ethernet::Header::parse(head) else { return false };
    let payload = head.get(link.len..).unwrap_or_default();
    match link.ethertype {
        ethertype::ARP => true,
        ethertype::IPV4 => ipv4::Header::parse(payload).is_ok_and(|header| admits4(&header)),
        ethertype::IPV6 => ipv6::Header::parse(payload).is_ok_and(|header| admits6(&header)),
        _ => false,
    }
}

/// Broadcast and multicast: UDP only, and of UDP smoltcp reads DHCP alone and answers none.
fn admits4(header: &ipv4::Header<'_>) -> bool {
    let (src, dst) = (header.saddr(), header.daddr());
    let to_group = dst.is_broadcast() || dst.is_multicast();
    !dst.is_unspecified() && !src.is_multicast() && (!to_group || header.protocol() == protocol::UDP)
}

/// Multicast: ICMPv6 only, whose echo requests are answered (RFC 4443 §4.2).
fn admits6(header: &ipv6::Header<'_>) -> bool {
    let (src, dst) = (header.saddr(), header.daddr());
    let to_group = dst.is_multicast();
    !dst.is_unspecified()
        && !src.is_unspecified()
        && !src.is_multicast()
        && (!to_group || header.next_header() == protocol::ICMPV6)
}
