//! What the fast path asks of the flow table: the same as [`Conntrack::track`] for packets that change no state.

use super::flow::{Direction, Flow, FlowId};
use super::tcp::Fit;
use super::{Conntrack, Key, Tuple};
use crate::fastpath::{DecisionId, Rewriting};
use crate::parse::Tcp;
use wire::Instant;

/// Flows whose records and buckets a CPU's caches surely hold.
const CACHED: u32 = 4096;

impl Conntrack {
    /// Brings near what the packets of a burst, of which these are the keys, will look up: while the first of them are
    /// on their way, memory is asked for the others. Where the table is small it is near anyway.
    #[inline]
    pub fn hint(&self, keys: impl Iterator<Item = Option<Key>>) {
        const BURST: usize = 32;
        // A hash of 0 stands for none; nothing but speed is lost with it.
        let mut hashes = [0; BURST];
        let mut count = 0;
        for (hash, key) in hashes.iter_mut().zip(keys) {
            count += 1;
            if let Some(key) = key {
                *hash = self.table.hash(&key);
                self.table.hint(*hash);
            }
        }
        hashes.iter().take(count).filter(|hash| **hash != 0).for_each(|hash| self.table.hint_flow(*hash));
    }

    /// [`hint`](Self::hint) is worth its time.
    #[inline]
    pub fn is_large(&self) -> bool {
        self.table.len() > CACHED
    }

    /// The flow of this tuple; it may be over.
    #[inline(always)]
    pub fn find_known(&mut self, key: &Key) -> Option<(FlowId, Direction)> {
        let hash = self.table.hash(key);
        let found = self.table.find_key(key, hash);
        if found.is_none() {
            // The walk need not look for it once more.
            self.absent = Some((*key, hash));
        }
        found
    }

    #[inline(always)]
    pub fn flow(&self, id: FlowId) -> Option<&Flow> {
        self.table.get(id)
    }

    /// Takes note of a segment amid an established connection (an ACK without SYN, FIN and RST). False, and nothing has
    /// changed, if the connection is not in that state or the segment does not fit its windows.
    #[inline(always)]
    pub fn advance_known(
        &mut self,
        id: FlowId,
        direction: Direction,
        tcp: Tcp,
        payload_len: u32,
        header: &[u8],
    ) -> bool {
        let advance = |flow: &mut Flow| flow.tcp.advance_amid(direction, &tcp, payload_len, header) == Fit::Fits;
        self.table.get_mut(id).is_some_and(advance)
    }

    /// Puts a flow's end off, after a packet that leaves its state as it is. Returns how the packet is to be rewritten:
    /// to the endpoints of the other direction, reversed.
    #[inline(always)]
    pub fn refresh_known(&mut self, now: Instant, id: FlowId, direction: Direction) -> Option<(Rewriting, Tuple)> {
        let flow = self.table.get_mut(id)?;
        // In one state a later packet never means an earlier end, so that the wheel need not know of it.
        flow.deadline = self.silences.deadline(now, flow);
        if !flow.is_translated() {
            return None;
        }
        let rewriting = flow.rewriting[direction as usize];
        self.other_tuple(id, direction).map(|tuple| (rewriting, tuple))
    }

    /// The tuple of the direction that is not this one.
    pub fn other_tuple(&self, id: FlowId, direction: Direction) -> Option<Tuple> {
        let other = match direction {
            Direction::Original => Direction::Reply,
            Direction::Reply => Direction::Original,
        };
        self.table.tuple(id, other)
    }

    /// Packets of a flow in this direction need not be judged again.
    pub fn decide(&mut self, id: FlowId, direction: Direction, decision: DecisionId) {
        if let Some(flow) = self.table.get_mut(id) {
            flow.decisions[direction as usize] = decision;
        }
    }
}
