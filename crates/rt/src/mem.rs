//! The functions that compiled Rust code calls without naming them. The toolchain's `core` for this target expects the
//! C library to have them.
//!
//! Written without loops over bytes: LLVM would turn such a loop into a call of the very function. Short copies are a
//! few overlapping loads and stores, all loads first; long ones are string instructions, which emulators and CPUs
//! alike run faster than any loop of ours. `rep movsb` is the exception: without hardware that is fast at it, it moves
//! a byte at a time, so it is used only where [`choose_copy`] has found such hardware.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

static FAST_BYTES: AtomicBool = AtomicBool::new(false);

/// Says whether this CPU is quick at `rep movsb` (enhanced REP MOVSB, CPUID 7 EBX bit 9) and is no emulator, whose
/// claims to be quick are about another machine.
pub fn choose_copy(fast_bytes: bool) {
    FAST_BYTES.store(fast_bytes, Ordering::Relaxed);
}

/// # Safety
///
/// As in C: `n` bytes at `from` are readable, `n` at `to` writable, and they do not overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's promises are those of `short` and `forward`.
    unsafe { if n <= 128 { short(to, from, n) } else { forward(to, from, n) } }
    to
}

/// # Safety
///
/// As in C: `n` bytes at `from` are readable, `n` at `to` writable.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    let ahead = (to as usize).wrapping_sub(from as usize);
    // SAFETY: the caller's promises; `short` copes with any overlap, `forward` with a destination that does not begin
    // within the source, `backward` with the rest.
    unsafe {
        if n <= 128 {
            short(to, from, n)
        } else if ahead >= n {
            forward(to, from, n)
        } else {
            backward(to, from, n)
        }
    }
    to
}

/// # Safety
///
/// As in C: `n` bytes at `to` are writable.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, n: usize) -> *mut u8 {
    let word = u64::from(value as u8) * 0x0101_0101_0101_0101;
    let lane = u128::from(word) << 64 | u128::from(word);
    // SAFETY: only called below with 16 bytes that lie within the `n`.
    let store = |at: usize| unsafe { to.add(at).cast::<u128>().write_unaligned(lane) };
    // SAFETY: every store lies within the `n` bytes: each branch has checked that its width fits, and the second of a
    // pair ends where the bytes end.
    unsafe {
        match n {
            0 => {}
            1 => to.write(value as u8),
            2..=3 => both(to, n, word as u16),
            4..=7 => both(to, n, word as u32),
            8..=16 => both(to, n, word),
            17..=32 => both(to, n, lane),
            // A string instruction takes longer to begin than these stores take.
            33..=64 => [0, 16, n - 32, n - 16].into_iter().for_each(store),
            65..=128 => [0, 16, 32, 48, n - 64, n - 48, n - 32, n - 16].into_iter().for_each(store),
            _ => {
                asm!(
                    "rep stosq",
                    inout("rcx") n / 8 => _, inout("rdi") to => _, in("rax") word,
                    options(nostack, preserves_flags)
                );
                to.add(n - 8).cast::<u64>().write_unaligned(word);
            }
        }
    }
    to
}

/// # Safety
///
/// As in C: `n` bytes at `a` and at `b` are readable.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut at = 0;
    // SAFETY: `at` stays below `n`, by 8 where 8 bytes are read.
    unsafe {
        while at + 8 <= n {
            let x = a.add(at).cast::<u64>().read_unaligned();
            let y = b.add(at).cast::<u64>().read_unaligned();
            if x != y {
                // The first byte in memory is the lowest here and the one that decides.
                return if x.swap_bytes() < y.swap_bytes() { -1 } else { 1 };
            }
            at += 8;
        }
        while at < n {
            let (x, y) = (a.add(at).read(), b.add(at).read());
            if x != y {
                return i32::from(x) - i32::from(y);
            }
            at += 1;
        }
    }
    0
}

/// Answers 0 or 1, and not what [`memcmp`] answers: LLVM merges functions of equal bodies and sends the callers of the
/// one to the other, and then, knowing that `bcmp` tells only equal from different, makes a mere test for equality of
/// what was asked for the order.
///
/// # Safety
///
/// As [`memcmp`].
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the same contract.
    i32::from(unsafe { memcmp(a, b, n) } != 0)
}

/// # Safety
///
/// As in C: bytes from `text` on are readable up to a zero.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: no byte before this one was zero. Volatile, or LLVM recognizes what this loop is.
    while unsafe { text.add(len).read_volatile() } != 0 {
        len += 1;
    }
    len
}

/// Copies up to 128 bytes, which may overlap: everything is read before anything is written.
#[inline(always)]
unsafe fn short(to: *mut u8, from: *const u8, n: usize) {
    type Lane = u128;
    // SAFETY: each branch has checked that what it reads and writes fits into `n` bytes: from the start, and up to the
    // end.
    unsafe {
        let load = |at: usize| from.add(at).cast::<Lane>().read_unaligned();
        let store = |at: usize, lane: Lane| to.add(at).cast::<Lane>().write_unaligned(lane);
        match n {
            0 => {}
            1 => to.write(from.read()),
            2..=3 => pair::<u16>(to, from, n),
            4..=7 => pair::<u32>(to, from, n),
            8..=15 => pair::<u64>(to, from, n),
            16..=32 => pair::<Lane>(to, from, n),
            33..=64 => {
                let lanes = (load(0), load(16), load(n - 32), load(n - 16));
                store(0, lanes.0);
                store(16, lanes.1);
                store(n - 32, lanes.2);
                store(n - 16, lanes.3);
            }
            _ => {
                let first = (load(0), load(16), load(32), load(48));
                let last = (load(n - 64), load(n - 48), load(n - 32), load(n - 16));
                store(0, first.0);
                store(16, first.1);
                store(32, first.2);
                store(48, first.3);
                store(n - 64, last.0);
                store(n - 48, last.1);
                store(n - 32, last.2);
                store(n - 16, last.3);
            }
        }
    }
}

/// Copies the first and the last `T` of `n` bytes; `n` is from one to two `T`s.
///
/// # Safety
///
/// `n` bytes are readable at `from` and writable at `to`.
#[inline(always)]
unsafe fn pair<T>(to: *mut u8, from: *const u8, n: usize) {
    let last = n - size_of::<T>();
    // SAFETY: the caller's bytes are at least one `T`, so both fit.
    unsafe {
        let values = (from.cast::<T>().read_unaligned(), from.add(last).cast::<T>().read_unaligned());
        to.cast::<T>().write_unaligned(values.0);
        to.add(last).cast::<T>().write_unaligned(values.1);
    }
}

/// Stores `value` at the start and at the end of `n` bytes, which are from one to two `T`s.
#[inline(always)]
unsafe fn both<T: Copy>(to: *mut u8, n: usize, value: T) {
    // SAFETY: the caller's bytes are at least one `T`, so both fit.
    unsafe {
        to.cast::<T>().write_unaligned(value);
        to.add(n - size_of::<T>()).cast::<T>().write_unaligned(value);
    }
}

/// Copies 8 or more bytes upwards.
#[inline(always)]
unsafe fn forward(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: the instructions touch `n` bytes, rounded down to words, at both; the tail ends where the bytes end. It
    // is read first, because the words may overwrite it where the ranges overlap. The direction flag is clear, as the
    // ABI demands.
    unsafe {
        if n >= 512 && FAST_BYTES.load(Ordering::Relaxed) {
            asm!("rep movsb", inout("rcx") n => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack, preserves_flags));
            return;
        }
        let tail = from.add(n - 8).cast::<u64>().read_unaligned();
        asm!("rep movsq", inout("rcx") n / 8 => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack, preserves_flags));
        to.add(n - 8).cast::<u64>().write_unaligned(tail);
    }
}

/// Copies 16 or more bytes downwards.
#[inline(always)]
unsafe fn backward(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: the loop moves 16 bytes at a time from the end as long as more than 16 are left, and the head is the
    // first 16, read before the loop may overwrite it.
    unsafe {
        let head = from.cast::<u128>().read_unaligned();
        asm!(
            "2:",
            "movups {lane}, [{from} + {left} - 16]",
            "movups [{to} + {left} - 16], {lane}",
            "sub {left}, 16",
            "cmp {left}, 16",
            "ja 2b",
            left = inout(reg) n => _, from = in(reg) from, to = in(reg) to, lane = out(xmm_reg) _,
            options(nostack)
        );
        to.cast::<u128>().write_unaligned(head);
    }
}
