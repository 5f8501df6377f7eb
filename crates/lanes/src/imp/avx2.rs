//! AVX2: eight keys at a time.

use crate::{BATCH, Edge, Fork, Keys8, Keys16, Levels, Ranks, Walks};
use core::arch::x86_64::{
    __m256i, _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_cmpgt_epi64, _mm256_load_si256,
    _mm256_movemask_pd, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_set1_epi64x,
};

#[inline]
#[target_feature(enable = "avx2,bmi1")]
fn count16(line: &Keys16, biased: i32) -> u32 {
    let keys = line.0.as_ptr().cast::<__m256i>();
    let value = _mm256_set1_epi32(biased);
    // SAFETY: a line is 64 bytes, aligned to 64: two aligned vectors.
    let (low, high) = unsafe { (_mm256_load_si256(keys), _mm256_load_si256(keys.add(1))) };
    let low = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(low, value))).cast_unsigned();
    let high = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(high, value))).cast_unsigned();
    // Keys ascend, so the first that is above tells how many are not.
    (low | high << 8 | 1 << 16).trailing_zeros()
}

#[inline]
#[target_feature(enable = "avx2,bmi1")]
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
#[target_feature(enable = "avx2,bmi1")]
fn way(fork: &Fork, rank: u32) -> Edge {
    let keys = fork.keys.as_ptr().cast::<__m256i>();
    // Ranks and keys are below 2³¹, so signed comparison orders them.
    let value = _mm256_set1_epi32(rank.cast_signed());
    // SAFETY: the keys are the first 32 bytes of a fork, which is aligned to 64: one aligned vector.
    let keys = unsafe { _mm256_load_si256(keys) };
    let above = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(keys, value))).cast_unsigned();
    let not_above = (above | 1 << 8).trailing_zeros() as usize;
    fork.edges[not_above.wrapping_sub(1) & 7]
}

super::loops!(#[target_feature(enable = "avx2,bmi1")]);
