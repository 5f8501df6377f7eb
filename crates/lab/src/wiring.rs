//! Cables: between hosts, and from hosts to a router in QEMU.

use crate::host::Host;
use crate::machine::{Attach, Machine, Nic};
use crate::process::Process;
use anyhow::{Result, bail};
use nix::net::if_::InterfaceFlags;
use std::process::Command;
use std::time::{Duration, Instant};

/// Connects two hosts directly. Both devices are up.
pub fn cable(a: &Host, a_device: &str, b: &Host, b_device: &str) -> Result<()> {
    let network = b.network().word();
    a.ip(&format!(
        "link add name {a_device} type veth peer name {b_device} netns {network}\nlink set dev {a_device} up"
    ))?;
    b.ip(&format!("link set dev {b_device} up"))
}

/// A host's device, and the MAC address of the router's NIC at the other end of its cable.
#[derive(Clone, Copy)]
pub struct Plug<'a> {
    pub host: &'a Host,
    pub device: &'a str,
    pub mac: &'a str,
}

/// The room in which routers run: QEMU opens its TAPs here, then each is carried to the host that it belongs to, so
/// that nothing lies between a host and the router's NIC.
pub struct Lab {
    room: Host,
}

impl Lab {
    pub fn new() -> Result<Self> {
        Ok(Self { room: Host::new("room")? })
    }

    /// Starts a machine with one NIC per plug, in their order. Its [`Process`] is the serial console.
    pub fn boot(&self, machine: &Machine, plugs: &[Plug]) -> Result<Process> {
        let taps = self.taps(plugs.len())?;
        let mut machine = machine.clone();
        machine.nics = plugs
            .iter()
            .zip(&taps)
            .map(|(plug, tap)| Nic { mac: plug.mac.to_owned(), attach: Attach::Tap(tap.clone()) })
            .collect();
        self.start(machine.command(), &taps, plugs)
    }

    /// Makes so many TAPs, named `tap0` and so on, for a command that [`start`](Self::start) will run.
    pub fn taps(&self, count: usize) -> Result<Vec<String>> {
        let names: Vec<String> = (0..count).map(|n| format!("tap{n}")).collect();
        let made = names.iter().map(|tap| format!("tuntap add dev {tap} mode tap vnet_hdr\nlink set dev {tap} up\n"));
        self.room.ip(&made.collect::<String>())?;
        Ok(names)
    }

    /// Runs a command that opens these TAPs, then carries each to its plug. The devices of the plugs are up.
    pub fn start(&self, command: Command, taps: &[String], plugs: &[Plug]) -> Result<Process> {
        let mut process = self.room.start(command)?;
        for tap in taps {
            self.wait_until_opened(&mut process, tap)?;
        }
        let carried = taps.iter().zip(plugs).map(|(tap, plug)| {
            let network = plug.host.network().word();
            format!("link set dev {tap} netns {network} name {}\n", plug.device)
        });
        self.room.ip(&carried.collect::<String>())?;
        for plug in plugs {
            plug.host.ip(&format!("link set dev {} up", plug.device))?;
        }
        Ok(process)
    }

    /// A TAP has a carrier from the moment that somebody opened its other side.
    fn wait_until_opened(&self, process: &mut Process, tap: &str) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let name = tap.to_owned();
            let opened = self.room.run(move || -> nix::Result<bool> {
                let mut devices = nix::ifaddrs::getifaddrs()?;
                Ok(devices
                    .any(|device| device.interface_name == name && device.flags.contains(InterfaceFlags::IFF_RUNNING)))
            })?;
            if opened {
                return Ok(());
            }
            if process.ended()?.is_some() || Instant::now() > until {
                bail!("nobody opened {tap}; QEMU said\n{}", process.text());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
