//! The headers of a packet of the common shape, read in a few words.

use crate::conntrack::Key;
use crate::parse::{Tcp, Transport};
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{ethernet, ipv4, ipv6, tcp, udp};

/// UDP, or TCP amid a connection, behind an IPv4 header without options or an IPv6 header without extensions; not a
/// fragment; whole, with lengths that fit and a right header checksum; with a hop to live after this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Where the IP header begins, …
    pub l3: u16,
    /// … and the transport header.
    pub l4: u16,
    /// The whole packet, in bytes.
    pub total_len: u32,
    pub is_v4: bool,
    pub is_tcp: bool,
}

impl Header {
    /// Of a frame of `len` bytes, of which `head` is at hand, whose IPv4 header begins at `l3`. `None`: of another
    /// shape.
    #[inline(always)]
    pub fn read4(head: &[u8], len: usize, l3: usize) -> Option<(Self, Key)> {
        const IP: usize = ipv4::MIN_HEADER_LEN;
        let bytes = head.get(l3..)?.first_chunk::<{ IP + 8 }>()?;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let long = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let total_len = usize::from(word(ipv4::field::TOTAL_LENGTH));
        // The sum is the same in either byte order.
        let sum = |at: usize| u64::from(u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
        let sum = sum(0) + sum(4) + sum(8) + sum(12) + sum(16);
        let sum = (sum >> 32) + (sum & 0xffff_ffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let is_whole = word(ipv4::field::FRAGMENT) & 0x3fff == 0 && l3 + total_len <= len;
        if bytes[0] != 0x45 || sum != 0xffff || !is_whole || bytes[ipv4::field::TTL] <= 1 {
            return None;
        }
        let protocol = bytes[9];
        let is_tcp = transport(head, l3 + IP, total_len.checked_sub(IP)?, protocol, word(IP + 4))?;
        let rest = Key::rest(word(IP), word(IP + 2), 0, protocol);
        let key = Key::v4(long(ipv4::field::SADDR), long(ipv4::field::DADDR), rest);
        Some((Self::new(l3, IP, total_len, true, is_tcp), key))
    }

    /// As [`read4`](Self::read4), of IPv6.
    #[inline(always)]
    pub fn read6(head: &[u8], len: usize, l3: usize) -> Option<(Self, Key)> {
        const IP: usize = ipv6::HEADER_LEN;
        let bytes = head.get(l3..)?.first_chunk::<{ IP + 8 }>()?;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let address = |at: usize| bytes[at..].first_chunk::<16>().map(|octets| u128::from_be_bytes(*octets));
        let payload_len = usize::from(word(4));
        let total_len = IP + payload_len;
        if bytes[0] >> 4 != 6 || l3 + total_len > len || bytes[ipv6::field::HOP_LIMIT] <= 1 {
            return None;
        }
        let protocol = bytes[6];
        let is_tcp = transport(head, l3 + IP, payload_len, protocol, word(IP + 4))?;
        let rest = Key::rest(word(IP), word(IP + 2), 0, protocol);
        let key = Key::v6(address(ipv6::field::SADDR)?, address(ipv6::field::DADDR)?, rest);
        Some((Self::new(l3, IP, total_len, false, is_tcp), key))
    }

    #[inline(always)]
    fn new(l3: usize, ip_len: usize, total_len: usize, is_v4: bool, is_tcp: bool) -> Self {
        Self { l3: l3 as u16, l4: (l3 + ip_len) as u16, total_len: total_len as u32, is_v4, is_tcp }
    }

    /// From the transport header to the end of the packet, in bytes.
    #[inline(always)]
    fn transport_len(&self) -> usize {
        (self.total_len - u32::from(self.l4 - self.l3)) as usize
    }

    /// What a look-up for this frame will most likely ask for. Nothing is checked but that it can be read.
    #[inline(always)]
    pub fn likely_key(head: &[u8]) -> Option<Key> {
        const L3: usize = ethernet::HEADER_LEN;
        match head.first_chunk::<{ L3 + ipv4::MIN_HEADER_LEN + 4 }>() {
            // IPv4 without options in an untagged frame.
            Some(bytes) if bytes[12..15] == [8, 0, 0x45] => {
                let word = |at: usize| u16::from_be_bytes([bytes[L3 + at], bytes[L3 + at + 1]]);
                let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
                Some(Key::v4(long(12), long(16), Key::rest(word(20), word(22), 0, bytes[L3 + 9])))
            }
            _ => Self::unlikely_key(head),
        }
    }

    #[inline(never)]
    fn unlikely_key(head: &[u8]) -> Option<Key> {
        let tag_len = if head.get(12..14)? == ethernet::TPID.to_be_bytes() { ethernet::TAG_LEN } else { 0 };
        let bytes = head.get(ethernet::HEADER_LEN + tag_len..)?;
        let (ip_len, protocol) = match bytes.first()? {
            0x45 => (ipv4::MIN_HEADER_LEN, *bytes.get(9)?),
            0x60..0x70 => (ipv6::HEADER_LEN, *bytes.get(6)?),
            _ => return None,
        };
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u16::from_be_bytes(*word));
        let rest = Key::rest(word(ip_len)?, word(ip_len + 2)?, 0, protocol);
        Some(if ip_len == ipv4::MIN_HEADER_LEN {
            let long = |at: usize| bytes.get(at..)?.first_chunk().map(|long| u32::from_be_bytes(*long));
            Key::v4(long(ipv4::field::SADDR)?, long(ipv4::field::DADDR)?, rest)
        } else {
            let address = |at: usize| bytes.get(at..)?.first_chunk().map(|address| u128::from_be_bytes(*address));
            Key::v6(address(ipv6::field::SADDR)?, address(ipv6::field::DADDR)?, rest)
        })
    }

    /// The TCP header, and the payload's length.
    #[inline(always)]
    pub fn tcp(&self, head: &[u8]) -> Option<(Tcp, u32)> {
        let bytes = head.get(usize::from(self.l4)..)?;
        let len = self.transport_len();
        match crate::parse::transport(bytes, len, protocol::TCP, !self.is_v4) {
            Ok(Transport::Tcp(tcp)) => Some((tcp, (len - usize::from(tcp.header_len)) as u32)),
            _ => None,
        }
    }

    /// The largest that it will be on a wire, if a NIC is yet to cut it into segments with `size` bytes of payload.
    pub fn wire_len(&self, head: &[u8], size: u16) -> u32 {
        let tcp_len = head.get(usize::from(self.l4) + 12).map_or(0, |word| u32::from(word >> 4) * 4);
        let header_len = if self.is_tcp { tcp_len } else { udp::HEADER_LEN as u32 };
        (u32::from(self.l4 - self.l3) + header_len + u32::from(size)).min(self.total_len)
    }
}

/// Is it TCP? `None`: neither that, amid a connection, nor UDP; or lengths that do not fit. `len` bytes are the
/// packet's from the transport header on; `word` is the third of that header.
#[inline(always)]
fn transport(head: &[u8], l4: usize, len: usize, protocol: u8, word: u16) -> Option<bool> {
    match protocol {
        protocol::UDP => {
            let length = usize::from(word);
            (length >= udp::HEADER_LEN && length <= len).then_some(false)
        }
        protocol::TCP => {
            let bytes = head.get(l4..)?.first_chunk::<{ tcp::MIN_HEADER_LEN }>()?;
            let flags = u16::from_be_bytes([bytes[12], bytes[13]]);
            let header_len = usize::from(bytes[12] >> 4) * 4;
            let is_amid = flags & (flag::SYN | flag::FIN | flag::RST | flag::ACK) == flag::ACK;
            (is_amid && header_len >= tcp::MIN_HEADER_LEN && header_len <= len).then_some(true)
        }
        _ => None,
    }
}
