//! The split virtqueue (VirtIO 1.2 §2.7): buffers are lent to a device and come back.
//!
//! ```text
//! descriptors  size × { address 8, length 4, flags 2, next 2 }                 we write
//! available    flags 2, idx 2, size × descriptor 2, used_event 2               we write
//! used         flags 2, idx 2, size × { descriptor 4, length 4 }, avail_event  the device writes
//! ```
//!
//! The device reads our descriptors; we never read them back. What is out, and what it may have written at most, is in
//! `Shadow`, which the device cannot reach.
#![expect(unsafe_code, reason = "the only place that touches ring memory")]

use crate::dma::Region;
use crate::pool::{Buf, Segment};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, AtomicU32, Ordering, fence};

/// The most descriptors of a queue that we use: so many that a byte is enough to name one.
pub const MAX_QUEUE: u16 = 256;

/// What a device did that no device may do. Its queues are not to be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The used index moved further than there are buffers out.
    UsedIndex { moved: u16, outstanding: u16 },
    /// A descriptor that the queue does not have.
    NoSuchDescriptor { id: u32 },
    /// A descriptor that is not the head of a chain that is out: used twice, or never lent.
    NotOutstanding { id: u32 },
    /// More bytes written than the buffer has.
    Length { written: u32, capacity: u32 },
    /// A received buffer too short for its header, or an empty one behind a frame's first.
    Short { written: u32 },
    /// `num_buffers` is 0 or more than the queue has.
    BufferCount { count: u16 },
    /// A frame of several buffers whose first is not full enough to hold all headers.
    SplitHead { len: u16 },
    /// The device says so itself (DEVICE_NEEDS_RESET).
    NeedsReset,
}

/// What the device may do with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Where the parts of a queue lie, as the device is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueAddresses {
    pub size: u16,
    pub descriptors: u64,
    pub available: u64,
    pub used: u64,
}

#[repr(C)]
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const NO_INTERRUPT: u16 = 1;
const NO_NOTIFY: u16 = 1;

/// One descriptor, as we remember it.
#[derive(Clone, Copy)]
struct Shadow {
    /// The first buffer of the chain that begins here.
    buffer: u16,
    /// The next descriptor of the chain, or of the free list.
    next: u8,
    /// Descriptors of the chain that begins here; 0 where none begins here or it is not out.
    chain: u16,
    /// What the device may write into the chain at most, in bytes.
    capacity: u32,
}

/// A split virtqueue. It owns the buffers that are out.
pub(crate) struct Ring<'m> {
    descriptors: NonNull<Descriptor>,
    available: NonNull<AtomicU16>,
    used: NonNull<AtomicU16>,
    size: u16,
    event_index: bool,
    /// Our available index, chains that are not yet published included.
    pushed: u16,
    published: u16,
    /// How far we have read the used ring, and how far it went when we looked last.
    seen: u16,
    used_index: u16,
    /// Head of the list of free descriptors.
    free: u8,
    room: u16,
    /// Chains out.
    outstanding: u16,
    addresses: QueueAddresses,
    shadow: [Shadow; MAX_QUEUE as usize],
    memory: PhantomData<&'m mut [u8]>,
}

impl<'m> Ring<'m> {
    /// Bytes of memory for a queue of `size` descriptors.
    pub fn memory_len(size: u16) -> usize {
        let (_, used) = Self::offsets(size);
        used + 6 + 8 * usize::from(size)
    }

    /// A queue at `offset` of `memory`, which it alone uses; `size` is a power of two, at most [`MAX_QUEUE`].
    pub fn new(memory: &Region<'m>, offset: usize, size: u16, event_index: bool) -> Self {
        assert!(size.is_power_of_two() && size <= MAX_QUEUE);
        let entries = usize::from(size);
        let (available, used) = Self::offsets(size);
        memory.zero(offset, Self::memory_len(size));
        let physical = memory.physical() + offset as u64;
        let mut shadow = [Shadow { buffer: 0, next: 0, chain: 0, capacity: 0 }; MAX_QUEUE as usize];
        for (at, shadow) in shadow.iter_mut().enumerate() {
            // The last one leads nowhere: it is followed only where there is room, and there is none behind it.
            shadow.next = (at as u8).wrapping_add(1);
        }
        Self {
            descriptors: memory.at(offset, entries),
            available: memory.at(offset + available, 3 + entries),
            used: memory.at(offset + used, 3 + 4 * entries),
            size,
            event_index,
            pushed: 0,
            published: 0,
            seen: 0,
            used_index: 0,
            free: 0,
            room: size,
            outstanding: 0,
            addresses: QueueAddresses {
                size,
                descriptors: physical,
                available: physical + available as u64,
                used: physical + used as u64,
            },
            shadow,
            memory: PhantomData,
        }
    }

    /// Offsets of the available and the used ring (VirtIO 1.2 §2.7.2: aligned to 2 and 4).
    fn offsets(size: u16) -> (usize, usize) {
        let entries = usize::from(size);
        let available = size_of::<Descriptor>() * entries;
        (available, (available + 6 + 2 * entries).next_multiple_of(64))
    }

    pub fn addresses(&self) -> QueueAddresses {
        self.addresses
    }

    /// Descriptors that are free.
    pub fn room(&self) -> u16 {
        self.room
    }

    pub fn size(&self) -> u16 {
        self.size
    }

    /// Chains that the device has not given back, whether or not they are published.
    pub fn outstanding(&self) -> u16 {
        self.outstanding
    }

    /// Lends one buffer; it is the device's from the next [`publish`](Self::publish) on. Gives the buffer back where
    /// no descriptor is free.
    #[inline(always)]
    pub fn push_segment(&mut self, buf: Buf, segment: Segment, access: Access) -> Result<(), Buf> {
        if self.room == 0 {
            return Err(buf);
        }
        let id = self.take_descriptor();
        let (flags, capacity) = match access {
            Access::Read => (0, 0),
            Access::Write => (WRITE, segment.len),
        };
        self.write_descriptor(id, segment, flags, 0);
        self.offer(id, buf, 1, capacity);
        Ok(())
    }

    /// Lends a chain of `count` segments, at least two, for the device to read. Gives it back where descriptors are
    /// missing.
    pub fn push_chain(
        &mut self,
        buf: Buf,
        head: Segment,
        tail: impl Iterator<Item = Segment>,
        count: u16,
    ) -> Result<(), Buf> {
        if self.room < count {
            return Err(buf);
        }
        let first = self.take_descriptor();
        let (mut id, mut segment, mut left) = (first, head, count - 1);
        for next_segment in tail {
            let next = self.take_descriptor();
            self.write_descriptor(id, segment, NEXT, next.into());
            self.shadow[usize::from(id)].next = next;
            (id, segment, left) = (next, next_segment, left - 1);
        }
        assert!(left == 0, "a chain has as many segments as its frame counts");
        self.write_descriptor(id, segment, 0, 0);
        self.offer(first, buf, count, 0);
        Ok(())
    }

    /// Hands everything pushed to the device; true if it asked to be told.
    pub fn publish(&mut self) -> bool {
        let old = self.published;
        if old == self.pushed {
            return false;
        }
        self.published = self.pushed;
        // Release: the device must find the descriptors and the ring's entries behind the index. Its partner is the
        // read barrier that every device issues after it has read `idx`.
        self.available_word(1).store(self.pushed, Ordering::Release);
        // Our index must be visible before we read what the device asked for, or both sides may wait for each other
        // (VirtIO 1.2 §2.7.13.4.1).
        fence(Ordering::SeqCst);
        if self.event_index {
            let event = self.used_word(2 + 4 * usize::from(self.size)).load(Ordering::Relaxed);
            kick_needed(event, self.pushed, old)
        } else {
            self.used_word(0).load(Ordering::Relaxed) & NO_NOTIFY == 0
        }
    }

    /// The next buffer that the device has given back, and how many bytes it says it wrote; checked.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<(Buf, u32)>, Violation> {
        if self.seen == self.used_index && !self.look()? {
            return Ok(None);
        }
        let (id, written) = self.used_entry(self.seen);
        if id >= u32::from(self.size) {
            return Err(Violation::NoSuchDescriptor { id });
        }
        let head = id as u8;
        let shadow = &mut self.shadow[usize::from(head)];
        let chain = shadow.chain;
        if chain == 0 {
            return Err(Violation::NotOutstanding { id });
        }
        let (buffer, capacity) = (shadow.buffer, shadow.capacity);
        // A device that reads may leave any length (VirtIO 1.2 §2.7.8.2 asks for 0, not all obey).
        if capacity > 0 && written > capacity {
            return Err(Violation::Length { written, capacity });
        }
        shadow.chain = 0;
        self.seen = self.seen.wrapping_add(1);
        self.outstanding -= 1;
        self.give_descriptors(head, chain);
        Ok(Some((Buf::from_index(buffer), written)))
    }

    /// Whether the device has given something back that was not yet popped.
    pub fn has_used(&self) -> bool {
        self.used_word(1).load(Ordering::Relaxed) != self.seen
    }

    /// Asks for an interrupt at the next buffer that comes back; false if one is there already, so that waiting for
    /// the interrupt would be waiting too long.
    pub fn arm(&mut self) -> bool {
        if self.event_index {
            self.available_word(2 + usize::from(self.size)).store(self.seen, Ordering::Relaxed);
        } else {
            self.available_word(0).store(0, Ordering::Relaxed);
        }
        // Partner: the device's fence between its used index and its look at what we asked for (§2.7.7.1).
        fence(Ordering::SeqCst);
        !self.has_used()
    }

    /// Asks for no interrupts. With the event index nothing needs doing: an event that has passed does not come again
    /// before the index has gone round.
    pub fn disarm(&mut self) {
        if !self.event_index {
            self.available_word(0).store(NO_INTERRUPT, Ordering::Relaxed);
        }
    }

    /// Takes back every buffer that is out. Only for a device that has been reset and said so: it must not write any
    /// more.
    pub fn reclaim(&mut self) -> impl Iterator<Item = Buf> + '_ {
        self.outstanding = 0;
        self.shadow.iter_mut().filter(|shadow| shadow.chain > 0).map(|shadow| {
            shadow.chain = 0;
            Buf::from_index(shadow.buffer)
        })
    }

    /// Reads how far the device is; false if no further than we are.
    fn look(&mut self) -> Result<bool, Violation> {
        // Acquire: its partner is the device's write barrier between the entry and the index.
        let index = self.used_word(1).load(Ordering::Acquire);
        let moved = index.wrapping_sub(self.seen);
        if moved > self.outstanding {
            return Err(Violation::UsedIndex { moved, outstanding: self.outstanding });
        }
        self.used_index = index;
        Ok(moved > 0)
    }

    #[inline(always)]
    fn offer(&mut self, head: u8, buf: Buf, chain: u16, capacity: u32) {
        let shadow = &mut self.shadow[usize::from(head)];
        shadow.buffer = buf.into_index();
        shadow.chain = chain;
        shadow.capacity = capacity;
        self.available_entry(self.pushed).store(head.into(), Ordering::Relaxed);
        self.pushed = self.pushed.wrapping_add(1);
        self.outstanding += 1;
    }

    /// The caller has checked that one is free.
    #[inline(always)]
    fn take_descriptor(&mut self) -> u8 {
        let id = self.free;
        self.free = self.shadow[usize::from(id)].next;
        self.room -= 1;
        id
    }

    #[inline(always)]
    fn give_descriptors(&mut self, head: u8, count: u16) {
        let mut last = head;
        for _ in 1..count {
            last = self.shadow[usize::from(last)].next;
        }
        self.shadow[usize::from(last)].next = self.free;
        self.free = head;
        self.room += count;
    }

    #[inline(always)]
    fn write_descriptor(&mut self, id: u8, segment: Segment, flags: u16, next: u16) {
        assert!(u16::from(id) < self.size);
        let descriptor = Descriptor { address: segment.address, len: segment.len, flags, next };
        // SAFETY: `id` is below the size, so the descriptor lies in the ring's memory, which `self` owns for 'm. The
        // device reads it only after the next `publish`, and not any more once it has given the chain back.
        unsafe { self.descriptors.add(usize::from(id)).write(descriptor) }
    }

    /// Word `at` of the available ring: flags, idx, entries, used_event.
    fn available_word(&self, at: usize) -> &AtomicU16 {
        assert!(at < 3 + usize::from(self.size));
        // SAFETY: the ring has 3 + size words (checked in `new` by `Region::at`), in memory that lives for 'm; both
        // sides access it atomically.
        unsafe { self.available.add(at).as_ref() }
    }

    /// The entry of the available ring for an index.
    #[inline(always)]
    fn available_entry(&self, index: u16) -> &AtomicU16 {
        let at = 2 + usize::from(index & (self.size - 1));
        // SAFETY: the size is a power of two (checked in `new`), so the entry is one of `size`, which lie behind flags
        // and index; else as in `available_word`.
        unsafe { self.available.add(at).as_ref() }
    }

    /// Word `at` of the used ring: flags, idx, entries of 4 words, avail_event.
    fn used_word(&self, at: usize) -> &AtomicU16 {
        assert!(at < 3 + 4 * usize::from(self.size));
        // SAFETY: as in `available_word`; the ring has 3 + 4 × size words.
        unsafe { self.used.add(at).as_ref() }
    }

    /// Descriptor and length of the used ring's entry for an index.
    #[inline(always)]
    fn used_entry(&self, index: u16) -> (u32, u32) {
        let at = 2 + 4 * usize::from(index & (self.size - 1));
        // SAFETY: the size is a power of two (checked in `new`), so the entry is one of `size`, which lie behind flags
        // and index. The ring is aligned to 64 bytes and `at` is even, so both double words are aligned to 4. The
        // device may write meanwhile, if it lies; atomic reads make that harmless.
        let (id, len) = unsafe {
            (self.used.add(at).cast::<AtomicU32>().as_ref(), self.used.add(at + 2).cast::<AtomicU32>().as_ref())
        };
        (id.load(Ordering::Relaxed), len.load(Ordering::Relaxed))
    }
}

/// Did `old..new` step over `event`? (VirtIO 1.2 §2.7.10; Linux `vring_need_event`)
const fn kick_needed(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsedIndex { moved, outstanding } => {
                write!(f, "used index moved by {moved} with {outstanding} buffers out")
            }
            Self::NoSuchDescriptor { id } => write!(f, "used descriptor {id} does not exist"),
            Self::NotOutstanding { id } => write!(f, "used descriptor {id} was not lent"),
            Self::Length { written, capacity } => write!(f, "{written} bytes written to a buffer of {capacity}"),
            Self::Short { written } => write!(f, "only {written} bytes written to a buffer"),
            Self::BufferCount { count } => write!(f, "a frame of {count} buffers"),
            Self::SplitHead { len } => write!(f, "a frame's headers split after {len} bytes"),
            Self::NeedsReset => f.write_str("device asks for a reset"),
        }
    }
}

impl core::error::Error for Violation {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kick_is_needed_exactly_when_the_event_index_was_stepped_over() {
        //  old    new    event   kick
        let table = [
            (0, 1, 0, true),
            (1, 2, 0, false),
            (0, 32, 31, true),
            (0, 32, 32, false),
            (65533, 1, 65534, true),
            (65533, 1, 65532, false),
            (65533, 1, 1, false),
        ];
        for (old, new, event, kick) in table {
            assert_eq!(kick_needed(event, new, old), kick, "{old}..{new}, event {event}");
        }
    }
}
