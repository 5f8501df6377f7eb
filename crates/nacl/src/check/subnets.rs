//! What only a look at all Ifaces and routes together can tell.

use super::Checker;
use super::gateway::{owns, routed, subnet4};
use crate::checked::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::vocabulary::ObjectKind;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use policy::{Iface, Ipv4Config};
use wire::{Cidr4, Cidr6, IfaceId, IpAddr};

/// For each of `count` Ifaces, whether it is one of these.
fn members(count: usize, ifaces: impl Iterator<Item = IfaceId>) -> Vec<bool> {
    let mut members = alloc::vec![false; count];
    for IfaceId(at) in ifaces {
        if let Some(member) = members.get_mut(usize::from(at)) {
            *member = true;
        }
    }
    members
}

impl Checker<'_, '_> {
    /// `deeply`: also what could be better.
    pub fn subnets(&mut self, checked: &Checked, deeply: bool) {
        self.addresses_are_apart(&checked.ifaces);
        self.ifaces_are_used(checked, deeply);
        self.log_server_is_reachable(checked);
    }

    fn addresses_are_apart(&mut self, ifaces: &[Iface]) {
        let spans: Vec<(Span, Span)> = {
            let objects = self.objects(ObjectKind::Iface);
            let at = |key: &str, position: usize| {
                let (name, typed) = objects.get(position)?;
                Some(typed.object.key(key).map_or(name.span, |member| member.data.span()))
            };
            (0..ifaces.len())
                .map(|n| (at("address", n).unwrap_or_default(), at("address6", n).unwrap_or_default()))
                .collect()
        };
        // As (first, last) of the subnet, the address itself, and the Iface.
        let mut nets: Vec<(IpAddr, IpAddr, IpAddr, usize)> = Vec::new();
        for (at, iface) in ifaces.iter().enumerate() {
            if let Ipv4Config::Static(config) | Ipv4Config::DhcpWithFallback(config) = iface.ipv4
                && let Ok(net) = Cidr4::masked(config.address, config.prefix_len)
            {
                nets.push((net.network().into(), net.last().into(), config.address.into(), at));
            }
            for (address, prefix_len) in &iface.address6 {
                // Every link has its own fe80::/64.
                if let (Ok(net), false) = (Cidr6::masked(*address, *prefix_len), wire::addr::is_link_local6(*address)) {
                    nets.push((net.network().into(), net.last().into(), (*address).into(), at));
                }
            }
        }
        let mut owners: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let mut said: BTreeSet<(usize, usize)> = BTreeSet::new();
        let span = |at: usize, address: IpAddr| {
            spans.get(at).map_or(Span::default(), |(four, six)| if address.is_ipv4() { *four } else { *six })
        };
        let name = |at: usize| ifaces.get(at).map_or("", |iface| iface.name.as_str());
        for (_, _, address, at) in &nets {
            match owners.get(address) {
                Some(first) if first != at => {
                    said.insert((*first, *at));
                    let message = format!("{address} is also the address of `{}`", name(*first));
                    let diagnostic = Diagnostic::new(Code::DuplicateAddress, span(*at, *address), message);
                    let diagnostic =
                        diagnostic.note(span(*first, *address), format!("the address of `{}`", name(*first)));
                    self.report(diagnostic.help("give each Iface an address of its own"));
                }
                Some(_) => {}
                None => {
                    owners.insert(*address, *at);
                }
            }
        }
        // Prefixes are apart or one holds the other: sorted, each overlaps with one that is still open, or with none.
        nets.sort_by_key(|(first, last, _, at)| (*first, core::cmp::Reverse(*last), *at));
        let mut open: Vec<(IpAddr, IpAddr, IpAddr, usize)> = Vec::new();
        let mut overlaps: Vec<(usize, usize, IpAddr, IpAddr)> = Vec::new();
        for net in nets {
            while open.last().is_some_and(|(first, last, _, _)| first.is_ipv4() != net.0.is_ipv4() || *last < net.0) {
                open.pop();
            }
            if let Some(outer) = open.iter().rev().find(|outer| outer.3 != net.3) {
                let (earlier, later) = if outer.3 < net.3 { (outer, &net) } else { (&net, outer) };
                overlaps.push((later.3, earlier.3, later.2, earlier.2));
            }
            open.push(net);
        }
        overlaps.sort_unstable();
        for (later, earlier, address, other) in overlaps {
            if said.insert((earlier, later)) {
                let message = format!("the subnet of `{}` overlaps with that of `{}`", name(later), name(earlier));
                let diagnostic = Diagnostic::new(Code::OverlappingSubnets, span(later, address), message);
                let diagnostic = diagnostic.note(span(earlier, other), format!("the address of `{}`", name(earlier)));
                self.report(diagnostic.help("hosts of one subnet are looked for on one Iface only"));
            }
        }
    }

    fn ifaces_are_used(&mut self, checked: &Checked, deeply: bool) {
        let count = checked.ifaces.len();
        let routed = members(count, checked.gateway.iter().flat_map(routed));
        let chained = members(count, self.chains.iter().filter_map(|chain| chain.iface));
        // A route that was not understood may have been the one.
        let whole = checked.gateway.is_some() && self.torn.is_empty() && !self.route_missing;
        let objects = self.objects(ObjectKind::Iface);
        for (at, iface) in checked.ifaces.iter().enumerate() {
            let id = IfaceId(at as u16);
            let is_in = |set: &[bool]| set.get(at).is_some_and(|is_in| *is_in);
            let (routed, chained) = (is_in(&routed), is_in(&chained));
            let Some((name, typed)) = objects.get(at).map(|(name, typed)| (name.span, typed)) else { continue };
            let balanced = checked.balancer.iter().any(|balancer| balancer.clients == id || balancer.servers == id);
            let configured = iface.ipv4 != Ipv4Config::Unconfigured || !iface.address6.is_empty();
            if iface.masquerade && !routed {
                let message = format!("masquerade has no effect: no route leads out of `{}`", iface.name);
                let help = "only forwarded packets are translated; name the Iface in a route of the Gateway";
                let at = typed.object.key("masquerade").map_or(name, |member| member.at);
                self.report(Diagnostic::new(Code::MasqueradeUnrouted, at, message).help(help));
            } else if whole && configured && !routed && !chained && !balanced {
                let message =
                    format!("`{}` is not in any route: packets that arrive there are never forwarded", iface.name);
                let help = "that is right for a management network; else add a route with this iface";
                self.report(Diagnostic::new(Code::UnroutedIface, name, message).help(help));
            }
            if deeply && routed && iface.reverse_path.is_none() {
                let message = format!("`{}` forwards packets whose source address is not looked up", iface.name);
                let help = "`reverse_path: strict` drops packets that claim to come from somewhere else (RFC 3704)";
                self.report(Diagnostic::new(Code::ReversePathUnset, name, message).help(help));
            }
        }
    }

    fn log_server_is_reachable(&mut self, checked: &Checked) {
        let Some(server) = checked.syslog.as_ref().map(|syslog| syslog.address) else { return };
        let by_iface = |iface: &Iface| match (server, iface.ipv4) {
            (IpAddr::V4(_), Ipv4Config::Dhcp | Ipv4Config::DhcpWithFallback(_)) => true,
            (IpAddr::V4(server), Ipv4Config::Static(config)) => {
                config.gateway.is_some() || subnet4(iface).is_some_and(|net| net.contains(server))
            }
            (IpAddr::V4(_), Ipv4Config::Unconfigured) => false,
            (IpAddr::V6(server), _) => {
                let near = !iface.address6.is_empty() && super::iface::on_link6(&iface.address6, server);
                iface.gateway6.is_some() || near
            }
        };
        let by_route =
            checked.gateway.iter().flat_map(|gateway| &gateway.routes).any(|route| route.net.contains(server));
        let at = self
            .objects(ObjectKind::Syslog)
            .first()
            .and_then(|(_, typed)| typed.object.key("address"))
            .map(|member| member.data.span());
        let Some(at) = at else { return };
        if !checked.ifaces.iter().any(by_iface) && !by_route {
            let message = format!("no interface or route reaches the log server {server}");
            self.report(Diagnostic::new(Code::Unreachable, at, message).help("add a route, or a gateway to an Iface"));
        } else if checked.ifaces.iter().any(|iface| owns(iface, server)) {
            let message = format!("the log server {server} is this machine itself");
            self.report(
                Diagnostic::new(Code::Unreachable, at, message).help("name the host that collects the messages"),
            );
        }
    }
}
