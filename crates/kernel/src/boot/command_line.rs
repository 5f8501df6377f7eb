//! The kernel command line: words and `key=value` pairs, separated by spaces.

use crate::PhysicalMemory;

const CAPACITY: usize = 2048;

/// Holds the first 2,048 bytes; bytes beyond ASCII read as `?`.
#[derive(Clone, Debug)]
pub struct CommandLine {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Default for CommandLine {
    fn default() -> Self {
        Self { bytes: [0; CAPACITY], len: 0 }
    }
}

impl CommandLine {
    /// Copies bytes up to the first zero.
    pub fn new(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut line = Self::default();
        let bytes = bytes.into_iter().take_while(|&byte| byte != 0);
        for (place, byte) in line.bytes.iter_mut().zip(bytes) {
            *place = if byte.is_ascii() { byte } else { b'?' };
            line.len += 1;
        }
        line
    }

    /// Copies the zero-terminated string at an address, 0 meaning none.
    pub(super) fn read(physical: &impl PhysicalMemory, address: u64) -> Self {
        Self::new((address..).map_while(|at| physical.read(at, 1).and_then(|byte| byte.first().copied())))
    }

    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    /// The value of the last `key=value`.
    pub fn value<'a>(&'a self, key: &str) -> Option<&'a str> {
        self.values(key).last()
    }

    /// The values of every `key=value`, in order.
    pub fn values<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.as_str().split_ascii_whitespace().filter_map(move |word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn values_are_found_by_their_key() {
        let line = CommandLine::new(*b"panic=exit nics=a,b  virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=512@0xfeb00c00:11 panics=1\0panic=no");
        assert_eq!(line.value("panic"), Some("exit"));
        assert_eq!(line.value("nics"), Some("a,b"));
        assert_eq!(line.values("virtio_mmio.device").collect::<Vec<_>>(), ["512@0xfeb00e00:12", "512@0xfeb00c00:11"]);
        assert_eq!(line.value("nic"), None);
        assert_eq!(line.value(""), None);
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(CommandLine::new(*b"a=1 a=2 a=").value("a"), Some(""));
    }

    #[test]
    fn a_long_line_of_any_bytes_is_cut() {
        let line = CommandLine::new(core::iter::repeat_n(0xff, 5000));
        assert_eq!(line.as_str().len(), CAPACITY);
        assert!(line.as_str().bytes().all(|byte| byte == b'?'));
    }
}
