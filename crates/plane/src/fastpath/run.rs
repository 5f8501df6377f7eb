//! Packets that go by one decision, one behind the other, and share in what looking at it takes.

use super::decision::{Decision, DecisionId, Decisions, Rules, Way};
use super::rewriting;
use super::sight::Sight;
use crate::chain::RuleCounts;
use crate::neighbor::{Neighbors, Place};
use crate::{Counters, Plane, emit};
use wire::{Buffer, IfaceId, Instant, PortId};

/// A run of packets that go by one decision; with those before it that are counted alike, if they are still to be
/// counted.
///
/// As long as packets only pass, nothing changes that a decision depends on: a burst is of one moment. Before anything
/// else is done, whoever has a run in hand [ends](Plane::end_run) it.
pub(super) struct Run {
    id: DecisionId,
    way: Way,
    neighbor: Place,
    /// When their flows end, if they are of UDP and stay silent: before and after a reply.
    udp_deadlines: [Instant; 2],
    /// Where they leave, and who counts them: with the Iface by which they come in, what packets counted together have
    /// in common.
    oif: IfaceId,
    rules: Rules,
    /// Still to be counted.
    packets: u64,
    bytes: u64,
    /// Of these packets, how many had no room for their link header, …
    stuck: u64,
    /// … and how many went by decisions before this one.
    earlier: u64,
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
    #[inline(always)]
    pub fn new(udp_deadlines: [Instant; 2]) -> Self {
        Self {
            id: DecisionId::UNUSED,
            way: Way::NONE,
            neighbor: Place { at: 0, number: 0 },
            udp_deadlines,
            oif: IfaceId(0),
            rules: Rules::default(),
            packets: 0,
            bytes: 0,
            stuck: 0,
            earlier: 0,
        }
    }

    /// Are the packets of a decision counted where these are?
    #[inline(always)]
    fn is_counted_as(&self, decision: &Decision) -> bool {
        (self.way.iif, self.oif) == (decision.way.iif, decision.hop.iface) && self.rules == decision.rules
    }
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
        let Self { conntrack, decisions, neighbors, rules, counters, passed, .. } = self;
        let Some(mut known) = conntrack.known(&mut sight.sought, sight.guess) else { return Err(Halt::Walk) };
        let (id, replied) = (known.decision(), known.replied());
        if id != run.id || !run.way.alike.holds(replied) {
            // Of another decision, or the first one in its direction after the first reply.
            let mut books = Books { decisions, neighbors, counts: &mut rules.counts, counters, passed };
            let Some(decided) = books.begin_run(now, run, id, replied) else { return Err(Halt::Walk) };
            if decided != id {
                known.decide(decided);
            }
        }
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

    /// Counts the packets of a run that are still to be counted, and ends it.
    #[inline(always)]
    pub(super) fn end_run(&mut self, now: Instant, run: &mut Run) {
        if run.packets > 0 {
            let Self { decisions, neighbors, rules, counters, passed, .. } = self;
            Books { decisions, neighbors, counts: &mut rules.counts, counters, passed }.count(now, run);
        }
        run.id = DecisionId::UNUSED;
    }
}

/// What a run is begun and counted with: all of a plane that it needs but the flows, one of which is in use meanwhile.
struct Books<'a, B> {
    decisions: &'a Decisions,
    neighbors: &'a mut Neighbors<B>,
    counts: &'a mut RuleCounts,
    counters: &'a mut Counters,
    passed: &'a mut u64,
}

impl<B> Books<'_, B> {
    /// From now on packets go by the decision that holds where `id` was decided, whose number this is. `None`, and they
    /// go by none: none holds, or its neighbor has to be asked.
    #[inline(never)]
    fn begin_run(&mut self, now: Instant, run: &mut Run, id: DecisionId, replied: bool) -> Option<DecisionId> {
        let (decided, decision) = self.decisions.at_hand(id, replied)?;
        if decided == run.id {
            return Some(decided);
        }
        run.id = DecisionId::UNUSED;
        self.touch(now, run);
        self.neighbors.at(decision.neighbor, now)?;
        if run.is_counted_as(decision) {
            (run.id, run.way, run.neighbor) = (decided, decision.way, decision.neighbor);
        } else {
            let Decision { way, hop, neighbor, rules } = *decision;
            self.count(now, run);
            (run.id, run.way, run.neighbor, run.oif, run.rules) = (decided, way, neighbor, hop.iface, rules);
        }
        Some(decided)
    }

    /// The neighbor of a run's packets has been used.
    #[inline(always)]
    fn touch(&mut self, now: Instant, run: &mut Run) {
        if run.packets != run.earlier {
            self.neighbors.touch(run.neighbor, now);
            run.earlier = run.packets;
        }
    }

    /// Counts a run's packets as the walk counts each of its own: by the rules that acted, at their neighbor, and in the
    /// rows of their Ifaces.
    #[inline(never)]
    fn count(&mut self, now: Instant, run: &mut Run) {
        self.touch(now, run);
        let Run { packets, bytes, stuck, .. } = *run;
        for rule in run.rules.iter() {
            self.counts.again(*rule, packets, bytes);
        }
        self.counters.iface_mut(Some(run.way.iif)).received += stuck;
        self.counters.pass(run.way.iif, run.oif, packets - stuck);
        *self.passed += packets;
        (run.packets, run.bytes, run.stuck, run.earlier) = (0, 0, 0, 0);
    }
}
