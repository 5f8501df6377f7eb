//! `docs/standards.md` names stories and tests; they are there.

use std::path::Path;

#[test]
fn every_test_that_the_standards_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = std::fs::read_to_string(root.join("docs/standards.md")).unwrap();
    let plane = sources(&root.join("crates/plane/src"));
    let mut named = 0;
    for (number, line) in document.lines().enumerate().filter(|(_, line)| line.starts_with("| ")) {
        for (word, behind) in line.split('`').skip(1).step_by(2).zip(line.split('`').skip(2).step_by(2)) {
            let at = format!("docs/standards.md:{}: {word}", number + 1);
            if behind.starts_with(" (plane)") {
                assert!(plane.contains(&format!("fn {word}()")), "{at}");
                named += 1;
            } else if word.contains('/') {
                assert!(root.join("tests/stories").join(word).with_extension("story").exists(), "{at}");
                named += 1;
            }
        }
    }
    assert!(named > 60, "{named} tests are named");
}

/// All that stands in a crate's sources.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text
}
