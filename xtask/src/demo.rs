//! `cargo xtask demo`: the unikernel with `examples/seed.nacl` between real hosts, and what came of it.

mod scenes;
mod table;

use crate::{image, packages, sh};
use anyhow::{Context, Result, ensure};
use lab::{Folder, Lab, Process, Site};
use std::process::Command;
use std::time::{Duration, Instant};
use table::Table;

/// Set in the process that is root of a user namespace, so that it does not try again.
const INSIDE: &str = "SALTGATE_DEMO_INSIDE";

/// Shows it; true if all is as the policy says.
pub fn run(args: &[String], install: bool) -> Result<bool> {
    let machine = args.first().map_or("pc", String::as_str);
    ensure!(args.len() <= 1 && ["pc", "q35", "microvm"].contains(&machine), "a machine is pc, q35 or microvm");
    if let Err(why) = packages::install(packages::FOR_VMS, install)? {
        println!("{why}");
        return on_the_simulator("programs that the demo needs are missing");
    }
    let image = image::build_all()?;
    match lab::permitted() {
        Ok(()) => {}
        Err(_) if !sh::is_root() && std::env::var_os(INSIDE).is_none() => return in_a_user_namespace(args),
        Err(error) => return on_the_simulator(&format!("{error:#}")),
    }
    let show = Show::begin(machine)?;
    show.finish(std::fs::metadata(image)?.len())
}

/// The same program as root of a user namespace, if that can be.
fn in_a_user_namespace(args: &[String]) -> Result<bool> {
    println!("not root: trying as root of a user namespace");
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "--"]).env(INSIDE, "1");
    let possible = Command::new("unshare").args(["--user", "--map-root-user", "--net", "--", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        return on_the_simulator("this machine forbids user namespaces");
    }
    unshare.arg(std::env::current_exe()?).args(["demo", "--no-install"]).args(args);
    sh::succeeds(&mut unshare)
}

/// The seed's stories in simulated time: no privilege, no QEMU, the same data plane.
fn on_the_simulator(why: &str) -> Result<bool> {
    println!("no real hosts here ({why}); showing the same on the simulator");
    let stories = ["run", "--release", "--package", "saltgate-cli", "--", "test", "tests/stories"];
    sh::succeeds(&mut sh::cargo(stories))
}

/// The hosts, the running router, and what was observed so far.
struct Show {
    site: Site,
    console: Process,
    table: Table,
    boot: Duration,
    // Kept for as long as the router runs.
    _lab: Lab,
    _folder: Folder,
}

impl Show {
    /// Builds the hosts and boots the router by the command that a user would type.
    fn begin(machine: &str) -> Result<Self> {
        let (lab, site) = (Lab::new()?, Site::new()?);
        let taps = lab.taps(3)?;
        let folder = Folder::new("demo")?;
        std::fs::copy(sh::root().join("examples/seed.nacl"), folder.path().join("seed.nacl"))?;
        let nics: Vec<String> = taps
            .iter()
            .zip(Site::MACS)
            .map(|(tap, mac)| format!(r#"    {{ "device": "virtio", "mac": "{mac}", "attach": "tap:{tap}" }}"#))
            .collect();
        folder.write("seed.vm.json", format!("{{\n  \"net\": [\n{}\n  ]\n}}\n", nics.join(",\n")))?;

        let mut command = Command::new(image::command_path());
        command.arg("run").arg(folder.path().join("seed.nacl")).args(["--accel", "tcg", "--machine", machine]);
        println!("\nsaltgate run seed.nacl --accel tcg --machine {machine}");
        println!("three NICs: outside, inside, and a management network that the file does not name\n");
        let mut console = lab.start(command, &taps, &site.plugs())?;
        site.connect()?;
        let patience = Duration::from_secs(30);
        let forwarded = match site.first_forwarded(patience) {
            Ok(moment) => moment,
            Err(error) => return Err(error.context(format!("the console said\n{}", console.text()))),
        };
        let boot = forwarded.saturating_duration_since(console.started());
        console.wait_for("ready", patience)?;
        for line in console.lines() {
            println!("  console | {}", line.text);
        }
        println!();
        Ok(Self { site, console, table: Table::new(), boot, _lab: lab, _folder: folder })
    }

    /// Plays all scenes, prints the table and the numbers.
    fn finish(mut self, image_bytes: u64) -> Result<bool> {
        self.play().with_context(|| format!("the console said\n{}", self.console.text()))?;

        let idle = {
            let (before, begun) = (self.console.cpu_time()?, Instant::now());
            std::thread::sleep(Duration::from_secs(2));
            let used = self.console.cpu_time()?.saturating_sub(before);
            100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64()
        };
        println!("\n{}", self.table);
        println!("boot      {} ms from exec to the first forwarded packet (QEMU, -accel tcg)", self.boot.as_millis());
        println!("image     {image_bytes} bytes, the NaCl compiler inside");
        println!("memory    64 MiB given; QEMU and guest occupy {} MiB", self.console.resident_kib()? / 1024);
        println!("idle      {idle:.1} % of one core");
        let good = self.table.all_good();
        println!(
            "\n{}",
            if good { "Everything is as the policy says." } else { "NOT everything is as the policy says." }
        );
        Ok(good)
    }
}
