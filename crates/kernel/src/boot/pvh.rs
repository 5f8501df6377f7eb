//! PVH (Xen `docs/misc/pvh.pandoc`, `hvm_start_info` in `xen/include/public/arch-x86/hvm/start_info.h`).
//!
//! ```text
//! 0 magic 4  version 4  flags 4  modules 4  module list 8  24 command line 8  rsdp 8  40 memory map 8  entries 4
//! module: address 8  length 8  command line 8  reserved 8
//! memory map entry: address 8  length 8  type 4  reserved 4
//! ```

use super::{BootError, BootInfo, CommandLine};
use crate::PhysicalMemory;

const MAGIC: u32 = 0x336e_c578;
const USABLE: u32 = 1;
const INFO_LEN: u64 = 56;
/// More entries than any machine has.
const MAX_ENTRIES: u32 = 256;

pub(super) fn read(physical: &impl PhysicalMemory, info: u64) -> Result<BootInfo, BootError> {
    let word = |at: u64| physical.read_u32(at).ok_or(BootError::Malformed);
    let long = |at: u64| physical.read_u64(at).ok_or(BootError::Malformed);
    if word(info)? != MAGIC {
        return Err(BootError::Malformed);
    }
    let mut boot = BootInfo::new("PVH");
    boot.reserve(info, INFO_LEN)?;
    let (modules, list) = (word(info + 12)?, long(info + 16)?);
    for module in (0..u64::from(modules.min(MAX_ENTRIES))).map(|at| list.wrapping_add(at * 32)) {
        boot.add_module(long(module)?, long(module.wrapping_add(8))?)?;
    }
    let command_line = long(info + 24)?;
    boot.command_line = CommandLine::read(physical, command_line);
    boot.rsdp = Some(long(info + 32)?).filter(|&rsdp| rsdp != 0);
    // Version 0 ends here and leaves memory to other means.
    if word(info + 4)? == 0 {
        return Err(BootError::NoMemoryMap);
    }
    let (map, entries) = (long(info + 40)?, word(info + 48)?);
    for entry in (0..u64::from(entries.min(MAX_ENTRIES))).map(|at| map.wrapping_add(at * 24)) {
        if word(entry.wrapping_add(16))? == USABLE {
            boot.memory.add(long(entry)?, long(entry.wrapping_add(8))?);
        }
    }
    Ok(boot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::fake::FakeMemory;
    use std::vec;
    use std::vec::Vec;

    fn info(fields: [u64; 4], map: &[(u64, u64, u32)]) -> FakeMemory {
        let [modules, list, command_line, rsdp] = fields;
        let mut start = Vec::new();
        for word in [MAGIC, 1, 0, modules as u32] {
            start.extend(word.to_le_bytes());
        }
        for long in [list, command_line, rsdp, 0x2000, map.len() as u64] {
            start.extend(long.to_le_bytes());
        }
        let entries = map.iter().flat_map(|&(address, len, kind)| {
            let bytes = [address.to_le_bytes(), len.to_le_bytes(), u64::from(kind).to_le_bytes()];
            bytes.into_iter().flatten()
        });
        let module = [0x30_0000u64, 100, 0, 0].into_iter().flat_map(u64::to_le_bytes).collect();
        FakeMemory(vec![
            (0x1000, start),
            (0x2000, entries.collect()),
            (0x3000, module),
            (0x4000, b"panic=exit\0rest".to_vec()),
        ])
    }

    #[test]
    fn everything_that_qemu_hands_over_is_found() {
        let memory =
            info([1, 0x3000, 0x4000, 0xf_5a00], &[(0, 0x9fc00, 1), (0xf0000, 0x10000, 2), (0x10_0000, 0x3f0_0000, 1)]);
        let boot = read(&memory, 0x1000).unwrap();
        assert_eq!(boot.command_line.as_str(), "panic=exit");
        assert_eq!(boot.modules[0], Some(crate::boot::Module { start: 0x30_0000, len: 100 }));
        assert_eq!(boot.rsdp, Some(0xf_5a00));
        assert_eq!(boot.memory.total(), 0x9fc00 + 0x3f0_0000);
        assert_eq!(boot.memory.free().collect::<Vec<_>>(), [0x10_0000..0x30_0000, 0x30_1000..0x400_0000]);
    }

    #[test]
    fn pointers_to_nowhere_are_errors() {
        let memory = info([1, 0x9_0000, 0, 0], &[(0x10_0000, 0x10_0000, 1)]);
        assert_eq!(read(&memory, 0x1000).err(), Some(BootError::Malformed));
        assert_eq!(read(&memory, 0x5000).err(), Some(BootError::Malformed));
        let memory = info([u64::MAX, u64::MAX - 8, u64::MAX, 0], &[]);
        assert!(read(&memory, 0x1000).is_err());
    }
}
