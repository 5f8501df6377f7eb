//! Debian packages: what is missing, and installing it where that is possible.

use crate::sh;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// A program that a test or the demo starts, and the Debian package that has it.
#[derive(Clone, Copy)]
pub struct Program {
    pub name: &'static str,
    pub package: &'static str,
}

/// Everything that the demo and the tests in QEMU start.
///
/// `qemu-utils` is not among them, and must not be: on some machines a newer one is installed, and naming it would
/// take that away.
pub const FOR_VMS: &[Program] = &[
    Program { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Program { name: "ip", package: "iproute2" },
    Program { name: "ping", package: "iputils-ping" },
    Program { name: "curl", package: "curl" },
    Program { name: "nc", package: "netcat-openbsd" },
    Program { name: "nginx", package: "nginx" },
    Program { name: "rsyslogd", package: "rsyslog" },
    Program { name: "setpriv", package: "util-linux" },
];

/// What the oracle starts.
pub const FOR_ORACLE: &[Program] =
    &[Program { name: "ip", package: "iproute2" }, Program { name: "nft", package: "nftables" }];

/// What the benchmarks start, and what the Linux beside us is made of.
pub const FOR_BENCH: &[Program] = &[
    Program { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Program { name: "ip", package: "iproute2" },
    Program { name: "setpriv", package: "util-linux" },
    Program { name: "taskset", package: "util-linux" },
    Program { name: "nft", package: "nftables" },
    Program { name: "iptables-legacy-restore", package: "iptables" },
    Program { name: "busybox", package: "busybox-static" },
    Program { name: "dpkg-deb", package: "dpkg" },
    Program { name: "xz", package: "xz-utils" },
];

/// What counts instructions, and says what they belong to.
pub const FOR_COUNTING: &[Program] =
    &[Program { name: "valgrind", package: "valgrind" }, Program { name: "addr2line", package: "binutils" }];

/// The programs that are not there.
pub fn missing(programs: &[Program]) -> Vec<Program> {
    programs.iter().copied().filter(|program| !sh::has(program.name)).collect()
}

/// Installs what is missing. `Err` says why that was not possible, and the command that would do it.
pub fn install(programs: &[Program], allowed: bool) -> Result<std::result::Result<(), String>> {
    let absent = missing(programs);
    if absent.is_empty() {
        return Ok(Ok(()));
    }
    let packages: Vec<&str> = absent.iter().map(|program| program.package).collect();
    let list = packages.join(" ");
    let by_hand = format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {list}");
    let refusal = if !allowed {
        "told not to install"
    } else if !sh::has("apt-get") {
        "no apt-get on this machine"
    } else if !sh::is_root() {
        "only root may install packages"
    } else {
        ""
    };
    if !refusal.is_empty() {
        return Ok(Err(format!("missing packages: {list} ({refusal}); install them with\n    {by_hand}")));
    }
    println!("installing Debian packages: {list}");
    let quiet = ServicesStayOff::new();
    // The package lists may be absent or old: first try with what is there, then with new ones.
    let installed = sh::succeeds(&mut apt(&["install", "-y", "-qq", "--no-install-recommends"], &packages))?
        || (sh::succeeds(&mut apt(&["update", "-qq"], &[]))?
            && sh::succeeds(&mut apt(&["install", "-y", "-qq", "--no-install-recommends"], &packages))?);
    drop(quiet);
    let left = missing(programs);
    if installed && left.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(format!("apt-get could not install all of: {list}; try\n    {by_hand}")))
}

fn apt(args: &[&str], packages: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(args).args(packages);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("NEEDRESTART_MODE", "l");
    command
}

/// While this lives, packages do not start the services that they bring: nobody asked for a web server on port 80 of
/// this machine. Debian's way to say so is a `policy-rc.d`; one that is there already is left alone.
struct ServicesStayOff {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl ServicesStayOff {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let ours = !Path::new(POLICY).exists()
            && std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").is_ok()
            && std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)).is_ok();
        Self { ours }
    }
}

impl Drop for ServicesStayOff {
    fn drop(&mut self) {
        if self.ours {
            let _ = std::fs::remove_file(POLICY);
        }
    }
}
