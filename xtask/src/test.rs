//! `cargo xtask test`: every check there is, in the order of how soon it answers.
//!
//! A failed step does not stop the others: one run shows all that is wrong. What cannot run here is skipped, and the
//! summary says why.

use crate::{gate, image, oracle, packages, sh};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

type Step = fn(&mut Run) -> Result<Outcome>;

const STEPS: &[(&str, Step)] = &[
    ("format", format),
    ("lint", lint),
    ("image", build_image),
    ("unit", unit),
    ("gate", count),
    ("oracle", oracle),
    ("vm", vm),
    ("demo", demo),
];

enum Outcome {
    Passed,
    Failed,
    /// Nothing was wrong, but it could not be asked here; with the reason.
    Skipped(String),
}

/// What the steps share.
struct Run {
    install: bool,
    image: Option<PathBuf>,
    /// The closing lines of the test runners, as they printed them.
    results: Vec<String>,
    /// What tests said that could not run here.
    skipped: Vec<String>,
}

/// Runs the named steps, or all; true if none failed.
pub fn run(only: &[String], install: bool) -> Result<bool> {
    for name in only {
        ensure!(STEPS.iter().any(|(step, _)| step == name), "no such step: {name}");
    }
    let mut run = Run { install, image: None, results: Vec::new(), skipped: Vec::new() };
    let mut summary: Vec<(&str, Outcome, Duration)> = Vec::new();
    for &(name, step) in STEPS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|step| step == name)) {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = step(&mut run).unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            Outcome::Failed
        });
        summary.push((name, outcome, begun.elapsed()));
    }

    println!("\n== summary");
    for (name, outcome, took) in &summary {
        let (word, why) = match outcome {
            Outcome::Passed => ("passed", ""),
            Outcome::Failed => ("FAILED", ""),
            Outcome::Skipped(why) => ("SKIPPED", why.as_str()),
        };
        println!("{name:8} {word:8} {:6.1} s  {why}", took.as_secs_f64());
    }
    println!();
    for line in run.skipped.iter().chain(&run.results) {
        println!("{line}");
    }
    Ok(!summary.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed)))
}

fn format(_: &mut Run) -> Result<Outcome> {
    judged(sh::succeeds(&mut sh::cargo(["fmt", "--all", "--check"])))
}

fn lint(_: &mut Run) -> Result<Outcome> {
    judged(sh::succeeds(&mut sh::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])))
}

fn build_image(run: &mut Run) -> Result<Outcome> {
    run.image = Some(image::build()?);
    Ok(Outcome::Passed)
}

/// Everything that needs nothing but cargo: units, stories, the command, the examples of the documentation.
fn unit(run: &mut Run) -> Result<Outcome> {
    run.tests(&mut sh::cargo(["test", "--workspace", "--no-fail-fast", "--exclude", "saltgate-vm-tests"]))
}

/// No packet may take many more instructions than it did.
fn count(run: &mut Run) -> Result<Outcome> {
    Ok(match gate::run(&[], run.install)? {
        gate::Outcome::Good => Outcome::Passed,
        gate::Outcome::Regressed => Outcome::Failed,
        gate::Outcome::Impossible(why) => Outcome::Skipped(why),
    })
}

/// The same packets on our router and on Linux.
fn oracle(run: &mut Run) -> Result<Outcome> {
    Ok(match oracle::compare(&[], run.install)? {
        Ok(true) => Outcome::Passed,
        Ok(false) => Outcome::Failed,
        Err(why) => Outcome::Skipped(why),
    })
}

/// The image in QEMU between real hosts.
fn vm(run: &mut Run) -> Result<Outcome> {
    if let Err(why) = packages::install(packages::FOR_VMS, run.install)? {
        return Ok(Outcome::Skipped(why));
    }
    let image = run.image()?;
    sh::run(sh::cargo(["build", "--package", "saltgate-cli"]).env(image::VARIABLE, image))?;
    let mut command = sh::cargo(["test", "--package", "saltgate-vm-tests", "--no-fail-fast", "--"]);
    // Two cores: guests that boot at the same time only wait for each other.
    command.args(["--test-threads", "1"]);
    if !sh::is_root() {
        // Root of a user namespace may do all that the hosts need, if /dev/net/tun lets it.
        let mut inside = Command::new("unshare");
        inside.args(["--user", "--map-root-user", "--net", "--"]).arg(command.get_program()).args(command.get_args());
        inside.current_dir(sh::root());
        command = inside;
    }
    command.env("SALTGATE_COMMAND", sh::target_dir().join("debug/saltgate"));
    run.tests(&mut command)
}

/// The demo itself, as a user would see it; and the README must show what it prints.
fn demo(run: &mut Run) -> Result<Outcome> {
    if let Err(why) = packages::install(packages::FOR_VMS, run.install)? {
        return Ok(Outcome::Skipped(why));
    }
    let mut printed = Vec::new();
    let mut command = Command::new(std::env::current_exe()?);
    let good = sh::tee(command.args(["demo", "--no-install"]), |line| printed.push(line.to_owned()))?;
    if !good || !printed.iter().any(|line| line.starts_with("boot ")) {
        return Ok(if good { Outcome::Skipped("no real hosts here".to_owned()) } else { Outcome::Failed });
    }
    let readme = std::fs::read_to_string(sh::root().join("README.md"))?;
    let mut missing = 0;
    for line in shown_for(&readme, "$ cargo xtask demo") {
        if !printed.iter().any(|printed| fits(line, printed.trim_end())) {
            println!("the README shows a line that the demo did not print: {line}");
            missing += 1;
        }
    }
    Ok(if missing == 0 { Outcome::Passed } else { Outcome::Failed })
}

/// The lines below a command in a block of a document.
fn shown_for<'a>(document: &'a str, command: &str) -> Vec<&'a str> {
    let lines = document.lines().skip_while(|line| *line != command).skip(1);
    lines.take_while(|line| !line.starts_with("```") && !line.starts_with("$ ")).collect()
}

/// Is `line` what `pattern` says, `…` standing for anything?
fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(after, &rest[at..]))
        }),
    }
}

impl Run {
    /// The image; built now, if the step that builds it was not asked for.
    fn image(&mut self) -> Result<PathBuf> {
        if self.image.is_none() {
            self.image = Some(image::build()?);
        }
        self.image.clone().context("it was just built")
    }

    fn tests(&mut self, command: &mut Command) -> Result<Outcome> {
        command.env(image::VARIABLE, self.image()?);
        let Self { results, skipped, .. } = self;
        judged(sh::tee(command, |line| {
            if line.starts_with("test result:") {
                results.push(line.to_owned());
            } else if let Some(at) = line.find("SKIPPED ") {
                // The runner may have begun a line of its own.
                skipped.push(line[at..].to_owned());
            }
        }))
    }
}

fn judged(good: Result<bool>) -> Result<Outcome> {
    Ok(if good? { Outcome::Passed } else { Outcome::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_demo() {
        let readme = std::fs::read_to_string(sh::root().join("README.md")).unwrap();
        assert!(shown_for(&readme, "$ cargo xtask demo").len() > 10);
    }

    #[test]
    fn dots_stand_for_anything() {
        for (pattern, line, good) in [
            ("boot … ms", "boot 277 ms", true),
            ("boot … ms", "boot 277 s", false),
            ("…", "", true),
            ("a … b … c", "a 1 b 2 b 3 c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern, line), good, "{pattern} {line}");
        }
    }
}
