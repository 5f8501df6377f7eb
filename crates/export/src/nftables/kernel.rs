//! What a Linux kernel has to be told besides the ruleset.
//!
//! Only explicit routes forward, so the addresses bring no routes of their own; packets of the box itself find their
//! way by a table of their own, which has the subnets too.

use super::routes::{Hop, table};
use super::{device, own_addresses};
use policy::{Ipv4Config, Policy};
use wire::{Cidr, Duration, IfaceId, IpAddr};

/// The table for packets of the box itself that have no source yet.
const OWN_TABLE: u32 = 100;
/// The routes and nothing else.
const ROUTES_TABLE: u32 = 101;
/// For each Iface, from here on: its subnets.
const SUBNET_TABLES: u32 = 200_000;
/// For each Iface, from here on: where its packets go that nothing else knows a way for.
const LAST_TABLES: u32 = 300_000;

pub fn commands(policy: &Policy) -> Vec<String> {
    let mut all = settings(policy);
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        let dev = device(iface, id);
        if let Some(vlan) = iface.vlan {
            let mut pairs = policy.ifaces.iter().zip(policy.iface_ids());
            let parent = pairs.find(|(other, _)| other.nic == iface.nic && other.vlan.is_none());
            let parent = parent.map_or("NIC".to_owned(), |(other, id)| device(other, id));
            all.push(format!("ip link add link {parent} name {dev} type vlan id {vlan}"));
        }
        if let Some(mtu) = iface.mtu {
            all.push(format!("ip link set dev {dev} mtu {mtu}"));
        }
        if super::is_dhcp(iface) {
            all.push(format!("dhcpcd {dev}   # or another DHCP client, which sets no routes"));
        }
        for (address, len) in own_addresses(iface) {
            let plain = if address.is_ipv6() { " nodad noprefixroute" } else { " noprefixroute" };
            all.push(format!("ip address add {address}/{len} dev {dev}{plain}"));
        }
    }
    for four in [true, false] {
        let mut own = policy.ifaces.iter().flat_map(own_addresses);
        if own.any(|(own, _)| own.is_ipv4() == four) || !table(policy, four).is_empty() {
            routes(policy, four, &mut all);
        }
    }
    all
}

fn ip(four: bool) -> &'static str {
    if four { "ip" } else { "ip -6" }
}

fn routes(policy: &Policy, four: bool, all: &mut Vec<String>) {
    let table = table(policy, four);
    let ip = ip(four);
    let name = |id: IfaceId| policy.iface(id).map_or(String::new(), |iface| device(iface, id));
    for (net, iface, hop) in &table {
        all.push(match hop {
            Hop::Link => format!("{ip} route add {net} dev {}", name(*iface)),
            Hop::Via(hop) => format!("{ip} route add {net} via {hop} dev {} onlink", name(*iface)),
            Hop::Nowhere => format!("{ip} route add blackhole {net}"),
        });
    }
    let tells = policy.gateway.as_ref().is_some_and(|gateway| gateway.send_unreachable);
    if !tells {
        // What no route matches is dropped in silence.
        all.push(format!("{ip} route add blackhole default metric 1000000"));
    }
    // The box's own packets, from an address of an Iface: by its subnets, then by the routes if one names it, then by its
    // gateway. What has no source yet looks at all of that.
    all.push(format!("{ip} rule add iif lo lookup {OWN_TABLE} priority 100"));
    routed(&table, ip, &name, ROUTES_TABLE, all);
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        let own: Vec<_> = own_addresses(iface).into_iter().filter(|(own, _)| own.is_ipv4() == four).collect();
        let (dev, subnets, last) = (name(id), SUBNET_TABLES + u32::from(id.0), LAST_TABLES + u32::from(id.0));
        let mut routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
        let forwards = routes.any(|route| route.iface == id && route.net.network().is_ipv4() == four);
        for (address, len) in &own {
            let lookup = |table: u32, priority: u32| {
                format!("{ip} rule add from {address} iif lo lookup {table} priority {priority}")
            };
            all.push(lookup(subnets, 90));
            all.extend(forwards.then(|| lookup(ROUTES_TABLE, 91)));
            all.push(lookup(last, 92));
            if let Ok(net) = Cidr::masked(*address, *len) {
                for table in [OWN_TABLE, subnets] {
                    all.push(format!("{ip} route append {net} dev {dev} src {address} table {table}"));
                }
            }
        }
        let gateway = match iface.ipv4 {
            Ipv4Config::Static(config) if four => config.gateway.map(IpAddr::V4),
            _ if !four => iface.gateway6.map(IpAddr::V6),
            _ => None,
        };
        if let Some(gateway) = gateway {
            let metric = 10_000 + u32::from(id.0);
            for table in [OWN_TABLE, last] {
                let rest = format!("onlink metric {metric} table {table}");
                all.push(format!("{ip} route append default via {gateway} dev {dev} {rest}"));
            }
        } else if !own.is_empty() {
            all.push(format!("{ip} route append blackhole default table {last}"));
        }
    }
    routed(&table, ip, &name, OWN_TABLE, all);
}

/// The routing table once more, in another table; subnets of the table's own stand there already.
fn routed(
    routes: &[(Cidr, IfaceId, Hop)],
    ip: &str,
    name: &impl Fn(IfaceId) -> String,
    table: u32,
    all: &mut Vec<String>,
) {
    for (net, iface, hop) in routes {
        let dev = name(*iface);
        all.push(match hop {
            Hop::Link => format!("{ip} route append {net} dev {dev} metric 100 table {table}"),
            Hop::Via(hop) => format!("{ip} route append {net} via {hop} dev {dev} onlink metric 100 table {table}"),
            Hop::Nowhere => format!("{ip} route append blackhole {net} metric 100 table {table}"),
        });
    }
}

fn settings(policy: &Policy) -> Vec<String> {
    let mut all = Vec::new();
    let mut set = |key: &str, value: &str| all.push(format!("sysctl -w net.{key}={value}"));
    set("ipv4.ip_forward", "1");
    set("ipv6.conf.all.forwarding", "1");
    for scope in ["all", "default"] {
        for (key, value) in
            [("rp_filter", "0"), ("send_redirects", "0"), ("accept_redirects", "0"), ("arp_ignore", "1")]
        {
            set(&format!("ipv4.conf.{scope}.{key}"), value);
        }
        for (key, value) in [("accept_ra", "0"), ("accept_redirects", "0")] {
            set(&format!("ipv6.conf.{scope}.{key}"), value);
        }
    }
    set("ipv4.icmp_errors_use_inbound_ifaddr", "1");
    set("ipv4.icmp_echo_ignore_broadcasts", "1");
    let conntrack = &policy.conntrack;
    // Checksums of packets passing through are carried, not verified.
    set("netfilter.nf_conntrack_checksum", "0");
    set("netfilter.nf_conntrack_tcp_loose", if conntrack.stateful_tcp { "0" } else { "1" });
    set("netfilter.nf_conntrack_tcp_be_liberal", if conntrack.stateful_tcp { "0" } else { "1" });
    if let Some(limit) = conntrack.limit {
        set("netfilter.nf_conntrack_max", &limit.to_string());
    }
    let mut timeout = |key: &str, value: Duration| {
        all.push(format!("sysctl -w net.netfilter.nf_conntrack_{key}={}", value.as_secs()));
    };
    let (confirmed, established) = (&conntrack.confirmed, &conntrack.established);
    timeout("tcp_timeout_syn_sent", confirmed.tcp);
    timeout("tcp_timeout_syn_recv", confirmed.tcp);
    timeout("tcp_timeout_established", established.tcp);
    timeout("udp_timeout", confirmed.udp);
    timeout("udp_timeout_stream", established.udp);
    timeout("icmp_timeout", confirmed.icmp);
    timeout("icmpv6_timeout", confirmed.icmp);
    timeout("generic_timeout", established.other);
    all
}
