//! A device made of memory, for tests: it does what it is told, lies included.
#![expect(unsafe_code, reason = "the device's side of shared memory")]

use super::{QueueAddresses, Transport};
use crate::{Dma, PAGE, Region};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell, UnsafeCell};
use core::ptr::NonNull;

/// Memory that driver and device share. A device's address differs from the CPU's, so that confusing them shows.
pub struct FakeMemory {
    pages: Vec<UnsafeCell<Page>>,
    used: Cell<usize>,
}

#[repr(align(4096))]
struct Page {
    _bytes: [u8; PAGE],
}

const PHYSICAL: u64 = 0x4000_0000;

impl FakeMemory {
    pub fn new(pages: usize) -> Self {
        Self { pages: (0..pages).map(|_| UnsafeCell::new(Page { _bytes: [0xa5; PAGE] })).collect(), used: Cell::new(0) }
    }

    fn len(&self) -> usize {
        self.pages.len() * PAGE
    }

    fn base(&self) -> *mut u8 {
        self.pages.as_ptr().cast_mut().cast()
    }

    /// Copies from a device's address; false where there is no memory.
    fn read(&self, physical: u64, into: &mut [u8]) -> bool {
        let Some(at) = self.offset(physical, into.len()) else { return false };
        // SAFETY: `offset` checked the bounds; the memory is initialized and behind `UnsafeCell`s, and in these
        // single-threaded tests nobody holds a reference into a buffer that is lent to the device.
        unsafe { self.base().add(at).copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
        true
    }

    fn write(&self, physical: u64, bytes: &[u8]) -> bool {
        let Some(at) = self.offset(physical, bytes.len()) else { return false };
        // SAFETY: as in `read`.
        unsafe { self.base().add(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        true
    }

    fn offset(&self, physical: u64, len: usize) -> Option<usize> {
        let at = usize::try_from(physical.checked_sub(PHYSICAL)?).ok()?;
        (at.checked_add(len)? <= self.len()).then_some(at)
    }
}

// SAFETY: every page is given out once and lives in its `UnsafeCell` as long as the shared borrow; it is initialized,
// aligned as `Page` is, and the device finds it at `PHYSICAL` plus its offset.
unsafe impl<'m> Dma<'m> for &'m FakeMemory {
    fn allocate(&mut self, pages: usize) -> Option<Region<'m>> {
        let at = self.used.get();
        let end = at.checked_add(pages).filter(|&end| end <= self.pages.len())?;
        self.used.set(end);
        let base = NonNull::new(self.base())?;
        // SAFETY: `at` lies within the pages; the region's contract is argued above.
        Some(unsafe { Region::new(base.add(at * PAGE), PHYSICAL + (at * PAGE) as u64, pages * PAGE) })
    }
}

/// The device's side. A clone of the handle goes to the driver as its [`Transport`].
#[derive(Clone)]
pub struct FakeDevice<'m>(Rc<Device<'m>>);

struct Device<'m> {
    memory: &'m FakeMemory,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    features: u64,
    accepted: u64,
    status: u8,
    queue_size: u16,
    config: [u8; 12],
    queues: [Queue; 2],
    refuses_features: bool,
    refuses_reset: bool,
}

#[derive(Clone, Default)]
struct Queue {
    addresses: Option<QueueAddresses>,
    next_available: u16,
    used: u16,
    kicks: usize,
}

/// A chain that the driver made available.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub id: u16,
    /// Address, length, and whether the device may write.
    pub segments: Vec<(u64, u32, bool)>,
}

impl<'m> FakeDevice<'m> {
    pub fn new(memory: &'m FakeMemory, features: u64, queue_size: u16) -> Self {
        let config = [0x52, 0x54, 0, 0, 0, 1, 1, 0, 1, 0, 0xdc, 5];
        let state = State { features, queue_size, config, ..State::default() };
        Self(Rc::new(Device { memory, state: RefCell::new(state) }))
    }

    /// It will not agree on features.
    pub fn refuse_features(&self) {
        self.0.state.borrow_mut().refuses_features = true;
    }

    /// It will not complete a reset any more.
    pub fn refuse_reset(&self) {
        self.0.state.borrow_mut().refuses_reset = true;
    }

    pub fn set_status_bits(&self, bits: u8) {
        self.0.state.borrow_mut().status |= bits;
    }

    pub fn accepted(&self) -> u64 {
        self.0.state.borrow().accepted
    }

    pub fn kicks(&self, queue: u16) -> usize {
        self.0.state.borrow().queues[usize::from(queue)].kicks
    }

    pub fn is_reset(&self) -> bool {
        self.0.state.borrow().status == 0
    }

    /// The next chain that the driver has made available in a queue.
    pub fn next_chain(&self, queue: u16) -> Option<Chain> {
        let addresses = self.addresses(queue)?;
        let next = self.0.state.borrow().queues[usize::from(queue)].next_available;
        if self.word(addresses.available + 2) == next {
            return None;
        }
        self.0.state.borrow_mut().queues[usize::from(queue)].next_available = next.wrapping_add(1);
        let entry = addresses.available + 4 + 2 * u64::from(next % addresses.size);
        let mut chain = Chain { id: self.word(entry), segments: Vec::new() };
        let mut id = chain.id;
        loop {
            assert!(id < addresses.size, "the driver makes only descriptors available that exist");
            assert!(chain.segments.len() < usize::from(addresses.size), "the driver's chains end");
            let at = addresses.descriptors + 16 * u64::from(id);
            let mut address = [0; 8];
            self.0.memory.read(at, &mut address);
            let len = u32::from(self.word(at + 8)) | u32::from(self.word(at + 10)) << 16;
            let flags = self.word(at + 12);
            assert!(len > 0, "QEMU gives up on a descriptor of no bytes");
            chain.segments.push((u64::from_le_bytes(address), len, flags & 2 != 0));
            if flags & 1 == 0 {
                return Some(chain);
            }
            id = self.word(at + 14);
        }
    }

    /// Says that a descriptor is used.
    pub fn put_used(&self, queue: u16, id: u32, len: u32) {
        let Some(addresses) = self.addresses(queue) else { return };
        let used = self.0.state.borrow().queues[usize::from(queue)].used;
        let entry = addresses.used + 4 + 8 * u64::from(used % addresses.size);
        self.0.memory.write(entry, &id.to_le_bytes());
        self.0.memory.write(entry + 4, &len.to_le_bytes());
        self.set_used_index(queue, used.wrapping_add(1));
    }

    pub fn set_used_index(&self, queue: u16, index: u16) {
        let Some(addresses) = self.addresses(queue) else { return };
        self.0.state.borrow_mut().queues[usize::from(queue)].used = index;
        self.0.memory.write(addresses.used + 2, &index.to_le_bytes());
    }

    /// Says after which available index it wants to be kicked (event index).
    pub fn ask_for_kick(&self, queue: u16, index: u16) {
        if let Some(addresses) = self.addresses(queue) {
            self.0.memory.write(addresses.used + 4 + 8 * u64::from(addresses.size), &index.to_le_bytes());
        }
    }

    /// The used index after which the driver wants an interrupt (event index).
    pub fn used_event(&self, queue: u16) -> u16 {
        self.addresses(queue).map_or(0, |at| self.word(at.available + 4 + 2 * u64::from(at.size)))
    }

    /// Receives a frame for the driver: `header`, its last two bytes replaced by the number of buffers, and `frame`,
    /// laid into as many buffers as it needs. False where the driver has not lent enough.
    pub fn deliver(&self, header: [u8; 12], frame: &[u8]) -> bool {
        let mut bytes: VecDeque<u8> = header.into_iter().chain(frame.iter().copied()).collect();
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let Some(chain) = self.next_chain(0) else { return false };
            let (address, len, writable) = chain.segments[0];
            assert!(writable && chain.segments.len() == 1);
            let part: Vec<u8> = bytes.drain(..bytes.len().min(len as usize)).collect();
            assert!(self.0.memory.write(address, &part), "the driver lends memory that exists");
            parts.push((chain.id, address, part.len()));
        }
        let count = parts.len() as u16;
        self.0.memory.write(parts[0].1 + 10, &count.to_le_bytes());
        for (id, _, len) in parts {
            self.put_used(0, u32::from(id), len as u32);
        }
        true
    }

    /// Writes into the memory of a chain that was lent.
    pub fn write(&self, address: u64, bytes: &[u8]) -> bool {
        self.0.memory.write(address, bytes)
    }

    /// Everything that the driver has made available for sending, header included, without giving it back.
    pub fn peek_sent(&self) -> Vec<(u16, Vec<u8>)> {
        let mut sent = Vec::new();
        while let Some(chain) = self.next_chain(1) {
            let mut bytes = Vec::new();
            for (address, len, writable) in chain.segments {
                assert!(!writable);
                let mut part = vec![0; len as usize];
                assert!(self.0.memory.read(address, &mut part), "the driver sends memory that exists");
                bytes.extend(part);
            }
            sent.push((chain.id, bytes));
        }
        sent
    }

    /// Sends everything and gives it back.
    pub fn send(&self) -> Vec<Vec<u8>> {
        self.peek_sent()
            .into_iter()
            .map(|(id, bytes)| {
                self.put_used(1, u32::from(id), 0);
                bytes
            })
            .collect()
    }

    fn addresses(&self, queue: u16) -> Option<QueueAddresses> {
        self.0.state.borrow().queues[usize::from(queue)].addresses
    }

    fn word(&self, physical: u64) -> u16 {
        let mut bytes = [0; 2];
        assert!(self.0.memory.read(physical, &mut bytes));
        u16::from_le_bytes(bytes)
    }
}

impl Transport for FakeDevice<'_> {
    fn offered_features(&mut self) -> u64 {
        self.0.state.borrow().features
    }

    fn accept_features(&mut self, features: u64) {
        self.0.state.borrow_mut().accepted = features;
    }

    fn status(&self) -> u8 {
        self.0.state.borrow().status
    }

    fn set_status(&mut self, status: u8) {
        let mut state = self.0.state.borrow_mut();
        if status == 0 {
            if !state.refuses_reset {
                state.queues = Default::default();
                state.status = 0;
            }
            return;
        }
        let refused = state.refuses_features || state.accepted & !state.features != 0;
        state.status = if refused { status & !super::status::FEATURES_OK } else { status };
    }

    fn max_queue_size(&mut self, queue: u16) -> u16 {
        if queue < 2 { self.0.state.borrow().queue_size } else { 0 }
    }

    fn enable_queue(&mut self, queue: u16, addresses: QueueAddresses, _vector: Option<u16>) -> bool {
        self.0.state.borrow_mut().queues[usize::from(queue)].addresses = Some(addresses);
        true
    }

    fn notify(&mut self, queue: u16) {
        self.0.state.borrow_mut().queues[usize::from(queue)].kicks += 1;
    }

    fn read_config(&self, offset: usize, into: &mut [u8]) {
        let config = self.0.state.borrow().config;
        for (byte, at) in into.iter_mut().zip(offset..) {
            *byte = config.get(at).copied().unwrap_or(0);
        }
    }

    fn config_generation(&self) -> u32 {
        0
    }

    fn driver(&self) -> &'static str {
        "fake"
    }
}
