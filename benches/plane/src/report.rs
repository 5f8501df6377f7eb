//! A table on the console, and the same as JSON.

use std::fmt::Write;

/// A number of a row; `None`: not measured.
pub type Cell = Option<f64>;

/// Rows of numbers under names.
pub struct Report {
    bench: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<Cell>)>,
}

impl Report {
    /// Prints the heading.
    pub fn new(bench: &'static str, columns: &[&'static str]) -> Self {
        let mut line = format!("{:<22}", bench);
        columns.iter().for_each(|column| {
            let _ = write!(line, " {column:>14}");
        });
        println!("{line}");
        Self { bench, columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Prints a row, and keeps it.
    pub fn row(&mut self, name: &str, cells: &[Cell]) {
        let mut line = format!("{name:<22}");
        for cell in cells {
            let _ = match cell {
                Some(number) if number.fract() == 0.0 => write!(line, " {number:>14.0}"),
                Some(number) => write!(line, " {number:>14.1}"),
                None => write!(line, " {:>14}", "-"),
            };
        }
        println!("{line}");
        self.rows.push((name.to_owned(), cells.to_vec()));
    }

    /// All rows: `{"bench": …, "rows": [{"name": …, COLUMN: NUMBER or null, …}, …]}`; blanks of columns become `_`.
    pub fn json(&self) -> String {
        let rows = self.rows.iter().map(|(name, cells)| {
            let cells = self.columns.iter().zip(cells).map(|(column, cell)| {
                let number = cell.map_or("null".to_owned(), |number| format!("{number:.2}"));
                format!(", \"{}\": {number}", column.replace([' ', '/'], "_"))
            });
            format!("    {{\"name\": \"{name}\"{}}}", cells.collect::<String>())
        });
        let rows: Vec<String> = rows.collect();
        format!("{{\n  \"bench\": \"{}\",\n  \"rows\": [\n{}\n  ]\n}}\n", self.bench, rows.join(",\n"))
    }

    /// Writes the JSON to a file, if one is named.
    pub fn write(&self, file: Option<&str>) -> std::io::Result<()> {
        file.map_or(Ok(()), |file| std::fs::write(file, self.json()))
    }
}
