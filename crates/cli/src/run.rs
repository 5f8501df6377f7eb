//! `saltgate run`: boots the unikernel in QEMU with a configuration.

mod guest;
mod image;
mod nics;

use crate::Answer;
use anyhow::{Context, Result, bail, ensure};
use lab::{Accel, Attach, Kind, Machine};
use nacl::Source;
use policy::Policy;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Boot the unikernel in QEMU with this configuration
///
/// The NICs are those of NAME.vm.json or vm.json beside the file; without one there are as many user-mode NICs as the
/// file needs. The serial console is standard input and output: Enter prints the counters, Ctrl-C ends it.
#[derive(clap::Args)]
pub struct Args {
    /// The NaCl file, or a directory with nacl.txt or only one *.nacl
    #[arg(value_name = "FILE|DIR")]
    config: PathBuf,
    /// What QEMU pretends to be
    #[arg(long, value_enum, default_value = "pc")]
    machine: MachineArg,
    /// Memory in MiB [default: "mem" of the vm.json, else 64]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    memory: Option<u32>,
    /// Who runs the guest's instructions; auto tries KVM and gives it up if the guest does not speak
    #[arg(long, value_enum, default_value = "auto")]
    accel: AccelArg,
    /// Words for the kernel command line
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    append: Vec<String>,
    /// Boot this unikernel instead of the one inside saltgate
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Print QEMU's command and do not run it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MachineArg {
    Pc,
    Q35,
    Microvm,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AccelArg {
    Auto,
    Kvm,
    Tcg,
}

pub fn run(args: &Args) -> Result<Answer> {
    let config = config_file(&args.config)?;
    let bytes = std::fs::read(&config).with_context(|| format!("cannot read {}", config.display()))?;
    let Some(policy) = compile(&config, &bytes) else {
        return Ok(Answer::No);
    };
    let hardware = nics::find(&config, &policy)?;
    for remark in &hardware.remarks {
        eprintln!("saltgate: {remark}");
    }

    let kind = match args.machine {
        MachineArg::Pc => Kind::Pc,
        MachineArg::Q35 => Kind::Q35,
        MachineArg::Microvm => Kind::Microvm,
    };
    let mut machine = Machine::new(kind, image::locate(args.image.as_deref())?);
    machine.memory_mib = args.memory.or(hardware.memory_mib).unwrap_or(machine.memory_mib);
    machine.nics = hardware.nics;
    machine.words.push(machine.nic_order());
    // What the console calls the configuration; a name that the command line cannot carry is left out.
    let name = config.file_name().and_then(|name| name.to_str());
    let plain = |name: &&str| name.chars().all(|c| c.is_ascii_graphic());
    machine.words.extend(name.filter(plain).map(|name| format!("config={name}")));
    machine.words.extend(args.append.iter().cloned());
    machine.config = Some(config);
    let kvm_opens = || std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
    machine.accel = match args.accel {
        AccelArg::Kvm => Accel::Kvm,
        AccelArg::Auto if kvm_opens() => Accel::Kvm,
        AccelArg::Auto | AccelArg::Tcg => Accel::Tcg,
    };

    if args.dry_run {
        println!("{}", shell_line(&machine.command()));
        return Ok(Answer::Yes);
    }
    if machine.nics.iter().any(|nic| matches!(nic.attach, Attach::User)) {
        eprintln!(
            "saltgate: a user-mode NIC leads into a network of QEMU's own: hosts reach the box only through a TAP"
        );
    }
    guest::boot(&machine, matches!(args.accel, AccelArg::Auto))
}

/// The policy of a file; what is wrong with one that has none is printed.
fn compile(config: &Path, bytes: &[u8]) -> Option<Policy> {
    let source = Source::from_bytes(config.display().to_string(), bytes);
    let compiled = nacl::compile(&source);
    if compiled.policy.is_none() {
        for found in &compiled.diagnostics {
            eprintln!("{}", nacl::diagnostic::render(&source, found));
        }
        eprintln!("saltgate: {} has errors, and nothing was started", config.display());
    }
    compiled.policy
}

/// The NaCl file that is meant.
fn config_file(given: &Path) -> Result<PathBuf> {
    if !given.is_dir() {
        ensure!(given.exists(), "there is no {}", given.display());
        return Ok(given.to_owned());
    }
    let conventional = given.join("nacl.txt");
    if conventional.is_file() {
        return Ok(conventional);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(given).with_context(|| format!("cannot read {}", given.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "nacl") {
            files.push(path);
        }
    }
    match files.as_slice() {
        [only] => Ok(only.clone()),
        [] => bail!("{} has neither nacl.txt nor a *.nacl file", given.display()),
        several => bail!("{} has {} *.nacl files and no nacl.txt: name the one to run", given.display(), several.len()),
    }
}

/// The command as one could type it.
fn shell_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
