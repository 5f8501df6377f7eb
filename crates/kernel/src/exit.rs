//! The ways out.
#![expect(unsafe_code, reason = "halting, and a reset by triple fault")]

use crate::Ring0;
use core::arch::asm;

/// What is to happen at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    #[default]
    Reboot,
    /// Leave QEMU through its `isa-debug-exit` device.
    Debug,
    /// Stay, so that the console can be read.
    Halt,
}

/// Does it. `code` is for [`debug_exit`].
pub fn leave(ring0: Ring0, exit: Exit, code: u8) -> ! {
    match exit {
        Exit::Reboot => reboot(ring0),
        Exit::Debug => debug_exit(ring0, code),
        Exit::Halt => halt(ring0),
    }
}

/// QEMU ends with the status `code * 2 + 1` where it has `-device isa-debug-exit,iobase=0xf4`; else the CPU halts.
pub fn debug_exit(ring0: Ring0, code: u8) -> ! {
    ring0.out8(0xf4, code);
    halt(ring0)
}

/// Resets the machine, by whichever way works first.
pub fn reboot(ring0: Ring0) -> ! {
    // The chipset's reset register (PIIX, ICH), then the keyboard controller.
    ring0.out8(0xcf9, 0x02);
    ring0.out8(0xcf9, 0x06);
    ring0.out8(0x64, 0xfe);
    let empty = [0u16; 5];
    // SAFETY: with an empty interrupt table the breakpoint faults three times, which resets the CPU. Nothing runs
    // after it. A microVM has no other way.
    unsafe { asm!("lidt [{}]", "int3", in(reg) &empty, options(noreturn)) }
}

/// Stops for good.
pub fn halt(_ring0: Ring0) -> ! {
    loop {
        // SAFETY: the witness allows it; with interrupts off the CPU sleeps until it is reset.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) }
    }
}
