//! What connections cost: memory, and time per packet, for 1,000 to 1,000,000 of them.
//!
//! ```text
//! cargo xtask bench flows [--json FILE] [COUNT…]
//! ```
//!
//! *reserved* is the address space that the router takes, *resident* the memory that it uses once all connections are
//! there, *bytes/flow* what it uses more than a router for a single one. *new* is a packet that begins a connection,
//! *known* one of a connection taken at random, *churn* a packet that begins a connection while another one ends, its end
//! included. Exit status 1 if a promise is broken: 1,000,000 IPv4 connections in at most 192 MiB.
//!
//! The last rows run two routers on two threads, which share nothing, and say how much more they carry than one. Beside
//! them stands what this machine gives to two threads that have nothing at all in common: arithmetic in registers, and
//! reads of memory of the same size. Their times are those of a packet, of six sums, of a read.

#![forbid(unsafe_code)]

mod machine;

use machine::{Pair, median, side_by_side};
use saltgate_bench_plane::{Bed, Endpoint, Packet, Report, USERS};
use std::process::ExitCode;
use wire::{Duration, Ipv4Addr};

const COUNTS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const BURST: u64 = 32;
const MOST_MIB: f64 = 192.0;
/// Connections of each of two routers side by side.
const SIDE_BY_SIDE: u64 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, count] = &arguments[..]
        && let (MEASURE, Ok(count)) = (word.as_str(), count.parse())
    {
        println!("{}", measure(count).map(|cost| cost.to_string()).join(" "));
        return ExitCode::SUCCESS;
    }
    let (mut json, mut counts) = (None, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), argument.parse()) {
            ("--json", _) => json = rest.next(),
            (_, Ok(count)) if (1..=4_000_000).contains(&count) => counts.push(count),
            _ => {
                eprintln!("neither --json FILE nor a number of connections up to 4000000: {argument}");
                return ExitCode::from(2);
            }
        }
    }
    let columns = [
        "reserved MiB",
        "resident MiB",
        "bytes/flow",
        "new ns",
        "known ns",
        "churn ns",
        "alone ns",
        "both ns",
        "scale",
    ];
    let mut report = Report::new("flows", &columns);
    let mut broken = false;
    for count in if counts.is_empty() { COUNTS.to_vec() } else { counts } {
        let Some(cost) = measure_apart(count) else {
            eprintln!("{count} connections could not be measured");
            return ExitCode::from(2);
        };
        report.row(&count.to_string(), &cost.map(Some).into_iter().chain([None; 3]).collect::<Vec<_>>());
        broken |= count == 1_000_000 && cost[1] > MOST_MIB;
    }
    let (routers, bytes) = two_routers();
    let per_step = |pair: Pair| Pair { alone: pair.alone / 1000.0, both: pair.both / 1000.0, ..pair };
    let sums = per_step(side_by_side(20_000, machine::sums));
    let reads = per_step(side_by_side(20_000, || machine::chase(bytes)));
    for (name, pair) in [("two routers", routers), ("two of sums", sums), ("two of reads", reads)] {
        let empty = [None; 6].into_iter();
        report.row(name, &empty.chain([pair.alone, pair.both, pair.scale].map(Some)).collect::<Vec<_>>());
    }
    if broken {
        println!("broken: 1,000,000 connections in at most {MOST_MIB} MiB");
    }
    let end = report.finish(json.map(String::as_str));
    if broken && end == ExitCode::SUCCESS { ExitCode::from(1) } else { end }
}

/// How this program asks itself to measure one row.
const MEASURE: &str = "--measure";

/// As [`measure`], in a process of its own, so that no row finds memory that another one has left.
fn measure_apart(count: u64) -> Option<[f64; 6]> {
    let program = std::env::current_exe().ok()?;
    let output = std::process::Command::new(program).args([MEASURE, &count.to_string()]).output().ok()?;
    let numbers = String::from_utf8(output.stdout).ok()?;
    let numbers: Result<Vec<f64>, _> = numbers.split_whitespace().map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}

/// The nth connection's packets.
fn packet(nth: u64) -> Packet {
    let user = u32::from(Ipv4Addr::new(172, 16, 0, 0)) + 1 + (nth % 16_384) as u32;
    let user: Endpoint = (Ipv4Addr::from_bits(user).into(), 1024 + (nth / 16_384 % 60_000) as u16);
    Packet::udp(user, (Ipv4Addr::new(192, 0, 2, 80).into(), 53))
}

/// Numbers that follow no order that a cache could guess.
fn shuffled(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 20
}

/// Walks a burst of these connections; returns how long that took.
fn burst(bed: &mut Bed, connections: impl IntoIterator<Item = u64>) -> Duration {
    for nth in connections {
        bed.push(&Bed::bytes(USERS, &packet(nth)));
    }
    bed.run(USERS)
}

/// Reserved and resident MiB, resident bytes per connection; nanoseconds of new and known packets, and of churn.
fn measure(count: u64) -> [f64; 6] {
    let before = memory();
    let smallest = Bed::new(1, false);
    let itself = memory().1;
    drop(smallest);
    // With room for those of the churn that have not ended yet.
    let mut bed = Bed::new((count + count / 8 + 64) as u32, false);
    let bursts = |bed: &mut Bed, from: u64, to: u64| {
        let bursts = (from..to).step_by(BURST as usize).map(|nth| burst(bed, nth..nth + BURST));
        per_packet(bursts.collect())
    };
    let count = count.next_multiple_of(BURST);
    let new = bursts(&mut bed, 0, count);
    // The first packet of a connection leaves no decision; the second one does.
    bursts(&mut bed, 0, count);
    let after = memory();
    let (reserved, resident) = (after.0 - before.0, after.1 - before.1);
    let of_flows = (after.1 - itself) * 1_048_576.0 / count as f64;

    let mut state = 7;
    let known = (0..20_000).map(|_| burst(&mut bed, (0..BURST).map(|_| shuffled(&mut state) % count)));
    let known = per_packet(known.collect());

    // As many begin in 30 s, the life of an unanswered one, as there are. First time passes over those that are there,
    // so that they do not all end at once, then over as many others, so that each stands in the list in which it ends.
    let packets = count.max(BURST * 64);
    let step = Duration::from_nanos(29_000_000_000 / count * BURST);
    let pass = |bed: &mut Bed, step: Duration, from: u64, to: u64| -> Vec<Duration> {
        let bursts = (from..to).step_by(BURST as usize).map(|nth| {
            bed.now += step;
            let took = burst(bed, nth..nth + BURST);
            bed.answer();
            took
        });
        bursts.collect()
    };
    pass(&mut bed, step, 0, count);
    let step = Duration::from_nanos(30_000_000_000 / count * BURST);
    pass(&mut bed, step, count, count + packets);
    let (sent, expiring) = (bed.sent(), bed.expiring);
    let begin = pass(&mut bed, step, count + packets, count + 2 * packets);
    assert!(bed.sent() >= sent + packets, "the table was full");
    let churn = per_packet(begin) + (bed.expiring - expiring).as_nanos() as f64 / packets as f64;
    [reserved, resident, of_flows, new, known, churn]
}

/// Nanoseconds per packet, of bursts: now and then the machine does something else as well, so the median counts.
fn per_packet(took: Vec<Duration>) -> f64 {
    median(took.into_iter().map(|took| took.as_nanos() as f64 / BURST as f64).collect())
}

/// Known packets of two routers side by side, and the bytes of memory that one uses.
fn two_routers() -> (Pair, usize) {
    let router = || {
        let mut bed = Bed::new(2 * SIDE_BY_SIDE as u32, false);
        for _ in 0..2 {
            for nth in (0..SIDE_BY_SIDE).step_by(BURST as usize) {
                burst(&mut bed, nth..nth + BURST);
            }
        }
        bed
    };
    // The first router of a process touches more than itself.
    let first = router();
    let before = memory().1;
    let bytes = {
        let _second = router();
        ((memory().1 - before) * 1_048_576.0) as usize
    };
    drop(first);
    let pair = side_by_side(20_000, || {
        let (mut bed, mut state) = (router(), 7);
        move || burst(&mut bed, (0..BURST).map(|_| shuffled(&mut state) % SIDE_BY_SIDE))
    });
    (Pair { alone: pair.alone / BURST as f64, both: pair.both / BURST as f64, ..pair }, bytes)
}

/// Address space and memory of this process, in MiB. The short way to the latter, `statm`, is behind by some dozens of
/// pages for each thread, which is much beside a thousand connections.
fn memory() -> (f64, f64) {
    let of = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    };
    (of("/proc/self/status", "VmSize:"), of("/proc/self/smaps_rollup", "Rss:"))
}
