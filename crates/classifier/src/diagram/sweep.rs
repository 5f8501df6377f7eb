//! One pass over the ranks of a dimension: where which rules of a list are active.
//!
//! Rules switch on and off at the bounds of their intervals. The set of those that are on is told by a signature,
//! the exclusive or of a random number for each; equal signatures are checked, so that no two sets are ever taken for
//! one. A set that was seen before is written out only once.

use super::{Builder, Exhausted, Span};
use crate::intern::{Table, mix};
use crate::space::Dim;
use alloc::vec::Vec;

/// What a sweep finds, and what it needs on its way, kept for the next one.
#[derive(Default)]
pub(super) struct Sweep {
    /// Where intervals of ranks begin, and the number of the list of rules that are on; neighbours differ.
    pub intervals: Vec<(u32, u32)>,
    /// Each distinct list.
    pub lists: Vec<Span>,
    /// Rank and position in the list, as one number: who switches where.
    switches: Vec<u64>,
    on: On,
    /// For each list its signature, how many rules are on, and the switch at which it was last seen.
    seen: Vec<Seen>,
    table: Table,
    parity: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Seen {
    signature: u64,
    on: u32,
    at: usize,
}

/// The positions that are on.
#[derive(Default)]
struct On {
    words: Vec<u64>,
    /// Which words are not zero.
    summary: Vec<u64>,
    count: u32,
    signature: u64,
}

/// Lists up to this long are told apart by their bits alone.
const SHORT: usize = 64;

impl On {
    fn clear(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), 0);
        self.summary.clear();
        self.summary.resize(self.words.len().div_ceil(64), 0);
        (self.count, self.signature) = (0, 0);
    }

    fn switch(&mut self, position: usize, short: bool) {
        let Some(word) = self.words.get_mut(position / 64) else { return };
        let bit = 1 << (position % 64);
        *word ^= bit;
        if *word & bit == 0 {
            self.count -= 1
        } else {
            self.count += 1
        }
        self.signature ^= if short { bit } else { mix((position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) };
        if let Some(summary) = self.summary.get_mut(position / 4096) {
            let bit = 1 << (position / 64 % 64);
            if *word == 0 { *summary &= !bit } else { *summary |= bit }
        }
    }

    /// Ascending.
    fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        let words =
            self.summary.iter().enumerate().flat_map(|(at, summary)| ones(*summary).map(move |bit| at * 64 + bit));
        words.flat_map(|at| ones(self.words.get(at).copied().unwrap_or(0)).map(move |bit| at * 64 + bit))
    }
}

fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        bit
    })
}

impl Sweep {
    /// Sweeps `dim`; lists are written into the builder. `rest`: only the dimensions of this mask are left behind it,
    /// so that a list may end where the answer is known.
    pub fn run(&mut self, builder: &mut Builder<'_>, list: Span, dim: Dim, rest: Option<u32>) -> Result<(), Exhausted> {
        let len = (list.1 - list.0) as usize;
        let short = len <= SHORT;
        self.intervals.clear();
        self.lists.clear();
        self.switches.clear();
        self.seen.clear();
        self.table.clear();
        self.on.clear(len);
        let ranks = builder.ranks.get(usize::from(dim)).copied().unwrap_or(1);
        for (position, rule) in builder.span(list).iter().enumerate() {
            let Some(set) = builder.rules.condition(*rule, dim) else {
                self.on.switch(position, short);
                continue;
            };
            for (first, last) in builder.sets.intervals(set) {
                if *first == 0 {
                    self.on.switch(position, short);
                } else {
                    self.switches.push(u64::from(*first) << 32 | position as u64);
                }
                if last + 1 < ranks {
                    self.switches.push(u64::from(last + 1) << 32 | position as u64);
                }
            }
        }
        self.switches.sort_unstable();
        let mut work = len + self.switches.len();
        let mut start = 0;
        let mut done = 0;
        loop {
            let known = self.known(done, short, &mut work);
            let class = match known {
                Some(class) => class,
                None => {
                    let class = self.lists.len() as u32;
                    let first = builder.lists.len();
                    for position in self.on.positions() {
                        let Some(rule) = builder.span(list).get(position).copied() else { break };
                        builder.lists.push(rule);
                        if builder.ends(rule, rest) {
                            break;
                        }
                    }
                    work += builder.lists.len() - first + self.on.summary.len();
                    self.lists.push((first as u32, builder.lists.len() as u32));
                    self.seen.push(Seen { signature: self.on.signature, on: self.on.count, at: done });
                    let seen = &self.seen;
                    let hash = |at: u32| seen.get(at as usize).map_or(0, |seen| mix(seen.signature));
                    self.table.add(mix(self.on.signature), class, hash);
                    class
                }
            };
            if self.intervals.last().is_none_or(|(_, last)| *last != class) {
                self.intervals.push((start, class));
            }
            if builder.budget.work < work || builder.lists.len() > u32::MAX as usize / 2 {
                return Err(Exhausted);
            }
            let Some(next) = self.switches.get(done) else { break };
            start = (next >> 32) as u32;
            while let Some(switch) = self.switches.get(done).filter(|switch| (*switch >> 32) as u32 == start) {
                self.on.switch(*switch as u32 as usize, short);
                done += 1;
            }
        }
        builder.budget.work -= work;
        Ok(())
    }

    /// The list that is on now, if it was on before; `done` switches have happened.
    fn known(&mut self, done: usize, short: bool, work: &mut usize) -> Option<u32> {
        let Self { table, seen, on, switches, parity, .. } = self;
        let class = table.find(mix(on.signature), |class| {
            let Some(candidate) = seen.get(class as usize) else { return false };
            if candidate.signature != on.signature || candidate.on != on.count {
                return false;
            }
            // For a short list the signature is the set. Else: whatever has been switched since then has been
            // switched back.
            short || {
                let since = switches.get(candidate.at..done).unwrap_or(&[]);
                *work += since.len() / 4;
                undone(since, on.words.len(), parity)
            }
        })?;
        if let Some(seen) = seen.get_mut(class as usize) {
            seen.at = done;
        }
        Some(class)
    }
}

/// Is each position switched an even number of times?
fn undone(switches: &[u64], words: usize, parity: &mut Vec<u64>) -> bool {
    if parity.len() < words {
        parity.resize(words, 0);
    }
    let mut odd = 0_usize;
    for switch in switches {
        let position = *switch as u32 as usize;
        let bit = 1 << (position % 64);
        let Some(word) = parity.get_mut(position / 64) else { return false };
        *word ^= bit;
        if *word & bit == 0 { odd -= 1 } else { odd += 1 }
    }
    for switch in switches {
        if let Some(word) = parity.get_mut(*switch as u32 as usize / 64) {
            *word = 0;
        }
    }
    odd == 0
}
