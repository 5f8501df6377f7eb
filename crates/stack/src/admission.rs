//! What a host may read at all.
//!
//! smoltcp takes every packet that it is given for its own, and answers some that RFC 1122 §3.2.2 and RFC 4443
//! §2.4(e) say no host may answer: a TCP segment for a group gets a RST *from* the group, a UDP datagram for one a
//! port unreachable. What is not for this host, or for a group but not for its ears, ends here, unread.

use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Ipv4Addr, Ipv6Addr, ipv4, ipv6, udp};

/// Ports of a DHCP server and its client (RFC 2131 §4.1).
const DHCP_SERVER: u16 = 67;
const DHCP_CLIENT: u16 = 68;

/// Who a host is.
pub struct Identity<'a> {
    pub address4: Option<Ipv4Addr>,
    pub address6: &'a [Ipv6Addr],
    /// It waits for the answers of DHCP servers, which may already be sent to the address that they offer.
    pub dhcp: bool,
}

impl Identity<'_> {
    /// May the host read this frame? Looks at addresses, protocol and, for DHCP, ports; whether the rest of the packet
    /// is sound is smoltcp's business.
    pub fn admits(&self, head: &[u8]) -> bool {
        let Ok(link) = ethernet::Header::parse(head) else { return false };
        let payload = head.get(link.len..).unwrap_or_default();
        match link.ethertype {
            ethertype::IPV4 => ipv4::Header::parse(payload).is_ok_and(|header| self.admits4(&header, payload)),
            ethertype::IPV6 => ipv6::Header::parse(payload).is_ok_and(|header| self.admits6(&header)),
            _ => false,
        }
    }

    /// Broadcasts are DHCP's alone: nothing else here listens to any, and none is to be answered.
    fn admits4(&self, header: &ipv4::Header<'_>, packet: &[u8]) -> bool {
        let transport = packet.get(header.header_len()..).unwrap_or_default();
        let datagram = || udp::Header::parse(transport);
        let to_client = || datagram().is_ok_and(|udp| (udp.sport(), udp.dport()) == (DHCP_SERVER, DHCP_CLIENT));
        self.address4 == Some(header.daddr()) || self.dhcp && header.protocol() == protocol::UDP && to_client()
    }

    /// Groups: ICMPv6 only, whose echo requests are answered (RFC 4443 §4.2).
    fn admits6(&self, header: &ipv6::Header<'_>) -> bool {
        let dst = header.daddr();
        let to_group = dst.is_multicast() && !self.address6.is_empty() && header.next_header() == protocol::ICMPV6;
        to_group || self.address6.contains(&dst)
    }
}
