use super::*;
use crate::nat::Random;
use alloc::string::String;
use core::cmp::Reverse;
use policy::{Gateway, Parts, Place};
use wire::{Ipv4Addr, Ipv6Addr};

fn policy(routes: Vec<policy::Route>) -> Policy {
    let ifaces = (0..8).map(|nic| crate::tests::iface("if", nic, [192, 0, 2, nic as u8])).collect();
    let gateway = Gateway { routes, ..Gateway::default() };
    Policy::new(Parts { ifaces, gateway: Some(gateway), ..Parts::default() }).unwrap()
}

fn route(net: Cidr, iface: u16, nexthop: Option<IpAddr>, cost: u32) -> policy::Route {
    policy::Route { name: String::new(), net, nexthop, iface: IfaceId(iface), cost, place: Place::NONE }
}

/// The routing table as it is meant: all routes in the order in which they count.
struct Naive(Vec<policy::Route>);

impl Naive {
    fn new(policy: &Policy) -> Self {
        let mut routes = policy.gateway.as_ref().unwrap().routes.clone();
        routes.sort_by_key(|route| (Reverse(route.net.prefix_len()), route.cost));
        Self(routes)
    }

    fn find(&self, dst: IpAddr) -> Option<(Route, u8)> {
        let route = self.0.iter().find(|route| route.net.contains(dst))?;
        let nexthop = route.nexthop.filter(|nexthop| crate::parse::is_host_address(*nexthop));
        Some((Route { iface: route.iface, nexthop }, route.net.prefix_len()))
    }
}

/// Prefixes that crowd and nest: few distinct bits, of any length.
fn random_routes(random: &mut Random, count: u64) -> Vec<policy::Route> {
    let one = |_| {
        let bits = random.next();
        let crowded = [0, u128::MAX, 0x0a00_0000_0000_0000_0000_0000_0000_0000][bits as usize % 3];
        let noise = u128::from(random.next()) << 64 | u128::from(random.next());
        let shift = random.next() % 128;
        let address = crowded ^ noise >> shift & noise.rotate_left(17);
        let (addr, most) = if bits & 64 != 0 {
            (IpAddr::V6(Ipv6Addr::from_bits(address)), 129)
        } else {
            (IpAddr::V4(Ipv4Addr::from_bits((address >> 96) as u32)), 33)
        };
        let net = Cidr::masked(addr, (random.next() % most) as u8).unwrap();
        let nexthop = match random.next() % 4 {
            0 => None,
            n if addr.is_ipv4() => Some(IpAddr::from([10, 0, 0, n as u8])),
            n => Some(IpAddr::V6(Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(n)))),
        };
        route(net, (random.next() % 8) as u16, nexthop, (random.next() % 3) as u32)
    };
    (0..count).map(one).collect()
}

/// The addresses at which a table can change, and their neighbors.
fn boundaries(routes: &[policy::Route]) -> Vec<IpAddr> {
    let around = |route: &policy::Route| match route.net {
        Cidr::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.last().to_bits());
            let at = [first.wrapping_sub(1), first, first | 1, last & !1, last, last.wrapping_add(1)];
            at.map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
        }
        Cidr::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.last().to_bits());
            let at = [first.wrapping_sub(1), first, first | 1, last & !1, last, last.wrapping_add(1)];
            at.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        }
    };
    let ends = [[0; 4], [255; 4]].map(IpAddr::from).into_iter().chain([[0; 16], [255; 16]].map(IpAddr::from));
    routes.iter().flat_map(around).chain(ends).collect()
}

#[test]
fn every_address_finds_what_a_scan_of_all_routes_finds() {
    let mut random = Random::new(5);
    for round in 0..170 {
        // Every number of keys around a node and around two levels, then some larger ones.
        let count = if round < 160 { round % 80 } else { 40 * (round - 155) };
        let policy = policy(random_routes(&mut random, count));
        let (routes, naive) = (Routes::new(&policy), Naive::new(&policy));
        let all = &policy.gateway.as_ref().unwrap().routes;
        let random4 = |random: &mut Random| IpAddr::V4(Ipv4Addr::from_bits(random.next() as u32));
        let more: Vec<_> = (0..50).map(|_| random4(&mut random)).collect();
        for dst in boundaries(all).into_iter().chain(more) {
            assert_eq!(routes.find(dst), naive.find(dst), "{dst} among {count} routes: {all:?}");
        }
    }
}

#[test]
fn the_way_back_is_the_most_specific_of_routes_and_subnets() {
    let mut random = Random::new(6);
    for round in 0..40 {
        let policy = policy(random_routes(&mut random, round % 20));
        let links = (0..8).map(|nic| crate::Link { port: wire::PortId(nic), mac: Default::default(), mtu: 1500 });
        let mut ifaces = Ifaces::new(&policy, &links.collect::<Vec<_>>());
        for id in (0..8).map(IfaceId) {
            let bits = random.next();
            let address = Ipv4Addr::new(10, bits as u8 & 3, (bits >> 8) as u8 & 3, id.0 as u8);
            let own = crate::Address4 { address, prefix_len: 8 + (bits >> 16) as u8 % 25, gateway: None };
            ifaces.set_address4(id, Some(own).filter(|_| !bits.is_multiple_of(5)));
        }
        let (routes, naive) = (Routes::new(&policy), Naive::new(&policy));
        let near = |random: &mut Random| {
            let bits = random.next();
            IpAddr::from([10, bits as u8 & 3, (bits >> 8) as u8 & 3, (bits >> 16) as u8])
        };
        let some: Vec<_> = (0..400).map(|_| near(&mut random)).collect();
        for address in boundaries(&policy.gateway.as_ref().unwrap().routes).into_iter().chain(some) {
            let net = |id: IfaceId| ifaces.get(id)?.address4?.subnet().filter(|net| Cidr::V4(*net).contains(address));
            let subnets = (0..8).map(IfaceId).filter_map(|id| Some((net(id)?.prefix_len(), id)));
            let subnet = subnets.max_by_key(|(len, id)| (*len, Reverse(*id)));
            let route = naive.find(address).map(|(route, len)| (len, route.iface));
            let expected = if subnet.map(|(len, _)| len) >= route.map(|(len, _)| len) { subnet } else { route };
            assert_eq!(routes.way_to(&ifaces, address), expected.map(|(_, id)| id), "{address}");
            for (id, iface) in ifaces.iter() {
                assert_eq!(iface.on_link(address), net(id).is_some() && address.is_ipv4(), "{address}");
            }
        }
    }
}

#[test]
fn of_equal_prefixes_the_lowest_cost_counts_and_then_the_first() {
    let net = Cidr::masked(IpAddr::from([10, 0, 0, 0]), 8).unwrap();
    let routes =
        Routes::new(&policy([(1, 5), (2, 3), (3, 3)].map(|(iface, cost)| route(net, iface, None, cost)).into()));
    let found = routes.find([10, 1, 2, 3].into());
    assert_eq!(found, Some((Route { iface: IfaceId(2), nexthop: None }, 8)));
    assert_eq!(routes.find([11, 0, 0, 0].into()), None);
    assert_eq!(routes.find(IpAddr::V6(Ipv6Addr::LOCALHOST)), None, "the other family's table is empty");
}

#[test]
fn a_hundred_thousand_routes_fit_into_what_is_promised() {
    for v6 in [false, true] {
        // The worst case: none touches another, each has a way of its own.
        let one = |n: u32| {
            let addr = if v6 {
                IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | u128::from(n) << 66))
            } else {
                IpAddr::V4(Ipv4Addr::from_bits(n << 14))
            };
            route(Cidr::masked(addr, if v6 { 64 } else { 20 }).unwrap(), (n % 8) as u16, None, 1)
        };
        let routes = Routes::new(&policy((0..100_000).map(one).collect()));
        let most = if v6 { 44 } else { 18 };
        assert!(routes.bytes() <= 100_000 * most + 4096, "{} bytes", routes.bytes());
        assert!(routes.bytes() >= 100_000 * most / 2, "all of them are there: {} bytes", routes.bytes());
    }
}
