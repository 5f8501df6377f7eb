//! How a driver reaches its device: PCI, memory-mapped registers, or a fake one.

#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod mmio;
mod pci;

pub use crate::ring::QueueAddresses;
pub use mmio::{MmioError, MmioTransport};
pub use pci::{PciError, PciFunction, PciTransport};

/// A device's registers, whatever bus they are on (VirtIO 1.2 §2).
pub trait Transport {
    /// All feature bits that the device offers.
    fn offered_features(&mut self) -> u64;

    fn accept_features(&mut self, features: u64);

    /// The device status (§2.1).
    fn status(&self) -> u8;

    /// Writing 0 resets the device; it is done when [`status`](Self::status) reads 0.
    fn set_status(&mut self, status: u8);

    /// The most descriptors of a queue; 0 where the device has no such queue.
    fn max_queue_size(&mut self, queue: u16) -> u16;

    /// Tells the device where a queue is and starts it; false if the device refuses.
    ///
    /// With `vector`, an entry of its MSI-X table, the queue's interrupts go there.
    fn enable_queue(&mut self, queue: u16, addresses: QueueAddresses, vector: Option<u16>) -> bool;

    /// The kick: there is something new in the queue.
    fn notify(&mut self, queue: u16);

    /// Copies from the device's own configuration; bytes that it does not have are 0.
    fn read_config(&self, offset: usize, into: &mut [u8]);

    /// Changes whenever the configuration does (§2.5.1).
    fn config_generation(&self) -> u32;

    /// Takes back a line interrupt, so that the next event raises it again. Nothing to do for MSI-X.
    fn acknowledge_interrupt(&mut self) {}

    /// The driver's name, for the console.
    fn driver(&self) -> &'static str;
}

/// Device status bits (§2.1).
pub(crate) mod status {
    pub const RESET: u8 = 0;
    pub const ACKNOWLEDGE: u8 = 1;
    pub const DRIVER: u8 = 2;
    pub const DRIVER_OK: u8 = 4;
    pub const FEATURES_OK: u8 = 8;
    pub const NEEDS_RESET: u8 = 64;
    pub const FAILED: u8 = 128;
}

/// Low and high half of an address, as two registers take it.
pub(crate) fn halves(address: u64) -> [u32; 2] {
    [address as u32, (address >> 32) as u32]
}
