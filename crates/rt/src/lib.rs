//! What a program without an operating system needs before its first line, and what the compiler takes for granted:
//! boot code, `memcpy` and its family, the panic handler, the allocator.
//!
//! Only the unikernel's binary uses this crate; a program with std would have everything twice.

#![no_std]
// LLVM knows what functions called `memcmp` and so on do, and would improve our bodies with that knowledge: in `bcmp`,
// a `memcmp` that is compared with zero becomes a call of `bcmp`.
#![no_builtins]

mod boot;
pub mod heap;
mod mem;
mod panic;

pub use boot::{BootArguments, Sections, kernel_sections};
pub use mem::choose_copy;
pub use panic::set_panic_hook;

#[doc(hidden)]
pub use boot::arguments;

/// Names the function `fn(BootArguments) -> !` where the program begins: in 64-bit mode on a 256 KiB stack, interrupts
/// off, the first 4 GiB of memory mapped one to one, no heap.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        // SAFETY: the boot code calls this symbol and no other crate defines it.
        #[unsafe(no_mangle)]
        extern "C" fn saltgate_start(protocol: u32, info: u32) -> ! {
            let main: fn($crate::BootArguments) -> ! = $main;
            main($crate::arguments(protocol, info))
        }
    };
}
