//! I/O APICs: interrupt lines become messages to the local APIC (82093AA).

use super::interrupt::Vector;
use crate::memory::{AddressSpace, Window};

const SELECT: usize = 0x00;
const DATA: usize = 0x10;
const VERSION: u32 = 1;
const TABLE: u32 = 0x10;
const MASKED: u32 = 1 << 16;

/// Lines `first..first + lines` of the machine's global interrupts.
#[derive(Debug)]
pub(crate) struct IoApic {
    registers: Window,
    first: u32,
    lines: u32,
}

impl IoApic {
    /// Opens the one at this physical address, all lines masked; `None` where there is none.
    pub fn open(space: &mut AddressSpace, physical: u64, first: u32) -> Option<Self> {
        let mut apic = Self { registers: space.map_device(physical, 4096)?, first, lines: 0 };
        // Bits 23-16: the last line. No I/O APIC has none or all of 256.
        match apic.read(VERSION) >> 16 & 0xff {
            0 | 0xff => return None,
            last => apic.lines = last + 1,
        }
        (0..apic.lines).for_each(|line| apic.write(TABLE + 2 * line, MASKED));
        Some(apic)
    }

    /// Sends a line's interrupts to a vector of the CPU with this local APIC; false where the line is not ours.
    ///
    /// Edge-triggered, active high: a line that stays up until its device is served would otherwise interrupt for ever
    /// between the handler and the driver. Whoever sleeps must have served the device before, so that the next event
    /// makes an edge.
    pub fn route(&mut self, line: u32, vector: Vector, local: u8) -> bool {
        let Some(line) = line.checked_sub(self.first).filter(|&line| line < self.lines) else { return false };
        self.write(TABLE + 2 * line + 1, u32::from(local) << 24);
        self.write(TABLE + 2 * line, u32::from(vector.number()));
        true
    }

    fn read(&mut self, register: u32) -> u32 {
        self.registers.write32(SELECT, register);
        self.registers.read32(DATA)
    }

    fn write(&mut self, register: u32, value: u32) {
        self.registers.write32(SELECT, register);
        self.registers.write32(DATA, value);
    }
}
