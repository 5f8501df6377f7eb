//! Instruction counts: this program once more, under callgrind.

use std::process::{Command, Stdio};

/// Runs this program with `arguments` under callgrind and returns how many instructions
/// [`measured_region`](crate::measured_region) took in all. `None` where valgrind is not installed or fails.
///
/// The difference between two runs of different length is free of what both have in common.
pub fn instructions(arguments: &[&str]) -> Option<u64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=*measured_region*")
        .arg(program)
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
