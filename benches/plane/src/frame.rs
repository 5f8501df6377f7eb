//! A frame in one piece of memory, which is used again and again.

use wire::{Buffer, Offload};

const SIZE: usize = 2048;

/// A frame of the bench: all of it is head, and dropping it costs nothing that a router would not pay.
pub struct Frame {
    memory: Box<[u8; SIZE]>,
    start: usize,
    end: usize,
}

impl Frame {
    /// An empty frame with headroom.
    pub fn new() -> Self {
        Self { memory: Box::new([0; SIZE]), start: Self::HEADROOM, end: Self::HEADROOM }
    }

    /// Makes it hold `bytes`, at most 2,000.
    pub fn fill(&mut self, bytes: &[u8]) {
        (self.start, self.end) = (Self::HEADROOM, Self::HEADROOM + bytes.len());
        self.memory[self.start..self.end].copy_from_slice(bytes);
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffer for Frame {
    fn head(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    fn head_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..self.end).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.end - self.start
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }

    fn trim_front(&mut self, count: usize) -> bool {
        let fits = count <= self.len();
        self.start += if fits { count } else { 0 };
        fits
    }

    fn grow_front(&mut self, count: usize) -> bool {
        let fits = count <= self.start;
        self.start -= if fits { count } else { 0 };
        fits
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = self.start + len <= SIZE;
        if fits {
            self.end = self.start + len;
        }
        fits
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let bytes = self.head().get(offset..).unwrap_or_default();
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        count
    }

    fn offload(&self) -> Offload {
        Offload::NONE
    }

    fn set_offload(&mut self, _: Offload) {}
}
