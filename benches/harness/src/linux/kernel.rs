//! Debian's Linux for virtual machines, from Debian's own package.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The series to measure against, if the machine's package lists have it; otherwise the newest.
const SERIES: &str = "6.12.";
/// What follows the version in the names of kernels without drivers for real hardware.
const FLAVOR: &str = "cloud-amd64";

/// A kernel that was unpacked.
pub struct Kernel {
    pub version: String,
    dir: PathBuf,
    /// Its modules by their names, with `_` for each `-`.
    modules: BTreeMap<String, PathBuf>,
}

impl Kernel {
    /// Downloads and unpacks it, unless that was done before.
    pub fn fetch(dir: &Path) -> Result<Self> {
        let unpacked = |version: &str| dir.join(format!("kernel-{version}"));
        let known = std::fs::read_to_string(dir.join("kernel.version")).unwrap_or_default();
        let known = known.trim();
        if !known.is_empty() && unpacked(known).is_dir() {
            return Self::open(known, unpacked(known));
        }
        let package = newest()?;
        let version = package.trim_start_matches("linux-image-").to_owned();
        println!("downloading {package}");
        let debs = dir.join("debs");
        std::fs::create_dir_all(&debs)?;
        run(Command::new("apt-get").args(["download", "-qq", &package]).current_dir(&debs))?;
        let deb = std::fs::read_dir(&debs)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{package}_")))
            })
            .with_context(|| format!("apt-get has downloaded no {package}"))?;
        let fresh = dir.join("kernel.new");
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh)?;
        }
        run(Command::new("dpkg-deb").arg("-x").args([&deb, &fresh]))?;
        std::fs::rename(&fresh, unpacked(&version))?;
        std::fs::write(dir.join("kernel.version"), &version)?;
        Self::open(&version, unpacked(&version))
    }

    fn open(version: &str, dir: PathBuf) -> Result<Self> {
        let mut modules = BTreeMap::new();
        let roots = ["lib/modules", "usr/lib/modules"].map(|root| dir.join(root).join(version));
        let root = roots.iter().find(|root| root.is_dir()).context("the kernel's package has no modules")?;
        collect(root, &mut modules)?;
        Ok(Self { version: version.to_owned(), dir, modules })
    }

    /// The file that a boot loader loads.
    pub fn image(&self) -> PathBuf {
        self.dir.join(format!("boot/vmlinuz-{}", self.version))
    }

    /// These modules and all that they depend on, each after those, with their contents. What the kernel has built in
    /// is left out.
    pub fn modules(&self, wanted: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
        let mut loaded = Vec::new();
        wanted.iter().try_for_each(|name| self.load(name, &mut loaded))?;
        Ok(loaded)
    }

    fn load(&self, name: &str, loaded: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
        let name = name.replace('-', "_");
        let Some(path) = self.modules.get(&name) else { return Ok(()) };
        let file = format!("{name}.ko");
        if loaded.iter().any(|(known, _)| *known == file) {
            return Ok(());
        }
        let module = unpack(path)?;
        dependencies(&module).iter().try_for_each(|name| self.load(name, loaded))?;
        loaded.push((file, module));
        Ok(())
    }
}

/// The name of the package.
fn newest() -> Result<String> {
    let list = || -> Result<Vec<String>> {
        let mut search = Command::new("apt-cache");
        search.args(["search", "--names-only", &format!("^linux-image-[0-9][0-9.]*.*{FLAVOR}$")]);
        let output = search.output().context("cannot run apt-cache")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
    };
    let mut names = list()?;
    if names.is_empty() {
        // The package lists may be absent.
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        names = list()?;
    }
    choose(names).with_context(|| format!("Debian's package lists have no linux-image-…-{FLAVOR}"))
}

fn choose(mut names: Vec<String>) -> Option<String> {
    let version = |name: &String| -> Vec<u32> {
        let version = name.trim_start_matches("linux-image-");
        version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok()).collect()
    };
    names.sort_by_key(version);
    let of_series = names.iter().rfind(|name| name.starts_with(&format!("linux-image-{SERIES}")));
    of_series.or(names.last()).cloned()
}

fn collect(dir: &Path, modules: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        // Links lead out of the package.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, modules)?;
        } else if let Some((name, _)) = path.file_name().and_then(|name| name.to_str()?.split_once(".ko")) {
            modules.insert(name.replace('-', "_"), path.clone());
        }
    }
    Ok(())
}

fn unpack(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return Ok(std::fs::read(path)?),
    };
    let output =
        Command::new(program).arg("-dc").arg(path).output().with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} cannot read {}", path.display());
    Ok(output.stdout)
}

/// What a module says that it needs: `depends=a,b` in its `.modinfo` section.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let rest = &module[at + KEY.len()..];
    let end = rest.iter().position(|&byte| byte == 0).unwrap_or(0);
    let names = String::from_utf8_lossy(&rest[..end]).into_owned();
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

pub(super) fn run(command: &mut Command) -> Result<()> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {shown}"))?;
    ensure!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_of_the_series_is_chosen() {
        let names = |list: &[&str]| list.iter().map(|&name| format!("linux-image-{name}-cloud-amd64")).collect();
        //  there                                         chosen
        let table: [(&[&str], Option<&str>); 3] = [
            (&["6.12.9+deb12", "6.1.0-30", "6.12.101+deb12", "6.16.1+deb13"], Some("6.12.101+deb12")),
            (&["6.1.0-9", "6.1.0-30"], Some("6.1.0-30")),
            (&[], None),
        ];
        for (there, chosen) in table {
            let chosen = chosen.map(|version| format!("linux-image-{version}-cloud-amd64"));
            assert_eq!(choose(names(there)), chosen);
        }
    }

    #[test]
    fn a_module_names_what_it_needs() {
        assert_eq!(dependencies(b"x\0depends=nf_tables,x_tables\0retpoline=Y\0"), ["nf_tables", "x_tables"]);
        assert_eq!(dependencies(b"x\0depends=\0y"), [""; 0]);
        assert_eq!(dependencies(b"nothing"), [""; 0]);
    }
}
