//! A device that does anything to the rings and buffers that it was lent: every frame that it makes up is whole, and
//! every buffer comes back in the end.

use crate::Bytes;
use virtio::transport::fake::{FakeDevice, FakeMemory};
use virtio::{Dma, Features, Frame, MAX_QUEUE, Offer, Pool};

/// What QEMU offers with a TAP, as far as it matters to us.
const OFFERED: u64 = 0x1_2001_bfab;
const BUFFERS: u16 = 128;
const BUFFER: u16 = 2048;
/// Device status bit (VirtIO 1.2 §2.1).
const NEEDS_RESET: u8 = 64;

/// Two bytes choose features and queue size, the others what happens.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let features = if bytes.u8() & 1 == 0 { OFFERED } else { 1 << 32 | u64::from(bytes.u32()) };
    let queue_size = 1 << (bytes.u8() % 8);
    let memory = FakeMemory::new(Pool::pages(BUFFERS, BUFFER) + 8);
    let mut dma = &memory;
    let region = dma.allocate(Pool::pages(BUFFERS, BUFFER)).expect("as many pages as are needed");
    let pool = Pool::new(region, BUFFERS, BUFFER);
    let device = FakeDevice::new(&memory, features, queue_size);
    let Ok(offer) = Offer::open(device.clone()) else { return };
    let wanted = Features::for_forwarding([offer.features()].into_iter());
    let Ok(mut net) = offer.start(wanted, &pool, &mut dma, MAX_QUEUE, None) else {
        return assert_eq!(pool.available(), BUFFERS);
    };

    let mut kept: Vec<Frame> = Vec::new();
    let mut deaf = false;
    while !bytes.is_empty() {
        match bytes.u8() % 14 {
            0 => {
                let header = std::array::from_fn(|_| bytes.u8());
                let len = usize::from(bytes.u16()) + 1;
                device.deliver(header, &vec![bytes.u8(); len]);
            }
            1 => device.put_used(u16::from(bytes.u8() & 1), bytes.u32(), bytes.u32()),
            // Descriptors that exist, lengths that are possible: lies that go further.
            2 => device.put_used(u16::from(bytes.u8() & 1), u32::from(bytes.u8()) % 256, u32::from(bytes.u16()) % 4096),
            3 => device.set_used_index(u16::from(bytes.u8() & 1), bytes.u16()),
            4 => device.ask_for_kick(u16::from(bytes.u8() & 1), bytes.u16()),
            5 => {
                // A buffer taken from the ring, scribbled on, and given back or not.
                if let Some(chain) = device.next_chain(0) {
                    let scribble = bytes.slice(64).to_vec();
                    chain.segments.iter().for_each(|&(address, _, _)| {
                        device.write(address, &scribble);
                    });
                    if bytes.u8() & 1 == 0 {
                        device.put_used(0, u32::from(chain.id), u32::from(bytes.u16()));
                    }
                }
            }
            6 => drop(device.send()),
            7 => drop(device.peek_sent()),
            8 => kept.extend(net.receive().inspect(whole)),
            9 => {
                if let Some(frame) = kept.pop() {
                    net.transmit(frame);
                }
            }
            10 => {
                if let Some(mut frame) = Frame::allocate(&pool) {
                    frame.set_len(usize::from(bytes.u16()));
                    net.transmit(frame);
                }
            }
            11 => net.flush(),
            12 => {
                net.arm();
                net.wake();
                net.check();
            }
            _ => match bytes.u8() {
                0 => {
                    deaf = true;
                    device.refuse_reset();
                }
                1 => device.set_status_bits(NEEDS_RESET),
                _ => kept.clear(),
            },
        }
    }

    kept.clear();
    device.set_status_bits(NEEDS_RESET);
    net.check();
    net.flush();
    assert!(net.down().is_some(), "a device that gives itself up is taken down");
    assert!(net.receive().is_none(), "nothing comes from a device that is down");
    if !deaf {
        assert_eq!(pool.available(), BUFFERS, "every buffer came back");
    }
}

/// A frame's parts fit together, whatever the device said of them.
fn whole(frame: &Frame) {
    assert!(frame.head().len() <= frame.len());
    let mut bytes = vec![0; frame.len()];
    assert_eq!(frame.copy_out(0, &mut bytes), frame.len());
    assert!(bytes.starts_with(frame.head()));
}
