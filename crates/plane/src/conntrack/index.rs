//! A hash index of fixed size: from a key's hash to small numbers that the caller compares.
//!
//! ```text
//!  hash ─► bucket of 64 bytes: tags 8 × u16 | numbers 8 × u32 | 16 unused
//!                                   │ equal tags      └──► the caller looks whether the key is this one's
//! ```
//!
//! A key may stand in either of two buckets, so that full ones are rare; an insertion that finds both full is refused.
//! A look-up reads two buckets whatever an attacker sends.
//!
//! Buckets are plain words, so that a table of zeros, which is an empty one, costs no time to make where the system has
//! zeroed memory at hand; the four tags of a word are compared at once, with plain integers (vector instructions cost
//! dozens of times as much where they are emulated).

use alloc::vec::Vec;

/// Words of a bucket: two of tags, four of numbers.
const WORDS: usize = 8;

/// Eight tags and the numbers that go with them; tag 0 marks a free slot.
type Bucket = [u64; WORDS];

/// The lowest bit, and the highest, of each tag of a word.
const LOW: u64 = 0x0001_0001_0001_0001;
const HIGH: u64 = 0x8000_8000_8000_8000;

/// The highest bit of each 16-bit lane of `word` that is 0.
const fn zero_lanes(word: u64) -> u64 {
    !(((word & !HIGH) + !HIGH) | word) & HIGH
}

/// Slots of a bucket with this tag, a bit each: bits 0, 16, 32 and 48 for the first four, one higher for the others.
#[inline(always)]
fn tagged(bucket: &Bucket, tag: u16) -> u64 {
    let all = u64::from(tag) * LOW;
    zero_lanes(bucket[0] ^ all) >> 15 | zero_lanes(bucket[1] ^ all) >> 14
}

/// The slot of the lowest bit.
#[inline(always)]
fn first(slots: u64) -> usize {
    let bit = slots.trailing_zeros() as usize;
    bit / 16 + bit % 2 * 4
}

#[inline(always)]
fn number(bucket: &Bucket, slot: usize) -> u32 {
    (bucket[2 + slot / 2 % 4] >> (slot % 2 * 32)) as u32
}

pub(crate) struct Index {
    words: Vec<u64>,
    /// Where the first bucket begins, so that none lies across two cache lines.
    start: usize,
    mask: usize,
}

#[derive(Clone, Copy)]
struct Place {
    tag: u16,
    buckets: [usize; 2],
}

impl Index {
    /// For `entries` keys, five of eight slots used when all are there.
    pub fn new(entries: usize) -> Self {
        let buckets = entries.div_ceil(5).next_power_of_two();
        let words = alloc::vec![0; (buckets + 1) * WORDS];
        let start = words.as_ptr().align_offset(WORDS * size_of::<u64>()).min(WORDS);
        Self { words, start, mask: buckets - 1 }
    }

    #[inline(always)]
    fn place(&self, hash: u64) -> Place {
        let tag = (hash >> 48) as u16 | 1;
        // The second bucket lies at a distance that depends on other bits of the hash.
        let first = hash as usize & self.mask;
        let second = (first ^ ((hash >> 24) as usize | 1)) & self.mask;
        Place { tag, buckets: [first, second] }
    }

    #[inline(always)]
    fn bucket(&self, at: usize) -> Option<&Bucket> {
        self.words.get(self.start + at * WORDS..)?.first_chunk()
    }

    fn bucket_mut(&mut self, at: usize) -> Option<&mut Bucket> {
        self.words.get_mut(self.start + at * WORDS..)?.first_chunk_mut()
    }

    /// The number of this hash that `is_it` recognises.
    #[inline(always)]
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let Place { tag, buckets } = self.place(hash);
        // Most keys are in the first.
        self.scan(buckets[0], tag, &is_it).or_else(|| self.scan_other(buckets[1], tag, is_it))
    }

    #[inline(always)]
    fn scan(&self, at: usize, tag: u16, is_it: &impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.bucket(at)?;
        let mut slots = tagged(bucket, tag);
        while slots != 0 {
            let number = number(bucket, first(slots));
            if is_it(number) {
                return Some(number);
            }
            slots &= slots - 1;
        }
        None
    }

    /// Brings near what a look-up of this hash reads first.
    #[inline(always)]
    pub fn hint(&self, hash: u64) {
        lanes::prefetch_at(&self.words, self.start + self.place(hash).buckets[0] * WORDS);
    }

    /// The number that a look-up of this hash will most likely ask about first.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        let Place { tag, buckets } = self.place(hash);
        let bucket = self.bucket(buckets[0])?;
        let slots = tagged(bucket, tag);
        (slots != 0).then(|| number(bucket, first(slots)))
    }

    #[inline(never)]
    fn scan_other(&self, at: usize, tag: u16, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.scan(at, tag, &is_it)
    }

    /// False where there is no room.
    pub fn enter(&mut self, hash: u64, number: u32) -> bool {
        let place = self.place(hash);
        let free = |at: usize| self.bucket(at).map_or(0, |bucket| tagged(bucket, 0));
        let [first_bucket, second_bucket] = place.buckets;
        let (first_free, second_free) = (free(first_bucket), free(second_bucket));
        // Into the emptier of the two.
        let second = count(second_free) > count(first_free);
        let (at, free) = if second { (second_bucket, second_free) } else { (first_bucket, first_free) };
        let Some(bucket) = self.bucket_mut(at).filter(|_| free != 0) else { return false };
        let slot = first(free);
        let (at, shift) = (2 + slot / 2 % 4, slot % 2 * 32);
        bucket[at] = bucket[at] & !(0xffff_ffff << shift) | u64::from(number) << shift;
        bucket[slot / 4 % 2] |= u64::from(place.tag) << (slot % 4 * 16);
        true
    }

    pub fn leave(&mut self, hash: u64, number: u32) {
        let Place { tag, buckets } = self.place(hash);
        for at in buckets {
            let Some(bucket) = self.bucket_mut(at) else { continue };
            let mut slots = tagged(bucket, tag);
            while slots != 0 {
                let slot = first(slots);
                if self::number(bucket, slot) == number {
                    bucket[slot / 4 % 2] &= !(0xffff << (slot % 4 * 16));
                    return;
                }
                slots &= slots - 1;
            }
        }
    }
}

/// How many slots these are.
fn count(slots: u64) -> u64 {
    // The lanes of one word are added up in its highest one; there are at most two in each.
    ((slots & LOW) + (slots >> 1 & LOW)).wrapping_mul(LOW) >> 48
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nat::Random;

    #[test]
    fn zero_lanes_are_found_and_no_others() {
        let lanes = [0u64, 1, 2, 0x7fff, 0x8000, 0x8001, 0xffff];
        for (a, b) in lanes.iter().flat_map(|a| lanes.iter().map(move |b| (*a, *b))) {
            for (c, d) in lanes.iter().flat_map(|c| lanes.iter().map(move |d| (*c, *d))) {
                let found = zero_lanes(a | b << 16 | c << 32 | d << 48);
                let bit = |lane: u64, at: u32| if lane == 0 { 0x8000 << (16 * at) } else { 0 };
                assert_eq!(found, bit(a, 0) | bit(b, 1) | bit(c, 2) | bit(d, 3), "{a:x} {b:x} {c:x} {d:x}");
            }
        }
    }

    #[test]
    fn an_index_equals_a_list() {
        let (mut index, mut list, mut random) = (Index::new(300), Vec::<(u64, u32)>::new(), Random::new(5));
        for step in 0..100_000 {
            // Few tags, so that many keys share one.
            let hash = random.next() & 0x0003_0000_0000_ffff | random.next() & 0x00ff_ff00_0000;
            let number = random.next() as u32 & 0x7fff_ffff;
            match random.next() % 3 {
                0 if list.len() < 300 && index.enter(hash, number) => list.push((hash, number)),
                1 if !list.is_empty() => {
                    let (hash, number) = list.swap_remove(random.next() as usize % list.len());
                    index.leave(hash, number);
                    assert_eq!(index.find(hash, |found| found == number), None, "step {step}");
                }
                _ if !list.is_empty() => {
                    let (hash, number) = list[random.next() as usize % list.len()];
                    assert_eq!(index.find(hash, |found| found == number), Some(number), "step {step}");
                }
                _ => {}
            }
        }
    }
}
