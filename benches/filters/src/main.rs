//! What the first packet of a flow costs in the plane before 10 to 50,000 rules, none of which matches.
//!
//! ```text
//! cargo xtask bench rules
//! ```
//!
//! Prints nanoseconds per packet, the median over bursts of 32, and with `--instructions` what callgrind counts. Rows are
//! called `1000-ports`; any number of rules up to 50,000 will do, of `ports`, `sources` or `classes`.

#![forbid(unsafe_code)]

use plane::Level;
use saltgate_bench_plane::{Bed, Packet, Report, USERS, instructions};
use saltgate_bench_rulesets::{Filter, Kind};
use std::process::ExitCode;
use wire::{Duration, Instant, Ipv4Addr};

/// Packets of a burst.
const BURST: u64 = 32;
/// Bursts before anything is measured, and bursts that are.
const WARM: u64 = 320;
const BURSTS: u64 = 2_000;
/// Room in the table of flows: all that are ever begun.
const FLOWS: u32 = 1 << 17;
const COUNTS: [u32; 6] = [10, 100, 1_000, 5_000, 10_000, 50_000];
/// Rows that the gate counts: larger ones take long to build under callgrind, and walk the same way.
const COUNTED: [u32; 2] = [10, 1_000];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--list"] => {
            names(&COUNTED).iter().for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        ["--count", name, bursts] => {
            return match (filter(name), bursts.parse()) {
                (Some(filter), Ok(bursts)) => {
                    // The same on every machine.
                    run(filter, bursts, Level::FLOOR, |_| {});
                    ExitCode::SUCCESS
                }
                _ => ExitCode::from(2),
            };
        }
        _ => {}
    }
    let (mut json, mut counts, mut rows) = (None, false, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--json" => json = rest.next().copied(),
            "--instructions" => counts = true,
            name if filter(name).is_some() => rows.push(name.to_owned()),
            name => {
                eprintln!("no such row: {name}; rows are called 1000-ports, 1000-sources, 1000-classes");
                return ExitCode::from(2);
            }
        }
    }
    if rows.is_empty() {
        rows = names(&COUNTS);
    }
    let mut report = Report::new("rules", &["ns/packet", "instructions"]);
    for (name, filter) in rows.iter().filter_map(|name| Some((name, filter(name)?))) {
        let counted = counts.then(|| counted(name)).flatten();
        report.row(name, &[Some(median(filter)), counted]);
    }
    report.finish(json)
}

fn names(counts: &[u32]) -> Vec<String> {
    let of_kind = |kind: Kind| counts.iter().map(move |count| format!("{count}-{}", kind.name()));
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

fn filter(name: &str) -> Option<Filter> {
    let (count, kind) = name.split_once('-')?;
    let count = count.parse().ok().filter(|&count| count <= Filter::MOST)?;
    Some(Filter::new(Kind::ALL.into_iter().find(|known| known.name() == kind)?, count))
}

/// Walks bursts of packets, each of a flow of its own, and tells how long each took.
fn run(filter: Filter, bursts: u64, level: Level, mut took: impl FnMut(Duration)) {
    let mut bed = Bed::with_rules(FLOWS, false, &filter.nacl_filter("  accept\n"));
    bed.measure();
    bed.plane.set_level(level);
    for burst in 0..bursts {
        let before = bed.sent();
        for nth in burst * BURST..(burst + 1) * BURST {
            bed.push(&Bed::bytes(USERS, &packet(nth)));
        }
        bed.now += Duration::from_micros(2);
        took(bed.run(USERS));
        assert_eq!(bed.sent() - before, BURST, "burst {burst} of {filter:?}");
    }
    assert!(bed.now < Instant::from_secs(25), "neighbors would be asked again");
}

/// The nth flow: 16,384 users, each with ports from 1024 on.
fn packet(nth: u64) -> Packet {
    let user = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(172, 16, 0, 0)) + 1 + (nth % 16_384) as u32);
    Packet::udp((user.into(), 1024 + (nth / 16_384) as u16), (Ipv4Addr::new(192, 0, 2, 80).into(), 53))
}

/// Nanoseconds per packet.
fn median(filter: Filter) -> f64 {
    let mut times = Vec::new();
    run(filter, WARM + BURSTS, Level::detect(), |took| times.push(took.as_nanos() as u64));
    let times = &mut times[WARM as usize..];
    times.sort_unstable();
    times[times.len() / 2] as f64 / BURST as f64
}

/// Instructions per packet: the difference between a long and a short run.
fn counted(name: &str) -> Option<f64> {
    let count = |bursts: u64| instructions(&["--count", name, &bursts.to_string()]);
    let (short, long) = (count(WARM)?, count(2 * WARM)?);
    Some(long.saturating_sub(short) as f64 / (WARM * BURST) as f64)
}
