//! Runs the functions of a chain against a packet.
//!
//! A program's edges point forward only, so that walking it ends after at most as many steps as it has; most are
//! looked up in tables instead, which takes the same few steps for ten rules and for ten thousand. `run.rs` has both
//! ways, and a test holds them equal.

mod bucket;
mod counts;
mod depends;
mod fields;
mod run;
mod tables;
#[cfg(test)]
mod tests;

use crate::DropReason;
use crate::conntrack::{Conntrack, Tracked};
use crate::iface::Ifaces;
use crate::log::LogBuffer;
use crate::nat::{self, Random, Site};
use crate::trace::{Summary, Trace, TraceStep};
use alloc::vec::Vec;
use policy::{AddrRef, CtState, FunctionKind, Hook, Policy, Reject, Verdict};
use run::Run;
use wire::{IfaceId, Instant, IpAddr};

pub(crate) use bucket::TokenBucket;
pub use counts::{Count, RuleCounts};
pub(crate) use counts::{RuleId, Trail};
pub(crate) use tables::Tables;
pub use tables::{Lookup, RuleCost, rule_costs};

/// What a chain decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    Pass,
    Drop,
    Reject(Reject),
    /// Dropped, though by no rule: a Filter that does not judge invalid packets met one, or no port is free.
    Refuse(DropReason),
}

/// The state that rules have: token buckets, counts, and the log lines of the walk at hand.
pub(crate) struct Rules {
    /// For each `limit(…)` of the text its bucket, whatever functions have it.
    buckets: Vec<TokenBucket>,
    pub counts: RuleCounts,
    pub log: LogBuffer,
    pub random: Random,
    pub trace: Trace,
}

impl Rules {
    pub fn new(policy: &Policy, log: LogBuffer, random: Random) -> Self {
        let buckets = policy.buckets().into_iter().map(TokenBucket::new).collect();
        Self { buckets, counts: RuleCounts::new(policy), log, random, trace: Trace::default() }
    }
}

/// What the functions of a chain look at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub now: Instant,
    pub policy: &'a Policy,
    pub tables: &'a Tables,
    pub ifaces: &'a Ifaces,
    pub conntrack: &'a Conntrack,
}

/// Runs the chain of `hook`: of the Gateway for `forward`, else of `iface`. Its translations are applied to `tracked`,
/// so that later functions see the rewritten packet.
pub(crate) fn run(view: View<'_>, rules: &mut Rules, hook: Hook, iface: IfaceId, tracked: &mut Tracked) -> Ruling {
    rules.trace.note(|| TraceStep::Chain { hook, iface });
    let before = rules.trace.is_on().then(|| Summary::of(&tracked.packet));
    let ruling = functions(view, rules, hook, iface, tracked);
    if let Some(before) = before {
        let packet = Summary::of(&tracked.packet);
        if packet != before {
            rules.trace.note(|| TraceStep::Rewritten { hook, packet });
        }
    }
    ruling
}

fn functions(view: View<'_>, rules: &mut Rules, hook: Hook, iface: IfaceId, tracked: &mut Tracked) -> Ruling {
    nat::apply(hook, iface, None, false, tracked);
    for id in view.policy.chain(hook, iface) {
        let Some(function) = view.policy.function(*id) else { continue };
        match function.kind {
            FunctionKind::Filter if tracked.state() == CtState::Invalid && !function.mentions_invalid => {
                return Ruling::Refuse(DropReason::Invalid);
            }
            FunctionKind::Filter => {}
            // Nat functions run for the first packet of a flow; what they decided is applied to all later ones.
            FunctionKind::Nat if tracked.is_draft() => {}
            FunctionKind::Nat => {
                nat::apply(hook, iface, Some(*id), false, tracked);
                continue;
            }
        }
        rules.trace.note(|| TraceStep::Function { function: *id });
        let site = Site { hook, iface, function: Some(*id) };
        // Who traces wants to see every step.
        let tables = if rules.trace.is_on() { None } else { view.tables.of(*id) };
        let mut run = Run { view, rules, id: *id, program: &function.program, site, tracked };
        let verdict = match tables {
            Some((level, tables)) => run.look_up(level, tables),
            None => run.walk(),
        };
        match verdict {
            Ok(Verdict::Accept) => {}
            Ok(Verdict::Drop) => return Ruling::Drop,
            Ok(Verdict::Reject(reject)) => return Ruling::Reject(reject),
            Err(reason) => return Ruling::Refuse(reason),
        }
    }
    match behind_functions(view, rules, hook, iface, tracked) {
        Ok(()) => {
            nat::apply(hook, iface, None, true, tracked);
            Ruling::Pass
        }
        Err(reason) => Ruling::Refuse(reason),
    }
}

/// What is decided for a flow's first packet behind the last function: the hairpin of a mapping, the Iface's
/// `masquerade`.
fn behind_functions(
    view: View<'_>,
    rules: &mut Rules,
    hook: Hook,
    iface: IfaceId,
    tracked: &mut Tracked,
) -> Result<(), DropReason> {
    if !tracked.is_draft() {
        return Ok(());
    }
    let site = Site { hook, iface, function: None };
    match hook {
        Hook::Prerouting if tracked.sites().dnat.is_none() => {
            if let Some((address, port)) = view.conntrack.hairpin(view.now, &tracked.packet) {
                tracked.draft_hairpin(tracked.packet.dst);
                tracked.packet.set_dst(address, port);
                tracked.draft_dnat(site);
            }
            Ok(())
        }
        Hook::Postrouting if tracked.sites().snat.is_none() => {
            let masquerades = view.policy.iface(iface).is_some_and(|iface| iface.masquerade);
            let own = || view.ifaces.get(iface).and_then(|iface| iface.global_address(true));
            let from_here = view.ifaces.owner(tracked.packet.src).is_some();
            let masquerade = (masquerades && tracked.packet.is_v4() && !from_here).then(own).flatten();
            match tracked.hairpin().or(masquerade) {
                Some(outer) => nat::snat(view, &mut rules.random, site, outer, None, tracked),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The address that a policy names, as it is now.
pub(crate) fn resolve(ifaces: &Ifaces, address: AddrRef) -> Option<IpAddr> {
    match address {
        AddrRef::Fixed(address) => Some(address),
        AddrRef::Iface(id) => ifaces.get(id)?.address4.map(|own| IpAddr::V4(own.address)),
    }
}
