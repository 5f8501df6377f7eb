//! The flow table: a slab of flows, indexed by both tuples of each, and a timer wheel through them.
//!
//! All of it has a fixed size from the start; flows are named by their place, never by a pointer.

use super::flow::{Direction, Flow, FlowId};
use super::index::Index;
use super::tuple::Tuple;
use alloc::vec::Vec;

/// No flow: ends a list.
const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Record {
    /// `None`: on the free list.
    flow: Option<Flow>,
    /// Neighbors in its list of the timer wheel, or the next free record.
    next: u32,
    prev: u32,
    /// Its slot of the wheel.
    slot: u16,
}

/// Seconds that the timer wheel covers; flows that live longer are looked at once per turn of it.
pub const WHEEL: usize = 512;

pub(crate) struct Table {
    /// From a tuple to `flow << 1 | direction`.
    index: Index,
    records: Vec<Record>,
    free: u32,
    len: u32,
    /// The first record of each list.
    wheel: Vec<u32>,
    seed: [u64; 4],
    /// Where the next search through the records begins.
    hand: usize,
}

/// The table has no room for one more flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Table {
    /// Room for `capacity` flows.
    pub fn new(capacity: u32, seed: [u64; 4]) -> Self {
        let capacity = capacity.clamp(1, 1 << 30);
        let record =
            |at: u32| Record { flow: None, next: if at + 1 < capacity { at + 1 } else { NIL }, prev: NIL, slot: 0 };
        Self {
            index: Index::new(capacity as usize * 2),
            records: (0..capacity).map(record).collect(),
            free: 0,
            len: 0,
            wheel: alloc::vec![NIL; WHEEL],
            seed,
            hand: 0,
        }
    }

    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.records.get(id.0 as usize)?.flow.as_ref()
    }

    /// All flows, in no order.
    pub fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.records.iter().filter_map(|record| record.flow.as_ref())
    }

    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.records.get_mut(id.0 as usize)?.flow.as_mut()
    }

    pub fn find(&self, tuple: &Tuple) -> Option<(FlowId, Direction)> {
        let is_it = |reference| {
            let (id, direction) = unpack(reference);
            self.get(id).is_some_and(|flow| flow.tuple(direction) == tuple)
        };
        self.index.find(tuple.hash(self.seed), is_it).map(unpack)
    }

    /// Enters a flow under both its tuples. `turned` is the second up to which the timer wheel has been turned.
    pub fn insert(&mut self, flow: Flow, turned: u64) -> Result<FlowId, Full> {
        let id = self.free;
        let record = self.records.get_mut(id as usize).ok_or(Full)?;
        let next_free = record.next;
        let (original, reply) = (flow.original, flow.reply);
        if !self.index.enter(original.hash(self.seed), pack(id, Direction::Original)) {
            return Err(Full);
        }
        // A flow whose tuples are equal (one host talking to itself on one port) has one entry.
        if original != reply && !self.index.enter(reply.hash(self.seed), pack(id, Direction::Reply)) {
            self.index.leave(original.hash(self.seed), pack(id, Direction::Original));
            return Err(Full);
        }
        self.free = next_free;
        self.len += 1;
        if let Some(record) = self.records.get_mut(id as usize) {
            record.flow = Some(flow);
        }
        self.link(id, turned);
        Ok(FlowId(id))
    }

    pub fn remove(&mut self, id: FlowId) -> Option<Flow> {
        let flow = self.records.get_mut(id.0 as usize)?.flow.take()?;
        self.unlink(id.0);
        self.index.leave(flow.original.hash(self.seed), pack(id.0, Direction::Original));
        self.index.leave(flow.reply.hash(self.seed), pack(id.0, Direction::Reply));
        let free = core::mem::replace(&mut self.free, id.0);
        if let Some(record) = self.records.get_mut(id.0 as usize) {
            record.next = free;
        }
        self.len -= 1;
        Some(flow)
    }

    /// The next flow, of at most `budget` that are looked at, of which `is_it` holds; each call goes on where the last
    /// one ended.
    pub fn search(&mut self, budget: usize, is_it: impl Fn(&Flow) -> bool) -> Option<FlowId> {
        for _ in 0..budget.min(self.records.len()) {
            let at = self.hand;
            self.hand = if at + 1 < self.records.len() { at + 1 } else { 0 };
            if self.records.get(at).and_then(|record| record.flow.as_ref()).is_some_and(&is_it) {
                return Some(FlowId(at as u32));
            }
        }
        None
    }

    /// A flow whose wheel slot is that of `second`, if there is one.
    pub fn due(&self, second: u64) -> Option<FlowId> {
        self.wheel.get(second as usize % WHEEL).copied().filter(|id| *id != NIL).map(FlowId)
    }

    /// Moves a flow to the wheel slot of its deadline.
    pub fn reschedule(&mut self, id: FlowId, turned: u64) {
        self.unlink(id.0);
        self.link(id.0, turned);
    }

    /// Enters a record into the wheel slot in which its deadline has passed, or into the last one of this turn.
    fn link(&mut self, id: u32, turned: u64) {
        let deadline =
            self.records.get(id as usize).and_then(|record| record.flow).map_or(0, |flow| flow.deadline.as_secs());
        let second = (deadline + 1).clamp(turned + 1, turned + WHEEL as u64 - 1);
        let slot = second as usize % WHEEL;
        let head = self.wheel.get(slot).copied().unwrap_or(NIL);
        if let Some(first) = self.records.get_mut(head as usize) {
            first.prev = id;
        }
        if let Some(record) = self.records.get_mut(id as usize) {
            (record.next, record.prev, record.slot) = (head, NIL, slot as u16);
        }
        if let Some(place) = self.wheel.get_mut(slot) {
            *place = id;
        }
    }

    fn unlink(&mut self, id: u32) {
        let Some(&Record { next, prev, slot, .. }) = self.records.get(id as usize) else { return };
        match self.records.get_mut(prev as usize) {
            Some(before) => before.next = next,
            None => {
                if let Some(place) = self.wheel.get_mut(usize::from(slot)) {
                    *place = next;
                }
            }
        }
        if let Some(after) = self.records.get_mut(next as usize) {
            after.prev = prev;
        }
    }
}

const fn pack(id: u32, direction: Direction) -> u32 {
    id << 1 | matches!(direction, Direction::Reply) as u32
}

const fn unpack(reference: u32) -> (FlowId, Direction) {
    let direction = if reference & 1 == 0 { Direction::Original } else { Direction::Reply };
    (FlowId(reference >> 1), direction)
}
