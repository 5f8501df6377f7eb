//! The local APIC: interrupt messages come in, and its timer.

use super::interrupt::{SPURIOUS, Vector, set_end_of_interrupt};
use super::{read_msr, tsc};
use crate::memory::{AddressSpace, Window};
use crate::{Clock, Ring0};
use core::time::Duration;

const APIC_BASE: u32 = 0x1b;
const ENABLED: u64 = 1 << 11;
const X2APIC: u64 = 1 << 10;

const ID: usize = 0x20;
const TASK_PRIORITY: usize = 0x80;
const END: usize = 0xb0;
const SPURIOUS_VECTOR: usize = 0xf0;
const TIMER: usize = 0x320;
const LINT0: usize = 0x350;
const LINT1: usize = 0x360;
const TIMER_INITIAL: usize = 0x380;
const TIMER_CURRENT: usize = 0x390;
const TIMER_DIVIDE: usize = 0x3e0;
const MASKED: u32 = 1 << 16;
const DIVIDE_BY_16: u32 = 3;

/// How long the timer is watched at least to learn its frequency.
const WATCH: Duration = Duration::from_micros(200);

#[derive(Debug)]
pub(crate) struct LocalApic {
    registers: Window,
    id: u8,
    /// The time stamp counter when the timer began to be watched.
    watched_from: u64,
    /// Timer ticks in 2^32 nanoseconds; 0 as long as nobody knows.
    ticks: u64,
}

impl LocalApic {
    /// Switches it on, with every legacy interrupt controller masked, and begins to watch its timer, which is of no use
    /// before it is [calibrated](Self::calibrate). `None` where the firmware has left it in x2APIC mode or off.
    pub fn enable(ring0: Ring0, space: &mut AddressSpace) -> Option<Self> {
        // The two 8259s: all lines masked.
        ring0.out8(0x21, 0xff);
        ring0.out8(0xa1, 0xff);
        let base = read_msr(ring0, APIC_BASE);
        if base & (ENABLED | X2APIC) != ENABLED {
            return None;
        }
        let registers = space.map_device(base & 0x000f_ffff_ffff_f000, 4096)?;
        set_end_of_interrupt(registers.base().as_ptr() as u64 + END as u64);
        let mut apic = Self { registers, id: 0, watched_from: 0, ticks: 0 };
        apic.id = (apic.registers.read32(ID) >> 24) as u8;
        apic.registers.write32(SPURIOUS_VECTOR, 0x100 | u32::from(SPURIOUS));
        apic.registers.write32(TASK_PRIORITY, 0);
        apic.registers.write32(LINT0, MASKED);
        apic.registers.write32(LINT1, MASKED);
        apic.registers.write32(TIMER_DIVIDE, DIVIDE_BY_16);
        apic.registers.write32(TIMER, MASKED);
        apic.watched_from = tsc();
        apic.registers.write32(TIMER_INITIAL, u32::MAX);
        Some(apic)
    }

    /// Lets the timer interrupt once, after this time; the longest wait is that of its 32 bits.
    pub fn set_timer(&mut self, after: Duration) {
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let ticks = (u128::from(nanos) * u128::from(self.ticks)) >> 32;
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
        self.registers.write32(TIMER_INITIAL, ticks);
    }

    /// The number of this CPU, for those who send it interrupts.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Learns the frequency of the timer from what it has counted until now, and lets it interrupt by this vector.
    pub fn calibrate(&mut self, clock: &Clock, timer: Vector) {
        let watched = loop {
            let watched = clock.duration(tsc() - self.watched_from);
            if watched >= WATCH {
                break watched;
            }
        };
        let count = u32::MAX - self.registers.read32(TIMER_CURRENT);
        self.ticks = ((u128::from(count) << 32) / watched.as_nanos().max(1)) as u64;
        self.registers.write32(TIMER_INITIAL, 0);
        self.registers.write32(TIMER, u32::from(timer.number()));
    }
}
