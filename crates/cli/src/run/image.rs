//! Which unikernel is booted.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

#[cfg(embedded_image)]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(env!("SALTGATE_IMAGE")));
#[cfg(not(embedded_image))]
const EMBEDDED: Option<&[u8]> = None;

/// The image as a file: the one that was named, else the one inside this program.
pub fn locate(named: Option<&Path>) -> Result<PathBuf> {
    match (named, EMBEDDED) {
        (Some(path), _) => {
            ensure!(path.is_file(), "there is no image {}", path.display());
            Ok(path.to_owned())
        }
        (None, Some(bytes)) => unpack(bytes).context("cannot write the image where QEMU can read it"),
        (None, None) => bail!(
            "this saltgate was built without an image in it; build both with\n    cargo xtask image\nor name one: --image FILE"
        ),
    }
}

/// Writes the image into the user's cache, where it stays: QEMU reads files, and a printed command should work again.
fn unpack(bytes: &[u8]) -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache =
        cache.or_else(|| home.map(|home| home.join(".cache"))).context("neither HOME nor XDG_CACHE_HOME is set")?;
    let dir = cache.join("saltgate");
    let file = dir.join(concat!("saltgate-", env!("CARGO_PKG_VERSION"), ".elf"));
    if std::fs::read(&file).is_ok_and(|there| there == bytes) {
        return Ok(file);
    }
    // Another saltgate may start at the same time: each writes its own file, and the last name wins whole.
    let fresh = dir.join(format!("new-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    std::fs::write(&fresh, bytes).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, &file).with_context(|| file.display().to_string())?;
    Ok(file)
}
