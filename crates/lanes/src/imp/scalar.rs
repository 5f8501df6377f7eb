//! Plain Rust, without branches: what the others must equal.

use crate::{BATCH, Edge, Fork, Keys8, Keys16, Levels, Ranks, Walks};

fn count16(line: &Keys16, biased: i32) -> u32 {
    line.0.iter().map(|key| u32::from(*key <= biased)).sum()
}

fn count8(line: &Keys8, biased: i64) -> u32 {
    line.0.iter().map(|key| u32::from(*key <= biased)).sum()
}

fn way(fork: &Fork, rank: u32) -> Edge {
    let not_above: usize = fork.keys.iter().map(|key| usize::from(*key <= rank)).sum();
    fork.edges[not_above.wrapping_sub(1) & 7]
}

super::loops!();
