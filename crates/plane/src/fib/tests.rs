//! What the table says of an address is what the functions say that it is made from.

use super::*;
use crate::ingress::{admit, judge};
use crate::nat::Random;
use crate::parse::{Icmp, Transport, Udp};
use crate::{Address4, Link};
use alloc::string::String;
use alloc::vec;
use policy::{Gateway, Ipv4Config, NicRef, Parts, Place, Policy, ReversePath, Static4};
use wire::ipv4::protocol;
use wire::{Cidr, PortId, icmpv6};

fn one_of<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.next() as usize % from.len()]
}

/// Addresses that crowd: of few networks, and where ranges with a meaning begin and end.
fn address4(random: &mut Random) -> Ipv4Addr {
    let any = random.next() as u8;
    let low = one_of(random, &[0, 1, 2, 126, 127, 128, 254, 255, any]);
    match random.next() % 8 {
        0 => one_of(random, &[[0, 0, 0, 0], [255, 255, 255, 255], [127, 0, 0, 1], [169, 254, 0, 0], [240, 0, 0, 0]]),
        1 => [one_of(random, &[0, 1, 126, 127, 128, 169, 223, 224, 239, 255]), one_of(random, &[0, 254, 255]), 0, low],
        _ => [10, one_of(random, &[0, 1]), one_of(random, &[0, 1, 2, 255]), low],
    }
    .into()
}

fn address6(random: &mut Random) -> Ipv6Addr {
    let network: u128 = one_of(
        random,
        &[
            0,
            0xffff << 32,
            0x2001_0db8 << 96,
            0x2001_0db8_0000_0001 << 64,
            0x2001_0db8_0000_0001 << 64,
            0x2001_0db8_0000_0002 << 64,
            0xfe80 << 112,
            0xfe80 << 112,
            0xfebf << 112,
            0xfec0 << 112,
            0xff02 << 112,
        ],
    );
    let host = one_of(random, &[0, 1, 2, 3, 0xffff, u128::from(u32::MAX), 1 << 64, (1 << 64) - 1]);
    Ipv6Addr::from_bits((network | host).wrapping_sub(u128::from(random.next().is_multiple_of(8))))
}

fn lease(random: &mut Random) -> Option<Address4> {
    let prefix_len = one_of(random, &[0, 8, 16, 24, 25, 30, 31, 32]);
    let gateway = random.next().is_multiple_of(2).then(|| address4(random));
    (!random.next().is_multiple_of(6)).then(|| Address4 { address: address4(random), prefix_len, gateway })
}

fn policy(random: &mut Random) -> Policy {
    let count = 1 + random.next() as u16 % 6;
    let ifaces = (0..count).map(|at| {
        let own = lease(random);
        let fixed = |own: Address4| {
            let Address4 { address, prefix_len, gateway } = own;
            Static4 { address, prefix_len, gateway, dns: None }
        };
        let addresses6 = random.next() % 3;
        policy::Iface {
            nic: NicRef::Index(at / 2),
            vlan: (at % 2 == 1).then_some(at),
            ipv4: if random.next().is_multiple_of(3) {
                Ipv4Config::Dhcp
            } else {
                own.map_or(Ipv4Config::Unconfigured, |own| Ipv4Config::Static(fixed(own)))
            },
            address6: (0..addresses6)
                .map(|_| (address6(random), one_of(random, &[0, 8, 32, 63, 64, 64, 127, 128])))
                .collect(),
            gateway6: random.next().is_multiple_of(2).then(|| address6(random)),
            reverse_path: one_of(random, &[None, Some(ReversePath::Strict), Some(ReversePath::Loose)]),
            ..crate::tests::iface("if", at / 2, [10, 0, 0, 1])
        }
    });
    let ifaces: Vec<_> = ifaces.collect();
    // Now and then more than cut.
    let routes = one_of(random, &[0, 1, 2, 5, 20, 20, 3 * FEW as u64]);
    let route = |_| {
        let v4 = random.next().is_multiple_of(2);
        let any = |random: &mut Random| if v4 { address4(random).into() } else { address6(random).into() };
        let len = random.next() % if v4 { 33 } else { 129 };
        let mut network: IpAddr = any(random);
        if routes > 20 {
            network = match network {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(random.next() as u32)),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(u128::from(random.next()) << 64)),
            };
        }
        policy::Route {
            name: String::new(),
            net: Cidr::masked(network, len as u8).unwrap(),
            nexthop: random.next().is_multiple_of(2).then(|| any(random)),
            iface: IfaceId(random.next() as u16 % count),
            cost: random.next() as u32 % 3,
            place: Place::NONE,
        }
    };
    let routes = (0..routes).map(route).collect();
    let gateway = Gateway { routes, ..Gateway::default() };
    Policy::new(Parts { ifaces, gateway: Some(gateway), ..Parts::default() }).unwrap()
}

fn ifaces(policy: &Policy) -> Ifaces {
    let links = policy.iface_ids().map(|id| {
        let port = PortId(id.0 / 2);
        Link { port, mac: wire::MacAddr([2, 0, 0, 0, 0, port.0 as u8]), mtu: 1500 }
    });
    Ifaces::new(policy, &links.collect::<Vec<_>>())
}

/// Addresses of the box and of its routes.
fn known(ifaces: &Ifaces, policy: &Policy) -> Vec<IpAddr> {
    let mut known = Vec::new();
    for (_, iface) in ifaces.iter() {
        known.extend(iface.address4.map(|own| IpAddr::V4(own.address)));
        known.extend(iface.address4.and_then(|own| own.broadcast()).map(IpAddr::V4));
        known.extend(iface.address4.and_then(|own| own.gateway).map(IpAddr::V4));
        known.extend(iface.address6.iter().map(|(own, _)| IpAddr::V6(*own)));
        known.extend(iface.gateway6.map(IpAddr::V6));
    }
    for route in &policy.gateway.as_ref().unwrap().routes {
        known.push(route.net.network());
        known.push(match route.net {
            Cidr::V4(net) => net.last().into(),
            Cidr::V6(net) => net.last().into(),
        });
    }
    known
}

/// One of these, or one beside it, or any.
fn address(random: &mut Random, known: &[IpAddr], v4: bool) -> IpAddr {
    let beside = one_of(random, &[0, 0, 0, 0, 1, -1]);
    let one = (!known.is_empty()).then(|| one_of(random, known));
    match one.filter(|address| address.is_ipv4() == v4 && !random.next().is_multiple_of(3)) {
        Some(IpAddr::V4(address)) => Ipv4Addr::from_bits(address.to_bits().wrapping_add_signed(beside)).into(),
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits().wrapping_add_signed(beside.into())).into(),
        None if v4 => address4(random).into(),
        None => address6(random).into(),
    }
}

fn packet(random: &mut Random, known: &[IpAddr]) -> Packet {
    let v4 = random.next().is_multiple_of(2);
    let src = address(random, known, v4);
    let dst = if random.next().is_multiple_of(16) { src } else { address(random, known, v4) };
    let udp = Transport::Udp(Udp { sport: 67, dport: 68, length: 8, checksum: 0 });
    let icmp = |kind| Transport::Icmp(Icmp { kind, code: 0, id: 0 });
    let (transport, protocol) = match random.next() % 4 {
        0 => (udp, protocol::UDP),
        1 => (icmp(icmpv6::kind::NEIGHBOR_ADVERTISEMENT), protocol::ICMPV6),
        2 => (icmp(icmpv6::kind::NEIGHBOR_SOLICITATION), protocol::ICMPV6),
        _ => (Transport::Other, 99),
    };
    Packet { src, dst, transport, protocol, to_group: random.next().is_multiple_of(8), ..Packet::NONE }
}

/// Of every address in turn what the table says, and what it is made from.
fn compare(random: &mut Random, policy: &Policy, ifaces: &Ifaces, routes: &Routes) {
    let fib = Fib::new(ifaces, routes);
    let unknowing = Fib::unknowing();
    let (routes4, routes6) = routes.prefixes();
    let known = known(ifaces, policy);
    for _ in 0..300 {
        let packet = packet(random, &known);
        let (ends, unknown) = (fib.ends(&packet), unknowing.ends(&packet));
        for (class, address) in [(ends.src, packet.src), (ends.dst, packet.dst)] {
            if class.kind == Kind::Plain {
                assert_eq!(ifaces.owner(address), None, "{address}");
                assert!(ifaces.iter().all(|(_, iface)| !iface.receives(address)), "{address}");
            }
            assert_eq!(fib.way_to(ifaces, routes, class, address), routes.way_to(ifaces, address), "{address}");
            let asked = unknowing.way_to(ifaces, routes, unknown.src, address);
            assert_eq!(asked, routes.way_to(ifaces, address), "{address}");
            let few = if address.is_ipv4() { routes4.intervals() <= FEW } else { routes6.intervals() <= FEW };
            if few {
                assert_ne!(class.lead, Lead::ByRoute, "nothing is left to look up: {address}");
                assert!(usize::from(class.onward) < fib.onwards.len(), "nothing is left to look up: {address}");
            }
        }
        for id in policy.iface_ids() {
            let fast = admit(ifaces, routes, &fib, id, &packet, ends);
            assert_eq!(fast, judge(ifaces, routes, id, &packet), "{id:?} {packet:?} {ifaces:?}");
            let asked = admit(ifaces, routes, &unknowing, id, &packet, unknown);
            assert_eq!(asked, fast, "{id:?} {packet:?} {ifaces:?}");
            let [fast, asked] = [(&fib, ends), (&unknowing, unknown)].map(|(fib, ends)| {
                let mut tracked = crate::conntrack::Tracked::untracked(packet);
                let found = forward::lookup(policy, ifaces, routes, fib, id, &mut tracked, ends);
                found.map(|()| tracked.hop).map_err(|refusal| (refusal.reason, refusal.answer.is_some()))
            });
            assert_eq!(fast, asked, "{id:?} {packet:?} {ifaces:?}");
        }
    }
}

#[test]
fn every_address_is_what_every_function_says_whatever_the_policy_and_its_leases() {
    let mut random = Random::new(11);
    for _ in 0..120 {
        let policy = policy(&mut random);
        let (mut ifaces, routes) = (ifaces(&policy), Routes::new(&policy));
        compare(&mut random, &policy, &ifaces, &routes);
        for _ in 0..3 {
            let id = IfaceId(random.next() as u16 % policy.ifaces.len() as u16);
            match ifaces.get(id).and_then(|iface| iface.address6.first().copied()) {
                Some((own, _)) if random.next().is_multiple_of(3) => ifaces.remove_address6(id, own),
                _ => ifaces.set_address4(id, lease(&mut random)),
            }
            compare(&mut random, &policy, &ifaces, &routes);
        }
    }
}

#[test]
fn most_packets_are_common_and_the_box_knows_its_own_addresses() {
    let parts = Parts {
        ifaces: vec![crate::tests::iface("lan", 0, [10, 0, 0, 1]), crate::tests::iface("wan", 1, [10, 1, 0, 1])],
        gateway: Some(Gateway { routes: vec![crate::tests::route([10, 1, 0, 0], 1)], ..Gateway::default() }),
        ..Parts::default()
    };
    let policy = Policy::new(parts).unwrap();
    let (mut ifaces, routes) = (ifaces(&policy), Routes::new(&policy));
    let kind = |ifaces: &Ifaces, address: [u8; 4]| Fib::new(ifaces, &routes).v4.class(u32::from_be_bytes(address)).kind;
    let rows = [
        ([10, 0, 0, 1], Kind::Own),
        ([10, 1, 0, 1], Kind::Own),
        ([10, 0, 0, 2], Kind::Plain),
        ([10, 0, 0, 0], Kind::Plain),
        ([10, 0, 0, 254], Kind::Plain),
        ([10, 0, 0, 255], Kind::Special),
        ([10, 0, 1, 0], Kind::Plain),
        ([0, 0, 0, 0], Kind::Special),
        ([0, 0, 0, 1], Kind::Plain),
        ([126, 255, 255, 255], Kind::Plain),
        ([127, 0, 0, 1], Kind::Special),
        ([169, 254, 0, 0], Kind::Special),
        ([223, 255, 255, 255], Kind::Plain),
        ([224, 0, 0, 0], Kind::Special),
        ([255, 255, 255, 255], Kind::Special),
    ];
    for (address, expected) in rows {
        assert_eq!(kind(&ifaces, address), expected, "{address:?}");
    }
    ifaces.set_address4(IfaceId(0), None);
    assert_eq!(kind(&ifaces, [10, 0, 0, 1]), Kind::Plain);
    assert_eq!(kind(&ifaces, [10, 0, 0, 255]), Kind::Plain);
}
