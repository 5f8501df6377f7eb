//! Known packets of the common shape, without the walk: a cache of its decisions.
//!
//! ```text
//!  receive ─► read ─► flow ─► decision ─► neighbor ─► windows ─► rewrite, transmit ─► at the run's end: count
//!      └─────────┴───────┴────────┴──────────┴────────────┴────► anything unusual: the walk
//! ```
//!
//! The walk is the truth. Where it has sent a packet of a flow out of an Iface, and what it decided is a function of the
//! flow alone (endpoints, Ifaces, `ct.state`), it leaves a [`Decision`] with the flow, from the first packet on; the next
//! packets like that one do what it did, and nothing else: the same refresh of flow and windows, the same counts of the
//! same rules, the same neighbor asked anew, the same bytes. A packet changes nothing that the walk asks for before all
//! of that is certain. What is not of the common shape takes the walk: fragments, IPv4 options and extension headers, a
//! TTL that ends here, a SYN, a segment outside of its window, a packet larger than the MTU, ICMP.
//!
//! Where rules tell answered flows from others, but all answered ones alike, a decision has an heir: what has been decided
//! for one flow from its first reply on is decided for all.
//!
//! Most packets of a burst go by the same decision: decision and neighbor are looked at once for a [`Run`] of them. Runs
//! of the same Ifaces and rules, as those to many hosts of a network are, are counted together, before anything else
//! happens (`run.rs`).
//!
//! Addresses, routes and rules do not change behind a decision's back: whatever changes them calls
//! [`Decisions::forget`].

mod decision;
mod rewriting;
mod run;
mod sight;
#[cfg(test)]
mod tests;

use crate::chain::Alike;
use crate::conntrack::{Confirmed, Tracked};
use crate::neighbor::group_mac;
use crate::route::NextHop;
use crate::trace::TraceStep;
use crate::{DropReason, Outlet, Plane, emit};
use run::{Halt, Run};
use sight::Door;
use wire::ethernet::ethertype;
use wire::{Buffer, Burst, IfaceId, Instant, PortId};

use decision::{Decision, LinkHeader};
pub(crate) use decision::{DecisionId, Decisions};
pub(crate) use rewriting::Rewriting;
pub(crate) use sight::Sight;

impl<B: Buffer> Plane<B> {
    /// Does with the packets of a burst, in their order, what the walk has done with the last ones like them, or, where
    /// that is for the walk to say, lets them walk.
    ///
    /// What can be said of all of them from their frames alone comes first, so that memory is asked for everything that
    /// they will look up while there is something else to do.
    #[inline(always)]
    pub(crate) fn pass_burst(&mut self, now: Instant, port: PortId, burst: &mut Burst<B>, out: &mut impl Outlet<B>) {
        let mut sights = [const { None }; 32];
        const { assert!(Burst::<B>::CAPACITY == 32) };
        let places = burst.places();
        if self.decisions.is_on() && !self.rules.trace.is_on() {
            let door = Door::new(&self.ifaces, &self.conntrack, port);
            for (sight, place) in sights.iter_mut().zip(places.iter()) {
                if let Some(frame) = place {
                    Sight::read(sight, frame.head(), frame.len(), &door);
                }
            }
            for sight in sights.iter_mut().take(places.len()).flatten() {
                sight.guess = self.conntrack.guess(sight.sought.hash);
            }
        }
        let mut packets = places.iter_mut().zip(&mut sights);
        let mut run = Run::new(self.conntrack.udp_deadlines(now));
        loop {
            let halted = loop {
                let Some((place, sight)) = packets.next() else { break None };
                let passed = match (place.as_mut(), sight.as_mut()) {
                    (Some(frame), Some(sight)) => self.pass(now, &mut run, sight, frame),
                    _ => Err(Halt::Walk),
                };
                match passed {
                    Ok(port) => place.take().into_iter().for_each(|frame| out.transmit(port, frame)),
                    Err(halt) => break Some((place.take(), sight, halt)),
                }
            };
            self.end_run(now, &mut run);
            if self.balancer.is_some() {
                self.release_clients(now, out);
            }
            match halted {
                Some((Some(frame), sight, Halt::Walk)) => self.receive(now, port, frame, sight.as_ref(), out),
                Some((_, sight, Halt::Stuck)) => {
                    self.count_drop(sight.as_ref().map(|sight| sight.iif), DropReason::NoBuffer, out);
                }
                Some((None, ..)) => {}
                None => break,
            }
        }
    }

    /// The walk sends a packet out: if all packets of its flow in its direction go the same way, the next one
    /// need not ask.
    #[inline]
    pub(crate) fn remember(&mut self, iif: IfaceId, tracked: &mut Tracked) {
        let Some(replied) = tracked.replied().filter(|_| self.decisions.is_on()) else { return };
        let hop = &tracked.hop;
        let way = self.tables.alike(iif, hop.iface);
        let Some(alike) = way.like(replied) else { return };
        if !tracked.packet.has_ports() || !self.conntrack.is_regular(tracked) {
            return;
        }
        let Some(rules) = self.rules.counts.trail().rules() else { return };
        let recent = self.decisions.recent(iif, alike, hop, rules).filter(|(_, place)| self.neighbors.has(*place));
        let decision = match recent {
            Some((id, _)) => Some(id),
            None => self.decide(iif, alike, &tracked.hop),
        };
        if let Some(decision) = decision {
            let before = self.conntrack.decide(tracked, decision);
            if replied && way.is_settled() {
                self.decisions.succeed(before, decision);
            }
        }
    }

    /// Gets a packet that has walked ready to leave as that has decided for all that are like it. `None`, and nothing has
    /// changed, if nothing is decided, or the neighbor is to be asked.
    #[inline(always)]
    pub(crate) fn leave(
        &mut self,
        now: Instant,
        packet: Confirmed<'_>,
        frame: &mut B,
    ) -> Option<Result<PortId, DropReason>> {
        let decision = self.decisions.get(packet.decision()).filter(|_| packet.packet().split_mtu == 0)?;
        let neighbor = self.neighbors.at(decision.neighbor, now)?;
        neighbor.touch(now);
        let NextHop { iface, neighbor } = decision.hop;
        self.rules.trace.note(|| TraceStep::Sent { iface, neighbor, held: false });
        emit::headers(frame, packet);
        if !decision.way.header.put(frame, usize::from(packet.packet().l3)) {
            return Some(Err(DropReason::NoBuffer));
        }
        self.counters.iface_mut(Some(iface)).transmitted += 1;
        Some(Ok(decision.way.port))
    }

    /// The number of the decision that packets like the one whose walk has been counted so go out by `hop`.
    #[inline(never)]
    fn decide(&mut self, iif: IfaceId, alike: Alike, hop: &NextHop) -> Option<DecisionId> {
        let egress = self.ifaces.get(hop.iface).filter(|egress| group_mac(egress, hop.neighbor).is_none())?;
        let (link, vid) = (egress.link, egress.vid);
        let ethertype = if hop.neighbor.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 };
        let (neighbor, mac) = self.neighbors.place_of(hop.iface, hop.neighbor)?;
        let header = LinkHeader::new(mac, link.mac, vid, ethertype);
        let rules = self.rules.counts.trail().rules()?;
        self.decisions.enter(&Decision::new(iif, alike, *hop, neighbor, (link, header), rules))
    }
}
