//! How long a look-up takes, how many instructions it has, and what the tables cost, for lists of 10 to 100,000 rules.
//!
//! `cargo bench -p saltgate-classifier --bench lookup -- [KIND…] [COUNT…] [--instructions]`: kinds as in `tests/common/rules.rs`.
//! Instructions are counted by valgrind's callgrind, where it is installed, inside of [`measured`] only. With
//! `--features analysis` each list is also searched for rules that never match.
//!
//! Times are the least of many rounds over 4,096 packets, of which nine in ten lie in a rule, every rule equally
//! often: the worst case for caches. A packet is a header with all its fields set; a look-up finds ranks and the first
//! rule.

#[path = "../tests/common/mod.rs"]
mod common;

use common::Random;
use common::rules::{self, Kind};
use policy::Program;
use saltgate_classifier::{BATCH, Classifier, Header, Level, Ranks, Walks, World, interpret};
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

/// Their headers stay in the second level of the cache beside the tables.
const PACKETS: usize = 4_096;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, kind, count, level, how] = &args[..]
        && flag == "--measured"
    {
        return alone(kind, count.parse().expect("a number"), level, how);
    }
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| args.iter().any(|arg| arg == kind.name())).collect();
    let kinds = if kinds.is_empty() { Kind::ALL.to_vec() } else { kinds };
    let counts: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![10, 100, 1_000, 10_000, 100_000] } else { counts };
    let instructions = args.iter().any(|arg| arg == "--instructions");
    println!(
        "{:<10}{:>8}{:>10}{:>10}{:>6}{:>9}{:>7}   {:>9}{:>9}{:>9}{:>9}",
        "rules", "count", "build ms", "KiB", "diag", "residue", "worst", "sse2 ns", "batch", "avx2 ns", "batch"
    );
    for kind in &kinds {
        for count in &counts {
            row(*kind, *count, instructions);
        }
    }
}

struct Case {
    program: Program,
    classifier: Classifier,
    headers: Vec<Header>,
}

fn case(kind: Kind, count: usize) -> (Case, Duration) {
    let list = rules::rules(kind, count, 1);
    let (program, _) = rules::program(&list);
    let mut random = Random(7);
    let headers = (0..PACKETS).map(|_| rules::header(rules::packet(&list, &mut random))).collect();
    let begin = Instant::now();
    let classifier = Classifier::new(&program);
    let built = begin.elapsed();
    (Case { program, classifier, headers }, built)
}

fn row(kind: Kind, count: usize, instructions: bool) {
    let (case, mut built) = case(kind, count);
    for _ in 0..if count <= 10_000 { 3 } else { 1 } {
        let begin = Instant::now();
        black_box(Classifier::new(black_box(&case.program)));
        built = built.min(begin.elapsed());
    }
    let cost = case.classifier.cost();
    print!(
        "{:<10}{:>8}{:>10.1}{:>10}{:>6}{:>9}{:>7}   ",
        kind.name(),
        count,
        built.as_secs_f64() * 1e3,
        cost.bytes / 1024,
        cost.diagrams,
        cost.residue,
        cost.worst_steps
    );
    let levels = [Level::FLOOR, Level::detect()];
    for level in levels {
        for how in [one_by_one, batches] {
            let mut least = Duration::MAX;
            for _ in 0..200 {
                let begin = Instant::now();
                black_box(how(&case, level, &case.headers));
                least = least.min(begin.elapsed());
            }
            print!("{:>9.1}", least.as_secs_f64() * 1e9 / PACKETS as f64);
        }
    }
    println!();
    #[cfg(feature = "analysis")]
    {
        use saltgate_classifier::analysis::{Analysis, Effort};
        let begin = Instant::now();
        let findings = Analysis::new(&case.program, Effort::default()).findings();
        println!(
            "{:<10}{:>8}   analyzed in {:.0} ms: {} outcomes never, {} unknown",
            "",
            "",
            begin.elapsed().as_secs_f64() * 1e3,
            findings.never.len(),
            findings.unknown.len()
        );
    }
    if instructions {
        print!("{:<10}{:>50}   ", "", "instructions");
        for level in levels {
            for how in ["one", "many"] {
                match counted(kind, count, level, how) {
                    Some(count) => print!("{count:>9.1}"),
                    None => print!("{:>9}", "-"),
                }
            }
        }
        println!();
    }
}

fn one_by_one(case: &Case, level: Level, headers: &[Header]) -> u64 {
    let mut sum = 0;
    for header in headers {
        let ranks = case.classifier.ranks(level, header, |_| None);
        sum += case.classifier.find(level, &ranks).number();
    }
    sum
}

fn batches(case: &Case, level: Level, headers: &[Header]) -> u64 {
    let mut sum = 0;
    let mut ranks = [Ranks::default(); BATCH];
    let mut walks = Walks::new();
    for headers in headers.chunks(BATCH) {
        case.classifier.ranks_many(level, headers, |_| None, &mut ranks);
        let found = case.classifier.find_many(level, &ranks, headers.len(), &mut walks);
        sum += found.iter().map(|found| found.number()).sum::<u64>();
    }
    sum
}

/// The part that callgrind counts.
#[inline(never)]
fn measured(case: &Case, level: Level, how: &str, headers: &[Header]) -> u64 {
    if how == "one" { one_by_one(case, level, headers) } else { batches(case, level, headers) }
}

/// One measurement in a process of its own.
fn alone(kind: &str, count: usize, level: &str, how: &str) {
    let kind = Kind::ALL.into_iter().find(|own| own.name() == kind).expect("a kind");
    let level = if level == Level::FLOOR.name() { Level::FLOOR } else { Level::detect() };
    let (case, _) = case(kind, count);
    black_box(measured(&case, level, how, &case.headers));
}

/// Instructions of a look-up.
fn counted(kind: Kind, count: usize, level: Level, how: &str) -> Option<f64> {
    let own = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*lookup::measured*"])
        .arg(own)
        .args(["--measured", kind.name(), &count.to_string(), level.name(), how])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected"))?;
    let total: f64 = line.rsplit(' ').next()?.parse().ok()?;
    Some(total / PACKETS as f64)
}
