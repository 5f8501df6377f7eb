//! AVX2: eight keys at a time.

use crate::{BATCH, Edge, Fork, Keys8, Keys16, Levels, Ranks, Walks};
use core::arch::x86_64::{
    __m256i, _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_cmpgt_epi64, _mm256_load_si256,
    _mm256_movemask_epi8, _mm256_movemask_pd, _mm256_movemask_ps, _mm256_packs_epi32, _mm256_set1_epi32,
    _mm256_set1_epi64x,
};

#[inline]
#[target_feature(enable = "avx2,bmi1,popcnt")]
fn count16(line: &Keys16, biased: i32) -> u32 {
    let keys = line.0.as_ptr().cast::<__m256i>();
    // The value is not the largest, which is not searched for: so what is not above it is below the next.
    let next = _mm256_set1_epi32(biased.wrapping_add(1));
    // SAFETY: a line is 64 bytes, aligned to 64: two aligned vectors.
    let (low, high) = unsafe { (_mm256_load_si256(keys), _mm256_load_si256(keys.add(1))) };
    let below = _mm256_packs_epi32(_mm256_cmpgt_epi32(next, low), _mm256_cmpgt_epi32(next, high));
    // Two bits for each key, in whatever order.
    _mm256_movemask_epi8(below).count_ones() / 2
}

#[inline]
#[target_feature(enable = "avx2,bmi1,popcnt")]
fn count8(line: &Keys8, biased: i64) -> u32 {
    let keys = line.0.as_ptr().cast::<__m256i>();
    let value = _mm256_set1_epi64x(biased);
    // SAFETY: a line is 64 bytes, aligned to 64: two aligned vectors.
    let (low, high) = unsafe { (_mm256_load_si256(keys), _mm256_load_si256(keys.add(1))) };
    let low = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(low, value))).cast_unsigned();
    let high = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(high, value))).cast_unsigned();
    (low | high << 4 | 1 << 8).trailing_zeros()
}

#[inline]
#[target_feature(enable = "avx2,bmi1,popcnt")]
fn way(fork: &Fork, rank: u32) -> Edge {
    let keys = fork.keys.as_ptr().cast::<__m256i>();
    // Ranks and keys are below 2³¹, so signed comparison orders them.
    let value = _mm256_set1_epi32(rank.cast_signed());
    // SAFETY: the keys are the first 32 bytes of a fork, which is aligned to 64: one aligned vector.
    let keys = unsafe { _mm256_load_si256(keys) };
    let below = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(value, keys)));
    fork.edges[below.count_ones() as usize & 7]
}

super::loops!(#[target_feature(enable = "avx2,bmi1,popcnt")]);
