//! What nobody imagined: any bytes as frames, as a configuration, as what a device does.
//!
//! A target is a function of bytes that must not panic. `cargo xtask fuzz` runs them under libFuzzer, which looks for
//! bytes that take new paths; `cargo test` replays the corpora, and whatever once made a target fail is kept there.

#![forbid(unsafe_code)]

pub mod frame;
pub mod nacl_structure;
pub mod nacl_text;
pub mod operations;
pub mod ring_device;

/// Takes numbers from bytes; zeros when there are no more.
struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn u8(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    fn slice(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}
