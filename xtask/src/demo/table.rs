//! What the demo found: a line as it happens, and all of them as a table in the end.

use std::fmt;

pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    policy: String,
    observed: String,
    good: bool,
}

impl Table {
    pub fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Notes an observation and shows it at once.
    pub fn note(&mut self, what: &str, policy: &str, observed: impl Into<String>, good: bool) {
        let observed = observed.into();
        println!("  {:6} {what}: {observed}", mark(good));
        self.rows.push(Row { what: what.to_owned(), policy: policy.to_owned(), observed, good });
    }

    pub fn all_good(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.good)
    }
}

fn mark(good: bool) -> &'static str {
    if good { "ok" } else { "FAILED" }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "policy says", "observed"];
        let cells = |row: &Row| [row.what.clone(), row.policy.clone(), row.observed.clone()];
        let mut widths = head.map(|title| title.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells(row)) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let [a, b, c] = widths;
        writeln!(f, "{:a$} | {:b$} | {:c$} | ok", head[0], head[1], head[2])?;
        writeln!(f, "{:-<a$}-|-{:-<b$}-|-{:-<c$}-|---", "", "", "")?;
        for row in &self.rows {
            let [what, policy, observed] = cells(row);
            writeln!(f, "{what:a$} | {policy:b$} | {observed:c$} | {}", mark(row.good))?;
        }
        Ok(())
    }
}
