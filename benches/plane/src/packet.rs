//! Packets to send, as bytes.

use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{IpAddr, MacAddr, icmpv4, ipv4, ipv6};

/// An address and a port.
pub type Endpoint = (IpAddr, u16);

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub src: Endpoint,
    pub dst: Endpoint,
    pub kind: Kind,
    pub sequence: u32,
    pub ackseq: u32,
    /// Bytes behind the transport header.
    pub payload: usize,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Udp,
    /// With these flags.
    Tcp(u16),
    /// An ICMPv4 echo request or reply; the port of its source is the identifier.
    Echo {
        reply: bool,
    },
}

impl Packet {
    pub const fn udp(src: Endpoint, dst: Endpoint) -> Self {
        Self { src, dst, kind: Kind::Udp, sequence: 0, ackseq: 0, payload: 18 }
    }

    /// Between IPv4 addresses.
    pub const fn echo(src: Endpoint, dst: Endpoint, reply: bool) -> Self {
        Self { src, dst, kind: Kind::Echo { reply }, sequence: 1, ackseq: 0, payload: 18 }
    }

    /// With the timestamps option, as hosts send it, unless it is a SYN.
    pub const fn tcp(src: Endpoint, dst: Endpoint, flags: u16, sequence: u32, ackseq: u32) -> Self {
        Self { src, dst, kind: Kind::Tcp(flags), sequence, ackseq, payload: 0 }
    }

    /// As a frame to `to`.
    pub fn bytes(&self, to: MacAddr) -> Vec<u8> {
        const L3: usize = ethernet::HEADER_LEN;
        let from = MacAddr([2, 0, 0, 0, 0, 1]);
        let timestamps = matches!(self.kind, Kind::Tcp(flags) if flags & flag::SYN == 0);
        let (protocol, header_len) = match self.kind {
            Kind::Udp => (protocol::UDP, 8),
            Kind::Tcp(_) => (protocol::TCP, if timestamps { 32 } else { 20 }),
            Kind::Echo { .. } => (protocol::ICMP, 8),
        };
        let len = header_len + self.payload;
        let (ip_len, ethertype) = if self.src.0.is_ipv4() { (20, ethertype::IPV4) } else { (40, ethertype::IPV6) };
        let mut bytes = vec![0; L3 + ip_len + len];
        ethernet::Header::emit(&mut bytes, to, from, None, ethertype);
        match (self.src.0, self.dst.0) {
            (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
                let (ttl, tos, id, dont_fragment, payload_len) = (64, 0, 1, true, len as u16);
                ipv4::Repr { saddr, daddr, protocol, ttl, tos, id, dont_fragment, payload_len }.emit(&mut bytes[L3..]);
            }
            (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
                let (next_header, hop_limit, traffic_class, payload_len) = (protocol, 64, 0, len as u16);
                ipv6::Repr { saddr, daddr, next_header, hop_limit, traffic_class, payload_len }.emit(&mut bytes[L3..]);
            }
            _ => {}
        }
        let segment = &mut bytes[L3 + ip_len..];
        let pseudo_header = || Sum::pseudo_header(self.src.0, self.dst.0, protocol, len as u32);
        let (sport, dport) = (self.src.1.to_be_bytes(), self.dst.1.to_be_bytes());
        let (check, sum) = match self.kind {
            Kind::Udp => {
                segment[0..2].copy_from_slice(&sport);
                segment[2..4].copy_from_slice(&dport);
                segment[4..6].copy_from_slice(&(len as u16).to_be_bytes());
                (6, pseudo_header())
            }
            Kind::Tcp(flags) => {
                segment[0..2].copy_from_slice(&sport);
                segment[2..4].copy_from_slice(&dport);
                segment[4..8].copy_from_slice(&self.sequence.to_be_bytes());
                segment[8..12].copy_from_slice(&self.ackseq.to_be_bytes());
                segment[12..14].copy_from_slice(&((header_len as u16 / 4) << 12 | flags).to_be_bytes());
                segment[14..16].copy_from_slice(&0x4000u16.to_be_bytes());
                if timestamps {
                    segment[20..24].copy_from_slice(&[1, 1, 8, 10]);
                }
                (16, pseudo_header())
            }
            Kind::Echo { reply } => {
                segment[0] = if reply { icmpv4::kind::ECHO_REPLY } else { icmpv4::kind::ECHO_REQUEST };
                segment[4..6].copy_from_slice(&sport);
                segment[6..8].copy_from_slice(&(self.sequence as u16).to_be_bytes());
                (2, Sum::default())
            }
        };
        let sum = sum.bytes(segment).checksum();
        segment[check..check + 2].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}
