//! Tables for people, JSON for programs.

use crate::json::Json;
use crate::samples::{Samples, short};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What numbers count, and which are the good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Less is better.
    Cost(&'static str),
    /// More is better.
    Rate(&'static str),
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost(name) | Self::Rate(name) => name,
        }
    }
}

/// One thing that was measured, on each contender.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub unit: Unit,
    /// By contender.
    pub cells: BTreeMap<String, Samples>,
}

/// Rows and columns of one benchmark.
#[derive(Clone, Debug)]
pub struct Report {
    pub name: &'static str,
    /// The contenders, in the order of the columns.
    pub columns: Vec<String>,
    /// More columns, made of those, with their titles.
    pub ratios: Vec<(String, Ratio)>,
    pub rows: Vec<Row>,
}

/// What to make of two columns.
#[derive(Clone, Debug)]
pub enum Ratio {
    /// The median of the first, divided by that of the second.
    Medians(String, String),
    /// How many times the first is better than the second: its median against the other's best, because a rival that
    /// has a better and a worse mode is known by the better one.
    Gain(String, String),
}

impl Ratio {
    pub fn medians(dividend: &str, divisor: &str) -> Self {
        Self::Medians(dividend.to_owned(), divisor.to_owned())
    }

    pub fn gain(ours: &str, rival: &str) -> Self {
        Self::Gain(ours.to_owned(), rival.to_owned())
    }

    /// `None` where there is nothing to divide.
    fn of(&self, row: &Row) -> Option<f64> {
        let (Self::Medians(first, second) | Self::Gain(first, second)) = self;
        let (first, second) = row.cells.get(first).zip(row.cells.get(second))?;
        let (dividend, divisor) = match (self, row.unit) {
            (Self::Medians(..), _) => (first.median(), second.median()),
            (Self::Gain(..), Unit::Cost(_)) => (second.least(), first.median()),
            (Self::Gain(..), Unit::Rate(_)) => (first.median(), second.most()),
        };
        (divisor > 0.0).then(|| dividend / divisor)
    }
}

impl Report {
    pub fn new(name: &'static str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { name, columns, ratios: Vec::new(), rows: Vec::new() }
    }

    pub fn ratio(&mut self, title: &str, ratio: Ratio) {
        self.ratios.push((title.to_owned(), ratio));
    }

    /// Enters one measurement.
    pub fn add(&mut self, row: &str, unit: Unit, column: &str, value: f64) {
        let at = self.rows.iter().position(|known| known.name == row && known.unit == unit).unwrap_or_else(|| {
            self.rows.push(Row { name: row.to_owned(), unit, cells: BTreeMap::new() });
            self.rows.len() - 1
        });
        let cells = &mut self.rows[at].cells;
        let mut values = cells.get(column).map(|samples| samples.values().to_vec()).unwrap_or_default();
        values.push(value);
        if let Some(samples) = Samples::new(values) {
            cells.insert(column.to_owned(), samples);
        }
    }

    /// A Markdown table: a median and its range in each cell.
    pub fn table(&self) -> String {
        let used = |column: &&String| self.rows.iter().any(|row| row.cells.contains_key(*column));
        let columns: Vec<&String> = self.columns.iter().filter(used).collect();
        let ratios: Vec<_> =
            self.ratios.iter().filter(|(_, ratio)| self.rows.iter().any(|row| ratio.of(row).is_some())).collect();
        let mut lines: Vec<Vec<String>> = Vec::new();
        let heads = ["what", "unit"].map(str::to_owned).into_iter();
        let heads = heads.chain(columns.iter().map(|&column| column.clone()));
        lines.push(heads.chain(ratios.iter().map(|(title, _)| title.clone())).collect());
        for row in &self.rows {
            let mut line = vec![row.name.clone(), row.unit.name().to_owned()];
            let cell = |column: &&String| row.cells.get(*column).map_or("–".to_owned(), Samples::shown);
            line.extend(columns.iter().map(cell));
            line.extend(ratios.iter().map(|(_, ratio)| ratio.of(row).map_or("–".to_owned(), short)));
            lines.push(line);
        }
        markdown(&lines)
    }

    /// Prints the table, and writes it into a directory: as `NAME.md`, and as `NAME.json`.
    pub fn publish(&self, dir: &Path) -> Result<()> {
        let table = self.table();
        println!("\n{table}");
        std::fs::create_dir_all(dir)?;
        for (kind, text) in [("md", table), ("json", format!("{}\n", self.json()))] {
            let path = dir.join(format!("{}.{kind}", self.name));
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
            println!("written to {}", path.display());
        }
        Ok(())
    }

    pub fn json(&self) -> Json {
        let row = |row: &Row| {
            let cells = row.cells.iter().map(|(column, samples)| {
                let values = samples.values().iter().map(|&value| Json::Number(value)).collect();
                (column.clone(), Json::List(values))
            });
            Json::object([
                ("name", Json::text(&row.name)),
                ("unit", Json::text(row.unit.name())),
                ("samples", Json::Object(cells.collect())),
            ])
        };
        let machine = machine().into_iter().map(|(name, value)| (name.to_owned(), Json::Text(value)));
        Json::object([
            ("benchmark", Json::text(self.name)),
            ("machine", Json::Object(machine.collect())),
            ("rows", Json::List(self.rows.iter().map(row).collect())),
        ])
    }
}

/// Lines of cells as a Markdown table, its columns aligned; the first line is the head.
pub fn markdown(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            let pad = widths[column].saturating_sub(cell.chars().count());
            text.push_str(&format!("| {cell}{:pad$} ", ""));
        }
        text.push_str("|\n");
        if at == 0 {
            widths.iter().for_each(|width| text.push_str(&format!("|{}", "-".repeat(width + 2))));
            text.push_str("|\n");
        }
    }
    text
}

/// What it was measured on.
pub fn machine() -> Vec<(&'static str, String)> {
    let line = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
    };
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let unknown = || "unknown".to_owned();
    vec![
        ("cpu", cpu.unwrap_or("unknown").to_owned()),
        ("cores", cores.to_string()),
        ("kernel", line("uname", &["-r"]).unwrap_or_else(unknown)),
        ("qemu", line("qemu-system-x86_64", &["--version"]).unwrap_or_else(unknown)),
        ("rustc", line("rustc", &["--version"]).unwrap_or_else(unknown)),
        ("load", load.split_whitespace().next().unwrap_or("unknown").to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_medians_ranges_and_ratios() {
        let mut report = Report::new("demo", &["ours", "theirs", "absent"]);
        report.ratio("gain", Ratio::gain("ours", "theirs"));
        report.ratio("absent/ours", Ratio::medians("absent", "ours"));
        for (column, value) in [("ours", 2.0), ("theirs", 9.0), ("ours", 4.0), ("theirs", 6.0)] {
            report.add("a packet", Unit::Cost("µs"), column, value);
            report.add("packets", Unit::Rate("1/s"), column, value);
        }
        report.add("a boot", Unit::Cost("ms"), "ours", 150.0);
        let expected = "\
| what     | unit | ours             | theirs           | gain |
|----------|------|------------------|------------------|------|
| a packet | µs   | 3.00 (2.00–4.00) | 7.50 (6.00–9.00) | 2.00 |
| packets  | 1/s  | 3.00 (2.00–4.00) | 7.50 (6.00–9.00) | 0.33 |
| a boot   | ms   | 150              | –                | –    |
";
        assert_eq!(report.table(), expected);
    }
}
