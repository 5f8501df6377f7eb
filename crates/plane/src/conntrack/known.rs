//! What the fast path asks of the flow table: the same as [`Conntrack::track`] for packets that fit a flow and begin none.

use super::flow::{Direction, Flow, FlowId, Silences};
use super::table::{Addresses, Guess};
use super::tcp::{Fit, Segment};
use super::{Conntrack, Key, Sought, Tuple};
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

    /// The flow of this tuple. `guess` may be wrong, or have been right a while ago.
    #[inline(always)]
    pub fn known(&mut self, sought: &Sought, guess: Guess) -> Option<Known<'_>> {
        let (flow, direction, addresses) = self.table.known(&sought.key, sought.hash, guess)?;
        Some(Known { flow, direction, addresses, silences: &self.silences })
    }

    /// When flows of UDP end that are silent from `now` on, and have, or have not, seen a reply.
    pub fn udp_deadline(&self, now: Instant, replied: bool) -> Instant {
        self.silences.udp_deadline(now, replied)
    }

    /// Has the wheel look at a flow whose end has come nearer.
    #[cold]
    pub fn reschedule(&mut self, sought: &Sought) {
        if let Some((id, _)) = self.table.find_key(&sought.key, sought.hash) {
            self.table.reschedule(id, self.turned);
        }
    }

    /// The tuple of the direction that is not this one.
    pub fn other_tuple(&self, id: FlowId, direction: Direction) -> Option<Tuple> {
        self.table.tuple(id, direction.other())
    }

    /// Packets of a flow in this direction need not be judged again.
    pub fn decide(&mut self, id: FlowId, direction: Direction, decision: DecisionId) {
        if let Some(flow) = self.table.get_mut(id) {
            flow.decisions[direction as usize] = decision;
        }
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
        self.silences.deadline(now, self.flow)
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
