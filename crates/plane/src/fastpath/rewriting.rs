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

    /// Of a flow with these keys, by direction.
    pub fn of(original: &Key, reply: &Key) -> [Self; 2] {
        let there = Self::between(original, reply);
        // Replies are changed back, word by word.
        let back = match (there.addresses.reversed(), there.all.reversed()) {
            (Some(addresses), Some(all)) => Self { addresses, all },
            _ => Self::between(reply, original),
        };
        [there, back]
    }

    /// Of packets that come with the key `from`, whose flow's other direction has the key `to`.
    fn between(from: &Key, to: &Key) -> Self {
        let addresses = match (from, to) {
            (Key::V4 { addresses: from, .. }, Key::V4 { addresses: to, .. }) => {
                Delta::NONE.words(*from, to.rotate_left(32))
            }
            _ => {
                let (from, to) = (Tuple::from(*from), Tuple::from(*to));
                Delta::NONE.addr(from.src, to.dst).addr(from.dst, to.src)
            }
        };
        let ports = |sport: u16, dport: u16| u64::from(sport) << 16 | u64::from(dport);
        let all = addresses.words(ports(from.sport(), from.dport()), ports(to.dport(), to.sport()));
        Self { addresses, all }
    }
}

/// Takes a hop off a packet, which begins with its IP header.
#[inline(always)]
pub(super) fn hop(packet: &mut [u8], v4: bool) {
    if !v4 {
        if let Some(hop_limit) = packet.get_mut(ipv6::field::HOP_LIMIT) {
            *hop_limit = hop_limit.wrapping_sub(1);
        }
    } else if let Some(header) = packet.first_chunk_mut::<{ ipv4::MIN_HEADER_LEN }>() {
        header[ipv4::field::TTL] = header[ipv4::field::TTL].wrapping_sub(1);
        let [.., c0, c1, _, _, _, _, _, _, _, _] = *header;
        header[ipv4::field::CHECKSUM..ipv4::field::SADDR].copy_from_slice(&Delta::hop([c0, c1]));
    }
}

/// Takes a hop off a packet, and gives it other endpoints: those of the key, reversed. `partial`: its transport checksum
/// is that of the pseudo-header.
#[inline(always)]
pub(super) fn translate(packet: &mut [u8], sight: &Sight, rewriting: Rewriting, to: &Key, partial: bool) {
    let Rewriting { addresses: delta, all } = rewriting;
    let rest = match *to {
        Key::V4 { addresses, rest } => {
            let Some(header) = packet.first_chunk_mut::<{ ipv4::MIN_HEADER_LEN }>() else { return };
            header[ipv4::field::TTL] = header[ipv4::field::TTL].wrapping_sub(1);
            let [.., c0, c1, _, _, _, _, _, _, _, _] = *header;
            let check = delta.and(Delta::HOP).apply(u16::from_be_bytes([c0, c1]));
            header[ipv4::field::CHECKSUM..ipv4::field::SADDR].copy_from_slice(&check.to_be_bytes());
            header[ipv4::field::SADDR..].copy_from_slice(&addresses.rotate_left(32).to_be_bytes());
            rest
        }
        Key::V6 { src, dst, rest } => {
            hop(packet, false);
            let Some(header) = packet.first_chunk_mut::<{ ipv6::HEADER_LEN }>() else { return };
            let words = [dst[0], dst[1], src[0], src[1]].map(u64::to_be_bytes);
            header[ipv6::field::SADDR..].copy_from_slice(words.as_flattened());
            rest
        }
    };
    let Some(transport) = packet.get_mut(usize::from(sight.l4 - sight.l3)..) else { return };
    // TCP and UDP have their ports at the same places.
    if let Some(ports) = transport.first_chunk_mut::<4>() {
        *ports = Key::ports_of(rest).rotate_left(16).to_be_bytes();
    }
    let field = if sight.is_tcp() { tcp::field::CHECKSUM } else { udp::field::CHECKSUM };
    emit::transport_checksum(transport, field, partial, delta, all, !sight.is_tcp());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nat::Random;
    use wire::IpAddr;

    #[test]
    fn replies_are_changed_as_if_that_had_been_computed_word_by_word() {
        let mut random = Random::new(11);
        // Few addresses and ports, so that changes often cancel out.
        let mut endpoint = |v6: bool| {
            let byte = |bits: u64| [0, 1, 0xff][bits as usize % 3];
            let mut octets = [0; 16];
            octets[8..].iter_mut().for_each(|octet| *octet = byte(random.next()));
            let [.., a, b, c, d] = octets;
            let address = if v6 { IpAddr::from(octets) } else { IpAddr::from([a, b, c, d]) };
            (address, u16::from_be_bytes([byte(random.next()), byte(random.next())]))
        };
        for at in 0..20_000 {
            let mut tuple = || {
                let ((src, sport), (dst, dport)) = (endpoint(at % 2 == 0), endpoint(at % 2 == 0));
                Tuple { src, dst, sport, dport, protocol: 6, zone: 0 }
            };
            let (original, reply) = (tuple(), tuple());
            let between = |from: Tuple, to: Tuple| {
                let addresses = Delta::NONE.addr(from.src, to.dst).addr(from.dst, to.src);
                Rewriting { addresses, all: addresses.word(from.sport, to.dport).word(from.dport, to.sport) }
            };
            let expected = [between(original, reply), between(reply, original)];
            assert_eq!(Rewriting::of(&original.key(), &reply.key()), expected, "{original:?} {reply:?}");
        }
    }
}
