//! Virtio over PCI, the modern interface (VirtIO 1.2 §4.1).
//!
//! The device says in vendor capabilities which part of which BAR holds what; a transitional device (1af4:1000 to
//! 103f) has them as well as a modern one (1af4:1040 and up).

use super::{QueueAddresses, Transport, halves};
use crate::Registers;
use core::fmt;

/// One PCI function, as its kernel lets a driver reach it.
pub trait PciFunction {
    /// Reads the configuration space at `offset`, a multiple of 4.
    fn read_config(&self, offset: u8) -> u32;

    /// Maps `len` bytes from `offset` of memory BAR `bar` (0 to 5); `None` where the function has no such BAR, or it
    /// is not assigned.
    fn map(&mut self, bar: u8, offset: u32, len: u32) -> Option<Registers>;
}

/// Why a function is no device that we can drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PciError {
    /// It lacks the capability (§4.1.4) of this type: legacy, or no virtio device at all.
    NoCapability(u8),
    /// A capability names a part that cannot be mapped.
    Unmapped(u8),
}

mod capability {
    pub const VENDOR: u8 = 9;
    pub const COMMON: u8 = 1;
    pub const NOTIFY: u8 = 2;
    pub const DEVICE: u8 = 4;
}

/// The common configuration structure (§4.1.4.3).
mod common {
    pub const DEVICE_FEATURE_SELECT: usize = 0;
    pub const DEVICE_FEATURE: usize = 4;
    pub const DRIVER_FEATURE_SELECT: usize = 8;
    pub const DRIVER_FEATURE: usize = 12;
    pub const CONFIG_VECTOR: usize = 16;
    pub const STATUS: usize = 20;
    pub const GENERATION: usize = 21;
    pub const QUEUE_SELECT: usize = 22;
    pub const QUEUE_SIZE: usize = 24;
    pub const QUEUE_VECTOR: usize = 26;
    pub const QUEUE_ENABLE: usize = 28;
    pub const QUEUE_NOTIFY_OFF: usize = 30;
    pub const QUEUE_DESC: usize = 32;
    pub const QUEUE_DRIVER: usize = 40;
    pub const QUEUE_DEVICE: usize = 48;
    pub const LEN: u32 = 56;
}

const NO_VECTOR: u16 = 0xffff;
/// The queues that we can kick.
const QUEUES: usize = 4;
/// A capability list cannot be longer: 192 bytes of 4 each. A list that goes round ends here.
const MAX_CAPABILITIES: usize = 48;

pub struct PciTransport {
    common: Registers,
    notify: Registers,
    device: Registers,
    notify_multiplier: u32,
    /// Where to kick each queue, in bytes from the start of `notify`.
    notify_at: [usize; QUEUES],
}

impl PciTransport {
    pub fn open(function: &mut impl PciFunction) -> Result<Self, PciError> {
        let (common, _) = Self::structure(function, capability::COMMON, common::LEN)?;
        let (notify, at) = Self::structure(function, capability::NOTIFY, 2)?;
        let (device, _) = Self::structure(function, capability::DEVICE, 1)?;
        let notify_multiplier = function.read_config(at.wrapping_add(16));
        Ok(Self { common, notify, device, notify_multiplier, notify_at: [0; QUEUES] })
    }

    /// Maps the structure of this type; also says where its capability is. The first usable one counts (§4.1.4.1).
    fn structure(function: &mut impl PciFunction, wanted: u8, min_len: u32) -> Result<(Registers, u8), PciError> {
        let mut found = false;
        let mut at =
            if function.read_config(4) >> 16 & 0x10 != 0 { function.read_config(0x34) as u8 & 0xfc } else { 0 };
        for _ in 0..MAX_CAPABILITIES {
            if at < 0x40 {
                break;
            }
            let [id, next, _, kind] = function.read_config(at).to_le_bytes();
            if id == capability::VENDOR && kind == wanted {
                found = true;
                let bar = function.read_config(at.wrapping_add(4)) as u8;
                let offset = function.read_config(at.wrapping_add(8));
                let len = function.read_config(at.wrapping_add(12));
                let aligned = offset.is_multiple_of(4) && len >= min_len;
                if let Some(registers) = aligned.then(|| function.map(bar, offset, len)).flatten() {
                    return Ok((registers, at));
                }
            }
            at = next & 0xfc;
        }
        Err(if found { PciError::Unmapped(wanted) } else { PciError::NoCapability(wanted) })
    }

    fn select(&mut self, queue: u16) {
        self.common.write(common::QUEUE_SELECT, queue);
    }
}

impl Transport for PciTransport {
    fn offered_features(&mut self) -> u64 {
        let mut half = |select: u32| {
            self.common.write(common::DEVICE_FEATURE_SELECT, select);
            u64::from(self.common.read::<u32>(common::DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn accept_features(&mut self, features: u64) {
        for (select, half) in (0u32..).zip(halves(features)) {
            self.common.write(common::DRIVER_FEATURE_SELECT, select);
            self.common.write(common::DRIVER_FEATURE, half);
        }
        // We look at the configuration now and then; its changes need not wake us.
        self.common.write(common::CONFIG_VECTOR, NO_VECTOR);
    }

    fn status(&self) -> u8 {
        self.common.read(common::STATUS)
    }

    fn set_status(&mut self, status: u8) {
        self.common.write(common::STATUS, status);
    }

    fn max_queue_size(&mut self, queue: u16) -> u16 {
        self.select(queue);
        self.common.read(common::QUEUE_SIZE)
    }

    fn enable_queue(&mut self, queue: u16, addresses: QueueAddresses, vector: Option<u16>) -> bool {
        self.select(queue);
        self.common.write(common::QUEUE_SIZE, addresses.size);
        let vector = vector.unwrap_or(NO_VECTOR);
        self.common.write(common::QUEUE_VECTOR, vector);
        let parts = [
            (common::QUEUE_DESC, addresses.descriptors),
            (common::QUEUE_DRIVER, addresses.available),
            (common::QUEUE_DEVICE, addresses.used),
        ];
        for (at, address) in parts {
            let [low, high] = halves(address);
            self.common.write(at, low);
            self.common.write(at + 4, high);
        }
        let offset = u64::from(self.common.read::<u16>(common::QUEUE_NOTIFY_OFF)) * u64::from(self.notify_multiplier);
        let Some(place) = self.notify_at.get_mut(usize::from(queue)) else { return false };
        // A device that keeps no room for a queue's kick, or has no vector left, cannot be used.
        if offset + 2 > self.notify.len() as u64 || self.common.read::<u16>(common::QUEUE_VECTOR) != vector {
            return false;
        }
        *place = offset as usize;
        self.common.write(common::QUEUE_ENABLE, 1u16);
        true
    }

    fn notify(&mut self, queue: u16) {
        let at = self.notify_at.get(usize::from(queue)).copied().unwrap_or(0);
        self.notify.write(at, queue);
    }

    fn read_config(&self, offset: usize, into: &mut [u8]) {
        for (byte, at) in into.iter_mut().zip(offset..) {
            *byte = self.device.read(at);
        }
    }

    fn config_generation(&self) -> u32 {
        u32::from(self.common.read::<u8>(common::GENERATION))
    }

    fn driver(&self) -> &'static str {
        "virtio-net-pci"
    }
}

impl fmt::Display for PciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kind: &u8| match *kind {
            capability::COMMON => "common configuration",
            capability::NOTIFY => "notification",
            _ => "device configuration",
        };
        match self {
            Self::NoCapability(kind) => write!(f, "no modern virtio device: its {} capability is missing", name(kind)),
            Self::Unmapped(kind) => write!(f, "the device's {} registers cannot be mapped", name(kind)),
        }
    }
}

impl core::error::Error for PciError {}
