//! Builds the unikernel, checks what must hold of it, and builds `saltgate` with it inside.

use crate::elf::{Elf, PT_TLS};
use crate::sh;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The promise: stripped, with the compiler inside.
pub const LARGEST: u64 = 2 << 20;

/// The environment variable by which the build script of `saltgate` learns where the image lies.
pub const VARIABLE: &str = "SALTGATE_IMAGE";

/// Builds the image and the command with the image inside; returns where the image lies.
pub fn build_all() -> Result<PathBuf> {
    let image = build()?;
    sh::run(sh::cargo(["build", "--release", "--package", "saltgate-cli"]).env(VARIABLE, &image))?;
    println!("command: {}", command_path().display());
    Ok(image)
}

/// Where [`build_all`] leaves the command.
pub fn command_path() -> PathBuf {
    sh::target_dir().join("release/saltgate")
}

/// Builds, checks and strips the image, and returns where it lies.
pub fn build() -> Result<PathBuf> {
    sh::run(&mut sh::cargo(["build", "--release", "--package", "saltgate-image"]))?;
    let linked = sh::target_dir().join("release/saltgate-image");
    check(&linked).with_context(|| format!("{} is no sound unikernel", linked.display()))?;

    let dir = sh::target_dir().join("image");
    std::fs::create_dir_all(&dir)?;
    let (fresh, image) = (dir.join("saltgate.new"), dir.join("saltgate.elf"));
    sh::run(Command::new("strip").arg("-o").args([&fresh, &linked]))?;
    let size = std::fs::metadata(&fresh)?.len();
    ensure!(size <= LARGEST, "the image has {size} bytes, more than the {LARGEST} we promise");
    // An image that did not change keeps its time, so that the command is not built again.
    if std::fs::read(&image).ok() != Some(std::fs::read(&fresh)?) {
        std::fs::rename(&fresh, &image)?;
    } else {
        std::fs::remove_file(&fresh)?;
    }
    println!("image: {} ({size} bytes, {} KiB)", image.display(), size.div_ceil(1024));
    Ok(image)
}

/// What the linker must not have done: given us thread-local storage, which nobody sets up, or parts of the host's C
/// library, which links without a word because the target is the host's.
fn check(linked: &Path) -> Result<()> {
    let bytes = std::fs::read(linked)?;
    let elf = Elf::parse(&bytes)?;
    ensure!(elf.segments()?.iter().all(|segment| segment.kind != PT_TLS), "it has a TLS segment");
    ensure!(elf.has_pvh_note()?, "it has no PVH entry note");
    let symbols = elf.symbols()?;
    ensure!(!symbols.is_empty(), "it has no symbol table to check");
    let foreign: Vec<_> = symbols.into_iter().filter(|name| is_libc(name)).collect();
    ensure!(foreign.is_empty(), "it contains parts of the C library: {}", foreign.join(", "));
    Ok(())
}

fn is_libc(symbol: &str) -> bool {
    const SIGNS: &[&str] = &["syscall", "malloc", "open", "read", "write", "getrandom", "abort", "environ"];
    SIGNS.contains(&symbol)
        || ["__libc_", "_dl_", "pthread_", "__pthread_", "__errno_location", "_IO_"]
            .iter()
            .any(|prefix| symbol.starts_with(prefix))
}
