//! `cargo xtask oracle`: our router and Linux with the exported ruleset, packet by packet.

use crate::{packages, sh};
use anyhow::Result;
use std::process::Command;

/// So many pairs are through before an optimised build would be.
const FEW: usize = 5000;

/// What CI compares: the same packets each time, by the same seed.
const CI_PAIRS: usize = 2000;

/// Passes its arguments on; true if every difference has a name. `Err` of the inner result: it cannot run here.
pub fn compare(args: &[String], install: bool) -> Result<Result<bool, String>> {
    if let Err(why) = packages::install(packages::FOR_ORACLE, install)? {
        return Ok(Err(why));
    }
    let (pairs, rest) = match args.first().map(|first| first.parse::<usize>()) {
        Some(Ok(pairs)) => (pairs, args.get(1..).unwrap_or_default()),
        _ => (CI_PAIRS, args),
    };
    // Optimised, with every check of the language on.
    let profile: &[&str] = if pairs > FEW { &["--profile", "fuzz"] } else { &[] };
    sh::run(sh::cargo(["build", "--package", "saltgate-oracle"]).args(profile))?;
    let folder = if profile.is_empty() { "debug" } else { "fuzz" };
    let binary = sh::target_dir().join(folder).join("saltgate-oracle");
    let mut command = Command::new(&binary);
    if !sh::is_root() {
        // Root of a user namespace may do all that the two routers need.
        command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--"]).arg(&binary);
    }
    let mut skipped = None;
    let good =
        sh::tee(command.args(["--pairs", &pairs.to_string(), "--stories", "tests/stories"]).args(rest), |line| {
            if let Some(at) = line.find("SKIPPED ") {
                skipped = Some(line[at + 8..].to_owned());
            }
        })?;
    Ok(skipped.map_or(Ok(good), Err))
}

/// The command; what cannot run here is no failure, and says so.
pub fn run(args: &[String], install: bool) -> Result<bool> {
    Ok(match compare(args, install)? {
        Ok(good) => good,
        Err(why) => {
            println!("SKIPPED the oracle: {why}");
            true
        }
    })
}
