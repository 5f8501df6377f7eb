//! Finding equal things again: an open-addressing table of numbers, whose keys live elsewhere.

use alloc::vec;
use alloc::vec::Vec;

/// Numbers under 64-bit hashes. What a number stands for is compared by the caller, so that equal hashes are never
/// taken for equal things.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// The upper half of the hash and the number plus one; 0 is free. A power of two of them.
    slots: Vec<(u32, u32)>,
    len: usize,
}

impl Table {
    /// The number under `hash` that `same` agrees to.
    pub fn find(&self, hash: u64, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize & mask;
        loop {
            match self.slots.get(at) {
                Some((own, number)) if *number != 0 => {
                    if *own == tag && same(number - 1) {
                        return Some(number - 1);
                    }
                }
                _ => return None,
            }
            at = (at + 1) & mask;
        }
    }

    /// Forgets all, and keeps some of the room.
    pub fn clear(&mut self) {
        if self.slots.len() > 64 {
            self.slots.truncate(64);
        }
        self.slots.fill((0, 0));
        self.len = 0;
    }

    /// Adds a number; `rehash` gives the hash of each that is in the table, for when it grows.
    pub fn add(&mut self, hash: u64, number: u32, rehash: impl Fn(u32) -> u64) {
        if (self.len + 1) * 2 > self.slots.len() {
            let room = (self.slots.len() * 2).max(16);
            let old = core::mem::replace(&mut self.slots, vec![(0, 0); room]);
            for (_, number) in old.into_iter().filter(|(_, number)| *number != 0) {
                self.place(rehash(number - 1), number);
            }
        }
        self.place(hash, number + 1);
        self.len += 1;
    }

    fn place(&mut self, hash: u64, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots.get(at).is_some_and(|(_, number)| *number != 0) {
            at = (at + 1) & mask;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = ((hash >> 32) as u32, number);
        }
    }
}

/// A hash of a sequence of numbers, by folded multiplication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher(u64);

impl Hasher {
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x243f_6a88_85a3_08d3)
    }

    #[inline(always)]
    pub const fn add(&mut self, value: u64) {
        let wide = (self.0 ^ value) as u128 * 0x9e37_79b9_7f4a_7c15_u128.wrapping_add((value as u128 | 1) << 1);
        self.0 = (wide as u64 ^ (wide >> 64) as u64).rotate_left(23).wrapping_add(0x1319_8a2e_0370_7344);
    }

    #[inline(always)]
    pub const fn end(self) -> u64 {
        mix(self.0)
    }
}

/// SplitMix64's finish: every bit of the result depends on every bit of the value.
#[inline(always)]
pub(crate) const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_with_equal_hashes_are_kept_apart() {
        let names = ["a", "b", "c"];
        let mut table = Table::default();
        for (number, _) in names.iter().enumerate() {
            table.add(7, number as u32, |_| 7);
        }
        for (number, name) in names.iter().enumerate() {
            assert_eq!(table.find(7, |at| names[at as usize] == *name), Some(number as u32));
        }
        assert_eq!(table.find(7, |_| false), None);
        assert_eq!(table.find(7 | 1 << 32, |_| true), None);
    }

    #[test]
    fn a_table_grows_and_forgets_nothing() {
        let mut table = Table::default();
        for number in 0..1_000 {
            table.add(mix(u64::from(number)), number, |number| mix(u64::from(number)));
        }
        for number in 0..1_000 {
            assert_eq!(table.find(mix(u64::from(number)), |at| at == number), Some(number));
        }
        assert_eq!(table.find(mix(5_000), |at| at == 5_000), None);
    }
}
