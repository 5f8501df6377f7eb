//! See `saltgate_fuzz::nacl_structure`. What compiling takes is held against a bound.

#![no_main]

#[path = "../../benches/compile/src/memory.rs"]
mod memory;

use memory::Measured;

#[global_allocator]
static MEMORY: Measured = Measured::new();

/// Most memory for a text of up to 64 KiB, in bytes, the tables and what is said about it included.
const MOST: usize = 64 << 20;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let before = MEMORY.used();
    MEMORY.forget();
    saltgate_fuzz::nacl_structure::run(data);
    let peak = MEMORY.peak().saturating_sub(before);
    assert!(peak <= MOST, "{peak} bytes at a time");
});
