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

/// The calling thread, and all that it starts, stays on the first core as long as this lives.
#[derive(Debug)]
pub struct OnTheFirst {
    before: CpuSet,
    /// The core that is left for virtual machines: another one, if there is.
    pub other: usize,
}

impl OnTheFirst {
    pub fn stay() -> Result<Self> {
        let cores = allowed()?;
        let (first, last) = cores.first().zip(cores.last()).context("no core at all")?;
        let before = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the cores")?;
        let mut set = CpuSet::new();
        set.set(*first)?;
        sched_setaffinity(Pid::from_raw(0), &set).context("cannot stay on a core")?;
        Ok(Self { before, other: *last })
    }
}

impl Drop for OnTheFirst {
    /// The benchmark that comes next has all cores again.
    fn drop(&mut self) {
        // What was allowed before still is, or the thread stays where it is.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}

/// The same command on this core.
pub fn pinned(command: &Command, core: usize) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    pinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_benchmark_after_the_other_has_the_same_cores() {
        let before = allowed().unwrap();
        for _ in 0..2 {
            let cores = OnTheFirst::stay().unwrap();
            assert_eq!(allowed().unwrap(), before[..1]);
            assert_eq!(Some(&cores.other), before.last());
        }
        assert_eq!(allowed().unwrap(), before);
    }
}
