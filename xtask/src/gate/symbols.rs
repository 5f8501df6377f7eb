//! What an address of a program belongs to: its function and line, and the functions that one was inlined into.

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A function that an address is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// With its modules, without generic arguments: `saltgate_plane::pipeline::::walk`.
    pub function: String,
    /// As the compiler was given it.
    pub file: String,
    /// The line of the instruction, or of the call that was inlined.
    pub line: usize,
}

/// The frames of each address, innermost first.
pub type Frames = HashMap<u64, Vec<Frame>>;

/// Asks the debug information of `program`, with binutils.
pub fn frames(program: &Path, addresses: &BTreeSet<u64>) -> Result<Frames> {
    let mut child = Command::new("addr2line")
        .args(["--addresses", "--functions", "--inlines", "--demangle", "--exe"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run addr2line")?;
    let question: String = addresses.iter().map(|address| format!("{address:#x}\n")).collect();
    let mut stdin = child.stdin.take().context("addr2line takes no questions")?;
    // It answers while it is still being asked, and pipes are short.
    let asking = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "addr2line: {}", output.status);
    asking.join().ok().context("cannot ask addr2line")??;
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// For each address a line with it, and then two lines for each frame.
fn parse(text: &str) -> Result<Frames> {
    let mut frames = Frames::new();
    let mut current = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(address) = line.strip_prefix("0x") {
            let address = u64::from_str_radix(address, 16).with_context(|| format!("an odd address: {line}"))?;
            current = Some(frames.entry(address).or_default());
            continue;
        }
        let frames = current.as_deref_mut().context("a function without an address")?;
        let place = lines.next().context("a function without a place")?;
        let (file, number) = place.rsplit_once(':').unwrap_or((place, ""));
        // Behind the number there may be a `(discriminator 2)`.
        let number = number.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        frames.push(Frame { function: plain(line), file: file.to_owned(), line: number });
    }
    Ok(frames)
}

/// A name without what stands in angle brackets.
fn plain(name: &str) -> String {
    let mut depth = 0_u32;
    let mut before = ' ';
    name.chars()
        .filter(|&c| {
            // The arrow of a function's type closes nothing.
            let closes = c == '>' && before != '-';
            before = c;
            depth += u32::from(c == '<');
            let is_outside = depth == 0;
            depth = depth.saturating_sub(u32::from(closes));
            is_outside
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_all_frames_that_it_was_inlined_into() {
        let text = "\
0x0000000000030ad8
saltgate_plane::pipeline::<impl saltgate_plane::Plane<B>>::walk
/here/crates/plane/src/pipeline.rs:120 (discriminator 3)
<fn() -> u8 as core::ops::FnOnce>::call_once
??:?
0x0000000000030adc
main
/here/main.rs:7
";
        let frame = |function: &str, file: &str, line| Frame { function: function.into(), file: file.into(), line };
        let frames = parse(text).unwrap();
        let walk = frame("saltgate_plane::pipeline::::walk", "/here/crates/plane/src/pipeline.rs", 120);
        assert_eq!(frames[&0x30ad8], [walk, frame("::call_once", "??", 0)]);
        assert_eq!(frames[&0x30adc], [frame("main", "/here/main.rs", 7)]);
    }
}
