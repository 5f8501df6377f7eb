//! The same texts, compiled by the unikernel: what it says of itself, in QEMU with `-accel tcg`.
//!
//! Time is the guest's own, so it holds what the translator costs, and what else the machine does; CPU is that of all of QEMU
//! from its start on, which other load hardly changes. Memory is what the compiler asks of the heap, as
//! it is counted natively, tables included: the image keeps the text, the policy and nothing else.

use crate::texts::KINDS;
use crate::{COUNTED_FROM, COUNTS, MOST_BYTES, bytes};
use lab::{Attach, Machine, Nic};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest that a guest may take for one text.
const PATIENCE: Duration = Duration::from_secs(900);
/// What the machine has besides the compiler's memory, in MiB.
const ROOM: usize = 64;
/// The kinds that are compiled if none is named: those that bounds are promised for.
const USUAL: usize = 3;

/// Promises that are broken; an error if a machine does not say what it should.
pub fn measure(image: &str, only: &[String]) -> Result<Vec<String>, String> {
    println!("kind         rules      text  time         per byte  peak       per byte  cpu");
    let mut broken = Vec::new();
    for (at, kind) in KINDS.iter().enumerate() {
        let wanted = if only.is_empty() { at < USUAL } else { only.iter().any(|name| name == kind.name) };
        if !wanted {
            continue;
        }
        println!("# {}: {}", kind.name, kind.about);
        for count in COUNTS {
            let text = (kind.text)(count);
            let Cost { micros, kib, cpu } = compile(Path::new(image), &text)?;
            let (len, peak) = (text.len() as f64, (kib << 10) as f64);
            println!(
                "{:12}{count:6} {:>9}  {:>9} {:7.0} ns {:>9} {:7.1} B  {:.1} s",
                kind.name,
                bytes(text.len()),
                format!("{:.2} ms", micros as f64 / 1e3),
                micros as f64 * 1e3 / len,
                bytes(kib << 10),
                peak / len,
                cpu.as_secs_f64(),
            );
            // The tables are in it, so this is more than is promised.
            if peak / len > MOST_BYTES && text.len() >= COUNTED_FROM {
                broken.push(format!(
                    "{} of {count} takes {:.1} bytes per byte of text in the image",
                    kind.name,
                    peak / len
                ));
            }
        }
    }
    Ok(broken)
}

struct Cost {
    /// As the image says them.
    micros: u64,
    kib: usize,
    /// Of QEMU.
    cpu: Duration,
}

fn compile(image: &Path, text: &str) -> Result<Cost, String> {
    let file = std::env::temp_dir().join(format!("saltgate-bench-{}.nacl", std::process::id()));
    std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut machine = Machine::new(lab::Kind::Pc, image);
    machine.memory_mib = (ROOM + (text.len() >> 20) * (MOST_BYTES as usize + 2)) as u32;
    machine.config = Some(file.clone());
    machine.words.push("timings".into());
    machine.nics.push(Nic { mac: "02:5a:17:00:00:00".into(), attach: Attach::User });
    let mut command = machine.command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut qemu = command.spawn().map_err(|error| format!("qemu-system-x86_64: {error}"))?;
    let said = listen(&mut qemu);
    let cpu = cpu_time(qemu.id()).unwrap_or_default();
    // Whether it was already gone does not matter.
    let _ = qemu.kill();
    let _ = qemu.wait();
    let _ = std::fs::remove_file(&file);
    said.map(|(micros, kib)| Cost { micros, kib, cpu })
}

/// What a process has used so far, in the kernel too (proc(5): the 14th and 15th field of `stat`, in hundredths).
fn cpu_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, behind) = stat.rsplit_once(')')?;
    let ticks = behind.split_ascii_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok());
    Some(Duration::from_millis(ticks.sum::<Option<u64>>()? * 10))
}

/// Waits for the line.
fn listen(qemu: &mut Child) -> Result<(u64, usize), String> {
    let Some(output) = qemu.stdout.take() else { return Err("QEMU has no console".into()) };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut console = String::new();
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(line) => {
                if let Some(cost) = cost(&line) {
                    return Ok(cost);
                }
                console.push_str(&line);
                console.push('\n');
            }
            Err(_) => return Err(format!("the image does not say what compiling took; it said\n{console}")),
        }
    }
}

/// `compiled in 812 us with at most 22 KiB`
fn cost(line: &str) -> Option<(u64, usize)> {
    let (time, rest) = line.trim().strip_prefix("compiled in ")?.split_once(" us with at most ")?;
    Some((time.parse().ok()?, rest.strip_suffix(" KiB")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_image_says_is_understood() {
        assert_eq!(cost("compiled in 812 us with at most 22 KiB\r"), Some((812, 22)));
        assert_eq!(cost("config a.nacl from boot module, 3 bytes"), None);
    }
}
