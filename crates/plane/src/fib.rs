//! The forwarding information base: all that the walk asks of an address, answered by one look-up.
//!
//! Nothing is decided here. Own addresses, subnets, broadcasts and the ranges with a meaning of their own cut the address
//! space into intervals, in each of which every question has one answer; [`Fib::new`] asks them all of the first address
//! of each interval, in the words of [`ingress`](crate::ingress), [`Ifaces`] and [`Routes`], and writes the answers down.
//! What it cannot say for a whole interval, it does not say: of an address that is in any way special only that, so that
//! the walk asks anew; and where routes differ inside an interval, they are looked up.
//!
//! ```text
//!   0.0.0.0   0.0.0.1      10.0.0.0          10.0.0.1   10.0.0.2          10.0.0.255   10.0.1.0        127.0.0.0
//!   special   plain:       plain: on the     own        plain: on the     special      plain:          special  …
//!             default      link of inside               link of inside                 default route
//!             route
//! ```
//!
//! It is made a second after the start, which has no time for it, and anew when an address changes, with some hundred
//! steps for each interval; the table of routes, however many there are, stays as it is. An address of the box makes five
//! intervals at most, the routes 256 of each family. Memory: 2 KiB, and less than 64 bytes for each interval.

mod index;
#[cfg(test)]
mod tests;

use crate::iface::Ifaces;
use crate::ingress::is_martian_destination;
use crate::parse::Packet;
use crate::route::prefixes::{Key, Prefixes};
use crate::route::{NextHop, Onward, Routes};
use crate::{DropReason, forward};
use alloc::vec::Vec;
use index::Index;
use wire::{IfaceId, IpAddr, Ipv4Addr, Ipv6Addr};

/// So many intervals that differ by routes are few.
const FEW: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Fib {
    v4: Index<u32>,
    v6: Index<u128>,
    /// Where packets go, by [`Class::onward`].
    onwards: Vec<Onward>,
}

/// What is known of an address; good until an address of the box changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    pub kind: Kind,
    lead: Lead,
    /// What is behind the end of its table is by the routes.
    onward: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An address of a host, or of nobody: of no kind that a rule of some RFC keeps from being a source or a destination,
    /// or from being forwarded.
    Plain,
    /// The box's own, and as plain.
    Own,
    /// Everything else: group, broadcast, loopback, link-local, unspecified, …
    Special,
}

/// The Iface that leads to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Nowhere,
    To(IfaceId),
    /// Addresses of the interval have different routes.
    ByRoute,
}

impl Class {
    /// Nothing is known.
    const UNKNOWN: Self = Self { kind: Kind::Special, lead: Lead::ByRoute, onward: u16::MAX };
}

/// What is known of a packet's addresses, as long as it has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub src: Class,
    pub dst: Class,
}

impl Fib {
    /// Knows nothing of any address, so that the walk asks of each; made in no time.
    pub fn unknowing() -> Self {
        Self { v4: Index::unknowing(), v6: Index::unknowing(), onwards: Vec::new() }
    }

    pub fn new(ifaces: &Ifaces, routes: &Routes) -> Self {
        let (routes4, routes6) = routes.prefixes();
        let cuts4 = sorted(cuts4(ifaces), routes4);
        let cuts6 = sorted(cuts6(ifaces), routes6);
        let mut fib = Self { v4: Index::new(&cuts4), v6: Index::new(&cuts6), onwards: Vec::new() };
        let broadcasts = ifaces.broadcasts();
        for (first, last) in ranges(&cuts4) {
            let is_broadcast = broadcasts.binary_search(&first).is_ok();
            let is_even = routes4.is_even(first, last);
            let class = fib.ask(ifaces, routes, Ipv4Addr::from_bits(first).into(), is_broadcast, is_even);
            fib.v4.classes.push(class);
        }
        for (first, last) in ranges(&cuts6) {
            let is_even = routes6.is_even(first, last);
            let class = fib.ask(ifaces, routes, Ipv6Addr::from_bits(first).into(), false, is_even);
            fib.v6.classes.push(class);
        }
        fib
    }

    /// What there is to say of an interval by its first address. `is_even`: all its addresses have the same route.
    fn ask(&mut self, ifaces: &Ifaces, routes: &Routes, first: IpAddr, is_broadcast: bool, is_even: bool) -> Class {
        let is_special = is_broadcast || is_martian_destination(first) || !forward::leaves_its_link(first);
        let kind = match ifaces.owner(first) {
            _ if is_special => Kind::Special,
            Some(_) => Kind::Own,
            None => Kind::Plain,
        };
        if !is_even {
            return Class { kind, ..Class::UNKNOWN };
        }
        let lead = routes.way_to(ifaces, first).map_or(Lead::Nowhere, Lead::To);
        Class { kind, lead, onward: self.onward(routes.onward(ifaces, first)) }
    }

    /// The number of an answer, which often is one of the last few.
    fn onward(&mut self, onward: Onward) -> u16 {
        let known = self.onwards.iter().enumerate().rev().take(8).find(|(_, known)| **known == onward);
        let at = known.map_or(self.onwards.len(), |(at, _)| at);
        if at >= usize::from(Class::UNKNOWN.onward) {
            return Class::UNKNOWN.onward;
        }
        if at == self.onwards.len() {
            self.onwards.push(onward);
        }
        at as u16
    }

    /// What is known of a packet's addresses.
    pub fn ends(&self, packet: &Packet) -> Ends {
        match (packet.src, packet.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                Ends { src: self.v4.class(src.to_bits()), dst: self.v4.class(dst.to_bits()) }
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                Ends { src: self.v6.class(src.to_bits()), dst: self.v6.class(dst.to_bits()) }
            }
            _ => Ends { src: Class::UNKNOWN, dst: Class::UNKNOWN },
        }
    }

    /// As [`Routes::way_to`] of `address`, which is of this class.
    #[inline]
    pub fn way_to(&self, ifaces: &Ifaces, routes: &Routes, class: Class, address: IpAddr) -> Option<IfaceId> {
        match class.lead {
            Lead::Nowhere => None,
            Lead::To(iface) => Some(iface),
            Lead::ByRoute => routes.way_to(ifaces, address),
        }
    }

    /// The next hop on the way to `dst`, which is of this class.
    #[inline]
    pub fn lead(
        &self,
        ifaces: &Ifaces,
        routes: &Routes,
        class: Class,
        dst: IpAddr,
        place: &mut NextHop,
    ) -> Result<(), DropReason> {
        match self.onwards.get(usize::from(class.onward)) {
            Some(onward) => onward.lead(dst, place),
            None => routes.onward(ifaces, dst).lead(dst, place),
        }
    }
}

/// Where answers can change: the first address of every range that anyone may ask for, and the first behind it.
fn cuts4(ifaces: &Ifaces) -> Vec<u32> {
    const SPECIAL: [(Ipv4Addr, Ipv4Addr); 4] = [
        (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
        (Ipv4Addr::new(127, 0, 0, 0), Ipv4Addr::new(127, 255, 255, 255)),
        (Ipv4Addr::new(169, 254, 0, 0), Ipv4Addr::new(169, 254, 255, 255)),
        // Groups, and what is reserved.
        (Ipv4Addr::new(224, 0, 0, 0), Ipv4Addr::BROADCAST),
    ];
    let mut cuts = Vec::new();
    for (first, last) in SPECIAL {
        cut(&mut cuts, first.to_bits(), last.to_bits());
    }
    for own in ifaces.iter().filter_map(|(_, iface)| iface.address4) {
        cut(&mut cuts, own.address.to_bits(), own.address.to_bits());
        if let Some(net) = own.subnet() {
            cut(&mut cuts, net.network().to_bits(), net.last().to_bits());
        }
        if let Some(broadcast) = own.broadcast() {
            cut(&mut cuts, broadcast.to_bits(), broadcast.to_bits());
        }
    }
    cuts
}

fn cuts6(ifaces: &Ifaces) -> Vec<u128> {
    const SPECIAL: [(Ipv6Addr, u8); 4] = [
        // Unspecified and loopback.
        (Ipv6Addr::UNSPECIFIED, 127),
        // IPv4-mapped.
        (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
        // Link-local.
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
        // Groups.
        (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
    ];
    let mut cuts = Vec::new();
    let mut cut_out = |address: u128, len: u8| {
        let host = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
        cut(&mut cuts, address & !host, address | host);
    };
    for (network, len) in SPECIAL {
        cut_out(network.to_bits(), len);
    }
    for (own, len) in ifaces.iter().flat_map(|(_, iface)| &iface.address6) {
        cut_out(own.to_bits(), *len);
        cut_out(own.to_bits(), 128);
    }
    cuts
}

fn cut<K: Key>(cuts: &mut Vec<K>, first: K, last: K) {
    cuts.push(first);
    if last < K::MAX {
        cuts.push(last.next());
    }
}

/// The intervals of a family. Few routes cut as well, so that nothing is left to look up; many would only be a second table
/// of routes.
fn sorted<K: Key>(mut cuts: Vec<K>, routes: &Prefixes<K>) -> Vec<K> {
    if routes.intervals() <= FEW {
        cuts.extend(routes.starts());
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// The first and the last address of each interval.
fn ranges<K: Key>(cuts: &[K]) -> impl Iterator<Item = (K, K)> + '_ {
    let lasts = cuts.iter().skip(1).map(|next| next.before()).chain([K::MAX]);
    cuts.iter().copied().zip(lasts)
}
