//! `struct virtio_net_hdr`, the 12 bytes before every frame in a buffer (VirtIO 1.2 §5.1.6).

/// What the device did to a received frame, or is asked to do to one that is sent. Offsets count from the frame's
/// first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetHeader {
    /// The transport checksum is partial: sum from `csum_start`, store at `csum_start + csum_offset`.
    pub needs_csum: bool,
    /// The device has verified the transport checksum.
    pub data_valid: bool,
    /// Absent: an ordinary frame.
    pub gso: Option<GsoType>,
    /// The first segment carries ECN's CWR (RFC 3168 §6.1.2).
    pub ecn: bool,
    /// Bytes of all headers, a hint.
    pub hdr_len: u16,
    /// Payload bytes of each segment.
    pub gso_size: u16,
    pub csum_start: u16,
    pub csum_offset: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoType {
    TcpV4,
    TcpV6,
}

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_ECN: u8 = 0x80;

impl NetHeader {
    /// Bytes in a buffer, `num_buffers` included.
    pub const LEN: usize = 12;

    /// Reads a received header and its `num_buffers`; `None` for a kind of segmentation that we never negotiate.
    pub(crate) fn decode(bytes: &[u8; Self::LEN]) -> (Option<Self>, u16) {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let gso = match bytes[1] & !GSO_ECN {
            GSO_NONE => Ok(None),
            GSO_TCPV4 => Ok(Some(GsoType::TcpV4)),
            GSO_TCPV6 => Ok(Some(GsoType::TcpV6)),
            _ => Err(()),
        };
        let header = gso.ok().map(|gso| Self {
            needs_csum: bytes[0] & NEEDS_CSUM != 0,
            data_valid: bytes[0] & DATA_VALID != 0,
            gso,
            ecn: gso.is_some() && bytes[1] & GSO_ECN != 0,
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        });
        (header, word(10))
    }

    /// The bytes for transmission: `DATA_VALID` and `num_buffers` are 0 (VirtIO 1.2 §5.1.6.2.1).
    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        if self.needs_csum {
            bytes[0] = NEEDS_CSUM;
            bytes[6..8].copy_from_slice(&self.csum_start.to_le_bytes());
            bytes[8..10].copy_from_slice(&self.csum_offset.to_le_bytes());
        }
        if let Some(gso) = self.gso {
            bytes[1] = match gso {
                GsoType::TcpV4 => GSO_TCPV4,
                GsoType::TcpV6 => GSO_TCPV6,
            } | if self.ecn { GSO_ECN } else { 0 };
            bytes[2..4].copy_from_slice(&self.hdr_len.to_le_bytes());
            bytes[4..6].copy_from_slice(&self.gso_size.to_le_bytes());
        }
        bytes
    }

    /// Whether a frame of `len` bytes can be what this header says: a checksum field within it, segments of at least
    /// one byte, and a partial checksum wherever segments are to be cut.
    pub(crate) fn fits(&self, len: usize) -> bool {
        let field_end = usize::from(self.csum_start) + usize::from(self.csum_offset) + 2;
        (!self.needs_csum || field_end <= len) && (self.gso.is_none() || self.needs_csum && self.gso_size > 0)
    }

    /// The header of a frame whose start has moved by `count` bytes towards its end.
    pub(crate) fn trimmed(self, count: u16) -> Self {
        Self { csum_start: self.csum_start.saturating_sub(count), hdr_len: self.hdr_len.saturating_sub(count), ..self }
    }

    /// The header of a frame that has grown by `count` bytes at its start.
    pub(crate) fn grown(self, count: u16) -> Self {
        Self { csum_start: self.csum_start.saturating_add(count), hdr_len: self.hdr_len.saturating_add(count), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_sent_as_it_was_received_but_for_what_only_receivers_are_told() {
        let received = [3, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 2, 0];
        let (header, num_buffers) = NetHeader::decode(&received);
        assert_eq!(num_buffers, 2);
        assert_eq!(header.unwrap().encode(), [1, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0]);
    }

    #[test]
    fn kinds_of_segmentation_that_were_not_negotiated_are_no_header() {
        for gso_type in [2, 3, 5, 6, 0x7f, 0x83] {
            assert_eq!(NetHeader::decode(&[0, gso_type, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]).0, None, "{gso_type}");
        }
    }

    #[test]
    fn offsets_must_lie_within_the_frame() {
        let header = NetHeader { needs_csum: true, csum_start: 34, csum_offset: 16, ..NetHeader::default() };
        assert!(!header.fits(51));
        assert!(header.fits(52));
        assert!(!NetHeader { csum_start: 65535, csum_offset: 65535, ..header }.fits(65550));
        assert!(!NetHeader { gso: Some(GsoType::TcpV4), gso_size: 0, ..header }.fits(1500));
        assert!(!NetHeader { gso: Some(GsoType::TcpV4), gso_size: 1, needs_csum: false, ..header }.fits(1500));
    }

    #[test]
    fn offsets_follow_a_vlan_tag() {
        let header = NetHeader { needs_csum: true, csum_start: 34, hdr_len: 54, ..NetHeader::default() };
        assert_eq!(header.grown(4).csum_start, 38);
        assert_eq!(header.grown(4).trimmed(4), header);
    }
}
