//! Packets that go by one decision, one behind the other, and share in what looking at it takes.

use super::decision::{DecisionId, Way};
use super::rewriting;
use super::sight::Sight;
use crate::{Plane, emit};
use wire::{Buffer, Instant, PortId};

/// A run of packets that went by one decision, and are still to be counted.
///
/// As long as packets only pass, nothing changes that a decision depends on: a burst is of one moment. Before anything
/// else is done, whoever has a run in hand [ends](Plane::end_run) it.
pub(super) struct Run {
    id: DecisionId,
    way: Way,
    /// When their flows end, if they are of UDP and stay silent: before and after a reply.
    udp_deadlines: [Instant; 2],
    packets: u64,
    bytes: u64,
    /// Of these packets, how many had no room for their link header.
    stuck: u64,
}

/// Why a packet has not passed.
pub(super) enum Halt {
    /// Nothing has changed: it is for the walk.
    Walk,
    /// It would have, but its memory has no room for the link header.
    Stuck,
}

impl Run {
    /// Nobody goes by it.
    pub const NONE: Self = Self {
        id: DecisionId::UNUSED,
        way: Way::NONE,
        udp_deadlines: [Instant::BOOT; 2],
        packets: 0,
        bytes: 0,
        stuck: 0,
    };
}

impl<B: Buffer> Plane<B> {
    /// Finds flow and decision of a packet, and where it needs no walk rewrites it; says by which port it is to leave.
    #[inline(always)]
    pub(super) fn pass(
        &mut self,
        now: Instant,
        run: &mut Run,
        sight: &mut Sight,
        frame: &mut B,
    ) -> Result<PortId, Halt> {
        let (mut known, replied) = loop {
            let Some(mut known) = self.conntrack.known(&mut sight.sought, sight.guess) else {
                return Err(Halt::Walk);
            };
            let (id, replied) = (known.decision(), known.replied());
            if id == run.id && run.way.alike.holds(replied) {
                break (known, replied);
            }
            // Of another decision, or the first one in its direction after the first reply.
            let Some(decided) = self.decisions.at_hand(id, replied) else { return Err(Halt::Walk) };
            if decided != id {
                known.decide(decided);
            }
            if decided != run.id && !self.begin_run(now, run, decided) {
                return Err(Halt::Walk);
            }
        };
        let way = &run.way;
        if way.iif != sight.iif || !sight.is_amid || known.is_over(now) {
            return Err(Halt::Walk);
        }
        let offload = frame.offload();
        let wire_len = match offload.segmentation {
            Some(segmentation) => sight.wire_len(frame.head(), segmentation.size),
            None => sight.total_len,
        };
        if wire_len > u32::from(way.mtu) {
            return Err(Halt::Walk);
        }
        let is_tcp = sight.is_tcp();
        if is_tcp {
            let header = frame.head().get(usize::from(sight.l4)..).unwrap_or(&[]);
            if !known.advance(header, sight.transport_len()) {
                return Err(Halt::Walk);
            }
        }
        // From here on it is certain.
        let ends_earlier =
            known.refresh(if is_tcp { known.tcp_deadline(now) } else { run.udp_deadlines[usize::from(replied)] });
        run.packets += 1;
        run.bytes += u64::from(sight.total_len);
        let (l3, link_len) = (usize::from(sight.l3), way.header.len());
        frame.truncate(l3 + sight.total_len as usize);
        if !emit::fit_link_header(frame, l3, link_len) {
            run.stuck += 1;
            return Err(Halt::Stuck);
        }
        if let Some((link, packet)) = frame.head_mut().split_at_mut_checked(link_len) {
            way.header.emit(link);
            match known.translation() {
                None => rewriting::hop(packet, sight.is_v4()),
                Some((rewriting, to)) => {
                    rewriting::translate(packet, sight, rewriting, &to, offload.partial.is_some());
                }
            }
        }
        if ends_earlier {
            self.conntrack.reschedule(&sight.sought);
        }
        Ok(run.way.port)
    }

    /// From now on packets go by this decision. False, and they go by none: it does not hold, or its neighbor has to be
    /// asked.
    #[inline(never)]
    fn begin_run(&mut self, now: Instant, run: &mut Run, id: DecisionId) -> bool {
        self.end_run(now, run);
        let Some(decision) = self.decisions.get(id) else { return false };
        if self.neighbors.at(decision.neighbor, now).is_none() {
            return false;
        }
        let udp_deadlines = self.conntrack.udp_deadlines(now);
        *run = Run { id, way: decision.way, udp_deadlines, ..Run::NONE };
        true
    }

    /// Counts a run's packets as the walk counts each of its own: by the rules that acted, at their neighbor, and in the
    /// rows of their Ifaces.
    #[inline(always)]
    pub(super) fn end_run(&mut self, now: Instant, run: &mut Run) {
        if run.packets > 0 {
            self.count_run(now, run);
        }
        run.id = DecisionId::UNUSED;
    }

    fn count_run(&mut self, now: Instant, run: &mut Run) {
        let Run { id, packets, bytes, stuck, .. } = core::mem::replace(run, Run::NONE);
        let Some(decision) = self.decisions.get(id) else { return };
        for rule in decision.rules() {
            self.rules.counts.again(*rule, packets, bytes);
        }
        if let Some(neighbor) = self.neighbors.at(decision.neighbor, now) {
            neighbor.touch(now);
        }
        self.counters.iface_mut(Some(decision.way.iif)).received += stuck;
        self.counters.pass(decision.way.iif, decision.hop.iface, packets - stuck);
        self.passed += packets;
    }
}
