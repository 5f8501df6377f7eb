//! The routing table as disjoint pieces: where a packet for each address goes, longest prefix, lowest cost and file
//! order settled.

use super::own_addresses;
use policy::{Ipv4Config, Policy, Route};
use wire::{Cidr, IfaceId, IpAddr};

/// Inclusive, of one family, as numbers.
pub type Interval = (u128, u128);

/// Addresses with one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub interval: Interval,
    pub iface: IfaceId,
    pub hop: Hop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The destination itself is on the link.
    Link,
    Via(IpAddr),
    /// There is a route, and it leads nowhere.
    Nowhere,
}

pub fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

pub fn address(bits: u128, four: bool) -> IpAddr {
    if four { IpAddr::V4((bits as u32).into()) } else { IpAddr::V6(bits.into()) }
}

fn interval(net: Cidr) -> Interval {
    match net {
        Cidr::V4(net) => (net.network().to_bits().into(), net.last().to_bits().into()),
        Cidr::V6(net) => (net.network().to_bits(), net.last().to_bits()),
    }
}

/// The routing table of a family, sorted, disjoint.
pub fn pieces(policy: &Policy, four: bool) -> Vec<Piece> {
    let routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
    let mut routes: Vec<&Route> = routes.filter(|route| route.net.network().is_ipv4() == four).collect();
    routes.sort_by_key(|route| (std::cmp::Reverse(route.net.prefix_len()), route.cost));
    let subnets = |iface: IfaceId| {
        let own = policy.iface(iface).map(own_addresses).unwrap_or_default().into_iter();
        let own = own.filter(move |(address, _)| address.is_ipv4() == four);
        own.filter_map(|(address, len)| Cidr::masked(address, len).ok()).map(interval).collect::<Vec<_>>()
    };
    // Everything changes only at the ends of routes, subnets and own addresses.
    let mut cuts: Vec<u128> = vec![0];
    let mut cut = |(low, high): Interval| cuts.extend([Some(low), high.checked_add(1)].into_iter().flatten());
    routes.iter().for_each(|route| cut(interval(route.net)));
    for id in policy.iface_ids() {
        subnets(id).into_iter().for_each(&mut cut);
        let own = policy.iface(id).map(own_addresses).unwrap_or_default();
        own.iter().filter(|(own, _)| own.is_ipv4() == four).for_each(|(own, _)| cut((bits(*own), bits(*own))));
    }
    let end = if four { u128::from(u32::MAX) } else { u128::MAX };
    cuts.retain(|cut| *cut <= end);
    cuts.sort_unstable();
    cuts.dedup();
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, &low) in cuts.iter().enumerate() {
        let high = cuts.get(at + 1).map_or(end, |next| next - 1);
        let covers = |(from, to): Interval| from <= low && high <= to;
        let Some(route) = routes.iter().find(|route| covers(interval(route.net))) else { continue };
        let iface = policy.iface(route.iface);
        let gateway = || match iface.map(|iface| (iface.ipv4, iface.gateway6)) {
            Some((Ipv4Config::Static(config), _)) if four => config.gateway.map(IpAddr::V4),
            Some((_, gateway6)) if !four => gateway6.map(IpAddr::V6),
            _ => None,
        };
        let hop = if subnets(route.iface).into_iter().any(covers) || low == high && is_own(policy, low, four) {
            Hop::Link
        } else {
            let named = route.nexthop.filter(|hop| bits(*hop) != 0);
            named.or_else(gateway).map_or(Hop::Nowhere, Hop::Via)
        };
        match pieces.last_mut() {
            Some(last)
                if last.interval.1.checked_add(1) == Some(low) && (last.iface, last.hop) == (route.iface, hop) =>
            {
                last.interval.1 = high;
            }
            _ => pieces.push(Piece { interval: (low, high), iface: route.iface, hop }),
        }
    }
    pieces
}

fn is_own(policy: &Policy, at: u128, four: bool) -> bool {
    policy.ifaces.iter().flat_map(own_addresses).any(|(own, _)| own.is_ipv4() == four && bits(own) == at)
}

/// The routing table of a family as a kernel wants it, which searches the longest prefix itself: prefixes, each with the
/// way of its addresses that are in none longer.
pub fn table(policy: &Policy, four: bool) -> Vec<(Cidr, IfaceId, Hop)> {
    let routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
    let own = policy.ifaces.iter().flat_map(own_addresses);
    let subnets = own.filter_map(|(address, len)| Cidr::masked(address, len).ok());
    let mut nets: Vec<Cidr> = routes.map(|route| route.net).chain(subnets).collect();
    nets.retain(|net| net.network().is_ipv4() == four);
    nets.sort_by_key(|net| (net.prefix_len(), bits(net.network())));
    nets.dedup();
    let pieces = pieces(policy, four);
    let mut all: Vec<(Cidr, IfaceId, Hop)> = Vec::new();
    for (at, net) in nets.iter().enumerate() {
        let (low, high) = interval(*net);
        // Any address of it that is in no longer prefix and is not our own tells the way of all of them.
        let longer =
            || nets.iter().skip(at + 1).map(|net| interval(*net)).filter(|(from, to)| low <= *from && *to <= high);
        let starts = [Some(low), Some(low.saturating_add(1).min(high))]
            .into_iter()
            .chain(longer().map(|(_, to)| to.checked_add(1)));
        let free = |at: &u128| {
            (low..=high).contains(at)
                && !longer().any(|(from, to)| (from..=to).contains(at))
                && (low == high || !is_own(policy, *at, four))
        };
        let Some(place) = starts.flatten().chain([high]).find(free) else { continue };
        let found = pieces.iter().find(|piece| (piece.interval.0..=piece.interval.1).contains(&place));
        let Some(Piece { iface, hop, .. }) = found else { continue };
        let enclosing = all.iter().rfind(|(outer, ..)| outer.contains(net.network()));
        if enclosing.is_none_or(|(_, outer_iface, outer_hop)| (outer_iface, outer_hop) != (iface, hop)) {
            all.push((*net, *iface, *hop));
        }
    }
    all
}

/// Which Iface leads to each source address: the most specific of routes and own subnets, ties by the subnet.
pub fn ways_back(policy: &Policy, four: bool) -> Vec<(Interval, IfaceId)> {
    let mut ways: Vec<(u8, bool, IfaceId, Interval)> = Vec::new();
    for id in policy.iface_ids() {
        for (own, len) in policy.iface(id).map(own_addresses).unwrap_or_default() {
            if let (true, Ok(net)) = (own.is_ipv4() == four, Cidr::masked(own, len)) {
                ways.push((len, false, id, interval(net)));
            }
        }
    }
    let routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
    let mut routes: Vec<&Route> = routes.filter(|route| route.net.network().is_ipv4() == four).collect();
    routes.sort_by_key(|route| route.cost);
    ways.extend(routes.iter().map(|route| (route.net.prefix_len(), true, route.iface, interval(route.net))));
    // Sorting is stable: among routes of one length the first is the cheapest.
    ways.sort_by_key(|(len, is_route, ..)| (std::cmp::Reverse(*len), *is_route));
    let mut cuts: Vec<u128> = vec![0];
    cuts.extend(ways.iter().flat_map(|(.., (low, high))| [Some(*low), high.checked_add(1)]).flatten());
    let end = if four { u128::from(u32::MAX) } else { u128::MAX };
    cuts.retain(|cut| *cut <= end);
    cuts.sort_unstable();
    cuts.dedup();
    let mut all: Vec<(Interval, IfaceId)> = Vec::new();
    for (at, &low) in cuts.iter().enumerate() {
        let high = cuts.get(at + 1).map_or(end, |next| next - 1);
        let Some((_, _, id, _)) = ways.iter().find(|(.., (from, to))| *from <= low && high <= *to) else { continue };
        match all.last_mut() {
            Some((last, same)) if same == id && last.1.checked_add(1) == Some(low) => last.1 = high,
            _ => all.push(((low, high), *id)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use nacl::Source;

    #[test]
    fn the_kernel_gets_the_prefixes_where_the_way_changes() {
        let text = "\
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway g {
  d: { net: 0.0.0.0/0, iface: a },
  b: { net: 10.1.0.0/16, iface: b },
  c: { net: 10.1.0.128/25, nexthop: 10.0.0.7, iface: a },
  e: { net: 10.1.0.128/25, nexthop: 10.0.0.8, iface: a, cost: 5 }
}
";
        let policy = nacl::compile(&Source::new("t", text)).policy.expect("a policy");
        let shown: Vec<String> =
            table(&policy, true).into_iter().map(|(net, iface, hop)| format!("{net} {} {hop:?}", iface.0)).collect();
        assert_eq!(
            shown,
            [
                "0.0.0.0/0 0 Via(10.0.0.254)",
                "10.1.0.0/16 1 Nowhere",
                "10.0.0.0/24 0 Link",
                "10.1.0.0/24 1 Link",
                "10.1.0.128/25 0 Via(10.0.0.7)"
            ]
        );
    }
}
