//! Our router, on the simulator.

use crate::packets::Sent;
use anyhow::{Result, anyhow};
use plane::{Counters, DropReason};
use policy::Policy;
use sim::Happening;
use story::{Action, Scene};
use wire::PortId;

pub struct Ours {
    scene: Scene,
}

/// A frame on a wire: the position of its Iface, and its bytes.
pub type Frame = (usize, Vec<u8>);

impl Ours {
    pub fn new(policy: Policy) -> Result<Self> {
        let mut scene = Scene::new(policy, sim::Net::settings())
            .map_err(|errors| anyhow!("the router does not start: {errors:?}"))?;
        scene.net.settle()?;
        scene.forget();
        Ok(Self { scene })
    }

    /// A packet as the frame that would carry it.
    pub fn frame(&self, sent: &Sent) -> Result<Frame> {
        let say = |found: story::Diagnostic| anyhow!("{}: {}", sent.packet, found.message);
        let step = story::step(&sent.packet, Some(&sent.iface)).map_err(say)?;
        let Action::In { iface, packet, .. } = &step.action else {
            return Err(anyhow!("{} is no packet", sent.packet));
        };
        let wire = self.scene.wire(iface).map_err(say)?;
        Ok((usize::from(wire.port.0), self.scene.frame(wire, packet).map_err(say)?))
    }

    /// What leaves because of a frame, and why packets went nowhere.
    pub fn send(&mut self, (port, frame): &Frame) -> Result<(Vec<Frame>, Vec<DropReason>)> {
        let before = self.scene.net.counters().clone();
        self.scene.net.send(PortId(*port as u16), frame);
        self.scene.seen.remember(&story::packet::decode_frame(frame));
        self.scene.net.settle()?;
        let mut out = Vec::new();
        for happening in self.scene.net.take() {
            if let Happening::Sent { port, bytes } = happening {
                self.scene.seen.remember(&story::packet::decode_frame(&bytes));
                out.push((usize::from(port.0), bytes));
            }
        }
        Ok((out, drops(&before, self.scene.net.counters())))
    }
}

fn drops(before: &Counters, after: &Counters) -> Vec<DropReason> {
    let (before, after) = (before.total(), after.total());
    after.drops().filter(|(reason, count)| *count > before.dropped(*reason)).map(|(reason, _)| reason).collect()
}
