use super::*;
use nacl::lex::TokenKind;

const FILE: &str = "\
# Wide é 😀
Iface outside {
  address: 10.0.0.2, netmask: 255.255.255.0, index: 0
}
Iface inside { index: 1, input: [guard] }
inside.config: dhcp
Gateway gw {
  forward: guard,
  net_a: { net: 10.0.0.0/24, iface: outside }
}
gw.net_a.cost: 5

// Who may reach us.
bastion: 10.55.1.1
alias: bastion
services: { web: 80, more: [ssh, 443] }
Filter::IP guard {
  if (ct.state == established) { syslog(INFO, \"x\", ip.saddr) accept }
  if (ip.saddr == alias and ip.daddr == inside.address) { helper() }
  Filter::TCP label {
    if (tcp.dport in services or tcp.dport == services.web) { accept }
  }
  drop
}
Filter::IP helper { log(\"y\", bastion) if (iif == outside) { reject(tcp-reset) } }
";

fn file(text: &str) -> File {
    File::new("x.nacl", text)
}

/// The offset behind the nth `needle`, from 1.
fn after(text: &str, needle: &str, nth: usize) -> u32 {
    let (at, found) = text.match_indices(needle).nth(nth - 1).unwrap_or_else(|| panic!("no {needle}"));
    (at + found.len()) as u32
}

fn texts(file: &File, spans: Vec<Span>) -> Vec<(u32, &str)> {
    spans.into_iter().map(|span| (file.source().place(span.start).line, file.source().slice(span))).collect()
}

#[test]
fn definitions_are_found_also_of_members_set_out_of_line() {
    let file = file(FILE);
    // Cursor behind, the nth of it, line and text of the definition.
    type Row = (&'static str, usize, &'static [(u32, &'static str)]);
    let table: &[Row] = &[
        ("forward: gua", 1, &[(17, "guard")]),
        ("input: [gu", 1, &[(17, "guard")]),
        ("alias: bast", 1, &[(14, "bastion")]),
        ("ip.saddr == ali", 1, &[(15, "alias")]),
        ("services.we", 1, &[(16, "web")]),
        ("helper", 1, &[(25, "helper")]),
        ("gw.net", 1, &[(9, "net_a")]),
        ("gw", 1, &[(7, "gw")]),
        ("iif == out", 1, &[(2, "outside")]),
        ("iface: out", 1, &[(2, "outside")]),
        // The definition itself, and words of the language.
        ("Iface outs", 1, &[(2, "outside")]),
        ("gw.net_a.cost", 1, &[(11, "cost")]),
        ("ct.sta", 1, &[]),
        ("Ifa", 1, &[]),
        ("inside.addr", 1, &[]),
        ("== establ", 1, &[]),
    ];
    for (needle, nth, expected) in table {
        let found = file.definitions(after(FILE, needle, *nth));
        assert_eq!(texts(&file, found), *expected, "{needle}");
    }
    let text = "Conntrack c { limit: 1 }\nc.reserve: 5\nx: [c.reserve, c.Limit]";
    let file = super::tests::file(text);
    assert_eq!(texts(&file, file.definitions(after(text, "[c.res", 1))), [(2, "reserve")]);
    assert_eq!(texts(&file, file.definitions(after(text, "c.Lim", 1))), [(1, "limit")]);
}

#[test]
fn references_are_all_uses_in_the_order_of_the_text() {
    let file = file(FILE);
    let found = texts(&file, file.references(after(FILE, "Filter::IP gua", 1), true));
    assert_eq!(found, [(5, "guard"), (8, "guard"), (17, "guard")]);
    let found = texts(&file, file.references(after(FILE, "Iface out", 1), false));
    assert_eq!(found, [(9, "outside"), (25, "outside")]);
    assert_eq!(texts(&file, file.references(after(FILE, "net_a", 1), true)), [(9, "net_a"), (11, "net_a")]);
    assert_eq!(file.references(after(FILE, "ct.sta", 1), true), []);
}

#[test]
fn what_the_file_defines_goes_before_words_of_the_language_as_the_compiler_has_it() {
    let text = "ssh: 2222\niif: 5\nFilter::IP reject { drop }\nFilter::IP accept { drop }\n\
                Filter::IP f { if (ip.ttl == iif or ip.id == SSH) { reject } if (ip.ttl == ssh) { accept } drop }";
    let file = file(text);
    let meaning = |needle| file.index().at(after(text, needle, 1)).map(|found| found.meaning).unwrap();
    assert!(matches!(meaning("== iif"), Meaning::Reference(_)));
    assert!(matches!(meaning("== ssh"), Meaning::Reference(_)));
    assert!(matches!(meaning("== SSH"), Meaning::Predefined), "names are case-sensitive, predefined ones are not");
    assert!(matches!(meaning("{ reject"), Meaning::Reference(_)), "an extension gives way");
    assert!(matches!(meaning("{ accept"), Meaning::Action(_)), "an action of the language does not");
}

#[test]
fn a_renaming_changes_every_use_and_nothing_else() {
    let file = file(FILE);
    let edits = file.rename(after(FILE, "Filter::IP gua", 1), "wall").unwrap();
    let changed = apply(FILE, &edits);
    assert_eq!(changed, FILE.replace("guard", "wall"));
    assert_eq!(File::new("x.nacl", changed).diagnostics().len(), file.diagnostics().len());
    let edits = file.rename(after(FILE, "inside", 1), "lan").unwrap();
    assert_eq!(apply(FILE, &edits), FILE.replace("inside", "lan"));
    let edits = file.rename(after(FILE, "services.we", 1), "www-1").unwrap();
    assert_eq!(apply(FILE, &edits), FILE.replace("web", "www-1"));
    let edits = file.rename(after(FILE, "net_a", 2), "net-b").unwrap();
    assert_eq!(apply(FILE, &edits), FILE.replace("net_a", "net-b"));
    let edits = file.rename(after(FILE, "label", 1), "web").unwrap();
    assert_eq!(apply(FILE, &edits), FILE.replace("label", "web"));
    assert_eq!(file.rename(after(FILE, "bastion", 1), "bastion"), Ok(vec![]));
}

#[test]
fn a_renaming_that_cannot_be_is_refused_with_its_reason() {
    let file = file(FILE);
    let table = [
        (
            "bastion",
            "9x",
            "`9x` is no name: a letter, then letters, digits and `_` (in keys of objects also `-`), and no word of the language",
        ),
        (
            "bastion",
            "a-b",
            "`a-b` is no name: a letter, then letters, digits and `_` (in keys of objects also `-`), and no word of the language",
        ),
        (
            "bastion",
            "not",
            "`not` is no name: a letter, then letters, digits and `_` (in keys of objects also `-`), and no word of the language",
        ),
        (
            "bastion",
            " b",
            "` b` is no name: a letter, then letters, digits and `_` (in keys of objects also `-`), and no word of the language",
        ),
        (
            "bastion",
            "",
            "`` is no name: a letter, then letters, digits and `_` (in keys of objects also `-`), and no word of the language",
        ),
        ("bastion", "Tcp", "`Tcp` belongs to the language; choose another name"),
        ("net_a", "forward", "`forward` belongs to the language; choose another name"),
        ("bastion", "alias", "`alias` is already defined in line 15"),
        ("services.web", "more", "`more` is already defined in line 16"),
        // 22 would become what `bastion` is; `accept` could not be called.
        ("bastion", "ssh", "`ssh` would change what line 16 means; choose another name"),
        ("bastion", "iif", "`iif` would change what line 25 means; choose another name"),
        ("Filter::IP helper", "accept", "`accept` would change what line 19 means; choose another name"),
        ("address", "x", "`address` is a word of the language and cannot be renamed"),
        ("ct.state", "x", "`state` is a word of the language and cannot be renamed"),
        ("Iface", "x", "`Iface` is a word of the language and cannot be renamed"),
        ("\"x\"", "x", "there is no name here"),
    ];
    for (needle, new, reason) in table {
        let refusal = file.rename(after(FILE, needle, 1), new).unwrap_err();
        assert_eq!(refusal.to_string(), reason, "{needle} to {new}");
    }
    let text = "a: 1\nb: [a, nothing\nFilter::IP f { if (ip.ttl == = a) { drop } }";
    let broken = super::tests::file(text);
    assert_eq!(
        broken.rename(0, "c").unwrap_err().to_string(),
        "`a` also stands in line 3, which was not understood; repair that first"
    );
    assert_eq!(
        broken.rename(after(text, "nothing", 1), "c").unwrap_err().to_string(),
        "nothing named `nothing` is defined, so there is nothing to rename"
    );
}

#[test]
fn hovering_tells_what_a_name_is_and_what_a_word_means() {
    let file = file(FILE);
    let table: &[(&str, usize, &str)] = &[
        ("ip.saddr == ali", 1, "```nacl\nalias: bastion\n```\n\n= `10.55.1.1`"),
        ("alias: bast", 1, "```nacl\nbastion: 10.55.1.1\n```\n\nWho may reach us."),
        ("Filter::IP gua", 1, "```nacl\nFilter::IP guard\n```\n\nOn `inside.input`, `gw.forward`."),
        ("helper", 1, "```nacl\nFilter::IP helper\n```\n\nOn no chain; called once."),
        (
            "Filter::TCP lab",
            1,
            "```nacl\nFilter::TCP label\n```\n\nThe name of a nested function is a label: nothing can call it.",
        ),
        ("services.we", 1, "```nacl\nweb: 80\n```"),
        ("ip.sad", 1, "**ip.saddr**: an address\n\nSource address, after any translation done so far."),
        (
            "ii",
            1,
            "**iif**: an Iface\n\nThe Iface that the packet came in by; matches nothing for packets of the box itself.\n\n*An extension: other compilers of NaCl do not know it.*",
        ),
        ("syslog(INF", 1, "**INFO**: informational"),
        ("reject(tcp-res", 1, "**tcp-reset**: a TCP segment with RST; for other protocols an ICMP error"),
        ("[ssh", 1, "**ssh** = 22, a port: the port of ssh"),
        (
            "config: dh",
            1,
            "**dhcp**: the address comes from a DHCP server; without an answer in 10 s the Iface stays unconfigured",
        ),
        ("drop", 1, "**drop**: drop\n\nThe packet is discarded, in silence."),
        ("Filter::I", 1, "**IP** (which packets a function is run for): every packet, of IPv4 and IPv6"),
        ("Filt", 1, "**Filter** (type of function): accepts or drops packets"),
        (
            "gw.net_a.cost",
            1,
            "```nacl\ngw.net_a.cost: 5\n```\n\n**cost** of a route: integer, default 1\n\nOf two routes for one prefix the one with the lower cost is used.",
        ),
    ];
    for (needle, nth, expected) in table {
        let hover = file.hover(after(FILE, needle, *nth)).unwrap_or_else(|| panic!("{needle}"));
        assert_eq!(hover.markdown, *expected, "{needle}");
    }
    let iface = file.hover(after(FILE, "Ifa", 1)).unwrap().markdown;
    assert!(
        iface.starts_with("**Iface**: An IP interface: a NIC, or a VLAN of one.\n\n| key | value | |\n"),
        "{iface}"
    );
    assert!(iface.contains("| `index` | integer or MAC string | required |"), "{iface}");
    let packet = file.hover(after(FILE, "(ip", 1)).unwrap().markdown;
    assert!(packet.contains("- `ip.ttl`: Time to live, or hop limit."), "{packet}");
    for (needle, nth) in [("\"x", 1), ("Wide", 1), ("10.0.0.2", 1), ("{", 1)] {
        assert_eq!(file.hover(after(FILE, needle, nth)), None, "{needle}");
    }
}

/// Labels of what is offered at the `|` of a text.
fn offered(text: &str) -> Vec<String> {
    let at = text.find('|').unwrap();
    let file = file(&text.replacen('|', "", 1));
    let offset = at as u32;
    let candidates = file.completions(offset);
    for candidate in &candidates {
        assert_eq!(candidate.replaced.end, offset, "{text}");
    }
    candidates.into_iter().map(|candidate| candidate.label).collect()
}

#[test]
fn what_may_be_written_is_offered_where_it_may_be_written() {
    const REST: &str = "\nIface eth0 { index: 0, address: 10.0.0.1 }\nports: [80]\nFilter::IP wall { drop }\nNat::IP hide { accept }\nFilter::TCP only { accept }\n";
    //  text with the cursor, some that must be offered, some that must not
    let table: &[(&str, &[&str], &[&str])] = &[
        ("|", &["Iface", "Gateway", "Load_balancer", "Filter::", "Nat::", "eth0"], &["accept", "ip", "address"]),
        ("Ifa|", &["Iface"], &["accept"]),
        ("Iface |", &[], &["Iface", "dhcp"]),
        ("Iface e |", &["dhcp", "dhcp-with-fallback", "static"], &["Iface"]),
        ("Iface e { |", &["index", "address", "netmask", "mtu"], &["Iface", "accept"]),
        ("Iface e { index: 0, ad| }", &["address", "vlan"], &["index"]),
        ("Iface e { index: 0 | }", &[], &["address"]),
        ("Iface e { config: | }", &["dhcp", "static"], &["eth0", "ports"]),
        ("Iface e { config: dhcp-w| }", &["dhcp-with-fallback"], &[]),
        ("Iface e { input: w| }", &["wall", "hide"], &["only", "eth0", "ports"]),
        ("Iface e { input: [wall, | ] }", &["wall", "hide"], &["only"]),
        ("Iface e { masquerade: | }", &["true", "false"], &["eth0"]),
        ("Iface e { vlan: | }", &["ports", "ssh"], &["true", "eth0"]),
        ("Gateway g { | }", &["forward", "send_time_exceeded"], &["net"]),
        ("Gateway g { forward: | }", &["wall"], &["hide", "only"]),
        ("Gateway g { r: { | } }", &["net", "nexthop", "iface"], &["forward"]),
        ("Gateway g { r: { iface: | } }", &["eth0"], &["ports", "wall"]),
        ("Gateway g [ { net: 0.0.0.0/0, | } ]", &["nexthop", "iface"], &["net", "forward"]),
        ("Conntrack c { timeout: { | } }", &["established", "confirmed"], &["limit"]),
        ("Conntrack c { timeout: { established: { | } } }", &["tcp", "udp", "other"], &["established"]),
        ("Load_balancer l { servers: { pool: [ { | } ] } }", &["address", "port"], &["pool"]),
        ("Timer t { data: [ | ] }", &["stats", "lb", "stack-sampling"], &["eth0"]),
        ("eth0.|", &["netmask", "vlan"], &["address", "index"]),
        ("eth0.netm|", &["netmask"], &[]),
        ("eth0.input: |", &["wall", "hide"], &["eth0"]),
        ("x: eth0.|", &["address", "index"], &["netmask"]),
        ("x: |", &["ports", "eth0", "ssh", "true"], &["wall", "Iface"]),
        ("Filter::|", &["IP", "ICMP", "ICMPv6", "TCP", "UDP"], &["accept"]),
        ("Filter::T| f { accept }", &["TCP"], &["accept"]),
        (
            "Filter::IP f { | }",
            &["accept", "drop", "log", "syslog", "wall", "only", "if", "Filter::"],
            &["dnat", "hide", "Nat::", "else"],
        ),
        ("Nat::IP f { | }", &["dnat", "snat", "log", "hide", "Nat::"], &["accept", "wall"]),
        ("Filter::TCP f { | }", &["accept", "wall", "only"], &["hide"]),
        ("Filter::TCP f { Filter::| }", &["IP", "TCP"], &["UDP", "ICMP"]),
        (
            "Filter::IP f { if (|) { drop } }",
            &["ip", "ct", "iif", "not", "limit", "ports", "eth0"],
            &["tcp", "udp", "accept"],
        ),
        ("Filter::TCP f { if (|) { drop } }", &["ip", "tcp"], &["udp"]),
        ("Filter::IP f { Filter::UDP { if (u|", &["udp", "ip"], &["tcp"]),
        ("Filter::IP f { if (ip.|) { drop } }", &["saddr", "daddr", "ttl", "frag-off"], &["sport", "ip"]),
        ("Filter::IP f { if (IP.sa|) { drop } }", &["saddr"], &[]),
        ("Filter::TCP f { if (tcp.|", &["dport", "syn", "flags"], &["saddr"]),
        ("Filter::IP f { if (ip.saddr |) { drop } }", &["and", "or", "in"], &["ip"]),
        (
            "Filter::IP f { if (ct.state == |) { drop } }",
            &["established", "new", "related", "invalid"],
            &["ssh", "tcp"],
        ),
        ("Filter::IP f { if (ct.state in [new, |]) { drop } }", &["established"], &["ssh"]),
        ("Filter::IP f { if (ip.protocol == |) { drop } }", &["tcp", "udp", "icmp"], &["ssh", "established"]),
        ("Filter::IP f { if (iif != |) { drop } }", &["eth0"], &["ports", "ssh"]),
        ("Filter::TCP f { if (tcp.dport in |) { drop } }", &["ports", "https"], &["established"]),
        ("Filter::IP f { if (ip.ttl == 5) { drop } |", &["else", "accept"], &[]),
        ("Filter::IP f { syslog(|) }", &["INFO", "WARNING"], &["ip"]),
        ("Filter::IP f { syslog(INFO, |) }", &["ip", "ports"], &["INFO"]),
        ("Filter::IP f { reject(|) }", &["port-unreachable", "tcp-reset"], &["ip"]),
        ("Nat::IP f { dnat(|) }", &["eth0", "ports", "http"], &["ip"]),
        ("Nat::IP f { dnat(eth0.|) }", &["address", "index"], &["netmask"]),
        // Nothing in comments, strings and numbers.
        ("# Ifa|", &[], &["Iface"]),
        ("/* Ifa|", &[], &["Iface"]),
        ("Filter::IP f { log(\"ip.|\") }", &[], &["saddr", "ip"]),
        ("x: 10|", &[], &["ssh"]),
        // An unclosed bracket above does not matter for long.
        ("Filter::IP g { if (ip.ttl == { \nIface e { |", &["index"], &["accept"]),
    ];
    for (text, wanted, unwanted) in table {
        let found = offered(&format!("{text}{REST}"));
        for label in *wanted {
            assert!(found.iter().any(|found| found == label), "{text}: no {label} in {found:?}");
        }
        for label in *unwanted {
            assert!(found.iter().all(|found| found != label), "{text}: {label} in {found:?}");
        }
    }
}

#[test]
fn a_key_is_offered_with_its_colon_unless_that_is_there() {
    for (text, insert) in [("Iface e { ad|", "address: "), ("Iface e { ad|: 10.0.0.1 }", "address")] {
        let at = text.find('|').unwrap() as u32;
        let file = file(&text.replace('|', ""));
        let found = file.completions(at).into_iter().find(|found| found.label == "address").unwrap();
        assert_eq!((found.insert.as_str(), file.source().slice(found.replaced)), (insert, "ad"));
    }
}

#[test]
fn every_key_is_known_by_what_its_value_is() {
    let mut takes_iface = Vec::new();
    let mut takes_functions = Vec::new();
    for shape in nacl::vocabulary::SHAPES {
        for key in shape.keys {
            let name = format!("{}.{}", shape.name, key.name);
            match key.value {
                "Iface" => takes_iface.push(name),
                value if value.starts_with("function") => takes_functions.push(name),
                _ => {}
            }
        }
    }
    assert_eq!(takes_iface, ["route.iface", "clients.iface", "servers.iface"]);
    let chains = ["Iface.prerouting", "Iface.input", "Iface.output", "Iface.postrouting", "Gateway.forward"];
    assert_eq!(takes_functions, chains);
}

#[test]
fn the_outline_is_the_file_in_small() {
    let file = file(FILE);
    let outline = file.outline();
    let names: Vec<&str> = outline.iter().map(|heading| heading.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "outside",
            "inside",
            "inside.config",
            "gw",
            "gw.net_a.cost",
            "bastion",
            "alias",
            "services",
            "guard",
            "helper"
        ]
    );
    let children = |at: usize| outline[at].children.iter().map(|heading| heading.name.as_str()).collect::<Vec<_>>();
    assert_eq!(children(0), ["address", "netmask", "index"]);
    assert_eq!(children(8), ["label"]);
    assert_eq!((outline[8].detail.as_str(), outline[0].detail.as_str()), ("Filter::IP", "Iface"));
    fn inside(heading: &Heading) {
        assert!(heading.whole.start <= heading.name_span.start && heading.name_span.end <= heading.whole.end);
        for child in &heading.children {
            assert!(heading.whole.start <= child.whole.start && child.whole.end <= heading.whole.end, "{}", child.name);
            inside(child);
        }
    }
    outline.iter().for_each(inside);
}

/// Everything that can be asked, at every place.
fn ask_everything(text: &str) {
    let file = file(text);
    file.diagnostics();
    file.outline();
    let mut last = Span::default();
    for found in file.index().occurrences() {
        assert!(last.end <= found.span.start && found.span.start < found.span.end, "{text}");
        assert!(!file.source().slice(found.span).is_empty());
        last = found.span;
    }
    // One beyond the end, too.
    for offset in 0..=text.len() as u32 + 1 {
        file.hover(offset);
        file.definitions(offset);
        file.references(offset, true);
        file.completions(offset);
        file.fixes(Span::new(offset, offset));
    }
    for found in file.index().occurrences() {
        let _ = file.rename(found.span.start, "renamed_to");
    }
}

#[test]
fn no_text_is_too_broken_to_ask_about() {
    let texts = [
        "",
        "\u{feff}",
        "é",
        "{",
        "}",
        "a.",
        "a.b.",
        "Filter::",
        "Filter::IP",
        "Iface",
        "\"",
        "/*",
        ":",
        "::",
        "a:::1",
        "a.b.c.d: 1\na: {b: {c: 1}}",
    ];
    texts.iter().for_each(|text| ask_everything(text));
    // Every token of a good file left out, doubled, or the last one.
    let lexed = nacl::lex::lex(&Source::new("", FILE), &mut Vec::new());
    for token in lexed.tokens.iter().filter(|token| token.kind != TokenKind::End) {
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        let file = file(&format!("{}{}", &FILE[..start], &FILE[end..]));
        file.index();
        for offset in [token.span.start.saturating_sub(1), token.span.start, token.span.start + 1] {
            file.hover(offset);
            file.completions(offset);
            file.references(offset, false);
        }
        file.outline();
        let cut = super::tests::file(&FILE[..end]);
        cut.completions(token.span.end);
        cut.hover(token.span.end);
        super::tests::file(&format!("{}{0}{}", &FILE[start..end], &FILE[start..])).index();
    }
    ask_everything(&FILE[..FILE.len() / 2]);
    ask_everything(FILE);
}

#[test]
fn formatting_touches_the_lines_that_differ_and_no_file_that_is_broken() {
    let text = "a: 1\nb:   2\nc: 3\n";
    let edits = file(text).format().unwrap();
    assert_eq!(edits, [Edit { span: Span::new(5, 12), text: "b: 2\n".to_owned() }]);
    assert_eq!(apply(text, &edits), "a: 1\nb: 2\nc: 3\n");
    assert_eq!(file("a: 1\nb: 2\n").format(), Some(vec![]));
    assert_eq!(file("a: [1\n").format(), None);
    for text in ["a:1", "a:1\n\n\n\nb:2", "\n\na: 1\n", FILE] {
        let formatted = apply(text, &file(text).format().unwrap());
        assert_eq!(Ok(formatted), nacl::format(&Source::new("", text)), "{text}");
    }
}

#[test]
fn a_diagnostic_whose_help_is_one_replacement_is_mended_by_it() {
    const IFACE: &str = "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: guard }\n";
    //  what is wrong, the only repair, and the text after it
    let table = [
        (
            "Filter::IP guard { if (ip.sadr == 10.0.0.9) { drop } accept }",
            "Replace `ip.sadr` with `ip.saddr`",
            "ip.saddr ==",
        ),
        ("Filter::IP guard { acept }", "Replace `acept` with `accept`", "{ accept }"),
        ("Filter::IPv guard { accept }", "Replace `IPv` with `IP`", "Filter::IP guard"),
        ("Filter::IP guard { if (ip.ttl = 5) { drop } accept }", "Replace `=` with `==`", "ip.ttl == 5"),
        ("Filter::IP guard { if (ip.ttl == 5 & ip.id == 6) { drop } accept }", "Replace `&` with `and`", "5 and ip"),
        ("Filter::IP guard { accept };", "Remove `;`", "{ accept }"),
        ("Filter::IP guard { if (ip.ttl in [5 6]) { drop } accept }", "Insert `,`", "[5, 6]"),
        ("Filter::IP guard { syslog(INOF, \"x\") accept }", "Replace `INOF` with `INFO`", "syslog(INFO,"),
        (
            "Filter::IP guard { if (ip.daddr == eth0.adress) { drop } accept }",
            "Replace `adress` with `address`",
            "eth0.address",
        ),
        (
            "Filter::IP guard { if (ct.state == estblished) { drop } accept }",
            "Replace `estblished` with `established`",
            "== established",
        ),
        ("eht0.mtu: 1400\nFilter::IP guard { accept }", "Replace `eht0` with `eth0`", "eth0.mtu"),
        ("eth0.mut: 1400\nFilter::IP guard { accept }", "Replace `mut` with `mtu`", "eth0.mtu"),
        ("eth0.config: sttic\nFilter::IP guard { accept }", "Replace `sttic` with `static`", "config: static"),
        ("Ifce eth1 { index: 1 }\nFilter::IP guard { accept }", "Replace `Ifce` with `Iface`", "Iface eth1"),
    ];
    for (wrong, title, right) in table {
        let text = format!("{IFACE}{wrong}");
        let file = file(&text);
        let fixes = file.fixes(Span::new(0, text.len() as u32));
        let [fix] = &fixes[..] else { panic!("{wrong}: {fixes:?}") };
        assert_eq!(fix.title, title);
        let mended = apply(&text, std::slice::from_ref(&fix.edit));
        assert!(mended.contains(right), "{mended}");
        let code = fix.diagnostic.code;
        assert!(super::tests::file(&mended).diagnostics().iter().all(|found| found.code != code), "{mended}");
    }
}
