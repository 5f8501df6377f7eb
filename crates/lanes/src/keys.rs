//! Lines of sorted keys: the nodes of static B+trees.
//!
//! ```text
//!   a tree of 40 keys, 16 in a line; its levels begin at lines 0 and 1:
//!     line 0:      [ k16 k32 max … ]                                     17-way
//!     lines 1..4:  [ k0 … k15 ] [ k16 … k31 ] [ k32 … k39 max … ]
//! ```
//!
//! Unused places hold the largest value, so that counting needs no length, except for that value itself, which is not
//! below any key. A key of an inner line is the first key below the edge to its right.

/// Where the levels of a tree begin in its lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// From the root to the leaves.
    pub(crate) starts: [u32; Levels::MOST],
    /// How many levels there are above the leaves.
    pub(crate) inner: u8,
    /// How many keys the tree has.
    pub(crate) len: u32,
}

impl Levels {
    /// Enough for 2³¹ keys, eight in a line.
    pub const MOST: usize = 11;

    /// Of a tree of `len` keys whose levels begin at these lines, from the root; no more than [`Self::MOST`] are kept.
    pub fn new(starts: &[u32], len: u32) -> Self {
        let mut levels = Self { len, ..Self::default() };
        for (own, start) in levels.starts.iter_mut().zip(starts) {
            *own = *start;
        }
        levels.inner = starts.len().clamp(1, Self::MOST) as u8 - 1;
        levels
    }

    /// How many keys there are.
    #[expect(clippy::len_without_is_empty, reason = "there are no empty trees")]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// How many lines a search visits.
    pub const fn height(&self) -> usize {
        self.inner as usize + 1
    }
}

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
