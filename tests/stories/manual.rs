//! The manual of stories lists what there is. `UPDATE_DOCS=1` writes the lists anew.

use plane::DropReason;
use std::path::Path;
use story::packet::{Key, Shape};

fn fields() -> String {
    let rows = Key::ALL.iter().filter(|key| key.shape() != Shape::Own).map(|key| {
        let written = match key.shape() {
            Shape::Switch => format!("`{0}`, `no-{0}`", key.name()),
            Shape::Number | Shape::Own => format!("`{} N`", key.name()),
        };
        format!("| {written} | {} |\n", key.doc())
    });
    format!("| field | meaning |\n| --- | --- |\n{}", rows.collect::<String>())
}

fn reasons() -> String {
    let rows = DropReason::ALL.iter().map(|reason| format!("| `{}` | {} |\n", reason.name(), reason.sentence()));
    format!("| reason | meaning |\n| --- | --- |\n{}", rows.collect::<String>())
}

/// The first example of the manual is `examples/seed.story`, and comes true.
#[test]
fn the_manual_begins_with_a_true_story() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manual = std::fs::read_to_string(root.join("docs/stories.md")).unwrap();
    let (_, example) = manual.split_once("```text\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let path = root.join("examples/seed.story");
    assert_eq!(example, std::fs::read_to_string(&path).unwrap());
    assert!(story::test(&path).unwrap().passed());
}

#[test]
fn the_manual_lists_every_field_and_every_drop_reason() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stories.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut wanted = text.clone();
    for (name, list) in [("fields", fields()), ("reasons", reasons())] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = wanted.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
        wanted = format!("{before}{begin}{list}{end}{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    } else {
        assert!(text == wanted, "docs/stories.md is not up to date: UPDATE_DOCS=1 cargo test -p saltgate-stories");
    }
}
