//! The IPv4 header (RFC 791 §3.1).

use crate::{Ipv4Addr, Malformed, be16, byte, checksum, put};

/// Bytes of a header without options.
pub const MIN_HEADER_LEN: usize = 20;

/// Protocol numbers (IANA), for both families.
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const IGMP: u8 = 2;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ICMPV6: u8 = 58;
}

/// Types of options, the copied flag and class included (RFC 791 §3.1).
pub mod option {
    pub const END: u8 = 0;
    pub const NOP: u8 = 1;
    pub const LSRR: u8 = 131;
    pub const SSRR: u8 = 137;
}

/// Offsets of the fields that a router rewrites.
pub mod field {
    pub const TOTAL_LENGTH: usize = 2;
    pub const ID: usize = 4;
    pub const FRAGMENT: usize = 6;
    pub const TTL: usize = 8;
    pub const CHECKSUM: usize = 10;
    pub const SADDR: usize = 12;
    pub const DADDR: usize = 16;
}

/// A header whose lengths hold: `ihl` ≥ 20, within the bytes at hand; `total_len` ≥ `ihl`.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// `bytes` begins with the header and may end before the packet does. Does not verify the checksum.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < MIN_HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        if byte(bytes, 0) >> 4 != 4 {
            return Err(Malformed::Version);
        }
        let header_len = usize::from(byte(bytes, 0) & 0xf) * 4;
        if header_len < MIN_HEADER_LEN {
            return Err(Malformed::HeaderLength);
        }
        let bytes = bytes.get(..header_len).ok_or(Malformed::Truncated)?;
        if usize::from(be16(bytes, field::TOTAL_LENGTH)) < header_len {
            return Err(Malformed::Length);
        }
        Ok(Self { bytes })
    }

    /// The header's bytes, options included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// 20 to 60 bytes.
    pub fn header_len(&self) -> usize {
        self.bytes.len()
    }

    /// The options between the fixed header and the payload; empty in almost every packet.
    pub fn options(&self) -> &'a [u8] {
        self.bytes.get(MIN_HEADER_LEN..).unwrap_or(&[])
    }

    pub fn tos(&self) -> u8 {
        byte(self.bytes, 1)
    }

    /// Header and payload, in bytes.
    pub fn total_len(&self) -> u16 {
        be16(self.bytes, field::TOTAL_LENGTH)
    }

    pub fn id(&self) -> u16 {
        be16(self.bytes, field::ID)
    }

    pub fn dont_fragment(&self) -> bool {
        be16(self.bytes, field::FRAGMENT) & 0x4000 != 0
    }

    pub fn more_fragments(&self) -> bool {
        be16(self.bytes, field::FRAGMENT) & 0x2000 != 0
    }

    /// In units of 8 bytes, 13 bits.
    pub fn frag_off(&self) -> u16 {
        be16(self.bytes, field::FRAGMENT) & 0x1fff
    }

    pub fn ttl(&self) -> u8 {
        byte(self.bytes, field::TTL)
    }

    pub fn protocol(&self) -> u8 {
        byte(self.bytes, 9)
    }

    pub fn checksum(&self) -> u16 {
        be16(self.bytes, field::CHECKSUM)
    }

    pub fn checksum_is_right(&self) -> bool {
        // Without options its length is known here, so that the sum needs no loop.
        match <&[u8; MIN_HEADER_LEN]>::try_from(self.bytes) {
            Ok(bytes) => checksum::checksum(bytes) == 0,
            Err(_) => checksum::checksum(self.bytes) == 0,
        }
    }

    pub fn saddr(&self) -> Ipv4Addr {
        self.addr(field::SADDR)
    }

    pub fn daddr(&self) -> Ipv4Addr {
        self.addr(field::DADDR)
    }

    fn addr(&self, at: usize) -> Ipv4Addr {
        Ipv4Addr::from_bits(crate::be32(self.bytes, at))
    }
}

/// Are these options ones that a router may pass: each within the header (RFC 791 §3.1), and no source route among them?
///
/// A source route lets the sender choose the way, past a firewall's rules about destinations; hosts and routers refuse it
/// by default (RFC 7126 §4.3, §4.4).
#[cold]
pub fn options_may_pass(mut options: &[u8]) -> bool {
    loop {
        match *options {
            [] | [option::END, ..] => return true,
            [option::NOP, ref rest @ ..] => options = rest,
            [option::LSRR | option::SSRR, ..] => return false,
            [_, len, ..] if len >= 2 => match options.get(usize::from(len)..) {
                Some(rest) => options = rest,
                None => return false,
            },
            [..] => return false,
        }
    }
}

/// What a header without options says, to be written.
#[derive(Clone, Copy, Debug)]
pub struct Repr {
    pub saddr: Ipv4Addr,
    pub daddr: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    pub dont_fragment: bool,
    /// Bytes that follow the header; at most 65,515.
    pub payload_len: u16,
}

impl Repr {
    /// Writes 20 bytes with a right checksum at the start of `bytes`, which must hold them.
    pub fn emit(&self, bytes: &mut [u8]) {
        put(bytes, 0, &[0x45, self.tos]);
        put(bytes, field::TOTAL_LENGTH, &self.payload_len.saturating_add(MIN_HEADER_LEN as u16).to_be_bytes());
        put(bytes, field::ID, &self.id.to_be_bytes());
        put(bytes, field::FRAGMENT, &[if self.dont_fragment { 0x40 } else { 0 }, 0]);
        put(bytes, field::TTL, &[self.ttl, self.protocol, 0, 0]);
        put(bytes, field::SADDR, &self.saddr.octets());
        put(bytes, field::DADDR, &self.daddr.octets());
        let sum = checksum::checksum(bytes.get(..MIN_HEADER_LEN).unwrap_or(&[]));
        put(bytes, field::CHECKSUM, &sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPR: Repr = Repr {
        saddr: Ipv4Addr::new(10, 0, 0, 1),
        daddr: Ipv4Addr::new(192, 168, 0, 50),
        protocol: protocol::TCP,
        ttl: 64,
        tos: 0xb8,
        id: 0x1234,
        dont_fragment: true,
        payload_len: 20,
    };

    #[test]
    fn what_is_emitted_is_what_is_parsed() {
        let mut bytes = [0; 40];
        REPR.emit(&mut bytes);
        let header = Header::parse(&bytes).unwrap();
        assert!(header.checksum_is_right());
        assert_eq!((header.saddr(), header.daddr()), (REPR.saddr, REPR.daddr));
        assert_eq!((header.ttl(), header.tos(), header.id(), header.protocol()), (64, 0xb8, 0x1234, 6));
        assert_eq!((header.total_len(), header.header_len()), (40, 20));
        assert!(header.dont_fragment() && !header.more_fragments() && header.frag_off() == 0);
    }

    #[test]
    fn source_routes_and_broken_options_do_not_pass() {
        let table: &[(&[u8], bool)] = &[
            (&[], true),
            (&[1, 1, 1, 0], true),
            // Behind the end of the list is padding, whatever it holds.
            (&[0, 131, 0, 0], true),
            // Router alert; record route; time stamp; one that nobody knows.
            (&[148, 4, 0, 0], true),
            (&[7, 7, 4, 0, 0, 0, 0, 0], true),
            (&[68, 8, 5, 0, 0, 0, 0, 0], true),
            (&[222, 2, 1, 1], true),
            (&[131, 7, 4, 10, 0, 0, 1, 0], false),
            (&[137, 7, 4, 10, 0, 0, 1, 0], false),
            (&[1, 148, 4, 0, 0, 131, 3, 4], false),
            (&[148, 0, 0, 0], false),
            (&[148, 1, 0, 0], false),
            (&[148, 5, 0, 0], false),
            (&[148, 255, 0, 0], false),
            (&[1, 1, 1, 148], false),
        ];
        for (options, passes) in table {
            assert_eq!(options_may_pass(options), *passes, "{options:?}");
        }
    }

    #[test]
    fn each_wrong_length_is_refused() {
        let mut good = [0; 40];
        REPR.emit(&mut good);
        let with = |at: usize, value: u8| {
            let mut bytes = good;
            bytes[at] = value;
            Header::parse(&bytes).map(|_| ())
        };
        assert_eq!(Header::parse(&good[..19]).map(|_| ()), Err(Malformed::Truncated));
        assert_eq!(with(0, 0x65), Err(Malformed::Version));
        assert_eq!(with(0, 0x44), Err(Malformed::HeaderLength));
        assert_eq!(with(0, 0x4b), Err(Malformed::Truncated));
        assert_eq!(with(3, 19), Err(Malformed::Length));
        assert_eq!(with(3, 20), Ok(()));
    }
}
