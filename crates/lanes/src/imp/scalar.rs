//! Plain Rust: what the others must equal. Where vector instructions are emulated it is also the fastest, so it halves
//! instead of comparing all keys, and does so without branches, which nobody could predict.

use crate::{BATCH, Edge, Fork, Keys8, Keys16, Levels, Ranks, Walks};

#[inline(always)]
fn count16(line: &Keys16, biased: i32) -> u32 {
    let keys = &line.0;
    let mut at = usize::from(keys[7] <= biased) * 8;
    at += usize::from(keys[(at + 3) & 15] <= biased) * 4;
    at += usize::from(keys[(at + 1) & 15] <= biased) * 2;
    at += usize::from(keys[at & 15] <= biased);
    // All but the last have been counted.
    (at + usize::from(keys[at & 15] <= biased)) as u32
}

#[inline(always)]
fn count8(line: &Keys8, biased: i64) -> u32 {
    let keys = &line.0;
    let mut at = usize::from(keys[3] <= biased) * 4;
    at += usize::from(keys[(at + 1) & 7] <= biased) * 2;
    at += usize::from(keys[at & 7] <= biased);
    (at + usize::from(keys[at & 7] <= biased)) as u32
}

#[inline(always)]
fn way(fork: &Fork, rank: u32) -> Edge {
    let keys = &fork.keys;
    let mut at = usize::from(keys[3] < rank) * 4;
    at += usize::from(keys[(at + 1) & 7] < rank) * 2;
    at += usize::from(keys[at & 7] < rank);
    fork.edges[at & 7]
}

super::loops!();
