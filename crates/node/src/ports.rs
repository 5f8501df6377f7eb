//! The whole outside world of a node.

use wire::{Buffer, Burst, MacAddr, PortId};

/// NICs, buffers and a console.
pub trait Ports {
    type Buffer: Buffer;

    /// The NICs, in the order that NaCl's `index` counts; a [`PortId`] is a position here.
    fn nics(&self) -> &[Nic];

    /// Takes what a port has received, until the burst is full.
    fn receive(&mut self, port: PortId, burst: &mut Burst<Self::Buffer>);

    /// Queues a frame. Where the queue is full it is dropped and counted by the port.
    fn transmit(&mut self, port: PortId, frame: Self::Buffer);

    /// An empty frame with headroom, as [`plane::Outlet::allocate`] asks for it.
    fn allocate(&mut self) -> Option<Self::Buffer>;

    /// The end of a turn: everything queued is to go out, with one kick per port.
    fn flush(&mut self);

    /// Prints one line, which has no newline.
    fn console(&mut self, line: &str);
}

/// A NIC as the host found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nic {
    pub mac: MacAddr,
    /// The largest packet that the device says it carries, in bytes; `None` if it says nothing.
    pub mtu: Option<u16>,
    /// The driver's name, for the console: "virtio-net-pci".
    pub driver: &'static str,
}
