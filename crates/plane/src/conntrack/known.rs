//! What the fast path asks of the flow table: the same as [`Conntrack::track`] for packets that fit a flow and begin none.

use super::flow::{Direction, Flow, FlowId, Silences};
use super::table::{Addresses, Guess};
use super::tcp::{Fit, Segment};
use super::tracked::Ct;
use super::{Conntrack, Key, Sought, Tracked};
use crate::fastpath::{DecisionId, Rewriting};
use crate::parse::{Transport, transport};
use wire::Instant;
use wire::ipv4::protocol;

/// A flow of the table that a packet belongs to; it may be over.
pub(crate) struct Known<'a> {
    flow: &'a mut Flow,
    direction: Direction,
    addresses: &'a Addresses,
    silences: &'a Silences,
}

impl Conntrack {
    /// The hash by which the table looks for a key.
    #[inline(always)]
    pub fn hash(&self, key: &Key) -> u64 {
        self.table.hash(key)
    }

    /// Brings near what [`guess`](Self::guess) will read.
    #[inline(always)]
    pub fn hint(&self, hash: u64) {
        self.table.hint(hash);
    }

    /// The flow that a look-up of this hash will most likely find; it is brought near.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> Guess {
        self.table.guess(hash)
    }

    /// The flow of this tuple, or a note that there certainly is none. `guess` may be wrong, or have been right a while
    /// ago.
    #[inline(always)]
    pub fn known(&mut self, sought: &mut Sought, guess: Guess) -> Option<Known<'_>> {
        if let Some(found) = self.table.guessed(&sought.key, guess) {
            return self.known_at(found);
        }
        // Most often it begins a flow.
        if self.table.has_none(sought.hash) {
            sought.is_absent = true;
            return None;
        }
        self.table.find_key(&sought.key, sought.hash).and_then(|found| self.known_at(found))
    }

    #[inline(always)]
    fn known_at(&mut self, (id, direction): (FlowId, Direction)) -> Option<Known<'_>> {
        let (flow, addresses) = self.table.at(id)?;
        Some(Known { flow, direction, addresses, silences: &self.silences })
    }

    /// When flows of UDP end that are silent from `now` on: before and after a reply.
    pub fn udp_deadlines(&self, now: Instant) -> [Instant; 2] {
        self.silences.udp_deadlines(now)
    }

    /// Has the wheel look at a flow whose end has come nearer.
    #[cold]
    pub fn reschedule(&mut self, sought: &Sought) {
        if let Some((id, _)) = self.table.find_key(&sought.key, sought.hash) {
            self.table.reschedule(id, self.turned);
        }
    }

    /// Does a packet leave with the endpoints that its flow says, and has the balancer no part in it? Then the flow knows
    /// how the packets after this one are to be rewritten.
    pub fn is_regular(&self, tracked: &Tracked) -> bool {
        match &tracked.ct {
            Ct::Known { translated: None, .. } => !tracked.packet.rewritten,
            Ct::Known { id, direction, translated: Some((flow, _)), .. } => {
                let leaves = || Key::of_reply(&tracked.packet, 0);
                !flow.balanced && self.table.tuple(*id, direction.other()).is_some_and(|tuple| tuple.key() == leaves())
            }
            // As it leaves it will be entered.
            Ct::Draft(draft) => !draft.balanced && draft.original.0.zone() == 0,
            Ct::Related { .. } | Ct::Invalid | Ct::Untracked => false,
        }
    }

    /// The packets that follow this one in its direction need not be judged again. Returns what was decided about the
    /// ones before it.
    pub fn decide(&mut self, tracked: &mut Tracked, decision: DecisionId) -> DecisionId {
        tracked.decision = decision;
        // A draft takes it along into the table.
        if let Ct::Known { id, direction, .. } = &tracked.ct
            && let Some(flow) = self.table.get_mut(*id)
        {
            return core::mem::replace(&mut flow.decisions[*direction as usize], decision);
        }
        DecisionId::NONE
    }
}

impl Known<'_> {
    #[inline(always)]
    pub fn is_over(&self, now: Instant) -> bool {
        self.flow.deadline <= now
    }

    /// A reply has been seen.
    #[inline(always)]
    pub fn replied(&self) -> bool {
        self.flow.replied()
    }

    /// What was decided about packets like this one.
    #[inline(always)]
    pub fn decision(&self) -> DecisionId {
        self.flow.decisions[self.direction as usize]
    }

    /// Packets in this one's direction are from now on to fare so.
    #[inline]
    pub fn decide(&mut self, decision: DecisionId) {
        self.flow.decisions[self.direction as usize] = decision;
    }

    /// Takes note of a segment without SYN. False, and nothing has changed, if it does not fit the
    /// connection. `header` begins with the TCP header; `len` is that of the segment, header included.
    #[inline(always)]
    pub fn advance(&mut self, header: &[u8], len: usize) -> bool {
        self.flow.tcp.advance_amid(self.direction, header, len) == Fit::Fits || self.advance_closing(header, len)
    }

    /// [`advance`](Self::advance) for a connection that ends, or has not quite begun.
    #[inline(never)]
    fn advance_closing(&mut self, header: &[u8], len: usize) -> bool {
        let Ok(Transport::Tcp(tcp)) = transport(header, len, protocol::TCP, false) else { return false };
        let segment = Segment::new(tcp, (len - usize::from(tcp.header_len)) as u32, header);
        self.flow.tcp.advance_if_fit(self.direction, &segment) == Fit::Fits
    }

    /// When it ends if it is silent from `now` on, and of TCP.
    #[inline(always)]
    pub fn tcp_deadline(&self, now: Instant) -> Instant {
        Instant::from_nanos(now.as_nanos().saturating_add(self.silences.of_tcp(self.flow)))
    }

    /// Moves its end. True: it has come nearer, and [`reschedule`](Conntrack::reschedule) is to be told.
    #[must_use]
    #[inline(always)]
    pub fn refresh(&mut self, deadline: Instant) -> bool {
        core::mem::replace(&mut self.flow.deadline, deadline) > deadline
    }

    /// How its packets are rewritten: to the endpoints of the other direction, reversed.
    #[inline(always)]
    pub fn translation(&self) -> Option<(Rewriting, Key)> {
        let (flow, direction) = (&*self.flow, self.direction);
        if !flow.is_translated() {
            return None;
        }
        Some((flow.rewriting[direction as usize], self.addresses.key(flow, direction.other())))
    }
}
