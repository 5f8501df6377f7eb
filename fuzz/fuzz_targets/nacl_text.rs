//! See `saltgate_fuzz::nacl_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| saltgate_fuzz::nacl_text::run(data));
