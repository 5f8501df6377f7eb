//! What it costs to find the rule that a packet meets, among 10 to 50,000: by the program's tables, and step by step.
//!
//! ```text
//! cargo xtask bench rules [--json FILE] [--instructions] [--level scalar|sse2|avx2] [KIND…] [COUNT…]
//! ```
//!
//! Kinds of rules: `ports` and `sources` have one destination port or source address each; `acl`, `fw` and `ipc` have
//! the shapes of ClassBench's access lists, firewalls and connection lists, `gateway` those of a zone policy with block
//! lists, and `adversary` no shape at all.
//!
//! Times are the least of many rounds over 4,096 packets, of which nine in ten lie in a rule, every rule equally often:
//! the worst case for caches. A look-up finds a packet's ranks and its rule; `batch` is that for 32 packets at a time,
//! and `two threads` how many times as much two of them do, each with tables of its own. Instructions are per
//! packet; `--instructions` has callgrind count them, if valgrind is installed. `peak` is the most memory in
//! use at a time while tables are made, what is kept included.

mod case;
#[path = "../../compile/src/memory.rs"]
mod memory;

/// Generators that the classifier's own tests use as well.
#[path = "../../../crates/classifier/tests/common/mod.rs"]
mod common;

// For `common`, which names them as its parent's.
use classifier::{Header, World, interpret};

use case::{Case, How, PACKETS};
use classifier::Level;
use common::rules::Kind;
use memory::Measured;
use saltgate_bench_plane::{Report, instructions};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static MEMORY: Measured = Measured::new();

const COUNTS: [usize; 6] = [10, 100, 1_000, 5_000, 10_000, 50_000];
/// What is measured where nothing is named.
const KINDS: [Kind; 5] = [Kind::Ports, Kind::Sources, Kind::Acl, Kind::Fw, Kind::Ipc];
/// Of these the gate counts instructions: making larger tables takes too long under callgrind.
const COUNTED: [usize; 1] = [1_000];
/// Rounds of a measurement.
const ROUNDS: usize = 200;
/// Walking takes this long at most, for packets fewer than all.
const WALKED: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--list"] => {
            rows().for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        ["--count", name, bursts] => return count(name, bursts),
        _ => {}
    }
    let (mut json, mut counts, mut kinds, mut sizes) = (None, false, Vec::new(), Vec::new());
    let mut level = Level::detect();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (*argument, argument.parse::<usize>()) {
            ("--json", _) => json = rest.next().copied(),
            ("--instructions", _) => counts = true,
            ("--level", _) => match rest.next().and_then(|name| level_of(name)) {
                Some(named) => level = named,
                None => {
                    eprintln!("no such level here; there are {}", LEVELS.map(|level| level().name()).join(", "));
                    return ExitCode::from(2);
                }
            },
            (_, Ok(size)) => sizes.push(size),
            (name, _) => match Kind::ALL.into_iter().find(|kind| kind.name() == name) {
                Some(kind) => kinds.push(kind),
                None => {
                    let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                    eprintln!("no such kind of rules: {name}; there are {}", known.join(", "));
                    return ExitCode::from(2);
                }
            },
        }
    }
    let kinds = if kinds.is_empty() { KINDS.to_vec() } else { kinds };
    let sizes = if sizes.is_empty() { COUNTS.to_vec() } else { sizes };
    println!("look-ups with {}; ns and instructions per packet", level.name());
    let columns = [
        "build ms",
        "peak KiB",
        "tables KiB",
        "worst steps",
        "walk ns",
        "look-up ns",
        "instructions",
        "batch ns",
        "batch instr.",
        "two threads",
    ];
    let mut report = Report::new("rules", &columns);
    for kind in kinds {
        for size in &sizes {
            measure(kind, *size, level, counts, &mut report);
        }
    }
    report.finish(json)
}

fn measure(kind: Kind, size: usize, level: Level, counts: bool, report: &mut Report) {
    let case = Case::new(kind, size);
    MEMORY.forget();
    let before = MEMORY.used();
    let tables = case.tables();
    let peak = MEMORY.peak() - before;
    let cost = case.cost(&tables);
    drop(tables);
    let built = (0..if size < 10_000 { 10 } else { 3 }).map(|_| case.build_time()).min().unwrap_or_default();
    let case = case.with_tables();
    let time = |how: How| case.least(level, how, ROUNDS).as_secs_f64() * 1e9;
    let batch = time(How::Batch);
    let counted = |how: How| counts.then(|| instructions_of(&row_name(kind, size, level, how))).flatten();
    report.row(
        &format!("{}-{size}", kind.name()),
        &[
            Some(built.as_secs_f64() * 1e3),
            Some((peak / 1024) as f64),
            Some((cost.bytes / 1024) as f64),
            Some(cost.worst_steps as f64),
            Some(case.walked(WALKED).as_secs_f64() * 1e9),
            Some(time(How::Single)),
            counted(How::Single),
            Some(batch),
            counted(How::Batch),
            Some(2.0 * batch / (case.of_two(level, ROUNDS).as_secs_f64() * 1e9)),
        ],
    );
}

fn row_name(kind: Kind, size: usize, level: Level, how: How) -> String {
    let how = if how == How::Single { "-single" } else { "" };
    format!("{}-{size}-{}{how}", kind.name(), level.name())
}

/// Instructions that may be used: none but the plain ones, those of every x86-64, all that there are.
const LEVELS: [fn() -> Level; 3] = [|| Level::SCALAR, || Level::FLOOR, Level::detect];

fn level_of(name: &str) -> Option<Level> {
    LEVELS.into_iter().map(|level| level()).find(|level| level.name() == name)
}

/// The names of what can be counted.
fn rows() -> impl Iterator<Item = String> {
    let levels = [Level::FLOOR, Level::detect()];
    let levels = if levels[0] == levels[1] { 1..2 } else { 0..2 }.map(move |at| levels[at]);
    let cases = KINDS.into_iter().flat_map(|kind| COUNTED.map(|size| (kind, size)));
    cases.flat_map(move |(kind, size)| {
        levels.clone().flat_map(move |level| [How::Single, How::Batch].map(|how| row_name(kind, size, level, how)))
    })
}

/// Bursts of the short run; the long one has twice as many.
const BURSTS: usize = 320;

/// Instructions per packet: the difference between a long and a short run.
fn instructions_of(row: &str) -> Option<f64> {
    let count = |bursts: usize| instructions(&["--count", row, &bursts.to_string()]);
    let (short, long) = (count(BURSTS)?, count(2 * BURSTS)?);
    Some(long.saturating_sub(short) as f64 / (BURSTS * classifier::BATCH) as f64)
}

/// What callgrind watches: look-ups of so many batches.
fn count(name: &str, bursts: &str) -> ExitCode {
    let mut words = name.split('-');
    let kind = words.next().and_then(|word| Kind::ALL.into_iter().find(|kind| kind.name() == word));
    let size = words.next().and_then(|word| word.parse().ok());
    let level = words.next().and_then(level_of);
    let how = if words.next() == Some("single") { How::Single } else { How::Batch };
    match (kind, size, level, bursts.parse::<usize>()) {
        (Some(kind), Some(size), Some(level), Ok(bursts)) => {
            let case = Case::new(kind, size).with_tables();
            let mut left = bursts * classifier::BATCH;
            while left > 0 {
                let packets = left.min(PACKETS);
                case.run(level, how, packets);
                left -= packets;
            }
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}
