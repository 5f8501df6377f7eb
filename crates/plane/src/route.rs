//! Routing: explicit routes only, longest prefix first, and how the box's own packets find their way.

pub(crate) mod prefixes;
#[cfg(test)]
mod tests;

use crate::DropReason;
use crate::iface::Ifaces;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use policy::Policy;
use prefixes::{Prefix, Prefixes};
use wire::{Cidr, IfaceId, IpAddr, Ipv4Addr};

/// The way out: an Iface and the neighbor to hand the packet to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextHop {
    pub iface: IfaceId,
    /// On the link of `iface`; for multicast and broadcast the group itself.
    pub neighbor: IpAddr,
}

impl NextHop {
    /// None yet.
    pub const NONE: Self = Self { iface: IfaceId(0), neighbor: IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub iface: IfaceId,
    /// `None`: on-link, or the Iface's gateway.
    pub nexthop: Option<IpAddr>,
}

/// What the routing table says of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// `NoRoute`, or `NoNextHop` for a route that leads off its link without saying by whom.
    Nowhere(DropReason),
    /// The destination is itself on the link of an Iface.
    OnLink(IfaceId),
    Via(NextHop),
}

impl Onward {
    /// What it means for a packet to `dst`: its next hop is written into its place.
    #[inline]
    pub fn lead(&self, dst: IpAddr, place: &mut NextHop) -> Result<(), DropReason> {
        *place = match *self {
            Self::Via(hop) => hop,
            Self::OnLink(iface) => NextHop { iface, neighbor: dst },
            Self::Nowhere(reason) => return Err(reason),
        };
        Ok(())
    }
}

/// The routing table: the longest prefix counts, of equal ones the lowest cost, then file order.
#[derive(Clone, Debug)]
pub struct Routes {
    v4: Prefixes<u32>,
    v6: Prefixes<u128>,
    /// What the values of both mean: each once, however many prefixes it has.
    ways: Vec<Way>,
}

/// Where a route leads, and how long its prefix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    route: Route,
    len: u8,
}

impl Routes {
    pub fn new(policy: &Policy) -> Self {
        let routes = policy.gateway.as_ref().map(|gateway| &gateway.routes[..]).unwrap_or_default();
        let mut sorted: Vec<_> = routes.iter().collect();
        sorted.sort_by_key(|route| route.cost);
        let mut known = BTreeMap::new();
        let mut ways = Vec::new();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for route in sorted {
            // A next hop that is no host's address is as good as none.
            let nexthop = route.nexthop.filter(|nexthop| crate::parse::is_host_address(*nexthop));
            let len = route.net.prefix_len();
            let way = Way { route: Route { iface: route.iface, nexthop }, len };
            let value = *known.entry(way).or_insert_with(|| {
                ways.push(way);
                ways.len() as u32 - 1
            });
            match route.net {
                Cidr::V4(net) => {
                    v4.push(Prefix { first: net.network().to_bits(), last: net.last().to_bits(), len, value });
                }
                Cidr::V6(net) => {
                    v6.push(Prefix { first: net.network().to_bits(), last: net.last().to_bits(), len, value });
                }
            }
        }
        Self { v4: Prefixes::new(v4), v6: Prefixes::new(v6), ways }
    }

    /// The route to `dst`, and the length of its prefix.
    #[inline]
    pub fn find(&self, dst: IpAddr) -> Option<(Route, u8)> {
        self.way(dst).map(|way| (way.route, way.len))
    }

    #[inline]
    fn way(&self, dst: IpAddr) -> Option<&Way> {
        let found = match dst {
            IpAddr::V4(dst) => self.v4.find(dst.to_bits()),
            IpAddr::V6(dst) => self.v6.find(dst.to_bits()),
        };
        self.ways.get(found? as usize)
    }

    /// The tables by themselves: their values mean something only here.
    pub(crate) fn prefixes(&self) -> (&Prefixes<u32>, &Prefixes<u128>) {
        (&self.v4, &self.v6)
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes() + size_of_val(self.ways.as_slice())
    }

    /// Where a packet for `dst` goes that is not for the box.
    pub(crate) fn onward(&self, ifaces: &Ifaces, dst: IpAddr) -> Onward {
        let Some(Way { route, .. }) = self.way(dst) else { return Onward::Nowhere(DropReason::NoRoute) };
        let Some(iface) = ifaces.get(route.iface) else {
            return Onward::Nowhere(DropReason::NoNextHop);
        };
        if iface.on_link(dst) || ifaces.owner(dst).is_some() {
            return Onward::OnLink(route.iface);
        }
        match route.nexthop.or_else(|| iface.gateway(dst.is_ipv4())) {
            Some(neighbor) => Onward::Via(NextHop { iface: route.iface, neighbor }),
            None => Onward::Nowhere(DropReason::NoNextHop),
        }
    }

    /// Where a packet goes that the box itself sends from an address of `source`: on its link, by the routing table
    /// if a route names `source`, or by the gateway of `source`.
    pub(crate) fn local(&self, ifaces: &Ifaces, source: IfaceId, dst: IpAddr) -> Result<NextHop, DropReason> {
        let iface = ifaces.get(source).ok_or(DropReason::NoRoute)?;
        let group = match dst {
            IpAddr::V4(dst) => dst.is_multicast() || iface.receives(IpAddr::V4(dst)) && !iface.owns(IpAddr::V4(dst)),
            IpAddr::V6(dst) => dst.is_multicast(),
        };
        if group || iface.on_link(dst) {
            return Ok(NextHop { iface: source, neighbor: dst });
        }
        if iface.forwards(dst.is_ipv4()) {
            match self.onward(ifaces, dst) {
                Onward::Nowhere(DropReason::NoRoute) => {}
                onward => {
                    let mut hop = NextHop::NONE;
                    return onward.lead(dst, &mut hop).map(|()| hop);
                }
            }
        }
        let neighbor = iface.gateway(dst.is_ipv4()).ok_or(DropReason::NoRoute)?;
        Ok(NextHop { iface: source, neighbor })
    }

    /// The Iface that leads to `address`: the most specific of routes and own subnets, ties by the lowest Iface.
    pub(crate) fn way_to(&self, ifaces: &Ifaces, address: IpAddr) -> Option<IfaceId> {
        let subnet = ifaces.subnet_of(address);
        match self.way(address) {
            Some(way) if subnet.is_none_or(|(len, _)| len < way.len) => Some(way.route.iface),
            _ => subnet.map(|(_, id)| id),
        }
    }
}
