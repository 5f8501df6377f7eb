//! `saltgate trace`: walks packets through the real router and says what it did with them, and by which lines.

mod capture;
mod json;

use crate::{Answer, Format, terminal};
use anyhow::{Context, Result, anyhow, bail};
use nacl::{Severity, Source};
use policy::Policy;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use story::trace::{Begin, Traced, Tracer};
use story::{Diagnostic, Step};

/// Walk packets through the router: every hook, the lines that decided, rewriting, next hop
///
/// A PACKET is written as in stories: 'tcp 203.0.113.9:4000 > 192.168.0.50:80 S', or 'hex 4500…' for a whole packet and
/// 'frame …' for a whole frame. It may name its own Iface and time, 'in inside udp …', '+30s in inside udp …', or be
/// another step of a story, '+5s wait'. Neighbors answer; what came before is remembered, so a reply finds its
/// connection.
#[derive(clap::Args)]
pub struct Args {
    /// The NaCl file
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// The Iface that packets come in by, unless they name another
    #[arg(long = "in", value_name = "IFACE")]
    iface: Option<String>,
    /// The packets, in their order
    #[arg(value_name = "PACKET", required_unless_present = "read")]
    packets: Vec<String>,
    /// Then walk the packets of a pcap, a pcapng or a hex dump (as of tcpdump -x or xxd); - is standard input
    #[arg(long, value_name = "FILE", requires = "iface")]
    read: Option<PathBuf>,
    /// Write the frames that leave to this pcapng file
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// How to print the trace
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(args: &Args) -> Result<Answer> {
    let bytes = std::fs::read(&args.config).with_context(|| format!("cannot read {}", args.config.display()))?;
    let source = Source::from_bytes(args.config.display().to_string(), &bytes);
    let Some(policy) = compile(&source) else { return Ok(Answer::No) };
    let steps = steps(args, &policy)?;
    let frames = args.read.as_deref().map(capture::read).transpose()?.unwrap_or_default();

    let mut tracer = Tracer::new(policy).map_err(|error| anyhow!("the router does not start: {error}"))?;
    let mut traced = Vec::new();
    for (text, step) in &steps {
        traced.push(tracer.step(step).map_err(|mistake| mistaken(&mistake, text))?);
    }
    let iface = args.iface.as_deref().unwrap_or_default();
    for frame in &frames {
        traced.push(tracer.frame(frame.after, iface, &frame.bytes).map_err(|mistake| mistaken(&mistake, iface))?);
    }
    if let Some(path) = &args.pcap {
        std::fs::write(path, tracer.pcapng()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    match args.format {
        Format::Text => {
            let texts: Vec<String> = traced.iter().map(|traced| text(traced, tracer.policy(), &source)).collect();
            terminal::print(&texts.join("\n"))?;
        }
        Format::Json => terminal::print_json(&json::report(&traced, tracer.policy(), &source))?,
    }
    Ok(Answer::Yes)
}

/// The policy of a file; what is wrong with one that has none is printed.
fn compile(source: &Source) -> Option<Policy> {
    let compiled = nacl::compile(source);
    if compiled.policy.is_none() {
        for found in compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error) {
            eprintln!("{}", nacl::diagnostic::render(source, found));
        }
    }
    compiled.policy
}

/// The packets of the command line, each with its text.
fn steps<'a>(args: &'a Args, policy: &Policy) -> Result<Vec<(&'a str, Step)>> {
    if let Some(iface) = &args.iface
        && !policy.ifaces.iter().any(|known| known.name == *iface)
    {
        let names: Vec<&str> = policy.ifaces.iter().map(|iface| &iface.name[..]).collect();
        match story::did_you_mean(iface, names.iter().copied()) {
            Some(near) => bail!("the policy has no Iface `{iface}`; did you mean `{near}`?"),
            None => bail!("the policy has no Iface `{iface}`; it has {}", names.join(", ")),
        }
    }
    let step = |text: &'a String| {
        let step = story::step(text, args.iface.as_deref()).map_err(|mistake| mistaken(&mistake, text))?;
        Ok((&text[..], step))
    };
    args.packets.iter().map(step).collect()
}

/// A packet that cannot be walked: shown as a story's mistakes are.
fn mistaken(mistake: &Diagnostic, text: &str) -> anyhow::Error {
    anyhow!("{}", story::render(mistake, "packet", text, false).trim_end())
}

/// A packet's trace for people: what came in, its walks, what came of it, counters.
fn text(traced: &Traced, policy: &Policy, source: &Source) -> String {
    let mut out = match &traced.packet {
        Some((iface, packet)) => format!("+{} in {iface} {packet}\n", time(traced)),
        None => format!("+{} wait\n", time(traced)),
    };
    for (nth, walk) in traced.walks.iter().enumerate() {
        let text = story::trace::text(walk, policy, source);
        // What came in stands above already.
        let named = nth == 0 && !matches!(walk.begin, Begin::Originated { .. }) && traced.packet.is_some();
        let skip = if named { text.find('\n').map_or(0, |end| end + 1) } else { 0 };
        out.push_str(text.get(skip..).unwrap_or_default());
    }
    for effect in &traced.came {
        let _ = writeln!(out, "-> {}", effect.show(None));
    }
    let mut last = None;
    for change in &traced.counters {
        let separator = match last {
            Some(iface) if iface == &change.iface => ", ".to_owned(),
            Some(_) => format!("; {} ", change.iface),
            None => format!("counters {} ", change.iface),
        };
        let _ = write!(out, "{separator}{}", change.counter);
        change.reason.iter().for_each(|reason| out.extend([" ", reason.name()]));
        let _ = write!(out, " +{}", change.by);
        last = Some(&change.iface);
    }
    if last.is_some() {
        out.push('\n');
    }
    out
}

/// `0ms`, `1500ms`: when it happened.
fn time(traced: &Traced) -> String {
    format!("{}ms", traced.at.as_nanos() / 1_000_000)
}

/// Where input comes from, for messages.
fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}
