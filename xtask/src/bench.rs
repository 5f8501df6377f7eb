//! `cargo xtask bench`: the numbers that the README and `docs/performance.md` name, measured here and now.

use crate::{gate, image, packages, sh};
use anyhow::{Result, bail, ensure};
use saltgate_bench_harness::rules;
use saltgate_bench_harness::vm::{self, Effort, Images};
use std::path::PathBuf;
use std::time::Duration;

/// What can be measured, in the order in which it is done.
const BENCHMARKS: [&str; 5] = ["vm", "rules", "plane", "compile", "gate"];

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
                name if BENCHMARKS.contains(&name) => wanted.entry(name),
                part if vm::PARTS.contains(&part) => {
                    if wanted.benchmarks.last().is_none_or(|(name, _)| name != "vm") {
                        wanted.entry("vm");
                    }
                    wanted.last().extend([word.clone()]);
                }
                _ => match wanted.benchmarks.last_mut() {
                    Some((name, own)) if name != "vm" => own.push(word.clone()),
                    _ => bail!("no such benchmark: {word}; there are {}", BENCHMARKS.join(", ")),
                },
            }
        }
        if wanted.benchmarks.is_empty() {
            BENCHMARKS.iter().for_each(|name| wanted.entry(name));
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
        good &= match name.as_str() {
            "vm" => machines(own, wanted.effort(), install)?,
            "rules" => rules(own, wanted.effort(), install)?,
            "plane" => program("saltgate-bench-plane", &with_json(own, name))?,
            "gate" => match gate::run(own, install)? {
                gate::Outcome::Good => true,
                gate::Outcome::Regressed => false,
                gate::Outcome::Impossible(why) => bail!("{why}"),
            },
            "compile" => compile(own)?,
            other => bail!("no such benchmark: {other}"),
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

/// How many rules, if the command line does not say.
const COUNTS: [u32; 4] = [10, 1_000, 10_000, 50_000];

fn rules(counts: &[String], effort: Effort, install: bool) -> Result<bool> {
    let counts: Vec<u32> = counts.iter().map(|count| count.parse()).collect::<Result<_, _>>()?;
    let counts = if counts.is_empty() { &COUNTS } else { counts.as_slice() };
    rules::in_machines(&images(install)?, counts, effort, &dir())?;
    Ok(true)
}

/// Builds the guests, with all that is needed to run them.
fn images(install: bool) -> Result<Images> {
    if let Err(why) = packages::install(packages::FOR_BENCH, install)? {
        bail!("{why}");
    }
    let saltgate = image::build()?;
    let built = |name: &str| sh::target_dir().join("release").join(name);
    lab::permitted()?;
    Ok(Images { saltgate, bridge: built("saltgate-bridge"), ceiling: built("saltgate-ceiling") })
}

/// The compiler alone; with `image` first, inside of the unikernel.
fn compile(words: &[String]) -> Result<bool> {
    let mut words = words.to_vec();
    if words.first().is_some_and(|word| word == "image") {
        words.remove(0);
        words.extend(["--image".to_owned(), image::build()?.display().to_string()]);
    }
    program("saltgate-bench-compile", &words)
}

/// Lets a program write what it prints as `NAME.json` as well.
fn with_json(words: &[String], name: &str) -> Vec<String> {
    let file = dir().join(format!("{name}.json"));
    ["--json".to_owned(), file.display().to_string()].into_iter().chain(words.iter().cloned()).collect()
}

/// A benchmark that is a program of its own.
fn program(package: &str, words: &[String]) -> Result<bool> {
    sh::succeeds(sh::cargo(["run", "--release", "--package", package, "--"]).args(words))
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
        assert_eq!(parse("").unwrap().len(), BENCHMARKS.len());
    }
}
