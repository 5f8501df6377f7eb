//! A flow's translation, as its packets are rewritten.

use crate::conntrack::{Key, Tuple};
use crate::emit;
use wire::checksum::Delta;
use wire::{ipv4, ipv6, tcp, udp};

use super::header::Header;

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

/// Takes a hop off an IPv4 packet, and gives it other endpoints if there are some: those of `Some` tuple, reversed.
#[inline(always)]
pub(super) fn rewrite(head: &mut [u8], header: &Header, partial: bool, rewriting: Option<(&Rewriting, &Tuple)>) {
    let addresses = rewriting.map_or(Delta::NONE, |(rewriting, _)| rewriting.addresses);
    let Some(bytes) = head.get_mut(usize::from(header.l3)..) else { return };
    if header.is_v4 {
        let Some(bytes) = bytes.first_chunk_mut::<{ ipv4::MIN_HEADER_LEN }>() else { return };
        let word = |bytes: &[u8; ipv4::MIN_HEADER_LEN], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let old = word(bytes, ipv4::field::TTL);
        bytes[ipv4::field::TTL] -= 1;
        let delta = addresses.word(old, old - 0x100);
        let check = delta.apply(word(bytes, ipv4::field::CHECKSUM));
        bytes[ipv4::field::CHECKSUM..ipv4::field::SADDR].copy_from_slice(&check.to_be_bytes());
    } else {
        let Some(bytes) = bytes.first_chunk_mut::<{ ipv6::HEADER_LEN }>() else { return };
        bytes[ipv6::field::HOP_LIMIT] -= 1;
    }
    if let Some((rewriting, to)) = rewriting {
        endpoints(head, header, partial, rewriting, to);
    }
}

#[inline(never)]
fn endpoints(head: &mut [u8], header: &Header, partial: bool, rewriting: &Rewriting, to: &Tuple) {
    use wire::IpAddr::{V4, V6};
    let (l3, l4) = (usize::from(header.l3), usize::from(header.l4));
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = head.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    match (to.dst, to.src) {
        (V4(src), V4(dst)) => {
            put(l3 + ipv4::field::SADDR, &src.octets());
            put(l3 + ipv4::field::DADDR, &dst.octets());
        }
        (V6(src), V6(dst)) => {
            put(l3 + ipv6::field::SADDR, &src.octets());
            put(l3 + ipv6::field::DADDR, &dst.octets());
        }
        _ => {}
    }
    // TCP and UDP have their ports at the same places.
    put(l4 + tcp::field::SPORT, &to.dport.to_be_bytes());
    put(l4 + tcp::field::DPORT, &to.sport.to_be_bytes());
    let field = if header.is_tcp { tcp::field::CHECKSUM } else { udp::field::CHECKSUM };
    emit::transport_checksum(head, l4 + field, partial, rewriting.addresses, rewriting.all, !header.is_tcp);
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
