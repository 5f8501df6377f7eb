//! The allocator, empty until it is given memory.

use spinning_top::RawSpinlock;
use talc::TalcLock;
use talc::source::Manual;

#[global_allocator]
static HEAP: TalcLock<RawSpinlock, Manual> = TalcLock::new(Manual);

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
