//! What this project sets out to be, held against the tables of `docs/performance.md`: figures are read off them, so that
//! the table of promises is as new as they are. Reasons are for people to write.

use saltgate_bench_harness::markdown;

/// A cell of a table: its name, the beginning of the row, the column.
type Cell = (&'static str, &'static str, &'static str);

enum Figure {
    Cell(Cell),
    /// The first divided by the second.
    Ratio(Cell, Cell),
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

struct Promise {
    /// What is promised, in words.
    target: &'static str,
    figure: Figure,
    bound: Bound,
    /// Why it is not kept, where it is not, and what was tried.
    why: &'static str,
}

use Bound::{AtLeast, AtMost};

const CEILING: &str = "saltgate ÷ ceiling";
const LINUX: &str = "better than linux";
const FLOWTABLE: &str = "than flowtable";
const PER_PACKET: &str = "instructions per packet";

/// A system call of QEMU for each frame on each side is most of what every guest costs.
const FLOOR: &str = "the ceiling itself, which judges nothing, gains hardly more than that on Linux: most of a packet's price is QEMU's system calls for it, which no guest can save";
const KNOWN: &str = "a UDP packet of a known flow is some 370 instructions: its header is checked, a keyed hash made, a bucket and a record read, the bytes written. Tried: reading and hashing whole bursts before the look-ups (620 → 495), packets of one decision that are looked up and counted together (→ 370); what is left is spread over all stages, see below";
const ADDED: &str = "what is above the ceiling is our drivers and the instructions of `udp4-known` below, each of which an emulator makes several";

const PROMISES: &[Promise] = &[
    cell("UDP of known flows: ≤ 1.35 × ceiling", ("vm", "UDP, established", CEILING), AtMost(1.35), ADDED),
    cell("– 3.5 × less than Linux", ("vm", "UDP, established", LINUX), AtLeast(3.5), FLOOR),
    cell("– 3 × less than Linux's flowtable", ("vm", "UDP, established", FLOWTABLE), AtLeast(3.0), FLOOR),
    cell("UDP of unanswered flows: ≤ 1.35 × ceiling", ("vm", "UDP, unanswered", CEILING), AtMost(1.35), ADDED),
    cell("– 3.5 × less than Linux", ("vm", "UDP, unanswered", LINUX), AtLeast(3.5), FLOOR),
    cell(
        "TCP, one stream: ≤ 1.2 × ceiling",
        ("vm", "TCP, 1 stream", CEILING),
        AtMost(1.2),
        "QEMU copies each frame twice",
    ),
    cell(
        "– 2.7 × less than Linux",
        ("vm", "TCP, 1 stream", LINUX),
        AtLeast(2.7),
        "the ceiling itself is only 2 to 2.5 × less than Linux: frames of 64 KiB pass whole, so that QEMU's two copies of the payload outweigh everything that a router does",
    ),
    cell(
        "new TCP connections: ≤ 1.3 × ceiling",
        ("vm", "TCP connections", CEILING),
        AtMost(1.3),
        "the first two packets of each handshake walk, some 2,000 instructions each, which an emulator makes microseconds; the ceiling only turns a frame around. Tried: one entry in the index for both directions, one look-up for an address, no walk for the end of a handshake, FINs and RSTs",
    ),
    Promise {
        target: "10 → 10,000 rules that miss: no growth (beyond a spread of 1.1)",
        figure: Figure::Ratio(("rules-vm", "10000 ports", "saltgate"), ("rules-vm", "10 ports", "saltgate")),
        bound: AtMost(1.1),
        why: "look at the spread in brackets: in a process it is some instructions, see `filters/` below",
    },
    cell(
        "– 30 × less than iptables-legacy",
        ("rules-vm", "10000 ports", "better than iptables-legacy"),
        AtLeast(30.0),
        "see the next line",
    ),
    cell(
        "– 250 × less than nft, rule by rule",
        ("rules-vm", "10000 ports", "better than nft sequential"),
        AtLeast(250.0),
        "the ceiling is only some 180 × less: a guest that looks at no packet could not keep this one either. Natively, without QEMU, see *natively* above",
    ),
    cell("– 3 × less than nft sets", ("rules-vm", "10000 ports", "better than nft sets"), AtLeast(3.0), FLOOR),
    cell(
        "50,000 sources: 50 × less than iptables-legacy",
        ("rules-vm", "50000 sources", "better than iptables-legacy"),
        AtLeast(50.0),
        "as above: what is left of a packet is QEMU's, and the first packet of a flow",
    ),
    cell(
        "QEMU's start to first packet, `pc`: ≤ 1.1 × ceiling",
        ("vm-start", "boot to first packet, pc", CEILING),
        AtMost(1.1),
        "the compiler is in there: QEMU translates each of our 5,500 blocks once, 4 to 6 µs each, and the host clears each 2 MiB page at its first touch. Tried: optimising for size (−3 % of blocks), tables of programs a second later (−21 %), no tables cleared, memory that is used at once side by side. Under KVM nothing is translated",
    ),
    Promise {
        target: "– on `microvm`: half of the ceiling on `pc`",
        figure: Figure::Ratio(
            ("vm-start", "boot to first packet, microvm", "saltgate"),
            ("vm-start", "boot to first packet, pc", "ceiling"),
        ),
        bound: AtMost(0.5),
        why: "it saves the firmware; QEMU's own start and translating the compiler stay",
    },
    cell(
        "memory that forwards: ≤ 12 MiB",
        ("vm-start", "least memory that forwards, pc", "saltgate"),
        AtMost(12.0),
        "",
    ),
    cell(
        "round trip, median: ≤ 1.1 × ceiling",
        ("vm", "round trip, median", CEILING),
        AtMost(1.1),
        "a packet that comes alone shares no kick, no interrupt and no look at the clock with others. Tried: a shorter way for it (6,700 instructions → 2,000), an interrupt when a lone frame is out, so that the answer finds a processor that is awake (0.88 ×)",
    ),
    cell("idle: no CPU to speak of, ≤ 0.05 %", ("vm", "idle", "saltgate"), AtMost(0.05), "one timer a second"),
    cell(
        "look-up among 10,000 rules, batch of 32: `acl` ≤ 60 ns",
        ("rules-lookup", "acl-10000", "batch ns"),
        AtMost(60.0),
        "",
    ),
    cell("– `acl` ≤ 700 instructions, AVX2", ("rules-lookup", "acl-10000", "batch instr."), AtMost(700.0), ""),
    cell("– `ipc` ≤ 60 ns", ("rules-lookup", "ipc-10000", "batch ns"), AtMost(60.0), ""),
    cell("– `fw` ≤ 80 ns", ("rules-lookup", "fw-10000", "batch ns"), AtMost(80.0), ""),
    cell(
        "– tables of `acl` built in ≤ 100 ms",
        ("rules-lookup", "acl-10000", "build ms"),
        AtMost(100.0),
        "the diagrams are built node by node, and equal ones are shared; look-ups were given priority",
    ),
    cell("known packet: ≤ 250 instructions", ("gate", "plane/udp4-known", PER_PACKET), AtMost(250.0), KNOWN),
    cell("– with NAT: ≤ 265 instructions", ("gate", "plane/udp4-nat-known", PER_PACKET), AtMost(265.0), KNOWN),
    cell("– ≤ 60 ns", ("plane", "udp4-known", "ns/packet"), AtMost(60.0), KNOWN),
    cell(
        "new flow with NAT, ten rules: ≤ 850 instructions",
        ("gate", "plane/udp4-nat-new", PER_PACKET),
        AtMost(850.0),
        "choosing a mapping and entering it with its flow is more than that alone (columns *nat* and *confirm* below); the walk asks every question of RFC 1812 of a packet that nobody knows yet. Tried: one look-up for all that is asked of an address, one hash for look-up and entry, one entry for a mapping that keeps its port, rules decoded, values in place instead of handed on (6,585 → 2,900)",
    ),
    cell(
        "1,000,000 flows in ≤ 192 MiB",
        ("flows", "1000000", "resident MiB"),
        AtMost(192.0),
        "the record and its two places in the index",
    ),
    cell("compiling 10,000 rules: ≤ 100 ms", ("compile", "ifs 10000", "time"), AtMost(100.0), ""),
    cell("– 100,000 rules: ≤ 1 s", ("compile", "ifs 100000", "time"), AtMost(1000.0), ""),
];

const fn cell(target: &'static str, figure: Cell, bound: Bound, why: &'static str) -> Promise {
    Promise { target, figure: Figure::Cell(figure), bound, why }
}

/// The table of promises, with the figures of a document's other tables.
pub fn table(document: &str) -> String {
    let mut lines = vec![["promise", "measured", "kept", "if not, why"].map(str::to_owned).to_vec()];
    for Promise { target, figure, bound, why } in PROMISES {
        let figure = match figure {
            Figure::Cell(cell) => read(document, cell),
            Figure::Ratio(first, second) => {
                read(document, first).zip(read(document, second)).map(|(first, second)| first / second)
            }
        };
        let (measured, kept) = match (figure, bound) {
            (None, _) => ("–".to_owned(), None),
            (Some(figure), AtMost(most)) => (short(figure), Some(figure <= *most)),
            (Some(figure), AtLeast(least)) => (short(figure), Some(figure >= *least)),
        };
        let (kept, why) = match kept {
            None => ("–", ""),
            Some(true) => ("yes", ""),
            Some(false) => ("no", *why),
        };
        lines.push([(*target).to_owned(), measured, kept.to_owned(), why.to_owned()].to_vec());
    }
    markdown(&lines)
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

/// The number at the beginning of a cell.
fn read(document: &str, (name, row, column): &Cell) -> Option<f64> {
    let (_, behind) = document.split_once(&format!("<!-- table {name} -->"))?;
    let (table, _) = behind.split_once("<!-- end -->")?;
    let mut lines = table.lines().map(cells);
    let at = lines.find_map(|cells| cells.iter().position(|cell| cell == column))?;
    let cells = lines.find(|cells| format!("{} ", cells.join(" ")).starts_with(&format!("{row} ")))?;
    cells.get(at)?.split(' ').next()?.parse().ok()
}

/// Between bars, or where there are none between two blanks and more.
fn cells(line: &str) -> Vec<String> {
    let parts: Vec<&str> = match line.strip_prefix('|') {
        Some(row) => row.trim_end().trim_end_matches('|').split('|').collect(),
        None => line.split("  ").filter(|part| !part.trim().is_empty()).collect(),
    };
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_both_kinds_of_tables() {
        let document = "
<!-- table vm -->

| what      | unit | saltgate         |
|-----------|------|------------------|
| TCP       | ms   | 7                |
| TCP, more | ms   | 5.21 (4.49–5.25) |

<!-- end -->
<!-- table compile -->
```text
kind      rules      text  time
# ifs
ifs         100    6710 B    0.18 ms
ifs        1000    64 KiB    1.97 ms
```
<!-- end -->
";
        let table = [
            (("vm", "TCP, more", "saltgate"), Some(5.21)),
            (("vm", "UDP", "saltgate"), None),
            (("compile", "ifs 1000", "time"), Some(1.97)),
            (("compile", "ifs 10", "time"), None),
            (("compile", "ifs 100", "price"), None),
        ];
        for (cell, figure) in table {
            assert_eq!(read(document, &cell), figure, "{cell:?}");
        }
    }

    #[test]
    fn the_manual_has_every_table_that_a_promise_names_and_the_newest_of_promises() {
        let manual = std::fs::read_to_string(crate::sh::root().join("docs/performance.md")).unwrap();
        for Promise { target, figure, .. } in PROMISES {
            let (Figure::Cell((name, ..)) | Figure::Ratio((name, ..), _)) = figure;
            assert!(manual.contains(&format!("<!-- table {name} -->")), "{target}: no table {name}");
        }
        assert!(manual.contains(&table(&manual)), "`cargo xtask bench paste` writes the table of promises anew");
    }
}
