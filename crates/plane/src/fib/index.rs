//! Which of some dozens of intervals holds an address, and what is known of it.

use super::Class;
use crate::route::prefixes::{Key, WAYS, below};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The first byte of an address tells most of it: behind it, few intervals are left, which one search by halves tells
/// apart.
#[derive(Clone, Debug)]
pub(super) struct Index<K> {
    /// By first byte: the interval of the first address that has it; behind all, the last interval.
    firsts: Box<[u32; 257]>,
    /// The last address before each interval but the first, and behind them as many that are below no address as a search
    /// may see.
    keys: Vec<K>,
    /// Of each interval.
    pub classes: Vec<Class>,
}

impl<K: Key> Index<K> {
    /// One interval, of which nothing is known.
    pub fn unknowing() -> Self {
        Self { firsts: Box::new([0; 257]), keys: Vec::new(), classes: Vec::new() }
    }

    /// `starts`: where intervals begin, in ascending order, the first at 0. Nothing is known of them yet.
    pub fn new(starts: &[K]) -> Self {
        let mut keys: Vec<K> = starts.iter().skip(1).map(|start| start.before()).collect();
        let mut firsts = Box::new([keys.len() as u32; 257]);
        let mut at = 0;
        for (byte, first) in (0..=u8::MAX).zip(firsts.iter_mut()) {
            while keys.get(at).is_some_and(|key| *key < K::from_first_byte(byte)) {
                at += 1;
            }
            *first = at as u32;
        }
        keys.extend([K::MAX; WAYS]);
        Self { firsts, keys, classes: Vec::with_capacity(starts.len()) }
    }

    #[inline]
    pub fn class(&self, address: K) -> Class {
        let byte = usize::from(address.first_byte());
        let (first, last) = (self.firsts[byte] as usize, self.firsts[byte + 1] as usize);
        let few = self.keys.get(first..first + WAYS - 1).and_then(<[K]>::first_chunk);
        let at = match few {
            Some(few) if last - first < WAYS => first + below(few, address),
            _ => self.halve(address),
        };
        self.classes.get(at).copied().unwrap_or(Class::UNKNOWN)
    }

    /// The interval of an address whose first byte says too little.
    #[inline(never)]
    fn halve(&self, address: K) -> usize {
        self.keys.partition_point(|key| *key < address)
    }
}
