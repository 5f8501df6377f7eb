//! The UDP header (RFC 768).

use crate::{Malformed, be16};

pub const HEADER_LEN: usize = 8;

pub mod field {
    pub const SPORT: usize = 0;
    pub const DPORT: usize = 2;
    pub const LENGTH: usize = 4;
    pub const CHECKSUM: usize = 6;
}

#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// The length field must cover the header; that it fits the packet is for the caller to check.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let bytes = bytes.get(..HEADER_LEN).ok_or(Malformed::Truncated)?;
        Ok(Self { bytes })
    }

    pub fn sport(&self) -> u16 {
        be16(self.bytes, field::SPORT)
    }

    pub fn dport(&self) -> u16 {
        be16(self.bytes, field::DPORT)
    }

    /// Header and payload, as the sender wrote it.
    pub fn length(&self) -> u16 {
        be16(self.bytes, field::LENGTH)
    }

    /// 0: the sender computed none (IPv4 only).
    pub fn checksum(&self) -> u16 {
        be16(self.bytes, field::CHECKSUM)
    }
}
