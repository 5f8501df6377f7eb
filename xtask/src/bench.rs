//! `cargo xtask bench`: the numbers that the README and `docs/performance.md` name, measured here and now.

mod promises;
mod tables;

use crate::{gate, image, packages, sh};
use anyhow::{Context, Result, bail, ensure};
use saltgate_bench_harness::vm::{self, Effort, Images};
use saltgate_bench_harness::{native, rules};
use saltgate_bench_rulesets::Filter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What can be measured, in the order in which it is done.
const BENCHMARKS: &[(&str, Bench)] = &[
    ("vm", Bench::Machines),
    ("rules", Bench::Rules),
    ("plane", Bench::Plane),
    ("flows", Bench::Program("saltgate-bench-flows")),
    ("routes", Bench::Program("saltgate-bench-routes")),
    ("drivers", Bench::Program("saltgate-bench-drivers")),
    ("compile", Bench::Compile),
    ("gate", Bench::Gate),
    ("paste", Bench::Paste),
];

#[derive(Clone, Copy)]
enum Bench {
    /// Routers in virtual machines.
    Machines,
    /// Many rules: look-ups, Linux's filters natively, and in virtual machines.
    Rules,
    /// A program of its own that writes JSON to the file after `--json`.
    Program(&'static str),
    /// Packets in the plane alone: time, and instructions by stage.
    Plane,
    /// Text to policy.
    Compile,
    /// Instructions against a baseline.
    Gate,
    /// Writes the newest tables into the document that shows them.
    Paste,
}

fn named(name: &str) -> Option<Bench> {
    BENCHMARKS.iter().find(|(known, _)| *known == name).map(|(_, bench)| *bench)
}

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Benchmarks, each with the words that are its own.
    benchmarks: Vec<(String, Vec<String>)>,
    quick: bool,
    rounds: Option<usize>,
}

impl Wanted {
    /// The name of a part of `vm` may stand for itself; what else follows the name of a benchmark is for it.
    fn parse(words: &[String]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => wanted.quick = true,
                "--rounds" => {
                    let count = words.next().and_then(|count| count.parse().ok()).filter(|&count| count > 0);
                    ensure!(count.is_some(), "--rounds needs a number");
                    wanted.rounds = count;
                }
                name if named(name).is_some() => wanted.entry(name),
                part if vm::PARTS.contains(&part) => {
                    if wanted.benchmarks.last().is_none_or(|(name, _)| name != "vm") {
                        wanted.entry("vm");
                    }
                    wanted.last().extend([word.clone()]);
                }
                _ => match wanted.benchmarks.last_mut() {
                    Some((name, own)) if name != "vm" => own.push(word.clone()),
                    _ => {
                        let known: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
                        bail!("no such benchmark: {word}; there are {}", known.join(", "));
                    }
                },
            }
        }
        if wanted.benchmarks.is_empty() {
            let all = BENCHMARKS.iter().filter(|(_, bench)| !matches!(bench, Bench::Paste));
            all.for_each(|(name, _)| wanted.entry(name));
        }
        Ok(wanted)
    }

    fn entry(&mut self, name: &str) {
        self.benchmarks.push((name.to_owned(), Vec::new()));
    }

    fn last(&mut self) -> &mut Vec<String> {
        if self.benchmarks.is_empty() {
            self.entry("vm");
        }
        let last = self.benchmarks.len() - 1;
        &mut self.benchmarks[last].1
    }

    fn effort(&self) -> Effort {
        let mut effort = Effort::default();
        if self.quick {
            effort = Effort { rounds: 2, time: Duration::from_secs(1), boots: 2 };
        }
        effort.rounds = self.rounds.unwrap_or(effort.rounds);
        effort
    }
}

/// Runs what is named, or all; false if a benchmark found a promise broken.
pub fn run(words: &[String], install: bool) -> Result<bool> {
    let wanted = Wanted::parse(words)?;
    let mut good = true;
    for (name, own) in &wanted.benchmarks {
        println!("\n== {name}");
        good &= match named(name).with_context(|| format!("no such benchmark: {name}"))? {
            Bench::Machines => machines(own, wanted.effort(), install)?,
            Bench::Rules => rules(own, wanted.effort(), install)?,
            Bench::Program(package) => program(package, name, own)?,
            Bench::Plane => plane(name, own, install)?,
            Bench::Compile => compile(name, own)?,
            Bench::Paste => tables::paste(&dir(), &sh::root().join("docs/performance.md"))?,
            Bench::Gate => match gate::run(own, install)? {
                gate::Outcome::Good => true,
                gate::Outcome::Regressed => false,
                gate::Outcome::Impossible(why) => bail!("{why}"),
            },
        };
    }
    Ok(good)
}

/// Where results go.
fn dir() -> PathBuf {
    sh::target_dir().join("bench")
}

fn machines(parts: &[String], effort: Effort, install: bool) -> Result<bool> {
    vm::run(&images(install)?, parts, effort, &dir())?;
    Ok(true)
}

/// How many rules, if the command line does not say: in virtual machines, where Linux takes its time to load them, and
/// natively.
const COUNTS_IN_MACHINES: [u32; 4] = [10, 1_000, 10_000, 50_000];
const COUNTS: [u32; 6] = [10, 100, 1_000, 5_000, 10_000, 50_000];

/// `lookup`, `native` or `machines` alone, or all three; so many rules; what else there is, kinds of rules, is for the
/// look-ups.
fn rules(words: &[String], effort: Effort, install: bool) -> Result<bool> {
    let (places, words): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| ["lookup", "native", "machines"].contains(&word.as_str()));
    let counts: Vec<u32> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let of_lookups = words.len() > counts.len();
    let wanted = |place: &str| match places.as_slice() {
        [] => place == "lookup" || !of_lookups,
        places => places.iter().any(|word| *word == place),
    };
    let or = |default: &[u32]| if counts.is_empty() { default.to_vec() } else { counts.clone() };
    let mut good = true;
    if wanted("lookup") {
        let words: Vec<String> = words.into_iter().cloned().collect();
        good = program("saltgate-bench-rules", "rules-lookup", &words)?;
    }
    if wanted("native") {
        ready(install)?;
        let package = "saltgate-bench-filters";
        sh::run(&mut sh::cargo(["build", "--release", "--package", package]))?;
        let ours = sh::target_dir().join("release").join(package);
        native::run(&or(&COUNTS), effort, &dir(), |filter| price(&ours, filter))?;
    }
    if wanted("machines") {
        rules::in_machines(&images(install)?, &or(&COUNTS_IN_MACHINES), effort, &dir())?;
    }
    Ok(good)
}

/// What a packet costs in our plane with these rules, in nanoseconds, as a program says.
fn price(program: &Path, filter: Filter) -> Result<f64> {
    let row = format!("{}-{}", filter.count, filter.kind.name());
    let output = Command::new(program).arg(&row).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let cell = text.lines().find_map(|line| line.strip_prefix(&row)?.split_whitespace().next());
    cell.and_then(|cell| cell.parse().ok()).with_context(|| format!("no price of {row}"))
}

/// Builds the guests, with all that is needed to run them.
fn images(install: bool) -> Result<Images> {
    ready(install)?;
    let saltgate = image::build()?;
    let built = |name: &str| sh::target_dir().join("release").join(name);
    Ok(Images { saltgate, bridge: built("saltgate-bridge"), ceiling: built("saltgate-ceiling") })
}

/// Time of whole ways, and the instructions of every stage where there is valgrind.
fn plane(name: &str, words: &[String], install: bool) -> Result<bool> {
    let good = program("saltgate-bench-plane", name, words)?;
    let mut words = words.iter();
    let mut rows = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => words.next().map_or((), |_| ()),
            row => rows.push(row.to_owned()),
        }
    }
    if let gate::Outcome::Impossible(why) = gate::plane(&rows, install)? {
        println!("SKIPPED the instructions of stages: {why}");
    }
    Ok(good)
}

/// The compiler alone; with `image` first, inside of the unikernel.
fn compile(name: &str, words: &[String]) -> Result<bool> {
    let mut words = words.to_vec();
    if words.first().is_some_and(|word| word == "image") {
        words.remove(0);
        words.extend(["--image".to_owned(), image::build()?.display().to_string()]);
        return output_of("saltgate-bench-compile", "compile-image", &words);
    }
    output_of("saltgate-bench-compile", name, &words)
}

/// What benchmarks with hosts need: programs, and the right to make hosts.
fn ready(install: bool) -> Result<()> {
    if let Err(why) = packages::install(packages::FOR_BENCH, install)? {
        bail!("{why}");
    }
    lab::permitted().context("such benchmarks need to be root, or root of a user namespace")
}

/// A benchmark that is a program of its own, writing `NAME.json` as well.
fn program(package: &str, name: &str, words: &[String]) -> Result<bool> {
    std::fs::create_dir_all(dir())?;
    let json = dir().join(format!("{name}.json"));
    // One that the command line names comes later and wins.
    let json = ["--json".to_owned(), json.display().to_string()];
    output_of(package, name, &json.into_iter().chain(words.iter().cloned()).collect::<Vec<_>>())
}

/// Runs a program that prints a table, and keeps what it prints as `NAME.md`.
fn output_of(package: &str, name: &str, words: &[String]) -> Result<bool> {
    std::fs::create_dir_all(dir())?;
    let mut run = sh::cargo(["run", "--release", "--quiet", "--package", package, "--"]);
    let mut printed = String::from("```text\n");
    let good = sh::tee(run.args(words), |line| printed.push_str(&format!("{line}\n")))?;
    std::fs::write(dir().join(format!("{name}.md")), printed + "```\n")?;
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_benchmarks_parts_and_what_is_theirs() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Wanted::parse(&words).map(|wanted| wanted.benchmarks).ok()
        };
        let entry = |name: &str, own: &[&str]| (name.to_owned(), own.iter().map(|&word| word.to_owned()).collect());
        //  line                      means
        let table = [
            ("vm", Some(vec![entry("vm", &[])])),
            ("boot memory", Some(vec![entry("vm", &["boot", "memory"])])),
            ("compile ifs vm bulk", Some(vec![entry("compile", &["ifs"]), entry("vm", &["bulk"])])),
            ("nonsense", None),
            ("vm nonsense", None),
            ("--rounds", None),
        ];
        for (line, means) in table {
            assert_eq!(parse(line), means, "{line}");
        }
        assert_eq!(parse("").unwrap().len(), BENCHMARKS.len() - 1);
    }
}
