//! Just enough ELF to check the unikernel: 64-bit little-endian program headers, notes and symbol names
//! (System V ABI, "Object Files"; constants from `elf.h`).

use anyhow::{Context, Result, ensure};

pub const PT_NOTE: u32 = 4;
pub const PT_TLS: u32 = 7;
/// The note by which a hypervisor finds the PVH entry point: name "Xen", type 18.
const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;
const SHT_SYMTAB: u32 = 2;

/// A checked view of an ELF file.
pub struct Elf<'a> {
    bytes: &'a [u8],
}

/// A program header, as far as we ask.
pub struct Segment {
    pub kind: u32,
    /// Position and length in the file, bytes.
    pub offset: u64,
    pub file_len: u64,
}

impl<'a> Elf<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        ensure!(bytes.starts_with(b"\x7fELF\x02\x01"), "not a 64-bit little-endian ELF file");
        let elf = Self { bytes };
        ensure!(elf.u16(18)? == 62, "not an ELF file for x86-64");
        Ok(elf)
    }

    pub fn segments(&self) -> Result<Vec<Segment>> {
        let (start, size, count) = (self.u64(32)?, self.u16(54)?, self.u16(56)?);
        (0..u64::from(count))
            .map(|n| {
                let at = start + n * u64::from(size);
                Ok(Segment { kind: self.u32(at)?, offset: self.u64(at + 8)?, file_len: self.u64(at + 32)? })
            })
            .collect()
    }

    /// Is there a PVH entry note in a note segment?
    pub fn has_pvh_note(&self) -> Result<bool> {
        for segment in self.segments()?.iter().filter(|segment| segment.kind == PT_NOTE) {
            let (mut at, end) = (segment.offset, segment.offset + segment.file_len);
            while at + 12 <= end {
                let (name_len, data_len, kind) = (self.u32(at)?, self.u32(at + 4)?, self.u32(at + 8)?);
                let name = self.slice(at + 12, u64::from(name_len))?;
                if kind == XEN_ELFNOTE_PHYS32_ENTRY && name.starts_with(b"Xen") {
                    return Ok(true);
                }
                at += 12 + u64::from(name_len).next_multiple_of(4) + u64::from(data_len).next_multiple_of(4);
            }
        }
        Ok(false)
    }

    /// The names in the symbol table; none in a stripped file.
    pub fn symbols(&self) -> Result<Vec<&'a str>> {
        let (start, size, count) = (self.u64(40)?, self.u16(58)?, self.u16(60)?);
        let section = |n: u32| start + u64::from(n) * u64::from(size);
        let mut names = Vec::new();
        for n in 0..u32::from(count) {
            let at = section(n);
            if self.u32(at + 4)? != SHT_SYMTAB {
                continue;
            }
            let (offset, len, strings) = (self.u64(at + 24)?, self.u64(at + 32)?, section(self.u32(at + 40)?));
            let (strings_at, strings_len) = (self.u64(strings + 24)?, self.u64(strings + 32)?);
            for symbol in (0..len / 24).map(|n| offset + n * 24) {
                let name_at = u64::from(self.u32(symbol)?);
                let rest = self.slice(strings_at, strings_len)?.get(name_at as usize..).unwrap_or_default();
                let name = rest.split(|&byte| byte == 0).next().unwrap_or_default();
                names.extend(std::str::from_utf8(name).ok().filter(|name| !name.is_empty()));
            }
        }
        Ok(names)
    }

    fn slice(&self, at: u64, len: u64) -> Result<&'a [u8]> {
        let range = usize::try_from(at)?..usize::try_from(at.saturating_add(len))?;
        self.bytes.get(range).context("the ELF file is cut off")
    }

    fn array<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        Ok(self.slice(at, N as u64)?.try_into()?)
    }

    fn u16(&self, at: u64) -> Result<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: u64) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: u64) -> Result<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_test_program_has_tls_and_symbols_and_no_pvh_note() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        assert!(elf.segments().unwrap().iter().any(|segment| segment.kind == PT_TLS));
        assert!(elf.symbols().unwrap().contains(&"main"));
        assert!(!elf.has_pvh_note().unwrap());
    }

    #[test]
    fn a_cut_off_file_is_an_error_at_every_length() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for len in (0..200).chain([1000]) {
            let cut = &bytes[..len];
            let read = Elf::parse(cut).and_then(|elf| Ok((elf.segments()?, elf.symbols()?, elf.has_pvh_note()?)));
            assert!(read.is_err(), "{len} bytes");
        }
    }
}
