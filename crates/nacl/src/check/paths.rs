//! Connections that were probably meant to work and cannot: what a dnat translates and the forward chain drops, and
//! hosts behind an Iface that can begin no connection outward.
//!
//! What a chain accepts is known as a set that is never too small, so "never" and "only from" are certain.

use super::Checker;
use super::facts::{Cause, Facts, complement, intersect, join};
use super::gateway::{owns, subnet4};
use super::reach::{Event, Walk};
use crate::checked::{Chain, Checked};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use policy::{AddrRef, CtState, Field, FunctionKind, Hook, Iface, Ipv4Config, Set, Translation, Verdict};
use wire::{Cidr, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr};

/// What becomes of some packets on the forward chain.
struct Forwarded {
    /// What is known of those that it accepts; `None`: it accepts none.
    accepted: Option<Facts>,
    /// A place where some are dropped.
    dropped: Option<Span>,
    /// Too much to look at: nothing is known.
    unknown: bool,
}

impl Checker<'_, '_> {
    pub fn paths(&mut self, checked: &Checked) {
        let Some(gateway) = &checked.gateway else { return };
        let routed: BTreeSet<IfaceId> = gateway.routes.iter().map(|route| route.iface).collect();
        let mut found = Vec::new();
        if let Some(forward) = self.chains.iter().find(|chain| chain.hook == Hook::Forward) {
            self.dnats(checked, forward, &routed, &mut found);
            self.ways_out(checked, forward, &routed, &mut found);
        }
        self.diagnostics.append(&mut found);
    }

    /// Runs packets of which this is known through the whole chain.
    fn forwarded(&self, chain: &Chain, facts: Facts) -> Forwarded {
        let mut dropped = None;
        let mut here = Some(facts);
        for (id, _) in &chain.functions {
            let Some(procedure) = self.procedures.get(id) else { continue };
            let Some(facts) = here.take() else { break };
            let mut accepted = None;
            let mut visit = |event: Event, facts: &Facts| {
                match event {
                    Event::Ends(Verdict::Accept, _) => accepted = join(accepted.take(), Some(facts.clone())),
                    Event::Ends(_, at) => dropped = dropped.or(Some(at)),
                    Event::Translates(..) => {}
                }
                false
            };
            let mut walk = Walk::new(&self.procedures, &mut visit);
            let fell = walk.block(&procedure.block, facts);
            if walk.is_exhausted() {
                return Forwarded { accepted: None, dropped: None, unknown: true };
            }
            here = join(accepted, fell);
        }
        Forwarded { accepted: here, dropped, unknown: false }
    }

    fn dnats(&self, checked: &Checked, forward: &Chain, routed: &BTreeSet<IfaceId>, found: &mut Vec<Diagnostic>) {
        let mut said: BTreeSet<Span> = BTreeSet::new();
        for chain in self.chains.iter().filter(|chain| chain.hook == Hook::Prerouting) {
            let Some(iface) = chain.iface.filter(|iface| routed.contains(iface)) else { continue };
            for (id, _) in &chain.functions {
                let Some(procedure) = self.procedures.get(id).filter(|procedure| procedure.kind == FunctionKind::Nat)
                else {
                    continue;
                };
                let mut translated: Vec<(Facts, Span)> = Vec::new();
                let mut visit = |event: Event, facts: &Facts| {
                    if let Event::Translates(Translation::Dnat { address: Some(AddrRef::Fixed(to)), port }, at) = event
                    {
                        translated.extend(after_dnat(facts, to, port, at).map(|facts| (facts, at)));
                    }
                    false
                };
                let start = self.from(iface).gate(procedure.subtype, Cause::default());
                let mut walk = Walk::new(&self.procedures, &mut visit);
                if let Some(start) = start {
                    walk.block(&procedure.block, start);
                }
                for (facts, at) in translated {
                    let own = |address: IpAddr| checked.ifaces.iter().any(|iface| owns(iface, address));
                    // Packets for the box itself are another matter.
                    let Some(target) = single(&facts, Field::IpDaddr).filter(|target| !own(*target)) else { continue };
                    if said.insert(at) {
                        found.extend(self.dnat(forward, &facts, target, at));
                    }
                }
            }
        }
    }

    /// First packets that come in by the Iface.
    fn from(&self, iface: IfaceId) -> Facts {
        let new = self.state(CtState::New);
        new.assume(Field::Iif, &Set::number(iface.0.into()), true, Cause::default()).unwrap_or(new)
    }

    fn dnat(&self, forward: &Chain, facts: &Facts, target: IpAddr, at: Span) -> Option<Diagnostic> {
        let outcome = self.forwarded(forward, facts.clone());
        if outcome.unknown {
            return None;
        }
        let everyone = super::facts::everything();
        let from = |facts: &Facts| facts.fields.get(&Field::IpSaddr).map(|fact| fact.set.clone());
        let before = from(facts);
        let before = before.as_deref().unwrap_or(&everyone);
        let (message, allowed) = match &outcome.accepted {
            None => (format!("what is translated to {target} is never accepted by {}", forward.owner), Set::default()),
            Some(accepted) => {
                let allowed = from(accepted)?;
                let sources = listed_sources(&allowed, target)?;
                (
                    format!("what is translated to {target} is accepted by {} only from {sources}", forward.owner),
                    (*allowed).clone(),
                )
            }
        };
        // A packet that shows it: from somewhere that is translated and not accepted.
        let refused = intersect(before, &complement(&allowed));
        let source = some_source(&refused, target)?;
        let witness = facts.assume(Field::IpSaddr, &Set::address(source), true, Cause::default())?;
        let dropped = self.forwarded(forward, witness).dropped?;
        let packet = notation(facts, source, target);
        let diagnostic = Diagnostic::new(Code::DnatNotAccepted, at, message)
            .note(dropped, format!("drops for example {packet}"))
            .help("filters on forward see the translated destination and port; accept them there if that is meant");
        Some(diagnostic)
    }

    fn ways_out(&self, checked: &Checked, forward: &Chain, routed: &BTreeSet<IfaceId>, found: &mut Vec<Diagnostic>) {
        let Some(gateway) = &checked.gateway else { return };
        for route in gateway.routes.iter().filter(|route| route.net.prefix_len() == 0) {
            let outside = route.iface;
            for inside in routed.iter().filter(|iface| **iface != outside) {
                let Some(iface) = checked.ifaces.get(usize::from(inside.0)) else { continue };
                let Some(facts) = self.outward(checked, iface, *inside, outside, route.net) else { continue };
                let outcome = self.forwarded(forward, facts);
                if outcome.unknown || outcome.accepted.is_some() {
                    continue;
                }
                let name = self.iface_name(*inside);
                let family = if matches!(route.net, Cidr::V4(_)) { "IPv4" } else { "IPv6" };
                let owner = &forward.owner;
                let message = format!(
                    "hosts behind `{}` can begin no {family} connection outward: {owner} accepts none",
                    iface.name
                );
                let mut diagnostic = Diagnostic::new(Code::NoWayOut, name, message)
                    .help("that may be what is meant; else accept new connections that come in there");
                if let Some(dropped) = outcome.dropped {
                    diagnostic = diagnostic.note(dropped, "they are dropped here");
                }
                found.push(diagnostic);
            }
        }
    }

    /// First packets from the Iface's subnet to the world.
    fn outward(&self, checked: &Checked, iface: &Iface, inside: IfaceId, outside: IfaceId, net: Cidr) -> Option<Facts> {
        let near = |iface: &Iface| match net {
            Cidr::V4(_) => subnet4(iface).map(|net| Set::cidr(Cidr::V4(net))),
            Cidr::V6(_) => {
                let (address, prefix_len) = *iface.address6.first()?;
                Cidr::masked(address.into(), prefix_len).ok().map(Set::cidr)
            }
        };
        if matches!(net, Cidr::V4(_)) && !matches!(iface.ipv4, Ipv4Config::Static(_)) {
            return None;
        }
        let cause = Cause::default();
        let mut facts = self.from(inside).assume(Field::IpSaddr, &near(iface)?, true, cause)?;
        facts = facts.assume(Field::Oif, &Set::number(outside.0.into()), true, cause)?;
        for own in &checked.ifaces {
            if let Some(subnet) = near(own) {
                facts = facts.assume(Field::IpDaddr, &subnet, false, cause)?;
            }
        }
        Some(facts)
    }

    fn iface_name(&self, id: IfaceId) -> Span {
        let element = self.ifaces.get(usize::from(id.0)).and_then(|element| self.names.get(*element));
        element.map_or(Span::default(), |element| element.name.span)
    }
}

/// The facts about a packet behind a dnat.
fn after_dnat(facts: &Facts, to: IpAddr, port: Option<u16>, at: Span) -> Option<Facts> {
    let cause = Cause { keyword: at, test: at };
    let mut behind = facts.clone();
    let known = [Field::IpDaddr, Field::TcpDport, Field::UdpDport];
    behind.fields.retain(|field, _| !(*field == known[0] || (port.is_some() && known.contains(field))));
    let behind = behind.assume(Field::IpDaddr, &Set::address(to), true, cause)?;
    match port {
        None => Some(behind),
        Some(port) => {
            let port = Set::number(port.into());
            behind.assume(Field::TcpDport, &port, true, cause)?.assume(Field::UdpDport, &port, true, cause)
        }
    }
}

/// The one address that a property can have.
fn single(facts: &Facts, field: Field) -> Option<IpAddr> {
    let set = &facts.fields.get(&field)?.set;
    match (set.v4.intervals(), set.v6.intervals()) {
        (&[(low, high)], []) if low == high => Some(Ipv4Addr::from_bits(low).into()),
        ([], &[(low, high)]) if low == high => Some(Ipv6Addr::from_bits(low).into()),
        _ => None,
    }
}

/// The sources in words, if they are few.
fn listed_sources(set: &Set, target: IpAddr) -> Option<String> {
    const MOST: usize = 3;
    let ranges: Vec<(IpAddr, IpAddr)> = match target {
        IpAddr::V4(_) => {
            let address = |bits: u32| IpAddr::from(Ipv4Addr::from_bits(bits));
            set.v4.intervals().iter().map(|(low, high)| (address(*low), address(*high))).collect()
        }
        IpAddr::V6(_) => {
            let address = |bits: u128| IpAddr::from(Ipv6Addr::from_bits(bits));
            set.v6.intervals().iter().map(|(low, high)| (address(*low), address(*high))).collect()
        }
    };
    if ranges.is_empty() || ranges.len() > MOST {
        return None;
    }
    let text = |(low, high): &(IpAddr, IpAddr)| if low == high { low.to_string() } else { format!("{low} - {high}") };
    Some(ranges.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// A source out of the set: an address of the documentation prefixes if it is in, else its first.
fn some_source(set: &Set, target: IpAddr) -> Option<IpAddr> {
    match target {
        IpAddr::V4(_) => {
            let usual = Ipv4Addr::new(203, 0, 113, 9);
            let first = || set.v4.intervals().iter().map(|(low, high)| if *low == 0 { *high } else { *low }).next();
            let address = if set.v4.contains(usual.to_bits()) { usual } else { Ipv4Addr::from_bits(first()?) };
            Some(address.into())
        }
        IpAddr::V6(_) => {
            let usual = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);
            let first = || set.v6.intervals().iter().map(|(low, high)| if *low == 0 { *high } else { *low }).next();
            let address = if set.v6.contains(usual.to_bits()) { usual } else { Ipv6Addr::from_bits(first()?) };
            Some(address.into())
        }
    }
}

/// The packet as stories write it.
fn notation(facts: &Facts, source: IpAddr, target: IpAddr) -> String {
    let is = |field: Field, number: u32| {
        facts
            .fields
            .get(&field)
            .is_some_and(|fact| fact.set.contains_number(number) && fact.set.numbers.intervals().len() == 1)
    };
    let port = |field: Field| {
        facts.fields.get(&field).and_then(|fact| fact.set.numbers.intervals().first()).map_or(80, |(low, _)| *low)
    };
    let socket = |address: IpAddr, port: u32| match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    };
    if is(Field::IpProtocol, 17) {
        format!("udp {} > {}", socket(source, 4000), socket(target, port(Field::UdpDport)))
    } else {
        format!("tcp {} > {} S", socket(source, 4000), socket(target, port(Field::TcpDport)))
    }
}
