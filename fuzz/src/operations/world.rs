//! The outside of the plane: what it sends, delivers and tells is kept until it has been looked at.

use super::buffer::{Frame, Live};
use plane::{DropReason, Event, Outlet};
use wire::{IfaceId, PortId};

#[derive(Default)]
pub struct World {
    pub sent: Vec<(PortId, Frame)>,
    pub delivered: Vec<(IfaceId, Frame)>,
    /// Drops that were told, for each reason in its place.
    pub told: Vec<u64>,
    pub events: u64,
    pub live: Live,
    /// So many buffers there are for what the box makes itself.
    pub buffers: usize,
}

impl World {
    pub fn new() -> Self {
        Self { told: vec![0; DropReason::COUNT], buffers: usize::MAX, ..Self::default() }
    }
}

impl Outlet<Frame> for World {
    fn allocate(&mut self) -> Option<Frame> {
        self.buffers = self.buffers.checked_sub(1)?;
        Some(Frame::empty(&self.live))
    }

    fn transmit(&mut self, port: PortId, frame: Frame) {
        self.sent.push((port, frame));
    }

    fn deliver(&mut self, iface: IfaceId, frame: Frame) {
        self.delivered.push((iface, frame));
    }

    fn event(&mut self, event: Event<'_>) {
        self.events += 1;
        if let Event::Dropped { reason, .. } = event {
            self.told[reason as usize] += 1;
        }
    }
}
