//! What our router refuses before and behind prerouting, whatever the rules say: martians, spoofed sources, packets
//! that nothing forwards.

use super::condition::address_elements;
use super::routes::{Hop, Interval, pieces, ways_back};
use super::{Writer, define, is_dhcp, own_addresses};
use policy::{Iface, Policy, ReversePath};
use std::fmt::Write as _;
use wire::{Cidr, IfaceId, IpAddr};

pub fn chains(writer: &mut Writer<'_>, out: &mut String) {
    let policy = writer.policy;
    out.push_str("\tchain admission {\n\t\ttype filter hook prerouting priority -300; policy accept;\n");
    out.push_str("\t\tiifname lo accept\n");
    for iface in &policy.ifaces {
        let name = &iface.name;
        let _ = writeln!(out, "\t\tiifname ${} goto admit_{name}", define(name));
    }
    out.push_str("\t\tdrop  # by a device that is no Iface\n\t}\n");
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        admit(policy, iface, id, out);
    }
    out.push_str("\n\tchain routing {\n\t\ttype filter hook prerouting priority -80; policy accept;\n");
    for iface in &policy.ifaces {
        let name = &iface.name;
        let _ = writeln!(out, "\t\tiifname ${} goto route_{name}", define(name));
    }
    out.push_str("\t}\n");
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        let of = |four: bool| {
            let mut routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
            routes.any(|route| route.iface == id && route.net.network().is_ipv4() == four)
        };
        route(policy, iface, of(true), of(false), out);
    }
}

/// All own addresses of a family, as a set.
pub fn all_own(policy: &Policy, four: bool) -> Option<String> {
    let own = policy.ifaces.iter().flat_map(own_addresses).map(|(own, _)| own).filter(|own| own.is_ipv4() == four);
    let own: Vec<String> = own.map(|own| own.to_string()).collect();
    (!own.is_empty()).then(|| format!("{{ {} }}", own.join(", ")))
}

fn admit(policy: &Policy, iface: &Iface, here: IfaceId, out: &mut String) {
    let _ = writeln!(out, "\n\tchain admit_{} {{", iface.name);
    let mut rule = |text: &str| {
        let _ = writeln!(out, "\t\t{text}");
    };
    let own = own_addresses(iface);
    let dhcp = is_dhcp(iface);
    if dhcp {
        rule("udp sport 67 udp dport 68 accept");
    } else if !own.iter().any(|(own, _)| own.is_ipv4()) {
        rule("meta nfproto ipv4 drop  # no IPv4 here");
    }
    if iface.address6.is_empty() {
        rule("meta nfproto ipv6 drop  # no IPv6 here");
    }
    rule("ip saddr { 127.0.0.0/8, 224.0.0.0/4, 255.255.255.255 } drop");
    for (own, len) in &own {
        if let (IpAddr::V4(_), 0..=30, Ok(Cidr::V4(subnet))) = (own, len, Cidr::masked(*own, *len)) {
            rule(&format!("ip saddr {} drop", subnet.last()));
        }
    }
    rule("ip daddr { 0.0.0.0, 127.0.0.0/8 } drop");
    rule("ip6 saddr { ::1, ::ffff:0.0.0.0/96, ff00::/8 } drop");
    rule("ip6 daddr { ::, ::1, ::ffff:0.0.0.0/96 } drop");
    // Neighbor and listener discovery belong to the link; they alone may come from nowhere.
    rule("icmpv6 type { 130-137, 143 } accept");
    rule("ip6 saddr :: drop");
    for four in [true, false] {
        let word = if four { "ip" } else { "ip6" };
        if let Some(own) = all_own(policy, four) {
            rule(&format!("{word} saddr {own} drop"));
        }
        let Some(mode) = iface.reverse_path else { continue };
        let exempt = if four { "ip saddr != 0.0.0.0" } else { "ip6 saddr != fe80::/10" };
        let leads_here = |(_, id): &(Interval, IfaceId)| mode == ReversePath::Loose || *id == here;
        let mut ways: Vec<Interval> =
            ways_back(policy, four).into_iter().filter(leads_here).map(|(interval, _)| interval).collect();
        ways.dedup_by(|next, last| {
            let touches = last.1.checked_add(1) == Some(next.0);
            if touches {
                last.1 = next.1;
            }
            touches
        });
        let end = if four { u128::from(u32::MAX) } else { u128::MAX };
        match &ways[..] {
            [] => rule(&format!("{exempt} drop  # no way back")),
            [(0, all)] if *all == end => {}
            _ => rule(&format!("{exempt} {word} saddr != {} drop  # no way back", address_elements(&ways, four))),
        }
    }
    rule("rt type 0 drop  # source routes of IPv6");
    out.push_str("\t}\n");
}

/// What happens to packets that are not for the Iface itself.
fn route(policy: &Policy, iface: &Iface, four: bool, six: bool, out: &mut String) {
    let _ = writeln!(out, "\n\tchain route_{} {{", iface.name);
    let mut rule = |text: &str| {
        let _ = writeln!(out, "\t\t{text}");
    };
    rule("icmpv6 type { 130-137, 143 } accept");
    for (own, len) in own_addresses(iface) {
        match (own, Cidr::masked(own, len)) {
            (IpAddr::V4(_), Ok(Cidr::V4(subnet))) if len < 31 => {
                rule(&format!("ip daddr {{ {own}, {}, 255.255.255.255 }} accept", subnet.last()));
            }
            (IpAddr::V4(_), _) => rule(&format!("ip daddr {{ {own}, 255.255.255.255 }} accept")),
            (IpAddr::V6(_), _) => rule(&format!("ip6 daddr {own} accept")),
        }
    }
    if is_dhcp(iface) {
        rule("meta nfproto ipv4 fib daddr . iif type { local, broadcast } accept");
    }
    if !iface.address6.is_empty() {
        rule("ip6 daddr { ff02::1, ff02::2, ff02::1:ff00:0/104 } accept");
        rule("ip6 daddr fe80::/10 fib daddr . iif type local accept");
    }
    // Never forwarded.
    rule("meta pkttype != host drop");
    for direction in ["saddr", "daddr"] {
        rule(&format!("ip {direction} {{ 0.0.0.0, 169.254.0.0/16, 224.0.0.0/3 }} drop"));
        rule(&format!("ip6 {direction} {{ ::, fe80::/10, ff00::/8 }} drop"));
    }
    let gateway = policy.gateway.as_ref();
    for (family, word, forwards) in [("ipv4", "ip", four), ("ipv6", "ip6", six)] {
        if !forwards {
            rule(&format!("meta nfproto {family} drop  # no route names this Iface"));
            continue;
        }
        let pieces = pieces(policy, word == "ip");
        let show = |interval: &[Interval]| address_elements(interval, word == "ip");
        let mut routed: Vec<Interval> = Vec::new();
        for piece in &pieces {
            match routed.last_mut() {
                Some(last) if last.1.checked_add(1) == Some(piece.interval.0) => last.1 = piece.interval.1,
                _ => routed.push(piece.interval),
            }
        }
        let end = if word == "ip" { u128::from(u32::MAX) } else { u128::MAX };
        if !gateway.is_some_and(|gateway| gateway.send_unreachable) && routed != [(0, end)] {
            rule(&format!("{word} daddr != {} drop  # no route", show(&routed)));
        }
        let nowhere: Vec<Interval> =
            pieces.iter().filter(|piece| piece.hop == Hop::Nowhere).map(|piece| piece.interval).collect();
        if !nowhere.is_empty() {
            rule(&format!("{word} daddr {} drop  # no next hop", show(&nowhere)));
        }
        if !gateway.is_none_or(|gateway| gateway.send_time_exceeded) {
            rule(&format!("{word} {} <= 1 drop", if word == "ip" { "ttl" } else { "hoplimit" }));
        } else if let Some(own) = all_own(policy, word == "ip") {
            // Linux would take what another Iface receives without a hop.
            rule(&format!("{word} daddr {own} {word} {} <= 1 drop", if word == "ip" { "ttl" } else { "hoplimit" }));
        }
    }
    out.push_str("\t}\n");
}
