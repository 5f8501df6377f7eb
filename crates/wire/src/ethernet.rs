//! Ethernet II frames (RFC 894) and one 802.1Q tag (IEEE 802.1Q-2018 §9.6).
//!
//! ```text
//! | destination 6 | source 6 | [ 0x8100 2 | TCI 2 ] | EtherType 2 | payload …
//! ```

use crate::{MacAddr, Malformed, be16, put};

/// Bytes of the header without a tag.
pub const HEADER_LEN: usize = 14;
/// Bytes that a tag adds.
pub const TAG_LEN: usize = 4;
/// The tag protocol identifier of 802.1Q.
pub const TPID: u16 = 0x8100;

/// What a frame carries.
pub mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const IPV6: u16 = 0x86dd;
}

/// A link header, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub dst: MacAddr,
    pub src: MacAddr,
    /// The VLAN identifier of an 802.1Q tag, its low 12 bits; `None` for an untagged frame. 0 is a priority tag.
    pub vid: Option<u16>,
    /// What follows the header, tag included.
    pub ethertype: u16,
    /// Bytes to the payload: 14, or 18 with a tag.
    pub len: usize,
}

impl Header {
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(Malformed::Truncated)?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        let (dst, src) = (MacAddr([d0, d1, d2, d3, d4, d5]), MacAddr([s0, s1, s2, s3, s4, s5]));
        let ethertype = u16::from_be_bytes([t0, t1]);
        if ethertype != TPID {
            return Ok(Self { dst, src, vid: None, ethertype, len: HEADER_LEN });
        }
        if bytes.len() < HEADER_LEN + TAG_LEN {
            return Err(Malformed::Truncated);
        }
        let vid = be16(bytes, 14) & 0x0fff;
        Ok(Self { dst, src, vid: Some(vid), ethertype: be16(bytes, 16), len: HEADER_LEN + TAG_LEN })
    }

    /// Bytes of the header for a frame with or without a tag.
    pub const fn len_for(vid: Option<u16>) -> usize {
        if vid.is_some() { HEADER_LEN + TAG_LEN } else { HEADER_LEN }
    }

    /// Writes the header at the start of `bytes`, which must hold [`len_for`](Self::len_for) of them; priority 0.
    #[inline]
    pub fn emit(bytes: &mut [u8], dst: MacAddr, src: MacAddr, vid: Option<u16>, ethertype: u16) {
        if let Some(vid) = vid {
            put(bytes, 14, &(vid & 0x0fff).to_be_bytes());
            put(bytes, 16, &ethertype.to_be_bytes());
        }
        if let Some(bytes) = bytes.first_chunk_mut::<HEADER_LEN>() {
            bytes[..6].copy_from_slice(&dst.0);
            bytes[6..12].copy_from_slice(&src.0);
            bytes[12..].copy_from_slice(&if vid.is_none() { ethertype } else { TPID }.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_emitted_is_what_is_parsed() {
        let (dst, src) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
        for vid in [None, Some(0), Some(13), Some(4094)] {
            let mut bytes = [0; 18];
            Header::emit(&mut bytes, dst, src, vid, ethertype::IPV6);
            let header = Header::parse(&bytes).unwrap();
            assert_eq!(header, Header { dst, src, vid, ethertype: ethertype::IPV6, len: Header::len_for(vid) });
        }
        assert_eq!(Header::parse(&[0; 13]), Err(Malformed::Truncated));
    }

    #[test]
    fn a_tag_that_is_cut_off_is_truncated() {
        let mut bytes = [0; 18];
        Header::emit(&mut bytes, MacAddr::BROADCAST, MacAddr::default(), Some(1), ethertype::ARP);
        assert_eq!(Header::parse(&bytes[..17]), Err(Malformed::Truncated));
    }
}
