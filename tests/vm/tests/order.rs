//! `index: N` means the same NIC on every machine type, and a word on the kernel command line can say which.

use anyhow::Result;
use lab::{Kind, Plug, Site};
use saltgate_vm_tests::{PATIENCE, Rig, example, image, machine, power_on};

#[test]
fn nics_are_counted_in_the_order_in_which_they_are_plugged_in() -> Result<()> {
    let Some(image) = image("nics_are_counted_in_the_order_in_which_they_are_plugged_in", &[]) else { return Ok(()) };
    for kind in Kind::ALL {
        let site = Site::new()?;
        let (lab, mut console) = power_on(&machine(kind, &image, &example("seed.nacl")), &site.plugs())?;
        for (n, mac) in Site::MACS.iter().enumerate() {
            console.wait_for(&format!("nic {n} {mac}"), PATIENCE)?;
        }
        Rig::connected(site, lab, console)?;
    }
    Ok(())
}

#[test]
fn the_order_on_the_kernel_command_line_wins() -> Result<()> {
    let Some(image) = image("the_order_on_the_kernel_command_line_wins", &[]) else { return Ok(()) };
    for kind in Kind::ALL {
        let site = Site::new()?;
        let [outside, inside, management] = site.plugs();
        let shuffled: [Plug; 3] = [management, outside, inside];
        let mut machine = machine(kind, &image, &example("seed.nacl"));
        machine.words.push(format!("nics={}", Site::MACS.join(",")));
        let (lab, mut console) = power_on(&machine, &shuffled)?;
        for (n, mac) in Site::MACS.iter().enumerate() {
            console.wait_for(&format!("nic {n} {mac}"), PATIENCE)?;
        }
        Rig::connected(site, lab, console)?;
    }
    Ok(())
}
