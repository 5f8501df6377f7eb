//! A frame in someone's hand.

use crate::header::{NetHeader, RawHeader};
use crate::pool::{Buf, FRAME_OFFSET, Link, NONE, Pool, Segment};
use core::fmt;
use core::mem::ManuallyDrop;

/// An Ethernet frame in one or more buffers of a [`Pool`]; dropping it recycles them.
///
/// The first buffer holds the frame's contiguous head, with room before it to grow. What is in the other buffers, the
/// tail, is carried along and looked at by [`copy_out`](Self::copy_out) alone.
pub struct Frame<'p> {
    pool: &'p Pool<'p>,
    first: Buf,
    /// Where the head begins in the first buffer, at least [`NetHeader::LEN`].
    start: u16,
    head_len: u16,
    /// Buffers.
    segments: u16,
    /// Bytes of head and tail.
    len: u32,
    header: RawHeader,
}

const _: () = assert!(size_of::<Option<Frame<'_>>>() == 32, "frames are moved from hand to hand");

impl<'p> Frame<'p> {
    /// An empty frame with [`FRAME_OFFSET`]` - `[`NetHeader::LEN`] bytes of room before it.
    pub fn allocate(pool: &'p Pool<'p>) -> Option<Self> {
        Some(Self::received(pool, pool.take()?, 0, RawHeader::default()))
    }

    /// A frame whose first `head_len` bytes a device has written to `first`.
    pub(crate) fn received(pool: &'p Pool<'p>, first: Buf, head_len: u16, header: RawHeader) -> Self {
        Self { pool, first, start: FRAME_OFFSET, head_len, segments: 1, len: u32::from(head_len), header }
    }

    /// Adds a received buffer behind `last`, the index of the frame's last one; returns the new last one.
    pub(crate) fn append(&mut self, last: u16, tail: Buf, start: u16, len: u16) -> u16 {
        let tail = tail.into_index();
        self.pool.set_link(last, Link { next: tail, ..self.pool.link(last) });
        self.pool.set_link(tail, Link::tail(start, len));
        self.segments += 1;
        self.len += u32::from(len);
        tail
    }

    pub fn head(&self) -> &[u8] {
        self.pool.bytes(&self.first, self.start, self.head_len)
    }

    pub fn head_mut(&mut self) -> &mut [u8] {
        self.pool.bytes_mut(&mut self.first, self.start, self.head_len)
    }

    /// Bytes of the whole frame.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is asked of who sends it.
    #[inline]
    pub fn header(&self) -> NetHeader {
        // Received headers that cannot be decoded are dropped with their frames.
        self.header.decode().unwrap_or_default()
    }

    #[inline]
    pub fn set_header(&mut self, header: NetHeader) {
        self.header = RawHeader::encode(&header);
    }

    #[inline]
    pub(crate) fn raw_header(&self) -> RawHeader {
        self.header
    }

    /// Cuts the frame to `len` bytes; longer than it is changes nothing.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        self.len = len as u32;
        // The length of each buffer's part shrinks; buffers of which nothing is left go back to the pool.
        let mut left = self.len.saturating_sub(u32::from(self.head_len));
        self.head_len = self.head_len.min(self.len as u16);
        let mut last = self.first.index();
        self.segments = 1;
        while left > 0 {
            last = self.pool.link(last).next;
            let link = self.pool.link(last);
            let len = u32::from(link.len).min(left);
            self.pool.set_link(last, Link { len: len as u16, ..link });
            self.segments += 1;
            left -= len;
        }
        let rest = self.pool.link(last);
        self.pool.set_link(last, Link { next: NONE, ..rest });
        if rest.next != NONE {
            self.pool.give(Buf::from_index(rest.next));
        }
    }

    /// Moves the frame's start forward by `count` bytes; false, and nothing changes, where the head is shorter.
    pub fn trim_front(&mut self, count: usize) -> bool {
        if count > usize::from(self.head_len) {
            return false;
        }
        let count = count as u16;
        self.start += count;
        self.head_len -= count;
        self.len -= u32::from(count);
        self.header = self.header.trimmed(count);
        true
    }

    /// Moves the frame's start back by `count` bytes; false, and nothing changes, where there is no room.
    pub fn grow_front(&mut self, count: usize) -> bool {
        if count > usize::from(self.start) - NetHeader::LEN {
            return false;
        }
        let count = count as u16;
        self.start -= count;
        self.head_len += count;
        self.len += u32::from(count);
        self.header = self.header.grown(count);
        true
    }

    /// Sets the length of a frame that is being built; false, and nothing changes, where its buffer is shorter or it
    /// has a tail.
    pub fn set_len(&mut self, len: usize) -> bool {
        let room = usize::from(self.pool.buffer_size() - self.start);
        if len > room || self.segments != 1 {
            return false;
        }
        self.head_len = len as u16;
        self.len = len as u32;
        true
    }

    /// Copies bytes from `offset` on, tail included; returns how many there were.
    pub fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let (mut skip, mut copied) = (offset, 0);
        let mut part = self.head();
        let mut last = self.first.index();
        loop {
            if let Some(wanted) = part.get(skip..) {
                let count = wanted.len().min(into.len() - copied);
                into[copied..copied + count].copy_from_slice(&wanted[..count]);
                copied += count;
                skip = 0;
            } else {
                skip -= part.len();
            }
            last = self.pool.link(last).next;
            if last == NONE || copied == into.len() {
                return copied;
            }
            let link = self.pool.link(last);
            part = self.pool.linked_bytes(&self.first, last, link.start, link.len);
        }
    }

    pub(crate) fn segments(&self) -> u16 {
        self.segments
    }

    pub(crate) fn is_from(&self, pool: &Pool<'_>) -> bool {
        core::ptr::eq(self.pool, pool)
    }

    /// The index of the first buffer, for [`append`](Self::append).
    pub(crate) fn first(&self) -> u16 {
        self.first.index()
    }

    /// Writes the virtio header before the head.
    pub(crate) fn write_header(&mut self) {
        let at = self.start - NetHeader::LEN as u16;
        if let Some(bytes) = self.pool.bytes_mut(&mut self.first, at, NetHeader::LEN as u16).first_chunk_mut() {
            self.header.write(bytes);
        }
    }

    /// Header and head, as a device is told of them.
    #[inline]
    pub(crate) fn head_segment(&self) -> Segment {
        let header_len = NetHeader::LEN as u16;
        self.pool.segment(self.first.index(), self.start - header_len, self.head_len + header_len)
    }

    /// Each buffer of the tail, as a device is told of it.
    pub(crate) fn tail_segments(&self) -> impl Iterator<Item = Segment> + use<'p> {
        let pool = self.pool;
        let mut last = self.first.index();
        (1..self.segments).map(move |_| {
            last = pool.link(last).next;
            let link = pool.link(last);
            pool.segment(last, link.start, link.len)
        })
    }

    /// The buffers without the frame.
    pub(crate) fn into_buf(self) -> Buf {
        // The frame's destructor does not run, so the number is turned back once.
        Buf::from_index(ManuallyDrop::new(self).first.index())
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        self.pool.give(Buf::from_index(self.first.index()));
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("len", &self.len).field("segments", &self.segments).finish_non_exhaustive()
    }
}
