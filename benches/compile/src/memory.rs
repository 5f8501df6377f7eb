//! An allocator that knows how much is in use, and the most that was.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, and the sizes that were asked of it.
pub struct Measured {
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Measured {
    pub const fn new() -> Self {
        Self { used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// Bytes in use now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most bytes that were in use since [`forget`](Self::forget).
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    pub fn forget(&self) {
        self.peak.store(self.used(), Ordering::Relaxed);
    }

    fn took(&self, size: usize) {
        let used = self.used.fetch_add(size, Ordering::Relaxed) + size;
        self.peak.fetch_max(used, Ordering::Relaxed);
    }

    fn gave(&self, size: usize) {
        self.used.fetch_sub(size, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to `System`, which keeps the contract of `GlobalAlloc`; counting touches no memory but
// atomics of its own.
unsafe impl GlobalAlloc for Measured {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.gave(layout.size());
        // SAFETY: `memory` came from `System` with this layout, as the caller promises for `self`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both pieces may be there while one is copied to the other.
        self.took(new_size);
        self.gave(layout.size());
        // SAFETY: as for `dealloc`; the caller's promise about `new_size` is passed on.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}
