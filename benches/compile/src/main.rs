//! What compiling costs: time and memory for 100 to 100,000 rules of several kinds.
//!
//! ```text
//! cargo xtask bench compile [image] [KIND…]
//! ```
//!
//! With `image` the unikernel compiles the same texts in QEMU and says itself what that took; see [`machine`].
//!
//! Time is that of the processor, which other load hardly changes. Memory is what the compiler asks of the allocator, the
//! text itself left out. The *peak* is the most that is in use at a time; what is *kept* are the tables, the policy that
//! comes out. Exit status 1 if a promise is broken: at most 64 bytes of peak per byte of text beyond the tables, for texts
//! that are large enough to count; a time per rule that does not grow with their number; a diagnostic, at once, for calls
//! that multiply rules.

mod machine;
mod memory;
mod texts;

use memory::Measured;
use nacl::{Severity, Source};
use nix::time::{ClockId, clock_gettime};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use texts::{KINDS, Kind};

#[global_allocator]
static MEMORY: Measured = Measured::new();

const COUNTS: [u32; 4] = [100, 1_000, 10_000, 100_000];
/// The kinds whose bounds are promised.
const PROMISED: usize = 3;
const MOST_BYTES: f64 = 64.0;
/// Below this length, what is fixed counts more than what grows: a tower of conditions has some hundred KiB of facts
/// about its packets, once.
const COUNTED_FROM: usize = 16 << 10;
/// Growth of the time per rule from one size to the next, ten times larger, that is still called linear: sorting, caches
/// and what is done for large files only are not free. A quadratic way has ten.
const MOST_GROWTH: f64 = 4.0;
/// Below this, times are noise.
const MEASURABLE: Duration = Duration::from_millis(2);

struct Cost {
    time: Duration,
    /// Beyond the text.
    peak: usize,
    kept: usize,
    /// The first error, if there is one.
    error: Option<&'static str>,
}

fn main() -> ExitCode {
    let mut only: Vec<String> = std::env::args().skip(1).collect();
    let image = only.iter().position(|word| word == "--image").map(|at| only.drain(at..).take(2).nth(1));
    if let Some(unknown) = only.iter().find(|name| KINDS.iter().all(|kind| kind.name != **name)) {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        eprintln!("no such kind: {unknown}; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    if let Some(image) = image {
        return match image
            .ok_or_else(|| "--image needs a file".into())
            .and_then(|image| machine::measure(&image, &only))
        {
            Ok(broken) => told(&broken),
            Err(why) => {
                eprintln!("{why}");
                ExitCode::from(2)
            }
        };
    }
    println!("kind         rules      text  time         per byte  peak       per byte  kept       beyond it  growth");
    let mut broken = Vec::new();
    for (at, kind) in KINDS.iter().enumerate() {
        if only.is_empty() || only.iter().any(|name| name == kind.name) {
            broken.extend(measure_kind(kind, at < PROMISED));
        }
    }
    if only.is_empty() {
        broken.extend(measure_doubling());
    }
    told(&broken)
}

fn told(broken: &[String]) -> ExitCode {
    for promise in broken {
        println!("broken: {promise}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// The promises that it breaks.
fn measure_kind(kind: &Kind, promised: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut last: Option<Duration> = None;
    println!("# {}: {}", kind.name, kind.about);
    for count in COUNTS {
        let text = (kind.text)(count);
        let len = text.len() as f64;
        let cost = measure(&text);
        let growth = last.map(|last| cost.time.as_secs_f64() / last.as_secs_f64() / 10.0);
        let beyond = cost.peak.saturating_sub(cost.kept) as f64 / len;
        println!(
            "{:12}{count:6} {:>9}  {:>9} {:7.0} ns {:>9} {:7.1} B {:>9} {beyond:9.1} B  {}{}",
            kind.name,
            bytes(text.len()),
            format!("{:.2} ms", cost.time.as_secs_f64() * 1e3),
            cost.time.as_secs_f64() * 1e9 / len,
            bytes(cost.peak),
            cost.peak as f64 / len,
            bytes(cost.kept),
            growth.map_or(String::new(), |growth| format!("×{growth:.1}")),
            cost.error.map_or(String::new(), |code| format!("  [{code}]")),
        );
        if let (true, Some(code)) = (kind.right, cost.error) {
            broken.push(format!("{} of {count} does not compile: {code}", kind.name));
        }
        if promised && beyond > MOST_BYTES && text.len() >= COUNTED_FROM {
            broken.push(format!("{} of {count} takes {beyond:.1} bytes per byte of text", kind.name));
        }
        if let (Some(growth), Some(last)) = (growth, last)
            && growth > MOST_GROWTH
            && last > MEASURABLE
        {
            broken.push(format!("{} of {count} takes {growth:.1} times as long per rule as a tenth of it", kind.name));
        }
        last = Some(cost.time);
    }
    broken
}

/// What calls multiply is bounded, with a diagnostic and in no time.
fn measure_doubling() -> Option<String> {
    println!("# doubling: functions that each call the next one twice");
    let mut broken = None;
    for height in [10, 20, 40, 100] {
        let text = texts::doubling(height);
        let cost = measure(&text);
        let outcome = cost.error.unwrap_or("compiles");
        println!(
            "{:12}{height:6} {:>9}  {:>9}            {:>9}           {:>9}              [{outcome}]",
            "doubling",
            bytes(text.len()),
            format!("{:.2} ms", cost.time.as_secs_f64() * 1e3),
            bytes(cost.peak),
            bytes(cost.kept),
        );
        let refusals = [nacl::Code::ProgramTooLarge.name(), nacl::Code::CallsTooDeep.name()];
        let refused = cost.error.is_some_and(|code| refusals.contains(&code));
        if height > 30 && (!refused || cost.time > Duration::from_secs(1)) {
            broken = Some(format!("{height} functions that each call the next one twice: {outcome}"));
        }
    }
    broken
}

/// The fastest of a few compilations: what else the machine did is no cost of ours.
fn measure(text: &str) -> Cost {
    let mut best = compile(text);
    let begun = Instant::now();
    for _ in 0..4 {
        if begun.elapsed() > Duration::from_secs(2) {
            break;
        }
        let next = compile(text);
        if next.time < best.time {
            best = next;
        }
    }
    best
}

fn compile(text: &str) -> Cost {
    let owned = text.to_owned();
    let before = MEMORY.used();
    MEMORY.forget();
    let start = processor_time();
    let source = Source::new("bench.nacl", owned);
    let compiled = nacl::compile(&source);
    let time = processor_time() - start;
    let peak = MEMORY.peak().saturating_sub(before);
    drop(source);
    let error = compiled.diagnostics.iter().find(|found| found.severity == Severity::Error);
    let error = error.map(|found| found.code.name());
    let policy = compiled.policy;
    drop(compiled.diagnostics);
    // The text is gone, the tables are left.
    let kept = (MEMORY.used() + text.len()).saturating_sub(before);
    drop(policy);
    Cost { time, peak, kept, error }
}

/// What this thread has used of a processor.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}

fn bytes(count: usize) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count >> 20),
    }
}
