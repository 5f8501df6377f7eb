//! Frames for tests: a buffer on the heap, and the packets that a peer sends to the box.

use alloc::vec;
use alloc::vec::Vec;
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Buffer, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, Offload, icmpv4, icmpv6, ipv4, ipv6, udp};

pub const BOX_MAC: MacAddr = MacAddr([0xc0, 1, 10, 0, 0, 1]);
pub const PEER_MAC: MacAddr = MacAddr([0xc0, 1, 10, 0, 0, 9]);
pub const BOX4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const PEER4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
pub const BOX6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub const PEER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);

/// A frame on the heap: a head, and perhaps a tail.
#[derive(Clone, Debug)]
pub struct Frame {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Frame {
    pub fn empty() -> Self {
        Self::new(&[])
    }

    pub fn new(bytes: &[u8]) -> Self {
        Self { head: bytes.to_vec(), tail: vec![] }
    }

    /// Moves what is beyond `head_len` bytes into the tail.
    pub fn with_tail(mut self, head_len: usize) -> Self {
        self.tail = self.head.split_off(head_len);
        self
    }
}

impl Buffer for Frame {
    fn head(&self) -> &[u8] {
        &self.head
    }

    fn head_mut(&mut self) -> &mut [u8] {
        &mut self.head
    }

    fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    fn truncate(&mut self, len: usize) {
        self.tail.truncate(len.saturating_sub(self.head.len()));
        self.head.truncate(len);
    }

    fn trim_front(&mut self, count: usize) -> bool {
        let fits = count <= self.head.len();
        if fits {
            self.head.drain(..count);
        }
        fits
    }

    fn grow_front(&mut self, count: usize) -> bool {
        self.head.splice(..0, vec![0xee; count]);
        true
    }

    /// New bytes are garbage, as in a recycled buffer.
    fn set_len(&mut self, len: usize) -> bool {
        let fits = self.tail.is_empty() && len <= 1600;
        if fits {
            self.head.resize(len, 0xee);
        }
        fits
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let bytes = self.head.iter().chain(&self.tail).skip(offset);
        into.iter_mut().zip(bytes).map(|(into, byte)| *into = *byte).count()
    }

    fn offload(&self) -> Offload {
        Offload::NONE
    }

    fn set_offload(&mut self, _: Offload) {}
}

pub fn ip4(dst: Ipv4Addr, protocol: u8, payload: &[u8]) -> Frame {
    ip4_from(PEER4, dst, protocol, payload)
}

fn ip4_from(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, payload: &[u8]) -> Frame {
    let mut bytes = vec![0; ethernet::HEADER_LEN + ipv4::MIN_HEADER_LEN];
    ethernet::Header::emit(&mut bytes, BOX_MAC, PEER_MAC, None, ethertype::IPV4);
    let header = ipv4::Repr {
        saddr: src,
        daddr: dst,
        protocol,
        ttl: 64,
        id: 1,
        tos: 0,
        dont_fragment: false,
        payload_len: payload.len() as u16,
    };
    header.emit(&mut bytes[ethernet::HEADER_LEN..]);
    bytes.extend_from_slice(payload);
    Frame::new(&bytes)
}

fn ip6(dst: Ipv6Addr, next_header: u8, payload: &[u8]) -> Frame {
    let mut bytes = vec![0; ethernet::HEADER_LEN + ipv6::HEADER_LEN];
    ethernet::Header::emit(&mut bytes, BOX_MAC, PEER_MAC, None, ethertype::IPV6);
    let payload_len = payload.len() as u16;
    let header = ipv6::Repr { saddr: PEER6, daddr: dst, next_header, hop_limit: 64, traffic_class: 0, payload_len };
    header.emit(&mut bytes[ethernet::HEADER_LEN..]);
    bytes.extend_from_slice(payload);
    Frame::new(&bytes)
}

/// Completes the checksum at `at` of a transport payload.
fn checked(mut payload: Vec<u8>, at: usize, protocol: u8, addresses: Option<(IpAddr, IpAddr)>) -> Vec<u8> {
    let len = payload.len() as u32;
    let sum = addresses.map_or(Sum::ZERO, |(src, dst)| Sum::pseudo_header(src, dst, protocol, len));
    let check = sum.bytes(&payload).checksum();
    payload[at..at + 2].copy_from_slice(&check.to_be_bytes());
    payload
}

fn echo(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 1, 0, 1], data].concat()
}

pub fn echo4(dst: Ipv4Addr, data: &[u8]) -> Frame {
    ip4(dst, protocol::ICMP, &checked(echo(icmpv4::kind::ECHO_REQUEST, data), 2, protocol::ICMP, None))
}

pub fn echo6(dst: Ipv6Addr, data: &[u8]) -> Frame {
    let message = echo(icmpv6::kind::ECHO_REQUEST, data);
    ip6(dst, protocol::ICMPV6, &checked(message, 2, protocol::ICMPV6, Some((PEER6.into(), dst.into()))))
}

/// A segment from port 4000 to port 80, sequence number 1.
fn segment(flags: u16) -> Vec<u8> {
    let mut bytes = vec![0x0f, 0xa0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags as u8, 0xff, 0xff, 0, 0, 0, 0];
    bytes[12] |= (flags >> 8) as u8 & 1;
    bytes
}

pub fn tcp4(dst: Ipv4Addr, flags: u16) -> Frame {
    let addresses = Some((PEER4.into(), dst.into()));
    ip4(dst, protocol::TCP, &checked(segment(flags), 16, protocol::TCP, addresses))
}

pub fn tcp6(dst: Ipv6Addr, flags: u16) -> Frame {
    let addresses = Some((PEER6.into(), dst.into()));
    ip6(dst, protocol::TCP, &checked(segment(flags), 16, protocol::TCP, addresses))
}

fn datagram(sport: u16, dport: u16, data: &[u8]) -> Vec<u8> {
    let len = (udp::HEADER_LEN + data.len()) as u16;
    [&sport.to_be_bytes(), &dport.to_be_bytes(), &len.to_be_bytes(), &[0, 0][..], data].concat()
}

pub fn udp4(dst: Ipv4Addr, dport: u16) -> Frame {
    let addresses = Some((PEER4.into(), dst.into()));
    ip4(dst, protocol::UDP, &checked(datagram(4000, dport, b"salt"), 6, protocol::UDP, addresses))
}

pub fn udp6(dst: Ipv6Addr, dport: u16) -> Frame {
    let addresses = Some((PEER6.into(), dst.into()));
    ip6(dst, protocol::UDP, &checked(datagram(4000, dport, b"salt"), 6, protocol::UDP, addresses))
}

/// What a DHCP server broadcasts (RFC 2131 §2): message type, /24, lease time, server identifier; no router.
pub fn dhcp_answer(xid: [u8; 4], kind: u8, leased: Ipv4Addr, server: Ipv4Addr, secs: u32) -> Frame {
    let mut bootp = vec![0; 236];
    bootp[..4].copy_from_slice(&[2, 1, 6, 0]);
    bootp[4..8].copy_from_slice(&xid);
    bootp[16..20].copy_from_slice(&leased.octets());
    bootp[28..34].copy_from_slice(&BOX_MAC.0);
    bootp.extend_from_slice(&[99, 130, 83, 99, 53, 1, kind, 1, 4, 255, 255, 255, 0, 51, 4]);
    bootp.extend_from_slice(&secs.to_be_bytes());
    bootp.extend_from_slice(&[54, 4]);
    bootp.extend_from_slice(&server.octets());
    bootp.push(255);
    ip4_from(server, Ipv4Addr::BROADCAST, protocol::UDP, &datagram(67, 68, &bootp))
}
