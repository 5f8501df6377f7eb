//! I/O ports, and the witness that using them is allowed.
#![expect(unsafe_code, reason = "port instructions")]

use core::arch::asm;

/// Witness that the program runs on bare metal at privilege level 0, on one core, as its only owner.
#[derive(Clone, Copy, Debug)]
pub struct Ring0(());

impl Ring0 {
    /// # Safety
    ///
    /// It is as the type says. In particular nobody else drives the devices of the PC, and the first 4 GiB of physical
    /// memory are mapped one to one.
    pub const unsafe fn assume() -> Self {
        Self(())
    }

    pub(crate) fn in8(self, port: u16) -> u8 {
        let value;
        // SAFETY: the witness says that port instructions do not fault; the ports that this crate reads have no effect
        // on memory.
        unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) }
        value
    }

    pub(crate) fn in32(self, port: u16) -> u32 {
        let value;
        // SAFETY: as `in8`.
        unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack, preserves_flags)) }
        value
    }

    pub(crate) fn out8(self, port: u16, value: u8) {
        // SAFETY: as `in8`. Devices may read memory in answer, so it is not `nomem`.
        unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags)) }
    }

    pub(crate) fn out16(self, port: u16, value: u16) {
        // SAFETY: as `out8`.
        unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags)) }
    }

    pub(crate) fn out32(self, port: u16, value: u32) {
        // SAFETY: as `out8`.
        unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags)) }
    }
}
