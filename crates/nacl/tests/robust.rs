//! No text makes the compiler panic, hang or exhaust the stack: random bytes, mutations of the examples, and inputs
//! built to explode.

use saltgate_nacl::{Code, Severity, Source, analyze, compile, compile_then, diagnostic::render};
use std::path::Path;
use std::time::Instant;

/// xorshift64*: the same texts in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Compiles, renders everything, and holds what every result must satisfy.
fn survive(text: &[u8]) {
    let source = Source::from_bytes("fuzz.nacl", text);
    let compiled = analyze(&source);
    assert_eq!(compiled.policy.is_some(), !compiled.has_errors());
    for found in &compiled.diagnostics {
        assert_ne!(found.code, Code::Internal, "{}", source.text());
        assert!(found.span.start <= found.span.end && found.span.end as usize <= source.text().len());
        assert!(!render(&source, found).is_empty());
    }
}

fn examples() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in ["examples", "tests/nacl"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "nacl") {
                texts.push(std::fs::read(path).unwrap());
            }
        }
    }
    texts.sort();
    texts
}

/// Rounds of each test; `NACL_FUZZ_ROUNDS` asks for more.
fn rounds(usual: usize) -> usize {
    std::env::var("NACL_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

#[test]
fn who_goes_on_at_once_gets_what_compiling_returns() {
    for bytes in examples() {
        // As it is, and so long that nothing is left lying about meanwhile.
        for text in [bytes.clone(), [bytes, b"\n# a comment".repeat(10_000)].concat()] {
            let source = Source::from_bytes("then.nacl", &text);
            let returned = format!("{:?}", compile(&source));
            assert_eq!(compile_then(&source, |compiled| format!("{compiled:?}")), returned);
        }
    }
}

#[test]
fn random_bytes_are_survived() {
    let mut random = Random(1);
    for _ in 0..rounds(3000) {
        let len = random.below(200);
        let bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        survive(&bytes);
    }
}

#[test]
fn random_rows_of_tokens_are_survived() {
    const TOKENS: &[&str] = &[
        "Iface",
        "Gateway",
        "Filter",
        "Nat",
        "::",
        ":",
        "IP",
        "TCP",
        "ICMPv6",
        "a",
        "b",
        "eth0",
        "{",
        "}",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        ".",
        "-",
        "/",
        "==",
        "!=",
        "<",
        ">=",
        "in",
        "not",
        "and",
        "or",
        "if",
        "else",
        "true",
        "10",
        "80",
        "10.0.0.1",
        "10.0.0.0/8",
        "2001:db8::1",
        "::",
        "\"x\"",
        "index",
        "address",
        "netmask",
        "forward",
        "input",
        "ip.saddr",
        "ip.ttl",
        "tcp.dport",
        "ct.state",
        "established",
        "accept",
        "drop",
        "reject",
        "dnat",
        "snat",
        "log",
        "syslog",
        "INFO",
        "limit",
        "iif",
        "\n",
        "\n",
        "//x\n",
        "/*",
        "dhcp",
        "=",
        ";",
        "\"",
        "Timer",
        "Load_balancer",
        "pool",
        "net",
        "iface",
    ];
    let mut random = Random(2);
    for _ in 0..rounds(3000) {
        let mut text = String::new();
        for _ in 0..random.below(60) {
            text.push_str(TOKENS[random.below(TOKENS.len())]);
            if random.below(3) > 0 {
                text.push(' ');
            }
        }
        survive(text.as_bytes());
    }
}

#[test]
fn mutations_of_the_examples_are_survived() {
    let texts = examples();
    let mut random = Random(3);
    for _ in 0..rounds(2000) {
        let mut text = texts[random.below(texts.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len());
            let other = &texts[random.below(texts.len())];
            match random.below(6) {
                0 => drop(text.splice(at..(at + random.below(30)).min(text.len()), [])),
                1 => drop(text.splice(at..at, [b"{}[]():,.-/\"=<>! \n#a0"[random.below(21)]])),
                2 => text[at] = random.next() as u8,
                3 => text.truncate(at),
                4 => {
                    let from = random.below(other.len());
                    let piece = other[from..(from + random.below(80)).min(other.len())].to_vec();
                    drop(text.splice(at..at, piece));
                }
                _ => {
                    // Two words change places.
                    let words: Vec<(usize, usize)> = text
                        .split(|byte| !byte.is_ascii_alphanumeric())
                        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word.len()))
                        .filter(|(_, len)| *len > 0)
                        .collect();
                    if let Some(&(start, len)) = words.get(random.below(words.len())) {
                        let (from, count) = words[random.below(words.len())];
                        let word = text[from..from + count].to_vec();
                        drop(text.splice(start..start + len, word));
                    }
                }
            }
            if text.is_empty() {
                break;
            }
        }
        survive(&text);
    }
}

const IFACE: &str = "Iface eth0 { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: f }\n";

/// Compiles; how long it takes is printed, and judged by benchmarks, never here.
fn compile_large(what: &str, text: &str) -> saltgate_nacl::Compiled {
    let start = Instant::now();
    let source = Source::new(what, text);
    let compiled = analyze(&source);
    println!("{what} took {:?}", start.elapsed());
    for found in compiled.diagnostics.iter().take(50) {
        render(&source, found);
    }
    compiled
}

fn has(compiled: &saltgate_nacl::Compiled, code: Code) -> bool {
    compiled.diagnostics.iter().any(|found| found.code == code)
}

fn errors(compiled: &saltgate_nacl::Compiled) -> usize {
    compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
}

#[test]
fn large_files_compile() {
    let address = |n: u32| std::net::Ipv4Addr::from_bits(0x0b00_0000 + n * 3);
    let list: String = (0..100_000).map(|n| format!("{},\n", address(n))).collect();
    let text = format!("{IFACE}l: [{list}]\nFilter::IP f {{ if (ip.saddr in l) {{ drop }} accept }}");
    assert_eq!(errors(&compile_large("a list of 100,000 addresses", &text)), 0);

    let rules: String = (0..20_000).map(|n| format!("if (ip.saddr == {}) {{ drop }}\n", address(n))).collect();
    let text = format!("{IFACE}Filter::IP f {{ {rules} accept }}");
    assert_eq!(errors(&compile_large("20,000 rules", &text)), 0);

    let rules: String = (0..5_000)
        .map(|n| format!("if (ip.saddr == {} and tcp.dport in [80, {}]) {{ accept }}\n", address(n), 1000 + n))
        .collect();
    let text = format!("{IFACE}Filter::IP f {{ Filter::TCP {{ {rules} }} drop }}");
    assert_eq!(errors(&compile_large("5,000 rules of two tests", &text)), 0);

    let elses: String = (0..20_000).map(|n| format!("if (ip.saddr == {}) {{ drop }} else ", address(n))).collect();
    let text = format!("{IFACE}Filter::IP f {{ {elses} {{ accept }} }}");
    assert_eq!(errors(&compile_large("an else-if of 20,000 arms", &text)), 0);

    let ors: String = (0..20_000).map(|n| format!("ip.saddr == {} or ", address(n))).collect();
    let text = format!("{IFACE}Filter::IP f {{ if ({ors} ip.ttl == 1) {{ drop }} accept }}");
    assert_eq!(errors(&compile_large("an or of 20,000 tests", &text)), 0);

    let uses: String = (0..2_000).map(|_| "if (ip.saddr in l and ip.ttl == 1) { log(\"x\") }\n").collect();
    let text = format!("{IFACE}l: [{list}]\nFilter::IP f {{ {uses} accept }}");
    assert_eq!(errors(&compile_large("a large list used 2,000 times", &text)), 0);

    let constants: String = (0..50_000).map(|n| format!("c{n}: c{}\n", n + 1)).collect();
    let text = format!("{constants} c50000: 1");
    assert!(has(&compile_large("a chain of 50,000 constants", &text), Code::NestingTooDeep));

    let routes: String = (0..50_000).map(|n| format!("  r{n}: {{ host: {}, iface: eth0 }},\n", address(n))).collect();
    let text = format!("{IFACE}Gateway g {{\n{routes}}}\nFilter::IP f {{ accept }}");
    assert_eq!(errors(&compile_large("50,000 routes", &text)), 0);

    let members: String = (0..50_000).map(|n| format!("m.k{n}: {n}\n")).collect();
    assert_eq!(errors(&compile_large("50,000 members", &format!("m: {{ k: 1 }}\n{members}"))), 0);
}

#[test]
fn a_file_full_of_mistakes_is_told_in_about_linear_time() {
    for (what, piece) in [
        ("stray characters", "; "),
        ("unknown names", "x: nope "),
        ("repeated names", "x: 1 "),
        ("open brackets", "{ [ ( "),
        ("closed brackets", "} ] ) "),
        ("half declarations", "Iface a { index: "),
        ("half functions", "Filter::IP f { if ( "),
        ("unknown Ifaces", "Iface eth { indexx: 1, adress: 2 } "),
        ("assignments to nothing", "a.b: 1 "),
        ("strings", "\"a "),
    ] {
        compile_large(what, &piece.repeat(20_000));
        compile_large(what, &format!("{}\n", piece).repeat(20_000));
    }
}

#[test]
fn calls_that_would_explode_are_refused_with_their_chain() {
    let mut text = String::from(IFACE);
    for n in 0..40 {
        let name = |n: i32| if n == 0 { "f".to_string() } else { format!("f{n}") };
        let end = if n == 0 { "accept" } else { "" };
        text.push_str(&format!("Filter::IP {} {{ {} {} {end} }}\n", name(n), name(n + 1), name(n + 1)));
    }
    text.push_str("Filter::IP f40 { if (ip.ttl == 1) { drop } }");
    let compiled = compile_large("each function calls the next twice", &text);
    assert!(has(&compiled, Code::ProgramTooLarge));
    let told = compiled.diagnostics.iter().find(|found| found.code == Code::ProgramTooLarge).unwrap();
    assert!(told.help.as_ref().unwrap().contains("f -> f1 -> f2"), "{told:?}");

    let mut text = String::from(IFACE);
    for n in 0..5_000 {
        let name = if n == 0 { "f".to_string() } else { format!("f{n}") };
        text.push_str(&format!("Filter::IP {name} {{ f{} accept }}\n", n + 1));
    }
    text.push_str("Filter::IP f5000 { drop }");
    let compiled = compile_large("5,000 functions that each call the next", &text);
    assert!(has(&compiled, Code::CallsTooDeep));
    assert_eq!(errors(&compiled), 1);
}

#[test]
fn calls_that_never_end_are_followed_by_nothing() {
    let routed = "Iface e { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: f, prerouting: n }\n\
                  Gateway g { forward: f, r: { net: 0.0.0.0/0, nexthop: 10.0.0.9, iface: e } }\n\
                  Nat::IP n { dnat(10.0.0.7) n }\n";
    let circle = "Filter::IP f { if (ct.state == established) { accept } g f accept }\nFilter::IP g { f drop }";
    let compiled = compile_large("calls in a circle", &format!("{routed}{circle}"));
    assert!(has(&compiled, Code::Recursion));
    let row: String = (0..5_000).map(|n| format!("Filter::IP f{n} {{ f{} accept }}\n", n + 1)).collect();
    let row = format!("Filter::IP f {{ f0 drop }}\n{row}Filter::IP f5000 {{ drop }}");
    let compiled = compile_large("calls in a long row", &format!("{}{row}", routed.replace(" n }", " }")));
    assert!(has(&compiled, Code::CallsTooDeep));
}

#[test]
fn sets_that_would_explode_stay_what_they_are() {
    for (last, depth, sound) in [
        ("[10.0.0.1, 10.0.0.9]", 50, true),
        ("[d.address]", 50, true),
        ("[10.0.0.1]", 200, false),
        ("[nope]", 50, false),
        ("[s0]", 50, false),
    ] {
        let mut text = format!("{IFACE}Iface d {{ index: 1, config: dhcp }}\n");
        text.push_str("Filter::IP f { if (ip.saddr in s0) { drop } accept }\n");
        for n in 0..depth {
            text.push_str(&format!("s{n}: [s{}, s{}]\n", n + 1, n + 1));
        }
        text.push_str(&format!("s{depth}: {last}"));
        assert_eq!(errors(&compile_large("each list holds the next twice", &text)) == 0, sound, "{last}");
    }
}

#[test]
fn the_stack_of_a_small_thread_suffices() {
    // The image has less of it than a test.
    let texts: Vec<String> = vec![
        format!("a: {}1{}", "[".repeat(63), "]".repeat(63)),
        format!("{IFACE}Filter::IP f {{ {} accept {} accept }}", "if (ip.ttl == 1) {".repeat(61), "}".repeat(61)),
        format!("{IFACE}Filter::IP f {{ if ({}ip.ttl == 1{}) {{ drop }} accept }}", "(not ".repeat(61), ")".repeat(61)),
        (0..95).map(|n| format!("Filter::IP f{n} {{ f{} accept }}\n", n + 1)).collect::<String>()
            + "Filter::IP f95 { drop } Iface e { index: 0, address: 10.0.0.1, netmask: 255.0.0.0, input: f0 }",
    ];
    let size = if cfg!(debug_assertions) { 2048 } else { 128 };
    let run = move || texts.iter().for_each(|text| survive(text.as_bytes()));
    std::thread::Builder::new().stack_size(size * 1024).spawn(run).unwrap().join().unwrap();
}
