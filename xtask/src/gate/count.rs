//! Counting the rows of benches.

use super::callgrind::{self, Profile};
use super::stages::{STAGES, Shares, Stages};
use crate::sh;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A bench that can be counted. It has a word `--list`, which prints its rows, each with the number of packets in a
/// burst if that is not [`BURST`], and `--count ROW N`, which walks N bursts.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// In the baseline.
    pub name: &'static str,
    pub package: &'static str,
    /// Its packets go the whole way of the plane, which has stages.
    pub has_stages: bool,
}

const BURST: u64 = 32;
/// Bursts of the short and of the long run.
const RUNS: [u64; 2] = [320, 640];
/// As the release, with debug information.
const PROFILE: &str = "counted";

/// A row of a bench.
#[derive(Clone, Debug)]
pub struct Counted {
    /// `BENCH/ROW`.
    pub name: String,
    /// Instructions per packet, …
    pub own: f64,
    /// … those of the C library, …
    pub foreign: f64,
    /// … and its own by stage, if it has any.
    pub stages: Option<Shares>,
}

/// Counts rows of benches, in their order: those that are `wanted` by their own names.
pub fn count(benches: &[Bench], wanted: impl Fn(&str) -> bool) -> Result<Vec<Counted>> {
    let packages = benches.iter().flat_map(|bench| ["--package", bench.package]);
    sh::run(sh::cargo(["build", "--profile", PROFILE]).args(packages))?;
    let mut rows = Vec::new();
    for bench in benches {
        let program = sh::target_dir().join(PROFILE).join(bench.package);
        let list = Command::new(&program).arg("--list").output();
        let list = list.with_context(|| format!("cannot run {}", bench.package))?;
        ensure!(list.status.success(), "{} has no list of rows", bench.package);
        for line in String::from_utf8_lossy(&list.stdout).lines() {
            let (row, burst) = line.split_once(' ').unwrap_or((line, ""));
            if wanted(row) {
                let burst = burst.parse().unwrap_or(BURST);
                rows.push(Row { bench: *bench, program: program.clone(), row: row.to_owned(), burst });
            }
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
    rows.iter()
        .zip(results)
        .map(|(row, result)| {
            result.context("nobody counted it").flatten().with_context(|| format!("cannot count {}", row.name()))
        })
        .collect()
}

/// Something to be counted.
struct Row {
    bench: Bench,
    program: PathBuf,
    /// The program's own word for it.
    row: String,
    /// Packets.
    burst: u64,
}

impl Row {
    fn name(&self) -> String {
        format!("{}/{}", self.bench.name, self.row)
    }

    fn count(&self) -> Result<Counted> {
        let name = self.name();
        let [short, long] = RUNS;
        let packets = ((long - short) * self.burst) as f64;
        let scratch = dir()?.join(format!("callgrind.{}", name.replace('/', ".")));
        let run = |bursts| callgrind::run(&self.program, &self.row, bursts, &scratch);
        let (less, more) = (run(short)?, run(long)?);
        std::fs::remove_file(&scratch)?;
        ensure!(more.own() > less.own(), "nothing was counted; is there a function called measured_region?");
        let per_packet = |of: fn(&Profile) -> u64| of(&more).saturating_sub(of(&less)) as f64 / packets;
        let stages = self.bench.has_stages.then(|| -> Result<Shares> {
            let stages = Stages::of(&self.program)?;
            let (less, more) = (stages.shares(&less)?, stages.shares(&more)?);
            Ok(std::array::from_fn(|at| (more[at] - less[at]) / packets))
        });
        Ok(Counted {
            own: per_packet(Profile::own),
            foreign: per_packet(Profile::foreign),
            stages: stages.transpose()?,
            name,
        })
    }
}

impl Counted {
    /// The stages that take part, as `BENCH/ROW/STAGE`.
    pub fn stage_rows(&self) -> impl Iterator<Item = (String, f64)> {
        let shares = self.stages.iter().flat_map(|shares| STAGES.iter().zip(shares));
        let named = shares.map(|((stage, _), share)| (format!("{}/{stage}", self.name), *share));
        // Less than a half is an instruction of a bucket's turn, not of a packet.
        named.filter(|(_, share)| *share >= 0.5)
    }
}

/// Where results go.
pub fn dir() -> Result<PathBuf> {
    let dir: &Path = &sh::target_dir().join("bench");
    std::fs::create_dir_all(dir)?;
    Ok(dir.to_owned())
}
