//! The whole outside world of a node.

use plane::Event;
use wire::{Buffer, Burst, Duration, MacAddr, PortId};

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

    /// Sees every event of the plane as it is, before the node prints those that are lines of the console. For hosts
    /// that judge a router (stories, tests); the others have no use for it.
    fn event(&mut self, _event: &Event<'_>) {}

    /// How the machine is doing, for the timers that print it; asked once per tick. `None` where the host cannot
    /// tell.
    fn vitals(&mut self) -> Option<Vitals> {
        None
    }
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

/// How the machine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// Bytes that the router may use, and uses.
    pub memory_total: u64,
    pub memory_used: u64,
    /// How long the processor has slept since the box booted; `None` where nobody counts.
    pub idle: Option<Duration>,
}
