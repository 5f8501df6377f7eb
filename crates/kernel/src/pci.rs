//! PCI functions: found by walking all buses, configured through ports 0xcf8 and 0xcfc.

use crate::Ring0;
use crate::cpu::interrupt::Vector;
use crate::memory::{AddressSpace, Window};
use alloc::vec::Vec;
use core::fmt;
use core::ptr::NonNull;

/// Bus, device (0 to 31) and function (0 to 7); their order is the order in which NICs are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub bus: u8,
    pub device: u8,
    pub function: u8,
}

/// A function that is there.
#[derive(Debug)]
pub struct Function {
    ring0: Ring0,
    address: Address,
    vendor: u16,
    device: u16,
}

const IDS: u8 = 0x00;
const COMMAND: u8 = 0x04;
const HEADER: u8 = 0x0c;
const BAR: u8 = 0x10;
const BUSES: u8 = 0x18;
const CAPABILITIES: u8 = 0x34;
const MEMORY: u32 = 1 << 1;
const BUS_MASTER: u32 = 1 << 2;
const NO_LEGACY_INTERRUPT: u32 = 1 << 10;
const MSI_X: u8 = 0x11;
const MAX_CAPABILITIES: usize = 48;

/// All functions, in the order of their addresses.
pub fn scan(ring0: Ring0) -> Vec<Function> {
    let mut found = Vec::new();
    let mut seen = [false; 256];
    let mut buses = Vec::from([0u8]);
    while let Some(bus) = buses.pop() {
        if core::mem::replace(&mut seen[usize::from(bus)], true) {
            continue;
        }
        for device in 0..32 {
            for function in 0..8 {
                let address = Address { bus, device, function };
                let ids = read(ring0, address, IDS);
                if ids as u16 == 0xffff {
                    if function == 0 {
                        break;
                    }
                    continue;
                }
                let header = read(ring0, address, HEADER) >> 16 & 0xff;
                if header & 0x7f == 1 {
                    buses.push((read(ring0, address, BUSES) >> 8) as u8);
                }
                found.push(Function { ring0, address, vendor: ids as u16, device: (ids >> 16) as u16 });
                if function == 0 && header & 0x80 == 0 {
                    break;
                }
            }
        }
    }
    found.sort_by_key(|function| function.address);
    found
}

impl Function {
    pub fn address(&self) -> Address {
        self.address
    }

    /// Vendor and device identifier.
    pub fn ids(&self) -> (u16, u16) {
        (self.vendor, self.device)
    }

    /// Reads the configuration space at `offset`, rounded down to a multiple of 4.
    pub fn read(&self, offset: u8) -> u32 {
        read(self.ring0, self.address, offset)
    }

    fn write(&mut self, offset: u8, value: u32) {
        select(self.ring0, self.address, offset);
        self.ring0.out32(0xcfc, value);
    }

    /// Lets the function answer at its memory BARs, read and write memory, and send interrupt messages.
    pub fn enable(&mut self) {
        let command = self.read(COMMAND) & 0xffff;
        self.write(COMMAND, command | MEMORY | BUS_MASTER | NO_LEGACY_INTERRUPT);
    }

    /// Where a memory BAR (0 to 5) is; `None` for an I/O BAR, or one that the firmware has not assigned.
    pub fn bar(&self, bar: u8) -> Option<u64> {
        let at = (bar < 6).then(|| BAR + bar * 4)?;
        let low = self.read(at);
        // Bits 2-1 of a memory BAR: 2 means that the next one holds the upper half.
        let high = match low >> 1 & 3 {
            2 if bar < 5 => self.read(at + 4),
            _ => 0,
        };
        let address = u64::from(high) << 32 | u64::from(low & !15);
        (low & 1 == 0 && address != 0).then_some(address)
    }

    /// Maps `len` bytes from `offset` of a BAR; the mapping is for ever. `None` as [`bar`](Self::bar).
    pub fn map(&self, space: &mut AddressSpace, bar: u8, offset: u32, len: u32) -> Option<NonNull<u8>> {
        let at = self.bar(bar)?.checked_add(u64::from(offset))?;
        space.map_registers(at, u64::from(len))
    }

    /// Sends the interrupts of entry `entry` of the function's MSI-X table to a vector of the CPU with this local
    /// APIC, and switches MSI-X on. False where it has no such entry.
    pub(crate) fn route(&mut self, space: &mut AddressSpace, entry: u16, vector: Vector, local: u8) -> bool {
        let Some((at, mut table, entries)) = self.msi_x(space) else { return false };
        if entry >= entries {
            return false;
        }
        let at_entry = usize::from(entry) * 16;
        table.write32(at_entry, 0xfee0_0000 | u32::from(local) << 12);
        table.write32(at_entry + 4, 0);
        table.write32(at_entry + 8, u32::from(vector.number()));
        table.write32(at_entry + 12, 0);
        let control = self.read(at);
        self.write(at, control | 1 << 31);
        true
    }

    /// The capability's place, its table, and the number of its entries.
    fn msi_x(&self, space: &mut AddressSpace) -> Option<(u8, Window, u16)> {
        let at = self.capability(MSI_X)?;
        let entries = (self.read(at) >> 16 & 0x7ff) as u16 + 1;
        let table = self.read(at.checked_add(4)?);
        let physical = self.bar((table & 7) as u8)?.checked_add(u64::from(table & !7))?;
        Some((at, space.map_device(physical, u64::from(entries) * 16)?, entries))
    }

    fn capability(&self, wanted: u8) -> Option<u8> {
        let mut at = if self.read(COMMAND) >> 20 & 1 != 0 { self.read(CAPABILITIES) as u8 & 0xfc } else { 0 };
        for _ in 0..MAX_CAPABILITIES {
            if at < 0x40 {
                return None;
            }
            let [id, next, ..] = self.read(at).to_le_bytes();
            if id == wanted {
                return Some(at);
            }
            at = next & 0xfc;
        }
        None
    }
}

fn read(ring0: Ring0, address: Address, offset: u8) -> u32 {
    select(ring0, address, offset);
    ring0.in32(0xcfc)
}

fn select(ring0: Ring0, Address { bus, device, function }: Address, offset: u8) {
    let function = u32::from(bus) << 16 | u32::from(device) << 11 | u32::from(function) << 8;
    ring0.out32(0xcf8, 1 << 31 | function | u32::from(offset & 0xfc));
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}
