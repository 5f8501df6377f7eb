//! Every message as a user sees it: the wrong example of each explanation, rendered. `UPDATE_EXPECT=1` writes the file
//! anew; read its diff as a user would.

use saltgate_nacl::{Code, Source, analyze, diagnostic::render};
use std::path::Path;

#[test]
fn messages_read_as_they_did() {
    let mut rendered = String::new();
    for code in Code::ALL {
        let Some(example) = code.explain().example else { continue };
        let source = Source::new("example.nacl", example.wrong);
        rendered.push_str(&format!("=== {}\n", code.name()));
        for found in analyze(&source).diagnostics.iter().filter(|found| found.code == *code) {
            rendered.push_str(&render(&source, found));
        }
        rendered.push('\n');
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (new, old) in rendered.split("=== ").zip(expected.split("=== ")) {
        assert_eq!(new, old, "a message has changed; UPDATE_EXPECT=1 accepts it");
    }
    assert_eq!(rendered.len(), expected.len());
}
