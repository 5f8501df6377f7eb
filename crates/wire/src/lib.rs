//! Bytes and their meaning, nothing else: addresses, time, frames, and one module per protocol.
//!
//! A header view is opened once over untrusted bytes (`parse`), checks every length it relies on, and after that
//! its accessors cannot fail. Accessors carry the header's own field names (RFC 791, 8200, 9293, 768, 792, 4443).
//! Nothing here knows policies, tables or clocks; nothing allocates.

#![no_std]
#![forbid(unsafe_code)]

pub mod addr;
pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod frame;
pub mod icmpv4;
pub mod icmpv6;
pub mod ipv4;
pub mod ipv6;
pub mod ndp;
pub mod tcp;
pub mod time;
pub mod udp;

pub use addr::{Cidr, Cidr4, Cidr6, CidrError, IfaceId, MacAddr, PortId};
pub use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
pub use core::time::Duration;
pub use frame::{Buffer, Burst, Offload, PartialChecksum, Segmentation, SegmentationKind};
pub use time::Instant;

/// The bytes are no such header: too short for it, or a length or version field contradicts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Fewer bytes than the header, or than the header says there are.
    Truncated,
    /// The version field is not this protocol's.
    Version,
    /// A header length below the minimum, or beyond the packet.
    HeaderLength,
    /// A total or payload length below the headers.
    Length,
}

/// Reads a big-endian `u16` at `at`; 0 where the slice ends before it, which a checked view never lets happen.
#[inline(always)]
fn be16(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[a, b]) => u16::from_be_bytes([a, b]),
        _ => 0,
    }
}

/// Reads a big-endian `u32` at `at`, as [`be16`].
#[inline(always)]
fn be32(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}

/// Reads one byte at `at`, as [`be16`].
#[inline(always)]
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Overwrites bytes at `at`; nothing happens where the slice ends before them.
#[inline(always)]
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
