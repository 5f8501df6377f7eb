//! A frame in someone's hand: a contiguous head with room before it, an opaque tail, and its offload state.
//!
//! A frame is owned by one stage at a time and moves from the receive ring to the transmit ring without a copy.
//! Dropping it recycles its memory.

/// A frame's memory. The whole router is generic over it: a chain of DMA buffers in the unikernel, a `Vec` in tests.
///
/// The head holds the whole frame, or at least its first [`MIN_HEAD`](Buffer::MIN_HEAD) bytes; what follows the head
/// (the tail) is carried along and never looked at, except through [`copy_out`](Buffer::copy_out).
pub trait Buffer {
    /// Bytes of every frame that are contiguous at least (or the whole frame, where it is shorter): enough for a
    /// link header, an IP header, 128 bytes of extension headers and a transport header.
    const MIN_HEAD: usize = 256;

    /// Free bytes before the frame, for a link header that grows (a VLAN tag is 4 bytes).
    const HEADROOM: usize = 32;

    /// The contiguous first bytes, beginning with the Ethernet destination address.
    fn head(&self) -> &[u8];

    fn head_mut(&mut self) -> &mut [u8];

    /// The whole frame in bytes, head and tail.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts the frame to `len` bytes (Ethernet padding); longer than it is changes nothing.
    fn truncate(&mut self, len: usize);

    /// Moves the frame's start forward by `count` bytes; false, and nothing changes, where the head is shorter.
    fn trim_front(&mut self, count: usize) -> bool;

    /// Moves the frame's start back by `count` bytes of unspecified content; false, and nothing changes, where there
    /// is no room. A fresh or received frame has room for [`HEADROOM`](Buffer::HEADROOM) bytes.
    fn grow_front(&mut self, count: usize) -> bool;

    /// Sets the frame's length within its head's memory, for one that is being built; false, and nothing changes,
    /// where that memory is shorter or the frame has a tail. Bytes that are new to the frame are unspecified.
    fn set_len(&mut self, len: usize) -> bool;

    /// Copies bytes from `offset` on, tail included; returns how many there were.
    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize;

    fn offload(&self) -> Offload;

    fn set_offload(&mut self, offload: Offload);
}

/// What a NIC left undone in a frame, or is asked to do to it (VirtIO 1.2 §5.1.6).
///
/// Offsets are relative to the start of the Ethernet header *as the frame was received*; they move with
/// [`Buffer::trim_front`] and [`Buffer::grow_front`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// The transport checksum field holds the pseudo-header sum only; who sends it on the wire completes it.
    pub partial: Option<PartialChecksum>,
    /// The NIC has verified the transport checksum (VIRTIO_NET_HDR_F_DATA_VALID).
    pub verified: bool,
    /// The frame is longer than the link's MTU, to be cut into segments by who sends it on the wire.
    pub segmentation: Option<Segmentation>,
}

impl Offload {
    pub const NONE: Self = Self { partial: None, verified: false, segmentation: None };
}

/// Sum from `start` to the frame's end, complement, and store at `start + offset`; both in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialChecksum {
    pub start: u16,
    pub offset: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segmentation {
    pub kind: SegmentationKind,
    /// ECN's CWR is set in the first segment only (RFC 3168).
    pub ecn: bool,
    /// Payload bytes of each segment (the MSS); never 0.
    pub size: u16,
    /// Bytes of all headers to be repeated in each segment, Ethernet included; a hint.
    pub header_len: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentationKind {
    Tcp4,
    Tcp6,
    Udp,
}

/// Frames taken from one port in one go, at most [`Burst::CAPACITY`].
pub struct Burst<B> {
    frames: [Option<B>; 32],
    len: usize,
}

impl<B> Burst<B> {
    pub const CAPACITY: usize = 32;

    pub const fn new() -> Self {
        Self { frames: [const { None }; 32], len: 0 }
    }

    /// Gives the frame back where the burst is full.
    pub fn push(&mut self, frame: B) -> Result<(), B> {
        match self.frames.get_mut(self.len) {
            Some(place) => {
                *place = Some(frame);
                self.len += 1;
                Ok(())
            }
            None => Err(frame),
        }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub const fn is_full(&self) -> bool {
        self.len == Self::CAPACITY
    }

    /// The frames, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = &B> + '_ {
        self.frames.iter().take(self.len).flatten()
    }

    /// Empties the burst into the hands of who takes the frames out of their places, which are in the order of arrival.
    pub fn places(&mut self) -> &mut [Option<B>] {
        let len = core::mem::take(&mut self.len);
        self.frames.get_mut(..len).unwrap_or_default()
    }

    /// Empties the burst, in the order of arrival.
    pub fn drain(&mut self) -> impl Iterator<Item = B> + '_ {
        let len = core::mem::take(&mut self.len);
        self.frames.iter_mut().take(len).filter_map(Option::take)
    }
}

impl<B> Default for Burst<B> {
    fn default() -> Self {
        Self::new()
    }
}
