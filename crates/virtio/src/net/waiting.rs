//! The short queue before a full transmit queue.

use crate::frame::Frame;

/// A burst may come from each of several ports at once before any of them learns that this one is congested.
const CAPACITY: usize = 128;

/// Frames that wait for room, first in first out.
pub(super) struct Waiting<'p> {
    frames: [Option<Frame<'p>>; CAPACITY],
    first: usize,
    len: usize,
}

impl<'p> Waiting<'p> {
    pub fn new() -> Self {
        Self { frames: [const { None }; CAPACITY], first: 0, len: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// False, and the frame is dropped, where the queue is full.
    pub fn push(&mut self, frame: Frame<'p>) -> bool {
        if self.len == CAPACITY {
            return false;
        }
        self.frames[(self.first + self.len) % CAPACITY] = Some(frame);
        self.len += 1;
        true
    }

    /// Takes the first frame if it fits.
    pub fn pop_if(&mut self, fits: impl FnOnce(&Frame<'p>) -> bool) -> Option<Frame<'p>> {
        let frame = self.frames[self.first].take_if(|frame| fits(frame))?;
        self.first = (self.first + 1) % CAPACITY;
        self.len -= 1;
        Some(frame)
    }

    pub fn clear(&mut self) {
        while self.pop_if(|_| true).is_some() {}
    }
}
