//! Ethernet frames byte by byte, right and wrong ones. Nothing of the router is used here: what it shall judge is not
//! made with its own code.

use std::net::Ipv4Addr;

pub const IPV4: u16 = 0x0800;
pub const ARP: u16 = 0x0806;
pub const IPV6: u16 = 0x86dd;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

pub type Mac = [u8; 6];

/// "c0:01:0a:00:00:02"
pub fn mac(text: &str) -> Mac {
    let mut octets = text.split(':').map(|group| u8::from_str_radix(group, 16).expect("hexadecimal groups"));
    std::array::from_fn(|_| octets.next().expect("six groups"))
}

/// An Ethernet frame, not padded.
pub fn ethernet(destination: Mac, source: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&destination[..], &source, &ethertype.to_be_bytes(), payload].concat()
}

/// An IPv4 packet (RFC 791 §3.1) that is right until a field is changed.
#[derive(Clone)]
pub struct Ipv4 {
    pub version: u8,
    /// Header length in 32-bit words.
    pub ihl: u8,
    /// `None`: what it is.
    pub total_len: Option<u16>,
    pub id: u16,
    /// Flags and fragment offset.
    pub fragment: u16,
    pub ttl: u8,
    pub protocol: u8,
    /// Added to the right checksum.
    pub checksum_off_by: u16,
    pub saddr: Ipv4Addr,
    pub daddr: Ipv4Addr,
    pub payload: Vec<u8>,
}

impl Ipv4 {
    pub fn new(saddr: Ipv4Addr, daddr: Ipv4Addr, protocol: u8, payload: Vec<u8>) -> Self {
        Self {
            version: 4,
            ihl: 5,
            total_len: None,
            id: 1,
            fragment: 0,
            ttl: 64,
            protocol,
            checksum_off_by: 0,
            saddr,
            daddr,
            payload,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let total_len = self.total_len.unwrap_or((20 + self.payload.len()) as u16);
        let mut header = vec![self.version << 4 | self.ihl, 0];
        header.extend(total_len.to_be_bytes());
        header.extend(self.id.to_be_bytes());
        header.extend(self.fragment.to_be_bytes());
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(self.saddr.octets());
        header.extend(self.daddr.octets());
        let checksum = checksum(&header).wrapping_add(self.checksum_off_by);
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        header.extend(&self.payload);
        header
    }
}

/// A UDP datagram (RFC 768) with the right checksum for these addresses.
pub fn udp(saddr: Ipv4Addr, daddr: Ipv4Addr, sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    let mut datagram = [sport, dport, len, 0].map(u16::to_be_bytes).concat();
    datagram.extend(payload);
    let checksum = transport_checksum(saddr, daddr, UDP, &datagram);
    datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    datagram
}

/// A TCP SYN without options (RFC 9293 §3.1).
pub fn syn(saddr: Ipv4Addr, daddr: Ipv4Addr, sport: u16, dport: u16) -> Vec<u8> {
    let mut segment = [sport, dport].map(u16::to_be_bytes).concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, 2, 0xff, 0xff, 0, 0, 0, 0]);
    let checksum = transport_checksum(saddr, daddr, TCP, &segment);
    segment[16..18].copy_from_slice(&checksum.to_be_bytes());
    segment
}

/// The Internet checksum (RFC 1071), of bytes whose checksum field is zero.
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn transport_checksum(saddr: Ipv4Addr, daddr: Ipv4Addr, protocol: u8, segment: &[u8]) -> u16 {
    let mut whole = [saddr.octets(), daddr.octets()].concat();
    whole.extend([0, protocol]);
    whole.extend((segment.len() as u16).to_be_bytes());
    whole.extend(segment);
    checksum(&whole)
}
