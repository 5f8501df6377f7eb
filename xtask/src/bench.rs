//! `cargo xtask bench`: the numbers that the README names, measured here and now.
//!
//! Hosts, QEMU and the guest share the machine's cores, so rates say more about the machine than about the router. What
//! the guest costs is said in CPU time of the whole VMM per unit of work, which other load hardly changes, and beside it
//! the *ceiling*: the same drivers handing frames from one NIC to the other without looking at them, in the same run.

use crate::{image, packages, sh};
use anyhow::{Context, Result, anyhow, bail, ensure};
use lab::{Kind, Lab, Machine, Process, Site, WebServer};
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
/// Boots per machine type; their median counts.
const BOOTS: usize = 7;
/// How often each of the others is measured, in turn with its ceiling; the median counts.
const ROUNDS: usize = 5;
const BULK_MIB: usize = 256;
const DATAGRAMS: u32 = 20_000;
/// Offered load: what a guest under emulation carries without loss.
const DATAGRAMS_PER_SECOND: u32 = 10_000;
const CONNECTIONS: u32 = 1_000;
const ROUND_TRIPS: usize = 500;

/// Something that is measured on a running router, in some unit.
struct Measurement {
    name: &'static str,
    /// What the number counts.
    unit: &'static str,
    measure: fn(&Rig) -> Result<f64>,
}

const MEASUREMENTS: [Measurement; 5] = [
    Measurement { name: "idle", unit: "% of a core while nothing happens", measure: idle },
    Measurement { name: "roundtrip", unit: "µs there and back, one datagram at a time, median", measure: round_trip },
    Measurement { name: "packets", unit: "µs of VMM CPU per 64-byte datagram at 10,000 a second", measure: packets },
    Measurement { name: "connections", unit: "µs of VMM CPU per TCP connection", measure: connections },
    Measurement { name: "bulk", unit: "ns of VMM CPU per KiB of one TCP stream", measure: bulk },
];

/// Measures all, or only what is named; `compile` is about the compiler alone, and needs no virtual machine.
pub fn run(only: &[String], install: bool) -> Result<bool> {
    if let Some((first, kinds)) = only.split_first()
        && first == "compile"
    {
        return sh::succeeds(sh::cargo(["run", "--release", "--package", "saltgate-bench-compile", "--"]).args(kinds));
    }
    let names = ["boot", "memory"].into_iter().chain(MEASUREMENTS.iter().map(|measurement| measurement.name));
    for name in only {
        ensure!(names.clone().any(|known| known == name), "no such measurement: {name}");
    }
    if let Err(why) = packages::install(packages::FOR_VMS, install)? {
        bail!("{why}");
    }
    let image = image::build()?;
    lab::permitted().context("the bench needs to be root, or root of a user namespace")?;
    let wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    println!("\nimage        {} bytes", std::fs::metadata(&image)?.len());
    if wanted("boot") {
        boot(&image)?;
    }
    if wanted("memory") {
        memory(&image)?;
    }
    if !MEASUREMENTS.iter().any(|measurement| wanted(measurement.name)) {
        return Ok(true);
    }
    let router = Rig::boot(&machine(Kind::Q35, &image))?;
    let ceiling = Rig::bridged(&machine(Kind::Q35, &sh::target_dir().join("release/saltgate-bridge")))?;
    println!("resident     {} MiB of QEMU and guest on q35 (-m 64)", router.console.resident_kib()? / 1024);
    for Measurement { name, unit, measure } in MEASUREMENTS.iter().filter(|measurement| wanted(measurement.name)) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure(&router)?);
            theirs.push(measure(&ceiling)?);
        }
        let [ours, theirs] = [ours, theirs].map(|mut values| {
            values.sort_by(f64::total_cmp);
            values[ROUNDS / 2]
        });
        let ratio = if theirs > 0.0 { format!(", ratio {:.2}", ours / theirs) } else { String::new() };
        println!("{name:12} {ours:.1} {unit}; ceiling {theirs:.1}{ratio}");
    }
    Ok(true)
}

fn machine(kind: Kind, image: &Path) -> Machine {
    let mut machine = Machine::new(kind, image);
    machine.config = Some(sh::root().join("examples/seed.nacl"));
    machine.words.push(format!("nics={}", Site::MACS.join(",")));
    machine
}

/// The seed's world around a router that forwards.
struct Rig {
    site: Site,
    console: Process,
    boot: Duration,
    _lab: Lab,
}

impl Rig {
    fn boot(machine: &Machine) -> Result<Self> {
        let (lab, site) = (Lab::new()?, Site::new()?);
        let console = lab.boot(machine, &site.plugs())?;
        site.connect()?;
        let forwarded =
            site.first_forwarded(PATIENCE).with_context(|| format!("the console said\n{}", console.text()))?;
        let boot = forwarded.saturating_duration_since(console.started());
        Ok(Self { site, console, boot, _lab: lab })
    }

    /// The same with a guest that only hands frames from one NIC to the other: both sides are neighbors then.
    fn bridged(machine: &Machine) -> Result<Self> {
        let (lab, site) = (Lab::new()?, Site::new()?);
        let console = lab.boot(machine, &site.plugs())?;
        site.connect()?;
        site.router.ip("route replace 192.168.0.0/24 dev eth0")?;
        site.web.ip("route replace default via 10.0.0.1 dev eth0 onlink")?;
        site.first_forwarded(PATIENCE).with_context(|| format!("the console said\n{}", console.text()))?;
        Ok(Self { site, console, boot: Duration::ZERO, _lab: lab })
    }

    /// CPU time that the VMM spends while something is done.
    fn cost(&self, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
        let before = self.console.cpu_time()?;
        work()?;
        Ok(self.console.cpu_time()? - before)
    }
}

fn boot(image: &Path) -> Result<()> {
    for kind in Kind::ALL {
        let mut times = Vec::new();
        for _ in 0..BOOTS {
            times.push(Rig::boot(&machine(kind, image))?.boot);
        }
        times.sort();
        let [low, median, high] = [times[0], times[BOOTS / 2], times[BOOTS - 1]].map(|time| time.as_millis());
        println!(
            "boot         {median} ms on {kind}, from QEMU's exec to the first forwarded packet ({low} to {high}, {BOOTS} boots)"
        );
    }
    Ok(())
}

fn memory(image: &Path) -> Result<()> {
    for kind in Kind::ALL {
        let forwards = |mib: u32| {
            let mut machine = machine(kind, image);
            machine.memory_mib = mib;
            let (lab, site) = (Lab::new()?, Site::new()?);
            let console = lab.boot(&machine, &site.plugs())?;
            site.connect()?;
            let good = site.first_forwarded(Duration::from_secs(3)).is_ok();
            drop(console);
            anyhow::Ok(good)
        };
        let mut smallest = None;
        for mib in (2..=16).rev() {
            if !forwards(mib)? {
                break;
            }
            smallest = Some(mib);
        }
        let smallest = smallest.context("it does not forward with 16 MiB")?;
        println!("memory       {smallest} MiB are the least that forwards on {kind} (-m {smallest})");
    }
    Ok(())
}

fn idle(rig: &Rig) -> Result<f64> {
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let cpu = rig.cost(|| {
        std::thread::sleep(Duration::from_secs(3));
        Ok(())
    })?;
    Ok(100.0 * cpu.as_secs_f64() / begun.elapsed().as_secs_f64())
}

/// A TCP download through the firewall: established packets, large segments.
fn bulk(rig: &Rig) -> Result<f64> {
    let web = WebServer::start(&rig.site.web, &[at(80)], "")?;
    std::fs::write(web.root().join("file"), vec![0; BULK_MIB << 20])?;
    let cpu = rig.cost(|| {
        let url = format!("http://{}/file", Site::WEB);
        rig.site.client.succeed(&format!("curl --silent --fail --max-time 120 --output /dev/null {url}")).map(drop)
    })?;
    Ok(cpu.as_nanos() as f64 / (BULK_MIB << 10) as f64)
}

/// Small datagrams one way at a steady rate, each of a flow that nobody answers: every one walks the rules.
fn packets(rig: &Rig) -> Result<f64> {
    let to = at(9001);
    let receiver = rig.site.web.run(move || UdpSocket::bind(to))?;
    receiver.set_read_timeout(Some(Duration::from_millis(500)))?;
    let count = std::thread::spawn(move || {
        let mut got = 0u32;
        while receiver.recv(&mut [0; 128]).is_ok() {
            got += 1;
        }
        got
    });
    let cpu = rig.cost(|| {
        rig.site.bastion.run(move || {
            let socket = UdpSocket::bind((Site::BASTION, 0))?;
            socket.connect(to)?;
            let begun = Instant::now();
            for n in 0..DATAGRAMS {
                let due = begun + Duration::from_secs(1) * n / DATAGRAMS_PER_SECOND;
                if let Some(early) = due.checked_duration_since(Instant::now()) {
                    std::thread::sleep(early);
                }
                // A full queue of the sender's own device is no loss of the router's.
                let _ = socket.send(&[0; 64]);
            }
            Ok(())
        })
    })?;
    let got = count.join().map_err(|_| anyhow!("the receiver panicked"))?;
    ensure!(got > DATAGRAMS / 2, "only {got} of {DATAGRAMS} datagrams arrived");
    Ok(cpu.as_secs_f64() * 1e6 / f64::from(got))
}

/// TCP connections one after the other: each is judged, tracked and ended.
fn connections(rig: &Rig) -> Result<f64> {
    let to = at(9002);
    let listener = rig.site.web.run(move || TcpListener::bind(to))?;
    std::thread::spawn(move || (0..CONNECTIONS).for_each(|_| drop(listener.accept())));
    let cpu = rig.cost(|| {
        rig.site.bastion.run(move || {
            for _ in 0..CONNECTIONS {
                // To the end, so that the far side closes first and keeps the waiting state.
                TcpStream::connect(to)?.read_to_end(&mut Vec::new())?;
            }
            Ok(())
        })
    })?;
    Ok(cpu.as_secs_f64() * 1e6 / f64::from(CONNECTIONS))
}

/// One datagram there and back at a time; the median.
fn round_trip(rig: &Rig) -> Result<f64> {
    let to = at(9003);
    let echo = rig.site.web.run(move || UdpSocket::bind(to))?;
    std::thread::spawn(move || -> std::io::Result<()> {
        let mut datagram = [0; 64];
        for _ in 0..ROUND_TRIPS {
            let (len, from) = echo.recv_from(&mut datagram)?;
            echo.send_to(&datagram[..len], from)?;
        }
        Ok(())
    });
    let mut times = rig.site.bastion.run(move || -> Result<Vec<Duration>> {
        let socket = UdpSocket::bind((Site::BASTION, 0))?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let one = |_| {
            std::thread::sleep(Duration::from_millis(1));
            let begun = Instant::now();
            socket.send(b"there and back")?;
            socket.recv(&mut [0; 64])?;
            Ok(begun.elapsed())
        };
        (0..ROUND_TRIPS).map(one).collect()
    })?;
    times.sort();
    Ok(times[ROUND_TRIPS / 2].as_secs_f64() * 1e6)
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Site::WEB), port)
}
