//! `saltgate check --format json` and `--format sarif`: whole documents.

use crate::{Ended, Folder};
use serde_json::{Value, json};

/// The fenced block that follows this line of a page.
fn block_after<'a>(page: &'a str, line: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("{line}\n```")).unwrap_or_else(|| panic!("no {line}"));
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```").unwrap().0
}

const PAGE: &str = include_str!("../../docs/diagnostics.md");

fn file_of_the_page() -> &'static str {
    block_after(PAGE, "<!-- a.nacl -->")
}

#[test]
fn the_json_document_is_the_one_that_the_page_shows() {
    let ended =
        Folder::new("json").with("a.nacl", file_of_the_page()).saltgate(&["check", "--format", "json", "a.nacl"]);
    let stdout = block_after(PAGE, "<!-- saltgate check --format json a.nacl -->").to_owned();
    assert_eq!(ended, Ended { status: 1, stdout, stderr: String::new() });
}

#[test]
fn columns_count_scalar_values_and_files_are_counted_together() {
    let folder = Folder::new("json-columns")
        .with("good.nacl", "Iface e { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n")
        .with("é.nacl", "/* \u{e9}\u{1f600} */\tIface e { index: 0 } x: [80,\n 443]");
    let ended = folder.saltgate(&["check", "good.nacl", "é.nacl", "--format", "json"]);
    let expected = json!({
        "version": 1,
        "files": [
            { "file": "good.nacl", "ok": true, "diagnostics": [] },
            { "file": "é.nacl", "ok": true, "diagnostics": [
                {
                    "code": "unused-constant", "severity": "warning", "message": "`x` is never used",
                    "file": "é.nacl", "line": 1, "column": 31, "end_line": 1, "end_column": 32,
                    "related": [], "help": null
                }
            ] }
        ],
        "errors": 0, "warnings": 1, "notes": 0
    });
    assert_eq!((ended.status, serde_json::from_str::<Value>(&ended.stdout).unwrap()), (0, expected));
    let denied = folder.saltgate(&["check", "good.nacl", "é.nacl", "--format", "json", "--deny-warnings"]);
    assert_eq!((denied.status, denied.stdout), (1, ended.stdout));
}

#[test]
fn the_sarif_document_has_all_rules_and_every_result() {
    let folder = Folder::new("sarif").with("a b.nacl", file_of_the_page());
    let ended = folder.saltgate(&["check", "--format", "sarif", "a b.nacl"]);
    assert_eq!((ended.status, &ended.stderr[..]), (1, ""));
    let mut log: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].take();
    let place = |line: u32, start: u32, end: u32| {
        json!({
            "artifactLocation": { "uri": "a%20b.nacl", "index": 0 },
            "region": { "startLine": line, "startColumn": start, "endLine": line, "endColumn": end }
        })
    };
    let index = |name| nacl::Code::ALL.iter().position(|code| code.name() == name).unwrap();
    let help = "rename one of them; constants, objects and functions share one name space";
    let expected = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "saltgate",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": null
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true }],
            "artifacts": [{ "location": { "uri": "a%20b.nacl" }, "sourceLanguage": "nacl" }],
            "results": [
                {
                    "ruleId": "unknown-property",
                    "ruleIndex": index("unknown-property"),
                    "level": "error",
                    "message": { "text": "Iface has no property `adress`\nhelp: did you mean `address`?" },
                    "locations": [{ "physicalLocation": place(1, 23, 29) }]
                },
                {
                    "ruleId": "duplicate-name",
                    "ruleIndex": index("duplicate-name"),
                    "level": "error",
                    "message": { "text": format!("`lan` is already defined\nhelp: {help}") },
                    "locations": [{ "physicalLocation": place(2, 7, 10) }],
                    "relatedLocations": [
                        { "id": 1, "physicalLocation": place(1, 7, 10), "message": { "text": "first defined here" } }
                    ]
                }
            ]
        }]
    });
    assert_eq!(log, expected);
    let rules = rules.as_array().unwrap();
    assert_eq!(rules.len(), nacl::Code::ALL.len());
    for (rule, code) in rules.iter().zip(nacl::Code::ALL) {
        // What a rule must have, and must be (SARIF 2.1.0 §3.49); a level is one of four words (§3.50.3).
        assert_eq!(rule["id"], code.name());
        assert_eq!(rule["shortDescription"], json!({ "text": code.title() }));
        assert_eq!(rule["defaultConfiguration"], json!({ "level": code.severity().name() }));
        assert!(["none", "note", "warning", "error"].contains(&code.severity().name()));
        assert!(rule["help"]["text"].as_str().is_some_and(|help| help.contains(code.name())));
    }
}

#[test]
fn a_run_without_findings_has_an_empty_list_of_them() {
    let good = "Iface e { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n";
    let ended = Folder::new("sarif-good").with("a.nacl", good).saltgate(&["check", "--format", "sarif", "a.nacl"]);
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.status, &log["runs"][0]["results"]), (0, &json!([])));
}
