//! Known packets of the common shape, without the walk: a cache of its decisions.
//!
//! ```text
//!  receive ─► read ─► flow ─► decision ─► neighbor ─► windows ─► count, rewrite, transmit
//!      └─────────┴───────┴────────┴──────────┴────────────┴────► anything unusual: the walk
//! ```
//!
//! The walk is the truth. Where it has sent a packet of a known flow out of an Iface, and what it decided is a function
//! of the flow alone (endpoints, Ifaces, `ct.state`), it leaves a [`Decision`] with the flow; the next packets like that
//! one do what it did, and nothing else: the same refresh of flow and windows, the same counts of the same rules, the
//! same neighbor asked anew, the same bytes. A packet changes nothing before all of that is certain. What is not of the
//! common shape takes the walk: fragments, IPv4 options and extension headers, a TTL that ends here, SYN, FIN and RST,
//! a segment outside of its window, a packet larger than the MTU, ICMP.
//!
//! Addresses, routes and rules do not change behind a decision's back: whatever changes them calls
//! [`Decisions::forget`].

mod decision;
mod header;
mod rewriting;
#[cfg(test)]
mod tests;

use crate::conntrack::{Direction, FlowId, Tracked, Tuple};
use crate::neighbor::{Sender, group_mac};
use crate::parse::Transport;
use crate::route::NextHop;
use crate::{Outlet, Plane};
use header::Header;
use policy::{CtState, Hook};
use wire::{Buffer, Burst, IfaceId, Instant, MacAddr, PortId, ethernet};

pub(crate) use decision::{Decision, DecisionId, Decisions};
pub(crate) use rewriting::Rewriting;

/// A packet that goes on without the walk.
struct Known {
    header: Header,
    iif: IfaceId,
    flow: FlowId,
    direction: Direction,
    decision: DecisionId,
    oif: IfaceId,
    mac: MacAddr,
}

impl<B: Buffer> Plane<B> {
    /// Brings near what the packets of a burst will look up, where that is not near already.
    #[inline]
    pub(crate) fn hint(&self, burst: &Burst<B>) {
        if self.decisions.is_on() && burst.len() > 1 && self.conntrack.is_large() {
            self.conntrack.hint(burst.iter().map(|frame| Header::likely_key(frame.head())));
        }
    }

    /// Does with a packet what the walk has done with the last one like it, or, where that is for the walk to say, lets
    /// it walk.
    #[inline(never)]
    pub(crate) fn pass(&mut self, now: Instant, port: PortId, frame: B, out: &mut impl Outlet<B>) {
        if self.decisions.is_on()
            && !self.rules.trace.is_on()
            && let Some(known) = self.recognise(now, port, &frame)
        {
            return self.launch_known(now, known, frame, out);
        }
        self.receive(now, port, frame, out);
    }

    /// Finds flow and decision of a packet that needs no walk. Nothing has changed then but the windows of TCP.
    #[inline(always)]
    fn recognise(&mut self, now: Instant, port: PortId, frame: &B) -> Option<Known> {
        let (head, len) = (frame.head(), frame.len());
        let link = head.first_chunk::<{ ethernet::HEADER_LEN }>()?;
        let (vid, ethertype, l3) = match u16::from_be_bytes([link[12], link[13]]) {
            ethernet::TPID => {
                let tagged = ethernet::Header::parse(head).ok()?;
                (tagged.vid, tagged.ethertype, tagged.len)
            }
            ethertype => (None, ethertype, ethernet::HEADER_LEN),
        };
        let iif = self.ifaces.of_frame(port, vid)?;
        let [_, _, _, _, _, _, source @ .., _, _] = *link;
        if link[..6] != self.ifaces.mac(iif).0 || !MacAddr(source).is_unicast() {
            return None;
        }
        let (header, (id, direction)) = match ethertype {
            ethernet::ethertype::IPV4 => {
                let (header, key) = Header::read4(head, len, l3)?;
                (header, self.conntrack.find_known(&key)?)
            }
            ethernet::ethertype::IPV6 => {
                let (header, key) = Header::read6(head, len, l3)?;
                (header, self.conntrack.find_known(&key)?)
            }
            _ => return None,
        };
        let flow = self.conntrack.flow(id).filter(|flow| flow.deadline > now)?;
        let number = flow.decisions[direction as usize];
        let decision = self.decisions.get(number)?;
        if decision.iif != iif || decision.replied != flow.replied() {
            return None;
        }
        let wire_len = match frame.offload().segmentation {
            Some(segmentation) => header.wire_len(head, segmentation.size),
            None => header.total_len,
        };
        if wire_len > u32::from(decision.mtu) {
            return None;
        }
        let oif = decision.hop.iface;
        let mac = self.neighbors.at(decision.neighbor_place, now, oif, decision.hop.neighbor)?;
        if header.is_tcp {
            let (tcp, payload_len) = header.tcp(head)?;
            let bytes = head.get(usize::from(header.l4)..)?;
            if !self.conntrack.advance_known(id, direction, tcp, payload_len, bytes) {
                return None;
            }
        }
        Some(Known { header, iif, flow: id, direction, decision: number, oif, mac })
    }

    /// Counts, rewrites and sends it.
    #[inline(always)]
    fn launch_known(&mut self, now: Instant, known: Known, mut frame: B, out: &mut impl Outlet<B>) {
        let Known { header, iif, flow, direction, decision, oif, mac } = known;
        self.decisions.passed += 1;
        self.counters.iface_mut(Some(iif)).received += 1;
        if let Some(decision) = self.decisions.get(decision) {
            self.neighbors.touch(decision.neighbor_place, now);
            for rule in decision.rules.rules().unwrap_or(&[]) {
                self.rules.counts.again(*rule, header.total_len);
            }
        }
        let translation = self.conntrack.refresh_known(now, flow, direction);
        let l3 = usize::from(header.l3);
        frame.truncate(l3 + header.total_len as usize);
        let partial = translation.is_some() && frame.offload().partial.is_some();
        let translation = translation.as_ref().map(|(rewriting, to)| (rewriting, to));
        rewriting::rewrite(frame.head_mut(), &header, partial, translation);
        self.launch_to(mac, oif, header.is_v4, frame, l3, Sender::Transit(iif), out);
        if self.balancer.is_some() {
            self.release_clients(now, out);
        }
    }

    /// The walk sends a packet out by `hop`: if all packets of its flow in its direction go the same way, the next one
    /// need not ask.
    pub(crate) fn remember(&mut self, iif: IfaceId, tracked: &Tracked, hop: &NextHop) {
        let Some((flow, direction, state)) = tracked.known().filter(|_| self.decisions.is_on()) else { return };
        let packet = &tracked.packet;
        if !matches!(packet.transport, Transport::Tcp(_) | Transport::Udp(_)) || tracked.is_balanced() {
            return;
        }
        // Its endpoints are what the flow says of the other direction.
        if self.conntrack.other_tuple(flow, direction) != Some(Tuple { zone: 0, ..Tuple::of(packet, None) }.reversed())
        {
            return;
        }
        let Some(egress) = self.ifaces.get(hop.iface).filter(|egress| group_mac(egress, hop.neighbor).is_none()) else {
            return;
        };
        let mtu = egress.link.mtu;
        let chains = [(Hook::Prerouting, iif), (Hook::Forward, iif), (Hook::Postrouting, hop.iface)];
        let of_flow =
            |(hook, iface)| self.tables.depends.of_chain(&self.policy, hook, iface, state, false).is_of_flow();
        let rules = *self.rules.counts.trail();
        if rules.rules().is_none() || !chains.into_iter().all(of_flow) {
            return;
        }
        let Some(neighbor_place) = self.neighbors.place_of(hop.iface, hop.neighbor) else { return };
        let replied = state == CtState::Established;
        let decision = Decision { iif, replied, hop: *hop, neighbor_place, mtu, rules };
        if let Some(id) = self.decisions.enter(&decision) {
            self.conntrack.decide(flow, direction, id);
        }
    }
}
