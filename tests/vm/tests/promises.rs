//! Numbers that the documents promise.

use anyhow::{Result, ensure};
use lab::Kind;
use saltgate_vm_tests::{Rig, example, image, machine};
use std::time::{Duration, Instant};

#[test]
fn an_idle_box_uses_next_to_no_cpu() -> Result<()> {
    let Some(image) = image("an_idle_box_uses_next_to_no_cpu", &[]) else { return Ok(()) };
    for kind in Kind::ALL {
        let rig = Rig::boot(machine(kind, &image, &example("seed.nacl")))?;
        std::thread::sleep(Duration::from_secs(1));
        let (before, begun) = (rig.console.cpu_time()?, Instant::now());
        std::thread::sleep(Duration::from_secs(3));
        let share = (rig.console.cpu_time()? - before).as_secs_f64() / begun.elapsed().as_secs_f64();
        // Ten milliseconds are the step of the kernel's accounting; neighbors speak up now and then.
        ensure!(share < 0.03, "{kind}: {:.1} % of a core", share * 100.0);
    }
    Ok(())
}

#[test]
fn twelve_mebibytes_are_enough_to_forward() -> Result<()> {
    let Some(image) = image("twelve_mebibytes_are_enough_to_forward", &[]) else { return Ok(()) };
    for kind in Kind::ALL {
        let mut machine = machine(kind, &image, &example("seed.nacl"));
        machine.memory_mib = 12;
        Rig::boot(machine)?;
    }
    Ok(())
}
