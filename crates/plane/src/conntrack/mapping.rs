//! Mappings of dynamic source translation: which outer endpoint an inside endpoint has (RFC 4787 §4).
//!
//! A mapping serves all flows of its inside endpoint, towards whichever remote. It lives as long as they do, and at
//! least [`HOLD`] after the last packet of the last one, so that a port is not given to another host too soon.
//!
//! A mapping is found by its outer endpoint. Nearly all keep the port of their inside endpoint: looking where that would
//! be finds the mapping of an inside endpoint and the one that is in its way at once. Those that could not keep it, which
//! are *moved*, are found by their inside endpoint as well.

use super::index::Index;
use super::tuple::Key;
use crate::nat::Site;
use alloc::vec::Vec;
use wire::{Duration, Instant, IpAddr};

/// How long a mapping outlives its last packet (RFC 4787 REQ-5; RFC 6888 REQ-8).
const HOLD: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MappingId(pub(super) u32);

/// An address and a port, or the identifier of an ICMP query.
pub(crate) type Endpoint = (IpAddr, u16);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    pub protocol: u8,
    pub inner: Endpoint,
    pub outer: Endpoint,
    /// Where it was made: the Iface is the one that faces outward.
    pub site: Site,
    flows: u32,
    /// Until when it is held without flows.
    held_until: Instant,
}

impl Mapping {
    /// Its port is another than that of its inside endpoint.
    fn is_moved(&self) -> bool {
        self.inner.1 != self.outer.1
    }

    fn is_over(&self, now: Instant) -> bool {
        self.flows == 0 && self.held_until <= now
    }

    /// Flows that go by it.
    pub fn flows(&self) -> u32 {
        self.flows
    }
}

/// Where a flow's mapping stands, or is to stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// There is one.
    Of(MappingId),
    /// There is none; the hash of its outer endpoint.
    New { by_outer: u64 },
    /// There is one that is over.
    Again,
}

enum Record {
    Free { next: u32 },
    Used(Mapping),
}

const NIL: u32 = u32::MAX;

pub(crate) struct Mappings {
    /// Up to `capacity`; those that nobody has needed yet are not there.
    records: Vec<Record>,
    capacity: u32,
    free: u32,
    /// From the outer endpoint, and of moved ones from the inner endpoint and outer address: `mapping << 1 | side`.
    index: Index,
    /// How many there are of those.
    moved: u32,
    seed: [u64; 4],
    /// Where the search for mappings that are over goes on.
    hand: usize,
    /// A bit for each outer address that there has been a mapping of, by its hash.
    outer: u64,
}

impl Mappings {
    /// Room for `capacity` mappings.
    pub fn new(capacity: u32, seed: [u64; 4]) -> Self {
        let capacity = capacity.clamp(1, 1 << 30);
        Self {
            records: Vec::with_capacity(capacity as usize),
            capacity,
            free: NIL,
            index: Index::new(capacity as usize * 2),
            moved: 0,
            seed,
            hand: 0,
            outer: 0,
        }
    }

    #[inline(always)]
    fn hash(&self, side: u16, protocol: u8, endpoint: Endpoint, outer: IpAddr) -> u64 {
        Key::between(endpoint, (outer, side), protocol, 0).hash(self.seed)
    }

    #[inline(always)]
    fn by_inner(&self, protocol: u8, inner: Endpoint, outer: IpAddr) -> u64 {
        self.hash(0, protocol, inner, outer)
    }

    #[inline(always)]
    fn by_outer(&self, protocol: u8, outer: Endpoint) -> u64 {
        self.hash(1, protocol, outer, outer.0)
    }

    /// False: no mapping has ever had this outer address.
    #[inline(always)]
    pub fn may_have(&self, outer: IpAddr) -> bool {
        self.outer & bit(outer) != 0
    }

    fn get(&self, id: u32) -> Option<&Mapping> {
        match self.records.get(id as usize)? {
            Record::Used(mapping) => Some(mapping),
            Record::Free { .. } => None,
        }
    }

    /// All that are not over, in no order.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = &Mapping> {
        let used = self.records.iter().filter_map(|record| match record {
            Record::Used(mapping) => Some(mapping),
            Record::Free { .. } => None,
        });
        used.filter(move |mapping| !mapping.is_over(now))
    }

    /// The moved mapping of an inside endpoint onto this outer address.
    #[inline(always)]
    pub fn moved(&self, now: Instant, protocol: u8, inner: Endpoint, outer: IpAddr) -> Option<(MappingId, &Mapping)> {
        if self.moved == 0 {
            return None;
        }
        self.find_moved(now, protocol, inner, outer)
    }

    #[inline(never)]
    fn find_moved(&self, now: Instant, protocol: u8, inner: Endpoint, outer: IpAddr) -> Option<(MappingId, &Mapping)> {
        let is_it = |reference: u32| {
            let same = |mapping: &Mapping| {
                (mapping.protocol, mapping.inner, mapping.outer.0) == (protocol, inner, outer) && !mapping.is_over(now)
            };
            reference & 1 == 0 && self.get(reference >> 1).is_some_and(same)
        };
        let id = self.index.find(self.by_inner(protocol, inner, outer), is_it)? >> 1;
        self.get(id).map(|mapping| (MappingId(id), mapping))
    }

    /// The mapping that has this outer endpoint.
    pub fn of_outer(&self, now: Instant, protocol: u8, outer: Endpoint) -> Option<&Mapping> {
        let id = self.find_outer(protocol, outer, self.by_outer(protocol, outer))?;
        self.get(id).filter(|mapping| !mapping.is_over(now))
    }

    /// Where the mapping of an inside endpoint onto this outer one stands, or would stand. `None`: the outer endpoint
    /// belongs to another.
    #[inline(always)]
    pub fn place(&self, now: Instant, protocol: u8, inner: Endpoint, outer: Endpoint) -> Option<Place> {
        let by_outer = self.by_outer(protocol, outer);
        let Some(id) = self.find_outer(protocol, outer, by_outer) else { return Some(Place::New { by_outer }) };
        let mapping = self.get(id)?;
        if mapping.is_over(now) {
            Some(Place::Again)
        } else {
            (mapping.inner == inner).then_some(Place::Of(MappingId(id)))
        }
    }

    #[inline]
    fn find_outer(&self, protocol: u8, outer: Endpoint, hash: u64) -> Option<u32> {
        let is_it = |reference: u32| {
            let same = |mapping: &Mapping| (mapping.protocol, mapping.outer) == (protocol, outer);
            reference & 1 == 1 && self.get(reference >> 1).is_some_and(same)
        };
        self.index.find(hash, is_it).map(|reference| reference >> 1)
    }

    /// One more flow goes by the mapping of these endpoints, which is made if there is none. `place`: where it stands,
    /// if no mapping has been made since that was asked. `None`: the outer endpoint belongs to another, or there is no
    /// room.
    pub fn take(
        &mut self,
        now: Instant,
        protocol: u8,
        inner: Endpoint,
        outer: Endpoint,
        site: Site,
        place: Option<Place>,
    ) -> Option<MappingId> {
        let by_outer = match place {
            Some(Place::New { by_outer }) => by_outer,
            Some(Place::Of(id)) => {
                let Some(Record::Used(mapping)) = self.records.get_mut(id.0 as usize) else { return None };
                mapping.flows += 1;
                return Some(id);
            }
            Some(Place::Again) | None => {
                let by_outer = self.by_outer(protocol, outer);
                if let Some(id) = self.find_outer(protocol, outer, by_outer) {
                    match self.records.get_mut(id as usize) {
                        Some(Record::Used(mapping)) if mapping.inner == inner => {
                            mapping.flows += 1;
                            return Some(MappingId(id));
                        }
                        Some(Record::Used(mapping)) if mapping.is_over(now) => self.remove(id),
                        _ => return None,
                    }
                }
                by_outer
            }
        };
        self.reclaim(now);
        let id = if self.free == NIL { self.records.len() as u32 } else { self.free };
        let next = match self.records.get(id as usize) {
            Some(Record::Free { next }) => *next,
            None if id < self.capacity => NIL,
            Some(Record::Used(_)) | None => return None,
        };
        if !self.index.enter(by_outer, id << 1 | 1) {
            return None;
        }
        let mapping = Mapping { protocol, inner, outer, site, flows: 1, held_until: now };
        if mapping.is_moved() {
            if !self.index.enter(self.by_inner(protocol, inner, outer.0), id << 1) {
                self.index.leave(by_outer, id << 1 | 1);
                return None;
            }
            self.moved += 1;
        }
        self.free = next;
        self.outer |= bit(outer.0);
        match self.records.get_mut(id as usize) {
            Some(record) => *record = Record::Used(mapping),
            // Within the capacity that was set aside: this allocates nothing.
            None => self.records.push(Record::Used(mapping)),
        }
        Some(MappingId(id))
    }

    /// A flow that went by the mapping is gone; its last packet was at `last_packet`.
    pub fn release(&mut self, id: MappingId, last_packet: Instant) {
        if let Some(Record::Used(mapping)) = self.records.get_mut(id.0 as usize) {
            mapping.flows = mapping.flows.saturating_sub(1);
            mapping.held_until = mapping.held_until.max(last_packet + HOLD);
        }
    }

    /// Looks at more mappings than one packet makes, and removes those that are over.
    fn reclaim(&mut self, now: Instant) {
        let is_full = self.free == NIL && self.records.len() >= self.capacity as usize;
        let attempts = if is_full { 256 } else { 2 };
        for _ in 0..attempts {
            self.hand = if self.hand + 1 < self.records.len() { self.hand + 1 } else { 0 };
            if matches!(self.records.get(self.hand), Some(Record::Used(mapping)) if mapping.is_over(now)) {
                self.remove(self.hand as u32);
            }
        }
    }

    fn remove(&mut self, id: u32) {
        let Some(&mapping) = self.get(id) else { return };
        let Mapping { protocol, inner, outer, .. } = mapping;
        self.index.leave(self.by_outer(protocol, outer), id << 1 | 1);
        if mapping.is_moved() {
            self.index.leave(self.by_inner(protocol, inner, outer.0), id << 1);
            self.moved -= 1;
        }
        let next = core::mem::replace(&mut self.free, id);
        if let Some(record) = self.records.get_mut(id as usize) {
            *record = Record::Free { next };
        }
    }
}

/// Of the hash of an address, which has no need to be secret: who chooses an outer address has written the policy.
#[inline(always)]
fn bit(address: IpAddr) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64 ^ address.to_bits() as u64,
    };
    1 << (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}
