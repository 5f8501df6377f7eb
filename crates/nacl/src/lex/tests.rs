use super::*;
use alloc::string::String;

fn kinds(text: &str) -> String {
    let source = Source::new("test", text);
    let mut diagnostics = Vec::new();
    let lexed = lex(&source, &mut diagnostics);
    let mut out = String::new();
    for token in lexed.tokens.iter().filter(|token| token.kind != TokenKind::End) {
        if !out.is_empty() {
            out.push(' ');
        }
        match token.kind {
            TokenKind::Address6 => out.push_str("v6:"),
            TokenKind::Name => out.push('\''),
            TokenKind::Number => out.push('#'),
            _ => {}
        }
        out.push_str(source.slice(token.span));
    }
    for diagnostic in &diagnostics {
        out.push_str(&format!(" !{}", diagnostic.code.name()));
    }
    out
}

#[test]
fn an_ipv6_address_is_one_token_only_where_a_value_may_begin() {
    let table = [
        ("a: ::1", "'a : v6:::1"),
        ("a:::1", "'a : v6:::1"),
        ("net:::/0", "'net : v6::: / #0"),
        ("{ abc:d00d }", "{ 'abc : 'd00d }"),
        ("{ a: 1, fade:::1 }", "{ 'a : #1 , 'fade : v6:::1 }"),
        ("[fade::1, fade::2]", "[ v6:fade::1 , v6:fade::2 ]"),
        ("Filter::IP f", "'Filter : : 'IP 'f"),
        ("Nat::ABE f", "'Nat : : 'ABE 'f"),
        ("a: 1:2:3:4:5:6:7:8", "'a : v6:1:2:3:4:5:6:7:8"),
        ("a: 1:2:3:4:5:6:1.2.3.4", "'a : v6:1:2:3:4:5:6:1.2.3.4"),
        ("a: ::ffff:192.0.2.1/96", "'a : v6:::ffff:192.0.2.1 / #96"),
        ("a: 2001:db8::1-2001:db8::9", "'a : v6:2001:db8::1 - v6:2001:db8::9"),
        ("a: 2001:db8::1.x", "'a : v6:2001:db8::1 . 'x"),
        ("a: b c::1", "'a : 'b 'c : : #1"),
        ("a: fe80::1%eth0", "'a : v6:fe80::1 !invalid-address"),
        ("a: fe80::xyz", "'a : v6:fe80:: !invalid-address"),
        ("a: 10.0.0.1", "'a : #10 . #0 . #0 . #1"),
        ("a: dead", "'a : 'dead"),
    ];
    for (text, tokens) in table {
        assert_eq!(kinds(text), tokens, "{text}");
    }
}

#[test]
fn what_starts_no_token_is_reported_and_skipped() {
    let table = [
        ("a: 10;", "'a : #10 !stray-character"),
        ("_x: é 1", "'x : #1 !stray-character !stray-character"),
        ("a & b", "'a & 'b !stray-character"),
        ("a => b <> c", "'a => 'b <> 'c !single-equals !single-equals"),
        ("a: 'x y' b", "'a : 'x y' 'b !stray-character"),
        ("a: \"x\ny\" b: 1", "'a : \"x\ny\" 'b : #1 !unclosed-string"),
        (r#"a: "x\q""#, r#"'a : "x\q" !unknown-escape"#),
        ("a: \"x", "'a : \"x !unclosed-string"),
        ("a: \"x\\", "'a : \"x\\ !unclosed-string"),
        ("a: \"x\nb: 1", "'a : \"x 'b : #1 !unclosed-string"),
        ("a: /* b", "'a : !unclosed-comment"),
        ("\u{feff}a: 1", "'a : #1"),
        ("\0", " !stray-character"),
    ];
    for (text, tokens) in table {
        assert_eq!(kinds(text), tokens, "{text}");
    }
}

#[test]
fn words_numbers_and_signs_need_no_white_space_between_them() {
    let table = [
        ("80and", "#80 and"),
        ("ip.frag-off==0", "'ip . 'frag-off == #0"),
        ("a-b", "'a-b"),
        ("IN In in", "IN 'In in"),
        ("a&&b||!c", "'a && 'b || ! 'c"),
        ("a<=b>=c<d>e!=f=g", "'a <= 'b >= 'c < 'd > 'e != 'f = 'g"),
        ("a//b\nc#d\n/*e*/f/**/", "'a 'c 'f"),
    ];
    for (text, tokens) in table {
        assert_eq!(kinds(text), tokens, "{text}");
    }
}

#[test]
fn every_byte_is_white_space_or_part_of_one_piece() {
    for text in ["a: 10; /* x", "Filter::IP f { log(\"é\\q\") é } # ü", "a: fe80::x_y \"abc", "\u{feff}\u{7}a é"] {
        let source = Source::new("test", text);
        let lexed = lex(&source, &mut Vec::new());
        let mut pieces: Vec<Span> = lexed.tokens.iter().map(|token| token.span).collect();
        pieces.extend(lexed.comments.iter().chain(&lexed.skipped));
        pieces.sort();
        let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        for piece in pieces {
            assert!(source.slice(Span::new(at, piece.start)).trim().is_empty(), "{text}: {at}");
            assert!(at <= piece.start, "{text}: {at}");
            at = piece.end;
        }
        assert_eq!(at as usize, text.len(), "{text}");
    }
}
