//! What the drivers cost without a router: frames from the receive ring of one NIC to the transmit ring of another.
//!
//! ```text
//! cargo xtask bench drivers [--json FILE] [--instructions] [ROW…]
//! ```
//!
//! A row is a kind of frame and how many come at a time: `small-32`. The devices are made of memory; only what the
//! drivers do is measured: taking the frames, passing them on, and the one flush that recycles what was sent, kicks and
//! lends fresh buffers. Every row checks that no frame was copied or lost, and that a burst is one kick.

#![forbid(unsafe_code)]

use saltgate_bench_plane::{Options, Report, instructions};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use virtio::transport::fake::{FakeDevice, FakeMemory};
use virtio::{Dma, Features, Net, Offer, Pool};

/// A kind of frame, and how many come at a time.
struct Row {
    name: &'static str,
    /// Bytes.
    len: usize,
    /// TCP to be segmented, its checksum partial.
    offloaded: bool,
    burst: usize,
}

const ROWS: [Row; 5] = [
    Row { name: "small-1", len: 60, offloaded: false, burst: 1 },
    Row { name: "small-8", len: 60, offloaded: false, burst: 8 },
    Row { name: "small-32", len: 60, offloaded: false, burst: 32 },
    Row { name: "full-32", len: 1514, offloaded: false, burst: 32 },
    Row { name: "offloaded-8", len: 65_000, offloaded: true, burst: 8 },
];

/// What QEMU offers with a TAP.
const OFFERED: u64 = 0x1_2001_bfa3 | 1 << 3;
const QUEUE: u16 = 256;
const BUFFERS: u16 = 3 * QUEUE;
const BUFFER_SIZE: u16 = 4096;
/// Bursts of one measurement of time, and of the shorter of two runs that are counted.
const BURSTS: u64 = 4_000;
const COUNTED: u64 = 320;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--list"] => {
            // Large frames take long to compare under callgrind.
            ROWS.iter().filter(|row| !row.offloaded).for_each(|row| println!("{} {}", row.name, row.burst));
            return ExitCode::SUCCESS;
        }
        ["--count", name, bursts] => {
            let row = ROWS.iter().find(|row| row.name == name);
            let (Some(row), Ok(bursts)) = (row, bursts.parse()) else { return ExitCode::from(2) };
            run(row, bursts, |_| {});
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let options = match Options::parse(&arguments, &known) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let mut report = Report::new("drivers", &["ns/frame", "instructions"]);
    for row in ROWS.iter().filter(|row| options.wants(row.name)) {
        let counted = options.instructions.then(|| counted(row)).flatten();
        report.row(row.name, &[Some(median(row)), counted]);
    }
    report.finish(options.json)
}

/// Nanoseconds per frame.
fn median(row: &Row) -> f64 {
    let mut times = Vec::new();
    run(row, BURSTS, |took| times.push(took.as_nanos() as u64));
    times.sort_unstable();
    times[times.len() / 2] as f64 / row.burst as f64
}

/// Instructions per frame: the difference between a long and a short run.
fn counted(row: &Row) -> Option<f64> {
    let count = |bursts: u64| instructions(&["--count", row.name, &bursts.to_string()]);
    let (short, long) = (count(COUNTED)?, count(2 * COUNTED)?);
    Some(long.saturating_sub(short) as f64 / (COUNTED * row.burst as u64) as f64)
}

/// Passes bursts of a row from one NIC to another, and tells how long each took.
fn run(row: &Row, bursts: u64, mut took: impl FnMut(Duration)) {
    let memory = FakeMemory::new(Pool::pages(BUFFERS, BUFFER_SIZE) + 32);
    let mut dma = &memory;
    let region = dma.allocate(Pool::pages(BUFFERS, BUFFER_SIZE)).expect("memory for the buffers");
    let pool = Pool::new(region, BUFFERS, BUFFER_SIZE);
    let devices = [(); 2].map(|()| FakeDevice::new(&memory, OFFERED, QUEUE));
    let offers = devices.clone().map(|device| Offer::open(device).expect("a device that plays by the rules"));
    let wanted = Features::for_forwarding(offers.iter().map(Offer::features));
    let [mut from, mut to] = offers
        .map(|offer| offer.start(wanted, &pool, &mut dma, QUEUE, None).expect("a device that plays by the rules"));
    let [source, sink] = &devices;
    // NEEDS_CSUM, TCPv4, headers of 66 bytes, segments of 1448, checksum at 34 + 16.
    let header = if row.offloaded { [1, 1, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0] } else { [0; 12] };
    let frame: Vec<u8> = (0..row.len).map(|at| (at * 7 + at / 256) as u8).collect();
    let mut sent = 0u16;
    sink.ask_for_kick(1, sent);
    for burst in 1..=bursts {
        for _ in 0..row.burst {
            assert!(source.deliver(header, &frame), "a frame finds buffers");
        }
        let begun = Instant::now();
        measured_region(&mut from, &mut to);
        took(begun.elapsed());
        let frames = sink.send();
        assert_eq!(frames.len(), row.burst);
        assert!(frames.iter().all(|sent| sent[..12] == header && sent[12..] == frame), "as it came, to the last byte");
        assert_eq!(sink.kicks(1) as u64, burst, "one kick for a burst");
        sent = sent.wrapping_add(row.burst as u16);
        sink.ask_for_kick(1, sent);
    }
}

/// What a turn does with one burst.
#[inline(never)]
fn measured_region<'p>(from: &mut Net<'p, FakeDevice<'p>>, to: &mut Net<'p, FakeDevice<'p>>) {
    while let Some(frame) = from.receive() {
        to.transmit(frame);
    }
    from.flush();
    to.flush();
}
