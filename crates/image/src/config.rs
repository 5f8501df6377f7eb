//! Where the configuration comes from: the first place that has one, and its name for the console.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use kernel::boot::{BootInfo, CommandLine};
use kernel::{FwCfg, PhysicalMemory, Ring0};

/// NaCl text as it was found; whether it is text at all is for the compiler to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigText<'m> {
    /// Where it was found, as the console names it.
    pub origin: &'static str,
    pub bytes: Cow<'m, [u8]>,
}

/// A configuration as the console names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigPlace {
    pub name: String,
    /// As [`ConfigText::origin`].
    pub origin: &'static str,
    /// Bytes.
    pub len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Nowhere.
    None,
    TooLong {
        origin: &'static str,
        len: u64,
    },
    /// The boot loader says that it lies where no memory is.
    Unreadable,
}

/// Names under which QEMU's `-fw_cfg name=…,file=…` may hand over a configuration.
const FILES: [(&str, &str); 2] =
    [("opt/saltgate/config", "fw_cfg opt/saltgate/config"), ("opt/fw/config", "fw_cfg opt/fw/config")];
/// Longer texts are a mistake; 100,000 rules have less.
const MAX_LEN: u64 = 64 << 20;

/// Looks at the boot modules, then at the firmware configuration device.
pub fn find<'m>(
    ring0: Ring0,
    boot: &BootInfo,
    physical: &'m impl PhysicalMemory,
) -> Result<ConfigText<'m>, ConfigError> {
    if let Some(module) = boot.modules[0] {
        let origin = "boot module";
        if module.len > MAX_LEN {
            return Err(ConfigError::TooLong { origin, len: module.len });
        }
        let bytes = physical.read(module.start, module.len as usize).ok_or(ConfigError::Unreadable)?;
        return Ok(ConfigText { origin, bytes: Cow::Borrowed(bytes) });
    }
    let mut files = FwCfg::open(ring0).ok_or(ConfigError::None)?;
    for (name, origin) in FILES {
        if let Some(bytes) = files.file(name, MAX_LEN as usize + 1) {
            let len = bytes.len() as u64;
            return if len > MAX_LEN {
                Err(ConfigError::TooLong { origin, len })
            } else {
                Ok(ConfigText { origin, bytes: Cow::Owned(bytes) })
            };
        }
    }
    Err(ConfigError::None)
}

/// What the configuration is called in messages: `config=NAME` of the command line, or a name of our own. Whoever
/// starts the box knows the file's name; the box does not.
pub fn name(command_line: &CommandLine) -> String {
    command_line.value("config").filter(|name| !name.is_empty()).unwrap_or("config.nacl").into()
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no configuration, neither a boot module nor a fw_cfg file opt/saltgate/config"),
            Self::TooLong { origin, len } => {
                write!(f, "the configuration ({origin}) has {len} bytes, the most are {MAX_LEN}")
            }
            Self::Unreadable => f.write_str("the boot module lies where no memory is"),
        }
    }
}

impl core::error::Error for ConfigError {}
