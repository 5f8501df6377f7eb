//! The router itself: what happens to a frame between the wire it came from and the wire it leaves by.
//!
//! No clock, no device, no text: time is a parameter, randomness a seed, and whatever leaves goes through an
//! [`Outlet`]. Everything is allocated in [`Plane::new`], but for some tables a second later ([`Plane::complete`]); a
//! packet allocates nothing and takes a bounded number of steps. Read `pipeline.rs` first: the walk of one packet, on a
//! page.
//!
//! Calling rules: [`process_burst`](Plane::process_burst) and [`originate`](Plane::originate) whenever there are
//! frames, [`handle_timeout`](Plane::handle_timeout) at the moment that [`poll_timeout`](Plane::poll_timeout) names
//! or later; `now` never runs backwards.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod balancer;
mod chain;
mod conntrack;
mod emit;
mod event;
mod fastpath;
mod fib;
mod forward;
mod fragment;
mod icmp;
mod iface;
mod ingress;
mod link;
mod local;
mod log;
mod nat;
mod neighbor;
mod outcome;
mod parse;
mod pipeline;
mod route;
mod service;
#[cfg(test)]
mod tests;
mod trace;

use alloc::vec::Vec;
use balancer::Balancer;
use chain::{Rules, Tables};
use conntrack::Conntrack;
use fib::Fib;
use iface::Ifaces;
use neighbor::Neighbors;
use policy::Policy;
use wire::{Buffer, Burst, Duration, IfaceId, Instant, Ipv4Addr, MacAddr, PortId};

pub use chain::{Count, Lookup, RuleCost, RuleCounts, rule_costs};
pub use classifier::Level;
pub use conntrack::{Connection, Endpoints, MappingEntry};
pub use event::{Counters, Event, IfaceCounters, Outlet};
pub use outcome::DropReason;
pub use route::{Route, Routes};
pub use trace::{Summary, TraceStep};

/// The NIC behind an Iface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub port: PortId,
    pub mac: MacAddr,
    /// Largest packet of this Iface, in bytes, at least 68: the policy's if it names one, else the device's.
    pub mtu: u16,
}

/// How large the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections; a host that obeys `Conntrack.limit` says so here.
    pub flows: u32,
    /// Neighbors that are remembered, on all Ifaces together.
    pub neighbors: u32,
    /// Frames that wait for a neighbor's MAC address, on all Ifaces together.
    pub held: u32,
    /// Bytes of receive buffers that fragments may keep until their datagrams are complete, counted by 2 KiB for each
    /// frame; what one source may keep of it is bounded apart. A host gives no more than it can spare of the buffers
    /// that its NICs receive into.
    pub fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 65_536, neighbors: 1024, held: 256, fragments: 4 << 20 }
    }
}

/// An IPv4 address and its subnet, as an Iface has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address4 {
    pub address: Ipv4Addr,
    pub prefix_len: u8,
    pub gateway: Option<Ipv4Addr>,
}

/// A running router.
pub struct Plane<B> {
    policy: Policy,
    links: Vec<Link>,
    ifaces: Ifaces,
    routes: Routes,
    fib: Fib,
    conntrack: Conntrack,
    neighbors: Neighbors<B>,
    decisions: fastpath::Decisions,
    /// Packets that have gone by a decision.
    passed: u64,
    fragments: fragment::Store<B>,
    fragment_ids: fragment::Ids,
    tables: Tables,
    rules: Rules,
    icmp: icmp::Limiter,
    balancer: Option<Balancer<B>>,
    counters: Counters,
    /// Unix time at a moment.
    wall_clock: Option<(Instant, Duration)>,
    /// When our addresses are to be announced on the links.
    announce_at: Option<Instant>,
    /// When the tables that were put off are to be made.
    complete_at: Option<Instant>,
}

/// A router that has just booted has better things to do: packets that wait for it.
const COMPLETE_AFTER: Duration = Duration::from_secs(1);

impl<B: Buffer> Plane<B> {
    /// Allocates every table but those that [`complete`](Self::complete) makes. `links` holds one link for each Iface of the policy, in its order. `seed` is all the
    /// randomness that there will be; who can guess it can aim at the tables.
    pub fn new(policy: Policy, links: Vec<Link>, limits: Limits, seed: [u8; 32], now: Instant) -> Self {
        let word = |at: usize| {
            let bytes = seed.get(at * 8..).and_then(|bytes| bytes.first_chunk::<8>());
            nat::Random::new(bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes)) ^ at as u64).next()
        };
        let has_v6 = policy.ifaces.iter().any(|iface| !iface.address6.is_empty());
        let (mappings, translates) = (nat::most_mappings(&policy), nat::translates(&policy));
        let room = conntrack::Room { mappings, translates, v6: has_v6 };
        let words = [word(0), word(1), word(2), word(3)];
        let tables = Tables::new(&policy);
        let (ifaces, routes) = (Ifaces::new(&policy, &links), Routes::new(&policy));
        Self {
            complete_at: Some(now + COMPLETE_AFTER),
            fib: Fib::unknowing(),
            ifaces,
            routes,
            conntrack: Conntrack::new(&policy.conntrack, limits.flows, room, words, now),
            neighbors: Neighbors::new(limits.neighbors, limits.held, word(1) ^ word(2)),
            decisions: fastpath::Decisions::new(limits.neighbors.saturating_mul(2)),
            passed: 0,
            fragments: fragment::Store::new(limits.fragments, words),
            fragment_ids: fragment::Ids::new(nat::Random::new(word(0) ^ word(3))),
            tables,
            rules: Rules::new(&policy, log::LogBuffer::new(&policy), nat::Random::new(word(3))),
            icmp: icmp::Limiter::new(words, nat::Random::new(word(2) ^ word(3))),
            balancer: policy.balancer.clone().map(|settings| Balancer::new(settings, now)),
            counters: Counters::new(policy.ifaces.len()),
            wall_clock: None,
            announce_at: Some(now),
            policy,
            links,
        }
    }

    /// Walks frames that one port received. Afterwards the burst is empty.
    pub fn process_burst(&mut self, now: Instant, port: PortId, burst: &mut Burst<B>, out: &mut impl Outlet<B>) {
        self.pass_burst(now, port, burst, out);
    }

    /// Sends a frame of the box's own stack on an Iface. The stack's link is virtual: its far end is the plane, which
    /// answers its ARP requests and neighbor solicitations for any address and routes its packets.
    pub fn originate(&mut self, now: Instant, iface: IfaceId, frame: B, out: &mut impl Outlet<B>) {
        self.receive_from_stack(now, iface, frame, out);
        if self.balancer.is_some() {
            self.release_clients(now, out);
        }
    }

    /// Does what time alone asks for: expiry, retries, the end of waiting. Bounded; what remains is due at once.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        if self.announce_at.take_if(|at| *at <= now).is_some() {
            self.announce(None, out);
        }
        if self.complete_at.is_some_and(|at| at <= now) {
            self.complete();
        }
        self.neighbor_timeout(now, out);
        self.fragment_timeout(now, out);
        self.conntrack.expire(now);
        self.balancer_timeout(now, out);
        if let Some(lines) = self.rules.log.report(now) {
            self.report_suppressed(now, lines, out);
        }
    }

    /// The next moment at which time alone changes anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers = [
            self.announce_at,
            self.complete_at,
            self.balancer.as_ref().and_then(Balancer::poll_timeout),
            self.neighbors.poll_timeout(),
            self.fragments.poll_timeout(),
            self.conntrack.poll_timeout(),
            self.rules.log.poll_timeout(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Says what time it is in the world: `unix` after 1970-01-01T00:00:00Z at `now`, for the stamps of log datagrams.
    pub fn set_wall_clock(&mut self, now: Instant, unix: Duration) {
        self.wall_clock = Some((now, unix));
    }

    /// Gives an Iface its IPv4 address at run time (a DHCP lease), or takes it away.
    pub fn set_address4(&mut self, iface: IfaceId, address: Option<Address4>, out: &mut impl Outlet<B>) {
        self.change_addresses(|ifaces| ifaces.set_address4(iface, address));
        self.announce(Some(iface), out);
    }

    /// Says whether known packets may take the way that the walk has found for others like them, as they may from the
    /// start: for who doubts that, or measures.
    pub fn set_fast_path(&mut self, on: bool) {
        self.decisions.set_on(on);
    }

    /// Packets that have taken it so far; they are among those that were received and forwarded.
    pub fn fast_path_packets(&self) -> u64 {
        self.passed
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn links(&self) -> &[Link] {
        &self.links
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How often each rule has acted.
    pub fn rule_counts(&self) -> &RuleCounts {
        &self.rules.counts
    }

    /// What running each function of the policy costs.
    pub fn rule_costs(&self) -> Vec<RuleCost> {
        self.tables.costs(&self.policy)
    }

    /// Does now what [`new`](Self::new) has put off for a second: makes the tables of programs that are short enough to
    /// be walked until then, and that of addresses, of which every question is asked anew until then.
    pub fn complete(&mut self) {
        self.tables.complete(&self.policy);
        self.fib = Fib::new(&self.ifaces, &self.routes);
        self.complete_at = None;
    }

    /// Says how rules are to be run, [`Lookup::WhereFaster`] from the start: for who doubts the tables, or measures
    /// what they gain. Traced packets are always walked.
    pub fn set_lookup(&mut self, lookup: Lookup) {
        self.tables.set_lookup(&self.policy, lookup);
    }

    /// Says which vector instructions tables are searched with, the best that this CPU has from the start: for who
    /// counts instructions, and wants the same number everywhere.
    pub fn set_level(&mut self, level: Level) {
        self.tables.set_level(level);
    }

    /// Connections in the table now, and its size.
    pub fn flows(&self) -> (u32, u32) {
        self.conntrack.usage()
    }

    /// The connections in the table that have not expired, in no order. Reads the whole table.
    pub fn connections(&self, now: Instant) -> impl Iterator<Item = Connection> + '_ {
        self.conntrack.connections(now)
    }

    /// The dynamic source translations that are in use or held for their owners, in no order. Reads the whole table.
    pub fn mappings(&self, now: Instant) -> impl Iterator<Item = MappingEntry> + '_ {
        self.conntrack.mappings(now)
    }

    /// Half-open TCP connections that were given up early because the table was full.
    pub fn given_up(&self) -> u64 {
        self.conntrack.given_up()
    }

    /// Packets that wait: for their next hop's MAC address, for the rest of their datagram, for a node of the balancer.
    pub fn held(&self) -> usize {
        self.neighbors.waiting() + self.fragments.len() + self.balancer.as_ref().map_or(0, Balancer::waiting)
    }

    /// Of the balancer: sessions, clients that wait, nodes that are up, nodes.
    pub fn balancer(&self) -> Option<(u32, usize, usize, usize)> {
        self.balancer.as_ref().map(Balancer::usage)
    }

    /// From now on every stage writes down what it does, up to 65,536 steps between two calls of
    /// [`take_trace`](Self::take_trace). This allocates.
    pub fn start_trace(&mut self) {
        self.rules.trace.start();
    }

    /// What happened since the last call, in order.
    pub fn take_trace(&mut self) -> Vec<TraceStep> {
        self.rules.trace.take()
    }

    /// Whatever has been concluded from the box's addresses is concluded anew.
    fn change_addresses(&mut self, change: impl FnOnce(&mut Ifaces)) {
        change(&mut self.ifaces);
        self.fib = Fib::new(&self.ifaces, &self.routes);
        self.decisions.forget();
    }

    fn count_drop(&mut self, iface: Option<IfaceId>, reason: DropReason, out: &mut impl Outlet<B>) {
        self.counters.iface_mut(iface).count_drop(reason);
        self.rules.trace.note(|| TraceStep::Dropped { reason });
        out.event(Event::Dropped { iface, reason });
    }
}
