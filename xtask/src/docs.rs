//! `cargo xtask docs [--check]`: writes the tables of the manual from the compiler's own tables, so that neither can
//! say what the other does not.
//!
//! A table stands between `<!-- NAME -->` and `<!-- end of NAME -->`; what is around them is written by hand.

use crate::sh;
use anyhow::{Context, Result, bail, ensure};
use nacl::vocabulary::{self, Class, Domain, PacketField, Shape, Word};
use nacl::{Code, Severity};
use std::fmt::Write;

/// The pages, and the tables that each holds.
const PAGES: &[(&str, &[Table])] = &[
    (
        "docs/language/objects.md",
        &[
            ("keys of Iface", || keys(&vocabulary::IFACE)),
            ("keys of Gateway", || keys(&vocabulary::GATEWAY)),
            ("keys of a route", || keys(&vocabulary::ROUTE)),
            ("keys of Conntrack", || keys(&vocabulary::CONNTRACK)),
            ("keys of timeout", || keys(&vocabulary::TIMEOUTS)),
            ("keys of a timeout class", || keys(&vocabulary::TIMEOUT)),
            ("keys of Load_balancer", || keys(&vocabulary::BALANCER)),
            ("keys of clients", || keys(&vocabulary::CLIENTS)),
            ("keys of servers", || keys(&vocabulary::SERVERS)),
            ("keys of a node", || keys(&vocabulary::NODE)),
            ("keys of Syslog", || keys(&vocabulary::SYSLOG)),
            ("keys of Timer", || keys(&vocabulary::TIMER)),
        ],
    ),
    (
        "docs/language/functions.md",
        &[
            ("types of functions", || words("type", vocabulary::FUNCTION_TYPES.iter().map(|(_, word)| word))),
            ("subtypes", || words("subtype", vocabulary::SUBTYPES.iter().map(|(_, word)| word))),
            ("actions", actions),
            ("severities", || words("severity", vocabulary::SEVERITIES.iter())),
            ("packet objects", || words("object", vocabulary::PACKET_OBJECTS.iter())),
            ("packet properties", properties),
            ("ports", || constants(Class::Port, "port")),
            ("protocols", || constants(Class::Protocol, "protocol")),
            ("ICMP types", || constants(Class::IcmpType, "type")),
            ("ICMPv6 types", || constants(Class::Icmpv6Type, "type")),
            ("states", || constants(Class::State, "")),
            ("TCP flags", || constants(Class::TcpFlag, "bit")),
        ],
    ),
    ("docs/diagnostics.md", &[("codes", codes)]),
];

/// Its name, and how its text is made.
type Table = (&'static str, fn() -> String);

/// What marks a word that other compilers of NaCl do not know.
const EXTENSION: &str = "⁺";

/// Writes the pages anew; with `--check` says whether they are up to date.
pub fn run(args: &[String]) -> Result<bool> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("docs takes --check or nothing"),
    };
    let mut current = true;
    for (page, tables) in PAGES {
        let path = sh::root().join(page);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {page}"))?;
        let wanted = filled(&text, tables).with_context(|| format!("{page} cannot be filled in"))?;
        if text == wanted {
            continue;
        }
        if check {
            println!("{page} is not up to date: cargo xtask docs");
            current = false;
        } else {
            std::fs::write(&path, wanted).with_context(|| format!("cannot write {page}"))?;
            println!("{page} is written");
        }
    }
    Ok(current)
}

/// The page with every table as it should be.
fn filled(page: &str, tables: &[Table]) -> Result<String> {
    let mut page = page.to_owned();
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = page.split_once(&begin).with_context(|| format!("there is no {begin}"))?;
        let (_, after) = rest.split_once(&end).with_context(|| format!("there is no {end}"))?;
        ensure!(!after.contains(&begin), "{begin} stands twice");
        page = format!("{before}{begin}{}{end}{after}", table());
    }
    Ok(page)
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(N));
    for row in rows {
        let cells = row.map(|cell| cell.replace('|', "\\|"));
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A word as code, marked if it is an extension.
fn code(word: &str, extension: bool) -> String {
    format!("`{word}`{}", if extension { EXTENSION } else { "" })
}

fn keys(shape: &Shape) -> String {
    let rows = shape.keys.iter().map(|key| {
        let value = match key.words {
            [] => key.value.to_owned(),
            words => words.iter().map(|word| format!("`{}`", word.name)).collect::<Vec<_>>().join(", "),
        };
        let default = match (key.required, key.default) {
            (true, _) => "must be given".to_owned(),
            (false, default) => default.to_owned(),
        };
        let meanings: String = match key.value {
            // A word of a list is told about with the list.
            "word" => key.words.iter().map(|word| format!(" `{}`: {}.", word.name, word.doc)).collect(),
            _ => String::new(),
        };
        [code(key.name, key.extension), value, default, format!("{}{meanings}", key.doc)]
    });
    table(["key", "value", "default", "meaning"], rows)
}

fn words<'w>(what: &str, words: impl Iterator<Item = &'w Word>) -> String {
    table([what, "meaning"], words.map(|word| [code(word.name, word.extension), sentence(word.doc)]))
}

fn actions() -> String {
    let rows = vocabulary::ACTIONS.iter().map(|action| {
        let place = match action.kind {
            Some(kind) => {
                let known = vocabulary::FUNCTION_TYPES.iter().find(|(other, _)| *other == kind);
                known.map_or("", |(_, word)| word.name)
            }
            None => "both",
        };
        let mark = if action.extension { EXTENSION } else { "" };
        let usage = action.usage.replace(" or ", ", ");
        let ways: Vec<String> = ways(&usage).iter().map(|way| format!("`{way}`")).collect();
        [format!("{}{mark}", ways.join(", ")), place.to_owned(), action.doc.to_owned()]
    });
    table(["action", "in", "meaning"], rows)
}

/// The ways of writing an action: split at the commas that stand outside parentheses.
fn ways(usage: &str) -> Vec<&str> {
    let mut depth = 0;
    let split = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    usage.split(split).map(str::trim).collect()
}

fn properties() -> String {
    let rows = vocabulary::PACKET_FIELDS
        .iter()
        .map(|field| [code(field.name, field.extension), values(field), field.doc.to_owned()]);
    table(["property", "values", "meaning"], rows)
}

fn values(field: &PacketField) -> String {
    match field.domain {
        Domain::Integer(u32::MAX) => "32 bits".to_owned(),
        Domain::Integer(largest) => format!("0-{largest}"),
        Domain::Flags => "0-511, flag names".to_owned(),
        domain => domain.describe().trim_start_matches("an ").trim_start_matches("a ").to_owned(),
    }
}

fn constants(class: Class, number: &str) -> String {
    let known = vocabulary::PREDEFINED.iter().filter(|constant| constant.class == class);
    if number.is_empty() {
        let rows = known.map(|constant| [code(constant.name, constant.extension), sentence(constant.doc)]);
        return table(["constant", "meaning"], rows);
    }
    let rows = known
        .map(|constant| [code(constant.name, constant.extension), constant.number.to_string(), sentence(constant.doc)]);
    table(["constant", number, "meaning"], rows)
}

fn codes() -> String {
    let of = |severity: Severity| {
        let mut known: Vec<&Code> = Code::ALL.iter().filter(|code| code.severity() == severity).collect();
        known.sort_by_key(|code| code.name());
        let rows = known.into_iter().map(|known| [code(known.name(), false), sentence(known.title())]);
        table(["code", "meaning"], rows)
    };
    let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
    format!(
        "\n### Errors: the file does not compile\n\n{errors}\n### Warnings: it probably does not do what is meant\n\n\
         {warnings}\n### Notes: suggestions\n\n{notes}\n"
    )
}

/// With a capital and a full stop.
fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let end = if phrase.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_manual_are_those_of_the_compiler() {
        assert!(run(&["--check".to_owned()]).unwrap(), "cargo xtask docs");
    }

    #[test]
    fn every_shape_of_the_vocabulary_has_its_table() {
        let keys = PAGES.iter().flat_map(|(_, tables)| *tables).filter(|(name, _)| name.starts_with("keys of "));
        assert_eq!(keys.count(), vocabulary::SHAPES.len());
    }

    #[test]
    fn a_page_keeps_what_is_written_by_hand() {
        let tables: &[Table] = &[("x", || "new\n".to_owned())];
        let page = "before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n";
        assert_eq!(filled(page, tables).unwrap(), "before\n<!-- x -->\nnew\n<!-- end of x -->\nafter\n");
        assert!(filled("<!-- x -->\n", tables).is_err());
    }

    #[test]
    fn an_action_has_its_ways_of_being_written() {
        assert_eq!(ways("dnat(A), dnat(A, P)"), ["dnat(A)", "dnat(A, P)"]);
        assert_eq!(ways("log(PART, …)"), ["log(PART, …)"]);
    }
}
