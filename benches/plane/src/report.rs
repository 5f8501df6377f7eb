//! A table on the console, and the same as JSON.

use std::fmt::Write;
use std::process::ExitCode;

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

    /// Writes the JSON to a file, if one is named: the end of a bench, 2 where the file cannot be written.
    pub fn finish(&self, file: Option<&str>) -> ExitCode {
        match file.map_or(Ok(()), |file| std::fs::write(file, self.json())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        }
    }
}

/// What the command line of a bench with named rows asks for.
pub struct Options<'a> {
    /// `--json FILE`.
    pub json: Option<&'a str>,
    /// `--instructions`: count them, too.
    pub instructions: bool,
    /// Rows to measure; none: all.
    pub rows: Vec<&'a str>,
}

impl<'a> Options<'a> {
    /// Says on standard error which rows there are, if one is named that is not `known`; then the bench ends with 2.
    pub fn parse(arguments: &[&'a str], known: &[&str]) -> Result<Self, ExitCode> {
        let mut options = Self { json: None, instructions: false, rows: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                "--json" => options.json = rest.next().copied(),
                "--instructions" => options.instructions = true,
                name if known.contains(&name) => options.rows.push(name),
                name => {
                    eprintln!("no such row: {name}; there are {}", known.join(", "));
                    return Err(ExitCode::from(2));
                }
            }
        }
        Ok(options)
    }

    /// Is this row to be measured?
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.contains(&row)
    }
}
