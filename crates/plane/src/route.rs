//! Routing: explicit routes only, longest prefix first, and how the box's own packets find their way.

use crate::DropReason;
use crate::iface::Ifaces;
use alloc::vec::Vec;
use policy::Policy;
use wire::{Cidr, IfaceId, IpAddr};

/// The way out: an Iface and the neighbor to hand the packet to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextHop {
    pub iface: IfaceId,
    /// On the link of `iface`; for multicast and broadcast the group itself.
    pub neighbor: IpAddr,
}

#[derive(Clone, Copy, Debug)]
struct Route {
    net: Cidr,
    nexthop: Option<IpAddr>,
    iface: IfaceId,
}

/// The routing table, in the order in which it is searched: longest prefix, lowest cost, file order.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    v4: Vec<Route>,
    v6: Vec<Route>,
}

impl Routes {
    pub fn new(policy: &Policy) -> Self {
        let routes = policy.gateway.as_ref().map(|gateway| &gateway.routes[..]).unwrap_or_default();
        let mut sorted: Vec<_> = routes.iter().collect();
        sorted.sort_by_key(|route| (core::cmp::Reverse(route.net.prefix_len()), route.cost));
        let of = |v4: bool| {
            let family = sorted.iter().filter(|route| route.net.network().is_ipv4() == v4);
            family.map(|route| Route { net: route.net, nexthop: route.nexthop, iface: route.iface }).collect()
        };
        Self { v4: of(true), v6: of(false) }
    }

    fn find(&self, dst: IpAddr) -> Option<&Route> {
        let routes = if dst.is_ipv4() { &self.v4 } else { &self.v6 };
        routes.iter().find(|route| route.net.contains(dst))
    }

    /// Where a packet for `dst` goes that is not for the box: `NoRoute`, or `NoNextHop` for a route that leads off
    /// its link without saying by whom.
    pub fn lookup(&self, ifaces: &Ifaces, dst: IpAddr) -> Result<NextHop, DropReason> {
        let route = self.find(dst).ok_or(DropReason::NoRoute)?;
        let iface = ifaces.get(route.iface).ok_or(DropReason::NoNextHop)?;
        let neighbor = if iface.on_link(dst) || ifaces.owner(dst).is_some() {
            dst
        } else {
            let gateway = || iface.gateway(dst.is_ipv4());
            route
                .nexthop
                .filter(|nexthop| crate::parse::is_host_address(*nexthop))
                .or_else(gateway)
                .ok_or(DropReason::NoNextHop)?
        };
        Ok(NextHop { iface: route.iface, neighbor })
    }

    /// Where a packet goes that the box itself sends from an address of `source`: on its link, by the routing table
    /// if a route names `source`, or by the gateway of `source`.
    pub fn local(&self, ifaces: &Ifaces, source: IfaceId, dst: IpAddr) -> Result<NextHop, DropReason> {
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
    pub fn way_to(&self, ifaces: &Ifaces, address: IpAddr) -> Option<IfaceId> {
        let subnet = ifaces.iter().filter_map(|(id, iface)| Some((iface.subnet_len(address)?, id)));
        let subnet = subnet.max_by_key(|(len, id)| (*len, core::cmp::Reverse(*id)));
        let route = self.find(address).map(|route| (route.net.prefix_len(), route.iface));
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
