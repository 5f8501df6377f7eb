//! Packets to send, as bytes.

use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::tcp::flag;
use wire::{IpAddr, MacAddr, ipv4, ipv6};

/// An address and a port.
pub type Endpoint = (IpAddr, u16);

/// A UDP or TCP packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub src: Endpoint,
    pub dst: Endpoint,
    /// Of TCP; `None`: UDP.
    pub flags: Option<u16>,
    pub sequence: u32,
    pub ackseq: u32,
    /// Bytes behind the transport header.
    pub payload: usize,
}

impl Packet {
    pub const fn udp(src: Endpoint, dst: Endpoint) -> Self {
        Self { src, dst, flags: None, sequence: 0, ackseq: 0, payload: 18 }
    }

    /// With the timestamps option, as hosts send it, unless it is a SYN.
    pub const fn tcp(src: Endpoint, dst: Endpoint, flags: u16, sequence: u32, ackseq: u32) -> Self {
        Self { src, dst, flags: Some(flags), sequence, ackseq, payload: 0 }
    }

    /// As a frame to `to`.
    pub fn bytes(&self, to: MacAddr) -> Vec<u8> {
        const L3: usize = ethernet::HEADER_LEN;
        let from = MacAddr([2, 0, 0, 0, 0, 1]);
        let timestamps = self.flags.is_some_and(|flags| flags & flag::SYN == 0);
        let header_len = match self.flags {
            None => 8,
            Some(_) if timestamps => 32,
            Some(_) => 20,
        };
        let len = header_len + self.payload;
        let protocol = if self.flags.is_some() { protocol::TCP } else { protocol::UDP };
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
        segment[0..2].copy_from_slice(&self.src.1.to_be_bytes());
        segment[2..4].copy_from_slice(&self.dst.1.to_be_bytes());
        let check = match self.flags {
            None => {
                segment[4..6].copy_from_slice(&(len as u16).to_be_bytes());
                6
            }
            Some(flags) => {
                segment[4..8].copy_from_slice(&self.sequence.to_be_bytes());
                segment[8..12].copy_from_slice(&self.ackseq.to_be_bytes());
                segment[12..14].copy_from_slice(&((header_len as u16 / 4) << 12 | flags).to_be_bytes());
                segment[14..16].copy_from_slice(&0x4000u16.to_be_bytes());
                if timestamps {
                    segment[20..24].copy_from_slice(&[1, 1, 8, 10]);
                }
                16
            }
        };
        let sum = Sum::pseudo_header(self.src.0, self.dst.0, protocol, len as u32).bytes(segment).checksum();
        segment[check..check + 2].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}
