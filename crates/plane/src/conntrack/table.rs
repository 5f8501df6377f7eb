//! The flow table: a slab of flows, indexed by both tuples of each.
//!
//! ```text
//!  hash ─► bucket: tag[8] u16 | ref[8] u32        ref = flow << 1 | direction
//!                     │ equal tags                      │
//!                     └────────────► compare the tuple in slab[flow]
//! ```
//!
//! Both have a fixed size from the start. A tuple may stand in either of two buckets, so that full ones are rare; an
//! insertion that finds both full is refused. Look-ups read at most two buckets whatever an attacker sends.

use super::flow::{Direction, Flow, FlowId};
use super::tuple::Tuple;
use alloc::vec::Vec;

const SLOTS: usize = 8;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    /// The upper bits of the hash, never 0; 0 marks a free slot.
    tags: [u16; SLOTS],
    refs: [u32; SLOTS],
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; SLOTS], refs: [0; SLOTS] };

    fn used(&self) -> usize {
        self.tags.iter().filter(|tag| **tag != 0).count()
    }
}

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
    buckets: Vec<Bucket>,
    records: Vec<Record>,
    free: u32,
    len: u32,
    /// The first record of each list.
    wheel: Vec<u32>,
    seed: [u64; 4],
}

/// The table has no room for one more flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Table {
    /// Room for `capacity` flows.
    pub fn new(capacity: u32, seed: [u64; 4]) -> Self {
        let capacity = capacity.clamp(1, 1 << 30);
        // Two entries a flow, at most five of eight slots used on average.
        let buckets = (capacity as usize * 2).div_ceil(5).next_power_of_two();
        let record =
            |at: u32| Record { flow: None, next: if at + 1 < capacity { at + 1 } else { NIL }, prev: NIL, slot: 0 };
        Self {
            buckets: alloc::vec![Bucket::EMPTY; buckets],
            records: (0..capacity).map(record).collect(),
            free: 0,
            len: 0,
            wheel: alloc::vec![NIL; WHEEL],
            seed,
        }
    }

    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.records.get(id.0 as usize)?.flow.as_ref()
    }

    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.records.get_mut(id.0 as usize)?.flow.as_mut()
    }

    pub fn find(&self, tuple: &Tuple) -> Option<(FlowId, Direction)> {
        let place = self.place(tuple);
        place.buckets.into_iter().find_map(|bucket| {
            let bucket = self.buckets.get(bucket)?;
            let tagged = bucket.tags.iter().zip(bucket.refs).filter(|(tag, _)| **tag == place.tag);
            tagged
                .map(|(_, reference)| unpack(reference))
                .find(|(id, direction)| self.get(*id).is_some_and(|flow| flow.tuple(*direction) == tuple))
        })
    }

    /// Enters a flow under both its tuples. `turned` is the second up to which the timer wheel has been turned.
    pub fn insert(&mut self, flow: Flow, turned: u64) -> Result<FlowId, Full> {
        let id = self.free;
        let record = self.records.get_mut(id as usize).ok_or(Full)?;
        let next_free = record.next;
        let (original, reply) = (flow.original, flow.reply);
        if !self.enter(&original, pack(id, Direction::Original)) {
            return Err(Full);
        }
        // A flow whose tuples are equal (one host talking to itself on one port) has one entry.
        if original != reply && !self.enter(&reply, pack(id, Direction::Reply)) {
            self.leave(&original, pack(id, Direction::Original));
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

    pub fn remove(&mut self, id: FlowId) {
        let Some(flow) = self.records.get_mut(id.0 as usize).and_then(|record| record.flow.take()) else { return };
        self.unlink(id.0);
        self.leave(&flow.original, pack(id.0, Direction::Original));
        self.leave(&flow.reply, pack(id.0, Direction::Reply));
        let free = core::mem::replace(&mut self.free, id.0);
        if let Some(record) = self.records.get_mut(id.0 as usize) {
            record.next = free;
        }
        self.len -= 1;
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

    fn place(&self, tuple: &Tuple) -> Place {
        let hash = tuple.hash(self.seed);
        let mask = self.buckets.len() - 1;
        let tag = (hash >> 48) as u16 | 1;
        // The second bucket lies at a distance that depends on other bits of the hash, and is never the first.
        let first = hash as usize & mask;
        let second = (first ^ ((hash >> 24) as usize | 1)) & mask;
        Place { tag, buckets: [first, second] }
    }

    fn enter(&mut self, tuple: &Tuple, reference: u32) -> bool {
        let place = self.place(tuple);
        let used = place.buckets.map(|at| self.buckets.get(at).map_or(SLOTS, Bucket::used));
        let emptier = place.buckets[usize::from(used[1] < used[0])];
        let Some(bucket) = self.buckets.get_mut(emptier) else { return false };
        let Some(slot) = bucket.tags.iter().position(|tag| *tag == 0) else { return false };
        bucket.tags[slot] = place.tag;
        bucket.refs[slot] = reference;
        true
    }

    fn leave(&mut self, tuple: &Tuple, reference: u32) {
        let place = self.place(tuple);
        for at in place.buckets {
            let Some(bucket) = self.buckets.get_mut(at) else { continue };
            for slot in 0..SLOTS {
                if bucket.tags[slot] == place.tag && bucket.refs[slot] == reference {
                    bucket.tags[slot] = 0;
                    return;
                }
            }
        }
    }
}

struct Place {
    tag: u16,
    buckets: [usize; 2],
}

const fn pack(id: u32, direction: Direction) -> u32 {
    id << 1 | matches!(direction, Direction::Reply) as u32
}

const fn unpack(reference: u32) -> (FlowId, Direction) {
    let direction = if reference & 1 == 0 { Direction::Original } else { Direction::Reply };
    (FlowId(reference >> 1), direction)
}
