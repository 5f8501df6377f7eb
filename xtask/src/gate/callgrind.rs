//! Running a program under callgrind, and reading what it wrote (valgrind's manual, "Callgrind Format Specification").

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Instructions inside the measured regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of the program itself.
    pub own: u64,
    /// Of shared libraries.
    pub foreign: u64,
}

impl Counts {
    /// Sums what functions took themselves; `program` is the path of the file that counts as our own.
    fn parse(text: &str, program: &str) -> Result<Self> {
        let mut counts = Self::default();
        // Names are written once, with a number, and then only by the number.
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        let mut object = "";
        let mut of_callee = false;
        for line in text.lines() {
            if let Some((key, value)) = line.split_once('=') {
                if matches!(key, "ob" | "cob") {
                    let name = match value.split_once(' ') {
                        Some((number, name)) => {
                            names.insert(number, name);
                            name
                        }
                        None => names.get(value).copied().context("a number without a name")?,
                    };
                    if key == "ob" {
                        object = name;
                    }
                }
                // The line after this one says what the callee took, which is counted where the callee is.
                of_callee = key == "calls";
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
                if std::mem::take(&mut of_callee) {
                    continue;
                }
                let count = line.split_whitespace().nth(1).and_then(|count| count.parse().ok());
                let count: u64 = count.with_context(|| format!("an odd line of costs: {line}"))?;
                if object == program {
                    counts.own += count;
                } else {
                    counts.foreign += count;
                }
            }
        }
        Ok(counts)
    }
}

/// Walks so many bursts of a row under callgrind, which writes to `file`.
pub fn run(program: &Path, row: &str, bursts: u64, file: &Path) -> Result<Counts> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*measured_region*"]);
    valgrind.arg(format!("--callgrind-out-file={}", file.display()));
    valgrind.arg(program).args(["--count", row, &bursts.to_string()]);
    let output = valgrind.output().context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {}", said.lines().last().unwrap_or("failed"));
    let text = std::fs::read(file)?;
    let program = std::fs::canonicalize(program)?;
    Counts::parse(&String::from_utf8_lossy(&text), &program.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_told_by_the_object_that_has_them_and_callees_are_not_counted_twice() {
        let text = "\
# callgrind format
events: Ir
summary: 115

ob=(1) /bench
fn=(1) measured_region
0 10
cob=(2) /lib/libc.so.6
cfn=(2) memcpy
calls=3 0
0 30
0 5

fn=(3) walk
+1 70

ob=(2)
fn=(2)
0 30
";
        let counts = Counts::parse(text, "/bench").unwrap();
        assert_eq!(counts, Counts { own: 85, foreign: 30 });
    }
}
