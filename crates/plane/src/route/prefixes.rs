//! Longest prefix match as one search among sorted numbers.
//!
//! Prefixes are ranges, and ranges that nest cut the address space into at most 2 n + 1 intervals, each of which has one
//! longest prefix. The intervals' starts are kept in a static B+tree whose nodes have 16 keys, of IPv4 a cache line:
//!
//! ```text
//!                        [ k17  k34  … ]                 one node: how many of its keys are not above the address?
//!            ┌──────────────┘    └────────┐              that many is the child to go on with
//!    [ k1 … k16 ]  [ k18 … k33 ]  [ k35 … k50 ]  …       leaves: rank among all starts = the interval
//! ```
//!
//! There are no pointers, so a look-up is arithmetic; 100,000 prefixes have five levels at most. What it costs is bounded
//! by their number alone, whatever the prefixes: memory at most 20 bytes for each (IPv6: 46), time five comparisons a
//! level.

use alloc::vec::Vec;
use core::ops::Range;

/// An address as a number.
pub(super) trait Key: Copy + Ord {
    const ZERO: Self;
    const MAX: Self;
    /// The next one; `MAX` has none and is its own.
    fn next(self) -> Self;
}

impl Key for u32 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;
    fn next(self) -> Self {
        self.saturating_add(1)
    }
}

impl Key for u128 {
    const ZERO: Self = 0;
    const MAX: Self = Self::MAX;
    fn next(self) -> Self {
        self.saturating_add(1)
    }
}

/// A prefix and what it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix<K> {
    /// First and last address.
    pub first: K,
    pub last: K,
    pub len: u8,
    pub value: u32,
}

/// What the longest prefix of an address is, and leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub value: u32,
    pub len: u8,
}

/// Keys of a node, a power of two.
const WIDTH: usize = 16;

/// A table of prefixes.
#[derive(Clone, Debug)]
pub(super) struct Prefixes<K> {
    /// All levels, the root first. Without a key there are none.
    nodes: Vec<Node<K>>,
    /// Where each level lies in `nodes`.
    levels: Vec<Range<usize>>,
    /// Values and lengths of the intervals, and [`NONE`] where no prefix is. There is one more than keys, for the
    /// first interval begins at 0 and needs no key.
    values: Vec<u32>,
    lens: Vec<u8>,
}

/// Unused keys are `MAX`, the last of all.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Node<K>([K; WIDTH]);

/// Leads nowhere.
const NONE: u32 = u32::MAX;

impl<K: Key> Prefixes<K> {
    /// Prefixes nest or are apart, and none has the value `u32::MAX`. Of two that are the same the first counts.
    pub fn new(mut prefixes: Vec<Prefix<K>>) -> Self {
        // What encloses comes before what is in it.
        prefixes.sort_by_key(|prefix| (prefix.first, prefix.len));
        prefixes.dedup_by_key(|prefix| (prefix.first, prefix.len));
        let intervals = Intervals::of(&prefixes);
        let keys: Vec<K> = intervals.starts.into_iter().skip(1).collect();
        let (nodes, levels) = tree(&keys);
        Self { nodes, levels, values: intervals.values, lens: intervals.lens }
    }

    /// The longest prefix that holds `address`.
    #[inline]
    pub fn find(&self, address: K) -> Option<Match> {
        let at = self.rank(address);
        let value = self.values.get(at).copied().filter(|&value| value != NONE)?;
        Some(Match { value, len: self.lens.get(at).copied().unwrap_or(0) })
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + size_of_val(self.values.as_slice()) + self.lens.len()
    }

    /// The interval that `address` lies in: how many keys are not above it.
    #[inline]
    fn rank(&self, address: K) -> usize {
        let mut at = 0;
        let mut rank = 0;
        for level in &self.levels {
            // The unused keys of an upper level seem to lead on, for the last address of all: back to the last child.
            let place = (level.start + at).min(level.end - 1);
            let Some(node) = self.nodes.get(place) else { break };
            let below = node.count(address);
            rank = (place - level.start) * WIDTH + below;
            at = (place - level.start) * (WIDTH + 1) + below;
        }
        // And those of the last leaf seem to be starts.
        rank.min(self.values.len() - 1)
    }
}

impl<K: Key> Node<K> {
    /// How many keys are not above `address`: a search by halves in which there is nothing for a CPU to guess.
    #[inline]
    fn count(&self, address: K) -> usize {
        let is_below = |at: usize| usize::from(self.0[at % WIDTH] <= address);
        let mut count = 0;
        let mut half = WIDTH / 2;
        while half > 0 {
            count += half * is_below(count + half - 1);
            half /= 2;
        }
        // All but the last key have been counted; a key in the middle says once more that it is above.
        count + is_below(count)
    }
}

/// The address space in parts, each with its longest prefix.
struct Intervals<K> {
    starts: Vec<K>,
    values: Vec<u32>,
    lens: Vec<u8>,
}

impl<K: Key> Intervals<K> {
    fn of(prefixes: &[Prefix<K>]) -> Self {
        let mut intervals = Self { starts: Vec::new(), values: Vec::new(), lens: Vec::new() };
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
            self.lens.pop();
        }
        let (value, len) = prefix.map_or((NONE, 0), |prefix| (prefix.value, prefix.len));
        if self.values.last() != Some(&value) || self.lens.last() != Some(&len) {
            self.starts.push(start);
            self.values.push(value);
            self.lens.push(len);
        }
    }
}

/// The nodes of a tree over sorted keys, and its levels, the root's first.
fn tree<K: Key>(keys: &[K]) -> (Vec<Node<K>>, Vec<Range<usize>>) {
    // The leaves are made of the keys; the keys of each level above are the first ones below all of its children but
    // the first: of node i above the leaves key i × 17 × 16 + 16, and so on.
    let mut heights: Vec<Vec<Node<K>>> = Vec::new();
    let mut step = 1;
    let mut count = keys.len();
    while count > 0 {
        let nodes = count.div_ceil(if step == 1 { WIDTH } else { WIDTH + 1 });
        let height = (0..nodes).map(|node| {
            Node(core::array::from_fn(|at| {
                let key = if step == 1 { node * WIDTH + at } else { (node * (WIDTH + 1) + at + 1) * step };
                keys.get(key).copied().unwrap_or(K::MAX)
            }))
        });
        heights.push(height.collect());
        step = if step == 1 { WIDTH } else { step * (WIDTH + 1) };
        count = if nodes > 1 { nodes } else { 0 };
    }
    let mut nodes = Vec::with_capacity(heights.iter().map(Vec::len).sum());
    let levels = heights.iter().rev().map(|height| {
        let start = nodes.len();
        nodes.extend_from_slice(height);
        start..nodes.len()
    });
    let levels = levels.collect();
    (nodes, levels)
}
