//! The Internet checksum: sums over bytes (RFC 1071) and adjustment for what changed (RFC 1624).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A running one's-complement sum of 16-bit words, not yet folded. Sums of pieces add up, so that a checksum over
/// scattered bytes needs no copy; every piece but the last must have an even length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    pub const ZERO: Self = Self(0);

    /// Adds `bytes`; an odd last byte counts as the high half of a word (RFC 1071 §4.1).
    #[inline]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let mut sum = self.0;
        let mut words = bytes.chunks_exact(4);
        for word in &mut words {
            // Two 16-bit columns in one 32-bit word: carries gather above and are folded at the end.
            sum += u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        }
        match *words.remainder() {
            [a] => sum += u64::from(u16::from_be_bytes([a, 0])),
            [a, b] => sum += u64::from(u16::from_be_bytes([a, b])),
            [a, b, c] => sum += u64::from(u16::from_be_bytes([a, b])) + u64::from(u16::from_be_bytes([c, 0])),
            _ => {}
        }
        Self(sum)
    }

    pub const fn add_word(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// The sum of the pseudo-header: addresses, protocol and upper-layer length (RFC 9293 §3.1, RFC 8200 §8.1).
    /// Families that differ have no pseudo-header; the sum is then of the protocol and length alone.
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: u32) -> Self {
        let sum = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Self::ZERO.bytes(&src.octets()).bytes(&dst.octets()),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Self::ZERO.bytes(&src.octets()).bytes(&dst.octets()),
            _ => Self::ZERO,
        };
        Self(sum.0 + u64::from(protocol) + u64::from(len))
    }

    /// The sum as 16 bits, not complemented: what a partial checksum field holds.
    pub const fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    /// The checksum: the complement of the sum. Over bytes that hold a right checksum it is 0.
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }
}

/// The checksum of `bytes` (RFC 1071).
#[inline]
pub fn checksum(bytes: &[u8]) -> u16 {
    Sum::ZERO.bytes(bytes).checksum()
}

/// Adjusts an Internet checksum for one changed 16-bit word: HC' = ~(~HC + ~m + m') (RFC 1624 §3, eqn. 3).
///
/// Words in host order. May answer 0 where a full computation answers 0xffff, and the reverse: equal to every
/// receiver, except that UDP over IPv4 reads 0 as "no checksum": leave an arriving 0, send 0xffff for 0 (RFC 768).
pub const fn adjust(check: u16, old: u16, new: u16) -> u16 {
    let sum = !check as u32 + !old as u32 + new as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// What a change of some words does to every checksum over them: the folded sum of ~m + m'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta(u16);

impl Delta {
    pub const NONE: Self = Self(0);

    /// A hop less in an IPv4 header: its word of TTL and protocol shrinks by 0x100, whatever it was.
    pub const HOP: Self = Self(!0x100);

    pub const fn word(self, old: u16, new: u16) -> Self {
        if old == new {
            return self;
        }
        let sum = self.0 as u32 + !old as u32 + new as u32;
        let sum = (sum & 0xffff) + (sum >> 16);
        Self(((sum & 0xffff) + (sum >> 16)) as u16)
    }

    /// Four words at once; the same as word by word.
    #[inline]
    pub fn words(self, old: u64, new: u64) -> Self {
        if old == new {
            return self;
        }
        // Of all four words at once, the carry comes round; then the halves, and their halves: each sum is in the upper
        // one, with what the same sum in the lower one carries.
        let (sum, carry) = (!old).overflowing_add(new);
        let sum = sum + u64::from(carry);
        let sum = (sum.wrapping_add(sum.rotate_left(32)) >> 32) as u32;
        let sum = (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16;
        let sum = self.and(Self(sum));
        if sum.0 == 0xffff { self.word_by_word(old, new) } else { sum }
    }

    /// For a sum of zero, of which there are two: which one it is, depends on which words have changed.
    #[cold]
    #[inline(never)]
    fn word_by_word(self, old: u64, new: u64) -> Self {
        let parts = [48, 32, 16, 0].map(|at| ((old >> at) as u16, (new >> at) as u16));
        parts.into_iter().fold(self, |delta, (old, new)| delta.word(old, new))
    }

    /// The change that takes this one back. `None` for a sum of zero, of which there are two.
    pub const fn reversed(self) -> Option<Self> {
        match self.0 {
            0 | 0xffff => None,
            sum => Some(Self(!sum)),
        }
    }

    /// Both changes together.
    pub const fn and(self, other: Self) -> Self {
        let sum = self.0 as u32 + other.0 as u32;
        Self(((sum & 0xffff) + (sum >> 16)) as u16)
    }

    pub const fn addr4(self, old: Ipv4Addr, new: Ipv4Addr) -> Self {
        let (old, new) = (old.to_bits(), new.to_bits());
        self.word((old >> 16) as u16, (new >> 16) as u16).word(old as u16, new as u16)
    }

    pub fn addr6(self, old: Ipv6Addr, new: Ipv6Addr) -> Self {
        old.segments().into_iter().zip(new.segments()).fold(self, |delta, (old, new)| delta.word(old, new))
    }

    /// An address for one of its own family; between families nothing is added.
    pub fn addr(self, old: IpAddr, new: IpAddr) -> Self {
        match (old, new) {
            (IpAddr::V4(old), IpAddr::V4(new)) => self.addr4(old, new),
            (IpAddr::V6(old), IpAddr::V6(new)) => self.addr6(old, new),
            _ => self,
        }
    }

    /// The change applied to a complete checksum.
    pub const fn apply(self, check: u16) -> u16 {
        if self.0 == 0 {
            return check;
        }
        let sum = !check as u32 + self.0 as u32;
        !((sum & 0xffff) + (sum >> 16)) as u16
    }

    /// [`HOP`](Self::HOP) applied to a complete checksum, of which these are the bytes.
    pub const fn hop(check: [u8; 2]) -> [u8; 2] {
        // A sum is the same in either byte order (RFC 1071 §2 B). What the TTL loses, the checksum gains; of the two
        // zeros the sum ends at the one at which RFC 1624 does.
        let sum = u16::from_ne_bytes(check) as u32 + u16::from_ne_bytes([1, 0]) as u32;
        ((sum + (sum >= 0xffff) as u32) as u16).to_ne_bytes()
    }

    /// The change applied to a field that holds the uncomplemented pseudo-header sum (a partial checksum).
    pub const fn apply_partial(self, field: u16) -> u16 {
        let sum = field as u32 + self.0 as u32;
        ((sum & 0xffff) + (sum >> 16)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 §2, word by word.
    fn naive(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn sums_equal_the_naive_sum_at_every_length() {
        let bytes: [u8; 67] = core::array::from_fn(|i| (i as u8).wrapping_mul(167).wrapping_add(91));
        for len in 0..bytes.len() {
            assert_eq!(checksum(&bytes[..len]), naive(&bytes[..len]), "{len} bytes");
            let even = len & !1;
            assert_eq!(
                Sum::ZERO.bytes(&bytes[..even]).bytes(&bytes[even..]).checksum(),
                naive(&bytes),
                "split at {even}"
            );
        }
    }

    #[test]
    fn a_hop_less_is_the_same_change_of_every_ttl() {
        for ttl in 1..=255 {
            let (old, new) = (u16::from_be_bytes([ttl, 17]), u16::from_be_bytes([ttl - 1, 17]));
            assert_eq!(Delta::NONE.word(old, new), Delta::HOP, "TTL {ttl}");
            let addresses = Delta::NONE.word(0x1234, 0xfff0);
            assert_eq!(addresses.word(old, new), addresses.and(Delta::HOP), "TTL {ttl}");
        }
    }

    #[test]
    fn a_hop_changes_every_checksum_as_its_delta_does() {
        for check in 0..=0xffffu16 {
            assert_eq!(u16::from_be_bytes(Delta::hop(check.to_be_bytes())), Delta::HOP.apply(check), "{check:04x}");
        }
    }

    #[test]
    fn the_example_of_rfc_1624_section_4() {
        assert_eq!(adjust(0xdd2f, 0x5555, 0x3285), 0x0000);
        assert_eq!(Delta::NONE.word(0x5555, 0x3285).apply(0xdd2f), 0x0000);
    }

    #[test]
    fn a_delta_equals_recomputation() {
        let mut bytes: [u8; 20] = core::array::from_fn(|i| (i as u8).wrapping_mul(73));
        for new in (0..=0xffffu32).step_by(251) {
            let before = checksum(&bytes);
            let old = u16::from_be_bytes([bytes[6], bytes[7]]);
            let delta = Delta::NONE.word(old, new as u16);
            let partial = Sum::ZERO.bytes(&bytes).fold();
            bytes[6..8].copy_from_slice(&(new as u16).to_be_bytes());
            // 0 and 0xffff are the same number in one's complement.
            assert_eq!(delta.apply(before) % 0xffff, checksum(&bytes) % 0xffff, "{old:04x} -> {new:04x}");
            assert_eq!(delta.apply_partial(partial) % 0xffff, Sum::ZERO.bytes(&bytes).fold() % 0xffff);
        }
    }

    #[test]
    fn four_words_at_once_are_four_words() {
        let mut state = 3u64;
        let mut words = || {
            let bits = core::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Few values, so that changes often cancel out.
                [0, 1, 0xfffe, 0xffff][(state >> 62) as usize]
            });
            bits.take(4).fold(0u64, |words, word| words << 16 | word)
        };
        for _ in 0..50_000 {
            let (before, old, new) = (Delta(words() as u16), words(), words());
            let parts = [48, 32, 16, 0].map(|at| ((old >> at) as u16, (new >> at) as u16));
            let expected = parts.into_iter().fold(before, |delta, (old, new)| delta.word(old, new));
            assert_eq!(before.words(old, new), expected, "{before:?} {old:x} {new:x}");
        }
    }

    #[test]
    fn a_reversed_delta_takes_back_what_the_delta_has_done() {
        for (old, new) in [(0u16, 1u16), (0xffff, 1), (7, 0xfff0), (0x8000, 0x7fff)] {
            let delta = Delta::NONE.word(old, new);
            assert_eq!(delta.reversed(), Some(Delta::NONE.word(new, old)), "{old:x} {new:x}");
        }
        assert_eq!(Delta::NONE.reversed(), None);
    }
}
