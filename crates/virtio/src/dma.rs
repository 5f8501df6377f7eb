//! Memory that a device may touch.
#![expect(unsafe_code, reason = "regions are raw memory, shared with a device")]

use core::marker::PhantomData;
use core::ptr::NonNull;

/// Bytes of a page, the unit of [`Dma`].
pub const PAGE: usize = 4096;

/// Gives out memory for rings and buffers.
///
/// # Safety
///
/// A region from [`allocate`](Self::allocate) is [`PAGE`]-aligned and physically contiguous, its bytes initialized but
/// arbitrary; for all of `'m` it is mapped, belongs to the caller alone, and the device finds its first byte at
/// [`Region::physical`].
pub unsafe trait Dma<'m> {
    /// `None` where that much contiguous memory is not left.
    fn allocate(&mut self, pages: usize) -> Option<Region<'m>>;
}

/// Contiguous memory with the address under which a device finds it. Whoever holds the value owns the memory.
pub struct Region<'m> {
    base: NonNull<u8>,
    physical: u64,
    len: usize,
    memory: PhantomData<&'m mut [u8]>,
}

impl<'m> Region<'m> {
    /// # Safety
    ///
    /// As [`Dma`] promises: `len` initialized bytes at `base`, page-aligned, contiguous at `physical`, exclusively the
    /// caller's for `'m`.
    pub unsafe fn new(base: NonNull<u8>, physical: u64, len: usize) -> Self {
        Self { base, physical, len, memory: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the device finds the first byte.
    pub fn physical(&self) -> u64 {
        self.physical
    }

    /// Writes zeros to `len` bytes from `offset`; nobody else may be using them.
    pub(crate) fn zero(&self, offset: usize, len: usize) {
        let at = self.at::<u8>(offset, len);
        // SAFETY: `at` checked the bounds, and the region is ours alone (contract of `new`).
        unsafe { at.write_bytes(0, len) }
    }

    /// A pointer to a `T` at `offset` bytes from the start.
    ///
    /// Panics where it would not fit or not be aligned: offsets are computed by this crate, never by a device.
    pub(crate) fn at<T>(&self, offset: usize, count: usize) -> NonNull<T> {
        let end = offset.checked_add(count * size_of::<T>()).expect("an offset within a region");
        assert!(end <= self.len, "a part of a region lies within it");
        // SAFETY: `offset` is at most `len`, so the sum stays within the region's one allocation.
        let at = unsafe { self.base.add(offset) }.cast::<T>();
        assert!(at.is_aligned(), "a part of a region is aligned");
        at
    }
}
