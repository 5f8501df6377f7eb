//! What a Linux kernel has to be told besides the ruleset.
//!
//! Only explicit routes forward, so the addresses bring no routes of their own; packets of the box itself find their
//! way by a table of their own, which has the subnets too.

use super::routes::{Hop, table};
use super::{device, own_addresses};
use policy::{Ipv4Config, Policy};
use wire::{Cidr, Duration, IpAddr};

/// The table for packets of the box itself.
const OWN_TABLE: u32 = 100;

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
    let name = |id: wire::IfaceId| policy.iface(id).map_or(String::new(), |iface| device(iface, id));
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
    // The box's own: subnets of its Ifaces, the routes, and the gateways of Ifaces for what no route matches.
    all.push(format!("{ip} rule add iif lo lookup {OWN_TABLE} priority 100"));
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        for (own, len) in own_addresses(iface).into_iter().filter(|(own, _)| own.is_ipv4() == four) {
            if let Ok(net) = Cidr::masked(own, len) {
                let (net, dev) = (net.network(), name(id));
                all.push(format!("{ip} route append {net}/{len} dev {dev} src {own} table {OWN_TABLE}"));
            }
        }
    }
    for (net, iface, hop) in &table {
        if let Hop::Via(hop) = hop {
            let dev = name(*iface);
            all.push(format!("{ip} route append {net} via {hop} dev {dev} onlink table {OWN_TABLE}"));
        }
    }
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        let gateway = match iface.ipv4 {
            Ipv4Config::Static(config) if four => config.gateway.map(IpAddr::V4),
            _ if !four => iface.gateway6.map(IpAddr::V6),
            _ => None,
        };
        if let Some(gateway) = gateway {
            let metric = 10_000 + u32::from(id.0);
            let dev = name(id);
            all.push(format!(
                "{ip} route append default via {gateway} dev {dev} onlink metric {metric} table {OWN_TABLE}"
            ));
        }
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
