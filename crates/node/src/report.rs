//! What there is, as lines of the console: the router at its start, and its counters whenever someone asks.

use crate::Nic;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt::{self, Arguments};
use plane::{Count, Counters, Limits, Link, Plane};
use policy::{FunctionId, Hook, Iface, Ipv4Config, Place, Policy, ReversePath, Route};
use stack::Stack;
use wire::{Buffer, Cidr, IfaceId, IpAddr, PortId};

/// Where lines go.
type Say<'a> = &'a mut dyn FnMut(Arguments<'_>);

/// A router as it starts: version, NICs, Ifaces, routes in the order in which they are searched, chains, table sizes.
pub fn start<B: Buffer>(plane: &Plane<B>, nics: &[Nic], limits: &Limits, say: Say<'_>) {
    let (policy, links) = (plane.policy(), plane.links());
    say(format_args!("saltgate {}", env!("CARGO_PKG_VERSION")));
    for (at, nic) in nics.iter().enumerate() {
        let port = PortId(at as u16);
        let ifaces =
            policy.ifaces.iter().zip(links).filter(|(_, link)| link.port == port).map(|(iface, _)| &*iface.name);
        let Nic { mac, driver, .. } = nic;
        say(format_args!("nic {at} {mac} {driver} iface {}", List(ifaces)));
    }
    for (iface, link) in policy.ifaces.iter().zip(links) {
        say(format_args!("{}", IfaceLine { iface, link }));
    }
    routes(policy, say);
    chains(policy, say);
    for (function, cost) in policy.functions.iter().zip(plane.rule_costs()) {
        if let Some(tables) = cost.tables {
            let (steps, size) = (cost.worst_steps, tables.bytes.div_ceil(1024));
            say(format_args!("rules {} ({}) steps {steps} tables {size} KiB", function.name, function.place));
        }
    }
    if let Some(limit) = policy.conntrack.limit.filter(|limit| *limit > limits.flows) {
        say(format_args!("conntrack limit {limit} cut to {}: memory has room for no more", limits.flows));
    }
    let Limits { flows, neighbors, held, fragments } = limits;
    let fragments = fragments >> 10;
    say(format_args!("tables flows {flows} neighbors {neighbors} held {held} fragments {fragments} KiB"));
}

/// The counters of plane and stack, as [`Node::report_counters`](crate::Node::report_counters) describes them.
pub fn counters<B: Buffer>(plane: &Plane<B>, stack: &Stack<B>, say: Say<'_>) {
    let policy = plane.policy();
    for iface in policy.iface_ids().map(Some).chain([None]) {
        let name = iface.and_then(|id| policy.iface(id)).map_or("-", |iface| &iface.name);
        iface_counters(name, plane.counters(), iface, say);
    }
    rule_counts(plane, say);
    let stack::Counters { received, queue_full, refused, sent, no_buffer } = stack.counters();
    say(format_args!(
        "stack received {received} queue_full {queue_full} refused {refused} sent {sent} no_buffer {no_buffer}"
    ));
    let (flows, size) = plane.flows();
    say(format_args!("tables flows {flows} of {size}"));
}

/// Of each line that did something, how often; what a line was compiled to is one.
fn rule_counts<B: Buffer>(plane: &Plane<B>, say: Say<'_>) {
    let counts = plane.rule_counts().acted().filter_map(|(id, step, count)| {
        let function = plane.policy().function(id)?;
        Some((&*function.name, function.program.place(step), count))
    });
    let mut last: Option<(&str, Place, Count)> = None;
    let mut say_one = |(name, place, count): (&str, Place, Count)| {
        say(format_args!("rule {name} {place} packets {} bytes {}", count.packets, count.bytes));
    };
    for next in counts {
        match &mut last {
            Some((name, place, count)) if (*name, *place) == (next.0, next.1) => {
                count.packets += next.2.packets;
                count.bytes += next.2.bytes;
            }
            _ => {
                last.replace(next).into_iter().for_each(&mut say_one);
            }
        }
    }
    last.into_iter().for_each(say_one);
}

fn iface_counters(name: &str, counters: &Counters, iface: Option<IfaceId>, say: Say<'_>) {
    let row = counters.iface(iface);
    let counts = [
        ("received", row.received),
        ("forwarded", row.forwarded),
        ("delivered", row.delivered),
        ("link", row.link),
        ("originated", row.originated),
        ("sent", row.sent),
        ("transmitted", row.transmitted),
    ];
    for (what, count) in counts {
        say(format_args!("{what} {name} {count}"));
    }
    for (reason, count) in row.drops().filter(|(_, count)| *count > 0) {
        say(format_args!("drop {name} {reason} {count}"));
    }
}

/// `iface outside nic 0 mtu 1500 address 10.0.0.2/24 gateway 10.0.0.1`
struct IfaceLine<'a> {
    iface: &'a Iface,
    link: &'a Link,
}

impl fmt::Display for IfaceLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { iface, link } = self;
        write!(f, "iface {} nic {}", iface.name, link.port.0)?;
        if let Some(vlan) = iface.vlan {
            write!(f, " vlan {vlan}")?;
        }
        write!(f, " mtu {}", link.mtu)?;
        let static4 = match iface.ipv4 {
            Ipv4Config::Static(config) => Some(config),
            Ipv4Config::Dhcp => {
                write!(f, " address dhcp")?;
                None
            }
            Ipv4Config::DhcpWithFallback(config) => {
                write!(f, " address dhcp, fallback {}/{}", config.address, config.prefix_len)?;
                None
            }
            Ipv4Config::Unconfigured => None,
        };
        if let Some(config) = static4 {
            write!(f, " address {}/{}", config.address, config.prefix_len)?;
            if let Some(gateway) = config.gateway {
                write!(f, " gateway {gateway}")?;
            }
        }
        for (address, prefix_len) in &iface.address6 {
            write!(f, " address6 {address}/{prefix_len}")?;
        }
        if let Some(gateway) = iface.gateway6 {
            write!(f, " gateway6 {gateway}")?;
        }
        if iface.masquerade {
            write!(f, " masquerade")?;
        }
        match iface.reverse_path {
            Some(ReversePath::Strict) => write!(f, " reverse_path strict"),
            Some(ReversePath::Loose) => write!(f, " reverse_path loose"),
            None => Ok(()),
        }
    }
}

/// The routing table in the order of its search: each family by itself, longest prefix first, then the lower cost,
/// then file order.
fn routes(policy: &Policy, say: Say<'_>) {
    let Some(gateway) = &policy.gateway else {
        return say(format_args!("no Gateway: nothing is forwarded"));
    };
    let mut routes: Vec<&Route> = gateway.routes.iter().collect();
    routes.sort_by_key(|route| (route.net.network().is_ipv6(), Reverse(route.net.prefix_len()), route.cost));
    for route in routes {
        let Route { net, cost, .. } = route;
        let iface = policy.iface(route.iface);
        let name = iface.map_or("-", |iface| &iface.name);
        let off_link = iface.filter(|iface| !is_on_link(iface, *net));
        let gateway = off_link.and_then(|iface| own_gateway(iface, net.network().is_ipv6()));
        let via = route.nexthop.or(gateway);
        match via {
            Some(via) => say(format_args!("route {net} iface {name} via {via} cost {cost}")),
            None => say(format_args!("route {net} iface {name} on-link cost {cost}")),
        }
    }
}

/// The whole prefix is on the Iface's link, so that its destinations are their own next hops.
fn is_on_link(iface: &Iface, net: Cidr) -> bool {
    let within = |address: IpAddr, prefix_len: u8| {
        let subnet = Cidr::masked(address, prefix_len);
        prefix_len <= net.prefix_len() && subnet.is_ok_and(|subnet| subnet.contains(net.network()))
    };
    let four = match iface.ipv4 {
        Ipv4Config::Static(config) => within(config.address.into(), config.prefix_len),
        _ => false,
    };
    four || iface.address6.iter().any(|(address, prefix_len)| within((*address).into(), *prefix_len))
}

/// Where a route without a next hop leads when the destination is not on its link, as far as the policy knows it.
fn own_gateway(iface: &Iface, six: bool) -> Option<IpAddr> {
    match iface.ipv4 {
        _ if six => iface.gateway6.map(IpAddr::V6),
        Ipv4Config::Static(config) => config.gateway.map(IpAddr::V4),
        _ => None,
    }
}

/// The chains that have functions, each function with its place in the file.
fn chains(policy: &Policy, say: Say<'_>) {
    for hook in Hook::ALL {
        if hook == Hook::Forward {
            chain(policy, hook, "", policy.chain(hook, IfaceId(0)), say);
            continue;
        }
        for (id, iface) in policy.iface_ids().zip(&policy.ifaces) {
            chain(policy, hook, &iface.name, policy.chain(hook, id), say);
        }
    }
}

fn chain(policy: &Policy, hook: Hook, iface: &str, functions: &[FunctionId], say: Say<'_>) {
    if functions.is_empty() {
        return;
    }
    let separator = if iface.is_empty() { "" } else { " " };
    let functions = functions.iter().filter_map(|id| policy.function(*id));
    let functions: Vec<String> = functions.map(|f| alloc::format!("{} ({})", f.name, f.place)).collect();
    say(format_args!("chain {}{separator}{iface}: {}", hook.name(), List(functions.iter().map(|name| &**name))));
}

/// Names, joined by commas; `-` if there is none.
struct List<I>(I);

impl<'a, I: Iterator<Item = &'a str> + Clone> fmt::Display for List<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.0.clone();
        f.write_str(names.next().unwrap_or("-"))?;
        names.try_for_each(|name| write!(f, ", {name}"))
    }
}
