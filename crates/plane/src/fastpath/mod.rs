//! Known packets of the common shape, without the walk: a cache of its decisions.
//!
//! ```text
//!  receive ─► read ─► flow ─► decision ─► neighbor ─► windows ─► count, rewrite, transmit
//!      └─────────┴───────┴────────┴──────────┴────────────┴────► anything unusual: the walk
//! ```
//!
//! The walk is the truth. Where it has sent a packet of a flow out of an Iface, and what it decided is a function of the
//! flow alone (endpoints, Ifaces, `ct.state`), it leaves a [`Decision`] with the flow; the next packets like that one do
//! what it did, and nothing else: the same refresh of flow and windows, the same counts of the same rules, the
//! same neighbor asked anew, the same bytes. A packet changes nothing before all of that is certain. What is not of the
//! common shape takes the walk: fragments, IPv4 options and extension headers, a TTL that ends here, a SYN, a
//! segment outside of its window, a packet larger than the MTU, ICMP.
//!
//! Addresses, routes and rules do not change behind a decision's back: whatever changes them calls
//! [`Decisions::forget`].

mod decision;
mod rewriting;
mod sight;
#[cfg(test)]
mod tests;

use crate::chain::Alike;
use crate::conntrack::{Confirmed, Tracked};
use crate::neighbor::group_mac;
use crate::route::NextHop;
use crate::trace::TraceStep;
use crate::{DropReason, Outlet, Plane, emit};
use sight::Door;
use wire::ethernet::ethertype;
use wire::{Buffer, Burst, IfaceId, Instant, PortId};

use decision::{Decision, LinkHeader};
pub(crate) use decision::{DecisionId, Decisions};
pub(crate) use rewriting::Rewriting;
pub(crate) use sight::Sight;

/// What has become of a packet.
enum Passed {
    /// It is to leave by this port.
    To(PortId),
    /// It would have, but its memory has no room for the link header.
    Stuck,
    /// Nothing has changed: it is for the walk.
    Not,
}

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
        if self.decisions.is_on() && !self.rules.trace.is_on() {
            let door = Door::new(&self.ifaces, &self.conntrack, port);
            for (place, frame) in sights.iter_mut().zip(burst.iter()) {
                Sight::read(place, frame.head(), frame.len(), &door);
            }
            for sight in sights.iter_mut().take(burst.len()).flatten() {
                sight.guess = self.conntrack.guess(sight.sought.hash);
            }
        }
        for (mut frame, sight) in burst.drain().zip(&mut sights) {
            let passed = sight.as_mut().map_or(Passed::Not, |sight| self.pass(now, sight, &mut frame));
            match passed {
                Passed::Not => {
                    self.receive(now, port, frame, sight.as_ref(), out);
                    continue;
                }
                Passed::To(port) => out.transmit(port, frame),
                Passed::Stuck => {
                    self.count_drop(sight.as_ref().map(|sight| sight.iif), DropReason::NoBuffer, out);
                }
            }
            if self.balancer.is_some() {
                self.release_clients(now, out);
            }
        }
    }

    /// Finds flow and decision of a packet, and where it needs no walk counts and rewrites it.
    #[inline(always)]
    fn pass(&mut self, now: Instant, sight: &mut Sight, frame: &mut B) -> Passed {
        let Self { conntrack, decisions, neighbors, rules, counters, .. } = self;
        let Some(mut known) = conntrack.known(&mut sight.sought, sight.guess) else { return Passed::Not };
        let replied = known.replied();
        let (decision, passed) = match decisions.pass(known.decision()) {
            Some(decided) if decided.0.alike.holds(replied) => decided,
            // The first one in its direction after the first reply.
            Some(_) => {
                let Some(heir) = decisions.heir(known.decision()) else { return Passed::Not };
                known.decide(heir);
                match decisions.pass(heir) {
                    Some(decided) if decided.0.alike.holds(replied) => decided,
                    _ => return Passed::Not,
                }
            }
            None => return Passed::Not,
        };
        if decision.iif != sight.iif || !sight.is_amid || known.is_over(now) {
            return Passed::Not;
        }
        let offload = frame.offload();
        let wire_len = match offload.segmentation {
            Some(segmentation) => sight.wire_len(frame.head(), segmentation.size),
            None => sight.total_len,
        };
        if wire_len > u32::from(decision.mtu) {
            return Passed::Not;
        }
        let Some(neighbor) = neighbors.at(decision.neighbor, now) else { return Passed::Not };
        if sight.is_tcp {
            let header = frame.head().get(usize::from(sight.l4)..).unwrap_or(&[]);
            if !known.advance(header, sight.transport_len()) {
                return Passed::Not;
            }
        }
        // From here on it is certain.
        let ends_earlier = known.refresh(now, sight.is_tcp);
        neighbor.touch(now);
        for rule in decision.rules() {
            rules.counts.again(*rule, sight.total_len);
        }
        *passed += 1;
        let (l3, link_len) = (usize::from(sight.l3), decision.header.len());
        frame.truncate(l3 + sight.total_len as usize);
        if !emit::fit_link_header(frame, l3, link_len) {
            counters.iface_mut(Some(sight.iif)).received += 1;
            return Passed::Stuck;
        }
        counters.pass(sight.iif, decision.hop.iface);
        let partial = offload.partial.is_some();
        if let Some((link, packet)) = frame.head_mut().split_at_mut_checked(link_len) {
            decision.header.emit(link);
            match known.translation() {
                None => rewriting::hop(packet, sight.is_v4),
                Some((rewriting, to)) => rewriting::translate(packet, sight, rewriting, &to, partial),
            }
        }
        let port = decision.port;
        if ends_earlier {
            conntrack.reschedule(&sight.sought);
        }
        Passed::To(port)
    }

    /// The walk sends a packet out by `hop`: if all packets of its flow in its direction go the same way, the next one
    /// need not ask.
    #[inline]
    pub(crate) fn remember(&mut self, iif: IfaceId, tracked: &mut Tracked, hop: &NextHop) {
        let Some(replied) = tracked.replied().filter(|_| self.decisions.is_on()) else { return };
        let way = self.tables.alike(iif, hop.iface);
        let Some(alike) = way.like(replied) else { return };
        if !tracked.packet.has_ports() || !self.conntrack.is_regular(tracked) {
            return;
        }
        let Some(rules) = self.rules.counts.trail().rules() else { return };
        let recent = self.decisions.recent(iif, alike, hop, rules).filter(|(_, place)| self.neighbors.has(*place));
        let decision = match recent {
            Some((id, _)) => Some(id),
            None => self.decide(iif, alike, hop),
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
        if !decision.header.put(frame, usize::from(packet.packet().l3)) {
            return Some(Err(DropReason::NoBuffer));
        }
        self.counters.iface_mut(Some(iface)).transmitted += 1;
        Some(Ok(decision.port))
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
