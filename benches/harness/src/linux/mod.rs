//! The rival: a virtual machine with Debian's Linux that does nothing but route, filter and translate.
//!
//! It is made to be a good one, on the emulator too. `-cpu qemu64`, because with `max` Linux copies by `rep movsb`, which
//! QEMU's translator runs byte by byte; `mitigations=off`, since an emulated processor leaks nothing; an archive that
//! need not be decompressed; no program but a sleeping shell; and one core for the whole emulator.

mod cpio;
mod kernel;

use crate::stage::{MACS, Player};
use anyhow::{Context, Result, ensure};
use cpio::Archive;
use kernel::Kernel;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// In the order of which needs which, as far as modules do not say so themselves.
const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_net",
    "af_packet",
    "nf_tables",
    "nf_conntrack",
    "nf_nat",
    "nft_chain_nat",
    "nft_ct",
    "nft_nat",
    "nft_masq",
    "nft_limit",
    "nft_log",
    "nft_reject_ipv4",
    "nft_reject_inet",
    "nf_flow_table",
    "nf_flow_table_inet",
    "nft_flow_offload",
    "ip_tables",
    "iptable_filter",
    "iptable_raw",
    "iptable_nat",
    "xt_conntrack",
    "xt_tcpudp",
    "xt_CT",
    "xt_MASQUERADE",
    "xt_nat",
];

/// The extensions of iptables that our rules use.
const EXTENSIONS: &[&str] = &["libxt_conntrack.so", "libxt_tcp.so", "libxt_udp.so", "libxt_standard.so", "libxt_CT.so"];

/// A kernel and the archive that it begins with.
pub struct Linux {
    pub version: String,
    kernel: PathBuf,
    archive: Vec<u8>,
    dir: PathBuf,
}

impl Linux {
    /// Builds it from Debian's packages: the kernel is downloaded, the programs are those of this machine.
    pub fn build(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let kernel = Kernel::fetch(dir).context("no Linux to compare with")?;
        let mut archive = Archive::default();
        for directory in ["dev", "proc", "sys", "run", "tmp"] {
            archive.directory(directory);
        }
        archive.file("init", include_bytes!("init.sh"));
        archive.file("bin/busybox", &std::fs::read(find("busybox")?)?);
        let mut copied = Vec::new();
        for (name, program) in [("nft", "nft"), ("iptables-restore", "iptables-legacy-restore")] {
            // iptables is one program that looks at the name by which it is called.
            let found = find(program)?;
            archive.link(&format!("usr/bin/{name}"), &format!("/usr/sbin/{program}"));
            copy(&mut archive, &found, &format!("usr/sbin/{program}"), &mut copied)?;
        }
        let extensions = Path::new("/usr/lib/x86_64-linux-gnu/xtables");
        for name in EXTENSIONS {
            let path = extensions.join(name);
            if path.exists() {
                copy(&mut archive, &path, path.to_string_lossy().trim_start_matches('/'), &mut copied)?;
            }
        }
        let modules = kernel.modules(MODULES)?;
        let order: String = modules.iter().map(|(name, _)| format!("{name}\n")).collect();
        archive.file("modules/order", order.as_bytes());
        modules.iter().for_each(|(name, module)| archive.file(&format!("modules/{name}"), module));
        Ok(Self {
            version: kernel.version.clone(),
            kernel: kernel.image(),
            archive: archive.finish(),
            dir: dir.to_owned(),
        })
    }

    /// The router with these rules: those of nftables, or what `iptables-save` prints. `@A@` and `@B@` stand for its
    /// devices.
    pub fn router(&self, name: &str, rules: &str) -> Result<LinuxRouter> {
        let mut with_rules = self.archive.clone();
        let mut more = Archive::default();
        more.file("rules", rules.as_bytes());
        with_rules.extend(more.finish());
        let archive = self.dir.join(format!("{}.cpio", name.replace(' ', "-")));
        std::fs::write(&archive, with_rules)?;
        Ok(LinuxRouter {
            name: name.to_owned(),
            kernel: self.kernel.clone(),
            archive,
            memory_mib: 256,
            patience: Duration::from_secs(120),
        })
    }
}

/// Linux with rules.
#[derive(Clone, Debug)]
pub struct LinuxRouter {
    name: String,
    kernel: PathBuf,
    archive: PathBuf,
    pub memory_mib: u32,
    /// How long its boot may take.
    pub patience: Duration,
}

impl Player for LinuxRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn command(&self, taps: &[String]) -> Result<Command> {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-M", "pc", "-accel", "tcg", "-cpu", "qemu64", "-m", &format!("{}M", self.memory_mib)]);
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"]);
        qemu.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.archive);
        let words = format!(
            "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off rdinit=/init \
             NIC_A={} NIC_B={} ADDRESS_A=10.1.0.1/24 ADDRESS_B=10.2.0.1/24",
            MACS[0], MACS[1]
        );
        qemu.args(["-append", &words]);
        for ((n, tap), mac) in taps.iter().enumerate().zip(MACS) {
            qemu.args(["-netdev", &format!("tap,id=n{n},ifname={tap},script=no,downscript=no")]);
            qemu.args(["-device", &format!("virtio-net-pci,netdev=n{n},mac={mac},romfile=,mrg_rxbuf=on")]);
        }
        Ok(qemu)
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

fn find(program: &str) -> Result<PathBuf> {
    let dirs = lab_path();
    let found = std::env::split_paths(&dirs).map(|dir| dir.join(program)).find(|path| path.is_file());
    Ok(std::fs::canonicalize(found.with_context(|| format!("there is no {program}"))?)?)
}

fn lab_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Copies a program and the libraries that it is linked with, each once.
fn copy(archive: &mut Archive, from: &Path, to: &str, copied: &mut Vec<String>) -> Result<()> {
    if copied.iter().any(|known| known == to) {
        return Ok(());
    }
    copied.push(to.to_owned());
    archive.file(to, &std::fs::read(from).with_context(|| from.display().to_string())?);
    let output = Command::new("ldd").arg(from).output().context("cannot run ldd")?;
    for word in String::from_utf8_lossy(&output.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        let path = std::fs::canonicalize(word)?;
        let name = word.trim_start_matches('/');
        ensure!(!name.is_empty(), "an odd library of {}", from.display());
        if !copied.iter().any(|known| known == name) {
            copied.push(name.to_owned());
            archive.file(name, &std::fs::read(path)?);
        }
    }
    Ok(())
}
