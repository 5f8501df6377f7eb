//! Configurations of any number of rules, by kind.

use std::fmt::Write;

/// A way to write many rules.
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    /// The whole file with so many of them.
    pub text: fn(u32) -> String,
    /// It is right, and so must compile.
    pub right: bool,
}

const fn kind(name: &'static str, about: &'static str, text: fn(u32) -> String) -> Kind {
    Kind { name, about, text, right: true }
}

/// The first three are those that a bound is promised for.
pub const KINDS: &[Kind] = &[
    kind("addresses", "one list of so many addresses", addresses),
    kind("ifs", "one if after another, each of two tests", ifs),
    kind("nesting", "ifs in towers almost as high as may be, one inside the other", nesting),
    kind("else-ifs", "one if with so many arms", else_ifs),
    kind("lists", "ifs with a list of addresses and one of ports each", lists),
    kind("constants", "constants, each used by an if", constants),
    kind("functions", "functions of one if, each called once", functions),
    kind("routes", "routes of a Gateway", routes),
    kind("log", "ifs that write a line of their own", log),
    Kind { right: false, ..kind("mistakes", "ifs, each with a mistyped name", mistakes) },
];

const HEAD: &str = "Iface eth0 { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: guard }\n";

/// Addresses that do not touch each other, in no order.
fn address(n: u32) -> std::net::Ipv4Addr {
    // An odd factor is a permutation of the numbers below 2^20.
    std::net::Ipv4Addr::from_bits(0x0b00_0000 + n.wrapping_mul(0x9_e377) % (1 << 20) * 3)
}

fn guard(rules: &str) -> String {
    format!("{HEAD}Filter::IP guard {{\n{rules}  drop\n}}\n")
}

/// `count` pieces in a row.
fn each(count: u32, piece: impl Fn(&mut String, u32) -> std::fmt::Result) -> String {
    let mut text = String::new();
    for n in 0..count {
        piece(&mut text, n).expect("writing to a string cannot fail");
    }
    text
}

fn addresses(count: u32) -> String {
    let list = each(count, |text, n| writeln!(text, "  {},", address(n)));
    format!("allowed: [\n{list}]\n{}", guard("  if (ip.saddr in allowed) { accept }\n"))
}

fn ifs(count: u32) -> String {
    guard(&each(count, |text, n| {
        writeln!(text, "  if (ip.saddr == {} and ip.protocol == tcp) {{ accept }}", address(n))
    }))
}

fn nesting(count: u32) -> String {
    const HEIGHT: u32 = nacl::parse::MAX_DEPTH as u32 * 9 / 10;
    let mut rules = each(count, |text, n| {
        if n > 0 && n % HEIGHT == 0 {
            writeln!(text, "accept {}", "}".repeat(HEIGHT as usize))?;
        }
        writeln!(text, "if (ip.saddr != {}) {{", address(n))
    });
    let open = count - count.saturating_sub(1) / HEIGHT * HEIGHT;
    rules.push_str(&format!("accept {}\n", "}".repeat(open as usize)));
    guard(&rules)
}

fn else_ifs(count: u32) -> String {
    let arms = each(count, |text, n| write!(text, "if (ip.saddr == {}) {{ accept }}\n  else ", address(n)));
    guard(&format!("  {arms}{{ drop }}\n"))
}

fn lists(count: u32) -> String {
    let rules = each(count, |text, n| {
        let (first, second) = (address(2 * n), address(2 * n + 1));
        let port = 1024 + n % 60_000;
        writeln!(text, "    if (ip.saddr in [{first}, {second}] and tcp.dport in [80, {port}]) {{ accept }}")
    });
    guard(&format!("  Filter::TCP {{\n{rules}  }}\n"))
}

fn constants(count: u32) -> String {
    let constants = each(count, |text, n| writeln!(text, "host{n}: {}", address(n)));
    constants + &guard(&each(count, |text, n| writeln!(text, "  if (ip.saddr == host{n}) {{ accept }}")))
}

fn functions(count: u32) -> String {
    let functions = each(count, |text, n| {
        writeln!(text, "Filter::IP allow{n} {{\n  if (ip.saddr == {}) {{ accept }}\n}}", address(n))
    });
    functions + &guard(&each(count, |text, n| writeln!(text, "  allow{n}()")))
}

fn routes(count: u32) -> String {
    let routes = each(count, |text, n| writeln!(text, "  route{n}: {{ host: {}, iface: eth0 }},", address(n)));
    format!("{}Gateway gateway {{\n{routes}  last: {{ net: 10.0.0.0/24, iface: eth0 }}\n}}\n", guard(""))
}

fn log(count: u32) -> String {
    guard(&each(count, |text, n| {
        writeln!(text, "  if (ip.saddr == {}) {{ syslog(INFO, \"rule {n} takes \", ip.daddr) accept }}", address(n))
    }))
}

fn mistakes(count: u32) -> String {
    guard(&each(count, |text, n| writeln!(text, "  if (ip.sadr == {}) {{ accept }}", address(n))))
}

/// Functions that each call the next one twice: `height` of them would be 2^height rules.
pub fn doubling(height: u32) -> String {
    let functions = each(height, |text, n| {
        let name = if n == 0 { "guard".to_owned() } else { format!("f{n}") };
        writeln!(text, "Filter::IP {name} {{ f{0} f{0} {1}}}", n + 1, if n == 0 { "drop " } else { "" })
    });
    format!("{HEAD}{functions}Filter::IP f{height} {{ if (ip.ttl == 1) {{ drop }} }}\n")
}
