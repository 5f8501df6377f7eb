//! Who runs on which core: virtual machines on the last one, hosts and their senders on the first.

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::process::Command;

/// The cores that this process may use.
pub fn allowed() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the cores")?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
}

/// Keeps the calling thread, and all that it starts from now on, on the first core. Returns the core that is left for
/// virtual machines: another one, if there is.
pub fn keep_to_the_first() -> Result<usize> {
    let cores = allowed()?;
    let (first, last) = cores.first().zip(cores.last()).context("no core at all")?;
    let mut set = CpuSet::new();
    set.set(*first)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("cannot stay on a core")?;
    Ok(*last)
}

/// The same command on this core.
pub fn pinned(command: &Command, core: usize) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    pinned
}
