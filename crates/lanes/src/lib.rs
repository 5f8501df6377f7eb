//! Searching several keys at once: the few inner loops that are worth vector instructions.
//!
//! Everything here exists three times, as plain Rust, with SSE2 and with AVX2, and each equals its plain twin; a
//! [`Level`] says which one runs. It is found once, at start-up, and passed in by the caller: a value of
//! `Level::AVX2`'s kind cannot be made on a CPU (or under a kernel) that does not allow it, so that all functions
//! here are safe to call.
//!
//! * [`Keys16`], [`Keys8`]: a cache line of sorted keys, the node of a static B+tree; [`Level::rank16`] and
//!   [`Level::rank8`] count how many keys of such a tree are not above a value.
//! * [`Fork`]: the node of a decision diagram, eight keys and eight edges in a cache line; [`Level::walk`] follows
//!   edges to a leaf, [`Level::walk_many`] does so for many packets, interleaved.
//!
//! Indices are checked: a malformed tree gives a wrong answer, never a wild read.

#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

mod fork;
mod imp;
mod keys;
mod level;
#[cfg(test)]
mod tests;

pub use fork::{BATCH, Edge, Fork, Ranks, SLOTS, Walks};
pub use keys::{Keys8, Keys16, Levels};
pub use level::Level;

/// Asks the CPU to bring the cache line of an item near; no more than a hint, and any index will do.
#[inline(always)]
pub fn prefetch_at<T>(items: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see and never faults, whatever the address, which is
    // computed without the promise to stay inside of the slice; SSE is part of x86-64.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(
            items.as_ptr().wrapping_add(index).cast(),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index);
}
