//! Multiboot 2 (the specification's §3.6: boot information is a list of tags, each aligned to 8 bytes).

use super::{BootError, BootInfo, CommandLine};
use crate::PhysicalMemory;

const END: u32 = 0;
const COMMAND_LINE: u32 = 1;
const MODULE: u32 = 3;
const MEMORY_MAP: u32 = 6;
/// Copies of the ACPI root pointer, of revision 1 and 2.
const RSDP: [u32; 2] = [14, 15];
const USABLE: u32 = 1;
/// The boot information is small; a longer one is a mistake.
const MAX_LEN: u32 = 1 << 20;

pub(super) fn read(physical: &impl PhysicalMemory, info: u64) -> Result<BootInfo, BootError> {
    let word = |at: u64| physical.read_u32(at).ok_or(BootError::Malformed);
    let long = |at: u64| physical.read_u64(at).ok_or(BootError::Malformed);
    let len = word(info)?;
    if len > MAX_LEN {
        return Err(BootError::Malformed);
    }
    let mut boot = BootInfo::new("multiboot2");
    boot.reserve(info, len.into())?;
    let end = info + u64::from(len);
    let mut tag = info + 8;
    let mut has_memory = false;
    while tag + 8 <= end {
        let (kind, len) = (word(tag)?, u64::from(word(tag + 4)?));
        if kind == END {
            break;
        }
        if len < 8 || tag + len > end {
            return Err(BootError::Malformed);
        }
        match kind {
            COMMAND_LINE => boot.command_line = CommandLine::read(physical, tag + 8),
            MODULE | MEMORY_MAP if len < 16 => return Err(BootError::Malformed),
            MODULE => {
                let (start, end) = (u64::from(word(tag + 8)?), u64::from(word(tag + 12)?));
                boot.add_module(start, end.saturating_sub(start))?;
            }
            MEMORY_MAP => {
                has_memory = true;
                let step =
                    usize::try_from(word(tag + 8)?).ok().filter(|&step| step >= 24).ok_or(BootError::Malformed)?;
                for entry in (tag + 16..tag + len).step_by(step).take_while(|entry| entry + 24 <= tag + len) {
                    if word(entry + 16)? == USABLE {
                        boot.memory.add(long(entry)?, long(entry + 8)?);
                    }
                }
            }
            // The newer one comes later where there are both, and wins.
            kind if RSDP.contains(&kind) => boot.rsdp = Some(tag + 8),
            _ => {}
        }
        tag += len.next_multiple_of(8);
    }
    if has_memory { Ok(boot) } else { Err(BootError::NoMemoryMap) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::fake::FakeMemory;
    use std::vec;
    use std::vec::Vec;

    fn info(tags: &[(u32, Vec<u8>)]) -> FakeMemory {
        let mut bytes = vec![0; 8];
        for (kind, body) in tags {
            bytes.extend(kind.to_le_bytes());
            bytes.extend((body.len() as u32 + 8).to_le_bytes());
            bytes.extend(body);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes.extend([0, 0, 0, 0, 8, 0, 0, 0]);
        let len = bytes.len() as u32;
        bytes[..4].copy_from_slice(&len.to_le_bytes());
        FakeMemory(vec![(0x1_0000, bytes)])
    }

    fn memory_map(step: u32, entries: &[(u64, u64, u32)]) -> Vec<u8> {
        let mut bytes = [step.to_le_bytes(), [0; 4]].concat();
        for (address, len, kind) in entries {
            bytes.extend([address.to_le_bytes(), len.to_le_bytes(), u64::from(*kind).to_le_bytes()].concat());
        }
        bytes
    }

    #[test]
    fn everything_that_grub_hands_over_is_found() {
        let memory = info(&[
            (1, b"boot=grub nics=a\0".to_vec()),
            (3, [0x1000u32.to_le_bytes(), 0x1345u32.to_le_bytes()].concat()),
            (6, memory_map(24, &[(0, 0x9fc00, 1), (0x10_0000, 0x70_0000, 1), (0x80_0000, 0x1000, 2)])),
            (14, b"RSD PTR ".to_vec()),
            (77, vec![1, 2, 3]),
        ]);
        let boot = read(&memory, 0x1_0000).unwrap();
        assert_eq!(boot.command_line.value("nics"), Some("a"));
        assert_eq!(boot.modules[0], Some(crate::boot::Module { start: 0x1000, len: 0x345 }));
        assert_eq!(boot.memory.free().next(), Some(0x10_0000..0x80_0000));
        assert_eq!(memory.read(boot.rsdp.unwrap(), 8), Some(b"RSD PTR ".as_slice()));
    }

    #[test]
    fn nonsense_is_an_error() {
        let table = [
            info(&[(6, memory_map(0, &[(0, 1, 1)]))]),
            info(&[(6, vec![24])]),
            FakeMemory(vec![(0x1_0000, [16u32, 0, 6, 4000].into_iter().flat_map(u32::to_le_bytes).collect())]),
            FakeMemory(vec![(0x1_0000, u32::MAX.to_le_bytes().to_vec())]),
            FakeMemory(vec![(0x1_0000, [24u32, 0, 6, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes).collect())]),
        ];
        for (at, memory) in table.into_iter().enumerate() {
            assert_eq!(read(&memory, 0x1_0000).err(), Some(BootError::Malformed), "{at}");
        }
        assert_eq!(read(&info(&[]), 0x1_0000).err(), Some(BootError::NoMemoryMap));
    }
}
