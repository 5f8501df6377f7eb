//! Longest prefix match as one search among sorted numbers.
//!
//! Prefixes are ranges, and ranges that nest cut the address space into at most 2 n + 1 intervals, each of which has one
//! longest prefix. Where an interval begins is a key of a static tree of sixteen ways, in which each key stands once:
//!
//! ```text
//!                        [ 16  32  48 … 240 ]             one node: how many of its 15 keys are below the address?
//!            ┌─────────────┘   └──────┐                   that many is the child to go on with, and
//!    [ 1 … 15 ]  [ 17 … 31 ]  [ 33 … 47 ]  …              these digits, base 16, are the interval's number
//! ```
//!
//! There are no pointers, so a look-up is arithmetic; 100,000 prefixes have five levels at most. What it costs is bounded
//! by their number alone, whatever the prefixes: memory at most 18 bytes for each (IPv6: 44), time four comparisons a
//! level.

use alloc::vec::Vec;

/// An address as a number.
pub(crate) trait Key: Copy + Ord {
    const ZERO: Self;
    const MAX: Self;
    /// The first of its bytes.
    fn first_byte(self) -> u8;
    /// The first address with this first byte.
    fn from_first_byte(byte: u8) -> Self;
    /// The next one; `MAX` has none and is its own.
    fn next(self) -> Self;
    /// The one before; `ZERO` has none and is its own.
    fn before(self) -> Self;
}

impl Key for u32 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;
    fn first_byte(self) -> u8 {
        (self >> (Self::BITS - 8)) as u8
    }
    fn from_first_byte(byte: u8) -> Self {
        Self::from(byte) << (Self::BITS - 8)
    }
    fn next(self) -> Self {
        self.saturating_add(1)
    }
    fn before(self) -> Self {
        self.saturating_sub(1)
    }
}

impl Key for u128 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;
    fn first_byte(self) -> u8 {
        (self >> (Self::BITS - 8)) as u8
    }
    fn from_first_byte(byte: u8) -> Self {
        Self::from(byte) << (Self::BITS - 8)
    }
    fn next(self) -> Self {
        self.saturating_add(1)
    }
    fn before(self) -> Self {
        self.saturating_sub(1)
    }
}

/// A prefix and what it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix<K> {
    /// First and last address.
    pub first: K,
    pub last: K,
    pub len: u8,
    pub value: u32,
}

/// Ways out of a node, a power of two.
pub(crate) const WAYS: usize = 16;
/// Enough for 2³² intervals.
const MOST_LEVELS: usize = 8;

/// A table of prefixes.
#[derive(Clone, Debug)]
pub(crate) struct Prefixes<K> {
    /// All levels, the root first. For one interval there are none.
    nodes: Vec<Node<K>>,
    /// Where each level begins in `nodes`.
    starts: [u32; MOST_LEVELS],
    levels: usize,
    /// Values of the intervals, and [`NONE`] where no prefix is.
    values: Vec<u32>,
}

/// The last address before each of the intervals that begin here, so that unused keys, `MAX`, are below no address.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Node<K>([K; WAYS - 1]);

/// Leads nowhere.
const NONE: u32 = u32::MAX;

impl<K: Key> Prefixes<K> {
    /// Prefixes nest or are apart, and none has the value `u32::MAX`. Of two that are the same the first counts.
    pub fn new(mut prefixes: Vec<Prefix<K>>) -> Self {
        // What encloses comes before what is in it.
        prefixes.sort_by_key(|prefix| (prefix.first, prefix.len));
        prefixes.dedup_by_key(|prefix| (prefix.first, prefix.len));
        let Intervals { starts: keys, values } = Intervals::of(&prefixes);
        let mut table = Self { nodes: Vec::new(), starts: [0; MOST_LEVELS], levels: 0, values };
        // So many intervals are between two keys of a node on the level below the root's.
        let mut stride = 1;
        while keys.len().div_ceil(stride) > 1 {
            stride *= WAYS;
        }
        while stride > 1 {
            if let Some(start) = table.starts.get_mut(table.levels) {
                *start = table.nodes.len() as u32;
                table.levels += 1;
            }
            let below = stride / WAYS;
            let node = |first: usize| {
                let key = |at: usize| keys.get(first + (at + 1) * below).map_or(K::MAX, |start| start.before());
                Node(core::array::from_fn(key))
            };
            table.nodes.extend((0..keys.len()).step_by(stride).map(node));
            stride = below;
        }
        table
    }

    /// The value of the longest prefix that holds `address`. Not inlined: who asks for either family would save the
    /// registers that both need.
    #[inline(never)]
    pub fn find(&self, address: K) -> Option<u32> {
        self.values.get(self.interval(address)?).copied().filter(|value| *value != NONE)
    }

    /// The number of the interval that holds `address`.
    #[inline]
    fn interval(&self, address: K) -> Option<usize> {
        let mut at = 0;
        for start in self.starts.iter().take(self.levels) {
            at = at * WAYS + below(&self.nodes.get(*start as usize + at)?.0, address);
        }
        Some(at)
    }

    /// All addresses of a range have the same longest prefix, or none.
    pub fn is_even(&self, first: K, last: K) -> bool {
        self.interval(first) == self.interval(last)
    }

    /// Where intervals begin, but for the first; in no order.
    pub fn starts(&self) -> impl Iterator<Item = K> + '_ {
        let keys = self.nodes.iter().flat_map(|node| node.0);
        keys.filter(|key| *key < K::MAX).map(Key::next)
    }

    /// How many intervals there are.
    pub fn intervals(&self) -> usize {
        self.values.len()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + size_of_val(self.values.as_slice())
    }
}

/// How many keys are below `address`: a search by halves in which there is nothing for a CPU to guess. They are in
/// ascending order.
#[inline]
pub(crate) fn below<K: Key>(keys: &[K; WAYS - 1], address: K) -> usize {
    let is_below = |at: usize| usize::from(keys[at] < address);
    let mut count = is_below(7) * 8;
    count += is_below(count + 3) * 4;
    count += is_below(count + 1) * 2;
    count + is_below(count)
}

/// The address space in parts, each with the value of its longest prefix.
struct Intervals<K> {
    starts: Vec<K>,
    values: Vec<u32>,
}

impl<K: Key> Intervals<K> {
    fn of(prefixes: &[Prefix<K>]) -> Self {
        let mut intervals = Self { starts: Vec::new(), values: Vec::new() };
        intervals.begin(K::ZERO, None);
        // The prefixes that hold the present address, from the shortest to the longest.
        let mut open: Vec<Prefix<K>> = Vec::new();
        for prefix in prefixes {
            intervals.close(&mut open, |ended| ended.last < prefix.first);
            open.push(*prefix);
            intervals.begin(prefix.first, Some(prefix));
        }
        intervals.close(&mut open, |_| true);
        intervals
    }

    /// Takes away the prefixes that have ended; behind each one, what encloses it goes on.
    fn close(&mut self, open: &mut Vec<Prefix<K>>, has_ended: impl Fn(&Prefix<K>) -> bool) {
        while let Some(ended) = open.pop_if(|last| has_ended(last)) {
            if ended.last < K::MAX {
                self.begin(ended.last.next(), open.last());
            }
        }
    }

    /// From `start` on, `prefix` is the longest. What was to begin there does not, and what only goes on does not begin.
    fn begin(&mut self, start: K, prefix: Option<&Prefix<K>>) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        let value = prefix.map_or(NONE, |prefix| prefix.value);
        if self.values.last() != Some(&value) {
            self.starts.push(start);
            self.values.push(value);
        }
    }
}
