//! What connections cost: memory, and time per packet, for 1,000 to 1,000,000 of them.
//!
//! ```text
//! cargo xtask bench flows [--json FILE] [COUNT…]
//! ```
//!
//! *reserved* is the address space that the router's tables take, *resident* the memory that they use once all
//! connections are there. *new* is a packet that begins a connection, *known* one of a connection taken at random,
//! *churn* a packet that begins a connection while another one ends, its end included. Exit status 1 if a promise is
//! broken: 1,000,000 IPv4 connections in at most 192 MiB.
//!
//! The last row runs two routers on two threads, which share nothing, and says how much more they carry than one.

#![forbid(unsafe_code)]

use saltgate_bench_plane::{Bed, Endpoint, Packet, Report, USERS};
use std::process::ExitCode;
use std::sync::Barrier;
use wire::{Duration, Ipv4Addr};

const COUNTS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const BURST: u64 = 32;
const MOST_MIB: f64 = 192.0;
/// Connections of each of two routers side by side.
const SIDE_BY_SIDE: u64 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
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
    let columns = ["reserved MiB", "resident MiB", "bytes/flow", "new ns", "known ns", "churn ns", "scale"];
    let mut report = Report::new("flows", &columns);
    let mut broken = false;
    for count in if counts.is_empty() { COUNTS.to_vec() } else { counts } {
        let cost = measure(count);
        report.row(&count.to_string(), &cost.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
        broken |= count == 1_000_000 && cost[1] > MOST_MIB;
    }
    let (known, scale) = two_routers();
    report.row("two routers", &[None, None, None, None, Some(known), None, Some(scale)]);
    if broken {
        println!("broken: 1,000,000 connections in at most {MOST_MIB} MiB");
    }
    let end = report.finish(json.map(String::as_str));
    if broken && end == ExitCode::SUCCESS { ExitCode::from(1) } else { end }
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
    // With room for those of the churn that have not ended yet.
    let mut bed = Bed::new((count + count / 8 + 64) as u32, false);
    let bursts = |bed: &mut Bed, from: u64, to: u64| {
        let bursts = (from..to).step_by(BURST as usize).map(|nth| burst(bed, nth..nth + BURST));
        median(bursts.collect())
    };
    let count = count.next_multiple_of(BURST);
    let new = bursts(&mut bed, 0, count);
    // The first packet of a connection leaves no decision; the second one does.
    bursts(&mut bed, 0, count);
    let after = memory();
    let (reserved, resident) = (after.0 - before.0, after.1 - before.1);

    let mut state = 7;
    let known = (0..20_000).map(|_| burst(&mut bed, (0..BURST).map(|_| shuffled(&mut state) % count)));
    let known = median(known.collect());

    // As many begin in 30 s, the life of an unanswered one, as there are.
    let packets = count.max(BURST * 64);
    let step = Duration::from_nanos(30_000_000_000 / count * BURST);
    bed.answer();
    let expiring = bed.expiring;
    let begin = (count..count + packets).step_by(BURST as usize).map(|nth| {
        bed.now += step;
        let took = burst(&mut bed, nth..nth + BURST);
        bed.answer();
        took
    });
    let churn = median(begin.collect()) + (bed.expiring - expiring).as_nanos() as f64 / packets as f64;
    [reserved, resident, resident * 1_048_576.0 / count as f64, new, known, churn]
}

/// Nanoseconds per packet, of bursts: now and then the machine does something else as well, so the median counts.
fn median(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    took.get(took.len() / 2).map_or(0.0, |took| took.as_nanos() as f64 / BURST as f64)
}

/// Nanoseconds per packet of each of two routers side by side, and how much more both carry than one alone.
fn two_routers() -> (f64, f64) {
    let bursts = 8_000;
    let run = |barrier: &Barrier| {
        let mut bed = Bed::new(2 * SIDE_BY_SIDE as u32, false);
        for _ in 0..2 {
            for nth in (0..SIDE_BY_SIDE).step_by(BURST as usize) {
                burst(&mut bed, nth..nth + BURST);
            }
        }
        barrier.wait();
        let (mut took, mut state) = (Vec::with_capacity(bursts), 7);
        for _ in 0..bursts {
            took.push(burst(&mut bed, (0..BURST).map(|_| shuffled(&mut state) % SIDE_BY_SIDE)));
        }
        median(took)
    };
    let alone = run(&Barrier::new(1));
    let barrier = Barrier::new(2);
    let both = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(&barrier));
        let one = run(&barrier);
        (one + other.join().unwrap_or(one)) / 2.0
    });
    (both, 2.0 * alone / both)
}

/// Address space and memory of this process, in MiB.
fn memory() -> (f64, f64) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = statm.split(' ').map(|pages| pages.parse::<f64>().unwrap_or(0.0));
    let mut mib = || pages.next().unwrap_or(0.0) * 4096.0 / 1_048_576.0;
    (mib(), mib())
}
