//! The headers of a frame of the common shape, read in a few words, before anything else is known about it.

use crate::conntrack::{Conntrack, Guess, Key, Sought};
use crate::iface::Ifaces;
use wire::ethernet::{HEADER_LEN, ethertype};
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{IfaceId, PortId, ethernet, ipv4, ipv6, tcp, udp};

/// UDP or TCP behind an IPv4 header without options or an IPv6 header without extensions, in a frame to one of our
/// Ifaces from a station; not a fragment; whole, with lengths that fit and a right header checksum; with a hop to live
/// after this one; of addresses that mean the same on every link.
///
/// What is said here needs no second look: where the walk has to judge the packet, it begins with this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// Its tuple.
    pub sought: Sought,
    /// Which flow that will most likely be.
    pub guess: Guess,
    pub iif: IfaceId,
    /// Where the IP header begins, …
    pub l3: u16,
    /// … and the transport header.
    pub l4: u16,
    /// The whole packet, in bytes.
    pub total_len: u32,
    /// It begins no connection: UDP, or TCP with ACK or RST, and without SYN.
    pub is_amid: bool,
}

/// Whose frames a port takes.
pub(super) struct Door<'a> {
    ifaces: &'a Ifaces,
    conntrack: &'a Conntrack,
    port: PortId,
    /// The Iface of frames without a tag, and its MAC address; one that no frame can have where there is none.
    untagged: (IfaceId, u64),
}

impl<'a> Door<'a> {
    pub fn new(ifaces: &'a Ifaces, conntrack: &'a Conntrack, port: PortId) -> Self {
        let untagged = ifaces.of_frame(port, None).map(|id| (id, number(ifaces.mac(id).0)));
        Self { ifaces, conntrack, port, untagged: untagged.unwrap_or((IfaceId(0), u64::MAX)) }
    }
}

/// A MAC address as the first 48 bits of a word that is read from a frame.
fn number([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

/// A frame from a station to `mac`.
#[inline(always)]
fn is_for(mac: u64, link: &[u8; HEADER_LEN]) -> bool {
    const MAC: u64 = 0xffff_ffff_ffff;
    let (Some(dst), Some(src)) = (link.first_chunk(), link.last_chunk()) else { return false };
    let (dst, src) = (u64::from_le_bytes(*dst), u64::from_le_bytes(*src));
    dst & MAC == mac && src & 1 == 0 && src & MAC != 0
}

impl Sight {
    /// Reads a frame of `len` bytes, of which `head` is at hand, into its place, which stays empty where the frame is of
    /// another shape; asks for the memory that a look-up will read first.
    ///
    /// Written into its place at once: handed from function to function it would be copied each time.
    #[inline(always)]
    pub(super) fn read(place: &mut Option<Self>, head: &[u8], len: usize, door: &Door<'_>) {
        let Some((link, packet)) = head.split_first_chunk::<HEADER_LEN>() else { return };
        // Compared as it stands there.
        let ethertype = u16::from_ne_bytes([link[12], link[13]]);
        if ethertype == ethernet::TPID.to_be() {
            return Self::read_tagged(place, head, len, door);
        }
        let (iif, mac) = door.untagged;
        if !is_for(mac, link) {
            return;
        }
        if ethertype == ethertype::IPV4.to_be() {
            Self::read4(place, packet, len, HEADER_LEN, iif, door.conntrack);
        } else if ethertype == ethertype::IPV6.to_be() {
            Self::read6(place, packet, len, HEADER_LEN, iif, door.conntrack);
        }
    }

    /// Of a frame with a tag.
    #[inline(never)]
    fn read_tagged(place: &mut Option<Self>, head: &[u8], len: usize, door: &Door<'_>) {
        let Ok(link) = ethernet::Header::parse(head) else { return };
        let (Some(iif), Some(packet)) = (door.ifaces.of_frame(door.port, link.vid), head.get(link.len..)) else {
            return;
        };
        if !head.first_chunk().is_some_and(|head| is_for(number(door.ifaces.mac(iif).0), head)) {
            return;
        }
        match link.ethertype {
            ethertype::IPV4 => Self::read4(place, packet, len, link.len, iif, door.conntrack),
            ethertype::IPV6 => Self::read6(place, packet, len, link.len, iif, door.conntrack),
            _ => {}
        }
    }

    /// `packet` begins with the IP header, and the frame with `l3` bytes more.
    #[inline(always)]
    fn read4(place: &mut Option<Self>, packet: &[u8], len: usize, l3: usize, iif: IfaceId, conntrack: &Conntrack) {
        const IP: usize = ipv4::MIN_HEADER_LEN;
        let Some(bytes) = packet.first_chunk::<{ IP + 8 }>() else { return };
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let total_len = usize::from(word(ipv4::field::TOTAL_LENGTH));
        // The sum is the same in either byte order; it is right if it is 0 in one's complement, and it cannot be 0.
        let sum = |at: usize| u64::from(u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
        let sum = sum(0) + sum(4) + sum(8) + sum(12) + sum(16);
        let is_whole = word(ipv4::field::FRAGMENT) & 0x3fff == 0 && l3 + total_len <= len;
        if !sum.is_multiple_of(0xffff) {
            return;
        }
        if bytes[0] != 0x45 || !is_whole || bytes[ipv4::field::TTL] <= 1 {
            return;
        }
        let protocol = bytes[9];
        let Some(is_amid) = transport(&packet[IP..], (IP, total_len), protocol, word(IP + 4)) else { return };
        let [.., s0, s1, s2, s3, d0, d1, d2, d3, p0, p1, p2, p3, _, _, _, _] = *bytes;
        let addresses = u64::from_be_bytes([s0, s1, s2, s3, d0, d1, d2, d3]);
        let key = Key::V4 { addresses, rest: Key::rest_of(u32::from_be_bytes([p0, p1, p2, p3]), protocol) };
        let hash = conntrack.hash(&key);
        conntrack.hint(hash);
        let (l3, l4, total_len) = (l3 as u16, (l3 + IP) as u16, total_len as u32);
        let (sought, guess) = (Sought { key, hash, is_absent: false }, Guess::NONE);
        *place = Some(Self { sought, guess, iif, l3, l4, total_len, is_amid });
    }

    /// As [`read4`](Self::read4), of IPv6.
    #[inline(never)]
    fn read6(place: &mut Option<Self>, packet: &[u8], len: usize, l3: usize, iif: IfaceId, conntrack: &Conntrack) {
        const IP: usize = ipv6::HEADER_LEN;
        let Some(bytes) = packet.first_chunk::<{ IP + 8 }>() else { return };
        let (words, rest) = bytes.as_chunks::<8>();
        let [head, s0, s1, d0, d1, ports] = *words else { return };
        debug_assert!(rest.is_empty());
        let [src, dst] = [[s0, s1], [d0, d1]].map(|address| address.map(u64::from_be_bytes));
        // Link-local and multicast: which connection that is depends on the link.
        let is_local = |[upper, _]: [u64; 2]| upper >> 54 == 0xfe80 >> 6 || upper >> 56 == 0xff;
        let payload_len = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let is_whole = l3 + IP + payload_len <= len;
        if head[0] >> 4 != 6 || !is_whole || head[ipv6::field::HOP_LIMIT] <= 1 || is_local(src) || is_local(dst) {
            return;
        }
        let [p0, p1, p2, p3, w0, w1, _, _] = ports;
        let protocol = head[6];
        let third = u16::from_be_bytes([w0, w1]);
        let Some(is_amid) = transport(&packet[IP..], (IP, IP + payload_len), protocol, third) else { return };
        let key = Key::v6_of(src, dst, Key::rest_of(u32::from_be_bytes([p0, p1, p2, p3]), protocol));
        let hash = conntrack.hash(&key);
        conntrack.hint(hash);
        let (l3, l4, total_len) = (l3 as u16, (l3 + IP) as u16, (IP + payload_len) as u32);
        let (sought, guess) = (Sought { key, hash, is_absent: false }, Guess::NONE);
        *place = Some(Self { sought, guess, iif, l3, l4, total_len, is_amid });
    }

    #[inline(always)]
    pub fn is_v4(&self) -> bool {
        matches!(self.sought.key, Key::V4 { .. })
    }

    /// Of TCP, else of UDP.
    #[inline(always)]
    pub fn is_tcp(&self) -> bool {
        self.sought.key.protocol() == protocol::TCP
    }

    /// From the transport header to the end of the packet, in bytes.
    #[inline(always)]
    pub fn transport_len(&self) -> usize {
        (self.total_len - u32::from(self.l4 - self.l3)) as usize
    }

    /// The largest that it will be on a wire, if a NIC is yet to cut it into segments with `size` bytes of payload.
    pub fn wire_len(&self, head: &[u8], size: u16) -> u32 {
        let tcp_len = head.get(usize::from(self.l4) + 12).map_or(0, |word| u32::from(word >> 4) * 4);
        let header_len = if self.is_tcp() { tcp_len } else { udp::HEADER_LEN as u32 };
        (u32::from(self.l4 - self.l3) + header_len + u32::from(size)).min(self.total_len)
    }
}

/// Is it amid a connection? `None`: neither TCP nor UDP, or lengths that do not fit. `bytes` begins with the transport
/// header, behind `ip` bytes of a packet of `total` bytes; `word` is the third of that header.
#[inline(always)]
fn transport(bytes: &[u8], (ip, total): (usize, usize), protocol: u8, word: u16) -> Option<bool> {
    match protocol {
        protocol::UDP => {
            let length = usize::from(word);
            (length >= udp::HEADER_LEN && ip + length <= total).then_some(true)
        }
        protocol::TCP => {
            let bytes = bytes.first_chunk::<{ tcp::MIN_HEADER_LEN }>()?;
            let flags = u16::from_be_bytes([bytes[12], bytes[13]]);
            let header_len = usize::from(bytes[12] >> 4) * 4;
            let is_amid = flags & flag::SYN == 0 && flags & (flag::ACK | flag::RST) != 0;
            (header_len >= tcp::MIN_HEADER_LEN && ip + header_len <= total).then_some(is_amid)
        }
        _ => None,
    }
}
