//! See `saltgate_fuzz::operations`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| saltgate_fuzz::operations::run(data));
