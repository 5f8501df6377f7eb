//! Enough of an x86-64 PC to run a router: memory, interrupts, time, a serial line, PCI, the firmware's tables.
//!
//! One core, one thread, no processes. Interrupts are open only inside of [`Machine::sleep`]; their handler notes the
//! vector and nothing else, so no code here runs concurrently with any other. Every handler has a stack of its own,
//! because the precompiled `core` and `alloc` use the red zone below the stack pointer.
//!
//! [`Ring0`] is the witness that all this may be done; nothing can be opened without it. Formats that firmware and
//! boot loaders hand over are parsed from [`PhysicalMemory`], which in tests is a few byte strings.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod acpi;
pub mod boot;
mod clock;
mod cpu;
mod entropy;
mod exit;
mod fw_cfg;
mod machine;
mod memory;
pub mod pci;
mod port;
mod rtc;
mod serial;

pub use clock::{Clock, ClockSource};
pub use cpu::interrupt::Vector;
pub use cpu::{CpuFeatures, features};
pub use entropy::Entropy;
pub use exit::{Exit, debug_exit, halt, leave, reboot};
pub use fw_cfg::FwCfg;
pub use machine::{Machine, MachineError};
pub use memory::{AddressSpace, IdentityMap, MemoryMap, PhysicalMemory, Protection, zero_later};
pub use port::Ring0;
pub use rtc::wall_clock;
pub use serial::{Drained, Serial};
