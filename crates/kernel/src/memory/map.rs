//! Which physical memory is there, and which of it is free.

use super::{MAPPED, PAGE};
use core::ops::Range;

const USABLE: usize = 64;
const RESERVED: usize = 24;
/// Memory below is full of the firmware's leftovers, and little.
const LOW: u64 = 1 << 20;

/// The machine's memory as the boot loader reports it, less what is in use. Holds no more than 64 usable and 24
/// reserved ranges; of more, the usable ones are forgotten.
#[derive(Clone, Debug)]
pub struct MemoryMap {
    usable: [Range<u64>; USABLE],
    usable_count: usize,
    reserved: [Range<u64>; RESERVED],
    reserved_count: usize,
}

impl Default for MemoryMap {
    fn default() -> Self {
        Self {
            usable: [const { 0..0 }; USABLE],
            usable_count: 0,
            reserved: [const { 0..0 }; RESERVED],
            reserved_count: 0,
        }
    }
}

impl MemoryMap {
    /// Adds usable memory; empty and overflowing ranges are none.
    pub fn add(&mut self, start: u64, len: u64) {
        if let (Some(place), Some(end)) = (self.usable.get_mut(self.usable_count), start.checked_add(len))
            && len > 0
        {
            *place = start..end;
            self.usable_count += 1;
        }
    }

    /// Takes a range out of what is free. False where there is no place to note it: then nothing may be used.
    #[must_use]
    pub fn reserve(&mut self, start: u64, len: u64) -> bool {
        let Some(place) = self.reserved.get_mut(self.reserved_count) else { return false };
        *place = start / PAGE * PAGE..start.saturating_add(len).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        self.reserved_count += 1;
        true
    }

    /// All memory in bytes, whether free or not.
    pub fn total(&self) -> u64 {
        self.usable().iter().map(|range| range.end - range.start).fold(0, u64::saturating_add)
    }

    /// Free ranges of whole pages, between 1 MiB and 4 GiB, from low to high within each usable one.
    pub fn free(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.usable().iter().flat_map(move |range| {
            let end = range.end.min(MAPPED) / PAGE * PAGE;
            let mut at = range.start.max(LOW).next_multiple_of(PAGE);
            core::iter::from_fn(move || {
                while at < end {
                    let start = at;
                    // The nearest reservation ahead, or the one that we stand in.
                    let ahead =
                        self.reserved().iter().filter(|r| r.end > start && r.start < end).min_by_key(|r| r.start);
                    let stop = ahead.map_or(end, |r| r.start.max(start));
                    at = ahead.map_or(end, |r| r.end);
                    if stop > start {
                        return Some(start..stop);
                    }
                }
                None
            })
        })
    }

    fn usable(&self) -> &[Range<u64>] {
        &self.usable[..self.usable_count]
    }

    fn reserved(&self) -> &[Range<u64>] {
        &self.reserved[..self.reserved_count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Starts and ends.
    fn free(usable: &[(u64, u64)], reserved: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut map = MemoryMap::default();
        usable.iter().for_each(|&(start, len)| map.add(start, len));
        assert!(reserved.iter().all(|&(start, len)| map.reserve(start, len)));
        map.free().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn what_is_in_use_is_not_free() {
        let mib = 1 << 20;
        assert_eq!(free(&[(0, 0x9fc00), (mib, 63 * mib)], &[]), [(mib, 64 * mib)]);
        assert_eq!(
            free(&[(mib, 63 * mib)], &[(2 * mib, mib), (10 * mib, 1)]),
            [(mib, 2 * mib), (3 * mib, 10 * mib), (10 * mib + 4096, 64 * mib)]
        );
        assert_eq!(free(&[(mib, 3 * mib)], &[(0, 2 * mib), (3 * mib + 1, 9 * mib)]), [(2 * mib, 3 * mib)]);
        assert_eq!(free(&[(mib, mib)], &[(0, 10 * mib)]), []);
        assert_eq!(
            free(&[(2 * mib, 8 * mib)], &[(4 * mib, 2 * mib), (3 * mib, 2 * mib)]),
            [(2 * mib, 3 * mib), (6 * mib, 10 * mib)]
        );
    }

    #[test]
    fn memory_above_four_gibibytes_and_nonsense_are_left_alone() {
        let gib = 1 << 30;
        assert_eq!(free(&[(3 * gib, 2 * gib), (6 * gib, gib)], &[]), [(3 * gib, 4 * gib)]);
        assert_eq!(free(&[(u64::MAX - 10, 20), (gib, 0), (gib + 1, 4096)], &[]), []);
    }

    #[test]
    fn a_full_list_of_reservations_is_an_error() {
        let mut map = MemoryMap::default();
        assert!((0..RESERVED as u64).all(|at| map.reserve(at << 21, 1)));
        assert!(!map.reserve(0, 1));
    }
}
