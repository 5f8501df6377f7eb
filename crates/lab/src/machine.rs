//! The virtual machine: which hardware QEMU pretends to be, and the command that says so.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

/// A machine type of QEMU's x86-64 emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// i440FX with PCI: `-M pc`.
    Pc,
    /// Q35 with PCI Express: `-M q35`.
    Q35,
    /// No PCI at all, virtio-mmio only, the quickest to boot: `-M microvm`.
    Microvm,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Pc, Self::Q35, Self::Microvm];

    /// QEMU's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pc => "pc",
            Self::Q35 => "q35",
            Self::Microvm => "microvm",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// The processor, by Linux's KVM.
    Kvm,
    /// QEMU's translator: slower, and works everywhere.
    Tcg,
}

impl Accel {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// A NIC and what its cable leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// "c0:01:0a:00:00:2a".
    pub mac: String,
    pub attach: Attach,
}

/// The far end of a NIC's cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attach {
    /// A TAP device that exists.
    Tap(String),
    /// QEMU's own user-mode network, which needs no privilege.
    User,
    /// QEMU's socket network, with its options as they are: `listen=:1234`, `udp=127.0.0.1:1,localaddr=127.0.0.1:2`.
    Socket(String),
}

/// `"tap:NAME"`, `"user"` or `"socket:OPTIONS"`, as a `vm.json` has it.
impl FromStr for Attach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "user" => Ok(Self::User),
            // What Linux allows as a name of a device, less what QEMU would read as the end of an option.
            Some(("tap", name))
                if (1..16).contains(&name.len())
                    && name.chars().all(|c| c.is_ascii_graphic() && !"/,:".contains(c)) =>
            {
                Ok(Self::Tap(name.to_owned()))
            }
            Some(("tap", name)) => Err(format!("`{name}` cannot be the name of a TAP")),
            Some(("socket", options)) if !options.is_empty() => Ok(Self::Socket(options.to_owned())),
            _ => Err(format!("`{text}` is none of `tap:NAME`, `user`, `socket:OPTIONS`")),
        }
    }
}

/// A virtual machine, ready to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub kind: Kind,
    pub accel: Accel,
    pub memory_mib: u32,
    /// The unikernel's ELF file.
    pub image: PathBuf,
    /// The NaCl text, handed over as the boot module.
    pub config: Option<PathBuf>,
    /// Words of the kernel command line.
    pub words: Vec<String>,
    /// In the order in which they are plugged in.
    pub nics: Vec<Nic>,
}

impl Machine {
    /// A machine without NICs and configuration: `-accel tcg` and 64 MiB.
    pub fn new(kind: Kind, image: impl Into<PathBuf>) -> Self {
        let image = image.into();
        Self { kind, accel: Accel::Tcg, memory_mib: 64, image, config: None, words: Vec::new(), nics: Vec::new() }
    }

    /// The word that tells the image the order of its NICs, `nics=MAC,MAC`: what `index` counts is the order in which
    /// they are plugged in here, whatever the machine makes of their slots.
    pub fn nic_order(&self) -> String {
        let macs: Vec<&str> = self.nics.iter().map(|nic| nic.mac.as_str()).collect();
        format!("nics={}", macs.join(","))
    }

    /// The command. Its standard input and output are the serial console.
    pub fn command(&self) -> Command {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-M", self.kind.name(), "-accel", self.accel.name(), "-cpu", "max"]);
        if self.kind == Kind::Microvm {
            // Virtio 1 instead of the draft that QEMU's virtio-mmio speaks by default.
            qemu.args(["-global", "virtio-mmio.force-legacy=false"]);
        }
        qemu.args(["-m", &format!("{}M", self.memory_mib)]);
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"]);
        qemu.arg("-kernel").arg(&self.image);
        if let Some(config) = &self.config {
            qemu.arg("-initrd").arg(config);
        }
        if !self.words.is_empty() {
            qemu.args(["-append", &self.words.join(" ")]);
        }
        for (n, nic) in self.nics.iter().enumerate() {
            let backend = match &nic.attach {
                Attach::Tap(name) => format!("tap,id=n{n},ifname={name},script=no,downscript=no"),
                Attach::User => format!("user,id=n{n}"),
                Attach::Socket(options) => format!("socket,id=n{n},{options}"),
            };
            let device = match self.kind {
                Kind::Microvm => format!("virtio-net-device,netdev=n{n},mac={}", nic.mac),
                // Without its option ROM a NIC costs no boot time.
                Kind::Pc | Kind::Q35 => format!("virtio-net-pci,netdev=n{n},mac={},romfile=", nic.mac),
            };
            qemu.args(["-netdev", &backend, "-device", &device]);
        }
        qemu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_what_a_vm_json_may_say() {
        let tap = |name: &str| Ok(Attach::Tap(name.to_owned()));
        //  text                     meaning
        let table = [
            ("user", Some(Ok(Attach::User))),
            ("tap:sg0", Some(tap("sg0"))),
            ("socket:listen=:1234", Some(Ok(Attach::Socket("listen=:1234".to_owned())))),
            ("tap:", None),
            ("tap:a-name-too-long-for-linux", None),
            ("tap:a,script=/bin/sh", None),
            ("socket:", None),
            ("bridge:br0", None),
            ("", None),
        ];
        for (text, meaning) in table {
            match meaning {
                Some(meaning) => assert_eq!(text.parse::<Attach>(), meaning, "{text}"),
                None => assert!(text.parse::<Attach>().is_err(), "{text}"),
            }
        }
    }

    #[test]
    fn each_machine_gets_the_nics_that_it_has_slots_for() {
        let mut machine = Machine::new(Kind::Pc, "image.elf");
        machine.nics = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
            .map(|mac| Nic { mac: mac.to_owned(), attach: Attach::User })
            .to_vec();
        assert_eq!(machine.nic_order(), "nics=02:00:00:00:00:01,02:00:00:00:00:02");
        for (kind, device) in [
            (Kind::Pc, "virtio-net-pci,netdev=n1,mac=02:00:00:00:00:02,romfile="),
            (Kind::Q35, "virtio-net-pci,netdev=n1,mac=02:00:00:00:00:02,romfile="),
            (Kind::Microvm, "virtio-net-device,netdev=n1,mac=02:00:00:00:00:02"),
        ] {
            machine.kind = kind;
            assert!(machine.command().get_args().any(|arg| arg == device), "{kind}");
        }
    }
}
