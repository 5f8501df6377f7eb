//! Codes about Ifaces, the Gateway and the other objects.

use super::{Code, Explanation, explanation, with_iface};

pub fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::WrongType => explanation(
            "The key needs a value of another type. A string is never an address, 1 is not true.",
            "Iface eth0 { index: 0, address: \"10.0.0.1\", netmask: 255.255.255.0 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::OutOfRange => explanation(
            "The number lies outside what the key allows; the message says the limits.",
            "Syslog s { address: 10.0.0.9, port: 70000 }\n",
            "Syslog s { address: 10.0.0.9, port: 514 }\n",
        ),
        Code::UnknownWord => explanation(
            "Only certain words may stand here; the message lists them.",
            "Iface eth0 { index: 0, config: auto }\n",
            "Iface eth0 { index: 0, config: dhcp }\n",
        ),
        Code::UnknownProperty => explanation(
            "Objects of this type have no such key. Nothing is silently ignored.",
            "Iface eth0 { index: 0, adress: 10.0.0.1 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::MissingProperty => explanation(
            "The object cannot do without this key; the message says what kind of value it takes.",
            "Iface eth0 { address: 10.0.0.1, netmask: 255.255.255.0 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::OnlyOne => explanation(
            "A file has at most one Gateway, Conntrack, Syslog and Load_balancer.",
            "Conntrack a { limit: 1000 }\nConntrack b { reserve: 100 }\n",
            "Conntrack a { limit: 1000, reserve: 100 }\n",
        ),
        Code::InvalidMac => explanation(
            "A MAC address is a string of six pairs of hexadecimal digits joined by `:`. Group addresses and all zeros name no NIC.",
            "Iface eth0 { index: \"c0:01:0a:00:00\" }\n",
            "Iface eth0 { index: \"c0:01:0a:00:00:2a\" }\n",
        ),
        Code::InvalidNetmask => explanation(
            "A netmask is a row of one bits followed by a row of zero bits, like 255.255.255.0 for a prefix length of 24.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.0.255.0 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::ConflictingProperties => explanation(
            "The two keys say different things about one matter; only one of them may stand.",
            with_iface!("Gateway gw { r: { net: 10.0.0.0/24, host: 10.0.0.9, iface: eth0 } }"),
            with_iface!("Gateway gw { r: { host: 10.0.0.9, iface: eth0 } }"),
        ),
        Code::IndexTaken => explanation(
            "A NIC has one plain Iface, and each vlan number of it one more.",
            "Iface a { index: 0 }\nIface b { index: 0 }\n",
            "Iface a { index: 0 }\nIface b { index: 1 }\n",
        ),
        Code::NoIface => explanation(
            "The name of an Iface is needed, written itself: constants do not stand for Ifaces.",
            with_iface!("wan: eth0\nGateway gw { r: { net: 10.0.0.0/24, iface: wan } }"),
            with_iface!("Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }"),
        ),
        Code::NotAChainFunction => explanation(
            "A chain is the name of a function, or a list of such names. Constants do not stand for functions.",
            "Iface eth0 { index: 0, input: 10 }\n",
            "Iface eth0 { index: 0, input: f }\nFilter::IP f { accept }\n",
        ),
        Code::GatewayIsSelf => explanation(
            "The gateway is the next router on this network, so it cannot be the Iface's own address.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.1 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, gateway: 10.0.0.1 }\n",
        ),
        Code::NetworkAddress => explanation(
            "With all host bits zero the address names the network itself (for IPv6, any of its routers), not a host on it.",
            "Iface eth0 { index: 0, address: 10.0.0.0, netmask: 255.255.255.0 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::BroadcastAddress => explanation(
            "With all host bits one the address names every host of the network. Networks of /31 and /32 have none (RFC 3021).",
            "Iface eth0 { index: 0, address: 10.0.0.255, netmask: 255.255.255.0 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.254, netmask: 255.255.255.0 }\n",
        ),
        Code::NotUnicast => explanation(
            "Multicast, loopback and unspecified addresses belong to no single host.",
            "Iface eth0 { index: 0, address: 224.0.0.1, netmask: 255.255.255.0 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::GatewayOffLink => explanation(
            "The gateway is asked for on this network, so it should be on it. Address, netmask or gateway may be mistyped.",
            "Iface eth0 { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, gateway: 10.9.0.1 }\n",
            "Iface eth0 { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, gateway: 10.0.0.1 }\n",
        ),
        Code::IgnoredProperty => explanation(
            "Beside the other keys this one has no effect.",
            "Iface eth0 { index: 0, config: dhcp, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
            "Iface eth0 { index: 0, config: dhcp-with-fallback, address: 10.0.0.1, netmask: 255.255.255.0 }\n",
        ),
        Code::DuplicateAddress => explanation(
            "Two Ifaces have one address. Neighbours of both will answer for it, and replies may leave by the wrong one.",
            with_iface!("Iface eth1 { index: 1, address: 10.0.0.1, netmask: 255.255.255.0 }"),
            with_iface!("Iface eth1 { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }"),
        ),
        Code::OverlappingSubnets => explanation(
            "An address is on the subnet of one Iface: what two share is looked for on one of them only.",
            with_iface!("Iface eth1 { index: 1, address: 10.0.0.129, netmask: 255.255.255.128 }"),
            with_iface!("Iface eth1 { index: 1, address: 10.0.1.1, netmask: 255.255.255.128 }"),
        ),
        Code::UnroutedIface => explanation(
            "An Iface that no route names neither forwards what it receives nor is forwarded to. That is how a management network \
             is kept apart; if it is not meant, a route is missing.",
            with_iface!(
                "Iface eth1 { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }\nGateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }"
            ),
            with_iface!(
                "Iface eth1 { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }\n\
                 Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 }, s: { net: 10.1.0.0/24, iface: eth1 } }"
            ),
        ),
        Code::EmptyGateway => explanation(
            "A Gateway forwards by its routes; without one it does nothing.",
            with_iface!("Gateway gw { send_time_exceeded: true }"),
            with_iface!("Gateway gw { send_time_exceeded: true, r: { net: 10.0.0.0/24, iface: eth0 } }"),
        ),
        Code::PrefixLengthMissing => explanation(
            "An IPv6 network, and an own address with its network, is written with its prefix length.",
            "Iface eth0 { index: 0, address6: 2001:db8::1 }\n",
            "Iface eth0 { index: 0, address6: 2001:db8::1/64 }\n",
        ),
        Code::MixedFamilies => explanation(
            "IPv6 packets are handed to IPv6 routers and IPv4 packets to IPv4 routers: net and nexthop are of one family.",
            "Iface eth0 { index: 0, address6: 2001:db8::1/64 }\n\
             Gateway gw { r: { net: 2001:db8:7::/48, nexthop: 10.0.0.1, iface: eth0 } }",
            "Iface eth0 { index: 0, address6: 2001:db8::1/64 }\n\
             Gateway gw { r: { net: 2001:db8:7::/48, nexthop: 2001:db8::9, iface: eth0 } }",
        ),
        Code::NexthopIsSelf => explanation(
            "The next hop is another router; the packet would come straight back to this one.",
            with_iface!("Gateway gw { r: { net: 10.7.0.0/16, nexthop: 10.0.0.1, iface: eth0 } }"),
            with_iface!("Gateway gw { r: { net: 10.7.0.0/16, nexthop: 10.0.0.9, iface: eth0 } }"),
        ),
        Code::NexthopOffLink => explanation(
            "The next hop is asked for on the route's Iface, so it should be on a subnet there. Perhaps it is behind another Iface.",
            with_iface!("Gateway gw { r: { net: 10.7.0.0/16, nexthop: 172.16.0.1, iface: eth0 } }"),
            with_iface!("Gateway gw { r: { net: 10.7.0.0/16, nexthop: 10.0.0.9, iface: eth0 } }"),
        ),
        Code::NoNextHop => explanation(
            "The destination is on no subnet of the Iface, the route names no next hop and the Iface no gateway: the packets are \
             dropped.",
            with_iface!("Gateway gw { r: { net: 172.16.0.0/16, iface: eth0 } }"),
            with_iface!("Gateway gw { r: { net: 172.16.0.0/16, nexthop: 10.0.0.9, iface: eth0 } }"),
        ),
        Code::ShadowedRoute => explanation(
            "Of two routes for one network only one is used: that of lower cost, or else the first. There is no switching over when \
             it fails.",
            with_iface!(
                "Gateway gw { a: { net: 10.0.0.0/24, iface: eth0 }, b: { net: 10.0.0.0/24, nexthop: 10.0.0.9, iface: eth0 } }"
            ),
            with_iface!(
                "Gateway gw { a: { net: 10.0.0.0/24, iface: eth0 }, b: { net: 10.7.0.0/24, nexthop: 10.0.0.9, iface: eth0 } }"
            ),
        ),
        Code::HostBits => explanation(
            "The network has bits beyond its mask. They are taken away, as other routers do, but something else may be meant.",
            with_iface!("Gateway gw { r: { net: 10.0.0.5/24, iface: eth0 } }"),
            with_iface!("Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }"),
        ),
        Code::NoIpv6 => explanation(
            "An Iface without address6 ignores IPv6 altogether, so nothing can leave by this route.",
            with_iface!(
                "Gateway gw { a: { net: 10.0.0.0/24, iface: eth0 }, r: { net: 2001:db8::/48, nexthop: fe80::1, iface: eth0 } }"
            ),
            "Iface eth0 { index: 0, address6: 2001:db8:1::1/64 }\nGateway gw { r: { net: 2001:db8::/48, nexthop: fe80::1, iface: eth0 } }",
        ),
        Code::DeprecatedKey => explanation(
            "The next hop of a route is called nexthop. The other name is understood, and will not be by other tools.",
            with_iface!("Gateway gw { r: { net: 10.7.0.0/16, gateway: 10.0.0.9, iface: eth0 } }"),
            with_iface!("Gateway gw { r: { net: 10.7.0.0/16, nexthop: 10.0.0.9, iface: eth0 } }"),
        ),
        Code::Unreachable => explanation(
            "The server is on no subnet, no route leads to it and no Iface has a gateway: nothing can be sent to it.",
            with_iface!("Syslog s { address: 172.16.0.1, port: 514 }"),
            with_iface!("Syslog s { address: 10.0.0.9, port: 514 }"),
        ),
        Code::RepeatedEntry => explanation(
            "One thing is listed twice. It counts once, and perhaps another was meant.",
            "Timer t { interval: 5, data: [cpu, cpu] }\n",
            "Timer t { interval: 5, data: [cpu, memory] }\n",
        ),
        Code::NodeIsSelf => explanation(
            "A node is the very address and port at which clients reach the balancer, so it would connect to itself.",
            with_iface!(
                "Load_balancer lb { layer: tcp, clients: { iface: eth0, port: 80 }, servers: { iface: eth0, pool: [{ address: 10.0.0.1, port: 80 }] } }"
            ),
            with_iface!(
                "Load_balancer lb { layer: tcp, clients: { iface: eth0, port: 80 }, servers: { iface: eth0, pool: [{ address: 10.0.0.9, port: 80 }] } }"
            ),
        ),
        Code::MasqueradeUnrouted => explanation(
            "Masquerade translates forwarded packets as they leave. Nothing is forwarded out of an Iface that no route names.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, masquerade: true }\n",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, masquerade: true }\n\
             Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }",
        ),
        Code::ReversePathUnset => explanation(
            "Without a reverse-path check a packet may claim any source address. `strict` suits networks with one way out, \
             `loose` those with several (RFC 3704). This is a suggestion only.",
            with_iface!("Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }"),
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, reverse_path: strict }\n\
             Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }",
        ),
        Code::NoBalancer => explanation(
            "The Timer asks for the figures of a Load_balancer, and the file has none: nothing is printed for it.",
            "Timer t { interval: 5, data: [cpu, lb] }\n",
            "Timer t { interval: 5, data: [cpu] }\n",
        ),
        _ => return None,
    })
}
