//! The flow table: a slab of flows, indexed by the tuples of each, and a timer wheel through them.
//!
//! All of it has a fixed size from the start; flows are named by their place, never by a pointer. Memory is set aside
//! when the table is made and first written to when a flow needs it, so that a large table costs nothing to boot with.

use super::Room;
use super::flow::{Direction, Ends, Flow, FlowId, flag};
use super::index::Index;
use super::tuple::{Halves, Key, Tuple};
use alloc::vec::Vec;
use wire::Instant;

/// No flow: ends a list.
const NIL: u32 = u32::MAX;

/// Seconds that the timer wheel covers; flows that live longer are looked at once per turn of it.
pub const WHEEL: usize = 512;

pub(crate) struct Table {
    /// From a tuple to `flow << 1 | entry`. A flow has one entry for both directions, whose hash is the same; where it is
    /// translated, its replies have another.
    index: Index,
    /// Up to `capacity`; those that nobody has needed yet are not there.
    records: Vec<Flow>,
    capacity: u32,
    free: u32,
    len: u32,
    addresses: Addresses,
    /// The first record of each list.
    wheel: Vec<u32>,
    seed: [u64; 4],
    /// Where the next search through the records begins.
    hand: usize,
}

/// Where a flow is, most likely.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guess(u32);

impl Guess {
    pub const NONE: Self = Self(u32::MAX);
}

/// The table has no room for one more flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Table {
    /// Room for `capacity` flows.
    pub fn new(capacity: u32, room: Room, seed: [u64; 4]) -> Self {
        let capacity = capacity.clamp(1, 1 << 30);
        Self {
            index: Index::new(capacity as usize * if room.translates { 2 } else { 1 }),
            records: Vec::with_capacity(capacity as usize),
            capacity,
            free: NIL,
            len: 0,
            addresses: Addresses::new(if room.v6 { capacity } else { 0 }),
            wheel: alloc::vec![NIL; WHEEL],
            seed,
            hand: 0,
        }
    }

    pub fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.records.get(id.0 as usize).filter(|flow| flow.has(flag::USED))
    }

    #[inline]
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.records.get_mut(id.0 as usize).filter(|flow| flow.has(flag::USED))
    }

    /// All flows, in no order.
    pub fn flows(&self) -> impl Iterator<Item = (FlowId, &Flow)> {
        let all = self.records.iter().enumerate();
        all.filter(|(_, flow)| flow.has(flag::USED)).map(|(at, flow)| (FlowId(at as u32), flow))
    }

    /// The tuple of a flow's packets in one direction.
    pub fn tuple(&self, id: FlowId, direction: Direction) -> Option<Tuple> {
        self.get(id).map(|flow| self.addresses.key(flow, direction).into())
    }

    /// The flow of an entry, and its direction that has this key.
    #[inline(always)]
    fn is(&self, entry: u32, key: &Key) -> Option<(FlowId, Direction)> {
        let id = flow_of(entry);
        let flow = self.records.get(id.0 as usize)?;
        let direction = match *key {
            Key::V4 { addresses, rest } => {
                // Which direction it is nobody can predict: the addresses say it without a branch.
                let likely = if flow.ends[0].addresses == addresses { Direction::Original } else { Direction::Reply };
                let ends = Ends { addresses, rest };
                if flow.ends[likely as usize] == ends {
                    likely
                } else if flow.ends[1] == ends {
                    // From an address to itself.
                    Direction::Reply
                } else {
                    return None;
                }
            }
            Key::V6 { src, dst, rest } => [Direction::Original, Direction::Reply].into_iter().find(|direction| {
                let ends = &flow.ends[*direction as usize];
                ends.rest == rest && self.addresses.get(ends.addresses as u32, *direction) == (src, dst)
            })?,
        };
        Some((id, direction))
    }

    /// The hash of a key, which is that of the other direction as well.
    #[inline(always)]
    pub fn hash(&self, key: &Key) -> u64 {
        key.hash_both_ways(self.seed)
    }

    /// `hash`: that of the key.
    #[inline(always)]
    pub fn find_key(&self, key: &Key, hash: u64) -> Option<(FlowId, Direction)> {
        self.index.find_map(hash, |entry| self.is(entry, key))
    }

    /// There is certainly no flow of a key with this hash.
    #[inline(always)]
    pub fn has_none(&self, hash: u64) -> bool {
        self.index.has_none(hash)
    }

    /// Brings near what a look-up of a key with this hash reads first.
    #[inline(always)]
    pub fn hint(&self, hash: u64) {
        self.index.hint(hash);
    }

    /// The flow that a look-up of a key with this hash will most likely find; it is brought near.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> Guess {
        let Some(likely) = self.index.guess(hash) else { return Guess::NONE };
        let at = flow_of(likely).0 as usize;
        if let Some(flow) = self.records.get(at) {
            lanes::prefetch_at(core::slice::from_ref(flow), 0);
            // A segment's windows are in the second line.
            lanes::prefetch_at(core::slice::from_ref(&flow.tcp), 0);
        }
        Guess(likely)
    }

    /// The flow of this key, which is of TCP or UDP, if the guess is right.
    #[inline(always)]
    pub fn guessed(&self, key: &Key, guess: Guess) -> Option<(FlowId, Direction)> {
        // A guess may be older than the flow's end, but then its record has no such key any more.
        self.is(guess.0, key)
    }

    /// A flow, and what finds its addresses.
    #[inline(always)]
    pub fn at(&mut self, id: FlowId) -> Option<(&mut Flow, &Addresses)> {
        self.records.get_mut(id.0 as usize).map(|flow| (flow, &self.addresses))
    }

    /// Enters a flow of these keys, each with its hash, that ends at `deadline` if it stays silent; the rest of the record
    /// is for the caller to write. `turned` is the second up to which the timer wheel has been turned.
    #[inline(always)]
    pub fn insert(
        &mut self,
        original: &(Key, u64),
        reply: &(Key, u64),
        deadline: Instant,
        turned: u64,
    ) -> Result<&mut Flow, Full> {
        let id = if self.free == NIL { self.records.len() as u32 } else { self.free };
        if id >= self.capacity {
            return Err(Full);
        }
        if !self.index.enter(original.1, pack(id, Direction::Original)) {
            return Err(Full);
        }
        let is_apart = original.1 != reply.1;
        if is_apart && !self.index.enter(reply.1, pack(id, Direction::Reply)) {
            self.index.leave(original.1, pack(id, Direction::Original));
            return Err(Full);
        }
        let Some((there, back)) = self.place_addresses(&original.0, &reply.0) else {
            self.leave_index(FlowId(id), [original.1, reply.1]);
            return Err(Full);
        };
        self.len += 1;
        let (slot, head) = self.lead(id, deadline, turned);
        if id as usize == self.records.len() {
            // Within the capacity that was set aside: this allocates nothing.
            self.records.push(Flow::FREE);
        } else {
            self.free = self.records.get(id as usize).map_or(NIL, |record| record.next);
        }
        let record = self.records.get_mut(id as usize).ok_or(Full)?;
        let there = Ends { addresses: there, rest: original.0.of_rest() };
        let back = Ends { addresses: back, rest: reply.0.of_rest() };
        *record = Flow::new([there, back], deadline, slot, (NIL, head));
        record.set(flag::APART, is_apart);
        Ok(record)
    }

    /// Takes a flow's entries out of the index. `hashes`: of its keys.
    #[inline(always)]
    fn leave_index(&mut self, id: FlowId, hashes: [u64; 2]) {
        self.index.leave(hashes[0], pack(id.0, Direction::Original));
        if hashes[0] != hashes[1] {
            self.index.leave(hashes[1], pack(id.0, Direction::Reply));
        }
    }

    /// What stands for the addresses of each direction in the record of a flow with these keys. `None`: the slab of IPv6
    /// addresses has no room.
    #[inline(always)]
    fn place_addresses(&mut self, original: &Key, reply: &Key) -> Option<(u64, u64)> {
        match (original, reply) {
            (Key::V4 { addresses: there, .. }, Key::V4 { addresses: back, .. }) => Some((*there, *back)),
            (Key::V6 { src, dst, .. }, Key::V6 { src: reply_src, dst: reply_dst, .. }) => {
                let place = u64::from(self.addresses.enter([*src, *dst, *reply_src, *reply_dst])?);
                Some((place, place))
            }
            _ => None,
        }
    }

    /// Removes a flow; `note` is shown it before.
    pub fn remove(&mut self, id: FlowId, note: impl FnOnce(&Flow)) {
        if let Some(flow) = self.get(id) {
            let hashes = self.hashes(flow);
            self.unlink(id.0);
            self.remove_unlinked(id, hashes, note);
        }
    }

    /// As [`remove`](Self::remove), of a flow that is in no list of the wheel. `hashes`: of its keys.
    #[inline(always)]
    pub fn remove_unlinked(&mut self, id: FlowId, hashes: [u64; 2], note: impl FnOnce(&Flow)) {
        let Some(flow) = self.records.get_mut(id.0 as usize).filter(|flow| flow.has(flag::USED)) else { return };
        note(flow);
        flow.flags = 0;
        flow.next = core::mem::replace(&mut self.free, id.0);
        if Key::is_v6(flow.ends[0].rest) {
            self.addresses.leave(flow.ends[0].addresses as u32);
        }
        flow.ends = Flow::FREE.ends;
        self.len -= 1;
        self.leave_index(id, hashes);
    }

    /// Of a flow's keys, by direction.
    #[inline(always)]
    fn hashes(&self, flow: &Flow) -> [u64; 2] {
        let hash = |direction| self.hash(&self.addresses.key(flow, direction));
        let original = hash(Direction::Original);
        [original, if flow.has(flag::APART) { hash(Direction::Reply) } else { original }]
    }

    /// Takes the first flow out of the list of the wheel slot of `second`; what removing it will read is brought near.
    /// Returns the hashes of its keys as well.
    pub fn pop_due(&mut self, second: u64) -> Option<(FlowId, [u64; 2])> {
        let place = self.wheel.get_mut(second as usize % WHEEL)?;
        let id = *place;
        let flow = self.records.get(id as usize)?;
        *place = flow.next;
        let hashes = self.hashes(flow);
        let next = flow.next;
        if let Some(next) = self.records.get_mut(next as usize) {
            next.prev = NIL;
        }
        self.index.hint(hashes[0]);
        if hashes[0] != hashes[1] {
            self.index.hint(hashes[1]);
        }
        Some((FlowId(id), hashes))
    }

    /// The next flow, of at most `budget` that are looked at, of which `is_it` holds; each call goes on where the last
    /// one ended.
    pub fn search(&mut self, budget: usize, is_it: impl Fn(&Flow) -> bool) -> Option<FlowId> {
        for _ in 0..budget.min(self.records.len()) {
            let at = self.hand;
            self.hand = if at + 1 < self.records.len() { at + 1 } else { 0 };
            let id = FlowId(at as u32);
            if self.get(id).is_some_and(&is_it) {
                return Some(id);
            }
        }
        None
    }

    /// Moves a flow to the wheel slot of its deadline.
    pub fn reschedule(&mut self, id: FlowId, turned: u64) {
        self.unlink(id.0);
        self.link(id, turned);
    }

    /// Enters a flow, which is in no list, into that of its wheel slot.
    pub fn link(&mut self, id: FlowId, turned: u64) {
        let deadline = self.get(id).map_or(Instant::BOOT, |flow| flow.deadline);
        let (slot, head) = self.lead(id.0, deadline, turned);
        if let Some(record) = self.get_mut(id) {
            (record.next, record.prev, record.slot) = (head, NIL, slot);
        }
    }

    /// Puts a record at the head of a wheel slot's list: of the slot in which the deadline has passed, or the last one of
    /// this turn. Returns the slot and what was its head, which the record is to say.
    #[inline(always)]
    fn lead(&mut self, id: u32, deadline: Instant, turned: u64) -> (u16, u32) {
        let second = (deadline.as_secs() + 1).clamp(turned + 1, turned + WHEEL as u64 - 1);
        let slot = second as usize % WHEEL;
        let head = self.wheel.get_mut(slot).map_or(NIL, |place| core::mem::replace(place, id));
        if let Some(first) = self.records.get_mut(head as usize) {
            first.prev = id;
        }
        (slot as u16, head)
    }

    fn unlink(&mut self, id: u32) {
        let Some(&Flow { next, prev, slot, .. }) = self.records.get(id as usize) else { return };
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

/// The addresses of IPv6 flows: source and destination of the original direction, then of replies. One cache line each.
pub(super) struct Addresses {
    lines: Vec<AddressLine>,
    capacity: u32,
    /// The first free line; its first word is the next one's place.
    free: u32,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct AddressLine([Halves; 4]);

impl Addresses {
    fn new(capacity: u32) -> Self {
        Self { lines: Vec::with_capacity(capacity as usize), capacity, free: NIL }
    }

    #[inline]
    fn get(&self, place: u32, direction: Direction) -> (Halves, Halves) {
        let at = direction as usize * 2;
        self.lines.get(place as usize).map_or(([0; 2], [0; 2]), |line| (line.0[at], line.0[at + 1]))
    }

    /// The key of a flow's packets in one direction.
    #[inline(always)]
    pub fn key(&self, flow: &Flow, direction: Direction) -> Key {
        let Ends { addresses, rest } = flow.ends[direction as usize];
        if Key::is_v6(rest) {
            let (src, dst) = self.get(addresses as u32, direction);
            Key::V6 { src, dst, rest }
        } else {
            Key::V4 { addresses, rest }
        }
    }

    fn enter(&mut self, addresses: [Halves; 4]) -> Option<u32> {
        let place = if self.free == NIL { self.lines.len() as u32 } else { self.free };
        match self.lines.get_mut(place as usize) {
            Some(line) => {
                self.free = line.0[0][0] as u32;
                line.0 = addresses;
            }
            None if place < self.capacity => self.lines.push(AddressLine(addresses)),
            None => return None,
        }
        Some(place)
    }

    fn leave(&mut self, place: u32) {
        let free = core::mem::replace(&mut self.free, place);
        if let Some(line) = self.lines.get_mut(place as usize) {
            line.0[0][0] = u64::from(free);
        }
    }
}

/// A flow's entry, whose hash is that of this direction.
const fn pack(id: u32, direction: Direction) -> u32 {
    id << 1 | matches!(direction, Direction::Reply) as u32
}

const fn flow_of(entry: u32) -> FlowId {
    FlowId(entry >> 1)
}
