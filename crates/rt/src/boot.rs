//! From the boot loader's 32-bit world to a Rust function.

use core::arch::global_asm;
use core::ops::Range;

global_asm!(include_str!("boot.s"), options(att_syntax));

/// What the boot loader left in registers.
#[derive(Clone, Copy, Debug)]
pub struct BootArguments {
    /// Which protocol: [`PVH`](Self::PVH) or [`MULTIBOOT2`](Self::MULTIBOOT2).
    pub protocol: u32,
    /// Physical address of the protocol's information structure.
    pub info: u64,
}

impl BootArguments {
    /// `boot.s` puts this in place of a magic number, of which PVH has none in a register.
    pub const PVH: u32 = 0x5056_4800;
    /// What a multiboot2 loader leaves in EAX.
    pub const MULTIBOOT2: u32 = 0x36d7_6289;
}

#[doc(hidden)]
pub fn arguments(protocol: u32, info: u32) -> BootArguments {
    BootArguments { protocol, info: u64::from(info) }
}

/// Where the program lies in memory, in physical addresses; every bound is page-aligned (see the linker script).
#[derive(Clone, Debug)]
pub struct Sections {
    /// Executable.
    pub text: Range<u64>,
    /// Never written.
    pub read_only: Range<u64>,
    /// Data, zeroed data and the boot stack.
    pub writable: Range<u64>,
    /// One page below the boot stack, for nobody.
    pub stack_guard: u64,
}

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __kernel_end: u8;
    static boot_stack_guard: u8;
}

pub fn kernel_sections() -> Sections {
    // The linker script and `boot.s` define these symbols; only their addresses are taken.
    let address = |symbol: *const u8| symbol as u64;
    Sections {
        text: address(&raw const __text_start)..address(&raw const __text_end),
        read_only: address(&raw const __rodata_start)..address(&raw const __rodata_end),
        writable: address(&raw const __data_start)..address(&raw const __kernel_end),
        stack_guard: address(&raw const boot_stack_guard),
    }
}
