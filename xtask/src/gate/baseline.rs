//! The file of expected numbers: a section for each compiler, a line for each row.

use anyhow::{Context, Result};

const HEAD: &str = "\
# Instructions per packet, by compiler. `cargo xtask bench gate` compares, and with `--bless` writes this file.
";

/// Sections in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline(Vec<(String, Vec<(String, f64)>)>);

impl Baseline {
    pub fn parse(text: &str) -> Result<Self> {
        let mut baseline = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(compiler) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                baseline.0.push((compiler.to_owned(), Vec::new()));
                continue;
            }
            let entry = || {
                let (name, count) = line.split_once(' ')?;
                Some((name.to_owned(), count.trim().parse().ok()?))
            };
            let (section, entry) = baseline.0.last_mut().zip(entry()).with_context(|| format!("odd line: {line}"))?;
            section.1.push(entry);
        }
        Ok(baseline)
    }

    pub fn of(&self, compiler: &str) -> Option<&[(String, f64)]> {
        self.0.iter().find(|(name, _)| name == compiler).map(|(_, rows)| rows.as_slice())
    }

    /// The section that was added last.
    pub fn newest(&self) -> Option<&[(String, f64)]> {
        self.0.last().map(|(_, rows)| rows.as_slice())
    }

    /// Replaces or adds a section.
    pub fn set(&mut self, compiler: &str, rows: Vec<(String, f64)>) {
        self.0.retain(|(name, _)| name != compiler);
        self.0.push((compiler.to_owned(), rows));
    }

    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (compiler, rows) in &self.0 {
            text.push_str(&format!("\n[{compiler}]\n"));
            let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            rows.iter().for_each(|(name, count)| text.push_str(&format!("{name:width$} {count:8.1}\n")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut baseline = Baseline::default();
        baseline.set("rustc 1.2.3 (abc 2026-01-01)", vec![("plane/a".to_owned(), 612.5), ("b".to_owned(), 7.0)]);
        baseline.set("rustc 2", vec![]);
        assert_eq!(Baseline::parse(&baseline.text()).unwrap(), baseline);
        baseline.set("rustc 1.2.3 (abc 2026-01-01)", vec![]);
        assert_eq!(baseline.newest(), Some(&[][..]));
        assert!(Baseline::parse("a 1").is_err(), "a row without a compiler");
    }
}
