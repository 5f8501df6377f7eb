//! Frames in a `Vec`, from a pool that takes them back.

use std::cell::RefCell;
use std::rc::Rc;
use wire::{Buffer, Offload};

/// Bytes of a buffer: headroom, the largest frame of an ordinary link, and some room to build in.
const SIZE: usize = 2048;

/// Free memory for frames. After it has been filled, taking and giving back allocates nothing.
#[derive(Clone, Default)]
pub struct Pool {
    free: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Pool {
    /// A pool with `count` buffers at hand; it makes more where these are all out.
    pub fn with_buffers(count: usize) -> Self {
        let free = (0..count).map(|_| vec![0; SIZE]).collect();
        Self { free: Rc::new(RefCell::new(free)) }
    }

    /// An empty frame.
    pub fn empty(&self) -> Frame {
        let memory = self.free.borrow_mut().pop().unwrap_or_else(|| vec![0; SIZE]);
        Frame { memory, start: Frame::HEADROOM, end: Frame::HEADROOM, offload: Offload::NONE, pool: self.clone() }
    }

    /// A frame that holds `bytes`, however many.
    pub fn frame(&self, bytes: &[u8]) -> Frame {
        let mut frame = self.empty();
        frame.end = frame.start + bytes.len();
        if frame.memory.len() < frame.end {
            frame.memory.resize(frame.end, 0);
        }
        if let Some(place) = frame.memory.get_mut(frame.start..frame.end) {
            place.copy_from_slice(bytes);
        }
        frame
    }
}

/// A frame of the simulation: all of it is head.
pub struct Frame {
    memory: Vec<u8>,
    start: usize,
    end: usize,
    offload: Offload,
    pool: Pool,
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.pool.free.borrow_mut().push(std::mem::take(&mut self.memory));
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
        if fits {
            self.start += count;
            self.move_offload(|at| at.checked_sub(count));
        }
        fits
    }

    fn grow_front(&mut self, count: usize) -> bool {
        let fits = count <= self.start;
        if fits {
            self.start -= count;
            self.move_offload(|at| at.checked_add(count));
        }
        fits
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = self.start + len <= self.memory.len();
        if fits {
            self.end = self.start + len;
        }
        fits
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let from = self.head().get(offset..).unwrap_or_default();
        let count = from.len().min(into.len());
        if let (Some(from), Some(into)) = (from.get(..count), into.get_mut(..count)) {
            into.copy_from_slice(from);
        }
        count
    }

    fn offload(&self) -> Offload {
        self.offload
    }

    fn set_offload(&mut self, offload: Offload) {
        self.offload = offload;
    }
}

impl Frame {
    /// Offsets count from the frame's start, so they move with it; what has been cut away takes its offload along.
    fn move_offload(&mut self, moved: impl Fn(usize) -> Option<usize>) {
        let moved = |at: u16| moved(usize::from(at)).and_then(|at| u16::try_from(at).ok());
        self.offload.partial = self
            .offload
            .partial
            .and_then(|partial| moved(partial.start).map(|start| wire::PartialChecksum { start, ..partial }));
        if let Some(segmentation) = &mut self.offload.segmentation {
            segmentation.header_len = moved(segmentation.header_len).unwrap_or(0);
        }
    }

    /// The frame as a NIC would put it on the wire: a partial checksum completed.
    pub fn complete(&mut self) {
        let Some(partial) = self.offload.partial.take() else { return };
        let (start, field) = (usize::from(partial.start), usize::from(partial.start) + usize::from(partial.offset));
        let Some(covered) = self.head().get(start..) else { return };
        let sum = match wire::checksum::checksum(covered) {
            // A UDP checksum that comes out as 0 is sent as its other form (RFC 768).
            0 => 0xffff,
            sum => sum,
        };
        if let Some(place) = self.head_mut().get_mut(field..field + 2) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::PartialChecksum;

    #[test]
    fn a_dropped_frame_goes_back_to_its_pool() {
        let pool = Pool::with_buffers(2);
        let frames = [pool.empty(), pool.frame(&[1; 60]), pool.empty()];
        assert_eq!(pool.free.borrow().len(), 0);
        drop(frames);
        assert_eq!(pool.free.borrow().len(), 3);
    }

    #[test]
    fn the_start_of_a_frame_moves_within_its_memory() {
        let pool = Pool::default();
        let mut frame = pool.frame(&[1, 2, 3, 4]);
        frame.set_offload(Offload { partial: Some(PartialChecksum { start: 2, offset: 0 }), ..Offload::NONE });
        assert!(frame.grow_front(Frame::HEADROOM) && !frame.grow_front(1));
        assert_eq!(frame.offload().partial.map(|partial| partial.start), Some(34));
        assert!(frame.trim_front(33) && frame.head() == [2, 3, 4] && !frame.trim_front(4));
        assert_eq!(frame.offload().partial.map(|partial| partial.start), Some(1));
        assert!(frame.set_len(SIZE - 33) && !frame.set_len(SIZE));
        frame.truncate(3);
        let mut copy = [0; 8];
        assert_eq!((frame.copy_out(1, &mut copy), copy[0]), (2, 3));
        assert_eq!(frame.copy_out(4, &mut copy), 0);
    }

    #[test]
    fn a_partial_checksum_is_completed_as_a_nic_does() {
        let mut frame = Pool::default().frame(&[0xff, 0x12, 0x34, 0x00, 0x00]);
        frame.set_offload(Offload { partial: Some(PartialChecksum { start: 1, offset: 2 }), ..Offload::NONE });
        frame.complete();
        assert_eq!(wire::checksum::checksum(&frame.head()[1..]), 0);
        assert_eq!(frame.offload().partial, None);
    }
}
