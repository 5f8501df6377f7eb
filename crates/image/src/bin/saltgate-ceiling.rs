//! The least that a guest can do with packets, for the benchmarks: what arrives on one of two NICs leaves by the other,
//! with the addresses of the next link, one hop less to live and the checksum to match. No rules, no memory of anything.
//!
//! It shares nothing with our drivers, so that it bounds them as well: the virtio interface before version 1.0, whose
//! registers are I/O ports and whose queues lie in one piece (VirtIO 1.2 §4.1.4.8, §2.7.2), and the buffers of one NIC's
//! receive queue are the descriptors of the other's transmit queue. It asks nobody for addresses: the far side of a
//! cable is whoever was heard there last. QEMU's `pc` and `q35` only.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "drives devices")]

use core::arch::asm;
use core::sync::atomic::{AtomicU16, Ordering, fence};
use kernel::pci::{self, Function};
use rt::BootArguments;
use saltgate_image::computer::{Computer, panicked, running};
use saltgate_image::origin;

rt::entry!(start);

/// Entries of a queue: what QEMU's device has, and this version of virtio cannot change.
const ENTRIES: u16 = 256;
/// Bytes of a buffer.
const BUFFER: usize = 4096;
const PAGE: usize = 4096;
/// A queue in one piece: descriptors, the available ring, and on the next page the used ring.
const USED_OFFSET: usize = (16 * ENTRIES as usize + 6 + 2 * ENTRIES as usize).next_multiple_of(PAGE);
const QUEUE_PAGES: usize = (USED_OFFSET + 6 + 8 * ENTRIES as usize).div_ceil(PAGE);
/// The device's own header, with the number of merged buffers, in front of each frame.
const HEADER: usize = 12;

/// Checksums and segmentation both ways, merged buffers, headers anywhere in a descriptor, a MAC address.
const FEATURES: u32 = 1 | 1 << 1 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 15 | 1 << 27;

// Registers of the device (VirtIO 1.2 §4.1.4.8), with MSI-X switched on.
const DEVICE_FEATURES: u16 = 0;
const DRIVER_FEATURES: u16 = 4;
const QUEUE_ADDRESS: u16 = 8;
const QUEUE_SIZE: u16 = 12;
const QUEUE_SELECT: u16 = 14;
const QUEUE_NOTIFY: u16 = 16;
const STATUS: u16 = 18;
const QUEUE_VECTOR: u16 = 22;
const MAC: u16 = 24;
const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const NO_INTERRUPT: u16 = 1;
const NO_NOTIFY: u16 = 1;

fn start(boot: BootArguments) -> ! {
    rt::set_panic_hook(panicked);
    // SAFETY: this is the first call of the program, on bare metal; the run time and the linker script say the truth.
    let mut computer = unsafe { Computer::start(&origin(boot)) };
    let (mut nics, mut count) = ([None, None], 0);
    for mut function in pci::scan(computer.ring0) {
        if function.ids() == (0x1af4, 0x1000) && count < nics.len() {
            nics[count] = Nic::open(&mut computer, &mut function);
            count += 1;
        }
    }
    let [Some(mut a), Some(mut b)] = nics else { computer.stay(&"this guest needs two virtio NICs on PCI") };
    computer.console.say(format_args!("ready ceiling"));
    running();
    loop {
        for nic in [&a, &b] {
            nic.interrupts(false);
        }
        while forward(&mut a, &mut b) | forward(&mut b, &mut a) {}
        for nic in [&a, &b] {
            nic.interrupts(true);
        }
        // The devices must see that before we look for what they did meanwhile.
        fence(Ordering::SeqCst);
        if !a.has_news() && !b.has_news() {
            // SAFETY: the machine's interrupt handlers are in place and change no register; `sti` takes effect after
            // the next instruction, so that no interrupt is lost before `hlt`.
            unsafe { asm!("sti", "hlt", "cli") }
        }
    }
}

#[repr(C)]
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

/// A virtqueue (VirtIO 1.2 §2.7).
struct Queue {
    memory: *mut u8,
    /// Of the used ring.
    seen: u16,
    /// Of the available ring, published or not.
    next: u16,
}

struct Nic {
    io: u16,
    mac: [u8; 6],
    /// Who is at the far end of the cable.
    peer: [u8; 6],
    receive: Queue,
    transmit: Queue,
    buffers: *mut u8,
}

/// Hands over what has arrived at one NIC, and takes back what the other has sent; was there anything?
fn forward(from: &mut Nic, to: &mut Nic) -> bool {
    let arrived = from.receive.used_index();
    let mut any = false;
    while from.receive.seen != arrived {
        any = true;
        let (id, len) = from.receive.take();
        let frame = from.buffer(id);
        // SAFETY: a buffer has room for the header; the device is done with it.
        let mut more = unsafe { frame.add(10).cast::<u16>().read() }.saturating_sub(1);
        readdress(frame, from, to);
        // Its number of buffers is for the driver; who sends must leave it 0.
        // SAFETY: as above.
        unsafe { frame.add(10).cast::<u16>().write(0) };
        to.transmit.describe(id, frame, len, 0);
        let mut last = id;
        while more > 0 && from.receive.seen != arrived {
            let (id, len) = from.receive.take();
            to.transmit.describe(id, from.buffer(id), len, 0);
            to.transmit.chain(last, id);
            (last, more) = (id, more - 1);
        }
        to.transmit.offer(id);
    }
    if to.transmit.publish() && to.transmit.wants_notice() {
        to.notify(TRANSMIT);
    }
    let sent = to.transmit.used_index();
    while to.transmit.seen != sent {
        any = true;
        let (mut id, _) = to.transmit.take();
        loop {
            from.receive.offer(id);
            let Some(next) = to.transmit.chained(id) else { break };
            id = next;
        }
    }
    if from.receive.publish() && from.receive.wants_notice() {
        from.notify(RECEIVE);
    }
    any
}

/// What a router does to a packet, and no more: link addresses, time to live, header checksum (RFC 1141).
fn readdress(frame: *mut u8, from: &mut Nic, to: &Nic) {
    // SAFETY: the frame lies in a buffer of 4 KiB that the device is done with.
    let bytes = unsafe { core::slice::from_raw_parts_mut(frame.add(HEADER), 64) };
    from.peer.copy_from_slice(&bytes[6..12]);
    bytes[..6].copy_from_slice(&to.peer);
    bytes[6..12].copy_from_slice(&to.mac);
    if bytes[12..14] == [8, 0] {
        bytes[22] = bytes[22].wrapping_sub(1);
        let sum = u32::from(u16::from_be_bytes([bytes[24], bytes[25]])) + 0x100;
        bytes[24..26].copy_from_slice(&((sum + (sum >> 16)) as u16).to_be_bytes());
    }
}

impl Nic {
    fn open(computer: &mut Computer, function: &mut Function) -> Option<Self> {
        function.enable();
        computer.machine.connect_function(function)?;
        let io = (function.read(0x10) & !3) as u16;
        let mut take = |pages| computer.spare.take(pages).map(|address| address as *mut u8);
        let (receive, transmit) = (Queue::new(take(QUEUE_PAGES)?), Queue::new(take(QUEUE_PAGES)?));
        let buffers = take(usize::from(ENTRIES) * BUFFER / PAGE)?;
        // Reset, noticed, driver.
        [0, 1, 3].into_iter().for_each(|status| out8(io + STATUS, status));
        out32(io + DRIVER_FEATURES, in32(io + DEVICE_FEATURES) & FEATURES);
        for (index, queue) in [(RECEIVE, &receive), (TRANSMIT, &transmit)] {
            out16(io + QUEUE_SELECT, index);
            if in16(io + QUEUE_SIZE) != ENTRIES {
                return None;
            }
            out32(io + QUEUE_ADDRESS, (queue.memory as u64 / PAGE as u64) as u32);
            out16(io + QUEUE_VECTOR, 0);
        }
        let mac = core::array::from_fn(|n| in8(io + MAC + n as u16));
        let mut nic = Self { io, mac, peer: [0xff; 6], receive, transmit, buffers };
        for id in 0..ENTRIES {
            nic.receive.describe(id, nic.buffer(id), BUFFER as u32, WRITE);
            nic.receive.offer(id);
        }
        nic.receive.publish();
        out8(io + STATUS, 7);
        nic.notify(RECEIVE);
        Some(nic)
    }

    fn buffer(&self, id: u16) -> *mut u8 {
        self.buffers.wrapping_add(usize::from(id % ENTRIES) * BUFFER)
    }

    fn notify(&self, queue: u16) {
        out16(self.io + QUEUE_NOTIFY, queue);
    }

    fn interrupts(&self, wanted: bool) {
        for queue in [&self.receive, &self.transmit] {
            queue.available(0).store(if wanted { 0 } else { NO_INTERRUPT }, Ordering::Relaxed);
        }
    }

    fn has_news(&self) -> bool {
        [&self.receive, &self.transmit].iter().any(|queue| queue.used_index() != queue.seen)
    }
}

impl Queue {
    /// An empty one in memory of [`QUEUE_PAGES`] that is its own.
    fn new(memory: *mut u8) -> Self {
        // SAFETY: the memory is spare: mapped, and nobody else's.
        unsafe { memory.write_bytes(0, QUEUE_PAGES * PAGE) };
        Self { memory, seen: 0, next: 0 }
    }

    fn descriptor(&self, id: u16) -> *mut Descriptor {
        self.memory.cast::<Descriptor>().wrapping_add(usize::from(id % ENTRIES))
    }

    fn describe(&mut self, id: u16, buffer: *mut u8, len: u32, flags: u16) {
        // SAFETY: the descriptor lies in the queue, and the device has none of this number at the moment.
        unsafe { self.descriptor(id).write(Descriptor { address: buffer as u64, len, flags, next: 0 }) };
    }

    fn chain(&mut self, id: u16, next: u16) {
        // SAFETY: as `describe`; the chain is not offered yet.
        let descriptor = unsafe { &mut *self.descriptor(id) };
        (descriptor.flags, descriptor.next) = (NEXT, next);
    }

    fn chained(&self, id: u16) -> Option<u16> {
        // SAFETY: the descriptor lies in the queue; devices do not write descriptors.
        let descriptor = unsafe { &*self.descriptor(id) };
        (descriptor.flags & NEXT != 0).then_some(descriptor.next)
    }

    /// A word of the available ring: flags, index, and the entries.
    fn available(&self, word: usize) -> &AtomicU16 {
        // SAFETY: its words follow the descriptors; it has two more than there are entries.
        unsafe { AtomicU16::from_ptr(self.memory.add(16 * usize::from(ENTRIES)).cast::<u16>().add(word)) }
    }

    /// A word of the used ring: flags, index.
    fn used(&self, word: usize) -> &AtomicU16 {
        // SAFETY: the used ring begins at this place and has both.
        unsafe { AtomicU16::from_ptr(self.memory.add(USED_OFFSET).cast::<u16>().add(word)) }
    }

    fn used_index(&self) -> u16 {
        self.used(1).load(Ordering::Acquire)
    }

    /// The next entry of the used ring: which descriptor, and how many bytes. There is one.
    fn take(&mut self) -> (u16, u32) {
        let at = USED_OFFSET + 4 + 8 * usize::from(self.seen % ENTRIES);
        self.seen = self.seen.wrapping_add(1);
        // SAFETY: the entry lies in the used ring; the device wrote it before its index.
        let [id, len] = unsafe { self.memory.add(at).cast::<[u32; 2]>().read() };
        (id as u16 % ENTRIES, len.min(BUFFER as u32))
    }

    fn offer(&mut self, id: u16) {
        self.available(2 + usize::from(self.next % ENTRIES)).store(id, Ordering::Relaxed);
        self.next = self.next.wrapping_add(1);
    }

    /// Shows the device what was offered; was there anything?
    fn publish(&mut self) -> bool {
        let index = self.available(1);
        if index.load(Ordering::Relaxed) == self.next {
            return false;
        }
        index.store(self.next, Ordering::Release);
        // Our index must be visible before we read what the device asked for.
        fence(Ordering::SeqCst);
        true
    }

    fn wants_notice(&self) -> bool {
        self.used(0).load(Ordering::Relaxed) & NO_NOTIFY == 0
    }
}

macro_rules! ports {
    ($($read:ident $write:ident $type:ty, $register:tt;)*) => {$(
        #[allow(dead_code, reason = "not every width is both read and written")]
        fn $read(port: u16) -> $type {
            let value;
            // SAFETY: the port is a register of a NIC that is ours; reading it changes no memory.
            unsafe { asm!(concat!("in ", $register, ", dx"), in("dx") port, out($register) value, options(nostack)) }
            value
        }

        #[allow(dead_code, reason = "not every width is both read and written")]
        fn $write(port: u16, value: $type) {
            // SAFETY: as above; the device writes only to buffers that we have offered.
            unsafe { asm!(concat!("out dx, ", $register), in("dx") port, in($register) value, options(nostack)) }
        }
    )*};
}

ports! {
    in8 out8 u8, "al";
    in16 out16 u16, "ax";
    in32 out32 u32, "eax";
}
