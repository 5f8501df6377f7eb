//! The virtual Ethernet between a host and the plane, as smoltcp sees it: a device.

use crate::Counters;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use wire::{Buffer, IfaceId, MacAddr, ethernet};

/// Frames that wait for the plane, on all Ifaces together.
const TRANSMIT_LEN: usize = 64;
/// The largest frame that can arrive: 65,535 bytes of IP packet after segmentation offload, and a link header.
const MAX_FRAME_LEN: usize = 65_535 + ethernet::HEADER_LEN;
/// The largest packet that a host sends, in bytes: what every buffer has room for.
const MAX_MTU: u16 = 1500;

/// What all hosts share: the queue to the plane, and memory for what is not contiguous.
pub struct Shared<B> {
    pub transmit: VecDeque<(IfaceId, B)>,
    pub counters: Counters,
    /// A received frame whose tail had to be joined to its head.
    joined: Vec<u8>,
    /// A frame for which there was no buffer: smoltcp writes it here and it is lost.
    lost: Vec<u8>,
}

impl<B> Shared<B> {
    pub fn new() -> Self {
        Self {
            transmit: VecDeque::with_capacity(TRANSMIT_LEN),
            counters: Counters::default(),
            joined: alloc::vec![0; MAX_FRAME_LEN],
            lost: alloc::vec![0; usize::from(MAX_MTU) + ethernet::HEADER_LEN],
        }
    }
}

/// One host's end of its Ethernet, for the length of a poll.
pub struct Link<'a, B, A> {
    pub iface: IfaceId,
    pub mac: MacAddr,
    pub mtu: u16,
    pub received: &'a mut VecDeque<B>,
    pub shared: &'a mut Shared<B>,
    pub allocate: &'a mut A,
}

impl<B: Buffer, A: FnMut() -> Option<B>> Device for Link<'_, B, A> {
    type RxToken<'t>
        = Received<'t, B>
    where
        Self: 't;
    type TxToken<'t>
        = Transmit<'t, B, A>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // Reading may mean answering: a frame waits until its answer has a place.
        if self.shared.transmit.len() >= TRANSMIT_LEN {
            return None;
        }
        let frame = self.received.pop_front()?;
        let Shared { transmit, counters, joined, lost } = &mut *self.shared;
        let received = Received { frame, mac: self.mac, joined };
        Some((received, Transmit { iface: self.iface, transmit, counters, lost, allocate: &mut *self.allocate }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        let Shared { transmit, counters, lost, .. } = &mut *self.shared;
        let room = transmit.len() < TRANSMIT_LEN;
        room.then_some(Transmit { iface: self.iface, transmit, counters, lost, allocate: &mut *self.allocate })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.mtu)
    }
}

/// Ethernet with checksums made but not verified: the plane has verified them, and where a NIC left one partial there
/// is nothing to verify.
pub fn capabilities(mtu: u16) -> DeviceCapabilities {
    let mut checksum = ChecksumCapabilities::ignored();
    checksum.ipv4 = Checksum::Tx;
    checksum.udp = Checksum::Tx;
    checksum.tcp = Checksum::Tx;
    checksum.icmpv4 = Checksum::Tx;
    checksum.icmpv6 = Checksum::Tx;
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = usize::from(mtu.min(MAX_MTU)) + ethernet::HEADER_LEN;
    capabilities.checksum = checksum;
    capabilities
}

/// A frame that the plane delivered.
pub struct Received<'t, B> {
    frame: B,
    mac: MacAddr,
    joined: &'t mut [u8],
}

impl<B: Buffer> RxToken for Received<'_, B> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(mut self, read: F) -> R {
        // The plane decided that it is for this host; smoltcp decides by the MAC address, which is another Iface's
        // where the packet came in by that one.
        if let Some(dst) = self.frame.head_mut().first_chunk_mut()
            && !MacAddr(*dst).is_group()
        {
            *dst = self.mac.0;
        }
        let head = self.frame.head();
        if head.len() == self.frame.len() {
            return read(head);
        }
        let len = self.frame.copy_out(0, self.joined).min(self.joined.len());
        read(&self.joined[..len])
    }
}

/// Leave to send one frame.
pub struct Transmit<'t, B, A> {
    iface: IfaceId,
    transmit: &'t mut VecDeque<(IfaceId, B)>,
    counters: &'t mut Counters,
    lost: &'t mut Vec<u8>,
    allocate: &'t mut A,
}

impl<B: Buffer, A: FnMut() -> Option<B>> TxToken for Transmit<'_, B, A> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        // Only now: most frames that are read are not answered.
        let frame = (self.allocate)().and_then(|mut frame| frame.set_len(len).then_some(frame));
        let Some(mut frame) = frame else {
            self.counters.no_buffer += 1;
            if self.lost.len() < len {
                self.lost.resize(len, 0);
            }
            return write(&mut self.lost[..len]);
        };
        // What smoltcp leaves out must not be what the buffer held before.
        frame.head_mut().fill(0);
        let result = write(frame.head_mut());
        self.counters.sent += 1;
        self.transmit.push_back((self.iface, frame));
        result
    }
}

/// A device that has at most one frame to say and hears nothing: how a host is told something.
pub struct Whisper<'a> {
    pub frame: Option<&'a [u8]>,
    pub mtu: u16,
}

impl Device for Whisper<'_> {
    type RxToken<'t>
        = Whispered<'t>
    where
        Self: 't;
    type TxToken<'t>
        = Silence
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Whispered<'_>, Silence)> {
        self.frame.take().map(|frame| (Whispered(frame), Silence))
    }

    fn transmit(&mut self, _: Instant) -> Option<Silence> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.mtu)
    }
}

pub struct Whispered<'t>(&'t [u8]);

impl RxToken for Whispered<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

pub struct Silence;

impl TxToken for Silence {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        write(&mut alloc::vec![0; len])
    }
}
