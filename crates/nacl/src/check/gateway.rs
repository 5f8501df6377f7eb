//! The Gateway and its routes.

use super::Checker;
use super::iface::on_link6;
use super::value::{Scope, What};
use crate::ast::{Name, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic, listed, nearest};
use crate::resolve::{Data, Member, Object};
use crate::source::Span;
use crate::vocabulary::{GATEWAY, ObjectKind, ROUTE};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use policy::{Gateway, Hook, Iface, Ipv4Config, Route};
use wire::{Cidr, Cidr4, IfaceId, IpAddr, Ipv4Addr};

impl<'a> Checker<'a, '_> {
    pub fn gateway(&mut self, ifaces: &[Iface]) -> Option<Gateway> {
        let (name, typed) = self.only_object(ObjectKind::Gateway, "Gateway")?;
        let mut gateway = Gateway { name: name.text.into(), send_time_exceeded: true, ..Gateway::default() };
        let mut written = 0;
        match typed.value {
            Some(Value { kind: ValueKind::List(list), .. }) => {
                written = list.len();
                for value in list {
                    gateway.routes.extend(self.listed_route(value, ifaces));
                }
            }
            _ => {
                if !self.needs_object(typed, "a Gateway", "an object or a list of routes") {
                    return None;
                }
                for member in typed.object.members() {
                    written += usize::from(GATEWAY.key(member.key.text).is_none());
                    self.setting_or_route(&mut gateway, name, member, ifaces);
                }
            }
        }
        self.route_missing = gateway.routes.len() < written;
        self.routes_are_apart(&gateway);
        if written == 0 {
            let message = format!("the Gateway `{}` needs at least one route", name.text);
            let help = "add a route: name: { net: 10.0.0.0/24, iface: eth0 }";
            self.report(Diagnostic::new(Code::EmptyGateway, name.span, message).help(help));
            self.route_missing = true;
        }
        Some(gateway)
    }

    /// Of two routes for one network the one of lower cost is used, else the first.
    fn routes_are_apart(&mut self, gateway: &Gateway) {
        let mut best: BTreeMap<(IpAddr, u8), usize> = BTreeMap::new();
        let mut order: Vec<(usize, &Route)> = gateway.routes.iter().enumerate().collect();
        order.sort_by_key(|(at, route)| (route.cost, *at));
        for (at, route) in order {
            let network = (route.net.network(), route.net.prefix_len());
            let Some(used) = best.get(&network).copied() else {
                best.insert(network, at);
                continue;
            };
            let span = |at: usize| self.route_spans.get(at).copied().unwrap_or_default();
            let message = format!("never used: another route for {} is preferred", route.net);
            let diagnostic =
                Diagnostic::new(Code::ShadowedRoute, span(at), message).note(span(used), "the one that is used");
            self.report(
                diagnostic.help("of two routes for one network the lower cost wins, then the first in the file"),
            );
        }
    }

    fn setting_or_route(&mut self, gateway: &mut Gateway, owner: Name<'a>, member: &Member<'a>, ifaces: &[Iface]) {
        match GATEWAY.key(member.key.text).map(|key| key.name) {
            Some("forward") => self.chain(Hook::Forward, None, member, Self::dotted(owner.text, "forward")),
            Some("send_time_exceeded") => {
                gateway.send_time_exceeded = self.boolean(member).unwrap_or(true);
            }
            Some(_) => gateway.send_unreachable = self.boolean(member).unwrap_or(false),
            None => match &member.data {
                Data::Object(object) => {
                    gateway.routes.extend(self.route(member.key, object, ifaces));
                }
                Data::Value(value) => {
                    // A constant may be the route.
                    if let ValueKind::Path(_) = value.kind
                        && let What::Object(object) = self.evaluate(value, Scope::Object).what
                    {
                        gateway.routes.extend(self.route(member.key, object, ifaces));
                        return;
                    }
                    if matches!(value.kind, ValueKind::Error) {
                        return;
                    }
                    if let Some(near) = nearest(member.key.text, GATEWAY.keys.iter().map(|key| key.name)) {
                        let message = format!("a Gateway has no property `{}`", member.key.text);
                        let diagnostic = Diagnostic::new(Code::UnknownProperty, member.key.span, message);
                        self.report(diagnostic.did_you_mean(member.key.span, near));
                        return;
                    }
                    let message = format!("a route must be an object, found {}", value.describe());
                    let settings = listed(GATEWAY.keys.iter().map(|key| key.name));
                    let help = format!("a route is {{ net: 10.0.0.0/24, iface: eth0 }}; settings are {settings}");
                    self.report(Diagnostic::new(Code::WrongType, value.span, message).help(help));
                }
            },
        }
    }

    fn listed_route(&mut self, value: &'a Value<'a>, ifaces: &[Iface]) -> Option<Route> {
        let nameless = Name { text: "", span: value.span.before().to(Span::new(0, value.span.start + 1)) };
        match self.evaluate(value, Scope::Object).what {
            What::Object(object) => self.route(nameless, object, ifaces),
            What::Literal(literal) => {
                let object = self.literal_object(literal, value.span);
                self.route(nameless, &object, ifaces)
            }
            What::Broken => None,
            what => {
                let message = format!("a route must be an object, found {}", what.describe());
                self.report(Diagnostic::new(Code::WrongType, value.span, message));
                None
            }
        }
    }

    fn route(&mut self, name: Name<'a>, object: &Object<'a>, ifaces: &[Iface]) -> Option<Route> {
        let shown = if name.text.is_empty() { "the route" } else { name.text };
        self.known_keys(&ROUTE, object, "");
        let iface = match object.key("iface") {
            Some(member) => self.iface(member),
            None if self.is_misspelt(&ROUTE, object, "iface") => None,
            None => {
                let message = format!("`{shown}` needs an iface, which packets leave by");
                self.report(Diagnostic::new(Code::MissingProperty, name.span, message).help("add `iface: eth0`"));
                None
            }
        };
        let cost = match object.key("cost") {
            Some(member) => self.integer(member, 0, i64::from(u32::MAX)).unwrap_or(1) as u32,
            None => 1,
        };
        let net = self.destination(name, shown, object);
        let nexthop = self.nexthop(object);
        let (iface, _) = iface?;
        let net = net?;
        if let (Some(nexthop), Some(iface)) = (&nexthop, ifaces.get(usize::from(iface.0))) {
            self.check_nexthop(*nexthop, net, iface, ifaces)?;
        }
        if let Some(iface) = ifaces.get(usize::from(iface.0)) {
            self.check_way(name.span, net, nexthop.is_some(), iface);
        }
        let nexthop = nexthop.map(|(address, _)| address);
        self.route_spans.push(name.span);
        let place = self.source.place(name.span.start);
        Some(Route { name: name.text.into(), net, nexthop, iface, cost, place })
    }

    fn destination(&mut self, name: Name<'a>, shown: &str, object: &Object<'a>) -> Option<Cidr> {
        let netmask = object.key("netmask");
        if let (Some(net), Some(host)) = (object.key("net"), object.key("host")) {
            let message = format!("`{shown}` has both net and host");
            let diagnostic = Diagnostic::new(Code::ConflictingProperties, host.key.span, message)
                .note(net.key.span, "net is given here")
                .help("give net or host, not both");
            self.report(diagnostic);
            return None;
        }
        if let Some(member) = object.key("host") {
            let (address, _) = self.address(member)?;
            if let Some(mask) = netmask {
                let (prefix_len, at) = self.netmask(mask)?;
                if prefix_len != 32 || address.is_ipv6() {
                    let message = "a host route has no netmask but 255.255.255.255";
                    let help = "remove netmask, or write net instead of host";
                    self.report(Diagnostic::new(Code::ConflictingProperties, at, message).help(help));
                    return None;
                }
            }
            return Cidr::masked(address, if address.is_ipv4() { 32 } else { 128 }).ok();
        }
        let Some(member) = object.key("net") else {
            if self.is_misspelt(&ROUTE, object, "net") || self.is_misspelt(&ROUTE, object, "host") {
                return None;
            }
            let message = format!("`{shown}` needs a net or a host");
            let help = "add `net: 10.0.0.0/24`, or `host: 10.0.0.9` for a single destination";
            self.report(Diagnostic::new(Code::MissingProperty, name.span, message).help(help));
            return None;
        };
        let found = self.scalar(member, "an address or a CIDR")?;
        let (address, prefix_len) = match found.what {
            What::Cidr(address, prefix_len) => {
                if let Some(mask) = netmask {
                    let message = "net has a prefix length already";
                    let diagnostic = Diagnostic::new(Code::ConflictingProperties, mask.key.span, message)
                        .note(found.at, "the net")
                        .help("remove netmask");
                    self.report(diagnostic);
                    return None;
                }
                (address, prefix_len)
            }
            What::Address(IpAddr::V6(address)) => {
                let message = format!("an IPv6 net needs a prefix length, like {address}/48");
                self.report(Diagnostic::new(Code::PrefixLengthMissing, found.at, message));
                return None;
            }
            What::Address(address) => {
                let Some(mask) = netmask else {
                    if self.is_misspelt(&ROUTE, object, "netmask") {
                        return None;
                    }
                    let message = format!("`{shown}` has a net without a netmask");
                    let help = format!("write it as a CIDR, like {address}/24, or add `netmask: …`");
                    self.report(Diagnostic::new(Code::MissingProperty, member.key.span, message).help(help));
                    return None;
                };
                (address, self.netmask(mask)?.0)
            }
            _ => {
                self.wrong_type("net", "an address or a CIDR", found);
                return None;
            }
        };
        let net = Cidr::masked(address, prefix_len).ok()?;
        if net.network() != address {
            let message = format!("{address} has bits outside its mask: {net} is used");
            self.report(Diagnostic::new(Code::HostBits, found.at, message).help(format!("write {}", net.network())));
        }
        Some(net)
    }

    fn nexthop(&mut self, object: &Object<'a>) -> Option<(IpAddr, Span)> {
        let alias = object.key("gateway");
        if let Some(member) = alias {
            match object.key("nexthop") {
                Some(nexthop) => {
                    let message = "gateway and nexthop of a route are the same thing";
                    let diagnostic = Diagnostic::new(Code::AlreadySet, member.key.span, message);
                    self.report(diagnostic.note(nexthop.key.span, "nexthop is set here"));
                }
                None => {
                    let message = "the next hop of a route is called `nexthop`";
                    let diagnostic = Diagnostic::new(Code::DeprecatedKey, member.key.span, message);
                    let help = "rename `gateway` to `nexthop`";
                    self.report(diagnostic.help(help).replace(member.key.span, "nexthop"));
                }
            }
        }
        let found = self.address(object.key("nexthop").or(alias)?)?;
        // 0.0.0.0 is how upstream writes that there is none.
        (!found.0.is_unspecified()).then_some(found)
    }

    /// `None`: the route cannot be kept.
    fn check_nexthop(&mut self, nexthop: (IpAddr, Span), net: Cidr, iface: &Iface, ifaces: &[Iface]) -> Option<()> {
        let (address, at) = nexthop;
        let family = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" };
        if address.is_ipv4() != net.network().is_ipv4() {
            let message = format!("net is {}, nexthop is {}", family(net.network()), family(address));
            let diagnostic = Diagnostic::new(Code::MixedFamilies, at, message);
            self.report(diagnostic.help("name a router of the same family"));
            return None;
        }
        if ifaces.iter().any(|iface| owns(iface, address)) {
            let message = format!("the next hop {address} is our own address");
            let help = "name the router behind the Iface, or leave nexthop out for an on-link network";
            self.report(Diagnostic::new(Code::NexthopIsSelf, at, message).help(help));
            return Some(());
        }
        let reachable = match (address, subnet4(iface)) {
            (IpAddr::V4(address), Some(subnet)) => subnet.contains(address) || subnet.prefix_len() == 32,
            // What DHCP will say is not known.
            (IpAddr::V4(_), None) => matches!(iface.ipv4, Ipv4Config::Dhcp | Ipv4Config::DhcpWithFallback(_)),
            (IpAddr::V6(address), _) => iface.address6.is_empty() || on_link6(&iface.address6, address),
        };
        if !reachable {
            let message = format!("the next hop {address} is not on a subnet of `{}`", iface.name);
            let help = "it is asked for there all the same; is it the router of another Iface?";
            self.report(Diagnostic::new(Code::NexthopOffLink, at, message).help(help));
        }
        Some(())
    }

    /// Whether packets of the route can leave by its Iface.
    fn check_way(&mut self, at: Span, net: Cidr, has_nexthop: bool, iface: &Iface) {
        match net {
            Cidr::V6(_) if iface.address6.is_empty() => {
                let message = format!("`{}` has no address6: no IPv6 packet can leave by it", iface.name);
                self.report(Diagnostic::new(Code::NoIpv6, at, message).help("add address6 to the Iface"));
            }
            Cidr::V6(net) => {
                let on_link = on_link6(&iface.address6, net.network());
                if !has_nexthop && iface.gateway6.is_none() && !on_link {
                    self.no_next_hop(at, &net, iface, "gateway6");
                }
            }
            Cidr::V4(_) if iface.ipv4 == Ipv4Config::Unconfigured => {
                let mut objects = self.objects(ObjectKind::Iface).into_iter();
                let written = objects.find(|(name, _)| *name.text == *iface.name);
                // An address with a mistake was reported.
                let keys = ["address", "netmask"];
                if written.is_some_and(|(_, typed)| keys.iter().all(|key| typed.object.key(key).is_none())) {
                    let message = format!("`{}` has no address: no IPv4 packet can leave by it", iface.name);
                    let help = "add address and netmask to the Iface, or `config: dhcp`";
                    self.report(Diagnostic::new(Code::NoNextHop, at, message).help(help));
                }
            }
            Cidr::V4(net) => {
                let Some(subnet) = subnet4(iface) else { return };
                let has_gateway = matches!(iface.ipv4, Ipv4Config::Static(Static { gateway: Some(_), .. }));
                // Part of it may be on-link even where the route is wider than the subnet.
                let on_link = subnet.contains(net.network()) || net.contains(subnet.network());
                if !has_nexthop && !has_gateway && !on_link {
                    self.no_next_hop(at, &net, iface, "gateway");
                }
            }
        }
    }

    fn no_next_hop(&mut self, at: Span, net: &dyn core::fmt::Display, iface: &Iface, key: &str) {
        let message = format!("packets for {net} have no next hop and are dropped");
        let help = format!("{net} is not a subnet of `{0}`: add nexthop to the route, or {key} to `{0}`", iface.name);
        self.report(Diagnostic::new(Code::NoNextHop, at, message).help(help));
    }
}

use policy::Static4 as Static;

/// The subnet of a fixed IPv4 address.
pub fn subnet4(iface: &Iface) -> Option<Cidr4> {
    match iface.ipv4 {
        Ipv4Config::Static(config) => Cidr4::masked(config.address, config.prefix_len).ok(),
        _ => None,
    }
}

/// The IPv4 address in the file, the fallback's included.
pub fn address4(iface: &Iface) -> Option<Ipv4Addr> {
    match iface.ipv4 {
        Ipv4Config::Static(config) | Ipv4Config::DhcpWithFallback(config) => Some(config.address),
        _ => None,
    }
}

pub fn owns(iface: &Iface, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address4(iface) == Some(address),
        IpAddr::V6(address) => iface.address6.iter().any(|(own, _)| *own == address),
    }
}

/// The Ifaces that a Gateway's routes name.
pub fn routed(gateway: &Gateway) -> Vec<IfaceId> {
    gateway.routes.iter().map(|route| route.iface).collect()
}
