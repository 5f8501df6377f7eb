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

    /// A keyed hash under a seed that nobody outside knows.
    pub fn hash(&self, seed: [u64; 4]) -> u64 {
        let ports = u64::from(self.sport) << 48
            | u64::from(self.dport) << 32
            | u64::from(self.zone) << 8
            | u64::from(self.protocol);
        let (src, dst) = match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => (u128::from(src.to_bits()), u128::from(dst.to_bits())),
            (IpAddr::V6(src), IpAddr::V6(dst)) => (src.to_bits(), dst.to_bits()),
            _ => (0, 0),
        };
        hash(seed, src, dst, ports)
    }
}

fn zone(src: IpAddr, dst: IpAddr, link: Option<IfaceId>) -> u16 {
    let local = |address| matches!(address, IpAddr::V6(address) if is_link_local6(address) || address.is_multicast());
    match link {
        Some(IfaceId(id)) if local(src) || local(dst) => id.saturating_add(1),
        _ => 0,
    }
}

/// A keyed hash of two addresses and 64 bits more: folded multiplications, as in wyhash. Not a pseudo-random function,
/// so tables that use it bound what a collision costs.
pub(crate) fn hash(seed: [u64; 4], a: u128, b: u128, rest: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let low = fold(a as u64 ^ seed[0], b as u64 ^ seed[1] ^ ODD);
    let (a_high, b_high) = ((a >> 64) as u64, (b >> 64) as u64);
    let high = if (a_high, b_high) == (0, 0) { 0 } else { fold(a_high ^ seed[1], b_high ^ seed[2] ^ ODD) };
    let rest = fold(rest ^ seed[3], seed[2] ^ ODD);
    fold(low ^ high.rotate_left(17) ^ seed[2], rest ^ seed[0] ^ ODD)
}

/// Both halves of a 128-bit product, folded.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
