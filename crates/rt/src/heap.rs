//! The allocator, empty until it is given memory.

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use spinning_top::RawSpinlock;
use talc::TalcLock;
use talc::source::Manual;

static HEAP: TalcLock<RawSpinlock, Manual> = TalcLock::new(Manual);

#[global_allocator]
static MEASURED: Measured = Measured { used: AtomicUsize::new(0), peak: AtomicUsize::new(0) };

/// Zeroes memory.
type Zero = unsafe fn(*mut u8, usize);

static ZERO: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
/// So much that it pays not to clear it at once, in bytes.
const LARGE: usize = 4 << 20;

/// Says how large pieces of memory are to be zeroed: `zero` may put it off to the moment in which they are touched. It is
/// called with memory that is the caller's alone, and may allocate small pieces itself.
pub fn zero_large_by(zero: Zero) {
    ZERO.store(zero as *mut (), Ordering::Relaxed);
}

/// The heap, and how much was ever asked of it at a time.
struct Measured {
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Measured {
    fn took(&self, size: usize) {
        let used = self.used.fetch_add(size, Ordering::Relaxed) + size;
        self.peak.fetch_max(used, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to `HEAP`, which keeps the contract of `GlobalAlloc`; counting touches no memory but
// atomics of its own.
unsafe impl GlobalAlloc for Measured {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { HEAP.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is passed on.
        let memory = unsafe { self.alloc(layout) };
        let zero = ZERO.load(Ordering::Relaxed);
        if memory.is_null() {
            return memory;
        }
        // SAFETY: so many bytes at `memory` have just become ours; the only non-null pointers that are ever stored are
        // `Zero`s (`zero_large_by`).
        unsafe {
            if layout.size() < LARGE || zero.is_null() {
                memory.write_bytes(0, layout.size());
            } else {
                core::mem::transmute::<*mut (), Zero>(zero)(memory, layout.size());
            }
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.used.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `memory` came from `HEAP` with this layout, as the caller promises for `self`.
        unsafe { HEAP.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both pieces may be there while one is copied to the other.
        self.took(new_size);
        self.used.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as for `dealloc`; the caller's promise about `new_size` is passed on.
        unsafe { HEAP.realloc(memory, layout, new_size) }
    }
}

/// The most bytes that were asked for at a time since the last call of this.
pub fn take_peak() -> usize {
    MEASURED.peak.swap(MEASURED.used.load(Ordering::Relaxed), Ordering::Relaxed)
}

/// Bytes that are asked for at present, without what the allocator adds.
pub fn asked() -> usize {
    MEASURED.used.load(Ordering::Relaxed)
}

/// Adds memory to the heap; false where it is too little to be of use.
///
/// # Safety
///
/// `len` bytes at `base` are mapped, writable, and used by nobody else for as long as the program runs.
pub unsafe fn add(base: *mut u8, len: usize) -> bool {
    // SAFETY: the caller's promise is that of `claim`.
    unsafe { HEAP.lock().claim(base, len) }.is_some()
}

/// Bytes handed out and not returned.
pub fn allocated() -> usize {
    HEAP.lock().counters().allocated_bytes
}

/// Bytes that are left; no single allocation can be larger.
pub fn available() -> usize {
    HEAP.lock().counters().available_bytes
}
