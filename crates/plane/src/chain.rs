//! Runs the functions of a chain against a packet.
//!
//! A program's edges point forward only, so that evaluation ends after at most as many steps as it has.

use crate::DropReason;
use crate::conntrack::{Conntrack, Tracked};
use crate::iface::Ifaces;
use crate::log::LogBuffer;
use crate::nat::{self, Random, Site};
use crate::parse::{Packet, Transport};
use crate::trace::{Summary, Trace, TraceStep};
use alloc::vec::Vec;
use core::cmp::Ordering;
use policy::{
    AddrRef, Comparison, CtState, Field, Function, FunctionId, FunctionKind, Hook, LimitRate, Policy, Program, Reject,
    Step, StepId, Test, Verdict,
};
use wire::{IfaceId, Instant, IpAddr};

/// What a chain decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    Pass,
    Drop,
    Reject(Reject),
    /// Dropped, though by no rule: a Filter that does not judge invalid packets met one, or no port is free.
    Refuse(DropReason),
}

/// The state that rules have: token buckets and the log lines of the walk at hand.
pub(crate) struct Rules {
    /// For each function its `limit(…)` buckets.
    buckets: Vec<Vec<TokenBucket>>,
    pub log: LogBuffer,
    pub random: Random,
    pub trace: Trace,
}

impl Rules {
    pub fn new(policy: &Policy, log: LogBuffer, random: Random) -> Self {
        let of = |function: &Function| function.program.limits().iter().map(|rate| TokenBucket::new(*rate)).collect();
        Self { buckets: policy.functions.iter().map(of).collect(), log, random, trace: Trace::default() }
    }
}

/// What the functions of a chain look at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub now: Instant,
    pub policy: &'a Policy,
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
        let mut run = Run { view, rules, id: *id, site, tracked };
        match run.program(&function.program) {
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

struct Run<'a> {
    view: View<'a>,
    rules: &'a mut Rules,
    id: FunctionId,
    site: Site,
    tracked: &'a mut Tracked,
}

impl Run<'_> {
    fn program(&mut self, program: &Program) -> Result<Verdict, DropReason> {
        let mut at = 0;
        loop {
            at = match program.steps().get(at as usize) {
                Some(Step::Test { test, then, otherwise }) => {
                    let holds = self.test(program, test);
                    self.note(at, Some(holds));
                    if holds { *then } else { *otherwise }
                }
                Some(Step::Log { template, next }) => {
                    if let Some(template) = program.templates().get(*template as usize) {
                        self.rules.log.write(template, self.tracked, self.view.ifaces);
                    }
                    self.note(at, None);
                    *next
                }
                Some(Step::Translate { translation, otherwise }) => {
                    let Self { view, rules, site, tracked, .. } = self;
                    match nat::decide(*view, &mut rules.random, *site, translation, tracked)? {
                        true => {
                            let function = self.id;
                            self.rules.trace.note(|| TraceStep::Ruled { function, step: at, verdict: None });
                            return Ok(Verdict::Accept);
                        }
                        false => *otherwise,
                    }
                }
                Some(Step::End(verdict)) => {
                    let function = self.id;
                    self.rules.trace.note(|| TraceStep::Ruled { function, step: at, verdict: Some(*verdict) });
                    return Ok(*verdict);
                }
                // No program has such an edge; a packet that met one would not pass.
                None => return Ok(Verdict::Drop),
            };
        }
    }

    fn note(&mut self, step: StepId, holds: Option<bool>) {
        let function = self.id;
        self.rules.trace.note(|| TraceStep::Step { function, step, holds });
    }

    fn test(&mut self, program: &Program, test: &Test) -> bool {
        let packet = &self.tracked.packet;
        match test {
            Test::In { field, set } => {
                let Some(set) = program.sets().get(*set as usize) else { return false };
                match value(*field, self.tracked) {
                    Some(Value::Number(number)) => set.contains_number(number),
                    Some(Value::Address(address)) => set.contains_address(address),
                    None => false,
                }
            }
            Test::Compare { left, comparison, right } => {
                compares(value(*left, self.tracked), *comparison, value(*right, self.tracked))
            }
            Test::IsAddress { field, comparison, address } => {
                let Some(address) = resolve(self.view.ifaces, *address) else { return false };
                compares(value(*field, self.tracked), *comparison, Some(Value::Address(address)))
            }
            Test::TcpFlags { mask } => matches!(packet.transport, Transport::Tcp(tcp) if tcp.flags & mask != 0),
            Test::Limit(limit) => {
                let buckets = self.rules.buckets.get_mut(usize::from(self.id.0));
                let bucket = buckets.and_then(|buckets| buckets.get_mut(*limit as usize));
                bucket.is_some_and(|bucket| bucket.take(self.view.now))
            }
        }
    }
}

/// The address that a policy names, as it is now.
pub(crate) fn resolve(ifaces: &Ifaces, address: AddrRef) -> Option<IpAddr> {
    match address {
        AddrRef::Fixed(address) => Some(address),
        AddrRef::Iface(id) => ifaces.get(id)?.address4.map(|own| IpAddr::V4(own.address)),
    }
}

/// A property of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(u32),
    Address(IpAddr),
}

/// `None` where the packet has no such property.
pub(crate) fn value(field: Field, tracked: &Tracked) -> Option<Value> {
    let packet = &tracked.packet;
    let iface = |id: Option<IfaceId>| id.map(|id| u32::from(id.0));
    let number = match field {
        Field::IpSaddr => return Some(Value::Address(packet.src)),
        Field::IpDaddr => return Some(Value::Address(packet.dst)),
        Field::IpVersion => Some(if packet.is_v4() { 4 } else { 6 }),
        Field::IpHdrLength => Some(packet.ip_header_len()),
        Field::IpDscp => Some(u32::from(packet.tos >> 2)),
        Field::IpEcn => Some(u32::from(packet.tos & 3)),
        Field::IpLength => Some(packet.total_len),
        Field::IpId => Some(u32::from(packet.id)),
        // Fragments are no packets: rules see whole datagrams.
        Field::IpFragOff => Some(0),
        Field::IpTtl => Some(u32::from(packet.ttl)),
        Field::IpProtocol => Some(u32::from(packet.protocol)),
        Field::IpChecksum => Some(u32::from(packet.ip_checksum)),
        Field::CtState => Some(tracked.state() as u32),
        Field::Iif => iface(packet.iif),
        Field::Oif => iface(packet.oif),
        Field::IcmpType | Field::Icmpv6Type => icmp_type(field, packet),
        Field::UdpSport | Field::UdpDport | Field::UdpLength | Field::UdpChecksum => udp_field(field, packet),
        Field::TcpSport
        | Field::TcpDport
        | Field::TcpSequence
        | Field::TcpAckseq
        | Field::TcpDoff
        | Field::TcpReserved
        | Field::TcpFlags
        | Field::TcpWindow
        | Field::TcpChecksum
        | Field::TcpUrgptr => tcp_field(field, packet),
    };
    number.map(Value::Number)
}

fn icmp_type(field: Field, packet: &Packet) -> Option<u32> {
    match packet.transport {
        Transport::Icmp(icmp) if packet.is_v4() == (field == Field::IcmpType) => Some(u32::from(icmp.kind)),
        _ => None,
    }
}

fn udp_field(field: Field, packet: &Packet) -> Option<u32> {
    let Transport::Udp(udp) = packet.transport else { return None };
    Some(u32::from(match field {
        Field::UdpSport => udp.sport,
        Field::UdpDport => udp.dport,
        Field::UdpLength => udp.length,
        _ => udp.checksum,
    }))
}

fn tcp_field(field: Field, packet: &Packet) -> Option<u32> {
    let Transport::Tcp(tcp) = packet.transport else { return None };
    Some(match field {
        Field::TcpSport => u32::from(tcp.sport),
        Field::TcpDport => u32::from(tcp.dport),
        Field::TcpSequence => tcp.sequence,
        Field::TcpAckseq => tcp.ackseq,
        Field::TcpDoff => u32::from(tcp.header_len / 4),
        Field::TcpReserved => u32::from(tcp.reserved),
        Field::TcpFlags => u32::from(tcp.flags),
        Field::TcpWindow => u32::from(tcp.window),
        Field::TcpChecksum => u32::from(tcp.checksum),
        _ => u32::from(tcp.urgptr),
    })
}

/// Values of different kinds or families are neither equal nor before or after each other, so only `!=` holds. The
/// same for a value that the packet does not have.
fn compares(left: Option<Value>, comparison: Comparison, right: Option<Value>) -> bool {
    let ordering = match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => Some(left.cmp(&right)),
        (Some(Value::Address(IpAddr::V4(left))), Some(Value::Address(IpAddr::V4(right)))) => Some(left.cmp(&right)),
        (Some(Value::Address(IpAddr::V6(left))), Some(Value::Address(IpAddr::V6(right)))) => Some(left.cmp(&right)),
        _ => None,
    };
    match comparison {
        Comparison::Equal => ordering == Some(Ordering::Equal),
        Comparison::NotEqual => ordering != Some(Ordering::Equal),
        Comparison::Less => ordering == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => ordering == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// A token bucket; starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    rate: LimitRate,
    /// In billionths of a token.
    level: u128,
    filled: Instant,
}

const TOKEN: u128 = 1_000_000_000;

impl TokenBucket {
    pub fn new(rate: LimitRate) -> Self {
        Self { rate, level: u128::from(rate.burst) * TOKEN, filled: Instant::BOOT }
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let gained = now.since(self.filled).as_nanos() * u128::from(self.rate.tokens) * TOKEN;
        self.filled = now;
        self.level += gained / self.rate.per.as_nanos().max(1);
        self.level = self.level.min(u128::from(self.rate.burst) * TOKEN);
        let has = self.level >= TOKEN;
        if has {
            self.level -= TOKEN;
        }
        has
    }

    /// As [`take`](Self::take), for 0, 1 or 2 tokens, so far as there are.
    pub fn take_about_one(&mut self, now: Instant, cost: u32) -> bool {
        let has = self.take(now);
        if has {
            self.level = (self.level + TOKEN).saturating_sub(u128::from(cost) * TOKEN);
        }
        has
    }
}
