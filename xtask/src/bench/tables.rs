//! The tables of `docs/performance.md` are those that the benchmarks printed last.
//!
//! A table stands between the lines `<!-- table NAME -->` and `<!-- end -->`; benchmarks leave theirs as `NAME.md`. That of
//! the promises is made of the others.

use super::promises;
use anyhow::{Context, Result};
use std::path::Path;

/// What it is called where it stands.
const PROMISES: &str = "promises";

/// Replaces each table that there is a newer one of.
pub fn paste(from: &Path, document: &Path) -> Result<bool> {
    let text = std::fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let mut names = Vec::new();
    let replaced = replace(&text, |name| {
        if name == PROMISES {
            return None;
        }
        let table = std::fs::read_to_string(from.join(format!("{name}.md"))).ok();
        names.push(format!("{name}: {}", if table.is_some() { "pasted" } else { "not measured, as it was" }));
        table
    });
    let promises = promises::table(&replaced);
    let replaced = replace(&replaced, |name| (name == PROMISES).then(|| promises.clone()));
    std::fs::write(document, replaced)?;
    names.iter().for_each(|name| println!("{name}"));
    Ok(true)
}

fn replace(text: &str, mut table: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let name = line.strip_prefix("<!-- table ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(table) = name.and_then(&mut table) {
            out.push_str(&format!("\n{}\n\n<!-- end -->\n", table.trim_end()));
            lines.by_ref().find(|line| *line == "<!-- end -->");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_replaced_and_nothing_else() {
        let text = "a\n<!-- table x -->\n\n| old |\n\n<!-- end -->\nb\n<!-- table y -->\nkept\n<!-- end -->\n";
        let replaced = replace(text, |name| (name == "x").then(|| "| new |\n".to_owned()));
        assert_eq!(replaced, text.replace("old", "new"));
    }
}
