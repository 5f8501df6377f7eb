//! The examples and the wrong programs of the language, whole files through the whole compiler.
//!
//! The examples in this repository are always tested. A larger collection is looked for beside the repository, in
//! `../shared/nacl`, and skipped aloud where there is none.

use saltgate_nacl::{Severity, Source, analyze, diagnostic::render};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the compiler says of each example, errors and warnings: `line code`, in order.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "includeos-gateway-real.nacl",
        &["17 unused-constant", "20 unrouted-iface", "40 unused-function", "93 established-only"],
    ),
    (
        "includeos-gateway.nacl",
        &[
            "16 unrouted-iface",
            "18 overlapping-subnets",
            "23 unrouted-iface",
            "25 overlapping-subnets",
            "30 unrouted-iface",
            "37 unrouted-iface",
            "40 overlapping-subnets",
            "58 unused-function",
            "111 established-only",
        ],
    ),
    ("seed-nat.nacl", &["46 established-only"]),
    ("seed.nacl", &["44 established-only"]),
    ("seed6.nacl", &[]),
    ("upstream-assignments.nacl", &["32 unused-constant", "52 unrouted-iface", "61 unused-constant"]),
    ("upstream-config_options.nacl", &["18 overlapping-subnets", "24 overlapping-subnets"]),
    ("upstream-conntrack.nacl", &["15 overlapping-subnets"]),
    ("upstream-conntrack_stateful.nacl", &[]),
    ("upstream-conntrack_with_timeout.nacl", &[]),
    ("upstream-gateway_with_forward_chain.nacl", &[]),
    ("upstream-gateway_with_send_time_exceeded.nacl", &[]),
    (
        "upstream-iface.nacl",
        &["11 masquerade-unrouted", "19 overlapping-subnets", "27 masquerade-unrouted", "43 duplicate-address"],
    ),
    (
        "upstream-iface_with_limits.nacl",
        &["13 overlapping-subnets", "21 overlapping-subnets", "29 overlapping-subnets"],
    ),
    ("upstream-iface_without_network_configuration.nacl", &["17 overlapping-subnets"]),
    ("upstream-lb.nacl", &["9 overlapping-subnets"]),
    ("upstream-lb_assignment_functionality.nacl", &["9 overlapping-subnets"]),
    ("upstream-lb_with_uplink.nacl", &["9 overlapping-subnets", "16 overlapping-subnets"]),
    ("upstream-log.nacl", &[]),
    ("upstream-nat_and_gateway.nacl", &[]),
    ("upstream-syslog.nacl", &["9 overlapping-subnets", "34 established-only"]),
    ("upstream-timers.nacl", &["13 no-balancer"]),
    (
        "upstream-vlan.nacl",
        &[
            "25 gateway-off-link",
            "32 gateway-off-link",
            "53 overlapping-subnets",
            "60 overlapping-subnets",
            "74 overlapping-subnets",
            "79 duplicate-address",
            "79 overlapping-subnets",
            "86 duplicate-address",
            "86 overlapping-subnets",
            "95 overlapping-subnets",
            "102 overlapping-subnets",
        ],
    ),
    ("upstream-vlan_routing.nacl", &["1 unrouted-iface", "7 unrouted-iface", "9 overlapping-subnets"]),
];

/// Wrong programs by name: line, column and code of the diagnostic that each is about; without a code: none at all.
#[rustfmt::skip]
const WRONG: &[(&str, u32, u32, &str)] = &[
    ("B01", 1, 24, "missing-property"), ("B02", 1, 24, "missing-property"), ("B04", 1, 76, "gateway-off-link"),
    ("B05", 1, 76, "gateway-is-self"), ("B06", 1, 33, "network-address"), ("B07", 1, 33, "broadcast-address"),
    ("B09", 1, 33, "wrong-type"), ("B10", 1, 21, "out-of-range"), ("B11", 1, 21, "wrong-type"),
    ("B12", 1, 21, "invalid-mac"), ("B14", 2, 28, "index-taken"), ("B15", 1, 27, "out-of-range"),
    ("B16", 1, 7, "missing-property"), ("B17", 1, 38, "ignored-property"), ("B19", 2, 33, "duplicate-address"),
    ("B20", 2, 33, "overlapping-subnets"), ("B21", 1, 24, "unknown-property"), ("B22", 2, 25, "host-bits"),
    ("B24", 2, 66, "nexthop-off-link"), ("B25", 2, 66, "nexthop-is-self"), ("B26", 2, 35, "conflicting-properties"),
    ("B27", 2, 45, "conflicting-properties"), ("B29", 2, 14, "no-next-hop"), ("B30", 2, 78, "out-of-range"),
    ("B31", 2, 9, "empty-gateway"), ("B32", 2, 18, "repeated-function"), ("B34", 2, 18, "several-filters"),
    ("B35", 3, 14, "wrong-chain"), ("B36", 3, 14, "wrong-chain"), ("B37", 3, 14, "wrong-chain"),
    ("B39", 3, 33, "wrong-arguments"), ("B40", 3, 19, "wrong-arguments"), ("B41", 3, 19, "wrong-type"),
    ("B42", 3, 19, "wrong-type"), ("B44", 3, 15, "port-without-ports"), ("B45", 3, 13, "port-for-some"),
    ("B46", 3, 16, "recursion"), ("B47", 4, 16, "recursion"), ("B49", 3, 30, "cannot-compare"),
    ("B50", 3, 29, "wrong-operator"), ("B51", 3, 32, "cannot-compare"), ("B52", 3, 44, "wrong-element"),
    ("B54", 3, 47, "never-true"), ("B55", 3, 30, "reversed-range"), ("B56", 2, 9, "missing-comma"),
    ("B57", 3, 1, "stray-number"), ("B59", 3, 20, "not-a-condition"), ("B60", 3, 20, "constant-condition"),
    ("B61", 3, 23, "unreachable-statement"), ("B62", 3, 51, "shadowed-test"), ("B64", 3, 20, "never-true"),
    ("B65", 2, 12, "unused-function"), ("B66", 2, 1, "unused-constant"), ("B67", 3, 47, "redundant-element"),
    ("B69", 2, 1, "no-members"), ("B70", 3, 1, "unknown-name"), ("B71", 1, 1, "missing-subtype"),
    ("B72", 1, 1, "not-a-function-type"), ("B74", 3, 24, "unknown-subtype"), ("B75", 3, 39, "local-function-name"),
    ("B76", 3, 27, "no-iface"), ("B77", 0, 0, ""), ("B79", 1, 22, "wrong-type"), ("B80", 1, 46, "out-of-range"),
    ("B81", 1, 29, "wrong-type"), ("B82", 1, 37, "out-of-range"), ("B84", 2, 21, "unreachable-server"),
    ("B85", 1, 7, "missing-property"), ("B86", 2, 32, "no-balancer"), ("B87", 1, 37, "repeated-entry"),
    ("B89", 2, 157, "repeated-entry"), ("B90", 2, 122, "wrong-type"), ("B91", 2, 124, "node-is-self"),
    ("B92", 3, 66, "no-iface"), ("B94", 1, 4, "constant-cycle"), ("B95", 3, 20, "unclosed-string"),
    ("B96", 1, 1, "unclosed-comment"), ("B97", 3, 27, "single-equals"), ("B99", 2, 4, "invalid-prefix-length"),
    ("B100", 1, 33, "leading-zero"), ("B101", 1, 41, "invalid-address"), ("B102", 2, 7, "unrouted-iface"),
    ("B104", 3, 20, "nothing-new"), ("B105", 3, 23, "unreachable-statement"), ("B106", 3, 20, "established-only"),
    ("B107", 1, 82, "unknown-word"), ("B109", 1, 34, "prefix-length-missing"),
    ("B110", 2, 25, "prefix-length-missing"), ("B111", 2, 51, "mixed-families"), ("B112", 2, 53, "no-ipv6"),
    ("B114", 3, 35, "field-of-other-protocol"), ("B115", 3, 30, "unknown-word"), ("B116", 1, 59, "out-of-range"),
    ("B117", 3, 32, "invalid-range"), ("B119", 3, 14, "wrong-function-type"), ("B120", 3, 14, "wrong-chain"),
    ("B121", 1, 48, "out-of-range"), ("B122", 2, 32, "wrong-type"), ("U01", 1, 6, "stray-character"),
    ("U02", 1, 22, "unclosed-bracket"), ("U04", 2, 1, "duplicate-name"), ("U05", 1, 1, "hyphen-in-name"),
    ("U06", 1, 1, "reserved-name"), ("U07", 1, 1, "unknown-type"), ("U09", 1, 10, "wrong-type"),
    ("U10", 1, 1, "unknown-name"), ("U11", 2, 1, "already-set"), ("U12", 2, 1, "unknown-member"),
    ("U14", 1, 13, "duplicate-key"), ("U15", 1, 21, "unknown-name"), ("U16", 1, 21, "unknown-name"),
    ("U17", 1, 21, "field-outside-function"), ("U19", 3, 20, "no-members"), ("U20", 3, 30, "function-as-value"),
    ("U21", 3, 30, "no-members"), ("U22", 3, 30, "unknown-member"), ("U24", 1, 33, "invalid-address"),
    ("U25", 3, 32, "invalid-address"), ("U26", 3, 32, "invalid-prefix-length"), ("U27", 3, 20, "unknown-field"),
    ("U29", 3, 16, "unknown-action"), ("U30", 3, 16, "wrong-function-type"), ("U31", 3, 14, "wrong-function-type"),
    ("U32", 3, 16, "wrong-arguments"), ("U34", 3, 30, "subtype-mismatch"), ("U35", 3, 34, "wrong-arguments"),
    ("U36", 3, 34, "wrong-arguments"), ("U37", 0, 0, ""), ("U39", 0, 0, ""), ("U40", 3, 20, "no-members"),
    ("U41", 3, 16, "wrong-arguments"), ("U42", 3, 23, "unknown-word"), ("U44", 3, 29, "wrong-operator"),
    ("U45", 3, 29, "needs-set"), ("U46", 3, 29, "wrong-operator"), ("U47", 3, 20, "set-on-left"),
    ("U49", 3, 38, "subtype-mismatch"), ("U50", 3, 1, "chain-needs-ip"), ("U51", 3, 1, "no-verdict"),
    ("U52", 1, 24, "unknown-property"), ("U54", 1, 12, "wrong-type"), ("U55", 1, 34, "duplicate-key"),
    ("U56", 1, 36, "not-a-chain-function"), ("U57", 1, 31, "not-a-chain-function"), ("U59", 1, 7, "missing-property"),
    ("U60", 1, 32, "unknown-word"), ("U61", 1, 7, "missing-property"), ("U62", 1, 44, "conflicting-properties"),
    ("U64", 2, 21, "index-taken"), ("U65", 1, 36, "wrong-type"), ("U66", 2, 1, "no-members"),
    ("U67", 2, 1, "already-set"), ("U69", 2, 40, "duplicate-key"), ("U70", 2, 74, "duplicate-key"),
    ("U71", 2, 14, "wrong-type"), ("U72", 2, 12, "wrong-type"), ("U74", 2, 72, "unknown-property"),
    ("U75", 2, 66, "no-iface"), ("U76", 2, 66, "no-iface"), ("U77", 3, 1, "no-members"), ("U79", 3, 8, "wrong-type"),
    ("U80", 3, 1, "already-set"), ("U81", 3, 1, "unknown-member"), ("U82", 3, 1, "already-set"),
    ("U84", 2, 23, "not-a-chain-function"), ("U85", 2, 23, "unknown-name"), ("U86", 2, 23, "nat-on-forward"),
    ("U87", 2, 34, "wrong-type"), ("U89", 0, 0, ""), ("U90", 1, 15, "unknown-property"), ("U91", 1, 24, "wrong-type"),
    ("U92", 1, 26, "unknown-property"), ("U94", 1, 41, "unknown-property"), ("U95", 1, 46, "wrong-type"),
    ("U96", 2, 15, "missing-property"), ("U97", 3, 15, "only-one"), ("U99", 2, 15, "missing-property"),
    ("U100", 2, 41, "wrong-type"), ("U101", 2, 32, "missing-property"), ("U102", 2, 32, "missing-property"),
    ("U104", 0, 0, ""), ("U105", 2, 68, "missing-property"), ("U106", 2, 32, "unknown-property"),
    ("U107", 2, 66, "unknown-property"), ("U109", 2, 27, "unknown-word"), ("U110", 2, 50, "no-iface"),
    ("U111", 2, 50, "no-iface"), ("U112", 2, 103, "unknown-word"), ("U114", 2, 122, "unknown-name"),
    ("U115", 2, 122, "wrong-type"), ("U116", 2, 124, "wrong-type"), ("U117", 2, 124, "unknown-name"),
    ("U119", 2, 155, "unknown-property"), ("U120", 2, 124, "missing-property"), ("U121", 2, 41, "unknown-name"),
    ("U122", 3, 41, "wrong-type"), ("U124", 1, 8, "missing-property"), ("U125", 1, 39, "unknown-property"),
    ("U126", 1, 21, "out-of-range"), ("U127", 1, 30, "wrong-type"), ("U129", 1, 30, "wrong-type"),
    ("U130", 1, 32, "wrong-type"), ("U131", 1, 32, "unknown-word"), ("U132", 1, 7, "missing-property"),
];

fn said(source: &Source) -> Vec<String> {
    let compiled = analyze(source);
    assert_eq!(compiled.policy.is_some(), !compiled.has_errors(), "{}", source.name());
    let told = compiled.diagnostics.iter().filter(|found| found.severity != Severity::Note);
    told.map(|found| format!("{} {}", source.place(found.span.start).line, found.code.name())).collect()
}

fn check_examples(folders: &[PathBuf]) {
    for (name, expected) in EXAMPLES {
        let path = folders.iter().map(|folder| folder.join(name)).find(|path| path.exists());
        let path = path.unwrap_or_else(|| panic!("{name} is in none of {folders:?}"));
        let source = Source::new(*name, std::fs::read_to_string(path).unwrap());
        assert_eq!(said(&source), *expected, "{name}");
        assert!(!analyze(&source).has_errors(), "{name}");
    }
}

#[test]
fn every_example_compiles_with_the_warnings_that_it_deserves() {
    check_examples(&[root().join("examples"), root().join("tests/nacl")]);
}

#[test]
fn every_example_of_the_collection_compiles_with_the_same_warnings() {
    let folder = root().join("../shared/nacl/examples");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    check_examples(&[folder]);
}

#[test]
fn every_wrong_program_is_refused_or_warned_about_at_its_place() {
    let folder = root().join("../shared/nacl/invalid");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let mut wrong = Vec::new();
    for (name, line, column, code) in WRONG {
        let source = Source::new(*name, std::fs::read_to_string(folder.join(format!("{name}.nacl"))).unwrap());
        let compiled = analyze(&source);
        let all: String = compiled.diagnostics.iter().map(|found| render(&source, found)).collect();
        let mut told = compiled.diagnostics.iter().filter(|found| found.severity != Severity::Note);
        let fits = match *code {
            "" => told.next().is_none(),
            code => told.any(|found| {
                let place = source.place(found.span.start);
                (place.line, place.column, found.code.name()) == (*line, *column, code)
            }),
        };
        if !fits {
            wrong.push(format!("{name}: {line}:{column} {code} is not among\n{all}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
