//! A frame of the drivers as the router sees it.

use virtio::{Frame, GsoType, NetHeader};
use wire::{Buffer, Offload, PartialChecksum, Segmentation, SegmentationKind};

/// A frame in DMA memory; dropping it recycles its buffers.
#[derive(Debug)]
pub struct DmaBuffer(pub Frame<'static>);

impl Buffer for DmaBuffer {
    fn head(&self) -> &[u8] {
        self.0.head()
    }

    fn head_mut(&mut self) -> &mut [u8] {
        self.0.head_mut()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn trim_front(&mut self, count: usize) -> bool {
        self.0.trim_front(count)
    }

    fn grow_front(&mut self, count: usize) -> bool {
        self.0.grow_front(count)
    }

    fn set_len(&mut self, len: usize) -> bool {
        self.0.set_len(len)
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        self.0.copy_out(offset, into)
    }

    fn offload(&self) -> Offload {
        offload(&self.0.header())
    }

    fn set_offload(&mut self, offload: Offload) {
        self.0.set_header(header(&offload));
    }
}

fn offload(header: &NetHeader) -> Offload {
    Offload {
        partial: header.needs_csum.then_some(PartialChecksum { start: header.csum_start, offset: header.csum_offset }),
        verified: header.data_valid,
        segmentation: header.gso.map(|gso| Segmentation {
            kind: match gso {
                GsoType::TcpV4 => SegmentationKind::Tcp4,
                GsoType::TcpV6 => SegmentationKind::Tcp6,
            },
            ecn: header.ecn,
            size: header.gso_size,
            header_len: header.hdr_len,
        }),
    }
}

/// UDP segmentation is never received (it is not negotiated), so it need not be sent.
fn header(offload: &Offload) -> NetHeader {
    let mut header = NetHeader { data_valid: offload.verified, ..NetHeader::default() };
    if let Some(PartialChecksum { start, offset }) = offload.partial {
        header = NetHeader { needs_csum: true, csum_start: start, csum_offset: offset, ..header };
    }
    if let Some(Segmentation { kind, ecn, size, header_len }) = offload.segmentation {
        let gso = match kind {
            SegmentationKind::Tcp4 => Some(GsoType::TcpV4),
            SegmentationKind::Tcp6 => Some(GsoType::TcpV6),
            SegmentationKind::Udp => None,
        };
        header = NetHeader { gso, ecn: ecn && gso.is_some(), gso_size: size, hdr_len: header_len, ..header };
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offload_state_survives_the_way_to_the_router_and_back() {
        let plain = NetHeader::default();
        let partial = NetHeader { needs_csum: true, csum_start: 34, csum_offset: 6, ..plain };
        let verified = NetHeader { data_valid: true, ..plain };
        let large = NetHeader { gso: Some(GsoType::TcpV4), gso_size: 1448, hdr_len: 66, ..partial };
        let large6 = NetHeader { gso: Some(GsoType::TcpV6), ecn: true, ..large };
        for before in [plain, partial, verified, large, large6] {
            assert_eq!(header(&offload(&before)), before);
        }
    }
}
