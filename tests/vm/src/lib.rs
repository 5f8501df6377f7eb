//! The real image in QEMU, between real hosts: what every test of it starts from.
//!
//! The image comes from `cargo xtask test`, by the variable `SALTGATE_IMAGE`. Without it, without the right to make
//! network namespaces, or without QEMU, tests skip and say so on standard output.

#![forbid(unsafe_code)]

pub mod frame;

use anyhow::{Context, Result};
use lab::{Kind, Lab, Machine, Plug, Process, Site};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a guest may take to say or do what it should: far longer than it needs on a quiet machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long somebody must have been silent to count as silent.
pub const SILENCE: Duration = Duration::from_millis(700);

/// What every test starts.
const QEMU: &[&str] = &["qemu-system-x86_64", "ip", "setpriv"];

/// The image, if this test can run here with these programs; else a line that says why not.
pub fn image(test: &str, programs: &[&str]) -> Option<PathBuf> {
    let Some(image) = std::env::var_os("SALTGATE_IMAGE").map(PathBuf::from) else {
        return lab::skipped(test, "SALTGATE_IMAGE names no image: run `cargo xtask test vm`");
    };
    lab::possible(test, &[QEMU, programs].concat()).then_some(image)
}

/// A file of `examples/`.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// A machine of this kind with a configuration, and what every test's guest has.
pub fn machine(kind: Kind, image: &Path, config: &Path) -> Machine {
    let mut machine = Machine::new(kind, image);
    machine.config = Some(config.to_owned());
    machine
}

/// An address and a port.
pub fn at(address: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

/// The seed's world with a router in its middle that forwards.
pub struct Rig {
    pub site: Site,
    pub console: Process,
    /// From QEMU's exec to the first packet that came through.
    pub boot: Duration,
    _lab: Lab,
}

impl Rig {
    /// Boots the machine with the site's three NICs, and the word that says which is which.
    pub fn boot(mut machine: Machine) -> Result<Self> {
        machine.words.push(format!("nics={}", Site::MACS.join(",")));
        let site = Site::new()?;
        let plugs = site.plugs();
        let (lab, console) = power_on(&machine, &plugs)?;
        Self::connected(site, lab, console)
    }

    /// Connects the hosts to a router that has just been started, and waits until it forwards.
    pub fn connected(site: Site, lab: Lab, console: Process) -> Result<Self> {
        site.connect()?;
        let forwarded =
            site.first_forwarded(PATIENCE).with_context(|| format!("the console said\n{}", console.text()))?;
        let boot = forwarded.saturating_duration_since(console.started());
        Ok(Self { site, console, boot, _lab: lab })
    }
}

/// Starts a machine with these NICs.
pub fn power_on(machine: &Machine, plugs: &[Plug]) -> Result<(Lab, Process)> {
    let lab = Lab::new()?;
    let console = lab.boot(machine, plugs)?;
    Ok((lab, console))
}
