//! Running other programs: said aloud, with their output passed on.

use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// `cargo ARGS…` in the repository, by the cargo that runs us.
pub fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs it, showing the command and all of its output; true if it succeeded.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    announce(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_run(command))?;
    Ok(status.success())
}

/// Like [`succeeds`], but a failure is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let good = succeeds(command)?;
    ensure!(good, "failed: {}", shown(command));
    Ok(())
}

/// Runs it with its output passed on, and also hands each line of its standard output to `each`.
pub fn tee(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool> {
    announce(command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| cannot_run(command))?;
    let mut reader = BufReader::new(child.stdout.take().expect("the output is piped"));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        each(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(child.wait()?.success())
}

/// Is there a program of this name?
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian keeps daemons and `ip`, which a plain user's PATH leaves out.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|dir| dir.join(program).is_file())
}

/// Are we root, here or in a user namespace?
pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            uids.split_whitespace().nth(1).map(|effective| effective == "0")
        })
        .unwrap_or(false)
}

fn announce(command: &Command) {
    println!("$ {}", shown(command));
}

fn cannot_run(command: &Command) -> String {
    format!("cannot run {}", command.get_program().to_string_lossy())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}
