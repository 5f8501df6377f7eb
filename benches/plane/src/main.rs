//! What a packet costs in the plane: time and instructions, for whole paths.
//!
//! ```text
//! cargo xtask bench plane [--json FILE] [--instructions] [ROW…]
//! ```
//!
//! Time is the median over many bursts of 32 packets. Instructions are counted by callgrind, in the plane alone, if
//! valgrind is installed and `--instructions` asks for it; they are the same on every run.

#![forbid(unsafe_code)]

mod rows;

use plane::Level;
use rows::{ROWS, Row};
use saltgate_bench_plane::{Bed, Options, Report, instructions};
use std::process::ExitCode;
use wire::{Duration, Instant};

/// Packets of a burst.
const BURST: u64 = 32;
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
        ROWS.iter().for_each(|row| println!("{}", row.name));
        return ExitCode::SUCCESS;
    }
    let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let options = match Options::parse(&arguments, &known) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let mut report = Report::new("plane", &["ns/packet", "instructions"]);
    for row in ROWS.iter().filter(|row| options.wants(row.name)) {
        let counted = options.instructions.then(|| counted(row)).flatten();
        report.row(row.name, &[Some(median(row)), counted]);
    }
    report.finish(options.json)
}

/// Walks bursts of a row, and tells how long each took.
fn run(row: &Row, bursts: u64, level: Level, mut took: impl FnMut(Duration)) {
    let mut bed: Bed = (row.bed)();
    let expected = (row.prepare)(&mut bed);
    bed.measure();
    bed.plane.set_level(level);
    for nth in 0..bursts {
        let before = bed.sent();
        let mut port = None;
        for at in nth * BURST..(nth + 1) * BURST {
            port = Some((row.packet)(&mut bed, at));
        }
        bed.now += Duration::from_micros(2);
        took(bed.run(port.unwrap_or(saltgate_bench_plane::USERS)));
        assert_eq!(bed.sent() - before, if expected { BURST } else { 0 }, "{}: burst {nth}", row.name);
    }
    assert!(bed.now < Instant::from_secs(25), "neighbors would be asked again");
}

/// Nanoseconds per packet.
fn median(row: &Row) -> f64 {
    let mut times = Vec::new();
    run(row, row.most.min(WARM + BURSTS), Level::detect(), |took| times.push(took.as_nanos() as u64));
    let times = &mut times[WARM as usize..];
    times.sort_unstable();
    times[times.len() / 2] as f64 / BURST as f64
}

/// Instructions per packet: the difference between a long and a short run.
fn counted(row: &Row) -> Option<f64> {
    let count = |bursts: u64| instructions(&["--count", row.name, &bursts.to_string()]);
    let (short, long) = (count(WARM)?, count(2 * WARM)?);
    Some(long.saturating_sub(short) as f64 / (WARM * BURST) as f64)
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
