//! The oracle: random policies, and at their edges pairs of packets and whole conversations, on our router and on Linux
//! with the exported ruleset. Whatever leaves must be the same, byte by byte, but for the differences that have a name.
//! Ours runs several times, with and without its short cuts, and between these there is no difference at all.
//!
//! Exit status: 0 no unexplained difference (or no right to try, which is said), 1 there is one, 2 it could not be done.

#![forbid(unsafe_code)]

mod bench;
mod case;
mod compare;
mod differences;
mod linux;
mod ours;
mod packets;
mod policies;
mod random;
mod stories;
mod talks;
mod twins;

use anyhow::{Context, Result, bail};
use bench::{Bench, Tally};
use linux::Linux;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use random::Random;
use sim::Hosts;
use std::path::PathBuf;
use std::process::ExitCode;
use wire::PortId;

/// Pairs for each policy.
const PAIRS_PER_POLICY: usize = 80;
/// One conversation for so many pairs.
const PAIRS_PER_TALK: usize = 4;

struct Args {
    pairs: usize,
    seed: u64,
    /// Unexplained differences that are shown in full.
    show: usize,
    /// A folder of stories to play before.
    stories: Option<PathBuf>,
}

fn main() -> ExitCode {
    match args().and_then(|args| run(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("oracle: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn args() -> Result<Args> {
    let mut all = Args { pairs: 2000, seed: 1, show: 5, stories: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a number"))?;
        match &word[..] {
            "--pairs" => all.pairs = value.parse().context("--pairs N")?,
            "--seed" => all.seed = value.parse().context("--seed S")?,
            "--show" => all.show = value.parse().context("--show N")?,
            "--stories" => all.stories = Some(value.into()),
            other => bail!("no such option: {other}; there are --pairs N, --seed S, --show N and --stories FOLDER"),
        }
    }
    Ok(all)
}

fn run(args: &Args) -> Result<bool> {
    if !lab::possible("the oracle", &["nft", "ip"]) {
        return Ok(true);
    }
    // Frames keep their order on one processor.
    let mut one = CpuSet::new();
    one.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;

    let mut random = Random::new(args.seed);
    let names: Vec<String> = policies::IFACES.iter().map(ToString::to_string).collect();
    let mut linux = Linux::new(&names)?;
    let mut tally = Tally { show: args.show, ..Tally::default() };
    let played = args.stories.as_ref().map(|folder| stories::play(folder, &mut tally)).transpose()?;
    let mut apart_before = 0;
    if let Some(played) = &played {
        tell(played, &tally);
        apart_before = tally.apart;
        tally = Tally { show: args.show, ..Tally::default() };
    }
    while tally.pairs < args.pairs {
        let text = policies::random(&mut random);
        let source = nacl::Source::new("policy.nacl", &text[..]);
        let Some(policy) = nacl::compile(&source).policy else { continue };
        let export = export::nftables(&policy);
        let nics: Vec<_> = (0..names.len()).map(|at| (PortId(at as u16), linux::mac(at))).collect();
        linux.load(&export, Hosts::new(&policy, &nics)).with_context(|| format!("{text}\n{}", export.ruleset))?;
        tally.policies += 1;
        let bench = Bench::new(&policy, &text, &linux);
        for nth in 1..=PAIRS_PER_POLICY.min(args.pairs - tally.pairs) {
            bench.pair(&mut random, &mut tally)?;
            if nth % PAIRS_PER_TALK == 0 {
                bench.talk(&mut random, &mut tally)?;
            }
        }
    }
    report(args, &tally);
    apart_before += tally.apart;
    Ok(tally.unexplained + apart_before == 0 && played.is_none_or(|played| played.is_good()))
}

fn tell(played: &stories::Report, tally: &Tally) {
    let stories::Report { played, different, skipped, unexplained } = played;
    println!("oracle: {played} stories ({} packets)", tally.packets);
    for (name, reason) in different {
        println!("  {name}: {reason}");
    }
    explained(tally);
    apart(tally);
    for (why, stories) in skipped {
        println!("  not for Linux, because {why}: {}", stories.join(", "));
    }
    for name in unexplained {
        println!("  {name}: without an explanation");
    }
}

fn explained(tally: &Tally) {
    for (name, count) in &tally.explained {
        let reason = differences::DIFFERENCES.iter().find(|known| known.name == *name).map_or("", |known| known.reason);
        println!("  {count:>6}  {name}: {reason}");
    }
}

fn report(args: &Args, tally: &Tally) {
    let Tally { pairs, talks, packets, policies, unexplained, .. } = tally;
    println!(
        "oracle: {pairs} pairs and {talks} conversations ({packets} packets) on {policies} policies, seed {}",
        args.seed
    );
    explained(tally);
    println!("  {unexplained:>6}  without an explanation");
    apart(tally);
}

/// What our own routers say to each other.
fn apart(tally: &Tally) {
    let Tally { past_the_walk, apart, .. } = tally;
    println!("  {past_the_walk:>6}  went past the walk");
    println!("  {apart:>6}  between the ways in which ours can be set to work");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manual's tables are those of the code.
    #[test]
    fn every_difference_stands_in_the_manual_with_its_reason() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/oracle.md");
        let manual = std::fs::read_to_string(path).unwrap();
        let rows = |begin: &str, end: &str| {
            let (_, behind) = manual.split_once(begin).unwrap();
            let (table, _) = behind.split_once(end).unwrap();
            table.lines().skip(3).map(str::to_owned).collect::<Vec<_>>()
        };
        let differences = differences::DIFFERENCES.iter().map(|known| format!("| {} | {} |", known.name, known.reason));
        assert_eq!(rows("<!-- differences -->", "<!-- end of differences -->"), differences.collect::<Vec<_>>());
        let stories = stories::DIFFERENT.iter().map(|(story, reason)| format!("| `{story}` | {reason} |"));
        assert_eq!(rows("<!-- stories -->", "<!-- end of stories -->"), stories.collect::<Vec<_>>());
        for (story, _) in stories::DIFFERENT {
            let path = format!("{}/../stories/{story}.story", env!("CARGO_MANIFEST_DIR"));
            assert!(std::path::Path::new(&path).exists(), "no story {story}");
        }
    }

    /// The same seed makes the same policies, and they compile.
    #[test]
    fn policies_at_random_compile_and_come_again_with_their_seed() {
        let texts = |seed| {
            let mut random = Random::new(seed);
            (0..40).map(|_| policies::random(&mut random)).collect::<Vec<_>>()
        };
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
        let compile = |text: &String| nacl::compile(&nacl::Source::new("policy.nacl", &text[..])).policy;
        let good = texts(1).iter().filter(|text| compile(text).is_some()).count();
        assert!(good > 30, "{good} of 40 compile");
    }
}
