//! One frame out of a datagram's fragments, for the box's own stack.

use super::First;
use super::split::write_lengths;
use super::store::Extent;
use crate::link::UNTAGGED_L3;
use wire::{Buffer, ipv6};

/// Makes an empty frame the datagram's headers, as if it had never been cut, with room for its payload. Gives where the
/// IP header and the transport header begin; `None` where the frame has no room.
pub(super) fn begin<B: Buffer>(whole: &mut B, frame: &B, first: &First) -> Option<(u16, u16)> {
    let (packet, headers_len, l3) = (&first.packet, first.headers_len(), UNTAGGED_L3);
    if !whole.set_len(l3 + packet.total_len as usize) {
        return None;
    }
    let headers = whole.head_mut().get_mut(l3..l3 + headers_len)?;
    if frame.copy_out(usize::from(packet.l3), headers) != headers_len {
        return None;
    }
    if packet.is_v4() {
        write_lengths(headers, packet.total_len as u16, 0);
    } else {
        let payload_len = (packet.total_len as usize - ipv6::HEADER_LEN) as u16;
        headers.get_mut(ipv6::field::PAYLOAD_LENGTH..)?.first_chunk_mut::<2>()?.clone_from(&payload_len.to_be_bytes());
        // What named the fragment header now names what came behind it.
        let next_header = *frame.head().get(usize::from(packet.l3) + headers_len)?;
        *headers.get_mut(last_next_header(headers))? = next_header;
    }
    Some((l3 as u16, l3 as u16 + packet.ip_header_len() as u16))
}

/// Copies a fragment's data to its place behind `payload_at`.
pub(super) fn add<B: Buffer>(whole: &mut B, payload_at: usize, frame: &B, extent: &Extent) {
    let (start, end) = (payload_at + extent.start as usize, payload_at + extent.end as usize);
    if let Some(place) = whole.head_mut().get_mut(start..end) {
        frame.copy_out(usize::from(extent.data_at), place);
    }
}

/// Where the last of these headers says what follows it.
fn last_next_header(headers: &[u8]) -> usize {
    let (mut at, mut end) = (ipv6::field::NEXT_HEADER, ipv6::HEADER_LEN);
    while let Some(&[_, len]) = headers.get(end..end + 2) {
        at = end;
        end += usize::from(len) * 8 + 8;
    }
    at
}
