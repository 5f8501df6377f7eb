//! What the boot loader has to say: command line, modules, memory, where the firmware's tables are.

mod command_line;
mod multiboot2;
mod pvh;

pub use command_line::CommandLine;

use crate::{MemoryMap, PhysicalMemory};
use core::fmt;

/// A file that the boot loader has put into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Module {
    pub start: u64,
    pub len: u64,
}

/// Owns what it holds, but for the modules' bytes; they and everything else of the boot loader's are reserved in the
/// memory map.
#[derive(Clone, Debug)]
pub struct BootInfo {
    pub protocol: &'static str,
    pub command_line: CommandLine,
    /// The first four of them.
    pub modules: [Option<Module>; 4],
    pub memory: MemoryMap,
    /// Where the ACPI root pointer is, if the boot loader says so.
    pub rsdp: Option<u64>,
}

/// What a boot loader handed over cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    Protocol {
        magic: u32,
    },
    /// The information structure or a part of it lies where no memory is, or contradicts itself.
    Malformed,
    /// It does not say where memory is.
    NoMemoryMap,
    /// More parts than there is room to reserve.
    TooManyParts,
}

/// The magic numbers under which the two protocols arrive.
const PVH: u32 = 0x5056_4800;
const MULTIBOOT2: u32 = 0x36d7_6289;

impl BootInfo {
    /// Reads the structure at physical address `info`, laid out as `protocol` says: PVH (0x50564800, made up) or
    /// multiboot2 (0x36d76289).
    pub fn read(physical: &impl PhysicalMemory, protocol: u32, info: u64) -> Result<Self, BootError> {
        match protocol {
            PVH => pvh::read(physical, info),
            MULTIBOOT2 => multiboot2::read(physical, info),
            magic => Err(BootError::Protocol { magic }),
        }
    }

    fn new(protocol: &'static str) -> Self {
        Self {
            protocol,
            command_line: CommandLine::default(),
            modules: [None; 4],
            memory: MemoryMap::default(),
            rsdp: None,
        }
    }

    fn add_module(&mut self, start: u64, len: u64) -> Result<(), BootError> {
        if let Some(place) = self.modules.iter_mut().find(|place| place.is_none()) {
            *place = Some(Module { start, len });
            self.reserve(start, len)?;
        }
        Ok(())
    }

    fn reserve(&mut self, start: u64, len: u64) -> Result<(), BootError> {
        self.memory.reserve(start, len).then_some(()).ok_or(BootError::TooManyParts)
    }
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol { magic } => write!(f, "neither PVH nor multiboot2: magic {magic:#x}"),
            Self::Malformed => f.write_str("the boot information is malformed"),
            Self::NoMemoryMap => f.write_str("the boot loader does not say where memory is"),
            Self::TooManyParts => f.write_str("the boot information has too many parts"),
        }
    }
}

impl core::error::Error for BootError {}
