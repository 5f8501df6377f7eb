//! SSE2: four keys at a time. It has no 64-bit comparison, so those stay scalar.

use crate::{BATCH, Edge, Fork, Keys8, Keys16, Levels, Ranks, Walks};
use core::arch::x86_64::{
    __m128i, _mm_cmpgt_epi32, _mm_load_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi32,
    _mm_setzero_si128,
};

#[inline]
#[target_feature(enable = "sse2")]
fn count16(line: &Keys16, biased: i32) -> u32 {
    let keys = line.0.as_ptr().cast::<__m128i>();
    let value = _mm_set1_epi32(biased);
    // SAFETY: a line is 64 bytes, aligned to 64, so these are four aligned vectors inside of it.
    let above = |part: usize| unsafe { _mm_cmpgt_epi32(_mm_load_si128(keys.add(part)), value) };
    let above = _mm_packs_epi16(_mm_packs_epi32(above(0), above(1)), _mm_packs_epi32(above(2), above(3)));
    // Keys ascend, so the first that is above tells how many are not.
    (_mm_movemask_epi8(above).cast_unsigned() | 1 << 16).trailing_zeros()
}

#[inline]
#[target_feature(enable = "sse2")]
fn count8(line: &Keys8, biased: i64) -> u32 {
    line.0.iter().map(|key| u32::from(*key <= biased)).sum()
}

#[inline]
#[target_feature(enable = "sse2")]
fn way(fork: &Fork, rank: u32) -> Edge {
    let keys = fork.keys.as_ptr().cast::<__m128i>();
    // Ranks and keys are below 2³¹, so signed comparison orders them.
    let value = _mm_set1_epi32(rank.cast_signed());
    // SAFETY: the keys are the first 32 bytes of a fork, which is aligned to 64: two aligned vectors.
    let below = |part: usize| unsafe { _mm_cmpgt_epi32(value, _mm_load_si128(keys.add(part))) };
    let below = _mm_packs_epi16(_mm_packs_epi32(below(0), below(1)), _mm_setzero_si128());
    // Keys ascend, so the first that is not below tells how many are.
    let count = (!_mm_movemask_epi8(below).cast_unsigned()).trailing_zeros() as usize;
    fork.edges[count & 7]
}

super::loops!(#[target_feature(enable = "sse2")]);
