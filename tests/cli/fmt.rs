//! `saltgate fmt`

use crate::{Ended, Folder};
use serde_json::{Value, json};

const WILD: &str = "// The office\nallowed :[80 ,443]\n\n\nFilter::IP f{if(tcp_only){accept}\ndrop}";
const TAME: &str = "// The office\nallowed: [80, 443]\n\nFilter::IP f {\n  if (tcp_only) { accept }\n  drop\n}\n";

fn ended(status: i32, stdout: &str, stderr: &str) -> Ended {
    Ended { status, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[test]
fn files_are_rewritten_where_they_are_and_good_ones_are_not_touched() {
    let folder = Folder::new("fmt").with("wild.nacl", WILD).with("tame.nacl", TAME);
    let before = std::fs::metadata(folder.path().join("tame.nacl")).unwrap().modified().unwrap();
    assert_eq!(folder.saltgate(&["fmt", "wild.nacl", "tame.nacl"]), ended(0, "", ""));
    assert_eq!(folder.read("wild.nacl"), TAME);
    assert_eq!(std::fs::metadata(folder.path().join("tame.nacl")).unwrap().modified().unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn check_shows_what_would_change_and_changes_nothing() {
    let folder = Folder::new("fmt-check").with("wild.nacl", WILD).with("tame.nacl", TAME);
    let shown = "\
--- wild.nacl
+++ wild.nacl (formatted)
@@ -1,6 +1,7 @@
 // The office
-allowed :[80 ,443]
-
+allowed: [80, 443]
 
-Filter::IP f{if(tcp_only){accept}
-drop}
\\ No newline at end of file
+Filter::IP f {
+  if (tcp_only) { accept }
+  drop
+}
";
    assert_eq!(folder.saltgate(&["fmt", "--check", "tame.nacl", "wild.nacl"]), ended(1, shown, ""));
    assert_eq!(folder.read("wild.nacl"), WILD);
    assert_eq!(folder.saltgate(&["fmt", "--check", "tame.nacl"]), ended(0, "", ""));
}

#[test]
fn standard_input_is_answered_on_standard_output() {
    let folder = Folder::new("fmt-stdin");
    assert_eq!(folder.saltgate_reading(WILD, &["fmt", "-"]), ended(0, TAME, ""));
    assert_eq!(folder.saltgate_reading(TAME, &["fmt", "--check", "-"]), ended(0, "", ""));
}

#[test]
fn a_file_with_syntax_errors_is_left_alone_and_the_others_are_not() {
    let folder = Folder::new("fmt-broken").with("broken.nacl", "a: [1 2]\n").with("wild.nacl", WILD);
    let said = "\
broken.nacl:1:7: error: expected `,` between `1` and `2` [missing-comma]
    1 | a: [1 2]
      |       ^

";
    assert_eq!(folder.saltgate(&["fmt", "broken.nacl", "wild.nacl"]), ended(1, "", said));
    assert_eq!((folder.read("broken.nacl"), folder.read("wild.nacl")), ("a: [1 2]\n".to_owned(), TAME.to_owned()));
}

#[test]
fn the_document_of_check_says_which_files_are_in_order() {
    let folder = Folder::new("fmt-json").with("a.nacl", TAME).with("b.nacl", WILD).with("c.nacl", "a: [1 2]\n");
    let ended = folder.saltgate(&["fmt", "--check", "--format", "json", "a.nacl", "b.nacl", "c.nacl"]);
    let expected = json!({
        "version": 1,
        "files": [
            { "file": "a.nacl", "ok": true, "diagnostics": [] },
            { "file": "b.nacl", "ok": false, "diagnostics": [] },
            { "file": "c.nacl", "ok": false, "diagnostics": [
                {
                    "code": "missing-comma", "severity": "error", "message": "expected `,` between `1` and `2`",
                    "file": "c.nacl", "line": 1, "column": 7, "end_line": 1, "end_column": 8,
                    "related": [], "help": null
                }
            ] }
        ]
    });
    assert_eq!((ended.status, serde_json::from_str::<Value>(&ended.stdout).unwrap()), (1, expected));
    assert_eq!(ended.stderr, "");
}

#[test]
fn what_cannot_be_done_ends_with_status_2() {
    let folder = Folder::new("fmt-status");
    std::fs::write(folder.path().join("latin.nacl"), b"// caf\xe9\n").unwrap();
    let none = "saltgate: cannot read none.nacl: No such file or directory (os error 2)\n";
    assert_eq!(folder.saltgate(&["fmt", "none.nacl"]), ended(2, "", none));
    assert_eq!(folder.saltgate(&["fmt", "latin.nacl"]), ended(2, "", "saltgate: latin.nacl is not UTF-8\n"));
}
