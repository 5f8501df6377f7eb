//! What the fast path asks of the flow table: the same as [`Conntrack::track`] for packets that change no state.

use super::flow::{Direction, Flow, FlowId, Silences};
use super::table::{Addresses, Guess};
use super::tcp::Fit;
use super::{Conntrack, Key, Sought, Tuple};
use crate::fastpath::{DecisionId, Rewriting};
use wire::Instant;

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

    /// Takes note of a segment amid an established connection (an ACK without SYN, FIN and RST). False, and nothing has
    /// changed, if the connection is not in that state or the segment does not fit its windows. `header` begins with the
    /// TCP header; `len` is that of the segment, header included.
    #[inline(always)]
    pub fn advance(&mut self, header: &[u8], len: usize) -> bool {
        self.flow.tcp.advance_amid(self.direction, header, len) == Fit::Fits
    }

    /// Puts its end off, after a packet of TCP or UDP that leaves its state as it is.
    #[inline(always)]
    pub fn refresh(&mut self, now: Instant, is_tcp: bool) {
        let silence = if is_tcp { self.silences.of(self.flow) } else { self.silences.of_udp(self.flow) };
        // In one state a later packet never means an earlier end, so that the wheel need not know of it.
        self.flow.deadline = Instant::from_nanos(now.as_nanos().saturating_add(silence));
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
