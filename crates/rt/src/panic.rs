//! The last words.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicPtr, Ordering};

type Hook = fn(&PanicInfo<'_>) -> !;

static HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Says what a panic is to do: to print where and why, then to reboot, exit or halt. Until then it halts silently.
pub fn set_panic_hook(hook: Hook) {
    HOOK.store(hook as *mut (), Ordering::Relaxed);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic inside of the hook finds none and halts.
    let hook = HOOK.swap(core::ptr::null_mut(), Ordering::Relaxed);
    if !hook.is_null() {
        // SAFETY: the only non-null pointers that are ever stored are `Hook`s (`set_panic_hook`).
        let hook = unsafe { core::mem::transmute::<*mut (), Hook>(hook) };
        hook(info)
    }
    halt()
}

fn halt() -> ! {
    loop {
        // SAFETY: with interrupts off nothing but a reset ends the halt; no memory is touched.
        unsafe { core::arch::asm!("cli", "hlt", options(nomem, nostack)) }
    }
}

/// Named by the precompiled, unwind-capable `core` and `alloc` where link-time optimization does not remove the
/// reference. Nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    halt()
}
