//! `saltgate run`, as a user types it.

use anyhow::{Context, Result, ensure};
use lab::{Folder, Lab, Process, Signal, Site};
use saltgate_vm_tests::{PATIENCE, Rig, example, image};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The command with the image inside, which `cargo xtask test` builds.
fn saltgate(test: &str) -> Option<PathBuf> {
    image(test, &[])?;
    match std::env::var_os("SALTGATE_COMMAND") {
        Some(command) => Some(command.into()),
        None => lab::skipped(test, "SALTGATE_COMMAND names no command: run `cargo xtask test vm`"),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package lies two folders deep")
}

/// Ctrl-C, as the terminal sends it: the end is clean and soon.
fn interrupt(console: &mut Process) -> Result<()> {
    console.signal(Signal::SIGINT)?;
    let status = console.wait(PATIENCE)?;
    ensure!(status.code() == Some(0), "{status}:\n{}", console.text());
    Ok(())
}

#[test]
fn a_vm_json_connects_taps_and_ctrl_c_ends_it() -> Result<()> {
    let Some(saltgate) = saltgate("a_vm_json_connects_taps_and_ctrl_c_ends_it") else { return Ok(()) };
    for machine in ["pc", "q35", "microvm"] {
        let (lab, site, folder) = (Lab::new()?, Site::new()?, Folder::new("run")?);
        let taps = lab.taps(3)?;
        // Named in another order than `index` counts would be wrong: the order of the file is the order of the NICs.
        let nics = taps.iter().zip(Site::MACS);
        let nics: Vec<_> = nics.map(|(tap, mac)| format!(r#"{{"mac": "{mac}", "attach": "tap:{tap}"}}"#)).collect();
        folder.write("vm.json", format!(r#"{{"mem": 32, "net": [{}]}}"#, nics.join(", ")))?;
        std::fs::copy(example("seed.nacl"), folder.path().join("nacl.txt"))?;

        let mut command = Command::new(&saltgate);
        command.arg("run").arg(folder.path()).args(["--accel", "tcg", "--machine", machine]);
        let console = lab.start(command, &taps, &site.plugs())?;
        let mut rig = Rig::connected(site, lab, console)?;
        interrupt(&mut rig.console)?;
    }
    Ok(())
}

#[test]
fn a_kvm_that_does_not_run_the_guest_is_given_up() -> Result<()> {
    let Some(saltgate) = saltgate("a_kvm_that_does_not_run_the_guest_is_given_up") else { return Ok(()) };
    // Where KVM works it is not given up, and where there is none it is not tried: the guest boots in any case.
    let mut command = Command::new(saltgate);
    command.arg("run").arg(example("guard.nacl"));
    let mut console = Process::start(command)?;
    console.wait_for("ready", PATIENCE)?;
    interrupt(&mut console)
}

#[test]
fn the_readme_shows_what_the_console_prints() -> Result<()> {
    let Some(saltgate) = saltgate("the_readme_shows_what_the_console_prints") else { return Ok(()) };
    let mut blocks = 0;
    for document in ["README.md", "docs/console.md", "docs/run.md"] {
        let text = std::fs::read_to_string(root().join(document))?;
        for (args, expected) in shown_runs(&text) {
            let mut command = Command::new(&saltgate);
            command.args(args.split_whitespace()).current_dir(root());
            let mut console = Process::start(command)?;
            console.wait_for("ready", PATIENCE)?;
            for line in expected {
                // What differs from one machine to the next is left out.
                let parts: Vec<&str> = line.split('…').collect();
                let shown = |printed: &str| {
                    let mut rest = printed;
                    parts.iter().all(|part| match rest.split_once(part) {
                        Some((_, after)) => {
                            rest = after;
                            true
                        }
                        None => false,
                    })
                };
                let printed = console.text();
                ensure!(printed.lines().any(shown), "{document} shows `{line}`, but the console printed\n{printed}");
            }
            interrupt(&mut console).with_context(|| format!("{document}: {args}"))?;
            blocks += 1;
        }
    }
    ensure!(blocks > 0, "no document shows a console");
    Ok(())
}

/// The `saltgate run` commands in the console blocks of a document that start a guest, and the lines below each.
fn shown_runs(document: &str) -> Vec<(&str, Vec<&str>)> {
    let mut runs = Vec::new();
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(args) = line.strip_prefix("$ saltgate ") else { continue };
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("```") && !line.starts_with("$ ")) {
            expected.push(line);
        }
        if args.starts_with("run ") && !args.contains("--dry-run") {
            runs.push((args, expected));
        }
    }
    runs
}
