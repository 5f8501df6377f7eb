//! Large tables of zeros, cleared a page at a time when a page is first touched.
//!
//! A flow table for hundreds of thousands of connections is many megabytes of zeros, of which the first packet needs a
//! few hundred bytes. Its large pages get a table of 4 KiB pages each, all absent; touching one faults, and the fault's
//! handler (`cpu/interrupt.rs`) maps it and clears it. As small pages cost a processor more look-ups for ever,
//! [`AddressSpace::finish_zeroing`] makes them large again, one at a time, when there is time.

use super::paging::{LARGE, NO_EXECUTE, PRESENT, WRITABLE};
use super::{AddressSpace, MAPPED, PAGE};
use alloc::alloc::{Layout, alloc, dealloc};
use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

const LARGE_PAGE: u64 = 2 << 20;
/// Large pages that the boot code has mapped.
const PAGES: usize = (MAPPED / LARGE_PAGE) as usize;
/// Of an entry for a large page, in a bit that the processor leaves to us: it leads to a table of pages of which the
/// absent ones are to be cleared.
const LATER: u64 = 1 << 9;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
// The handler of page faults has these as numbers.
const _: () = assert!(PAGES == 2048 && PRESENT | LARGE | LATER == 0x281 && PRESENT | LATER == 0x201);
/// A page's entry, its address left out.
const CLEARED: u64 = PRESENT | WRITABLE | NO_EXECUTE;
const _: () = assert!(CLEARED == 0x8000_0000_0000_0003);

/// Address of the entries for the first [`PAGES`] large pages, one behind the other; 0: nothing is cleared later. The
/// fault's handler reads it.
pub(crate) static DIRECTORY: AtomicU64 = AtomicU64::new(0);

/// Zeroes memory, large parts of it when they are first touched.
///
/// # Safety
///
/// `len` bytes at `memory` are writable and the caller's alone; no device is told of them before they were touched. They
/// are plain memory, mapped by an [`AddressSpace`] that nobody is using at the moment.
pub unsafe fn zero_later(memory: *mut u8, len: usize) {
    let at = memory as u64;
    let pages = whole_pages(at, len as u64);
    let now = |range: Range<u64>| {
        // SAFETY: parts of the caller's memory.
        unsafe { (range.start as *mut u8).write_bytes(0, (range.end - range.start) as usize) }
    };
    now(at..pages.start);
    for page in pages.clone().step_by(LARGE_PAGE as usize) {
        if !postpone(page) {
            now(page..page + LARGE_PAGE);
        }
    }
    now(pages.end..at + len as u64);
}

/// Those large pages that lie in `len` bytes at `at` and have nothing else in them; an empty range within the bytes if
/// there are none.
fn whole_pages(at: u64, len: u64) -> Range<u64> {
    let end = at + len;
    let start = at.next_multiple_of(LARGE_PAGE).min(end);
    start..(end / LARGE_PAGE * LARGE_PAGE).max(start)
}

/// The entry for the large page at this address; `None` where there is no telling.
fn entry(page: u64) -> Option<*mut u64> {
    let nth = usize::try_from(page / LARGE_PAGE).ok().filter(|&nth| nth < PAGES)?;
    let directory = DIRECTORY.load(Ordering::Relaxed) as *mut u64;
    (!directory.is_null()).then(|| directory.wrapping_add(nth))
}

/// Takes a large page apart, so that each part is cleared when it is touched; false, and nothing changes, where that
/// is not possible.
fn postpone(page: u64) -> bool {
    let Some(entry) = entry(page) else { return false };
    // SAFETY: `DIRECTORY` says where the entries are, and only this core changes them.
    let old = unsafe { entry.read() };
    if old & (PRESENT | WRITABLE | LARGE) != PRESENT | WRITABLE | LARGE {
        return false;
    }
    // SAFETY: the layout is not empty.
    let table = unsafe { alloc(TABLE) };
    if table.is_null() {
        return false;
    }
    // SAFETY: the table is ours, and complete before the entry leads to it; what the processor remembers of the large
    // page is forgotten. Whoever touches the page from now on faults, and finds zeros.
    unsafe {
        table.write_bytes(0, TABLE.size());
        entry.write_volatile(table as u64 | PRESENT | WRITABLE | LATER);
        asm!("invlpg [{}]", in(reg) page, options(nostack, preserves_flags));
    }
    true
}

/// Of a page table.
const TABLE: Layout = match Layout::from_size_align(PAGE as usize, PAGE as usize) {
    Ok(layout) => layout,
    Err(_) => panic!("a page is as large as it is aligned"),
};

impl AddressSpace {
    /// Clears what is left of one large page, and makes it large again; false if there is none.
    pub fn finish_zeroing(&mut self) -> bool {
        let entries = (0..MAPPED).step_by(LARGE_PAGE as usize).filter_map(|page| Some((page, entry(page)?)));
        // SAFETY: `DIRECTORY` says where the entries are.
        let Some((page, entry)) =
            { entries }.find(|(_, entry)| unsafe { entry.read() } & (PRESENT | LATER | LARGE) == PRESENT | LATER)
        else {
            return false;
        };
        // SAFETY: the entry was made by `postpone` and leads to a table of 512 entries, which nothing but the fault's
        // handler changes; an absent page has nothing in it. The table is given back when nothing leads to it any more.
        unsafe {
            let table = (entry.read() & ADDRESS) as *mut u64;
            for (nth, at) in (page..page + LARGE_PAGE).step_by(PAGE as usize).enumerate() {
                if table.add(nth).read_volatile() == 0 {
                    table.add(nth).write_volatile(at | CLEARED);
                    (at as *mut u8).write_bytes(0, PAGE as usize);
                }
            }
            entry.write_volatile(page | CLEARED | LARGE);
            self.flush();
            dealloc(table.cast(), TABLE);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_with_nothing_else_in_them_are_taken_apart() {
        const L: u64 = LARGE_PAGE;
        //  from       bytes      pages
        let table = [
            (0, 2 * L, 0..2 * L),
            (4096, 2 * L, L..2 * L),
            (L - 16, 3 * L + 32, L..4 * L),
            (L + 16, L, 2 * L..2 * L),
            (L + 16, 100, L + 116..L + 116),
            (5 * L, L - 1, 5 * L..5 * L),
        ];
        for (at, len, pages) in table {
            assert_eq!(whole_pages(at, len), pages, "{len} bytes at {at:#x}");
        }
    }

    #[test]
    fn without_page_tables_everything_is_cleared_at_once() {
        let mut memory = std::vec![7u8; 5 << 20];
        // SAFETY: the vector's own bytes; the host has told nobody where its page tables are.
        unsafe { zero_later(memory[3..].as_mut_ptr(), (5 << 20) - 4) };
        assert_eq!((memory[2], memory[(5 << 20) - 1]), (7, 7));
        assert!(memory[3..(5 << 20) - 1].iter().all(|&byte| byte == 0));
    }
}
