use super::*;
use crate::transport::fake::{FakeDevice, FakeMemory};
use alloc::vec;
use alloc::vec::Vec;

/// What QEMU offers with a TAP, as far as it matters to us.
const OFFERED: u64 = 0x1_2001_bfa3 | 1 << 3;
const BUFFER: u16 = 2048;

/// Runs `test` with a device of `queue_size` and a driver over `buffers` buffers.
fn with_net(
    queue_size: u16,
    buffers: u16,
    test: impl for<'p> FnOnce(&FakeDevice<'p>, &mut Net<'p, FakeDevice<'p>>, &'p Pool<'p>),
) {
    with_features(OFFERED, queue_size, buffers, test);
}

fn with_features(
    features: u64,
    queue_size: u16,
    buffers: u16,
    test: impl for<'p> FnOnce(&FakeDevice<'p>, &mut Net<'p, FakeDevice<'p>>, &'p Pool<'p>),
) {
    let memory = FakeMemory::new(Pool::pages(buffers, BUFFER) + 8);
    let mut dma = &memory;
    let pool = Pool::new(dma.allocate(Pool::pages(buffers, BUFFER)).unwrap(), buffers, BUFFER);
    let device = FakeDevice::new(&memory, features, queue_size);
    let offer = Offer::open(device.clone()).unwrap();
    let wanted = Features::for_forwarding([offer.features()].into_iter());
    let mut net = offer.start(wanted, &pool, &mut dma, MAX_QUEUE, None).unwrap();
    test(&device, &mut net, &pool);
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 256) as u8).collect()
}

fn whole(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = vec![0; frame.len()];
    assert_eq!(frame.copy_out(0, &mut bytes), frame.len());
    bytes
}

const PLAIN: [u8; 12] = [0; 12];
/// NEEDS_CSUM and a verified checksum; TCPv4 with ECN; headers of 66 bytes, segments of 1448, checksum at 34 + 16.
const OFFLOADED: [u8; 12] = [3, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0];

#[test]
fn a_frame_goes_from_ring_to_ring_with_every_byte_and_its_offload_state() {
    for len in [14, 60, 1514, 1984, 1985, 9014, 65_226] {
        with_net(64, 128, |device, net, pool| {
            let bytes = pattern(len);
            let header = if len > 1514 { OFFLOADED } else { PLAIN };
            assert!(device.deliver(header, &bytes));
            let frame = net.receive().unwrap();
            assert_eq!(whole(&frame), bytes, "{len}");
            assert!(frame.head().len() == len || frame.head().len() >= 256);
            net.transmit(frame);
            net.flush();
            let sent = device.send();
            let sent_header = if len > 1514 { [1, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0] } else { PLAIN };
            assert_eq!(sent, [[sent_header.to_vec(), bytes].concat()], "{len}");
            net.flush();
            assert_eq!(pool.available(), 128 - 64, "every buffer came back");
            assert_eq!(net.counters().received, 1);
            assert_eq!(net.counters().transmitted, 1);
        });
    }
}

#[test]
fn segmentation_is_not_agreed_on_where_a_queue_cannot_hold_the_largest_frame() {
    assert_eq!(Offer::<FakeDevice<'_>>::segmentation_queue(BUFFER), 34);
    for (queue_size, agreed) in [(32, false), (64, true)] {
        with_net(queue_size, 128, |device, net, _| {
            assert_eq!(net.features().contains(Features::GUEST_TSO4), agreed, "{queue_size}");
            assert_eq!(device.deliver(if agreed { OFFLOADED } else { PLAIN }, &pattern(65_535 + 22)), agreed);
        });
    }
}

#[test]
fn dropping_a_frame_recycles_all_of_its_buffers() {
    with_net(64, 128, |device, net, pool| {
        for _ in 0..100 {
            assert!(device.deliver(OFFLOADED, &pattern(40_000)));
            drop(net.receive().unwrap());
            net.flush();
            assert_eq!(pool.available(), 64);
        }
    });
}

#[test]
fn a_burst_is_kicked_once() {
    with_net(64, 256, |device, net, pool| {
        let kicks = device.kicks(1);
        queue(net, pool, 32);
        assert_eq!(device.peek_sent().len(), 32);
        assert_eq!(device.kicks(1) - kicks, 1);
        device.ask_for_kick(1, 40);
        let mut frame = Frame::allocate(pool).unwrap();
        assert!(frame.set_len(60));
        net.transmit(frame);
        net.flush();
        assert_eq!(device.kicks(1) - kicks, 1, "the device did not ask for one");
    });
}

#[test]
fn frames_wait_for_room_and_leave_in_order() {
    with_net(16, 512, |device, net, pool| {
        for number in 0..50 {
            let mut frame = Frame::allocate(pool).unwrap();
            assert!(frame.set_len(60));
            frame.head_mut().fill(number);
            net.transmit(frame);
        }
        net.flush();
        assert!(net.is_congested());
        let mut order = Vec::new();
        while net.is_congested() || net.in_flight() > 0 {
            order.extend(device.send().iter().map(|bytes| bytes[12]));
            net.flush();
        }
        assert_eq!(order, (0..50).collect::<Vec<_>>());
        assert_eq!(net.counters().waited, 34);
    });
}

#[test]
fn an_endless_flood_to_a_dead_device_is_bounded_and_counted() {
    with_net(16, 512, |_, net, pool| {
        let mut made = 0;
        while let Some(mut frame) = Frame::allocate(pool) {
            assert!(frame.set_len(60));
            net.transmit(frame);
            net.flush();
            made += 1;
            if made == 10_000 {
                break;
            }
        }
        assert_eq!(net.counters().overrun, 10_000 - 16 - 128);
    });
}

#[test]
fn waiting_for_an_interrupt_is_refused_while_there_is_work() {
    with_net(16, 64, |device, net, _| {
        assert!(net.arm());
        assert_eq!(device.used_event(0), 0);
        device.deliver(PLAIN, &pattern(60));
        assert!(!net.arm());
        net.receive().unwrap();
        net.flush();
        assert!(net.arm());
        assert_eq!(device.used_event(0), 1);
    });
}

/// Queues so many small frames.
fn queue<'p>(net: &mut Net<'p, FakeDevice<'p>>, pool: &'p Pool<'p>, count: u16) {
    for _ in 0..count {
        let mut frame = Frame::allocate(pool).unwrap();
        assert!(frame.set_len(60));
        net.transmit(frame);
    }
    net.flush();
}

#[test]
fn an_interrupt_tells_that_a_lone_frame_is_out_and_none_that_a_burst_is() {
    for (count, told) in [(1, true), (FEW, true), (FEW + 1, false), (32, false)] {
        with_net(64, 256, |device, net, pool| {
            // Moves the queue on: a place that nobody asked for is another one than the next.
            queue(net, pool, 1);
            assert_eq!(device.send().len(), 1);
            queue(net, pool, count);
            assert!(net.arm(), "{count}");
            assert_eq!(device.used_event(1) == 1, told, "{count}");
        });
    }
}

#[test]
fn a_lying_device_is_taken_down_and_every_buffer_comes_back() {
    type Lie = fn(&FakeDevice<'_>);
    let lies: [(&str, Lie, Violation); 10] = [
        ("an id out of range", |d| d.put_used(0, 16, 60), Violation::NoSuchDescriptor { id: 16 }),
        ("a huge id", |d| d.put_used(0, u32::MAX, 60), Violation::NoSuchDescriptor { id: u32::MAX }),
        ("a length beyond the buffer", |d| d.put_used(0, 3, 1997), Violation::Length { written: 1997, capacity: 1996 }),
        ("nothing written", |d| d.put_used(0, 3, 0), Violation::Short { written: 0 }),
        ("half a header", |d| d.put_used(0, 3, 11), Violation::Short { written: 11 }),
        ("an index that jumps", |d| d.set_used_index(0, 17), Violation::UsedIndex { moved: 17, outstanding: 16 }),
        (
            "an index that runs backwards",
            |d| d.set_used_index(0, u16::MAX),
            Violation::UsedIndex { moved: u16::MAX, outstanding: 16 },
        ),
        (
            "one buffer twice",
            |d| {
                d.deliver(PLAIN, &pattern(60));
                d.put_used(0, 0, 72);
            },
            Violation::NotOutstanding { id: 0 },
        ),
        ("no buffers", |d| lie_about_count(d, 0, 72), Violation::BufferCount { count: 0 }),
        ("more buffers than there are", |d| lie_about_count(d, 17, 72), Violation::BufferCount { count: 17 }),
    ];
    for (name, lie, violation) in lies {
        with_net(16, 64, |device, net, pool| {
            lie(device);
            while net.receive().is_some() {}
            assert_eq!(net.down(), Some(violation), "{name}");
            assert!(device.is_reset(), "{name}");
            assert_eq!(pool.available(), 64, "{name}");
            assert!(!net.check());
            let mut frame = Frame::allocate(pool).unwrap();
            assert!(frame.set_len(60));
            net.transmit(frame);
            net.flush();
            assert_eq!(net.counters().overrun, 1, "{name}");
        });
    }
}

/// Delivers one buffer and says that there are `count`.
fn lie_about_count(device: &FakeDevice<'_>, count: u16, written: u32) {
    let chain = device.next_chain(0).unwrap();
    let [low, high] = count.to_le_bytes();
    device.write(chain.segments[0].0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, low, high]);
    device.put_used(0, u32::from(chain.id), written);
}

#[test]
fn lies_about_what_was_sent_are_found_as_well() {
    with_net(16, 64, |device, net, pool| {
        let mut frame = Frame::allocate(pool).unwrap();
        assert!(frame.set_len(60));
        net.transmit(frame);
        net.flush();
        let (id, _) = device.peek_sent().pop().unwrap();
        device.put_used(1, u32::from(id), 4_000_000);
        net.flush();
        assert_eq!(net.down(), None, "the length of what was read means nothing");
        device.put_used(1, u32::from(id), 0);
        net.flush();
        assert_eq!(net.down(), Some(Violation::UsedIndex { moved: 1, outstanding: 0 }));
        assert_eq!(pool.available(), 64);
    });
}

#[test]
fn headers_split_over_buffers_take_the_device_down() {
    with_net(16, 64, |device, net, _| {
        lie_about_count(device, 2, 12 + 255);
        assert!(net.receive().is_none());
        assert_eq!(net.down(), Some(Violation::SplitHead { len: 255 }));
    });
}

#[test]
fn an_empty_buffer_behind_the_first_takes_the_device_down() {
    with_net(16, 64, |device, net, pool| {
        lie_about_count(device, 2, 1996);
        lie_about_count(device, 0, 0);
        assert!(net.receive().is_none());
        assert_eq!(net.down(), Some(Violation::Short { written: 0 }));
        assert_eq!(pool.available(), 64);
    });
}

#[test]
fn a_frame_whose_buffers_come_one_by_one_is_received_when_the_last_is_there() {
    with_net(16, 64, |device, net, pool| {
        lie_about_count(device, 3, 1996);
        assert!(net.receive().is_none());
        lie_about_count(device, 0, 1996);
        assert!(net.receive().is_none());
        lie_about_count(device, 0, 100);
        assert_eq!(net.receive().unwrap().len(), 1984 + 1996 + 100);
        net.flush();
        assert_eq!(pool.available(), 48);
    });
}

#[test]
fn headers_that_ask_for_what_was_not_agreed_are_counted_and_dropped() {
    let table: [(&str, [u8; 12]); 6] = [
        ("UDP fragmentation offload", [1, 3, 42, 0, 0xa8, 5, 34, 0, 6, 0, 0, 0]),
        ("an unknown kind", [1, 9, 42, 0, 0xa8, 5, 34, 0, 6, 0, 0, 0]),
        ("segments of no bytes", [1, 1, 54, 0, 0, 0, 34, 0, 16, 0, 0, 0]),
        ("segments without a checksum", [0, 1, 54, 0, 0xa8, 5, 0, 0, 0, 0, 0, 0]),
        ("a checksum beyond the frame", [1, 0, 0, 0, 0, 0, 34, 0, 0xff, 0xff, 0, 0]),
        ("a checksum that ends beyond the frame", [1, 0, 0, 0, 0, 0, 59, 0, 0, 0, 0, 0]),
    ];
    for (name, header) in table {
        with_net(16, 64, |device, net, pool| {
            device.deliver(header, &pattern(60));
            assert!(net.receive().is_none(), "{name}");
            assert_eq!((net.counters().bad_header, net.down()), (1, None), "{name}");
            net.flush();
            assert_eq!(pool.available(), 48);
        });
    }
}

#[test]
fn a_device_that_does_not_reset_keeps_its_buffers() {
    with_net(16, 64, |device, net, pool| {
        device.refuse_reset();
        device.put_used(0, 99, 1);
        assert!(net.receive().is_none());
        assert!(net.down().is_some());
        assert_eq!(pool.available(), 48, "it may still write to them");
    });
}

#[test]
fn a_device_that_gives_itself_up_is_noticed() {
    with_net(16, 64, |device, net, _| {
        assert!(net.check());
        device.set_status_bits(status::NEEDS_RESET);
        assert!(!net.check());
        assert_eq!(net.down(), Some(Violation::NeedsReset));
    });
}

#[test]
fn frames_grow_and_shrink_at_both_ends() {
    with_net(64, 128, |device, net, pool| {
        device.deliver(OFFLOADED, &pattern(5000));
        let mut frame = net.receive().unwrap();
        let bytes = pattern(5000);
        assert!(frame.grow_front(52));
        assert!(!frame.grow_front(1));
        assert_eq!(frame.header().csum_start, 34 + 52);
        assert!(frame.trim_front(52));
        assert_eq!(whole(&frame), bytes);
        assert!(!frame.trim_front(1985));
        assert!(!frame.set_len(100), "it has a tail");
        let mut part = [0; 100];
        assert_eq!(frame.copy_out(1950, &mut part), 100);
        assert_eq!(part, bytes[1950..2050]);
        assert_eq!(frame.copy_out(4950, &mut part), 50);
        assert_eq!(frame.copy_out(5000, &mut part), 0);
        assert_eq!(frame.copy_out(6000, &mut part), 0);
        for len in [6000, 4999, 3980, 3979, 1985, 1984, 100, 0] {
            frame.truncate(len);
            assert_eq!(whole(&frame), bytes[..len.min(5000)], "{len}");
            let buffers = if len > 3980 {
                3
            } else if len > 1984 {
                2
            } else {
                1
            };
            net.flush();
            assert_eq!(pool.available(), 64 - buffers, "{len}");
        }
    });
}

#[test]
fn only_what_was_agreed_is_sent() {
    with_features(OFFERED & !0x3fa3, 16, 64, |device, net, pool| {
        assert_eq!(device.accepted() & 0x3fa3, 0);
        let mut frame = Frame::allocate(pool).unwrap();
        assert!(frame.set_len(60));
        frame.set_header(NetHeader { needs_csum: true, csum_start: 34, csum_offset: 6, ..NetHeader::default() });
        net.transmit(frame);
        net.flush();
        assert_eq!(net.counters().unsupported, 1);
        assert!(device.peek_sent().is_empty());
    });
}

#[test]
fn devices_that_cannot_be_driven_are_refused_with_the_reason() {
    let memory = FakeMemory::new(200);
    let mut dma = &memory;
    let pool = Pool::new(dma.allocate(Pool::pages(64, BUFFER)).unwrap(), 64, BUFFER);
    let open = |features, size| FakeDevice::new(&memory, features, size);
    assert_eq!(Offer::open(open(OFFERED & 0xffff_ffff, 16)).err(), Some(InitError::Legacy));
    let wanted = Features::from_bits(OFFERED);
    let mut start =
        |device: FakeDevice<'_>| Offer::open(device).unwrap().start(wanted, &pool, &mut dma, 16, None).err();
    assert_eq!(start(open(OFFERED, 0)), Some(InitError::Queue(0)));
    let device = open(OFFERED, 16);
    device.refuse_features();
    assert_eq!(start(device), Some(InitError::FeaturesRefused));
}

#[test]
fn what_the_device_says_of_itself_is_reported() {
    with_net(16, 64, |_, net, _| {
        assert_eq!(net.mac(), Some([0x52, 0x54, 0, 0, 0, 1]));
        assert_eq!(net.mtu(), Some(1500));
        assert_eq!(net.queue_sizes(), (16, 16));
    });
}

/// Any sequence of device writes leaves the driver sound; valgrind watches the memory.
#[test]
fn random_device_behaviour_never_breaks_the_books() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..300 {
        with_net(16, 64, |device, net, pool| {
            let mut held: Vec<Frame<'_>> = Vec::new();
            for _ in 0..100 {
                match random() % 12 {
                    0..4 => {
                        device.deliver(PLAIN, &pattern(random() as usize % 9000 + 1));
                    }
                    4 => device.put_used(random() as u16 % 2, random() as u32 % 20, random() as u32 % 2100),
                    5 if random() % 8 == 0 => device.set_used_index(random() as u16 % 2, random() as u16),
                    6 => drop(device.send()),
                    7 => drop(held.pop()),
                    8 => {
                        if let Some(frame) = held.pop() {
                            net.transmit(frame);
                        }
                    }
                    9 => net.flush(),
                    _ => held.extend(net.receive()),
                }
            }
            held.clear();
            while net.down().is_none() && net.in_flight() > 0 {
                device.send();
                net.flush();
            }
            if net.down().is_some() {
                assert_eq!(pool.available(), 64);
            }
        });
    }
}
