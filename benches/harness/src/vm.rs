//! Routers in virtual machines: what a packet, a byte and a connection cost, beside Linux and beside guests that do not
//! judge packets at all.

use crate::cores::OnTheFirst;
use crate::linux::Linux;
use crate::report::{Ratio, Report, Unit};
use crate::stage::{MACS, Player, Stage};
use crate::traffic::{self, Direction, Flows};
use anyhow::{Context, Result};
use lab::{Attach, Machine, Nic};
use saltgate_bench_rulesets::{Filter, Kind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What xtask has built.
#[derive(Clone, Debug)]
pub struct Images {
    pub saltgate: PathBuf,
    /// Our drivers handing frames from one NIC to the other.
    pub bridge: PathBuf,
    /// The least that a guest can do, without our drivers.
    pub ceiling: PathBuf,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub rounds: usize,
    /// Of each measurement.
    pub time: Duration,
    pub boots: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { rounds: 5, time: Duration::from_secs(2), boots: 5 }
    }
}

pub const SALTGATE: &str = "saltgate";
pub const BRIDGE: &str = "drivers";
pub const CEILING: &str = "ceiling";
pub const LINUX: &str = "linux";
pub const FLOWTABLE: &str = "linux flowtable";
const COLUMNS: [&str; 5] = [SALTGATE, BRIDGE, CEILING, LINUX, FLOWTABLE];

/// The parts of the benchmark, by the names that the command line knows.
pub const PARTS: [&str; 8] = ["packets", "bulk", "connections", "roundtrip", "idle", "boot", "memory", "resident"];

/// A guest of ours: an ELF file, with a configuration if it is a router.
#[derive(Clone, Debug)]
pub struct Ours {
    pub name: &'static str,
    pub machine: Machine,
    /// The processor that QEMU pretends to be, if another than that of `saltgate run`.
    pub cpu: Option<&'static str>,
    pub routes: bool,
    pub answers: bool,
}

impl Player for Ours {
    fn name(&self) -> &str {
        self.name
    }

    fn routes(&self) -> bool {
        self.routes
    }

    fn answers(&self) -> bool {
        self.answers
    }

    /// A text of megabytes takes its time to compile under emulation.
    fn patience(&self) -> Duration {
        let len =
            self.machine.config.as_ref().and_then(|config| std::fs::metadata(config).ok()).map_or(0, |file| file.len());
        Duration::from_secs(20 + 20 * (len >> 20))
    }

    fn command(&self, taps: &[String]) -> Result<Command> {
        let mut machine = self.machine.clone();
        let nic = |(tap, mac): (&String, &str)| Nic { mac: mac.to_owned(), attach: Attach::Tap(tap.clone()) };
        machine.nics = taps.iter().zip(MACS).map(nic).collect();
        machine.words.push(machine.nic_order());
        let command = machine.command();
        let Some(cpu) = self.cpu else { return Ok(command) };
        let mut other = Command::new(command.get_program());
        let mut of_cpu = false;
        for word in command.get_args() {
            other.arg(if of_cpu { cpu.as_ref() } else { word });
            of_cpu = word == "-cpu";
        }
        Ok(other)
    }
}

/// Everybody who takes part.
pub struct Cast {
    pub players: Vec<Box<dyn Player>>,
    /// Why some do not.
    pub absent: Vec<String>,
}

/// The memory of every guest, so that tables are as large.
const MEMORY_MIB: u32 = 256;

pub fn saltgate(images: &Images, kind: lab::Kind, config: &Path) -> Ours {
    let mut machine = Machine::new(kind, &images.saltgate);
    (machine.memory_mib, machine.config) = (MEMORY_MIB, Some(config.to_owned()));
    Ours { name: SALTGATE, machine, cpu: None, routes: true, answers: true }
}

fn bridge(images: &Images) -> Ours {
    let mut machine = Machine::new(lab::Kind::Pc, &images.bridge);
    machine.memory_mib = MEMORY_MIB;
    Ours { name: BRIDGE, machine, cpu: None, routes: false, answers: true }
}

fn ceiling(images: &Images) -> Ours {
    let mut machine = Machine::new(lab::Kind::Pc, &images.ceiling);
    machine.memory_mib = MEMORY_MIB;
    Ours { name: CEILING, machine, cpu: Some("qemu64"), routes: true, answers: false }
}

/// Runs the parts that are named, or all.
pub fn run(images: &Images, parts: &[String], effort: Effort, dir: &Path) -> Result<()> {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    std::fs::create_dir_all(dir)?;
    let cores = OnTheFirst::stay()?;
    let core = cores.other;
    let ten = Filter::new(Kind::Classes, 10);
    let config = dir.join("ten-rules.nacl");
    std::fs::write(&config, ten.nacl())?;
    let ours = saltgate(images, lab::Kind::Pc, &config);
    let mut cast = Cast {
        players: vec![Box::new(ours.clone()), Box::new(bridge(images)), Box::new(ceiling(images))],
        absent: Vec::new(),
    };
    let linux = match Linux::build(&dir.join("linux")) {
        Ok(linux) => {
            println!("Linux {} with {} MiB beside us", linux.version, MEMORY_MIB);
            cast.players.push(Box::new(linux.router(LINUX, &ten.nft_sequential())?));
            cast.players.push(Box::new(linux.router(FLOWTABLE, &ten.nft_flowtable())?));
            Some(linux)
        }
        Err(error) => {
            cast.absent.push(format!("SKIPPED linux: {error:#}"));
            None
        }
    };
    let steady_parts = PARTS.iter().filter(|part| STEADY.iter().any(|(name, _)| name == *part));
    let (asked, all) = (steady_parts.clone().filter(|part| wanted(part)).count(), steady_parts.count());
    if asked > 0 {
        // A table of some rows does not take the place of the whole one.
        let mut report = report(if asked == all { "vm" } else { "vm-parts" });
        steady(&cast, core, effort, &wanted, &mut report)?;
        report.publish(dir)?;
    }
    if wanted("boot") || wanted("memory") {
        let mut report = report("vm-start");
        if wanted("boot") {
            boots(images, &cast, core, effort, &config, &mut report)?;
        }
        if wanted("memory") {
            memory(images, linux.as_ref(), &ten, core, &config, &mut report)?;
        }
        report.publish(dir)?;
    }
    cast.absent.iter().for_each(|why| println!("{why}"));
    Ok(())
}

fn report(name: &'static str) -> Report {
    let mut report = Report::new(name, &COLUMNS);
    report.ratio("saltgate ÷ ceiling", Ratio::medians(SALTGATE, CEILING));
    report.ratio("better than linux", Ratio::gain(SALTGATE, LINUX));
    report.ratio("than flowtable", Ratio::gain(SALTGATE, FLOWTABLE));
    report
}

/// What needs routers that are up: all are, and take turns.
fn steady(cast: &Cast, core: usize, effort: Effort, wanted: &dyn Fn(&str) -> bool, report: &mut Report) -> Result<()> {
    let mut stages = Vec::new();
    for player in &cast.players {
        let stage = Stage::set(player.as_ref(), core)?;
        println!("{} forwards after {} ms", player.name(), stage.boot.as_millis());
        stages.push((player.as_ref(), stage));
    }
    // Linux has things to do after its boot.
    std::thread::sleep(Duration::from_secs(2));
    for round in 1..=effort.rounds {
        println!("round {round} of {}", effort.rounds);
        for (name, part) in STEADY.iter().filter(|(name, _)| wanted(name)) {
            for (player, stage) in &stages {
                let measured = part(stage, player.routes(), effort.time)
                    .with_context(|| format!("{name} of {}", player.name()))?;
                for Measured { what, unit, value } in measured {
                    report.add(what, unit, player.name(), value);
                }
            }
        }
    }
    Ok(())
}

struct Measured {
    what: &'static str,
    unit: Unit,
    value: f64,
}

type Part = fn(&Stage, bool, Duration) -> Result<Vec<Measured>>;

const STEADY: [(&str, Part); 6] = [
    ("packets", packets),
    ("bulk", bulk),
    ("connections", connections),
    ("roundtrip", round_trip),
    ("idle", idle),
    ("resident", resident),
];

const NEW: Flows = Flows { first_port: 20_000, count: 64 };
const ESTABLISHED: Flows = Flows { first_port: 30_000, count: 64 };

/// 64-byte datagrams, 64 flows: nobody answers, so a router that tracks has seen but one direction; or all were answered.
fn packets(stage: &Stage, _: bool, time: Duration) -> Result<Vec<Measured>> {
    let mut measured = flood(stage, NEW, time, ["UDP, unanswered", "UDP, unanswered, rate"])?;
    traffic::answered(&stage.a, &stage.b, ESTABLISHED)?;
    measured.extend(flood(stage, ESTABLISHED, time, ["UDP, established", "UDP, established, rate"])?);
    Ok(measured)
}

fn flood(stage: &Stage, flows: Flows, time: Duration, names: [&'static str; 2]) -> Result<Vec<Measured>> {
    let (sent, cpu) = stage.cost(|| traffic::flood(&stage.a, &stage.b, flows, time))?;
    anyhow::ensure!(sent.received > 0, "nothing came through");
    let received = sent.received as f64;
    Ok(vec![
        Measured { what: names[0], unit: Unit::Cost("µs CPU a packet"), value: cpu.as_secs_f64() * 1e6 / received },
        Measured {
            what: names[1],
            unit: Unit::Rate("1000 packets/s"),
            value: received / sent.took.as_secs_f64() / 1e3,
        },
    ])
}

fn bulk(stage: &Stage, _: bool, time: Duration) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for (count, direction, cost, rate) in [
        (1, Direction::AToB, "TCP, 1 stream", "TCP, 1 stream, rate"),
        (1, Direction::BToA, "TCP, 1 stream back", "TCP, 1 stream back, rate"),
        (4, Direction::AToB, "TCP, 4 streams", "TCP, 4 streams, rate"),
        (4, Direction::BToA, "TCP, 4 streams back", "TCP, 4 streams back, rate"),
    ] {
        let begun = Instant::now();
        let (bytes, cpu) = stage.cost(|| traffic::streams(&stage.a, &stage.b, count, direction, time))?;
        let seconds = begun.elapsed().as_secs_f64();
        measured.push(Measured {
            what: cost,
            unit: Unit::Cost("ns CPU a KiB"),
            value: cpu.as_secs_f64() * 1e9 / (bytes as f64 / 1024.0),
        });
        measured.push(Measured { what: rate, unit: Unit::Rate("Gbit/s"), value: bytes as f64 * 8e-9 / seconds });
    }
    Ok(measured)
}

fn connections(stage: &Stage, _: bool, time: Duration) -> Result<Vec<Measured>> {
    let (opened, cpu) = stage.cost(|| traffic::connections(&stage.a, &stage.b, time))?;
    let opened = opened as f64;
    Ok(vec![
        Measured { what: "TCP connections", unit: Unit::Cost("µs CPU each"), value: cpu.as_secs_f64() * 1e6 / opened },
        Measured { what: "TCP connections, rate", unit: Unit::Rate("1/s"), value: opened / time.as_secs_f64() },
    ])
}

const ROUND_TRIPS: usize = 500;

fn round_trip(stage: &Stage, _: bool, _: Duration) -> Result<Vec<Measured>> {
    let times = traffic::round_trips(&stage.a, &stage.b, ROUND_TRIPS)?;
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    Ok(vec![
        Measured { what: "round trip, median", unit: Unit::Cost("µs"), value: at(50) },
        Measured { what: "round trip, 99 %", unit: Unit::Cost("µs"), value: at(99) },
    ])
}

fn idle(stage: &Stage, _: bool, time: Duration) -> Result<Vec<Measured>> {
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let ((), cpu) = stage.cost(|| {
        std::thread::sleep(time);
        Ok(())
    })?;
    Ok(vec![Measured {
        what: "idle",
        unit: Unit::Cost("% CPU"),
        value: 100.0 * cpu.as_secs_f64() / begun.elapsed().as_secs_f64(),
    }])
}

fn resident(stage: &Stage, _: bool, _: Duration) -> Result<Vec<Measured>> {
    let mib = stage.console.resident_kib()? as f64 / 1024.0;
    Ok(vec![Measured { what: "resident, QEMU and guest", unit: Unit::Cost("MiB"), value: mib }])
}

/// From the start of QEMU to the first packet that comes through.
fn boots(images: &Images, cast: &Cast, core: usize, effort: Effort, config: &Path, report: &mut Report) -> Result<()> {
    println!("boots");
    for boot in 0..effort.boots {
        for player in &cast.players {
            // Linux takes ten seconds for each.
            if player.patience() > Duration::from_secs(60) && (boot >= 3 || player.name() == FLOWTABLE) {
                continue;
            }
            let stage = Stage::set(player.as_ref(), core)?;
            report.add("boot to first packet, pc", Unit::Cost("ms"), player.name(), stage.boot.as_secs_f64() * 1e3);
        }
        for kind in [lab::Kind::Q35, lab::Kind::Microvm] {
            let stage = Stage::set(&saltgate(images, kind, config), core)?;
            let name = format!("boot to first packet, {kind}");
            report.add(&name, Unit::Cost("ms"), SALTGATE, stage.boot.as_secs_f64() * 1e3);
        }
    }
    Ok(())
}

/// The least memory that forwards.
fn memory(
    images: &Images,
    linux: Option<&Linux>,
    ten: &Filter,
    core: usize,
    config: &Path,
    report: &mut Report,
) -> Result<()> {
    println!("least memory");
    const ROW: &str = "least memory that forwards, pc";
    for (name, mut ours) in
        [(SALTGATE, saltgate(images, lab::Kind::Pc, config)), (BRIDGE, bridge(images)), (CEILING, ceiling(images))]
    {
        let least = least(1, 32, 1, |mib| {
            ours.machine.memory_mib = mib;
            Stage::set_within(&ours, core, Duration::from_secs(3)).is_ok()
        });
        report.add(ROW, Unit::Cost("MiB"), name, f64::from(least));
    }
    if let Some(linux) = linux {
        let mut router = linux.router(LINUX, &ten.nft_sequential())?;
        let least = least(32, 160, 8, |mib| {
            router.memory_mib = mib;
            Stage::set_within(&router, core, Duration::from_secs(45)).is_ok()
        });
        report.add(ROW, Unit::Cost("MiB"), LINUX, f64::from(least));
    }
    Ok(())
}

/// The smallest multiple of `step` above `low`, at most `high`, for which something holds; it holds for `high`, and for
/// all that is larger than what it holds for.
fn least(low: u32, high: u32, step: u32, mut holds: impl FnMut(u32) -> bool) -> u32 {
    let (mut low, mut high) = (low / step, high / step);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if holds(middle * step) { high = middle } else { low = middle }
    }
    high * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_found() {
        //  low high step  holds from  found
        let table = [(1, 32, 1, 6, 6), (32, 160, 8, 75, 80), (1, 32, 1, 32, 32), (1, 4, 1, 1, 2)];
        for (low, high, step, from, found) in table {
            assert_eq!(least(low, high, step, |mib| mib >= from), found, "{low} {high} {step} {from}");
        }
    }
}
