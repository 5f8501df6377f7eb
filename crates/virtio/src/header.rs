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
}

/// The header as it lies in a buffer, without `num_buffers`. Frames are carried with it, for most of them need no more
/// than a look at whether it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawHeader {
    /// Flags 1, type of segmentation 1, `hdr_len` 2, `gso_size` 2, `csum_start` 2. As bytes, so that no padding makes a
    /// frame larger than half a cache line.
    low: [u8; 8],
    csum_offset: u16,
}

const HDR_LEN: u32 = 16;
const GSO_SIZE: u32 = 32;
const CSUM_START: u32 = 48;

impl RawHeader {
    /// A received header and its `num_buffers`.
    #[inline]
    pub fn read(bytes: &[u8; NetHeader::LEN]) -> (Self, u16) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        (Self { low: [a, b, c, d, e, f, g, h], csum_offset: u16::from_le_bytes([i, j]) }, u16::from_le_bytes([k, l]))
    }

    /// The bytes for transmission: `DATA_VALID` and `num_buffers` are 0 (VirtIO 1.2 §5.1.6.2.1).
    #[inline]
    pub fn write(self, to: &mut [u8; NetHeader::LEN]) {
        *to = [0; NetHeader::LEN];
        if !self.is_plain() {
            to[..8].copy_from_slice(&(self.bits() & !u64::from(DATA_VALID)).to_le_bytes());
            to[8..10].copy_from_slice(&self.csum_offset.to_le_bytes());
        }
    }

    /// Nothing is asked of who sends this frame.
    #[inline]
    pub fn is_plain(self) -> bool {
        self.bits() & (u64::from(NEEDS_CSUM) | 0xff00) == 0
    }

    #[inline]
    fn bits(self) -> u64 {
        u64::from_le_bytes(self.low)
    }

    /// What it says; `None` for a kind of segmentation that we never negotiate.
    pub fn decode(self) -> Option<NetHeader> {
        let [flags, gso_type, ..] = self.low;
        let gso = match gso_type & !GSO_ECN {
            GSO_NONE => None,
            GSO_TCPV4 => Some(GsoType::TcpV4),
            GSO_TCPV6 => Some(GsoType::TcpV6),
            _ => return None,
        };
        Some(NetHeader {
            needs_csum: flags & NEEDS_CSUM != 0,
            data_valid: flags & DATA_VALID != 0,
            gso,
            ecn: gso.is_some() && gso_type & GSO_ECN != 0,
            hdr_len: (self.bits() >> HDR_LEN) as u16,
            gso_size: (self.bits() >> GSO_SIZE) as u16,
            csum_start: (self.bits() >> CSUM_START) as u16,
            csum_offset: self.csum_offset,
        })
    }

    pub fn encode(header: &NetHeader) -> Self {
        let flags = if header.needs_csum { NEEDS_CSUM } else { 0 } | if header.data_valid { DATA_VALID } else { 0 };
        let mut low = u64::from(flags);
        let mut csum_offset = 0;
        if header.needs_csum {
            low |= u64::from(header.csum_start) << CSUM_START;
            csum_offset = header.csum_offset;
        }
        if let Some(gso) = header.gso {
            let gso = match gso {
                GsoType::TcpV4 => GSO_TCPV4,
                GsoType::TcpV6 => GSO_TCPV6,
            } | if header.ecn { GSO_ECN } else { 0 };
            low |= u64::from(gso) << 8 | u64::from(header.hdr_len) << HDR_LEN | u64::from(header.gso_size) << GSO_SIZE;
        }
        Self { low: low.to_le_bytes(), csum_offset }
    }

    /// The header of a frame whose start has moved by `count` bytes towards its end.
    pub fn trimmed(self, count: u16) -> Self {
        self.moved(|offset| offset.saturating_sub(count))
    }

    /// The header of a frame that has grown by `count` bytes at its start.
    pub fn grown(self, count: u16) -> Self {
        self.moved(|offset| offset.saturating_add(count))
    }

    fn moved(self, change: impl Fn(u16) -> u16) -> Self {
        match self.decode() {
            Some(header) if !self.is_plain() => Self::encode(&NetHeader {
                csum_start: change(header.csum_start),
                hdr_len: change(header.hdr_len),
                ..header
            }),
            _ => self,
        }
    }
}

impl NetHeader {
    /// Whether a frame of `len` bytes can be what this header says: a checksum field within it, segments of at least
    /// one byte, and a partial checksum wherever segments are to be cut.
    pub(crate) fn fits(&self, len: usize) -> bool {
        let field_end = usize::from(self.csum_start) + usize::from(self.csum_offset) + 2;
        (!self.needs_csum || field_end <= len) && (self.gso.is_none() || self.needs_csum && self.gso_size > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_sent_as_it_was_received_but_for_what_only_receivers_are_told() {
        let received = [3, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 2, 0];
        let (header, num_buffers) = RawHeader::read(&received);
        assert_eq!(num_buffers, 2);
        assert!(!header.is_plain());
        let mut sent = [0xff; 12];
        header.write(&mut sent);
        assert_eq!(sent, [1, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0]);
        assert_eq!(RawHeader::encode(&header.decode().unwrap()), header);
    }

    #[test]
    fn kinds_of_segmentation_that_were_not_negotiated_are_no_header() {
        for gso_type in [2, 3, 5, 6, 0x7f, 0x83] {
            let (header, _) = RawHeader::read(&[0, gso_type, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
            assert!(!header.is_plain(), "{gso_type}");
            assert_eq!(header.decode(), None, "{gso_type}");
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
        let header = NetHeader { needs_csum: true, csum_start: 34, ..NetHeader::default() };
        let raw = RawHeader::encode(&header);
        assert_eq!(raw.grown(4).decode().unwrap().csum_start, 38);
        assert_eq!(raw.grown(4).trimmed(4), raw);
        assert_eq!(RawHeader::default().grown(4), RawHeader::default());
    }
}
