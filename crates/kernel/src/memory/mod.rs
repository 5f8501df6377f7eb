//! Memory as the hardware has it: what there is, and how it is mapped.
#![expect(unsafe_code, reason = "physical memory is reached through raw pointers")]

mod map;
mod paging;
mod zero;

pub use map::MemoryMap;
pub use paging::{AddressSpace, Protection};
pub(crate) use zero::DIRECTORY;
pub use zero::zero_later;

use core::ptr::NonNull;

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;
/// What the boot code has mapped one to one.
pub(crate) const MAPPED: u64 = 1 << 32;

/// Reads tables that firmware and boot loader left in memory.
pub trait PhysicalMemory {
    /// `None` where there is no such memory.
    fn read(&self, address: u64, len: usize) -> Option<&[u8]>;

    /// Little-endian; `None` as [`read`](Self::read).
    fn read_u32(&self, address: u64) -> Option<u32> {
        Some(u32::from_le_bytes(self.read(address, 4)?.try_into().ok()?))
    }

    fn read_u64(&self, address: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.read(address, 8)?.try_into().ok()?))
    }
}

/// The first 4 GiB, mapped one to one by the boot code.
#[derive(Debug)]
pub struct IdentityMap(());

impl IdentityMap {
    /// # Safety
    ///
    /// The first 4 GiB are mapped one to one and readable, and nobody writes to what is read through this value for
    /// as long as a borrow of it lives.
    pub unsafe fn new() -> Self {
        Self(())
    }
}

impl PhysicalMemory for IdentityMap {
    fn read(&self, address: u64, len: usize) -> Option<&[u8]> {
        let end = address.checked_add(len as u64)?;
        if address == 0 || end > MAPPED {
            return None;
        }
        // SAFETY: the range lies in the first 4 GiB and does not begin at the null address; the contract of `new` says
        // that it is mapped and nobody writes to it.
        Some(unsafe { core::slice::from_raw_parts(address as *const u8, len) })
    }
}

/// Registers of a device of this crate, mapped uncached.
#[derive(Debug)]
pub(crate) struct Window {
    base: NonNull<u8>,
    len: usize,
}

impl Window {
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The register at `offset`, which is a multiple of 4; panics beyond the window, as offsets are our own.
    pub fn read32(&self, offset: usize) -> u32 {
        // SAFETY: `at` checked that the register lies in the window, which is mapped for ever.
        unsafe { self.at(offset).read_volatile() }
    }

    pub fn write32(&mut self, offset: usize, value: u32) {
        // SAFETY: as in `read32`; device registers are nobody's memory.
        unsafe { self.at(offset).write_volatile(value) }
    }

    fn at(&self, offset: usize) -> NonNull<u32> {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.len, "a register within the window");
        // SAFETY: checked above.
        unsafe { self.base.add(offset).cast() }
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use super::PhysicalMemory;
    use std::vec::Vec;

    /// Pieces of memory at chosen addresses.
    #[derive(Default)]
    pub struct FakeMemory(pub Vec<(u64, Vec<u8>)>);

    impl PhysicalMemory for FakeMemory {
        fn read(&self, address: u64, len: usize) -> Option<&[u8]> {
            self.0.iter().find_map(|(base, bytes)| {
                let at = usize::try_from(address.checked_sub(*base)?).ok()?;
                bytes.get(at..at.checked_add(len)?)
            })
        }
    }
}
