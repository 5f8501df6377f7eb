//! What we need of ACPI: where the I/O APICs are, and devices that only the DSDT knows.
//!
//! The DSDT is a program; we do not run it. A hypervisor's description of a memory-mapped device is a constant list of
//! resources after a constant identifier, and those bytes are looked for (ACPI 6.5 §6.4.3, §19).

use crate::PhysicalMemory;
use alloc::vec::Vec;

/// An I/O APIC of the MADT (ACPI 6.5 §5.2.12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApicEntry {
    pub physical: u64,
    /// Its first line among the machine's global interrupts.
    pub first: u32,
}

/// A device with one memory range and one interrupt line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmioDevice {
    pub physical: u64,
    pub len: u32,
    pub line: u32,
}

/// The firmware's tables.
#[derive(Debug)]
pub struct Acpi<'m, M> {
    physical: &'m M,
    /// Addresses of all tables of the root table.
    tables: Vec<u64>,
}

const HEADER: u64 = 36;
/// Longer tables than this are a mistake.
const MAX_LEN: u32 = 1 << 20;

impl<'m, M: PhysicalMemory> Acpi<'m, M> {
    /// Opens the tables behind the root pointer at `rsdp`, or found where PC firmware leaves it; `None` where there
    /// are none.
    pub fn open(physical: &'m M, rsdp: Option<u64>) -> Option<Self> {
        // §5.2.5.1: on a 16-byte boundary between 0xe0000 and 0xfffff.
        let rsdp = rsdp
            .filter(|&at| is_root(physical, at))
            .or_else(|| (0xe_0000..0x10_0000).step_by(16).find(|&at| is_root(physical, at)))?;
        let revision = physical.read(rsdp + 15, 1)?.first().copied()?;
        let (root, width) = match physical.read_u64(rsdp + 24) {
            Some(extended) if revision >= 2 && extended != 0 => (extended, 8),
            _ => (u64::from(physical.read_u32(rsdp + 16)?), 4),
        };
        let entries = table(physical, root)?.get(HEADER as usize..)?;
        let tables = entries
            .chunks_exact(width)
            .map(|entry| entry.iter().rev().fold(0u64, |address, &byte| address << 8 | u64::from(byte)))
            .collect();
        Some(Self { physical, tables })
    }

    pub fn io_apics(&self) -> Vec<IoApicEntry> {
        let mut found = Vec::new();
        let mut rest = self.find(b"APIC").and_then(|madt| madt.get(HEADER as usize + 8..)).unwrap_or_default();
        while let [kind, len, ..] = *rest {
            let Some((entry, next)) = rest.split_at_checked(usize::from(len).max(2)) else { break };
            if let (1, [_, _, _, _, a, b, c, d, e, f, g, h, ..]) = (kind, entry) {
                let physical = u32::from_le_bytes([*a, *b, *c, *d]).into();
                found.push(IoApicEntry { physical, first: u32::from_le_bytes([*e, *f, *g, *h]) });
            }
            rest = next;
        }
        found
    }

    /// The devices with this hardware identifier, in the order of the DSDT.
    pub fn devices(&self, hardware_id: &str) -> Vec<MmioDevice> {
        let dsdt = self.find(b"FACP").and_then(|fadt| {
            let long = fadt.get(140..148).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
            let short = fadt.get(40..44).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
            table(self.physical, if long != 0 { long } else { short.into() })
        });
        dsdt.map(|dsdt| devices(dsdt, hardware_id.as_bytes())).unwrap_or_default()
    }

    fn find(&self, signature: &[u8; 4]) -> Option<&'m [u8]> {
        self.tables.iter().filter_map(|&at| table(self.physical, at)).find(|table| table.starts_with(signature))
    }
}

fn is_root(physical: &impl PhysicalMemory, at: u64) -> bool {
    // The checksum covers the 20 bytes of revision 0.
    physical.read(at, 20).is_some_and(|root| {
        root.starts_with(b"RSD PTR ") && root.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0
    })
}

/// A whole table, its header included.
fn table<M: PhysicalMemory>(physical: &M, at: u64) -> Option<&[u8]> {
    let len = physical.read_u32(at.checked_add(4)?)?;
    (u64::from(len) >= HEADER && len <= MAX_LEN).then(|| physical.read(at, len as usize))?
}

fn devices(dsdt: &[u8], hardware_id: &[u8]) -> Vec<MmioDevice> {
    let starts: Vec<usize> = dsdt
        .windows(hardware_id.len().max(1))
        .enumerate()
        .filter(|(_, bytes)| *bytes == hardware_id)
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().copied().skip(1).chain([dsdt.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| resources(dsdt.get(start..end)?)).collect()
}

/// The first memory range and the first interrupt in a stretch of byte code.
fn resources(code: &[u8]) -> Option<MmioDevice> {
    /// 32-bit fixed memory range: tag, length 9, flags, base 4, length 4.
    const MEMORY: [u8; 3] = [0x86, 9, 0];
    /// Extended interrupt with one line: tag, length 6, flags, count 1, line 4.
    const INTERRUPT: [u8; 3] = [0x89, 6, 0];
    let word = |at: usize| code.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let find = |tag: [u8; 3]| code.windows(3).position(|bytes| bytes == tag);
    let (memory, interrupt) = (find(MEMORY)?, find(INTERRUPT)?);
    let one_line = code.get(interrupt + 4) == Some(&1);
    one_line.then_some(MmioDevice {
        physical: word(memory + 4)?.into(),
        len: word(memory + 8)?,
        line: word(interrupt + 5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::fake::FakeMemory;
    use std::vec;

    fn a_table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut table = vec![0; HEADER as usize];
        table[..4].copy_from_slice(signature);
        table[4..8].copy_from_slice(&(HEADER as u32 + body.len() as u32).to_le_bytes());
        table.extend(body);
        table
    }

    fn root(revision: u8) -> Vec<u8> {
        let mut root = [
            b"RSD PTR ".as_slice(),
            &[0],
            b"BOCHS ",
            &[revision],
            &0x2000u32.to_le_bytes(),
            &[0; 4],
            &0x2100u64.to_le_bytes(),
        ]
        .concat();
        root[8] = root[..20].iter().fold(0u8, |sum, &byte| sum.wrapping_sub(byte));
        root
    }

    /// As QEMU's microvm writes it.
    fn virtio_device(base: u32, line: u32) -> Vec<u8> {
        let mut code = b"\x5b\x82VR00\x08_HID\x0dLNRO0005\0\x08_UID\x00\x08_CCA\x01\x08_CRS\x11\x17\x0a\x14".to_vec();
        code.extend([0x86, 9, 0, 1]);
        code.extend(base.to_le_bytes());
        code.extend(512u32.to_le_bytes());
        code.extend([0x89, 6, 0, 1, 1]);
        code.extend(line.to_le_bytes());
        code.extend([0x79, 0]);
        code
    }

    fn machine(revision: u8) -> FakeMemory {
        let rsdt = a_table(b"RSDT", &[0x3000u32.to_le_bytes(), 0x4000u32.to_le_bytes()].concat());
        let xsdt = a_table(b"XSDT", &[0x3000u64.to_le_bytes(), 0x4000u64.to_le_bytes()].concat());
        let mut fadt = vec![0; 112];
        fadt[4..8].copy_from_slice(&0x5000u32.to_le_bytes());
        let madt = [
            &[0; 8],
            [0, 8, 0, 0, 1, 0, 0, 0].as_slice(),
            &[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0],
            &[1, 12, 1, 0, 0, 0, 0xc1, 0xfe, 24, 0, 0, 0],
        ]
        .concat();
        let dsdt = [b"junk".to_vec(), virtio_device(0xfeb0_0000, 24), virtio_device(0xfeb0_0200, 25)].concat();
        FakeMemory(vec![
            (0xf_5a00, root(revision)),
            (0x2000, rsdt),
            (0x2100, xsdt),
            (0x3000, a_table(b"FACP", &fadt)),
            (0x4000, a_table(b"APIC", &madt)),
            (0x5000, a_table(b"DSDT", &dsdt)),
        ])
    }

    #[test]
    fn interrupt_controllers_and_devices_are_found() {
        for (revision, rsdp) in [(0, None), (0, Some(0xf_5a00)), (2, None), (2, Some(0x77))] {
            let memory = machine(revision);
            let acpi = Acpi::open(&memory, rsdp).unwrap();
            let expected =
                [IoApicEntry { physical: 0xfec0_0000, first: 0 }, IoApicEntry { physical: 0xfec1_0000, first: 24 }];
            assert_eq!(acpi.io_apics(), expected);
            let device = |physical, line| MmioDevice { physical, len: 512, line };
            assert_eq!(acpi.devices("LNRO0005"), [device(0xfeb0_0000, 24), device(0xfeb0_0200, 25)]);
            assert_eq!(acpi.devices("PNP0A08"), []);
        }
    }

    #[test]
    fn tables_cut_anywhere_yield_less_and_never_fail() {
        let whole = machine(2);
        for table in 0..whole.0.len() {
            for len in 0..whole.0[table].1.len() {
                let mut memory = machine(2);
                memory.0[table].1.truncate(len);
                if let Some(acpi) = Acpi::open(&memory, Some(0xf_5a00)) {
                    acpi.io_apics();
                    acpi.devices("LNRO0005");
                }
            }
        }
    }
}
