//! Lines of sorted keys: the nodes of static B+trees.
//!
//! ```text
//!   a tree of 40 keys, 16 in a line, levels from the root:
//!     starts [0, 1, 4]        line 0:      [ k16 k33 max … ]             17-way
//!                             lines 1..4:  [ k0 … k15 ] [ k16 … k31 ] [ k32 … k39 max … ]
//! ```
//!
//! Unused places hold the largest value, so that counting needs no length. A key of an inner line is the first key
//! below the edge to its right.

/// Sixteen sorted 32-bit keys, stored so that signed comparison orders them.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Keys16(pub(crate) [i32; 16]);

/// Turns the order of unsigned integers into that of signed ones.
pub(crate) const fn biased32(value: u32) -> i32 {
    (value ^ 0x8000_0000).cast_signed()
}

/// As [`biased32`].
pub(crate) const fn biased64(value: u64) -> i64 {
    (value ^ (1 << 63)).cast_signed()
}

impl Keys16 {
    pub const LEN: usize = 16;

    /// From at most sixteen ascending keys.
    pub fn new(keys: impl IntoIterator<Item = u32>) -> Self {
        let mut line = [i32::MAX; 16];
        for (place, key) in line.iter_mut().zip(keys) {
            *place = biased32(key);
        }
        Self(line)
    }
}

/// Eight sorted 64-bit keys, stored so that signed comparison orders them.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Keys8(pub(crate) [i64; 8]);

impl Keys8 {
    pub const LEN: usize = 8;

    /// From at most eight ascending keys.
    pub fn new(keys: impl IntoIterator<Item = u64>) -> Self {
        let mut line = [i64::MAX; 8];
        for (place, key) in line.iter_mut().zip(keys) {
            *place = biased64(key);
        }
        Self(line)
    }
}
