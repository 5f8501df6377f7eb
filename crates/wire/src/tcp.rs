//! The TCP header (RFC 9293 §3.1).

use crate::{Malformed, be16, be32, byte};

pub const MIN_HEADER_LEN: usize = 20;

pub mod field {
    pub const SPORT: usize = 0;
    pub const DPORT: usize = 2;
    pub const CHECKSUM: usize = 16;
}

/// Bits of [`Header::flags`].
pub mod flag {
    pub const FIN: u16 = 1;
    pub const SYN: u16 = 2;
    pub const RST: u16 = 4;
    pub const PSH: u16 = 8;
    pub const ACK: u16 = 16;
    pub const URG: u16 = 32;
    pub const ECE: u16 = 64;
    pub const CWR: u16 = 128;
    pub const NS: u16 = 256;
}

/// A header of at least 20 bytes whose data offset is at least 5.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// `bytes` begins with the header and may end before its options do; see [`options`](Self::options).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < MIN_HEADER_LEN {
            return Err(Malformed::Truncated);
        }
        let header = Self { bytes };
        if header.header_len() < MIN_HEADER_LEN { Err(Malformed::HeaderLength) } else { Ok(header) }
    }

    pub fn sport(&self) -> u16 {
        be16(self.bytes, field::SPORT)
    }

    pub fn dport(&self) -> u16 {
        be16(self.bytes, field::DPORT)
    }

    pub fn sequence(&self) -> u32 {
        be32(self.bytes, 4)
    }

    pub fn ackseq(&self) -> u32 {
        be32(self.bytes, 8)
    }

    /// 20 to 60 bytes.
    pub fn header_len(&self) -> usize {
        usize::from(byte(self.bytes, 12) >> 4) * 4
    }

    /// The three reserved bits between the data offset and NS.
    pub fn reserved(&self) -> u8 {
        byte(self.bytes, 12) >> 1 & 7
    }

    /// Nine bits, [`flag::FIN`] to [`flag::NS`].
    pub fn flags(&self) -> u16 {
        be16(self.bytes, 12) & 0x1ff
    }

    pub fn window(&self) -> u16 {
        be16(self.bytes, 14)
    }

    pub fn checksum(&self) -> u16 {
        be16(self.bytes, field::CHECKSUM)
    }

    pub fn urgptr(&self) -> u16 {
        be16(self.bytes, 18)
    }

    /// The options that are at hand, well-formed ones in order; the walk ends at the first that is not.
    pub fn options(&self) -> impl Iterator<Item = TcpOption> + use<'a> {
        let end = self.header_len().min(self.bytes.len());
        let mut rest = self.bytes.get(MIN_HEADER_LEN..end).unwrap_or(&[]);
        core::iter::from_fn(move || {
            loop {
                let (kind, len) = match *rest {
                    [] | [0, ..] => return None,
                    [1, ref tail @ ..] => {
                        rest = tail;
                        continue;
                    }
                    [kind, len, ..] => (kind, usize::from(len)),
                    [_] => return None,
                };
                if len < 2 {
                    return None;
                }
                let option = rest.get(..len)?;
                rest = rest.get(len..)?;
                return Some(match (kind, option.get(2..)?) {
                    (2, &[a, b]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([a, b])),
                    (3, &[shift]) => TcpOption::WindowScale(shift.min(14)),
                    (4, []) => TcpOption::SackPermitted,
                    (5, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => TcpOption::Sack {
                        right_edge: blocks.chunks_exact(8).map(|block| be32(block, 4)).fold(be32(blocks, 4), |a, b| {
                            // The later of two sequence numbers, which wrap.
                            if (b.wrapping_sub(a) as i32) > 0 { b } else { a }
                        }),
                    },
                    _ => TcpOption::Other(kind),
                });
            }
        })
    }
}

/// An option of a header (RFC 9293 §3.2, RFC 7323, RFC 2018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption {
    MaximumSegmentSize(u16),
    /// Bits to shift a window by; at most 14 (RFC 7323 §2.3).
    WindowScale(u8),
    SackPermitted,
    /// Selective acknowledgment: the highest right edge of its blocks (RFC 2018 §3).
    Sack {
        right_edge: u32,
    },
    Other(u8),
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    fn with_options(options: &[u8]) -> Vec<u8> {
        let mut bytes = std::vec![0; 20];
        bytes[12] = (((20 + options.len()) / 4) << 4) as u8;
        bytes[13] = 2;
        bytes.extend_from_slice(options);
        bytes
    }

    #[test]
    fn options_are_read_until_the_first_that_is_broken() {
        use TcpOption::*;
        let read = |options: &[u8]| Header::parse(&with_options(options)).unwrap().options().collect::<Vec<_>>();
        assert_eq!(
            read(&[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 20, 0, 0]),
            [MaximumSegmentSize(1460), SackPermitted, WindowScale(14)]
        );
        assert_eq!(read(&[4, 2, 2, 0]), [SackPermitted]);
        assert_eq!(read(&[4, 2, 2, 9]), [SackPermitted]);
        assert_eq!(read(&[1, 1, 1, 2]), []);
        assert_eq!(read(&[5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 1, 1]), [Sack { right_edge: 9 }]);
    }

    #[test]
    fn a_data_offset_below_five_is_refused() {
        let mut bytes = [0; 20];
        assert_eq!(Header::parse(&bytes).map(|_| ()), Err(Malformed::HeaderLength));
        bytes[12] = 0x5f;
        bytes[13] = 0xff;
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.header_len(), header.reserved(), header.flags()), (20, 7, 0x1ff));
        assert_eq!(Header::parse(&bytes[..19]).map(|_| ()), Err(Malformed::Truncated));
    }
}
