//! Routing: explicit routes only, longest prefix first, and how the box's own packets find their way.

mod prefixes;
#[cfg(test)]
mod tests;

use crate::DropReason;
use crate::iface::Ifaces;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use policy::Policy;
use prefixes::{Prefix, Prefixes};
use wire::{Cidr, IfaceId, IpAddr};

/// The way out: an Iface and the neighbor to hand the packet to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextHop {
    pub iface: IfaceId,
    /// On the link of `iface`; for multicast and broadcast the group itself.
    pub neighbor: IpAddr,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub iface: IfaceId,
    /// `None`: on-link, or the Iface's gateway.
    pub nexthop: Option<IpAddr>,
}

/// The routing table: the longest prefix counts, of equal ones the lowest cost, then file order.
#[derive(Clone, Debug)]
pub struct Routes {
    v4: Prefixes<u32>,
    v6: Prefixes<u128>,
    /// What the values of both mean: each way once, however many prefixes it has.
    ways: Vec<Route>,
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
            let way = Route { iface: route.iface, nexthop };
            let value = *known.entry(way).or_insert_with(|| {
                ways.push(way);
                ways.len() as u32 - 1
            });
            let len = route.net.prefix_len();
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
        let found = match dst {
            IpAddr::V4(dst) => self.v4.find(dst.to_bits()),
            IpAddr::V6(dst) => self.v6.find(dst.to_bits()),
        }?;
        Some((*self.ways.get(found.value as usize)?, found.len))
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes() + size_of_val(self.ways.as_slice())
    }

    /// Where a packet for `dst` goes that is not for the box: `NoRoute`, or `NoNextHop` for a route that leads off
    /// its link without saying by whom.
    pub(crate) fn lookup(&self, ifaces: &Ifaces, dst: IpAddr) -> Result<NextHop, DropReason> {
        let (route, _) = self.find(dst).ok_or(DropReason::NoRoute)?;
        let iface = ifaces.get(route.iface).ok_or(DropReason::NoNextHop)?;
        let neighbor = if iface.on_link(dst) || ifaces.owner(dst).is_some() {
            dst
        } else {
            let gateway = || iface.gateway(dst.is_ipv4());
            route.nexthop.or_else(gateway).ok_or(DropReason::NoNextHop)?
        };
        Ok(NextHop { iface: route.iface, neighbor })
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
            match self.lookup(ifaces, dst) {
                Err(DropReason::NoRoute) => {}
                found => return found,
            }
        }
        let neighbor = iface.gateway(dst.is_ipv4()).ok_or(DropReason::NoRoute)?;
        Ok(NextHop { iface: source, neighbor })
    }

    /// The Iface that leads to `address`: the most specific of routes and own subnets, ties by the lowest Iface.
    pub(crate) fn way_to(&self, ifaces: &Ifaces, address: IpAddr) -> Option<IfaceId> {
        let subnet = ifaces.iter().filter_map(|(id, iface)| Some((iface.subnet_len(address)?, id)));
        let subnet = subnet.max_by_key(|(len, id)| (*len, Reverse(*id)));
        let route = self.find(address).map(|(route, len)| (len, route.iface));
        match (subnet, route) {
            (Some((a, subnet)), Some((b, route))) => Some(if a >= b { subnet } else { route }),
            (Some((_, id)), None) | (None, Some((_, id))) => Some(id),
            (None, None) => None,
        }
    }
}

impl crate::iface::Iface {
    /// The prefix length of its longest subnet that holds `address`.
    fn subnet_len(&self, address: IpAddr) -> Option<u8> {
        match address {
            IpAddr::V4(address) => {
                let own = self.address4.filter(|own| own.subnet().is_some_and(|net| net.contains(address)))?;
                Some(own.prefix_len)
            }
            IpAddr::V6(address) => {
                let holds = |(own, len): &&(wire::Ipv6Addr, u8)| {
                    wire::Cidr6::masked(*own, *len).is_ok_and(|net| net.contains(address))
                };
                self.address6.iter().filter(holds).map(|(_, len)| *len).max()
            }
        }
    }
}
