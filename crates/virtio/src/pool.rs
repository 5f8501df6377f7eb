//! Equal buffers cut from one region, and who owns them.
//!
//! ```text
//! one buffer:  | room to grow 52 | header 12 | frame …                                   |
//!              0                 52          64 = FRAME_OFFSET                  buffer_size
//! ```
//!
//! The frame begins on a cache line, so that all headers of an ordinary packet lie in one or two. Links between the
//! buffers of a frame are kept apart from the buffers: no device is told of them, and a tail is carried from ring to
//! ring without its memory being touched.
#![expect(unsafe_code, reason = "buffers are raw memory, shared with a device")]

use crate::dma::Region;
use crate::header::NetHeader;
use core::cell::Cell;
use core::ptr::NonNull;

/// Where a received frame begins in its buffer, in bytes; its virtio header lies before it.
pub const FRAME_OFFSET: u16 = 64;

/// Buffers of one size, shared by all NICs so that a frame can go from one to another.
///
/// Not `Sync`: one core, one pool.
pub struct Pool<'m> {
    links: &'m [Cell<Link>],
    buffers: NonNull<u8>,
    physical: u64,
    buffer_size: u16,
    /// Head of the list of free buffers, last in first out: the next one is still in the caches.
    free: Cell<u16>,
    available: Cell<u16>,
}

/// A buffer in someone's hand, with every buffer linked behind it. Neither `Copy` nor `Clone`: whoever holds the
/// value owns the memory, until it moves into a ring or back into the pool.
#[derive(Debug)]
pub(crate) struct Buf(u16);

/// What the pool remembers of a buffer.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Link {
    /// The next buffer of the same frame, or of the free list; [`NONE`] at the end.
    pub next: u16,
    /// Where the buffer's part of a frame begins, and how long it is, in bytes. Unused in a frame's first buffer.
    pub start: u16,
    pub len: u16,
}

/// No buffer.
pub(crate) const NONE: u16 = u16::MAX;

/// Memory as a device is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub address: u64,
    pub len: u32,
}

impl<'m> Pool<'m> {
    /// The smallest useful buffer: a frame of 1,536 bytes with everything before it.
    pub const MIN_BUFFER_SIZE: u16 = 2048;

    /// Pages for `count` buffers of `buffer_size` bytes and their links.
    pub const fn pages(count: u16, buffer_size: u16) -> usize {
        Self::buffers_offset(count, buffer_size)
            .saturating_add(count as usize * buffer_size as usize)
            .div_ceil(crate::PAGE)
    }

    /// Cuts a region of [`pages`](Self::pages) pages into buffers.
    ///
    /// Panics where the region is shorter, `count` is `u16::MAX` or `buffer_size` is no power of two or below
    /// [`MIN_BUFFER_SIZE`](Self::MIN_BUFFER_SIZE).
    pub fn new(region: Region<'m>, count: u16, buffer_size: u16) -> Self {
        assert!(count < NONE && buffer_size >= Self::MIN_BUFFER_SIZE && buffer_size.is_power_of_two());
        let offset = Self::buffers_offset(count, buffer_size);
        let buffers = region.at::<u8>(offset, usize::from(count) * usize::from(buffer_size));
        let links = region.at::<Cell<Link>>(0, usize::from(count));
        // SAFETY: `at` checked bounds and alignment of `count` links; any initialized bytes are valid `Link`s; the region
        // belongs to us alone for 'm, and its part before `offset` is used for nothing else.
        let links = unsafe { core::slice::from_raw_parts(links.as_ptr(), usize::from(count)) };
        for (link, next) in links.iter().zip(1..) {
            link.set(Link { next: if next < count { next } else { NONE }, ..link.get() });
        }
        Self {
            links,
            buffers,
            physical: region.physical() + offset as u64,
            buffer_size,
            free: Cell::new(if count > 0 { 0 } else { NONE }),
            available: Cell::new(count),
        }
    }

    pub fn buffer_size(&self) -> u16 {
        self.buffer_size
    }

    pub fn count(&self) -> u16 {
        self.links.len() as u16
    }

    /// Free buffers.
    pub fn available(&self) -> u16 {
        self.available.get()
    }

    /// Bytes that a device can write into one buffer, its header included.
    pub(crate) fn receive_capacity(&self) -> u16 {
        self.buffer_size - Self::HEADER_OFFSET
    }

    const HEADER_OFFSET: u16 = FRAME_OFFSET - NetHeader::LEN as u16;

    const fn buffers_offset(count: u16, buffer_size: u16) -> usize {
        (count as usize * size_of::<Link>()).next_multiple_of(buffer_size as usize)
    }

    pub(crate) fn take(&self) -> Option<Buf> {
        let index = self.free.get();
        let link = self.links.get(usize::from(index))?;
        self.free.set(link.replace(Link { next: NONE, start: 0, len: 0 }).next);
        self.available.set(self.available.get() - 1);
        Some(Buf(index))
    }

    /// Takes back a buffer and all that are linked behind it.
    pub(crate) fn give(&self, buf: Buf) {
        let mut index = buf.0;
        while let Some(link) = self.links.get(usize::from(index)) {
            let next = link.replace(Link { next: self.free.get(), start: 0, len: 0 }).next;
            self.free.set(index);
            self.available.set(self.available.get() + 1);
            index = next;
        }
    }

    pub(crate) fn link(&self, index: u16) -> Link {
        self.links[usize::from(index)].get()
    }

    pub(crate) fn set_link(&self, index: u16, link: Link) {
        self.links[usize::from(index)].set(link);
    }

    /// Where a device may write a received header and frame.
    pub(crate) fn receive_segment(&self, buf: &Buf) -> Segment {
        self.segment(buf.0, Self::HEADER_OFFSET, self.receive_capacity())
    }

    /// `len` bytes from `start` in a buffer, as a device is told of them.
    pub(crate) fn segment(&self, index: u16, start: u16, len: u16) -> Segment {
        debug_assert!(start.checked_add(len).is_some_and(|end| end <= self.buffer_size));
        let address = self.physical + u64::from(index) * u64::from(self.buffer_size) + u64::from(start);
        Segment { address, len: u32::from(len) }
    }

    /// `len` bytes from `start` of the first buffer.
    pub(crate) fn bytes<'a>(&'a self, buf: &'a Buf, start: u16, len: u16) -> &'a [u8] {
        self.linked_bytes(buf, buf.0, start, len)
    }

    /// `len` bytes from `start` of the buffer `index`, which is linked behind `owner` or is it.
    pub(crate) fn linked_bytes<'a>(&'a self, _owner: &'a Buf, index: u16, start: u16, len: u16) -> &'a [u8] {
        let at = self.address(index, start, len);
        // SAFETY: `address` checked the bounds. The borrow of `_owner` proves that no ring (a device) and nobody else
        // holds the buffer, and that nobody has `&mut` to its bytes; the region's memory is initialized.
        unsafe { core::slice::from_raw_parts(at.as_ptr(), usize::from(len)) }
    }

    pub(crate) fn bytes_mut<'a>(&'a self, buf: &'a mut Buf, start: u16, len: u16) -> &'a mut [u8] {
        let at = self.address(buf.0, start, len);
        // SAFETY: as in `linked_bytes`; the exclusive borrow of `buf` makes this the only reference.
        unsafe { core::slice::from_raw_parts_mut(at.as_ptr(), usize::from(len)) }
    }

    fn address(&self, index: u16, start: u16, len: u16) -> NonNull<u8> {
        assert!(index < self.count() && u32::from(start) + u32::from(len) <= u32::from(self.buffer_size));
        let offset = usize::from(index) * usize::from(self.buffer_size) + usize::from(start);
        // SAFETY: the index is below the count and the part within the buffer, so `offset` lies within the region.
        unsafe { self.buffers.add(offset) }
    }
}

impl Buf {
    pub(crate) fn index(&self) -> u16 {
        self.0
    }

    /// Gives up the value but not the ownership, which is with whoever keeps the number.
    pub(crate) fn into_index(self) -> u16 {
        self.0
    }

    /// The other half of [`into_index`](Self::into_index): only for a number that came from there and that nobody
    /// else turns back.
    pub(crate) fn from_index(index: u16) -> Self {
        Self(index)
    }
}

impl Link {
    pub(crate) const fn tail(start: u16, len: u16) -> Self {
        Self { next: NONE, start, len }
    }
}
