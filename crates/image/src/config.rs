//! Where the configuration comes from: the first place that has one, and its name for the console.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use kernel::boot::BootInfo;
use kernel::{FwCfg, PhysicalMemory, Ring0};

/// NaCl text as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigText {
    /// Where it was found, as diagnostics name it.
    pub source: &'static str,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Nowhere.
    None,
    /// Found, and no text: the byte at this offset begins no UTF-8 character.
    NotText {
        source: &'static str,
        line: usize,
        column: usize,
    },
    TooLong {
        source: &'static str,
        len: u64,
    },
}

/// Names under which QEMU's `-fw_cfg name=…,file=…` may hand over a configuration.
const FILES: [(&str, &str); 2] =
    [("opt/saltgate/config", "fw_cfg:opt/saltgate/config"), ("opt/fw/config", "fw_cfg:opt/fw/config")];
/// Longer texts are a mistake; 100,000 rules have less.
const MAX_LEN: u64 = 64 << 20;

/// Looks at the boot modules, then at the firmware configuration device.
pub fn find(ring0: Ring0, boot: &BootInfo, physical: &impl PhysicalMemory) -> Result<ConfigText, ConfigError> {
    if let Some(module) = boot.modules[0] {
        let source = "module";
        if module.len > MAX_LEN {
            return Err(ConfigError::TooLong { source, len: module.len });
        }
        let bytes = physical.read(module.start, module.len as usize).unwrap_or_default();
        return text(source, bytes.to_owned());
    }
    let mut files = FwCfg::open(ring0).ok_or(ConfigError::None)?;
    for (name, source) in FILES {
        if let Some(bytes) = files.file(name, MAX_LEN as usize) {
            return text(source, bytes);
        }
    }
    Err(ConfigError::None)
}

fn text(source: &'static str, bytes: Vec<u8>) -> Result<ConfigText, ConfigError> {
    String::from_utf8(bytes).map(|text| ConfigText { source, text }).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let start = good.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let column = core::str::from_utf8(&good[start..]).map_or(0, |text| text.chars().count()) + 1;
        ConfigError::NotText { source, line, column }
    })
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no configuration: neither a boot module nor a fw_cfg file opt/saltgate/config"),
            Self::NotText { source, line, column } => {
                write!(f, "{source}:{line}:{column}: the configuration is no UTF-8 text from here on")
            }
            Self::TooLong { source, len } => {
                write!(f, "{source}: the configuration has {len} bytes, the most are {MAX_LEN}")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_named_by_line_and_column() {
        let table: [(&[u8], usize, usize); 4] = [
            (b"\xff", 1, 1),
            (b"ab\n\xc3", 2, 1),
            ("é\nüx\u{0}\u{fffd}".as_bytes(), 0, 0),
            (b"a\n\xc3\xa9x\xfe\xfe", 2, 3),
        ];
        for (bytes, line, column) in table {
            match text("module", bytes.to_owned()) {
                Ok(found) => assert_eq!((found.text.as_bytes(), line), (bytes, 0)),
                Err(error) => assert_eq!(error, ConfigError::NotText { source: "module", line, column }),
            }
        }
    }
}
