//! Virtio network devices (VirtIO 1.2), by polling: split virtqueues and a driver that moves owned frames.
//!
//! Nothing here knows who uses it, allocates, or trusts the device. What a device writes is an allegation: it is read
//! once, its range is checked, and what must be remembered is kept in memory that the device was never told of. A
//! device that breaks the rules is reset, its buffers come back, and its driver stays [down](Violation).
//!
//! Read in this order: [`Dma`] (memory both sides touch), [`Pool`] and [`Frame`] (buffers and who owns them), `ring`
//! (lending buffers to a device), [`Transport`] (registers), [`Net`] (the driver).

#![no_std]
#![deny(unsafe_code)]

#[cfg(any(test, feature = "fake"))]
extern crate alloc;

mod dma;
mod frame;
mod header;
mod net;
mod pool;
mod registers;
mod ring;
pub mod transport;

pub use dma::{Dma, PAGE, Region};
pub use frame::Frame;
pub use header::{GsoType, NetHeader};
pub use net::{Counters, Features, InitError, Net, Offer};
pub use pool::{FRAME_OFFSET, Pool};
pub use registers::Registers;
pub use ring::{MAX_QUEUE, Violation};
pub use transport::Transport;
