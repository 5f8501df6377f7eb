//! A flow's translation, as its packets are rewritten.

use super::sight::Sight;
use crate::conntrack::{Key, Tuple};
use crate::emit;
use wire::checksum::Delta;
use wire::{ipv4, ipv6, tcp, udp};

/// What a translation does to the checksums of a flow's packets in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Rewriting {
    /// By new addresses alone, …
    addresses: Delta,
    /// … and by those and new ports.
    all: Delta,
}

impl Rewriting {
    pub const NONE: Self = Self { addresses: Delta::NONE, all: Delta::NONE };

    /// Of packets that come with the tuple `from`, whose flow's other direction has the tuple `to`.
    pub fn between(from: &Tuple, to: &Tuple) -> Self {
        let addresses = Delta::NONE.addr(from.src, to.dst).addr(from.dst, to.src);
        let all = addresses.word(from.sport, to.dport).word(from.dport, to.sport);
        Self { addresses, all }
    }
}

/// Takes a hop off a packet, which begins with its IP header, and gives it other endpoints if there are some: those of
/// the tuple, reversed. `partial`: its transport checksum is that of the pseudo-header.
#[inline(always)]
pub(super) fn rewrite(packet: &mut [u8], sight: &Sight, translation: Option<(Rewriting, Key)>, partial: bool) {
    let rewriting = translation.map_or(Rewriting::NONE, |(rewriting, _)| rewriting);
    if sight.is_v4 {
        let Some(bytes) = packet.first_chunk_mut::<{ ipv4::MIN_HEADER_LEN + 4 }>() else { return };
        bytes[ipv4::field::TTL] = bytes[ipv4::field::TTL].wrapping_sub(1);
        let check = u16::from_be_bytes([bytes[ipv4::field::CHECKSUM], bytes[ipv4::field::CHECKSUM + 1]]);
        let check = rewriting.addresses.and(Delta::HOP).apply(check);
        bytes[ipv4::field::CHECKSUM..ipv4::field::SADDR].copy_from_slice(&check.to_be_bytes());
        if let Some((_, Key::V4 { addresses, rest })) = translation {
            bytes[ipv4::field::SADDR..20].copy_from_slice(&addresses.rotate_left(32).to_be_bytes());
            bytes[20..].copy_from_slice(&Key::ports_of(rest).rotate_left(16).to_be_bytes());
        }
    } else {
        let Some(bytes) = packet.first_chunk_mut::<{ ipv6::HEADER_LEN + 4 }>() else { return };
        bytes[ipv6::field::HOP_LIMIT] = bytes[ipv6::field::HOP_LIMIT].wrapping_sub(1);
        if let Some((_, Key::V6 { src, dst, rest })) = translation {
            bytes[ipv6::field::SADDR..ipv6::field::DADDR].copy_from_slice(&dst.to_be_bytes());
            bytes[ipv6::field::DADDR..40].copy_from_slice(&src.to_be_bytes());
            bytes[40..].copy_from_slice(&Key::ports_of(rest).rotate_left(16).to_be_bytes());
        }
    }
    if translation.is_some() {
        let field = if sight.is_tcp { tcp::field::CHECKSUM } else { udp::field::CHECKSUM };
        let at = usize::from(sight.l4 - sight.l3) + field;
        emit::transport_checksum(packet, at, partial, rewriting.addresses, rewriting.all, !sight.is_tcp);
    }
}
