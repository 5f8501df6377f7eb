//! Every story beside this file is played, once with rules walked step by step and once with all of them looked up in
//! tables. Those of the table below are known to fail, each with its reason; one that begins to pass has to leave the
//! table.

use node::Settings;
use plane::Lookup;
use std::path::{Path, PathBuf};
use story::Tested;

/// Stories of what is not built yet.
const NOT_YET: &[(&str, &str)] = &[];

fn stories() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "story") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What was wrong, as `saltgate test` would print it.
fn complaints(path: &Path, settings: &Settings) -> String {
    let name = path.display().to_string();
    match story::test_with(path, settings).unwrap() {
        Tested::Unreadable { text, mistakes: found } => {
            found.iter().map(|found| story::render(found, &name, &text, false)).collect()
        }
        Tested::BadConfig { source, diagnostics } => {
            diagnostics.iter().map(|found| nacl::diagnostic::render(&source, found)).collect()
        }
        Tested::Played { text, played } => {
            played.failures.iter().map(|found| story::render(found, &name, &text, false)).collect()
        }
    }
}

/// Whatever the text, there is a story or there are mistakes with places in it.
#[test]
fn no_text_is_too_strange_to_be_read() {
    for path in stories() {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count() as u32;
        // So many places of a story, or every third of a short one.
        let spoilt = text.char_indices().step_by((text.len() / 40).max(3)).enumerate().map(|(nth, (at, c))| {
            let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
            match nth % 4 {
                0 => before.to_owned(),
                1 => format!("{before}{after}"),
                2 => format!("{before}\u{e9}{after}"),
                _ => format!("{before} ]\"{after}"),
            }
        });
        for text in spoilt {
            if let Err(mistakes) = story::parse("spoilt", &text) {
                for mistake in mistakes {
                    assert!((1..=lines + 1).contains(&mistake.span.line), "{mistake:?}");
                    assert!(!story::render(&mistake, "spoilt", &text, false).is_empty());
                }
            }
        }
    }
}

#[test]
fn every_story_comes_true() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stories = stories();
    assert!(stories.len() > 20, "the stories are not where they were");
    let (mut wrong, mut passed, mut waiting) = (String::new(), 0, 0);
    for path in &stories {
        let name = path.strip_prefix(here).unwrap().with_extension("").display().to_string();
        let expected = NOT_YET.iter().find(|(not_yet, _)| *not_yet == name);
        // Once for the walk, which is the truth; then whatever the tables and the fast path made of it.
        let ways = [(Lookup::Never, false), (Lookup::Always, true)].map(|(lookup, fast_path)| Settings {
            lookup,
            fast_path,
            ..sim::Net::settings()
        });
        let complaints: String = ways.iter().map(|settings| complaints(path, settings)).collect();
        match (expected, complaints.is_empty()) {
            (None, true) => passed += 1,
            (Some(_), false) => waiting += 1,
            (None, false) => wrong.push_str(&complaints),
            (Some((name, _)), true) => {
                wrong.push_str(&format!("{name} passes now: take it out of the table NOT_YET\n"))
            }
        }
    }
    for (name, reason) in NOT_YET {
        assert!(here.join(name).with_extension("story").exists(), "no story {name} ({reason})");
    }
    println!("{passed} stories passed, {waiting} wait for what is not built yet");
    assert!(wrong.is_empty(), "\n{wrong}");
}
