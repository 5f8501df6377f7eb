//! `saltgate show`: whole outputs, kept in files beside this one. `UPDATE_EXPECT=1` writes them anew.

use crate::{Ended, Folder};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check(name: &str, format: &str, file: &str) {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let folder = Folder::new(&format!("show-{name}-{format}")).with("a.nacl", &text);
    let ended = folder.saltgate(&["show", "--format", format, "a.nacl"]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""), "{file}");
    let extension = if format == "json" { "json" } else { "txt" };
    let kept = root().join("tests/cli/show").join(name).with_extension(extension);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&kept, &ended.stdout).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&kept).unwrap_or_default();
    if wanted != ended.stdout {
        let diff = similar::TextDiff::from_lines(&wanted, &ended.stdout).unified_diff().to_string();
        panic!("{} differs; UPDATE_EXPECT=1 accepts it\n{diff}", kept.display());
    }
}

#[test]
fn the_examples_are_shown_as_they_were() {
    for name in ["seed", "seed6", "includeos-gateway-real"] {
        check(name, "text", &format!("examples/{name}.nacl"));
    }
    for name in ["config_options", "lb", "timers", "conntrack_stateful", "assignments"] {
        check(name, "text", &format!("tests/nacl/upstream-{name}.nacl"));
    }
}

#[test]
fn every_kind_of_statement_and_object_is_shown() {
    check("extensions", "text", "tests/cli/show/extensions.nacl");
    check("extensions", "json", "tests/cli/show/extensions.nacl");
}

#[test]
fn the_document_is_the_one_that_was_promised() {
    check("seed", "json", "examples/seed.nacl");
}

#[test]
fn a_file_with_errors_has_no_configuration() {
    let folder = Folder::new("show-errors").with("a.nacl", "Iface e { index: 0, adress: 10.0.0.1 }\n");
    let said = "\
a.nacl:1:21: error: Iface has no property `adress` [unknown-property]
    1 | Iface e { index: 0, adress: 10.0.0.1 }
      |                     ^^^^^^
      help: did you mean `address`?

";
    let wanted = Ended { status: 1, stdout: String::new(), stderr: said.to_owned() };
    assert_eq!(folder.saltgate(&["show", "a.nacl"]), wanted);
    assert_eq!(folder.saltgate(&["show", "none.nacl"]).status, 2);
}

#[test]
fn a_long_set_is_cut_for_people_and_whole_for_machines() {
    let ports: Vec<String> = (0..100).map(|at| (1000 + 2 * at).to_string()).collect();
    let text = format!(
        "Iface e {{ index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: f }}\n\
         Filter::IP f {{ Filter::TCP {{ if (tcp.dport in [{}]) {{ accept }} }} drop }}\n",
        ports.join(", ")
    );
    let folder = Folder::new("show-long").with("a.nacl", &text);
    let shown = folder.saltgate(&["show", "a.nacl"]).stdout;
    assert!(shown.contains("1028, 1030, … and 84 more]"), "{shown}");
    let json = folder.saltgate(&["show", "--format", "json", "a.nacl"]).stdout;
    assert!(ports.iter().all(|port| json.contains(&format!("\"{port}\""))), "{json}");
}
