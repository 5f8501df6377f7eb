//! Cutting a packet that is larger than its link takes: of IPv4 any (RFC 791 §3.2, RFC 1812 §5.2.6), of IPv6 one that the
//! box itself sends (RFC 8200 §4.5).
//!
//! ```text
//!  | header, all options | data … |   ─►   | header, all options    | data 8·n |
//!                                          | header, copied options | data 8·n |
//!                                          | header, copied options | rest     |
//! ```
//!
//! A fragment of IPv4 may be cut as well: its pieces continue its offset, and only the last of a last fragment is the
//! last. The header of an IPv6 piece is the packet's and a fragment header.

use crate::link::UNTAGGED_L3;
use wire::{Buffer, checksum, ipv4, ipv6};

/// Bytes that every empty frame has room for.
const ROOM: usize = 1600;
/// Longest IPv4 header.
const MAX_HEADER_LEN: usize = 60;
const MORE_FRAGMENTS: u16 = 0x2000;

/// A packet that is being cut.
pub(super) struct Cut {
    /// The first piece's header, and then that of the others; of IPv6 with the fragment header.
    header: [u8; MAX_HEADER_LEN],
    header_len: usize,
    v6: bool,
    /// Where in the original its data begins, and how many bytes that are.
    data_at: usize,
    data_len: usize,
    /// The original's own offset in its datagram, in units of 8 bytes, and whether it is not the last.
    frag_off: u16,
    more: bool,
    /// Data bytes that are cut off already.
    done: usize,
    mtu: usize,
}

impl Cut {
    /// `None`: an MTU that no piece fits into, or no IPv4 packet.
    pub fn new<B: Buffer>(original: &B, l3: usize, mtu: u16) -> Option<Self> {
        let parsed = ipv4::Header::parse(original.head().get(l3..)?).ok()?;
        let (header_len, mtu) = (parsed.header_len(), usize::from(mtu));
        let mut header = [0; MAX_HEADER_LEN];
        header.get_mut(..header_len)?.copy_from_slice(parsed.as_bytes());
        (mtu >= header_len + 8).then_some(Self {
            header,
            header_len,
            v6: false,
            data_at: l3 + header_len,
            data_len: usize::from(parsed.total_len()) - header_len,
            frag_off: parsed.frag_off(),
            more: parsed.more_fragments(),
            done: 0,
            mtu,
        })
    }

    /// A packet of IPv6 that the box itself sends. `None`: as for [`new`](Self::new), or one with headers that every
    /// piece would have to repeat.
    pub fn new6<B: Buffer>(original: &B, l3: usize, mtu: u16, id: u32) -> Option<Self> {
        use ipv6::extension::{FRAGMENT, HOP_BY_HOP, ROUTING};
        const HEADERS_LEN: usize = ipv6::HEADER_LEN + ipv6::FRAGMENT_HEADER_LEN;
        let bytes = original.head().get(l3..)?;
        let parsed = ipv6::Header::parse(bytes).ok()?;
        let next_header = parsed.next_header();
        if [FRAGMENT, HOP_BY_HOP, ROUTING].contains(&next_header) || usize::from(mtu) < HEADERS_LEN + 8 {
            return None;
        }
        let mut header = [0; MAX_HEADER_LEN];
        header.get_mut(..ipv6::HEADER_LEN)?.copy_from_slice(bytes.get(..ipv6::HEADER_LEN)?);
        header[ipv6::field::NEXT_HEADER] = FRAGMENT;
        let [a, b, c, d] = id.to_be_bytes();
        header.get_mut(ipv6::HEADER_LEN..HEADERS_LEN)?.copy_from_slice(&[next_header, 0, 0, 0, a, b, c, d]);
        Some(Self {
            header,
            header_len: HEADERS_LEN,
            v6: true,
            data_at: l3 + ipv6::HEADER_LEN,
            data_len: usize::from(parsed.payload_len()),
            frag_off: 0,
            more: false,
            done: 0,
            mtu: usize::from(mtu),
        })
    }

    pub const fn is_done(&self) -> bool {
        self.done >= self.data_len
    }

    /// Makes an empty frame the next piece, and says where its IP header begins. `None`: the frame has no room.
    pub fn next<B: Buffer>(&mut self, original: &B, frame: &mut B) -> Option<usize> {
        let l3 = UNTAGGED_L3;
        let room = if frame.set_len(l3 + self.mtu) { self.mtu } else { self.mtu.min(ROOM - l3) };
        let (left, most) = (self.data_len - self.done, room - self.header_len);
        let len = if left <= most { left } else { most & !7 };
        let payload_at = l3 + self.header_len;
        if len == 0 || !frame.set_len(payload_at + len) {
            return None;
        }
        let head = frame.head_mut();
        let data = head.get_mut(payload_at..payload_at + len)?;
        if original.copy_out(self.data_at + self.done, data) != len {
            return None;
        }
        let is_last = self.done + len == self.data_len && !self.more;
        let offset = self.frag_off + (self.done / 8) as u16;
        let header = head.get_mut(l3..payload_at)?;
        header.copy_from_slice(self.header.get(..self.header_len)?);
        if self.v6 {
            put(header, ipv6::field::PAYLOAD_LENGTH, (self.header_len - ipv6::HEADER_LEN + len) as u16);
            put(header, ipv6::HEADER_LEN + 2, offset << 3 | u16::from(!is_last));
        } else {
            let more = if is_last { 0 } else { MORE_FRAGMENTS };
            write_lengths(header, (self.header_len + len) as u16, offset | more);
            if self.done == 0 {
                self.keep_copied_options();
            }
        }
        self.done += len;
        Some(l3)
    }

    /// Leaves those options that every fragment carries (RFC 791 §3.1, the copied flag), the rest filled up with ends
    /// of the option list.
    fn keep_copied_options(&mut self) {
        const END: u8 = 0;
        const NO_OPERATION: u8 = 1;
        const COPIED: u8 = 0x80;
        let all = self.header;
        let options = all.get(ipv4::MIN_HEADER_LEN..self.header_len).unwrap_or(&[]);
        let (mut at, mut kept) = (0, ipv4::MIN_HEADER_LEN);
        while let Some(&kind) = options.get(at) {
            let len = match (kind, options.get(at + 1)) {
                (END, _) => break,
                (NO_OPERATION, _) => 1,
                // A list that is broken ends here.
                (_, Some(&len)) if len >= 2 => usize::from(len),
                _ => break,
            };
            let Some(option) = options.get(at..at + len) else { break };
            if kind & COPIED != 0
                && let Some(place) = self.header.get_mut(kept..kept + len)
            {
                place.copy_from_slice(option);
                kept += len;
            }
            at += len;
        }
        let header_len = kept.next_multiple_of(4);
        if let Some(padding) = self.header.get_mut(kept..header_len) {
            padding.fill(END);
        }
        self.header_len = header_len;
        self.header[0] = 0x40 | (header_len / 4) as u8;
    }
}

/// Writes total length, flags and fragment offset into a header, and the checksum over it.
pub(super) fn write_lengths(header: &mut [u8], total_len: u16, fragment: u16) {
    use ipv4::field::{CHECKSUM, FRAGMENT, TOTAL_LENGTH};
    put(header, TOTAL_LENGTH, total_len);
    put(header, FRAGMENT, fragment);
    put(header, CHECKSUM, 0);
    let sum = checksum::checksum(header);
    put(header, CHECKSUM, sum);
}

fn put(header: &mut [u8], at: usize, value: u16) {
    if let Some(place) = header.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}
