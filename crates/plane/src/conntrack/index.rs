//! A hash index of fixed size: from a key's hash to small numbers that the caller compares.
//!
//! ```text
//!  hash ─► bucket: tag[8] u16 | ref[8] u32
//!                     │ equal tags      └──► the caller looks whether the key is this one's
//! ```
//!
//! A key may stand in either of two buckets, so that full ones are rare; an insertion that finds both full is refused.
//! A look-up reads two buckets whatever an attacker sends.

use alloc::vec::Vec;

const SLOTS: usize = 8;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    /// Upper bits of the hash, never 0; 0 marks a free slot.
    tags: [u16; SLOTS],
    refs: [u32; SLOTS],
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; SLOTS], refs: [0; SLOTS] };

    fn used(&self) -> usize {
        self.tags.iter().filter(|tag| **tag != 0).count()
    }
}

pub(crate) struct Index {
    buckets: Vec<Bucket>,
}

struct Place {
    tag: u16,
    buckets: [usize; 2],
}

impl Index {
    /// For `entries` keys, five of eight slots used when all are there.
    pub fn new(entries: usize) -> Self {
        Self { buckets: alloc::vec![Bucket::EMPTY; entries.div_ceil(5).next_power_of_two()] }
    }

    fn place(&self, hash: u64) -> Place {
        let mask = self.buckets.len() - 1;
        let tag = (hash >> 48) as u16 | 1;
        // The second bucket lies at a distance that depends on other bits of the hash.
        let first = hash as usize & mask;
        let second = (first ^ ((hash >> 24) as usize | 1)) & mask;
        Place { tag, buckets: [first, second] }
    }

    /// The number of this hash that `is_it` recognises.
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let place = self.place(hash);
        place.buckets.into_iter().find_map(|bucket| {
            let bucket = self.buckets.get(bucket)?;
            let tagged = bucket.tags.iter().zip(bucket.refs).filter(|(tag, _)| **tag == place.tag);
            tagged.map(|(_, reference)| reference).find(|reference| is_it(*reference))
        })
    }

    /// False where there is no room.
    pub fn enter(&mut self, hash: u64, reference: u32) -> bool {
        let place = self.place(hash);
        let used = place.buckets.map(|at| self.buckets.get(at).map_or(SLOTS, Bucket::used));
        let emptier = place.buckets[usize::from(used[1] < used[0])];
        let Some(bucket) = self.buckets.get_mut(emptier) else { return false };
        let Some(slot) = bucket.tags.iter().position(|tag| *tag == 0) else { return false };
        bucket.tags[slot] = place.tag;
        bucket.refs[slot] = reference;
        true
    }

    pub fn leave(&mut self, hash: u64, reference: u32) {
        let place = self.place(hash);
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
