//! The IPv6 header (RFC 8200 §3) and its chain of extension headers (§4).

use crate::{Ipv6Addr, Malformed, be16, byte, put};

pub const HEADER_LEN: usize = 40;
/// Every link carries packets of this size (RFC 8200 §5).
pub const MIN_MTU: u16 = 1280;

/// Offsets of the fields that a router rewrites.
pub mod field {
    pub const PAYLOAD_LENGTH: usize = 4;
    pub const NEXT_HEADER: usize = 6;
    pub const HOP_LIMIT: usize = 7;
    pub const SADDR: usize = 8;
    pub const DADDR: usize = 24;
}

/// Next-header values of the extension headers that we walk.
pub mod extension {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const DESTINATION: u8 = 60;
}

/// Bytes of a fragment header.
pub const FRAGMENT_HEADER_LEN: usize = 8;

/// At most so many extension headers are walked, …
pub const MAX_EXTENSIONS: usize = 8;
/// … of so many bytes together.
pub const MAX_EXTENSIONS_LEN: usize = 128;

/// A header of version 6. Its payload length is whatever the sender wrote.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let bytes = bytes.get(..HEADER_LEN).ok_or(Malformed::Truncated)?;
        if byte(bytes, 0) >> 4 != 6 {
            return Err(Malformed::Version);
        }
        Ok(Self { bytes })
    }

    pub fn traffic_class(&self) -> u8 {
        (be16(self.bytes, 0) >> 4) as u8
    }

    /// Bytes after this header, extension headers included.
    pub fn payload_len(&self) -> u16 {
        be16(self.bytes, field::PAYLOAD_LENGTH)
    }

    pub fn next_header(&self) -> u8 {
        byte(self.bytes, 6)
    }

    pub fn hop_limit(&self) -> u8 {
        byte(self.bytes, field::HOP_LIMIT)
    }

    pub fn saddr(&self) -> Ipv6Addr {
        self.addr(field::SADDR)
    }

    pub fn daddr(&self) -> Ipv6Addr {
        self.addr(field::DADDR)
    }

    fn addr(&self, at: usize) -> Ipv6Addr {
        let octets = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        octets.map_or(Ipv6Addr::UNSPECIFIED, |octets| Ipv6Addr::from_octets(*octets))
    }
}

/// Where the extension headers end and what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpperLayer {
    /// The first next-header value that is no extension header of [`extension`].
    pub protocol: u8,
    /// From the start of the IPv6 header to the upper-layer header, in bytes.
    pub offset: usize,
    pub fragment: Option<Fragment>,
}

/// A fragment header (RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// In units of 8 bytes.
    pub frag_off: u16,
    pub more: bool,
    pub id: u32,
    /// Where the fragment header begins, counted from the start of the IPv6 header.
    pub at: usize,
}

/// Why a chain of extension headers is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionError {
    /// A header ends beyond the packet, or beyond the bytes at hand.
    Truncated,
    /// More than [`MAX_EXTENSIONS`] headers or [`MAX_EXTENSIONS_LEN`] bytes.
    TooMany,
    /// Hop-by-hop options not directly behind the IPv6 header (RFC 8200 §4.1).
    HopByHopNotFirst,
    /// Routing header type 0 (RFC 5095).
    RoutingType0,
    /// Two fragment headers in one packet.
    NestedFragment,
    /// A first fragment ends before its chain of headers does (RFC 7112 §5).
    FirstFragment,
}

/// Walks the extension headers of the packet that `bytes` begins with: hop-by-hop, destination, routing, fragment.
///
/// Behind the header of a fragment that is not the first, there are no headers to walk: the walk ends there.
pub fn upper_layer(bytes: &[u8]) -> Result<UpperLayer, ExtensionError> {
    let mut protocol = byte(bytes, 6);
    let mut offset = HEADER_LEN;
    let mut fragment: Option<Fragment> = None;
    for nth in 0.. {
        if !matches!(
            protocol,
            extension::HOP_BY_HOP | extension::ROUTING | extension::FRAGMENT | extension::DESTINATION
        ) {
            break;
        }
        if nth == MAX_EXTENSIONS {
            return Err(ExtensionError::TooMany);
        }
        // An atomic fragment is all there will be.
        let is_first = fragment.is_some_and(|fragment| fragment.more);
        let truncated = if is_first { ExtensionError::FirstFragment } else { ExtensionError::Truncated };
        let header = bytes.get(offset..).and_then(|rest| rest.first_chunk::<8>()).ok_or(truncated)?;
        let len = match protocol {
            extension::FRAGMENT => FRAGMENT_HEADER_LEN,
            _ => usize::from(header[1]) * 8 + 8,
        };
        if bytes.len() < offset + len {
            return Err(truncated);
        }
        match protocol {
            extension::HOP_BY_HOP if nth > 0 => return Err(ExtensionError::HopByHopNotFirst),
            extension::ROUTING if header[2] == 0 => return Err(ExtensionError::RoutingType0),
            extension::FRAGMENT if fragment.is_some() => return Err(ExtensionError::NestedFragment),
            extension::FRAGMENT => {
                let word = be16(header, 2);
                let id = crate::be32(header, 4);
                fragment = Some(Fragment { frag_off: word >> 3, more: word & 1 != 0, id, at: offset });
            }
            _ => {}
        }
        protocol = header[0];
        offset += len;
        if offset - HEADER_LEN > MAX_EXTENSIONS_LEN {
            return Err(ExtensionError::TooMany);
        }
        if fragment.is_some_and(|fragment| fragment.frag_off != 0) {
            break;
        }
    }
    Ok(UpperLayer { protocol, offset, fragment })
}

/// What a header says, to be written; flow label 0.
#[derive(Clone, Copy, Debug)]
pub struct Repr {
    pub saddr: Ipv6Addr,
    pub daddr: Ipv6Addr,
    pub next_header: u8,
    pub hop_limit: u8,
    pub traffic_class: u8,
    pub payload_len: u16,
}

impl Repr {
    /// Writes 40 bytes at the start of `bytes`, which must hold them.
    pub fn emit(&self, bytes: &mut [u8]) {
        put(bytes, 0, &(0x6000 | u16::from(self.traffic_class) << 4).to_be_bytes());
        put(bytes, 2, &[0, 0]);
        put(bytes, field::PAYLOAD_LENGTH, &self.payload_len.to_be_bytes());
        put(bytes, 6, &[self.next_header, self.hop_limit]);
        put(bytes, field::SADDR, &self.saddr.octets());
        put(bytes, field::DADDR, &self.daddr.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    fn packet(first: u8, rest: &[&[u8]]) -> Vec<u8> {
        let mut bytes = std::vec![0; HEADER_LEN];
        let payload_len = rest.iter().map(|part| part.len()).sum::<usize>() as u16;
        let repr = Repr {
            saddr: Ipv6Addr::LOCALHOST,
            daddr: Ipv6Addr::UNSPECIFIED,
            next_header: first,
            hop_limit: 64,
            traffic_class: 0xa5,
            payload_len,
        };
        repr.emit(&mut bytes);
        rest.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes
    }

    #[test]
    fn what_is_emitted_is_what_is_parsed() {
        let bytes = packet(6, &[&[0; 20]]);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.payload_len(), header.next_header(), header.hop_limit()), (20, 6, 64));
        assert_eq!((header.traffic_class(), header.saddr()), (0xa5, Ipv6Addr::LOCALHOST));
        assert_eq!(Header::parse(&bytes[..39]).map(|_| ()), Err(Malformed::Truncated));
    }

    #[test]
    fn the_chain_of_extension_headers_ends_at_the_upper_layer() {
        let (hop, dst) = ([60, 0, 1, 4, 0, 0, 0, 0], [6, 0, 1, 4, 0, 0, 0, 0]);
        let upper = upper_layer(&packet(0, &[&hop, &dst, &[0; 20]])).unwrap();
        assert_eq!(upper, UpperLayer { protocol: 6, offset: 56, fragment: None });

        let first = [17, 0, 0, 1, 0, 0, 0, 7];
        let upper = upper_layer(&packet(44, &[&first, &[0; 8]])).unwrap();
        assert_eq!(upper.fragment, Some(Fragment { frag_off: 0, more: true, id: 7, at: 40 }));
        // In a later fragment what follows is data, even if it says "destination options".
        let later = [60, 0, 0, 8, 0, 0, 0, 7];
        assert_eq!(upper_layer(&packet(44, &[&later])).unwrap().protocol, 60);
    }

    #[test]
    fn what_no_router_should_walk_is_refused() {
        let hop_second = packet(60, &[&[0, 0, 1, 4, 0, 0, 0, 0], &[6, 0, 1, 4, 0, 0, 0, 0]]);
        assert_eq!(upper_layer(&hop_second), Err(ExtensionError::HopByHopNotFirst));
        let rh0 = packet(43, &[&[6, 0, 0, 0, 0, 0, 0, 0]]);
        assert_eq!(upper_layer(&rh0), Err(ExtensionError::RoutingType0));
        let twice = packet(44, &[&[44, 0, 0, 1, 0, 0, 0, 7], &[17, 0, 0, 1, 0, 0, 0, 8]]);
        assert_eq!(upper_layer(&twice), Err(ExtensionError::NestedFragment));
        let cut = packet(60, &[&[6, 1, 0, 0, 0, 0, 0, 0]]);
        assert_eq!(upper_layer(&cut), Err(ExtensionError::Truncated));
        let tiny = packet(44, &[&[60, 0, 0, 1, 0, 0, 0, 7], &[6, 1, 0, 0, 0, 0, 0, 0]]);
        assert_eq!(upper_layer(&tiny), Err(ExtensionError::FirstFragment));
        let nine: Vec<[u8; 8]> = (0..9).map(|i| [if i == 8 { 6 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]).collect();
        let parts: Vec<&[u8]> = nine.iter().map(|part| &part[..]).collect();
        assert_eq!(upper_layer(&packet(60, &parts)), Err(ExtensionError::TooMany));
        let mut long = [0; 136];
        (long[0], long[1]) = (6, 16);
        assert_eq!(upper_layer(&packet(60, &[&long])), Err(ExtensionError::TooMany));
    }
}
