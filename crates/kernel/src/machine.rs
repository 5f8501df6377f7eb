//! The machine as one value: time, interrupts, sleep.

use crate::boot::BootInfo;
use crate::clock::Calibration;
use crate::cpu::apic::LocalApic;
use crate::cpu::interrupt::{Interrupts, Vector};
use crate::cpu::io_apic::IoApic;
use crate::pci::Function;
use crate::{AddressSpace, Clock, IdentityMap, Ring0, Serial, acpi::Acpi};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Where I/O APICs are if no firmware says otherwise: the first always, the second on QEMU's microvm.
const IO_APICS: [(u64, u32); 2] = [(0xfec0_0000, 0), (0xfec1_0000, 24)];

/// Brings the machine up and lets it sleep.
#[derive(Debug)]
pub struct Machine {
    ring0: Ring0,
    space: AddressSpace,
    time: Time,
    timer: Vector,
    /// When the timer will interrupt, in nanoseconds of the clock, if it is set.
    alarm: Option<u64>,
    interrupts: Interrupts,
    apic: LocalApic,
    io_apics: Vec<IoApic>,
}

#[derive(Clone, Copy, Debug)]
enum Time {
    Calibrating(Calibration),
    Known(Clock),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineError {
    /// No local APIC in the mode that we can use.
    NoLocalApic,
}

impl Machine {
    /// Loads descriptor tables, finds the interrupt controllers, and begins to calibrate the clock. Needs the heap.
    /// Time 0 was when the time stamp counter was at `begin`.
    pub fn start(
        ring0: Ring0,
        mut space: AddressSpace,
        begin: u64,
        boot: &BootInfo,
        physical: &IdentityMap,
    ) -> Result<Self, MachineError> {
        let time = Time::Calibrating(Calibration::begin(ring0, begin));
        let mut interrupts = Interrupts::install(ring0);
        let timer = interrupts.allocate().expect("the first vector is free");
        let apic = LocalApic::enable(ring0, &mut space).ok_or(MachineError::NoLocalApic)?;
        let listed = Acpi::open(physical, boot.rsdp).map(|acpi| acpi.io_apics()).unwrap_or_default();
        let listed: Vec<_> = listed.into_iter().map(|entry| (entry.physical, entry.first)).collect();
        let places = if listed.is_empty() { IO_APICS.as_slice() } else { listed.as_slice() };
        let io_apics = places.iter().filter_map(|&(at, first)| IoApic::open(&mut space, at, first)).collect();
        Ok(Self { ring0, space, time, timer, alarm: None, interrupts, apic, io_apics })
    }

    /// The clock. Who asks first waits until it is calibrated, if that is not over yet: at most 2 ms.
    pub fn clock(&mut self) -> Clock {
        match self.time {
            Time::Known(clock) => clock,
            Time::Calibrating(calibration) => {
                let clock = calibration.finish(self.ring0);
                self.apic.calibrate(&clock, self.timer);
                self.time = Time::Known(clock);
                clock
            }
        }
    }

    pub fn ring0(&self) -> Ring0 {
        self.ring0
    }

    pub fn space(&mut self) -> &mut AddressSpace {
        &mut self.space
    }

    /// Lets a line of the I/O APICs, numbered globally, wake the machine. `None` where no I/O APIC has it.
    pub fn connect_line(&mut self, line: u32) -> Option<Vector> {
        let vector = self.interrupts.allocate()?;
        let local = self.apic.id();
        self.io_apics.iter_mut().any(|apic| apic.route(line, vector, local)).then_some(vector)
    }

    /// Lets entry 0 of a function's MSI-X table wake the machine. `None` where it has no such table.
    pub fn connect_function(&mut self, function: &mut Function) -> Option<Vector> {
        let vector = self.interrupts.allocate()?;
        function.route(&mut self.space, 0, vector, self.apic.id()).then_some(vector)
    }

    /// Lets input on the serial line wake the machine.
    pub fn connect_serial(&mut self, serial: &mut Serial) -> Option<Vector> {
        let vector = self.connect_line(Serial::IRQ.into())?;
        serial.enable_interrupt();
        Some(vector)
    }

    /// Sleeps until an interrupt, or for this long at most; returns which vectors came, as their [`Vector::bit`]s.
    ///
    /// May wake earlier: setting the timer is an exit to the hypervisor, and wakes it, so one that was set for an
    /// earlier moment is left as it is.
    pub fn sleep(&mut self, at_most: Option<Duration>) -> u64 {
        // The timer needs it.
        let clock = self.clock();
        match at_most {
            Some(Duration::ZERO) => return self.interrupts.take_pending(),
            Some(time) => {
                let now = clock.nanos();
                let wanted = now.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
                if self.alarm.is_none_or(|alarm| alarm > wanted || alarm <= now) {
                    self.apic.set_timer(time);
                    self.alarm = Some(wanted);
                }
            }
            None => {}
        }
        self.interrupts.wait();
        let pending = self.interrupts.take_pending();
        if pending & self.timer.bit() != 0 {
            self.alarm = None;
        }
        pending
    }
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLocalApic => f.write_str("the local APIC is off, or in a mode that is not supported (x2APIC)"),
        }
    }
}

impl core::error::Error for MachineError {}
