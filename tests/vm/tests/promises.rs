//! Numbers that the documents promise.

use anyhow::{Context, Result, ensure};
use lab::Kind;
use saltgate_vm_tests::{PATIENCE, Rig, example, image, machine};
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

/// The tables of so many flows are cleared where and when they are touched, and the rest little by little.
#[test]
fn a_table_for_a_million_flows_is_used_while_it_is_being_cleared() -> Result<()> {
    let Some(image) = image("a_table_for_a_million_flows_is_used_while_it_is_being_cleared", &[]) else {
        return Ok(());
    };
    let config = std::env::temp_dir().join(format!("saltgate-million-{}.nacl", std::process::id()));
    let text = std::fs::read_to_string(example("seed.nacl"))?;
    std::fs::write(&config, format!("{text}\nConntrack table {{ limit: 1000000 }}\n"))?;
    let mut machine = machine(Kind::Pc, &image, &config);
    machine.memory_mib = 640;
    let booted = Rig::boot(machine);
    std::fs::remove_file(&config)?;
    let mut rig = booted?;
    rig.console.wait_for("tables flows 1000000", PATIENCE)?;
    let resident = rig.console.resident_kib()? >> 10;
    ensure!(resident < 128, "{resident} MiB of 640 are in use at once");
    // Once a second a large page is finished; connections in between come upon both kinds.
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        rig.site.first_forwarded(PATIENCE).with_context(|| format!("the console said\n{}", rig.console.text()))?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
