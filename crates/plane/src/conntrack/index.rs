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

const SLOTS: usize = 8;
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

/// Slots of a bucket with this tag: the highest bit of each lane, first those of the first four slots.
#[inline(always)]
fn tagged(bucket: &Bucket, tag: u16) -> [u64; 2] {
    let all = u64::from(tag) * LOW;
    [zero_lanes(bucket[0] ^ all), zero_lanes(bucket[1] ^ all)]
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
        // Nearly always it is the first of its tag in the first bucket.
        match self.guess(hash) {
            Some(number) if is_it(number) => Some(number),
            _ => self.search(hash, is_it),
        }
    }

    #[inline(always)]
    fn guess(&self, hash: u64) -> Option<u32> {
        let bucket = self.bucket(hash as usize & self.mask)?;
        let [low, high] = tagged(bucket, (hash >> 48) as u16 | 1);
        let (lanes, numbers) = if low != 0 { (low, &bucket[2..4]) } else { (high, &bucket[4..6]) };
        let lane = lanes.trailing_zeros() as usize / 16;
        (lanes != 0).then(|| (numbers[lane / 2 % 2] >> (lane % 2 * 32)) as u32)
    }

    #[inline(never)]
    fn search(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let Place { tag, buckets } = self.place(hash);
        for at in buckets {
            let Some(bucket) = self.bucket(at) else { continue };
            for (half, mut lanes) in tagged(bucket, tag).into_iter().enumerate() {
                while lanes != 0 {
                    let number = number(bucket, half * 4 + lanes.trailing_zeros() as usize / 16);
                    if is_it(number) {
                        return Some(number);
                    }
                    lanes &= lanes - 1;
                }
            }
        }
        None
    }

    /// False where there is no room.
    pub fn enter(&mut self, hash: u64, number: u32) -> bool {
        let place = self.place(hash);
        let used = |at: usize| self.bucket(at).map_or(SLOTS as u32, |bucket| SLOTS as u32 - free(bucket));
        let emptier = place.buckets[usize::from(used(place.buckets[1]) < used(place.buckets[0]))];
        let Some(bucket) = self.bucket_mut(emptier) else { return false };
        let [low, high] = tagged(bucket, 0);
        let slot = match (low, high) {
            (0, 0) => return false,
            (0, _) => 4 + high.trailing_zeros() as usize / 16,
            _ => low.trailing_zeros() as usize / 16,
        };
        let (at, shift) = (2 + slot / 2 % 4, slot % 2 * 32);
        bucket[at] = bucket[at] & !(0xffff_ffff << shift) | u64::from(number) << shift;
        bucket[slot / 4 % 2] |= u64::from(place.tag) << (slot % 4 * 16);
        true
    }

    pub fn leave(&mut self, hash: u64, number: u32) {
        let Place { tag, buckets } = self.place(hash);
        for at in buckets {
            let Some(bucket) = self.bucket_mut(at) else { continue };
            for (half, mut lanes) in tagged(bucket, tag).into_iter().enumerate() {
                while lanes != 0 {
                    let lane = lanes.trailing_zeros() as usize / 16;
                    if self::number(bucket, half * 4 + lane) == number {
                        bucket[half] &= !(0xffff << (lane * 16));
                        return;
                    }
                    lanes &= lanes - 1;
                }
            }
        }
    }
}

fn free(bucket: &Bucket) -> u32 {
    let [low, high] = tagged(bucket, 0);
    low.count_ones() + high.count_ones()
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
