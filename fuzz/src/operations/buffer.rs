//! Frames with a head and a tail, as from a ring that joins segments; counted, so that none gets lost.

use std::cell::Cell;
use std::rc::Rc;
use wire::{Buffer, Offload};

/// Bytes of head memory that an empty frame has: what an outlet promises, and not much more.
const ROOM: usize = 2048;

/// How many frames there are.
#[derive(Clone, Default)]
pub struct Live(Rc<Cell<usize>>);

impl Live {
    pub fn count(&self) -> usize {
        self.0.get()
    }
}

pub struct Frame {
    memory: Vec<u8>,
    start: usize,
    end: usize,
    tail: Vec<u8>,
    offload: Offload,
    live: Live,
}

impl Frame {
    pub fn empty(live: &Live) -> Self {
        Self::received(live, &[], 0)
    }

    /// A frame that came in, of whose bytes `head_len` are contiguous, or as many as must be.
    pub fn received(live: &Live, bytes: &[u8], head_len: usize) -> Self {
        let (head, tail) = bytes.split_at(head_len.max(Self::MIN_HEAD).min(bytes.len()));
        let mut memory = vec![0; (Self::HEADROOM + head.len()).max(ROOM)];
        let end = Self::HEADROOM + head.len();
        memory[Self::HEADROOM..end].copy_from_slice(head);
        live.0.set(live.count() + 1);
        let tail = tail.to_vec();
        Self { memory, start: Self::HEADROOM, end, tail, offload: Offload::NONE, live: live.clone() }
    }

    /// All of it, with a partial checksum completed as a NIC does.
    pub fn on_the_wire(&self) -> Vec<u8> {
        let mut bytes = self.head().to_vec();
        bytes.extend_from_slice(&self.tail);
        if let Some(partial) = self.offload.partial {
            let (start, at) = (usize::from(partial.start), usize::from(partial.start + partial.offset));
            let sum = match wire::checksum::checksum(&bytes[start..]) {
                0 => 0xffff,
                sum => sum,
            };
            bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    fn move_offload(&mut self, moved: impl Fn(usize) -> usize) {
        let moved = |at: u16| u16::try_from(moved(usize::from(at))).expect("offsets stay small");
        if let Some(partial) = &mut self.offload.partial {
            partial.start = moved(partial.start);
        }
        if let Some(segmentation) = &mut self.offload.segmentation {
            segmentation.header_len = moved(segmentation.header_len);
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.live.0.set(self.live.count() - 1);
    }
}

impl Buffer for Frame {
    fn head(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    fn head_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    fn len(&self) -> usize {
        self.end - self.start + self.tail.len()
    }

    fn truncate(&mut self, len: usize) {
        let head_len = self.end - self.start;
        self.tail.truncate(len.saturating_sub(head_len));
        self.end = self.start + head_len.min(len);
    }

    fn trim_front(&mut self, count: usize) -> bool {
        let fits = count <= self.end - self.start;
        if fits {
            self.start += count;
            self.move_offload(|at| at.saturating_sub(count));
        }
        fits
    }

    fn grow_front(&mut self, count: usize) -> bool {
        let fits = count <= self.start;
        if fits {
            self.start -= count;
            self.move_offload(|at| at + count);
        }
        fits
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = self.tail.is_empty() && self.start + len <= self.memory.len();
        if fits {
            self.end = self.start + len;
        }
        fits
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let head = self.head();
        let from_head = head.get(offset..).unwrap_or_default();
        let from_tail = self.tail.get(offset.saturating_sub(head.len())..).unwrap_or_default();
        let bytes = from_head.iter().chain(from_tail);
        into.iter_mut().zip(bytes).map(|(place, byte)| *place = *byte).count()
    }

    fn offload(&self) -> Offload {
        self.offload
    }

    fn set_offload(&mut self, offload: Offload) {
        self.offload = offload;
    }
}
