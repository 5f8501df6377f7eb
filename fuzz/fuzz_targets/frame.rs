//! See `saltgate_fuzz::frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| saltgate_fuzz::frame::run(data));
