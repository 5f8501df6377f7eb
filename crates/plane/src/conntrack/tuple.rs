//! What makes two packets one connection.

use crate::parse::{Packet, Quote};
use wire::addr::is_link_local6;
use wire::{IfaceId, IpAddr};

/// Protocol and endpoints of one direction of a flow. Ports are 0 for protocols without; the identifier of an
/// ICMP query is the port of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuple {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub sport: u16,
    pub dport: u16,
    pub protocol: u8,
    /// Keeps link-local flows of different links apart: the Iface's number plus one, else 0.
    pub zone: u16,
}

impl Tuple {
    pub fn of(packet: &Packet, link: Option<IfaceId>) -> Self {
        let (sport, dport) = packet.ports();
        let zone = zone(packet.src, packet.dst, link);
        Self { src: packet.src, dst: packet.dst, sport, dport, protocol: packet.protocol, zone }
    }

    /// Of the packet that an ICMP error quotes, as its sender sent it.
    pub fn of_quote(quote: &Quote, link: Option<IfaceId>) -> Self {
        let Quote { src, dst, sport, dport, protocol } = *quote;
        Self { src, dst, sport, dport, protocol, zone: zone(src, dst, link) }
    }

    /// The endpoints of a packet of this direction, as an ICMP error quotes them.
    pub fn as_quote(&self) -> Quote {
        let Self { src, dst, sport, dport, protocol, .. } = *self;
        Quote { src, dst, protocol, sport, dport }
    }

    /// The other direction.
    pub fn reversed(&self) -> Self {
        Self { src: self.dst, dst: self.src, sport: self.dport, dport: self.sport, ..*self }
    }

    /// As the table compares it.
    pub fn key(&self) -> Key {
        Key::between((self.src, self.sport), (self.dst, self.dport), self.protocol, self.zone)
    }
}

#[inline]
fn zone(src: IpAddr, dst: IpAddr, link: Option<IfaceId>) -> u16 {
    let local = |address| matches!(address, IpAddr::V6(address) if is_link_local6(address) || address.is_multicast());
    match link {
        Some(IfaceId(id)) if local(src) || local(dst) => id.saturating_add(1),
        _ => 0,
    }
}

/// A tuple in a few words. What both families have stands at the same place, so that who asks for it need not look
/// which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Key {
    V4 { rest: u64, addresses: u64 },
    V6 { rest: u64, src: Halves, dst: Halves },
}

/// An IPv6 address, its upper half first: two words are aligned as one is.
pub(super) type Halves = [u64; 2];

const fn halves(address: u128) -> Halves {
    [(address >> 64) as u64, address as u64]
}

const fn whole([upper, lower]: Halves) -> u128 {
    (upper as u128) << 64 | lower as u128
}

/// Set in `rest` of IPv6, so that no tuple of one family looks like one of the other.
const V6: u64 = 1 << 24;

impl Key {
    #[inline(always)]
    pub const fn v4(src: u32, dst: u32, rest: u64) -> Self {
        Self::V4 { addresses: (src as u64) << 32 | dst as u64, rest }
    }

    #[inline(always)]
    pub const fn v6(src: u128, dst: u128, rest: u64) -> Self {
        Self::V6 { src: halves(src), dst: halves(dst), rest: rest | V6 }
    }

    /// As [`v6`](Self::v6), of addresses in two words each, the upper one first.
    #[inline(always)]
    pub const fn v6_of(src: [u64; 2], dst: [u64; 2], rest: u64) -> Self {
        Self::V6 { src, dst, rest: rest | V6 }
    }

    /// Of the packets from one endpoint to another.
    #[inline(always)]
    pub fn between(from: (IpAddr, u16), to: (IpAddr, u16), protocol: u8, zone: u16) -> Self {
        let rest = Self::rest(from.1, to.1, zone, protocol);
        match (from.0, to.0) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Self::v4(src.to_bits(), dst.to_bits(), rest),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Self::v6(src.to_bits(), dst.to_bits(), rest),
            // No packet has addresses of two families.
            _ => Self::v4(0, 0, rest),
        }
    }

    /// Of packets like this one. `link`: the Iface that it came in by or leaves by.
    #[inline(always)]
    pub fn of(packet: &Packet, link: Option<IfaceId>) -> Self {
        let (sport, dport) = packet.ports();
        let zone = zone(packet.src, packet.dst, link);
        Self::between((packet.src, sport), (packet.dst, dport), packet.protocol, zone)
    }

    pub const fn is_v6(rest: u64) -> bool {
        rest & V6 != 0
    }

    /// Of the other direction, where nothing is translated.
    #[inline(always)]
    pub const fn reversed(&self) -> Self {
        const fn swapped(rest: u64) -> u64 {
            (((rest >> 32) as u32).rotate_left(16) as u64) << 32 | rest & 0xffff_ffff
        }
        match *self {
            Self::V4 { addresses, rest } => Self::V4 { addresses: addresses.rotate_left(32), rest: swapped(rest) },
            Self::V6 { src, dst, rest } => Self::V6 { src: dst, dst: src, rest: swapped(rest) },
        }
    }

    /// Of the packets that answer this one.
    #[inline(always)]
    pub fn of_reply(packet: &Packet, zone: u16) -> Self {
        let (sport, dport) = packet.ports();
        Self::between((packet.dst, dport), (packet.src, sport), packet.protocol, zone)
    }

    /// What a tuple has beside its addresses and their family, in one word.
    #[inline(always)]
    pub const fn rest(sport: u16, dport: u16, zone: u16, protocol: u8) -> u64 {
        (sport as u64) << 48 | (dport as u64) << 32 | (zone as u64) << 8 | protocol as u64
    }

    /// As [`rest`](Self::rest), of zone 0: both ports as they follow each other in a header.
    #[inline(always)]
    pub const fn rest_of(ports: u32, protocol: u8) -> u64 {
        (ports as u64) << 32 | protocol as u64
    }

    /// Source and destination port of [`rest`](Self::rest).
    #[inline(always)]
    pub const fn ports_of(rest: u64) -> u32 {
        (rest >> 32) as u32
    }

    pub const fn of_rest(&self) -> u64 {
        match self {
            Self::V4 { rest, .. } | Self::V6 { rest, .. } => *rest,
        }
    }

    /// Source and destination.
    #[inline(always)]
    pub fn addresses(&self) -> (IpAddr, IpAddr) {
        match *self {
            Self::V4 { addresses, .. } => {
                (IpAddr::V4(((addresses >> 32) as u32).into()), IpAddr::V4((addresses as u32).into()))
            }
            Self::V6 { src, dst, .. } => (IpAddr::V6(whole(src).into()), IpAddr::V6(whole(dst).into())),
        }
    }

    pub const fn sport(&self) -> u16 {
        match self {
            Self::V4 { rest, .. } | Self::V6 { rest, .. } => (*rest >> 48) as u16,
        }
    }

    pub const fn dport(&self) -> u16 {
        match self {
            Self::V4 { rest, .. } | Self::V6 { rest, .. } => (*rest >> 32) as u16,
        }
    }

    pub const fn zone(&self) -> u16 {
        match self {
            Self::V4 { rest, .. } | Self::V6 { rest, .. } => (*rest >> 8) as u16,
        }
    }

    pub const fn protocol(&self) -> u8 {
        match self {
            Self::V4 { rest, .. } | Self::V6 { rest, .. } => *rest as u8,
        }
    }

    /// A keyed hash under a seed that nobody outside knows.
    #[inline(always)]
    pub fn hash(&self, seed: [u64; 4]) -> u64 {
        match *self {
            Self::V4 { addresses, rest } => mix(seed, addresses, rest),
            Self::V6 { src, dst, rest } => hash(seed, whole(src), whole(dst), rest),
        }
    }

    /// As [`hash`](Self::hash), but the same for the other direction: both factors of the first product are masked with
    /// the same word, so that they may change places.
    #[inline(always)]
    pub fn hash_both_ways(&self, seed: [u64; 4]) -> u64 {
        let (src, dst, rest) = match *self {
            Self::V4 { addresses, rest } => (addresses >> 32, addresses & 0xffff_ffff, rest),
            Self::V6 { src, dst, rest } => {
                let folded = |[upper, lower]: Halves| fold(upper ^ seed[1] ^ ODD, lower ^ seed[3]);
                (folded(src), folded(dst), rest)
            }
        };
        // An IPv4 address and its port fill different bits; two words of IPv6 have been mixed before.
        let from = src.rotate_left(32) ^ rest >> 48;
        let to = dst.rotate_left(32) ^ rest >> 32 & 0xffff;
        let ends = fold(from ^ seed[0], to ^ seed[0]);
        fold(ends ^ seed[2] ^ rest & 0xffff_ffff, seed[3] ^ ODD)
    }
}

impl From<Key> for Tuple {
    fn from(key: Key) -> Self {
        let (src, dst) = match key {
            Key::V4 { addresses, .. } => {
                (IpAddr::V4(((addresses >> 32) as u32).into()), IpAddr::V4((addresses as u32).into()))
            }
            Key::V6 { src, dst, .. } => (IpAddr::V6(whole(src).into()), IpAddr::V6(whole(dst).into())),
        };
        let (sport, dport, protocol, zone) = (key.sport(), key.dport(), key.protocol(), key.zone());
        Self { src, dst, sport, dport, protocol, zone }
    }
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A keyed hash of two words: folded multiplications, as in wyhash. Not a pseudo-random function, so tables that use
/// it bound what a collision costs.
#[inline(always)]
fn mix(seed: [u64; 4], a: u64, b: u64) -> u64 {
    fold(fold(a ^ seed[0], b ^ seed[1] ^ ODD) ^ seed[2], seed[3] ^ ODD)
}

/// A keyed hash of two addresses and 64 bits more, as [`mix`].
pub(crate) fn hash(seed: [u64; 4], a: u128, b: u128, rest: u64) -> u64 {
    let a = fold(a as u64 ^ seed[0], (a >> 64) as u64 ^ seed[1] ^ ODD);
    let b = fold(b as u64 ^ seed[2], (b >> 64) as u64 ^ seed[3] ^ ODD);
    mix([seed[1], seed[3], seed[0], seed[2]], a.rotate_left(17) ^ b, rest)
}

/// Both halves of a 128-bit product, folded.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
