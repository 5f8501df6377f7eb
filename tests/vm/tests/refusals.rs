//! What the box cannot do it says, and then forwards nothing and stays up.

use anyhow::{Context, Result, ensure};
use lab::{Folder, Kind, Machine, Process, Reach, Site};
use saltgate_vm_tests::{PATIENCE, SILENCE, at, example, image, machine, power_on};
use std::net::UdpSocket;
use std::time::Duration;

/// Boots it, expects these words on the console, and that nothing comes through or is answered.
fn stays_shut(machine: &Machine, nics: usize, words: &[&str]) -> Result<Process> {
    let site = Site::new()?;
    let (_lab, mut console) = power_on(machine, &site.plugs()[..nics])?;
    for word in words {
        console.wait_for(word, PATIENCE)?;
    }
    console.wait_for("nothing", PATIENCE).context("it does not say that nothing is forwarded")?;
    if nics == 3 {
        site.connect()?;
        let to = at(Site::WEB, 9000);
        let receiver = site.web.run(move || UdpSocket::bind(to))?;
        receiver.set_read_timeout(Some(SILENCE))?;
        site.bastion.run(move || -> std::io::Result<()> {
            let sender = UdpSocket::bind((Site::BASTION, 0))?;
            for _ in 0..20 {
                // The outside router may say that nobody answers its ARP.
                let _ = sender.send_to(b"let me through", to);
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        })?;
        ensure!(receiver.recv(&mut [0; 64]).is_err(), "a packet came through");
        ensure!(site.client.connect(at(Site::WEB, 80), SILENCE)? != Reach::Open, "a connection came through");
    }
    ensure!(console.ended()?.is_none(), "it went down:\n{}", console.text());
    Ok(console)
}

#[test]
fn a_broken_file_opens_nothing_and_all_its_mistakes_are_printed() -> Result<()> {
    let Some(image) = image("a_broken_file_opens_nothing_and_all_its_mistakes_are_printed", &[]) else {
        return Ok(());
    };
    let seed = std::fs::read_to_string(example("seed.nacl"))?;
    let broken = seed.replace("10.0.0.2", "10.0.0.2000").replace("bastion_host)", "bastoin_host)");
    let folder = Folder::new("broken")?;
    let config = folder.write("broken.nacl", broken)?;
    let console = stays_shut(&machine(Kind::Q35, &image, &config), 3, &["error", "bastoin_host", "10.0.0.2000"])?;
    assert!(console.text().contains(":48:"), "the line of the second mistake is named:\n{}", console.text());
    Ok(())
}

#[test]
fn any_bytes_as_a_configuration_are_answered_with_diagnostics() -> Result<()> {
    let Some(image) = image("any_bytes_as_a_configuration_are_answered_with_diagnostics", &[]) else {
        return Ok(());
    };
    let folder = Folder::new("bytes")?;
    let bytes: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let config = folder.write("bytes.nacl", bytes)?;
    stays_shut(&machine(Kind::Microvm, &image, &config), 3, &["error"])?;
    Ok(())
}

#[test]
fn without_a_configuration_nothing_is_forwarded() -> Result<()> {
    let Some(image) = image("without_a_configuration_nothing_is_forwarded", &[]) else { return Ok(()) };
    stays_shut(&Machine::new(Kind::Pc, image), 3, &[])?;
    Ok(())
}

#[test]
fn a_missing_nic_is_named_and_nothing_is_forwarded() -> Result<()> {
    let Some(image) = image("a_missing_nic_is_named_and_nothing_is_forwarded", &[]) else { return Ok(()) };
    for kind in Kind::ALL {
        stays_shut(&machine(kind, &image, &example("seed.nacl")), 1, &["inside"])?;
    }
    Ok(())
}

#[test]
fn too_little_memory_is_said_and_nothing_is_forwarded() -> Result<()> {
    let Some(image) = image("too_little_memory_is_said_and_nothing_is_forwarded", &[]) else { return Ok(()) };
    let mut machine = machine(Kind::Q35, &image, &example("seed.nacl"));
    machine.memory_mib = 5;
    stays_shut(&machine, 3, &["memory"])?;
    Ok(())
}
