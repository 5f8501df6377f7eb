//! QEMU's firmware configuration device: named files from the command line (QEMU `docs/specs/fw_cfg.rst`).

use crate::Ring0;
use alloc::vec;
use alloc::vec::Vec;

const SELECTOR: u16 = 0x510;
const DATA: u16 = 0x511;
const SIGNATURE: u16 = 0x00;
const DIRECTORY: u16 = 0x19;
/// Bytes of a directory entry: size 4, selector 2, reserved 2, name 56; big-endian.
const ENTRY: usize = 64;
/// More files than any QEMU has.
const MAX_FILES: u32 = 4096;

#[derive(Debug)]
pub struct FwCfg {
    ring0: Ring0,
}

impl FwCfg {
    /// `None` where there is no such device.
    pub fn open(ring0: Ring0) -> Option<Self> {
        let mut device = Self { ring0 };
        device.select(SIGNATURE);
        let mut signature = [0; 4];
        device.read(&mut signature);
        (&signature == b"QEMU").then_some(device)
    }

    /// The contents of a file, if there is one of this name and at most `max_len` bytes; a longer one is cut.
    pub fn file(&mut self, name: &str, max_len: usize) -> Option<Vec<u8>> {
        self.select(DIRECTORY);
        let mut count = [0; 4];
        self.read(&mut count);
        for _ in 0..u32::from_be_bytes(count).min(MAX_FILES) {
            let mut entry = [0; ENTRY];
            self.read(&mut entry);
            let (len, selector, entry_name) = parse_entry(&entry);
            if entry_name == name.as_bytes() {
                let mut bytes = vec![0; (len as usize).min(max_len)];
                self.select(selector);
                self.read(&mut bytes);
                return Some(bytes);
            }
        }
        None
    }

    fn select(&mut self, item: u16) {
        self.ring0.out16(SELECTOR, item);
    }

    fn read(&mut self, into: &mut [u8]) {
        into.fill_with(|| self.ring0.in8(DATA));
    }
}

/// Length, selector and name of a file.
fn parse_entry(entry: &[u8; ENTRY]) -> (u32, u16, &[u8]) {
    let [a, b, c, d, e, f, _, _, name @ ..] = entry;
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    (u32::from_be_bytes([*a, *b, *c, *d]), u16::from_be_bytes([*e, *f]), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_entry_is_length_selector_and_name() {
        let mut entry = [0; ENTRY];
        entry[..8].copy_from_slice(&[0, 0, 1, 2, 0, 0x21, 0, 0]);
        entry[8..27].copy_from_slice(b"opt/saltgate/config");
        assert_eq!(parse_entry(&entry), (0x102, 0x21, b"opt/saltgate/config".as_slice()));
        entry[8..].fill(b'x');
        assert_eq!(parse_entry(&entry).2.len(), 56);
    }
}
