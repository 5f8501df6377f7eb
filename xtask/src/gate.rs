//! `cargo xtask bench gate`: instructions per packet, held against a baseline.
//!
//! Wall time says more about the machine than about a change; the number of instructions that a packet takes is the same
//! on every run and every machine with the same compiler. Callgrind counts them inside the functions called
//! `measured_region` of the benches in `COUNTED`, in a short and in a long run; their difference is free of what both
//! have in common. What the C library does in there, which is copying, differs from CPU to CPU: it is shown and not held
//! against anything. The unikernel has copies of its own.
//!
//! `benches/instructions.txt` holds what is expected, for each version of the compiler: of whole ways, and of each stage
//! of those through the plane. A row that takes over 5 % more fails, a stage if that is over 15 instructions, too; with
//! a compiler that the file does not know, differences are only shown. `--bless` writes what was counted.

mod baseline;
mod callgrind;
mod count;
mod stages;
mod symbols;

use crate::{packages, sh};
use anyhow::{Context, Result, ensure};
use baseline::Baseline;
use count::{Bench, Counted, count, dir};
use saltgate_bench_harness::Json;
use saltgate_bench_harness::markdown;
use stages::STAGES;
use std::process::Command;

const PLANE: Bench = Bench { name: "plane", package: "saltgate-bench-plane", has_stages: true };
const COUNTED: &[Bench] = &[
    PLANE,
    Bench { name: "filters", package: "saltgate-bench-filters", has_stages: false },
    Bench { name: "rules", package: "saltgate-bench-rules", has_stages: false },
    Bench { name: "routes", package: "saltgate-bench-routes", has_stages: false },
    Bench { name: "drivers", package: "saltgate-bench-drivers", has_stages: false },
];
/// A row may take this much more than the baseline says.
const TOLERANCE: f64 = 0.05;
/// A stage may take so many instructions more in any case: what the compiler shuffles between neighbors.
const SHUFFLED: f64 = 15.0;

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
    let counted = count(COUNTED, |_| true)?;
    let compiler = compiler()?;
    let path = sh::root().join("benches/instructions.txt");
    let mut baseline = Baseline::parse(&std::fs::read_to_string(&path).unwrap_or_default())?;
    let outcome = compare(&counted, &baseline, &compiler);
    let heading = vec!["row".to_owned(), "instructions per packet".to_owned()];
    let rows = counted.iter().map(|row| vec![row.name.clone(), format!("{:.0}", row.own)]);
    std::fs::write(dir()?.join("gate.md"), markdown(&[heading].into_iter().chain(rows).collect::<Vec<_>>()))?;
    let unmet = unmet(&counted);
    ensure!(unmet.is_empty(), "no row enters {}: have its functions other names now?", unmet.join(", "));
    if bless {
        let rows = counted.iter().flat_map(|row| {
            let whole = [(row.name.clone(), row.own)];
            whole.into_iter().chain(row.stage_rows())
        });
        baseline.set(&compiler, rows.collect());
        std::fs::write(&path, baseline.text())?;
        println!("written to {}", path.strip_prefix(sh::root()).unwrap_or(&path).display());
        return Ok(Outcome::Good);
    }
    Ok(outcome)
}

/// Prints what each stage of these rows of the plane takes, or of all; leaves table and JSON as `plane-stages`.
pub fn plane(rows: &[String], install: bool) -> Result<Outcome> {
    if let Err(why) = packages::install(packages::FOR_COUNTING, install)? {
        return Ok(Outcome::Impossible(why));
    }
    let counted = count(&[PLANE], |row| rows.is_empty() || rows.iter().any(|wanted| wanted == row))?;
    let table = by_stage(&counted);
    println!("\ninstructions per packet, by stage\n\n{table}");
    std::fs::write(dir()?.join("plane-stages.md"), table)?;
    let json = counted.iter().map(|row| {
        let stages = row.stages.iter().flat_map(|shares| STAGES.iter().zip(shares));
        let stages = stages.map(|((stage, _), share)| ((*stage).to_owned(), Json::Number(*share)));
        let of_row = [("name", Json::text(&row.name)), ("instructions", Json::Number(row.own))];
        let whole = of_row.map(|(name, value)| (name.to_owned(), value));
        Json::Object(whole.into_iter().chain([("stages".to_owned(), Json::Object(stages.collect()))]).collect())
    });
    let json = Json::object([("bench", Json::text("plane-stages")), ("rows", Json::List(json.collect()))]);
    std::fs::write(dir()?.join("plane-stages.json"), format!("{json}\n"))?;
    Ok(Outcome::Good)
}

/// A line for each row, a column for each stage that any of them enters.
fn by_stage(counted: &[Counted]) -> String {
    let entered: Vec<usize> = (0..STAGES.len()).filter(|&at| is_entered(counted, at)).collect();
    let short = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let heads = entered.iter().map(|&at| STAGES[at].0.to_owned());
    let heads = ["row".to_owned()].into_iter().chain(heads).chain(["whole way".to_owned()]);
    let mut lines: Vec<Vec<String>> = vec![heads.collect()];
    for row in counted {
        let cells = entered.iter().map(|&at| match row.stages.map_or(0.0, |shares| shares[at]) {
            share if share < 0.5 => "–".to_owned(),
            share => format!("{share:.0}"),
        });
        lines.push([short(&row.name)].into_iter().chain(cells).chain([format!("{:.0}", row.own)]).collect());
    }
    markdown(&lines)
}

/// Some row enters this stage.
fn is_entered(counted: &[Counted], stage: usize) -> bool {
    counted.iter().filter_map(|row| row.stages).any(|shares| shares[stage] >= 0.5)
}

/// Stages that no row enters.
fn unmet(counted: &[Counted]) -> Vec<&'static str> {
    STAGES.iter().enumerate().filter(|(at, _)| !is_entered(counted, *at)).map(|(_, (stage, _))| *stage).collect()
}

/// Prints the rows beside the baseline.
fn compare(counted: &[Counted], baseline: &Baseline, compiler: &str) -> Outcome {
    let (known, expected) = match baseline.of(compiler) {
        Some(rows) => (true, rows),
        None => (false, baseline.newest().unwrap_or(&[])),
    };
    let mut lines = vec![["row", "instructions", "in libc", "expected", "difference"].map(str::to_owned).to_vec()];
    let mut regressed = false;
    let mut names = Vec::new();
    let mut line = |name: String, own: f64, foreign: String, shuffled: f64| {
        let before = expected.iter().find(|(row, _)| *row == name).map(|(_, before)| *before);
        let (before, difference) = match before {
            None => ("–".to_owned(), "new".to_owned()),
            Some(before) => {
                let change = own / before - 1.0;
                let much = known && change > TOLERANCE && own - before > shuffled;
                regressed |= much;
                let verdict = if much { " REGRESSED" } else { "" };
                (format!("{before:.1}"), format!("{:+.1} %{verdict}", change * 100.0))
            }
        };
        lines.push(vec![name.clone(), format!("{own:.1}"), foreign, before, difference]);
        names.push(name);
    };
    for row in counted {
        line(row.name.clone(), row.own, format!("{:.0}", row.foreign), 0.0);
        row.stage_rows().for_each(|(name, share)| line(name, share, String::new(), SHUFFLED));
    }
    for (name, before) in expected.iter().filter(|(name, _)| !names.contains(name)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, own: f64, parse: f64) -> Counted {
        let stages = std::array::from_fn(|at| match STAGES[at].0 {
            "parse" => parse,
            "walk" => own - parse,
            _ => 0.0,
        });
        Counted { name: name.to_owned(), own, foreign: 1e6, stages: Some(stages) }
    }

    #[test]
    fn only_a_known_compiler_and_more_than_the_tolerance_fail() {
        let mut baseline = Baseline::default();
        let rows = [("plane/a", 1000.0), ("plane/a/parse", 100.0), ("plane/a/walk", 900.0), ("plane/gone", 1.0)];
        baseline.set("rustc 1", rows.map(|(name, count)| (name.to_owned(), count)).to_vec());
        //  compiler      whole  of it parse  outcome
        let table = [
            ("rustc 1", 1000.0, 100.0, Outcome::Good),
            ("rustc 1", 1049.0, 114.0, Outcome::Good),
            ("rustc 1", 1051.0, 114.0, Outcome::Regressed),
            ("rustc 1", 1000.0, 114.0, Outcome::Good),
            ("rustc 1", 1000.0, 116.0, Outcome::Regressed),
            ("rustc 1", 500.0, 50.0, Outcome::Good),
            ("rustc 2", 5000.0, 500.0, Outcome::Good),
        ];
        for (compiler, own, parse, outcome) in table {
            let counted = [row("plane/a", own, parse), row("plane/new", 7.0, 7.0)];
            assert_eq!(compare(&counted, &baseline, compiler), outcome, "{compiler} {own} {parse}");
        }
    }

    #[test]
    fn a_stage_that_no_row_enters_is_named() {
        let unmet = unmet(&[row("plane/a", 10.0, 3.0)]);
        assert!(unmet.contains(&"confirm") && !unmet.contains(&"parse"), "{unmet:?}");
    }
}
