//! The router's counters, as it prints them on its console when somebody presses Enter.

use crate::process::Process;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::time::Duration;

const WORDS: [&str; 7] = ["received", "forwarded", "delivered", "link", "originated", "sent", "transmitted"];

/// A reading of all counters. Ifaces go by name; `-` stands for frames that belong to none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// By Iface and word: `("outside", "received")`.
    words: BTreeMap<(String, String), u64>,
    /// By Iface and reason: `("outside", "BadHeaderChecksum")`.
    drops: BTreeMap<(String, String), u64>,
}

impl Counters {
    /// Asks the console.
    pub fn read(console: &mut Process) -> Result<Self> {
        let mark = console.mark();
        console.type_line("")?;
        // The line about the tables is the last one.
        console.wait_from(mark, "tables flows", Duration::from_secs(10)).context("no counters on the console")?;
        Self::parse(&console.text_from(mark))
    }

    /// Reads lines like `received outside 12` and `drop outside BadHeaderChecksum 3`; passes over all others.
    pub fn parse(text: &str) -> Result<Self> {
        let mut counters = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |word: &str| word.parse().with_context(|| format!("an odd counter: {line}"));
            match words[..] {
                ["drop", iface, reason, count] => {
                    counters.drops.insert((iface.to_owned(), reason.to_owned()), number(count)?);
                }
                [word, iface, count] if WORDS.contains(&word) => {
                    counters.words.insert((iface.to_owned(), word.to_owned()), number(count)?);
                }
                _ => {}
            }
        }
        Ok(counters)
    }

    /// A counter of an Iface: `received`, `forwarded`, `delivered`, `link`, …
    pub fn of(&self, iface: &str, word: &str) -> u64 {
        self.words.get(&(iface.to_owned(), word.to_owned())).copied().unwrap_or(0)
    }

    /// How often a drop reason occurred on an Iface.
    pub fn drops(&self, iface: &str, reason: &str) -> u64 {
        self.drops.get(&(iface.to_owned(), reason.to_owned())).copied().unwrap_or(0)
    }

    /// All drops on an Iface.
    pub fn dropped(&self, iface: &str) -> u64 {
        self.drops.iter().filter(|((name, _), _)| name == iface).map(|(_, count)| count).sum()
    }

    /// What was dropped since an earlier reading: Iface, reason, how many.
    pub fn drops_since(&self, before: &Self) -> Vec<(String, String, u64)> {
        let grown = |((iface, reason), count): (&(String, String), &u64)| {
            let more = count - before.drops(iface, reason);
            (more > 0).then(|| (iface.clone(), reason.clone(), more))
        };
        self.drops.iter().filter_map(grown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_from_the_lines_of_the_console() {
        let text = "received outside 12\nforwarded outside 3\ndrop outside BadHeaderChecksum 4\n\
                    received - 2\ndrop - NoIface 2\nstack received 1 sent 0\ntables flows 3 of 65536\n";
        let counters = Counters::parse(text).unwrap();
        assert_eq!(counters.of("outside", "received"), 12);
        assert_eq!(counters.drops("outside", "BadHeaderChecksum"), 4);
        assert_eq!(counters.dropped("-"), 2);
        assert_eq!(counters.of("inside", "received"), 0);
        let since = counters.drops_since(&Counters::parse("drop outside BadHeaderChecksum 1").unwrap());
        assert_eq!(since, [("-".into(), "NoIface".into(), 2), ("outside".into(), "BadHeaderChecksum".into(), 3)]);
    }
}
