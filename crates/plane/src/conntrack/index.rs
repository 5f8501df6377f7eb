//! A hash index of fixed size: from a key's hash to small numbers that the caller compares.
//!
//! ```text
//!  hash ─► bucket of 64 bytes: tags 12 × u8 | keys elsewhere u32 | numbers 12 × u32
//!                                   │ equal tags                     └──► the caller looks whether the key is this one's
//! ```
//!
//! A key stands in its first bucket, in one of eight slots; only where these are all taken in one of four more there, or
//! in another bucket of its own, whichever of the two is emptier. A bucket knows how many of its keys are elsewhere, so
//! that a look-up in vain reads one bucket as well. An insertion that finds both full is refused. Whatever an attacker
//! sends, a look-up reads two buckets at most.
//!
//! Buckets are plain words, so that a table of zeros, which is an empty one, costs no time to make where the system has
//! zeroed memory at hand; eight tags are compared at once, with plain integers (vector instructions cost dozens of times
//! as much where they are emulated).

use alloc::vec::Vec;

/// Words of a bucket.
const WORDS: usize = 16;

/// Two words of tags of the near slots, one of the far slots, how many keys stand elsewhere, then the numbers. Tag 0 marks
/// a free slot.
type Bucket = [u32; WORDS];

/// Words of a [`Bucket`].
mod word {
    pub const FAR_TAGS: usize = 2;
    pub const ELSEWHERE: usize = 3;
    pub const NUMBERS: usize = 4;
}

/// Slots that an insertion looks at first.
const NEAR: usize = 8;

/// The lowest bit, and the highest, of each tag of a word.
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
/// The highest bits of the far slots.
const FAR: u64 = 0x8080_8080;

/// The highest bit of each byte of `word` that is 0.
#[inline(always)]
const fn zero_bytes(word: u64) -> u64 {
    !(((word & !HIGH) + !HIGH) | word) & HIGH
}

/// The tags of the near slots.
#[inline(always)]
fn near_tags(bucket: &Bucket) -> u64 {
    u64::from(bucket[1]) << 32 | u64::from(bucket[0])
}

#[inline(always)]
fn set_near_tags(bucket: &mut Bucket, tags: u64) {
    (bucket[0], bucket[1]) = (tags as u32, (tags >> 32) as u32);
}

/// The near slots with this tag, a bit each.
#[inline(always)]
fn near(bucket: &Bucket, tag: u8) -> u64 {
    zero_bytes(near_differences(bucket, tag))
}

/// The lowest of the near slots with this tag has the lowest bit; the others there are may have bits without reason.
#[inline(always)]
fn nearest(bucket: &Bucket, tag: u8) -> u64 {
    let word = near_differences(bucket, tag);
    word.wrapping_sub(LOW) & !word & HIGH
}

/// A byte for each near slot: 0 where it has this tag.
#[inline(always)]
fn near_differences(bucket: &Bucket, tag: u8) -> u64 {
    near_tags(bucket) ^ (u64::from(tag) * LOW)
}

/// The far slots with this tag, a bit each.
#[inline(always)]
fn far(bucket: &Bucket, tag: u8) -> u64 {
    zero_bytes(u64::from(bucket[word::FAR_TAGS]) ^ (u64::from(tag) * LOW)) & FAR
}

/// The number in the slot of the lowest bit, of near slots.
#[inline(always)]
fn near_number(bucket: &Bucket, slots: u64) -> u32 {
    bucket[word::NUMBERS + (slots.trailing_zeros() / 8 % 8) as usize]
}

/// As [`near_number`], of far slots.
fn far_number(bucket: &Bucket, slots: u64) -> u32 {
    bucket[word::NUMBERS + NEAR + (slots.trailing_zeros() / 8 % 4) as usize]
}

/// What `of` makes of the first number among these slots of which it makes anything, and the bit of its slot.
#[inline(always)]
fn pick<T>(mut slots: u64, number: impl Fn(u64) -> u32, of: &impl Fn(u32) -> Option<T>) -> Option<(T, u64)> {
    while slots != 0 {
        if let Some(found) = of(number(slots)) {
            return Some((found, slots & slots.wrapping_neg()));
        }
        slots &= slots - 1;
    }
    None
}

/// Nothing of this bucket stands in a far slot, or in another bucket.
#[inline(always)]
fn is_all_near(bucket: &Bucket) -> bool {
    bucket[word::FAR_TAGS] | bucket[word::ELSEWHERE] == 0
}

/// Puts a number into the lowest of these near slots, which are free.
#[inline(always)]
fn put_near(bucket: &mut Bucket, free: u64, tag: u8, number: u32) {
    let slot = free.trailing_zeros() / 8 % 8;
    bucket[word::NUMBERS + slot as usize] = number;
    // All eight at once, as they are read: a look-up that follows need not wait until a narrower write is in the cache.
    set_near_tags(bucket, near_tags(bucket) | u64::from(tag) << (slot * 8));
}

fn put_far(bucket: &mut Bucket, free: u64, tag: u8, number: u32) {
    let slot = (free.trailing_zeros() / 8 % 4) as usize;
    bucket[word::NUMBERS + NEAR + slot] = number;
    bucket[word::FAR_TAGS] |= u32::from(tag) << (slot * 8);
}

pub(crate) struct Index {
    words: Vec<u32>,
    /// Where the first bucket begins, so that none lies across two cache lines.
    start: usize,
    mask: usize,
}

#[inline(always)]
const fn tag(hash: u64) -> u8 {
    let tag = (hash >> 56) as u8;
    tag + (tag == 0) as u8
}

impl Index {
    /// For `entries` keys, five of twelve slots used when all are there.
    pub fn new(entries: usize) -> Self {
        let buckets = entries.div_ceil(5).next_power_of_two();
        let words = alloc::vec![0; (buckets + 1) * WORDS];
        let start = words.as_ptr().align_offset(WORDS * size_of::<u32>()).min(WORDS);
        Self { words, start, mask: buckets - 1 }
    }

    #[inline(always)]
    fn first(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }

    /// Lies at a distance from the first that depends on other bits of the hash.
    fn second(&self, hash: u64) -> usize {
        (self.first(hash) ^ ((hash >> 24) as usize | 1)) & self.mask
    }

    #[inline(always)]
    fn bucket(&self, at: usize) -> Option<&Bucket> {
        self.words.get(self.start..)?.as_chunks().0.get(at)
    }

    #[inline(always)]
    fn bucket_mut(&mut self, at: usize) -> Option<&mut Bucket> {
        self.words.get_mut(self.start..)?.as_chunks_mut().0.get_mut(at)
    }

    /// The number of this hash that `is_it` recognises.
    #[inline(always)]
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.find_map(hash, |number| is_it(number).then_some(number))
    }

    /// What `of` makes of the first number of this hash of which it makes anything.
    #[inline(always)]
    pub fn find_map<T>(&self, hash: u64, of: impl Fn(u32) -> Option<T>) -> Option<T> {
        let bucket = self.bucket(self.first(hash))?;
        if let Some((found, _)) = pick(near(bucket, tag(hash)), |slots| near_number(bucket, slots), &of) {
            return Some(found);
        }
        if is_all_near(bucket) {
            return None;
        }
        self.find_further(hash, of)
    }

    #[cold]
    #[inline(never)]
    fn find_further<T>(&self, hash: u64, of: impl Fn(u32) -> Option<T>) -> Option<T> {
        let tag = tag(hash);
        let bucket = self.bucket(self.first(hash))?;
        let found = pick(far(bucket, tag), |slots| far_number(bucket, slots), &of);
        if found.is_some() || bucket[word::ELSEWHERE] == 0 {
            return found.map(|(found, _)| found);
        }
        let bucket = self.bucket(self.second(hash))?;
        let found = pick(near(bucket, tag), |slots| near_number(bucket, slots), &of)
            .or_else(|| pick(far(bucket, tag), |slots| far_number(bucket, slots), &of));
        found.map(|(found, _)| found)
    }

    /// There is certainly no number of this hash, nor of most others like it.
    #[inline(always)]
    pub fn has_none(&self, hash: u64) -> bool {
        self.bucket(self.first(hash)).is_some_and(|bucket| near(bucket, tag(hash)) == 0 && is_all_near(bucket))
    }

    /// Brings near what a look-up of this hash reads first.
    #[inline(always)]
    pub fn hint(&self, hash: u64) {
        lanes::prefetch_at(&self.words, self.start + self.first(hash) * WORDS);
    }

    /// The number that a look-up of this hash will most likely ask about first.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        let bucket = self.bucket(self.first(hash))?;
        let slots = nearest(bucket, tag(hash));
        (slots != 0).then(|| near_number(bucket, slots))
    }

    /// False where there is no room.
    #[inline(always)]
    pub fn enter(&mut self, hash: u64, number: u32) -> bool {
        let at = self.first(hash);
        let Some(bucket) = self.bucket_mut(at) else { return false };
        let free = near(bucket, 0);
        if free != 0 {
            put_near(bucket, free, tag(hash), number);
            return true;
        }
        self.enter_further(hash, number)
    }

    /// Into the emptier of two buckets, the first of which has no near slot left.
    #[cold]
    #[inline(never)]
    fn enter_further(&mut self, hash: u64, number: u32) -> bool {
        let free = |at: usize| self.bucket(at).map_or((0, 0), |bucket| (near(bucket, 0), far(bucket, 0)));
        let count = |(near, far): (u64, u64)| near.count_ones() + far.count_ones();
        let (first, second) = (self.first(hash), self.second(hash));
        let is_elsewhere = count(free(second)) > count(free(first));
        let at = if is_elsewhere { second } else { first };
        let (near, far) = free(at);
        let Some(bucket) = self.bucket_mut(at).filter(|_| near | far != 0) else { return false };
        if near != 0 {
            put_near(bucket, near, tag(hash), number);
        } else {
            put_far(bucket, far, tag(hash), number);
        }
        if is_elsewhere && let Some(bucket) = self.bucket_mut(first) {
            bucket[word::ELSEWHERE] += 1;
        }
        true
    }

    #[inline(always)]
    pub fn leave(&mut self, hash: u64, number: u32) {
        if !self.leave_near(self.first(hash), hash, number) {
            self.leave_further(hash, number);
        }
    }

    #[cold]
    #[inline(never)]
    fn leave_further(&mut self, hash: u64, number: u32) {
        let (first, second) = (self.first(hash), self.second(hash));
        if self.leave_far(first, hash, number) || first == second {
            return;
        }
        if !self.leave_near(second, hash, number) && !self.leave_far(second, hash, number) {
            return;
        }
        if let Some(bucket) = self.bucket_mut(first) {
            bucket[word::ELSEWHERE] = bucket[word::ELSEWHERE].saturating_sub(1);
        }
    }

    /// True if it was in a near slot of this bucket.
    #[inline(always)]
    fn leave_near(&mut self, at: usize, hash: u64, number: u32) -> bool {
        let Some(bucket) = self.bucket_mut(at) else { return false };
        let is_it = |other: u32| (other == number).then_some(());
        let found = pick(near(bucket, tag(hash)), |slots| near_number(bucket, slots), &is_it);
        if let Some((_, slot)) = found {
            set_near_tags(bucket, near_tags(bucket) & !all_of(slot));
        }
        found.is_some()
    }

    /// As [`leave_near`](Self::leave_near), of far slots.
    fn leave_far(&mut self, at: usize, hash: u64, number: u32) -> bool {
        let Some(bucket) = self.bucket_mut(at) else { return false };
        let is_it = |other: u32| (other == number).then_some(());
        let found = pick(far(bucket, tag(hash)), |slots| far_number(bucket, slots), &is_it);
        if let Some((_, slot)) = found {
            bucket[word::FAR_TAGS] &= !all_of(slot) as u32;
        }
        found.is_some()
    }
}

/// All bits of a slot's tag, of the highest one.
#[inline(always)]
const fn all_of(slot: u64) -> u64 {
    (slot >> 7) * 0xff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nat::Random;

    #[test]
    fn zero_bytes_are_found_and_no_others() {
        let bytes = [0u64, 1, 2, 0x7f, 0x80, 0x81, 0xff];
        for (a, b) in bytes.iter().flat_map(|a| bytes.iter().map(move |b| (*a, *b))) {
            for (c, d) in bytes.iter().flat_map(|c| bytes.iter().map(move |d| (*c, *d))) {
                let word = a | b << 8 | c << 48 | d << 56;
                let found = zero_bytes(word | 0x0000_0101_0101_0000);
                let bit = |byte: u64, at: u32| if byte == 0 { 0x80 << at } else { 0 };
                assert_eq!(found, bit(a, 0) | bit(b, 8) | bit(c, 48) | bit(d, 56), "{word:x}");
            }
        }
    }

    /// The list never has more than `most` keys, whose hashes have the bits of `mask`.
    fn equals_a_list(entries: usize, most: usize, mask: u64) {
        let (mut index, mut list, mut random) = (Index::new(entries), Vec::<(u64, u32)>::new(), Random::new(5));
        let mut refused = 0;
        for step in 0..200_000 {
            let hash = random.next() & mask;
            let number = random.next() as u32 & 0x7fff_ffff;
            match random.next() % 8 {
                0..=2 if list.len() < most => {
                    if index.enter(hash, number) {
                        list.push((hash, number));
                    } else {
                        refused += 1;
                    }
                }
                3..=4 if !list.is_empty() => {
                    let (hash, number) = list.swap_remove(random.next() as usize % list.len());
                    index.leave(hash, number);
                    assert_eq!(index.find(hash, |found| found == number), None, "step {step}");
                }
                5 => assert_eq!(index.find(hash, |found| found == number), None, "step {step}"),
                _ if !list.is_empty() => {
                    let (hash, number) = list[random.next() as usize % list.len()];
                    assert_eq!(index.find(hash, |found| found == number), Some(number), "step {step}");
                }
                _ => {}
            }
        }
        assert_eq!(refused > 0, most > entries, "{refused} were refused");
        for (hash, number) in list {
            index.leave(hash, number);
        }
        assert!(index.words.iter().enumerate().all(|(at, word)| (at - index.start.min(at)) % WORDS > 3 || *word == 0));
    }

    #[test]
    fn an_index_equals_a_list() {
        // All tags, and few, so that many keys share one.
        equals_a_list(300, 300, u64::MAX);
        equals_a_list(300, 300, 0x03ff_ffff_ffff_ffff);
    }

    #[test]
    fn a_bucket_that_is_full_sends_keys_elsewhere_and_finds_them_there() {
        // Four buckets, of which two have most of the keys; more of them than there is room for.
        equals_a_list(20, 60, 0xff00_0000_0300_0003);
        equals_a_list(1, 30, u64::MAX);
    }

    #[test]
    fn an_index_has_room_for_all_that_it_was_made_for() {
        for entries in [1, 5, 6, 40, 1_280, 5_120, 81_920] {
            let (mut index, mut random) = (Index::new(entries), Random::new(entries as u64));
            assert!((0..entries).all(|number| index.enter(random.next(), number as u32)), "{entries}");
        }
    }
}
