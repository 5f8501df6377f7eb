//! Page tables: devices uncached, code not writable, data not executable.
#![expect(unsafe_code, reason = "page tables decide what every pointer means")]

use super::{DIRECTORY, MAPPED, PAGE, Window};
use crate::Ring0;
use alloc::alloc::{Layout, alloc_zeroed};
use alloc::vec::Vec;
use core::arch::asm;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

pub(super) const PRESENT: u64 = 1;
pub(super) const WRITABLE: u64 = 1 << 1;
const WRITE_THROUGH: u64 = 1 << 3;
const UNCACHED: u64 = 1 << 4;
pub(super) const LARGE: u64 = 1 << 7;
pub(super) const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const LARGE_PAGE: u64 = 2 << 20;
/// The most that page tables of four levels reach, lower half.
const END: u64 = 1 << 47;

/// What may be done with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Read and execute.
    Code,
    /// Read.
    ReadOnly,
    /// Read and write.
    Data,
    /// Nothing: a fault.
    Guard,
}

/// The page tables in use, one to one throughout. There is one value of this type.
#[derive(Debug)]
pub struct AddressSpace {
    root: NonNull<u64>,
}

impl AddressSpace {
    /// Takes over the tables of the boot code. Needs the heap.
    ///
    /// # Safety
    ///
    /// Called once; the tables in CR3 are mapped one to one, as is all that the heap gives out, and nobody else
    /// changes them.
    pub unsafe fn take_over(_ring0: Ring0) -> Self {
        let root: u64;
        // SAFETY: reading CR3 has no effect.
        unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack, preserves_flags)) }
        let root = NonNull::new((root & ADDRESS) as *mut u64).expect("page tables do not lie at address 0");
        let mut space = Self { root };
        let tables = (0..MAPPED).step_by(LARGE_PAGE as usize * 512).map(|at| space.entry(at, 2, false));
        let tables: Vec<Option<NonNull<u64>>> = tables.collect();
        // The boot code's tables lie side by side, so that one look finds the entry of any large page.
        if let Some(Some(first)) = tables.first()
            && tables
                .iter()
                .enumerate()
                .all(|(nth, table)| table.map(NonNull::as_ptr) == Some(first.as_ptr().wrapping_add(512 * nth)))
        {
            DIRECTORY.store(first.as_ptr() as u64, Ordering::Relaxed);
        }
        space
    }

    /// Makes all memory that the boot code mapped data, except for `sections`, each as it says. Bounds are multiples
    /// of a page.
    ///
    /// # Safety
    ///
    /// The running program still works: its code is `Code`, what it writes `Data`, and nothing it needs a guard.
    pub unsafe fn protect(&mut self, sections: &[(Range<u64>, Protection)]) {
        for (range, protection) in sections {
            let flags = match protection {
                Protection::Code => PRESENT,
                Protection::ReadOnly => PRESENT | NO_EXECUTE,
                Protection::Data => PRESENT | WRITABLE | NO_EXECUTE,
                Protection::Guard => 0,
            };
            for at in range.clone().step_by(PAGE as usize) {
                self.set(at, flags);
            }
        }
        // Only now, when the code has pages of its own that keep their right.
        let is_code = |at: u64| sections.iter().any(|(range, p)| *p == Protection::Code && range.contains(&at));
        for table in (0..MAPPED).step_by(LARGE_PAGE as usize * 512) {
            // One walk for the 512 entries that lie side by side: there are 2048 of them.
            let Some(first) = self.entry(table, 2, false) else { continue };
            for (nth, at) in (table..).step_by(LARGE_PAGE as usize).take(512).enumerate() {
                // SAFETY: `first` is the entry of a multiple of what a table maps, so it is the first of 512.
                let entry = unsafe { first.add(nth) };
                if Self::is_large(entry) {
                    // SAFETY: as above; only this value changes page tables.
                    unsafe { entry.write(entry.read() | NO_EXECUTE) }
                } else {
                    let pages = (at..at + LARGE_PAGE).step_by(PAGE as usize);
                    pages.filter(|&page| !is_code(page)).for_each(|page| self.forbid_execution(page));
                }
            }
        }
        self.flush();
    }

    /// Maps registers of a device that somebody else drives, uncached and for ever, where they are physically; `None`
    /// for an impossible address. They may lie anywhere in their pages.
    pub fn map_registers(&mut self, physical: u64, len: u64) -> Option<NonNull<u8>> {
        self.map_device(physical, len).map(|window| window.base())
    }

    /// Maps a device's registers uncached, where they are physically; `None` for an impossible address.
    pub(crate) fn map_device(&mut self, physical: u64, len: u64) -> Option<Window> {
        let base = NonNull::new(physical as *mut u8)?;
        let end = physical.checked_add(len).filter(|&end| end <= END && len > 0)?;
        for at in (physical / PAGE * PAGE..end).step_by(PAGE as usize) {
            self.set(at, PRESENT | WRITABLE | WRITE_THROUGH | UNCACHED | NO_EXECUTE);
        }
        self.flush();
        Some(Window { base, len: len as usize })
    }

    fn forbid_execution(&mut self, at: u64) {
        if let Some(entry) = self.entry(at, 1, false) {
            // SAFETY: `entry` lies in a page table, which only this value changes.
            unsafe { entry.write(entry.read() | NO_EXECUTE) }
        }
    }

    fn is_large(entry: NonNull<u64>) -> bool {
        // SAFETY: only `entry` makes such pointers, into a page table.
        unsafe { entry.read() & LARGE != 0 }
    }

    /// Maps one page, one to one.
    fn set(&mut self, at: u64, flags: u64) {
        let entry = self.entry(at, 1, true).expect("missing tables are made");
        // SAFETY: `entry` lies in a page table, which only this value changes.
        unsafe { entry.write(at & ADDRESS | flags) }
    }

    /// The entry for an address at a level: 1 a page, 2 a large page. With `make`, missing tables are made and large
    /// pages split.
    fn entry(&mut self, at: u64, level: u32, make: bool) -> Option<NonNull<u64>> {
        let mut table = self.root;
        for upper in (level + 1..=4).rev() {
            // SAFETY: an index below 512 in a table of 512 entries.
            let entry = unsafe { table.add(index(at, upper)) };
            // SAFETY: as above.
            let mut value = unsafe { entry.read() };
            if value & PRESENT == 0 || value & LARGE != 0 {
                if !make {
                    return None;
                }
                value = Self::make_table(value, upper);
                // SAFETY: as above; the new table maps what the entry mapped.
                unsafe { entry.write(value) };
            }
            table = NonNull::new((value & ADDRESS) as *mut u64)?;
        }
        // SAFETY: an index below 512.
        Some(unsafe { table.add(index(at, level)) })
    }

    /// An entry for a new table at the level below `upper`, which maps what `old` mapped.
    fn make_table(old: u64, upper: u32) -> u64 {
        let layout = Layout::new::<PageTable>();
        // SAFETY: the layout is not empty.
        let table = NonNull::new(unsafe { alloc_zeroed(layout) }.cast::<u64>()).expect("memory for a page table");
        if old & LARGE != 0 {
            let (step, keep) = if upper == 2 { (PAGE, !LARGE) } else { (LARGE_PAGE, u64::MAX) };
            for at in 0..512 {
                // SAFETY: an index below 512 in the new table. A large page's address has no bits below its size, so
                // adding does not carry into them.
                unsafe { table.add(at).write((old & keep) + at as u64 * step) };
            }
        }
        table.as_ptr() as u64 | PRESENT | WRITABLE
    }

    pub(super) fn flush(&mut self) {
        // SAFETY: the same tables again; it forgets what the CPU remembers of them.
        unsafe { asm!("mov {0}, cr3", "mov cr3, {0}", out(reg) _, options(nostack, preserves_flags)) }
    }
}

#[repr(C, align(4096))]
struct PageTable([u64; 512]);

/// Nine bits of an address for each level.
fn index(at: u64, level: u32) -> usize {
    (at >> (12 + 9 * (level - 1)) & 511) as usize
}
