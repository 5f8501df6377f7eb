//! `cargo xtask fuzz`: the targets under libFuzzer, on the stable compiler.
//!
//! The compiler's own coverage pass is reached through `-Cpasses`, so no nightly is needed. What is found new stays in
//! `target/fuzz`; what made a target fail is left beside its corpus, to be committed with the repair.

use crate::sh;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

const TARGETS: [&str; 5] = ["frame", "nacl_structure", "nacl_text", "operations", "ring_device"];

/// Edge coverage and the operands of comparisons, as libFuzzer wants them.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code -Ccodegen-units=1";

/// An explicit target, so that build scripts are not instrumented.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Runs the named target, or all, for so many minutes each; true if nothing was found.
pub fn run(args: &[String]) -> Result<bool> {
    let (minutes, only) = match args {
        [] => (1, None),
        [minutes] => (number(minutes)?, None),
        [minutes, target] => (number(minutes)?, Some(target.as_str())),
        _ => anyhow::bail!("cargo xtask fuzz [MINUTES] [TARGET]"),
    };
    if let Some(target) = only {
        ensure!(TARGETS.contains(&target), "no such target: {target}; there are {}", TARGETS.join(", "));
    }
    let dir = sh::target_dir().join("fuzz");
    let mut build = sh::cargo(["build", "--profile", "fuzz", "--package", "saltgate-fuzz", "--features", "libfuzzer"]);
    build.args(["--target", TRIPLE, "--target-dir"]).arg(&dir).env("RUSTFLAGS", INSTRUMENTATION);
    sh::run(&mut build).context("libFuzzer needs a C++ compiler: sudo apt-get install g++")?;

    let mut good = true;
    for target in TARGETS.into_iter().filter(|target| only.is_none_or(|only| only == *target)) {
        let binary = dir.join(TRIPLE).join("fuzz").join(target);
        good &= fuzz(target, &binary, &dir, minutes)?;
    }
    Ok(good)
}

fn fuzz(target: &str, binary: &Path, dir: &Path, minutes: u64) -> Result<bool> {
    let kept = sh::root().join("fuzz/corpus").join(target);
    let found = dir.join("corpus").join(target);
    std::fs::create_dir_all(&found)?;
    let mut command = Command::new(binary);
    command.args([&found, &kept]);
    command.arg(format!("-max_total_time={}", minutes * 60)).arg(format!("-artifact_prefix={}/", kept.display()));
    command.args(["-timeout=60", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1"]);
    let good = sh::succeeds(&mut command)?;
    println!("{target}: {} in {minutes} min", if good { "nothing found" } else { "FOUND something" });
    Ok(good)
}

/// At least one: libFuzzer takes 0 for "without an end".
fn number(text: &str) -> Result<u64> {
    text.parse().ok().filter(|&minutes| minutes > 0).with_context(|| format!("`{text}` is no number of minutes"))
}
