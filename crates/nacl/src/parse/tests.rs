use super::*;
use alloc::string::ToString;

/// The codes of the diagnostics with their places, and how many declarations were understood.
fn parsed(text: &str) -> (usize, alloc::string::String) {
    let source = Source::new("test", text);
    let mut diagnostics = Vec::new();
    let lexed = crate::lex::lex(&source, &mut diagnostics);
    let ast = parse(&source, &lexed, &mut diagnostics);
    let said: Vec<_> =
        diagnostics.iter().map(|d| format!("{} {}", source.place(d.span.start), d.code.name())).collect();
    (ast.items.len(), said.join(", ").to_string())
}

#[test]
fn one_mistake_is_one_error_and_the_rest_is_read_on() {
    let table = [
        ("a: 10; b: 20", 2, "1:6 stray-character"),
        ("Iface eth0 { index: 0\n", 1, "1:22 unclosed-bracket"),
        ("Iface eth0 { index: 0\nIface eth1 { index: 1 }\n", 2, "2:1 unclosed-bracket"),
        ("Iface eth0 { index: 0 address: 10.0.0.1 }\nb: 1", 2, "1:23 expected-token"),
        ("p: [ 80 443 ]\nb: 1", 2, "1:9 missing-comma"),
        ("p: 80\n443\nb: 1", 2, "2:1 stray-number"),
        ("a: 10.0.0\nb: 1", 2, "1:4 invalid-address"),
        ("a: 10.0.0.1.5\nb: 1", 2, "1:12 invalid-address"),
        ("a: -5\nb: 1", 2, "1:4 expected-token"),
        ("a: (-5)\nb: (-1.5)", 2, ""),
        ("a: x - y\nb: 1", 2, "1:4 invalid-range"),
        ("a: 20 - 10", 1, "1:4 reversed-range"),
        ("a: 10.0.0.1 - ::1", 1, "1:4 invalid-range"),
        ("a: {}\nb: 1", 2, "1:4 empty-object"),
        ("a: []\nb: [1,]", 2, ""),
        ("m: { in: 1, if: 2, a-b: 3 }\nx: m.in", 2, ""),
        ("if: 1\nb: 2", 1, "1:1 keyword-as-name"),
        ("a = 1\nb: 2", 2, "1:3 single-equals"),
        ("Filter f { drop }\nb: 1", 2, "1:1 missing-subtype"),
        ("Filter:IP f { drop }\nb: 1", 2, "1:7 expected-token"),
        ("Filter f 10\nb: 1", 1, "1:1 missing-subtype"),
        ("Filter::IP f { if (ip.ttl = 5) { drop } accept }", 1, "1:27 single-equals"),
        ("Filter::IP f { }\nb: 1", 2, "1:14 empty-body"),
        ("Filter::IP f { if (a == ) { drop } accept }\nb: 1", 2, "1:25 expected-token"),
        ("Filter::IP f { if a == 1 { drop } accept }\nb: 1", 2, "1:19 expected-token"),
        ("Filter::IP f { if (a == 1 { drop } accept }\nb: 1", 2, "1:27 expected-token"),
        ("Filter::IP f { if (a == 1) drop accept }\nb: 1", 2, "1:28 expected-token"),
        ("Filter::IP f { if (a) { drop } else if (b) { drop } else { accept } }", 1, ""),
        ("Filter::IP f { log(\"abc) accept }", 1, "1:20 unclosed-string"),
        ("/* abc\nIface eth0 { index: 0 }", 0, "1:1 unclosed-comment"),
        ("Filter::IP f { x: 80 accept }\nb: 1", 2, "1:16 expected-token"),
        ("Filter::IP f { else { drop } accept }\nb: 1", 2, "1:16 expected-token"),
        ("} b: 1", 1, "1:1 expected-token"),
        ("Iface { index: 0 }\nb: 1", 1, "1:1 expected-token"),
        ("Iface eth0\n", 0, "1:11 expected-token"),
        ("a: 1 <= 2", 1, "1:6 expected-token"),
        ("Filter::IP f { if (1 < a < 3) { drop } accept }", 1, "1:26 expected-token"),
        ("Filter::IP f { if ((a) == 3) { drop } accept }", 1, "1:24 expected-token"),
        ("a: 99999999999999999999", 1, "1:4 integer-too-large"),
        ("a: 010.0.0.1", 1, "1:4 leading-zero"),
    ];
    for (text, items, said) in table {
        assert_eq!(parsed(text), (items, said.to_string()), "{text}");
    }
}

#[test]
fn nesting_is_bounded_and_said_once() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("a: {}{inner}{}\nb: 1", open.repeat(100_000), close.repeat(100_000))
    };
    for text in [
        deep("[", "1", "]"),
        deep("{ k: ", "1", "}"),
        format!("Filter::IP f {{ {} accept {} }}\nb: 1", "if (a) {".repeat(100_000), "}".repeat(100_000)),
        format!("Filter::IP f {{ {} accept {} }}\nb: 1", "Filter::IP {".repeat(100_000), "}".repeat(100_000)),
        format!("Filter::IP f {{ if ({}a{}) {{ drop }} accept }}\nb: 1", "(".repeat(100_000), ")".repeat(100_000)),
        format!("Filter::IP f {{ x({}) accept }}\nb: 1", "[".repeat(100_000)),
    ] {
        let (_, said) = parsed(&text);
        assert!(said.matches("nesting-too-deep").count() == 1, "{said}");
    }
}

#[test]
fn long_rows_are_not_deep() {
    let ors = format!("Filter::IP f {{ if ({}a) {{ drop }} accept }}", "a or not not b and ".repeat(50_000));
    let elses = format!("Filter::IP f {{ {} {{ accept }} }}", "if (a) { drop } else ".repeat(50_000));
    for text in [ors, elses] {
        assert_eq!(parsed(&text), (1, "".to_string()));
    }
}
