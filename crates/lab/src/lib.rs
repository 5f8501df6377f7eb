//! Real Linux hosts around a real router: network namespaces, TAPs, QEMU, and the programs that talk through it.
//!
//! Nothing here outlives the process. A [`Host`] is an anonymous network namespace that one thread of ours lives in:
//! it has no name in `/run/netns` that could clash or be left behind, and goes with the thread. Whatever a host or
//! the lab starts dies with the thread that started it, however that ends. TAPs and virtual cables are made inside the
//! namespaces and go with them. The namespaces that the machine itself uses are never touched.
//!
//! This needs the right to make network namespaces, which root has, and root of a user namespace has
//! (`unshare --user --map-root-user`), and a `/dev/net/tun` that opens. [`permitted`] asks.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use std::io::Write;

mod counters;
mod host;
mod machine;
mod process;
mod raw;
mod services;
mod site;
mod wiring;

pub use counters::Counters;
pub use host::{Host, Network, Reach};
pub use machine::{Accel, Attach, Kind, Machine, Nic};
pub use nix::sys::signal::Signal;
pub use process::{Line, Process};
pub use raw::RawSocket;
pub use services::{Folder, LogServer, WebServer};
pub use site::Site;
pub use wiring::{Lab, Plug, cable};

/// May this process build a lab? `Err` says what stands in the way.
pub fn permitted() -> Result<()> {
    let probe = Host::new("probe").context("this machine forbids network namespaces")?;
    probe.ip("tuntap add dev tap0 mode tap vnet_hdr").context("this machine forbids TAP devices")
}

/// For tests: `false` where there can be no lab or a program is missing, after saying so on standard output, past what
/// the test runner swallows.
pub fn possible(test: &str, programs: &[&str]) -> bool {
    let absent = programs.iter().find(|program| !process::exists(program));
    let refusal = match absent {
        Some(program) => format!("there is no {program}"),
        None => match permitted() {
            Ok(()) => return true,
            Err(error) => format!("{error:#}"),
        },
    };
    skipped::<()>(test, &refusal);
    false
}

/// Says on standard output, past what the test runner swallows, that a test does not run here.
pub fn skipped<T>(test: &str, why: &str) -> Option<T> {
    // `println!` would be shown only if the test failed.
    let _ = writeln!(std::io::stdout(), "SKIPPED {test}: {why}");
    None
}
