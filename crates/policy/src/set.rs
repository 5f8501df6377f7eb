//! Sets of values as sorted, disjoint, inclusive intervals.

use alloc::vec::Vec;
use wire::{Cidr, IpAddr};

/// A set of integers: sorted inclusive intervals that neither overlap nor touch. Equal sets are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntervalSet<T> {
    intervals: Vec<(T, T)>,
}

impl<T> Default for IntervalSet<T> {
    fn default() -> Self {
        Self { intervals: Vec::new() }
    }
}

macro_rules! interval_set {
    ($int:ty) => {
        impl IntervalSet<$int> {
            /// From intervals in any order, overlapping as they may; one whose end lies before its start is empty.
            pub fn new(mut intervals: Vec<($int, $int)>) -> Self {
                intervals.retain(|(low, high)| low <= high);
                intervals.sort_unstable();
                intervals.dedup_by(|next, last| {
                    let touches = last.1.checked_add(1).is_none_or(|after| next.0 <= after);
                    if touches {
                        last.1 = last.1.max(next.1);
                    }
                    touches
                });
                Self { intervals }
            }

            /// Everything that is not in the set.
            pub fn complement(&self) -> Self {
                let mut intervals = Vec::with_capacity(self.intervals.len() + 1);
                let mut next = Some(0);
                for &(low, high) in &self.intervals {
                    if let (Some(start), Some(end)) = (next, low.checked_sub(1)) {
                        if start <= end {
                            intervals.push((start, end));
                        }
                    }
                    next = high.checked_add(1);
                }
                intervals.extend(next.map(|start| (start, <$int>::MAX)));
                Self { intervals }
            }

            #[inline]
            pub fn contains(&self, value: $int) -> bool {
                let at = self.intervals.partition_point(|&(low, _)| low <= value);
                at.checked_sub(1).and_then(|at| self.intervals.get(at)).is_some_and(|&(_, high)| value <= high)
            }
        }
    };
}

interval_set!(u32);
interval_set!(u128);

impl<T> IntervalSet<T> {
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Sorted, disjoint, both ends included.
    pub fn intervals(&self) -> &[(T, T)] {
        &self.intervals
    }
}

/// What a field is looked for in. The three kinds of values are never equal to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set {
    /// Values of integer fields.
    pub numbers: IntervalSet<u32>,
    pub v4: IntervalSet<u32>,
    pub v6: IntervalSet<u128>,
}

impl Set {
    pub fn number(value: u32) -> Self {
        Self::numbers(alloc::vec![(value, value)])
    }

    pub fn numbers(intervals: Vec<(u32, u32)>) -> Self {
        Self { numbers: IntervalSet::<u32>::new(intervals), ..Self::default() }
    }

    pub fn address(address: IpAddr) -> Self {
        Self::addresses([(address, address)])
    }

    pub fn cidr(cidr: Cidr) -> Self {
        match cidr {
            Cidr::V4(cidr) => Self::addresses([(cidr.network().into(), cidr.last().into())]),
            Cidr::V6(cidr) => Self::addresses([(cidr.network().into(), cidr.last().into())]),
        }
    }

    /// Of inclusive ranges; one whose ends are of different families is empty.
    pub fn addresses(ranges: impl IntoIterator<Item = (IpAddr, IpAddr)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                (IpAddr::V4(low), IpAddr::V4(high)) => v4.push((low.to_bits(), high.to_bits())),
                (IpAddr::V6(low), IpAddr::V6(high)) => v6.push((low.to_bits(), high.to_bits())),
                _ => {}
            }
        }
        Self { v4: IntervalSet::<u32>::new(v4), v6: IntervalSet::<u128>::new(v6), ..Self::default() }
    }

    #[inline]
    pub fn contains_number(&self, value: u32) -> bool {
        self.numbers.contains(value)
    }

    #[inline]
    pub fn contains_address(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.v4.is_empty() && self.v6.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn intervals_are_sorted_merged_and_never_touch() {
        let set = IntervalSet::<u32>::new(vec![(20, 30), (5, 4), (1, 3), (4, 9), (25, 40), (u32::MAX, u32::MAX)]);
        assert_eq!(set.intervals(), [(1, 9), (20, 40), (u32::MAX, u32::MAX)]);
        for (value, inside) in
            [(0, false), (1, true), (9, true), (10, false), (40, true), (41, false), (u32::MAX, true)]
        {
            assert_eq!(set.contains(value), inside, "{value}");
        }
    }

    #[test]
    fn a_complement_holds_what_the_set_does_not() {
        let table: [&[(u32, u32)]; 5] = [&[], &[(0, u32::MAX)], &[(0, 4)], &[(7, u32::MAX)], &[(3, 5), (9, 9)]];
        for intervals in table {
            let set = IntervalSet::<u32>::new(intervals.to_vec());
            let other = set.complement();
            for value in (0..12).chain([u32::MAX - 1, u32::MAX]) {
                assert_ne!(set.contains(value), other.contains(value), "{value} in {intervals:?}");
            }
            assert_eq!(other.complement(), set);
        }
    }

    #[test]
    fn families_and_numbers_never_meet() {
        let set = Set::address(IpAddr::from([10, 0, 0, 1]));
        assert!(set.contains_address(IpAddr::from([10, 0, 0, 1])));
        assert!(!set.contains_address("::a00:1".parse().unwrap()));
        assert!(!set.contains_number(0x0a00_0001));
    }
}
