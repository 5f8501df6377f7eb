//! Virtio over memory-mapped registers, version 2 (VirtIO 1.2 §4.2).

use super::{QueueAddresses, Transport, halves};
use crate::Registers;
use core::fmt;

mod register {
    pub const MAGIC: usize = 0x000;
    pub const VERSION: usize = 0x004;
    pub const DEVICE_ID: usize = 0x008;
    pub const DEVICE_FEATURES: usize = 0x010;
    pub const DEVICE_FEATURES_SEL: usize = 0x014;
    pub const DRIVER_FEATURES: usize = 0x020;
    pub const DRIVER_FEATURES_SEL: usize = 0x024;
    pub const QUEUE_SEL: usize = 0x030;
    pub const QUEUE_NUM_MAX: usize = 0x034;
    pub const QUEUE_NUM: usize = 0x038;
    pub const QUEUE_READY: usize = 0x044;
    pub const QUEUE_NOTIFY: usize = 0x050;
    pub const INTERRUPT_STATUS: usize = 0x060;
    pub const INTERRUPT_ACK: usize = 0x064;
    pub const STATUS: usize = 0x070;
    pub const QUEUE_DESC: usize = 0x080;
    pub const QUEUE_DRIVER: usize = 0x090;
    pub const QUEUE_DEVICE: usize = 0x0a0;
    pub const CONFIG_GENERATION: usize = 0x0fc;
    pub const CONFIG: usize = 0x100;
}

/// "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;

/// One device behind a window of registers.
pub struct MmioTransport {
    registers: Registers,
}

/// Why a window holds no device that we can drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MmioError {
    NotVirtio,
    /// An empty place for a device (device id 0).
    Empty,
    /// Version 1, the legacy interface.
    Legacy,
    /// Some other device than `wanted`.
    Device(u32),
}

impl MmioTransport {
    /// Bytes of registers that a network device has.
    pub const LEN: usize = register::CONFIG + 0x100;

    /// Opens a window if it holds the device with the id `wanted` (§5: 1 is a network device).
    pub fn open(registers: Registers, wanted: u32) -> Result<Self, MmioError> {
        if registers.read::<u32>(register::MAGIC) != MAGIC {
            return Err(MmioError::NotVirtio);
        }
        let version = registers.read::<u32>(register::VERSION);
        match registers.read::<u32>(register::DEVICE_ID) {
            0 => Err(MmioError::Empty),
            id if id != wanted => Err(MmioError::Device(id)),
            _ if version != 2 => Err(MmioError::Legacy),
            _ => Ok(Self { registers }),
        }
    }

    fn select(&mut self, queue: u16) {
        self.registers.write(register::QUEUE_SEL, u32::from(queue));
    }
}

impl Transport for MmioTransport {
    fn offered_features(&mut self) -> u64 {
        let mut half = |select: u32| {
            self.registers.write(register::DEVICE_FEATURES_SEL, select);
            u64::from(self.registers.read::<u32>(register::DEVICE_FEATURES))
        };
        half(0) | half(1) << 32
    }

    fn accept_features(&mut self, features: u64) {
        for (select, half) in (0u32..).zip(halves(features)) {
            self.registers.write(register::DRIVER_FEATURES_SEL, select);
            self.registers.write(register::DRIVER_FEATURES, half);
        }
    }

    fn status(&self) -> u8 {
        self.registers.read::<u32>(register::STATUS) as u8
    }

    fn set_status(&mut self, status: u8) {
        self.registers.write(register::STATUS, u32::from(status));
    }

    fn max_queue_size(&mut self, queue: u16) -> u16 {
        self.select(queue);
        self.registers.read::<u32>(register::QUEUE_NUM_MAX).try_into().unwrap_or(u16::MAX)
    }

    fn enable_queue(&mut self, queue: u16, addresses: QueueAddresses, _vector: Option<u16>) -> bool {
        self.select(queue);
        self.registers.write(register::QUEUE_NUM, u32::from(addresses.size));
        let parts = [
            (register::QUEUE_DESC, addresses.descriptors),
            (register::QUEUE_DRIVER, addresses.available),
            (register::QUEUE_DEVICE, addresses.used),
        ];
        for (at, address) in parts {
            let [low, high] = halves(address);
            self.registers.write(at, low);
            self.registers.write(at + 4, high);
        }
        self.registers.write(register::QUEUE_READY, 1u32);
        self.registers.read::<u32>(register::QUEUE_READY) == 1
    }

    fn notify(&mut self, queue: u16) {
        self.registers.write(register::QUEUE_NOTIFY, u32::from(queue));
    }

    fn read_config(&self, offset: usize, into: &mut [u8]) {
        for (byte, at) in into.iter_mut().zip(offset..) {
            *byte = self.registers.read(register::CONFIG + at);
        }
    }

    fn config_generation(&self) -> u32 {
        self.registers.read(register::CONFIG_GENERATION)
    }

    fn acknowledge_interrupt(&mut self) {
        let pending = self.registers.read::<u32>(register::INTERRUPT_STATUS);
        if pending != 0 {
            self.registers.write(register::INTERRUPT_ACK, pending);
        }
    }

    fn driver(&self) -> &'static str {
        "virtio-net-mmio"
    }
}

impl fmt::Display for MmioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVirtio => f.write_str("no virtio device"),
            Self::Empty => f.write_str("no device"),
            Self::Legacy => {
                f.write_str("a legacy virtio-mmio device (start QEMU with -global virtio-mmio.force-legacy=false)")
            }
            Self::Device(id) => write!(f, "virtio device of kind {id}"),
        }
    }
}

impl core::error::Error for MmioError {}
