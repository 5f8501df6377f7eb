//! Translation: how a new flow's endpoints are chosen, and how every later packet is rewritten.
//!
//! Nat functions run for the first packet of the original direction only. What they decide stands in the packet's
//! hand until the flow is confirmed, and in the flow from then on; there it is no more than the difference between its
//! two tuples, and the places where it was decided:
//!
//! ```text
//!   original   C:4000 → R:80            dnat on prerouting: destination := reply's source
//!   reply      W:8080 → R:50123         snat on postrouting: source := reply's destination
//! ```
//!
//! Dynamic source translation (`snat` without a port, `masquerade`) goes by mappings: one for each inside endpoint and
//! outer address, used towards every remote endpoint (endpoint-independent, RFC 4787 REQ-1).

use crate::chain::View;
use crate::conntrack::{Direction, Tracked};
use crate::parse::{Packet, is_host_address};
use crate::{DropReason, chain};
use policy::{AddrRef, FunctionId, Hook, Policy, Step, Translation};
use wire::{IfaceId, IpAddr};

/// Where a translation was decided, and so where it is applied again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub hook: Hook,
    pub iface: IfaceId,
    /// `None`: behind the last function, by the Iface's `masquerade` or a hairpin.
    pub function: Option<FunctionId>,
}

/// Which halves of a flow are translated, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sites {
    pub dnat: Option<Site>,
    pub snat: Option<Site>,
}

/// Packets may leave with other endpoints than they came with.
pub(crate) fn translates(policy: &Policy) -> bool {
    let mut steps = policy.functions.iter().flat_map(|function| function.program.steps());
    let by_ifaces = policy.balancer.is_some() || policy.ifaces.iter().any(|iface| iface.masquerade);
    by_ifaces || steps.any(|step| matches!(step, Step::Translate { .. }))
}

/// How many mappings the policy can make, whatever packets come: so many for each outer address that it names.
pub(crate) fn most_mappings(policy: &Policy) -> u32 {
    /// Ports of TCP and UDP, and identifiers of ICMP.
    const OF_ADDRESS: u32 = 3 << 16;
    /// Of both families; and one that it had before its lease changed, whose mappings are still held.
    const OF_IFACE: u32 = 3 * OF_ADDRESS;
    let by_step = |step: &Step| match step {
        Step::Translate { translation: Translation::Snat { address, .. }, .. } => match address {
            Some(AddrRef::Fixed(_)) => OF_ADDRESS,
            Some(AddrRef::Iface(_)) => OF_IFACE,
            // Every source keeps its address.
            None => u32::MAX,
        },
        Step::Translate { translation: Translation::Masquerade, .. } => {
            OF_IFACE.saturating_mul(policy.ifaces.len() as u32)
        }
        _ => 0,
    };
    let by_ifaces = policy.ifaces.iter().map(|iface| if iface.masquerade { OF_IFACE } else { 0 });
    let by_steps = policy.functions.iter().flat_map(|function| function.program.steps()).map(by_step);
    by_ifaces.chain(by_steps).fold(0, u32::saturating_add)
}

/// Decides a translation that an action asks for, for a flow's first packet. False: it does not apply to this packet,
/// and the next statement runs.
pub(crate) fn decide(
    view: View<'_>,
    random: &mut Random,
    site: Site,
    translation: &Translation,
    tracked: &mut Tracked,
) -> Result<bool, DropReason> {
    let (ifaces, packet) = (view.ifaces, &tracked.packet);
    let own =
        |id: Option<IfaceId>| id.and_then(|id| ifaces.get(id)).and_then(|iface| iface.global_address(packet.is_v4()));
    let (address, port, is_dnat) = match *translation {
        Translation::Dnat { address, port } => (address.map(|address| chain::resolve(ifaces, address)), port, true),
        Translation::Snat { address, port } => (address.map(|address| chain::resolve(ifaces, address)), port, false),
        Translation::Redirect { .. } if !packet.has_ports() => return Ok(false),
        Translation::Redirect { port } => (Some(own(packet.iif)), Some(port), true),
        Translation::Masquerade => (Some(own(packet.oif)), None, false),
    };
    let address = match address {
        None => {
            if is_dnat {
                packet.dst
            } else {
                packet.src
            }
        }
        Some(Some(address)) if address.is_ipv4() == packet.is_v4() => address,
        // Of the other family, or not known (yet): there is no translation between families.
        Some(_) => return Ok(false),
    };
    if is_dnat {
        // What goes to many has no address that an answer could come from.
        let broadcast = packet.iif.and_then(|id| ifaces.get(id)?.address4?.broadcast());
        let to_many = packet.to_group || !is_host_address(packet.dst) || broadcast.map(IpAddr::V4) == Some(packet.dst);
        if to_many {
            return Ok(false);
        }
        dnat(site, address, port, tracked);
        Ok(true)
    } else {
        snat(view, random, site, address, port, tracked).map(|()| true)
    }
}

fn dnat(site: Site, address: IpAddr, port: Option<u16>, tracked: &mut Tracked) {
    // Of two that match a first packet, the first wins.
    if tracked.sites().dnat.is_some() {
        return;
    }
    let port = port.filter(|_| tracked.packet.has_ports()).unwrap_or(tracked.packet.ports().1);
    tracked.packet.set_dst(address, port);
    tracked.draft_dnat(site);
}

/// Chooses the source of a new flow: its address, and a port that tells its replies from all others.
pub(crate) fn snat(
    view: View<'_>,
    random: &mut Random,
    site: Site,
    address: IpAddr,
    port: Option<u16>,
    tracked: &mut Tracked,
) -> Result<(), DropReason> {
    if tracked.sites().snat.is_some() {
        return Ok(());
    }
    let packet = &tracked.packet;
    let own_port = packet.ports().0;
    let named = port.filter(|_| packet.has_ports());
    let (port, mapped) = match named {
        None if packet.has_ports() || packet.is_icmp_request() => {
            let chosen = view.conntrack.choose_port(view.now, random, packet, address);
            let mapped = chosen.ok_or(DropReason::NatClash)?;
            (mapped.port, Some(mapped))
        }
        named => (named.unwrap_or(own_port), None),
    };
    tracked.packet.set_src(address, port);
    tracked.draft_snat(site, mapped);
    Ok(())
}

/// Applies a flow's translation where its packet passes the place of it. `at`: a function of the chain; `None` before
/// the first and after the last one of the hook, as `end` says.
#[inline]
pub(crate) fn apply(hook: Hook, iface: IfaceId, at: Option<FunctionId>, end: bool, tracked: &mut Tracked) {
    if tracked.is_translated() {
        apply_translation(hook, iface, at, end, tracked);
    }
}

fn apply_translation(hook: Hook, iface: IfaceId, at: Option<FunctionId>, end: bool, tracked: &mut Tracked) {
    let Some((flow, direction)) = tracked.translated() else { return };
    let packet = &mut tracked.packet;
    // An error that a router behind the translation sends speaks for the translated host (RFC 5508 §4.2), if the host's
    // address is translated at all: a rule may have named the address that was there already.
    let speaks_for = |packet: &Packet, address: IpAddr, outer: IpAddr| {
        packet.src == address || packet.is_icmp_error() && address != outer
    };
    match (direction, hook) {
        (Direction::Original, Hook::Prerouting | Hook::Output) => {
            let Some(site) = flow.sites.dnat else { return };
            let here = (site.hook, site.iface) == (hook, iface);
            let now = if here { site.function == at && (at.is_some() || end) } else { at.is_none() && !end };
            if now && packet.dst == flow.original.dst {
                packet.set_dst(flow.reply.src, flow.reply.sport);
            }
        }
        (Direction::Original, Hook::Postrouting | Hook::Input) => {
            let Some(site) = flow.sites.snat else { return };
            let here = (site.hook, site.iface) == (hook, iface);
            let now = if here { site.function == at && (at.is_some() || end) } else { at.is_none() && end };
            if now && speaks_for(packet, flow.original.src, flow.reply.dst) {
                packet.set_src(flow.reply.dst, flow.reply.dport);
            }
        }
        // Replies are translated back behind all functions of a hook.
        (Direction::Reply, Hook::Prerouting | Hook::Output) if end && at.is_none() => {
            if flow.sites.snat.is_some() && packet.dst == flow.reply.dst {
                packet.set_dst(flow.original.src, flow.original.sport);
            }
        }
        (Direction::Reply, Hook::Postrouting | Hook::Input) if end && at.is_none() => {
            if flow.sites.dnat.is_some() && speaks_for(packet, flow.reply.src, flow.original.dst) {
                packet.set_src(flow.original.dst, flow.original.dport);
            }
        }
        (Direction::Reply, _) | (Direction::Original, Hook::Forward) => {}
    }
}

/// A stream of pseudo-random numbers from a secret seed: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
