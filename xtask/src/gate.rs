//! `cargo xtask bench gate`: instructions per packet, held against a baseline.
//!
//! Wall time says more about the machine than about a change; the number of instructions that a packet takes is the same
//! on every run and every machine with the same compiler. Callgrind counts them inside the functions called
//! `measured_region` of the benches in `COUNTED`, in a short and in a long run; their difference is free of what both
//! have in common. What the C library does in there, which is copying, differs from CPU to CPU: it is shown and not held
//! against anything. The unikernel has copies of its own.
//!
//! `benches/instructions.txt` holds what is expected, for each version of the compiler. A row that takes over 5 % more
//! fails; with a compiler that the file does not know, differences are only shown. `--bless` writes what was counted.

mod baseline;
mod callgrind;

use crate::{packages, sh};
use anyhow::{Context, Result, ensure};
use baseline::Baseline;
use saltgate_bench_harness::markdown;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Benches that can be counted, and how they are called in the baseline. Each has a word `--list`, which prints its
/// rows, each with the number of packets in a burst if that is not [`BURST`], and `--count ROW N`, which walks N bursts.
const COUNTED: &[(&str, &str)] = &[
    ("plane", "saltgate-bench-plane"),
    ("filters", "saltgate-bench-filters"),
    ("rules", "saltgate-bench-rules"),
    ("routes", "saltgate-bench-routes"),
    ("drivers", "saltgate-bench-drivers"),
];
const BURST: u64 = 32;
/// Bursts of the short and of the long run.
const RUNS: [u64; 2] = [320, 640];
/// A row may take this much more than the baseline says.
const TOLERANCE: f64 = 0.05;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No row is too dear, or there is nothing to hold the rows against.
    Good,
    /// Some are.
    Regressed,
    /// There is no valgrind here, and why.
    Impossible(String),
}

/// Counts everything and compares.
pub fn run(words: &[String], install: bool) -> Result<Outcome> {
    let bless = words.iter().any(|word| word == "--bless");
    if let Some(odd) = words.iter().find(|word| *word != "--bless") {
        anyhow::bail!("the gate does not know `{odd}`");
    }
    if let Err(why) = packages::install(packages::FOR_COUNTING, install)? {
        return Ok(Outcome::Impossible(why));
    }
    let counted = count_all()?;
    let compiler = compiler()?;
    let path = sh::root().join("benches/instructions.txt");
    let mut baseline = Baseline::parse(&std::fs::read_to_string(&path).unwrap_or_default())?;
    let outcome = compare(&counted, &baseline, &compiler);
    let heading = vec!["row".to_owned(), "instructions per packet".to_owned()];
    let rows = counted.iter().map(|(name, counted)| vec![name.clone(), format!("{:.0}", counted.own)]);
    std::fs::write(dir()?.join("gate.md"), markdown(&[heading].into_iter().chain(rows).collect::<Vec<_>>()))?;
    if bless {
        let rows = counted.into_iter().map(|(name, counted)| (name, counted.own));
        baseline.set(&compiler, rows.collect());
        std::fs::write(&path, baseline.text())?;
        println!("written to {}", path.strip_prefix(sh::root()).unwrap_or(&path).display());
        return Ok(Outcome::Good);
    }
    Ok(outcome)
}

/// Instructions per packet of every row of every bench, as `BENCH/ROW`, in that order.
fn count_all() -> Result<Vec<(String, Counted)>> {
    let packages = COUNTED.iter().flat_map(|(_, package)| ["--package", package]);
    sh::run(sh::cargo(["build", "--release"]).args(packages))?;
    let mut rows = Vec::new();
    for (bench, package) in COUNTED {
        let program = sh::target_dir().join("release").join(package);
        let list = Command::new(&program).arg("--list").output().with_context(|| format!("cannot run {package}"))?;
        ensure!(list.status.success(), "{package} has no list of rows");
        for line in String::from_utf8_lossy(&list.stdout).lines() {
            let (row, burst) = line.split_once(' ').unwrap_or((line, ""));
            let (name, row, burst) = (format!("{bench}/{row}"), row.to_owned(), burst.parse().unwrap_or(BURST));
            rows.push(Row { name, program: program.clone(), row, burst });
        }
    }
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Counted>>>> = rows.iter().map(|_| Mutex::new(None)).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((row, result)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    rows.get(at).zip(results.get(at))
                } {
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(row.count());
                }
            });
        }
    });
    let results = results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner));
    rows.into_iter()
        .zip(results)
        .map(|(row, result)| {
            let counted =
                result.context("nobody counted it").flatten().with_context(|| format!("cannot count {}", row.name))?;
            Ok((row.name, counted))
        })
        .collect()
}

/// Something to be counted.
struct Row {
    /// In the baseline.
    name: String,
    program: PathBuf,
    /// The program's own word for it.
    row: String,
    /// Packets.
    burst: u64,
}

/// Instructions per packet.
#[derive(Clone, Copy, Debug)]
struct Counted {
    own: f64,
    /// Of the C library.
    foreign: f64,
}

impl Row {
    fn count(&self) -> Result<Counted> {
        let [short, long] = RUNS;
        let packets = (long - short) * self.burst;
        let scratch = dir()?.join(format!("callgrind.{}", self.name.replace('/', ".")));
        let run = |bursts| callgrind::run(&self.program, &self.row, bursts, &scratch);
        let (less, more) = (run(short)?, run(long)?);
        std::fs::remove_file(&scratch)?;
        ensure!(more.own > less.own, "nothing was counted; is there a function called measured_region?");
        let per_packet = |count: u64| count as f64 / packets as f64;
        let foreign = more.foreign.saturating_sub(less.foreign);
        Ok(Counted { own: per_packet(more.own - less.own), foreign: per_packet(foreign) })
    }
}

/// Prints the rows beside the baseline.
fn compare(counted: &[(String, Counted)], baseline: &Baseline, compiler: &str) -> Outcome {
    let (known, expected) = match baseline.of(compiler) {
        Some(rows) => (true, rows),
        None => (false, baseline.newest().unwrap_or(&[])),
    };
    let mut lines = vec![["row", "instructions", "in libc", "expected", "difference"].map(str::to_owned).to_vec()];
    let mut regressed = false;
    for (name, Counted { own, foreign }) in counted {
        let before = expected.iter().find(|(row, _)| row == name).map(|(_, before)| *before);
        let (before, difference) = match before {
            None => ("–".to_owned(), "new".to_owned()),
            Some(before) => {
                let change = own / before - 1.0;
                let much = known && change > TOLERANCE;
                regressed |= much;
                let verdict = if much { " REGRESSED" } else { "" };
                (format!("{before:.1}"), format!("{:+.1} %{verdict}", change * 100.0))
            }
        };
        lines.push(vec![name.clone(), format!("{own:.1}"), format!("{foreign:.0}"), before, difference]);
    }
    for (name, before) in expected.iter().filter(|(name, _)| counted.iter().all(|(row, _)| row != name)) {
        lines.push(vec![name.clone(), "–".to_owned(), "–".to_owned(), format!("{before:.1}"), "gone".to_owned()]);
    }
    println!("\ninstructions per packet\n\n{}", markdown(&lines));
    if !known {
        println!("the baseline does not know {compiler}; nothing is held against it");
    }
    if regressed { Outcome::Regressed } else { Outcome::Good }
}

/// What the instructions depend on.
fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().context("cannot run rustc")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(!version.is_empty(), "rustc does not say its version");
    Ok(version)
}

/// Where results go.
fn dir() -> Result<PathBuf> {
    let dir = sh::target_dir().join("bench");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_compiler_and_more_than_the_tolerance_fail() {
        let mut baseline = Baseline::default();
        baseline.set("rustc 1", vec![("plane/a".to_owned(), 100.0), ("plane/gone".to_owned(), 1.0)]);
        //  compiler     instructions  outcome
        let table = [
            ("rustc 1", 100.0, Outcome::Good),
            ("rustc 1", 104.9, Outcome::Good),
            ("rustc 1", 105.1, Outcome::Regressed),
            ("rustc 1", 50.0, Outcome::Good),
            ("rustc 2", 500.0, Outcome::Good),
        ];
        for (compiler, count, outcome) in table {
            let counted = [("plane/a", count), ("plane/new", 7.0)]
                .map(|(name, own)| (name.to_owned(), Counted { own, foreign: 1e6 }));
            assert_eq!(compare(&counted, &baseline, compiler), outcome, "{compiler} {count}");
        }
    }
}
