//! See `saltgate_fuzz::ring_device`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| saltgate_fuzz::ring_device::run(data));
