//! What a packet costs in the plane: time and instructions, for whole paths.
//!
//! ```text
//! cargo xtask bench plane [--json FILE] [--instructions] [ROW…]
//! ```
//!
//! Time is the median over many bursts, of 32 packets each. Instructions are counted by callgrind, in the plane alone, if
//! valgrind is installed and `--instructions` asks for it; they are the same on every run. What each stage takes of them
//! is for xtask to say.

#![forbid(unsafe_code)]

mod rows;

use plane::Level;
use rows::{ROWS, Row, Work};
use saltgate_bench_plane::{Bed, Options, Report, USERS, instructions};
use std::process::ExitCode;
use wire::{Duration, Instant, PortId};

/// Bursts of one measurement of time.
const BURSTS: u64 = 4_000;
/// Bursts before anything is measured: caches and flows are as they stay.
const WARM: u64 = 320;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--count", name, bursts] = arguments[..] {
        return count(name, bursts);
    }
    if let ["--list"] = arguments[..] {
        ROWS.iter().for_each(|row| println!("{} {}", row.name, row.burst()));
        return ExitCode::SUCCESS;
    }
    let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let options = match Options::parse(&arguments, &known) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let columns = ["ns/packet", "instructions"];
    let mut report = Report::new("plane", if options.instructions { &columns } else { &columns[..1] });
    for row in ROWS.iter().filter(|row| options.wants(row.name)) {
        let mut cells = vec![Some(median(row))];
        if options.instructions {
            cells.push(counted(row));
        }
        report.row(row.name, &cells);
    }
    report.finish(options.json)
}

/// Walks bursts of a row, and tells how long each took.
fn run(row: &Row, bursts: u64, level: Level, took: impl FnMut(Duration)) {
    let mut bed: Bed = (row.bed)();
    bed.plane.set_level(level);
    match row.work {
        Work::Packets { leave, packet } => {
            (row.prepare)(&mut bed);
            bed.measure();
            walk(row, &mut bed, bursts, leave, packet, took);
        }
        Work::Expiry => expire(row, &mut bed, bursts, took),
    }
}

fn walk(
    row: &Row,
    bed: &mut Bed,
    bursts: u64,
    leave: u64,
    packet: fn(&mut Bed, u64) -> PortId,
    mut took: impl FnMut(Duration),
) {
    for nth in 0..bursts {
        let before = bed.sent();
        let mut port = USERS;
        for at in nth * row.burst()..(nth + 1) * row.burst() {
            port = packet(bed, at);
        }
        bed.now += Duration::from_micros(2);
        took(bed.run(port));
        assert_eq!(bed.sent() - before, leave * row.burst(), "{}: burst {nth}", row.name);
    }
    assert!(bed.now < Instant::from_secs(25), "neighbors would be asked again");
}

/// Begins as many connections as are to end, and lets all of them wait for too long.
fn expire(row: &Row, bed: &mut Bed, bursts: u64, mut took: impl FnMut(Duration)) {
    let before = bed.plane.flows().0;
    rows::begin(bed, bursts * row.burst());
    bed.measure();
    bed.now += Duration::from_secs(3600);
    for nth in (0..bursts).rev() {
        took(bed.wait(Duration::ZERO));
        let left = u64::from(bed.plane.flows().0.saturating_sub(before));
        assert!(left.abs_diff(nth * row.burst()) <= row.burst(), "{left} connections {nth} bursts before the end");
    }
}

/// Nanoseconds per packet.
fn median(row: &Row) -> f64 {
    let mut times = Vec::new();
    run(row, row.most.min(WARM + BURSTS), Level::detect(), |took| times.push(took.as_nanos() as u64));
    let times = &mut times[WARM as usize..];
    times.sort_unstable();
    times[times.len() / 2] as f64 / row.burst() as f64
}

/// Instructions per packet: the difference between a long and a short run.
fn counted(row: &Row) -> Option<f64> {
    let count = |bursts: u64| instructions(&["--count", row.name, &bursts.to_string()]);
    let (short, long) = (count(WARM)?, count(2 * WARM)?);
    Some(long.saturating_sub(short) as f64 / (WARM * row.burst()) as f64)
}

/// What callgrind watches.
fn count(name: &str, bursts: &str) -> ExitCode {
    match (ROWS.iter().find(|row| row.name == name), bursts.parse()) {
        (Some(row), Ok(bursts)) => {
            // The same on every machine.
            run(row, bursts, Level::FLOOR, |_| {});
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}
