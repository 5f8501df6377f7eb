//! Runs the functions of a chain against a packet.
//!
//! A program's edges point forward only, so that walking it ends after at most as many steps as it has. Short ones are
//! walked with their tests decoded; long ones are looked up in tables instead, which takes the same few steps for a
//! hundred rules and for ten thousand. `run.rs` has all ways, and tests hold them equal.

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
use policy::{AddrRef, FunctionKind, Hook, Policy, Reject, Verdict};
use run::judge;
use tables::{Chain, Member};
use wire::{IfaceId, Instant, IpAddr};

pub(crate) use bucket::TokenBucket;
pub use counts::{Count, RuleCounts};
pub(crate) use counts::{RuleId, Trail};
pub(crate) use depends::Alike;
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
pub(crate) fn run(view: &View<'_>, rules: &mut Rules, hook: Hook, iface: IfaceId, tracked: &mut Tracked) -> Ruling {
    let Some(chain) = view.tables.chain(hook, iface) else { return Ruling::Pass };
    if rules.trace.is_on() {
        return traced(view, rules, chain, hook, iface, tracked);
    }
    functions(view, rules, chain, hook, iface, tracked)
}

/// Would [`run()`] do nothing to this packet?
#[inline]
pub(crate) fn is_idle(
    tables: &Tables,
    conntrack: &Conntrack,
    rules: &Rules,
    hook: Hook,
    iface: IfaceId,
    tracked: &Tracked,
) -> bool {
    let Some(chain) = tables.chain(hook, iface) else { return true };
    if !chain.members.is_empty() || rules.trace.is_on() || tracked.is_translated() {
        return false;
    }
    match hook {
        Hook::Prerouting => !(conntrack.may_hairpin(tracked.packet.dst) && tracked.is_draft()),
        Hook::Postrouting => !chain.masquerades && tracked.hairpin().is_none(),
        Hook::Input | Hook::Forward | Hook::Output => true,
    }
}

/// As [`run()`], for who wants to see each step.
#[cold]
fn traced(
    view: &View<'_>,
    rules: &mut Rules,
    chain: &Chain,
    hook: Hook,
    iface: IfaceId,
    tracked: &mut Tracked,
) -> Ruling {
    rules.trace.note(|| TraceStep::Chain { hook, iface });
    let before = Summary::of(&tracked.packet);
    let ruling = functions(view, rules, chain, hook, iface, tracked);
    let packet = Summary::of(&tracked.packet);
    if packet != before {
        rules.trace.note(|| TraceStep::Rewritten { hook, packet });
    }
    ruling
}

#[inline]
fn functions(
    view: &View<'_>,
    rules: &mut Rules,
    chain: &Chain,
    hook: Hook,
    iface: IfaceId,
    tracked: &mut Tracked,
) -> Ruling {
    // What is known of its flow stays as it is on a packet's way.
    let (is_draft, is_translated) = (tracked.is_draft(), tracked.is_translated());
    if is_translated {
        nat::apply(hook, iface, None, false, tracked);
    }
    if !chain.members.is_empty() {
        let ruling = members(view, rules, &chain.members, hook, iface, tracked);
        if ruling != Ruling::Pass {
            return ruling;
        }
    }
    let is_behind = is_draft && matches!(hook, Hook::Prerouting | Hook::Postrouting);
    if is_behind && let Err(reason) = behind_functions(view, rules, chain, hook, iface, tracked) {
        return Ruling::Refuse(reason);
    }
    if is_translated {
        nat::apply(hook, iface, None, true, tracked);
    }
    Ruling::Pass
}

/// One function after the other, up to the first that does not accept.
#[inline(never)]
fn members(
    view: &View<'_>,
    rules: &mut Rules,
    members: &[Member],
    hook: Hook,
    iface: IfaceId,
    tracked: &mut Tracked,
) -> Ruling {
    for Member { id, kind, mentions_invalid } in members {
        let verdict = match kind {
            FunctionKind::Filter if !mentions_invalid && tracked.is_invalid() => {
                return Ruling::Refuse(DropReason::Invalid);
            }
            FunctionKind::Filter => judge(view, rules, *id, hook, iface, tracked),
            // Nat functions run for the first packet of a flow; what they decided is applied to all later ones, …
            FunctionKind::Nat if tracked.is_draft() => {
                // … which do not meet them: those that are counted as this one was are counted without them.
                let before = rules.counts.mark();
                let verdict = judge(view, rules, *id, hook, iface, tracked);
                rules.counts.return_to(before);
                verdict
            }
            FunctionKind::Nat => {
                nat::apply(hook, iface, Some(*id), false, tracked);
                continue;
            }
        };
        match verdict {
            Ok(Verdict::Accept) => {}
            Ok(Verdict::Drop) => return Ruling::Drop,
            Ok(Verdict::Reject(reject)) => return Ruling::Reject(reject),
            Err(reason) => return Ruling::Refuse(reason),
        }
    }
    Ruling::Pass
}

/// What is decided for a flow's first packet behind the last function: the hairpin of a mapping, the Iface's
/// `masquerade`.
#[inline(never)]
fn behind_functions(
    view: &View<'_>,
    rules: &mut Rules,
    chain: &Chain,
    hook: Hook,
    iface: IfaceId,
    tracked: &mut Tracked,
) -> Result<(), DropReason> {
    let site = Site { hook, iface, function: None };
    match hook {
        Hook::Prerouting if view.conntrack.may_hairpin(tracked.packet.dst) && tracked.sites().dnat.is_none() => {
            if let Some((address, port)) = view.conntrack.hairpin(view.now, &tracked.packet) {
                tracked.draft_hairpin(tracked.packet.dst);
                tracked.packet.set_dst(address, port);
                tracked.draft_dnat(site);
            }
            Ok(())
        }
        Hook::Postrouting => {
            let hairpin = tracked.hairpin();
            if !chain.masquerades && hairpin.is_none() || tracked.sites().snat.is_some() {
                return Ok(());
            }
            let own = || view.ifaces.get(iface).and_then(|iface| iface.global_address(true));
            let from_here = || view.ifaces.owner(tracked.packet.src).is_some();
            let masquerade = (chain.masquerades && tracked.packet.is_v4() && !from_here()).then(own).flatten();
            match hairpin.or(masquerade) {
                Some(outer) => nat::snat(*view, &mut rules.random, site, outer, None, tracked),
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
