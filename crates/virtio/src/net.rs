//! The driver of a virtio network device (VirtIO 1.2 §5.1).
//!
//! [`Offer::open`] asks a device what it can; [`Offer::start`] takes what is wanted of it and starts it. Then, in
//! turns: [`receive`](Net::receive) until it has nothing more, [`transmit`](Net::transmit), and [`flush`](Net::flush)
//! once, which kicks each queue at most once. Before sleeping, [`arm`](Net::arm); after it, [`wake`](Net::wake).
//!
//! Interrupts are asked for by `arm` alone. A frame that finds the transmit queue full waits in a short queue of ours;
//! as long as one waits the port is [congested](Net::is_congested), and who feeds it had better receive less.

mod features;
#[cfg(test)]
mod tests;
mod waiting;

pub use features::Features;

use crate::frame::Frame;
use crate::header::{NetHeader, RawHeader};
use crate::pool::{Buf, FRAME_OFFSET, Pool};
use crate::ring::{Access, MAX_QUEUE, Ring, Violation};
use crate::transport::{Transport, status};
use crate::{Dma, PAGE, Region};
use core::fmt;
use waiting::Waiting;

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
/// Frames of several buffers hold at least so many bytes in the first.
const MIN_HEAD: u16 = 256;
/// The largest IP packet, an Ethernet header with two tags, and a virtio header, in bytes.
const LARGEST_FRAME: usize = 65_535 + 22 + NetHeader::LEN;
/// So many frames on their way are no burst yet.
const FEW: u16 = 4;
/// How often a device's status is read until its reset must be done.
const RESET_PATIENCE: u32 = 100_000;

/// A device that has been asked and not yet started.
pub struct Offer<T> {
    transport: T,
    features: Features,
}

/// A running network device.
pub struct Net<'p, T> {
    transport: T,
    pool: &'p Pool<'p>,
    receive: Ring<'p>,
    transmit: Ring<'p>,
    features: Features,
    mac: Option<[u8; 6]>,
    mtu: Option<u16>,
    /// A frame of several buffers that have not all come yet.
    partial: Option<Partial<'p>>,
    waiting: Waiting<'p>,
    counters: Counters,
    down: Option<Violation>,
}

struct Partial<'p> {
    frame: Frame<'p>,
    /// Index of its last buffer.
    last: u16,
    missing: u16,
}

/// What went through a device, in frames; offload frames count once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub received: u64,
    pub received_bytes: u64,
    pub transmitted: u64,
    pub transmitted_bytes: u64,
    /// Received with a header that asks for what was not negotiated, or points outside of the frame.
    pub bad_header: u64,
    /// Not sent: the queue and the queue before it were full, or the device is down.
    pub overrun: u64,
    /// Not sent: the device cannot do what the frame's header asks for.
    pub unsupported: u64,
    /// Frames that had to wait for room in the transmit queue.
    pub waited: u64,
    pub kicks: u64,
}

/// Why a device could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitError {
    /// Does not do VirtIO 1.
    Legacy,
    ResetTimedOut,
    FeaturesRefused,
    /// A queue is missing, or the device refused it.
    Queue(u16),
    /// No memory for the queues.
    NoMemory,
}

impl<T: Transport> Offer<T> {
    /// Resets the device and asks what it offers.
    pub fn open(mut transport: T) -> Result<Self, InitError> {
        reset(&mut transport)?;
        transport.set_status(status::ACKNOWLEDGE | status::DRIVER);
        let features = Features::from_bits(transport.offered_features());
        if !features.contains(Features::VERSION_1) {
            transport.set_status(status::FAILED);
            return Err(InitError::Legacy);
        }
        Ok(Self { transport, features })
    }

    pub fn features(&self) -> Features {
        self.features
    }

    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The most descriptors that both queues can have, a power of two; 0 where one is missing.
    pub fn max_queue_size(&mut self) -> u16 {
        self.queue_size(RECEIVE).min(self.queue_size(TRANSMIT))
    }

    fn queue_size(&mut self, queue: u16) -> u16 {
        let most = self.transport.max_queue_size(queue).min(MAX_QUEUE);
        most.checked_ilog2().map_or(0, |log| 1 << log)
    }

    /// The descriptors that a queue must have at least if frames that are to be segmented shall pass through it, in
    /// buffers of this size.
    pub fn segmentation_queue(buffer_size: u16) -> u16 {
        (LARGEST_FRAME / usize::from(buffer_size - FRAME_OFFSET) + 1) as u16
    }

    /// Starts the device with those of the `wanted` features that it offers.
    ///
    /// Buffers come from `pool`, queues of at most `queue_size` descriptors, a power of two, from `dma`; all interrupts go to entry
    /// `vector` of its MSI-X table, if there is one.
    pub fn start<'p>(
        mut self,
        wanted: Features,
        pool: &'p Pool<'p>,
        dma: &mut impl Dma<'p>,
        queue_size: u16,
        vector: Option<u16>,
    ) -> Result<Net<'p, T>, InitError> {
        let sizes = [RECEIVE, TRANSMIT].map(|queue| self.queue_size(queue).min(queue_size));
        if let Some(missing) = sizes.iter().position(|&size| size == 0) {
            return Err(InitError::Queue(missing as u16));
        }
        let transport = &mut self.transport;
        let mut features = self.features.and(wanted).consistent();
        // A frame that the queue can never hold would stay before it for ever.
        if sizes[0] < Self::segmentation_queue(pool.buffer_size()) {
            features = features.without(Features::GUEST_TSO).consistent();
        }
        let mtu = u16::from_le_bytes(read_config(transport, 10));
        // Without mergeable buffers a frame must fit into one, or the device could not keep its promise.
        let frame_room = pool.receive_capacity() - NetHeader::LEN as u16;
        if !features.contains(Features::MRG_RXBUF) && mtu.saturating_add(18) > frame_room {
            features = features.without(Features::MTU);
        }
        transport.accept_features(features.bits());
        let ready = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
        transport.set_status(ready);
        if transport.status() & status::FEATURES_OK == 0 {
            return Err(InitError::FeaturesRefused);
        }
        let mac = features.contains(Features::MAC).then(|| read_config(transport, 0));
        let mtu = features.contains(Features::MTU).then_some(mtu).filter(|&mtu| mtu >= 68);

        let second = Ring::memory_len(sizes[0]).next_multiple_of(64);
        let len = second + Ring::memory_len(sizes[1]);
        let region: Region<'p> = dma.allocate(len.div_ceil(PAGE)).ok_or(InitError::NoMemory)?;
        let event_index = features.contains(Features::EVENT_IDX);
        let mut receive = Ring::new(&region, 0, sizes[0], event_index);
        let mut transmit = Ring::new(&region, second, sizes[1], event_index);
        receive.disarm();
        transmit.disarm();
        for (queue, ring) in [(RECEIVE, &receive), (TRANSMIT, &transmit)] {
            if !transport.enable_queue(queue, ring.addresses(), vector) {
                // It may know the other queue's address already and must forget it before the memory is used again.
                return Err(reset(transport).err().unwrap_or(InitError::Queue(queue)));
            }
        }
        transport.set_status(ready | status::DRIVER_OK);
        let mut net = Net {
            transport: self.transport,
            pool,
            receive,
            transmit,
            features,
            mac,
            mtu,
            partial: None,
            waiting: Waiting::new(),
            counters: Counters::default(),
            down: None,
        };
        net.flush();
        Ok(net)
    }
}

impl<'p, T: Transport> Net<'p, T> {
    /// The next received frame.
    pub fn receive(&mut self) -> Option<Frame<'p>> {
        if self.down.is_some() {
            return None;
        }
        loop {
            match self.next_frame() {
                Ok(Some(frame)) if !self.is_sound(&frame) => self.counters.bad_header += 1,
                Ok(Some(frame)) => {
                    self.counters.received += 1;
                    self.counters.received_bytes += frame.len() as u64;
                    return Some(frame);
                }
                Ok(None) => return None,
                Err(violation) => {
                    self.take_down(violation);
                    return None;
                }
            }
        }
    }

    /// Queues a frame; it goes out with the next [`flush`](Self::flush). Where there is no room it is dropped and
    /// counted.
    pub fn transmit(&mut self, frame: Frame<'p>) {
        if self.down.is_some() || !frame.is_from(self.pool) || frame.segments() > self.transmit.size() {
            self.counters.overrun += 1;
        } else if !frame.raw_header().is_plain() && !self.features.can_send(&frame.header()) {
            self.counters.unsupported += 1;
        } else if self.waiting.is_empty() && self.transmit.room() >= frame.segments() {
            self.push(frame);
        } else if self.waiting.push(frame) {
            self.counters.waited += 1;
        } else {
            self.counters.overrun += 1;
        }
    }

    /// Hands over what is queued, takes back what has been sent, lends fresh buffers for receiving.
    pub fn flush(&mut self) {
        if self.down.is_none()
            && let Err(violation) = self.complete()
        {
            self.take_down(violation);
        }
        if self.down.is_some() {
            return;
        }
        while let Some(frame) = self.waiting.pop_if(|frame| frame.segments() <= self.transmit.room()) {
            self.push(frame);
        }
        if self.transmit.publish() {
            self.kick(TRANSMIT);
        }
        while self.receive.room() > 0 {
            let Some(buf) = self.pool.take() else { break };
            let segment = self.pool.receive_segment(&buf);
            if let Err(buf) = self.receive.push_segment(buf, segment, Access::Write) {
                self.pool.give(buf);
                break;
            }
        }
        if self.receive.publish() {
            self.kick(RECEIVE);
        }
    }

    /// Asks for an interrupt at the next event; false if there is something to do already.
    pub fn arm(&mut self) -> bool {
        if self.down.is_some() {
            return true;
        }
        // Sent frames are of interest to those who wait for their room or their buffers. And where few are on their way,
        // what answers them often follows: whoever is awake when it comes takes it up sooner than one who must be woken
        // twice, the host's processor and then this one. Behind a burst that would be an interrupt for nothing.
        let few = (1..=FEW).contains(&self.transmit.outstanding());
        let wants_completion = few || !self.waiting.is_empty() || self.receive.room() > 0;
        let quiet = self.receive.arm();
        if wants_completion { self.transmit.arm() && quiet } else { quiet }
    }

    /// As [`arm`](Self::arm), for the transmit queue alone.
    pub fn arm_transmit(&mut self) -> bool {
        self.down.is_some() || self.waiting.is_empty() || self.transmit.arm()
    }

    /// Whether something has been received, or so the device says: a look at one word.
    #[inline]
    pub fn has_received(&self) -> bool {
        self.down.is_none() && self.receive.has_used()
    }

    /// Ends what [`arm`](Self::arm) began.
    pub fn wake(&mut self) {
        self.transport.acknowledge_interrupt();
        self.receive.disarm();
        self.transmit.disarm();
    }

    /// Whether frames wait for room in the transmit queue.
    pub fn is_congested(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Frames handed to the device that it has not taken yet.
    pub fn in_flight(&self) -> u16 {
        self.transmit.outstanding()
    }

    /// Looks whether the device has given itself up, and whether its link is up. Costs register reads: now and then.
    pub fn check(&mut self) -> bool {
        if self.down.is_none() && self.transport.status() & status::NEEDS_RESET != 0 {
            self.take_down(Violation::NeedsReset);
        }
        let link = !self.features.contains(Features::STATUS)
            || u16::from_le_bytes(read_config(&self.transport, 6)) & LINK_UP != 0;
        self.down.is_none() && link
    }

    /// Why the device was taken down, if it was.
    pub fn down(&self) -> Option<Violation> {
        self.down
    }

    pub fn features(&self) -> Features {
        self.features
    }

    /// Its MAC address, if it has one of its own.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.mac
    }

    /// The largest packet that it carries, in bytes, if it says so.
    pub fn mtu(&self) -> Option<u16> {
        self.mtu
    }

    /// Descriptors of the receive and the transmit queue.
    pub fn queue_sizes(&self) -> (u16, u16) {
        (self.receive.size(), self.transmit.size())
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn driver(&self) -> &'static str {
        self.transport.driver()
    }

    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Whether a frame's header asks only for what was agreed, and points into the frame.
    #[inline]
    fn is_sound(&self, frame: &Frame<'p>) -> bool {
        frame.raw_header().is_plain()
            || frame
                .raw_header()
                .decode()
                .is_some_and(|header| self.features.can_receive(&header) && header.fits(frame.len()))
    }

    /// The next complete frame.
    fn next_frame(&mut self) -> Result<Option<Frame<'p>>, Violation> {
        loop {
            let Some((buf, written)) = self.receive.pop()? else { return Ok(None) };
            if let Some(partial) = self.partial.take() {
                if let Some(frame) = self.next_part(partial, buf, written)? {
                    return Ok(Some(frame));
                }
                continue;
            }
            let (frame, count) = self.first_part(buf, written)?;
            if count == 1 {
                return Ok(Some(frame));
            }
            self.partial = Some(Partial { last: frame.first(), missing: count - 1, frame });
        }
    }

    /// A frame's first buffer, and how many it has. The ring has checked that `written` is no more than the buffer
    /// holds.
    #[inline]
    fn first_part(&self, buf: Buf, written: u32) -> Result<(Frame<'p>, u16), Violation> {
        let header_len = NetHeader::LEN as u16;
        let bytes = self.pool.bytes(&buf, FRAME_OFFSET - header_len, header_len);
        let (header, count) = bytes.first_chunk().map_or((RawHeader::default(), 0), RawHeader::read);
        let count = if self.features.contains(Features::MRG_RXBUF) { count } else { 1 };
        let head_len = (written as u16).saturating_sub(header_len);
        // From here on the frame owns the buffer and recycles it.
        let frame = Frame::received(self.pool, buf, head_len, header);
        if written < u32::from(header_len) {
            return Err(Violation::Short { written });
        }
        if count == 1 {
            return Ok((frame, 1));
        }
        if count == 0 || count > self.receive.size() {
            return Err(Violation::BufferCount { count });
        }
        if head_len < MIN_HEAD {
            return Err(Violation::SplitHead { len: head_len });
        }
        Ok((frame, count))
    }

    /// One more buffer; the frame, if it was the last.
    fn next_part(&mut self, mut partial: Partial<'p>, buf: Buf, written: u32) -> Result<Option<Frame<'p>>, Violation> {
        if written == 0 {
            self.pool.give(buf);
            return Err(Violation::Short { written });
        }
        let start = FRAME_OFFSET - NetHeader::LEN as u16;
        partial.last = partial.frame.append(partial.last, buf, start, written as u16);
        partial.missing -= 1;
        if partial.missing == 0 {
            return Ok(Some(partial.frame));
        }
        self.partial = Some(partial);
        Ok(None)
    }

    /// Puts a frame into the transmit queue, which has room for it.
    fn push(&mut self, mut frame: Frame<'p>) {
        frame.write_header();
        let (head, count, len) = (frame.head_segment(), frame.segments(), frame.len());
        let pushed = if count == 1 {
            self.transmit.push_segment(frame.into_buf(), head, Access::Read)
        } else {
            let tail = frame.tail_segments();
            self.transmit.push_chain(frame.into_buf(), head, tail, count)
        };
        match pushed {
            Ok(()) => {
                self.counters.transmitted += 1;
                self.counters.transmitted_bytes += len as u64;
            }
            Err(buf) => {
                self.counters.overrun += 1;
                self.pool.give(buf);
            }
        }
    }

    /// Recycles what has been sent.
    fn complete(&mut self) -> Result<(), Violation> {
        while let Some((buf, _)) = self.transmit.pop()? {
            self.pool.give(buf);
        }
        Ok(())
    }

    fn kick(&mut self, queue: u16) {
        self.counters.kicks += 1;
        self.transport.notify(queue);
    }

    fn take_down(&mut self, violation: Violation) {
        self.down = Some(violation);
        self.partial = None;
        self.waiting.clear();
        // Buffers come back only from a device that has let go of them; one that does not even reset keeps them.
        if reset(&mut self.transport).is_ok() {
            let pool = self.pool;
            self.receive.reclaim().for_each(|buf| pool.give(buf));
            self.transmit.reclaim().for_each(|buf| pool.give(buf));
        }
    }
}

/// Configuration field `status`: the link is up (§5.1.4).
const LINK_UP: u16 = 1;

fn reset(transport: &mut impl Transport) -> Result<(), InitError> {
    transport.set_status(status::RESET);
    (0..RESET_PATIENCE).any(|_| transport.status() == status::RESET).then_some(()).ok_or(InitError::ResetTimedOut)
}

/// Reads a configuration field that may change meanwhile (§2.5.1).
fn read_config<const N: usize>(transport: &impl Transport, offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    for _ in 0..4 {
        let generation = transport.config_generation();
        transport.read_config(offset, &mut bytes);
        if transport.config_generation() == generation {
            break;
        }
    }
    bytes
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy => {
                f.write_str("the device does not offer VirtIO 1 (start it with disable-legacy=off, disable-modern=off)")
            }
            Self::ResetTimedOut => f.write_str("the device does not complete its reset"),
            Self::FeaturesRefused => f.write_str("the device refuses a subset of the features that it offers"),
            Self::Queue(queue) => write!(f, "the device has no usable queue {queue}"),
            Self::NoMemory => f.write_str("no memory for its queues"),
        }
    }
}

impl core::error::Error for InitError {}
