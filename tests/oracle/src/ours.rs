//! Our router, on the simulator: every packet walks, so that it can be asked what it thought of them. Beside it those that
//! take short cuts.

use crate::packets::Sent;
use crate::twins::{self, Twins};
use anyhow::{Result, anyhow};
use plane::{Counters, DropReason, TraceStep};
use policy::{CtState, Policy};
use sim::Happening;
use story::packet::{decode_frame, show};
use story::{Action, Scene};
use wire::{Duration, PortId};

pub struct Ours {
    scene: Scene,
    twins: Twins,
}

/// A frame on a wire: the position of its Iface, and its bytes.
pub type Frame = (usize, Vec<u8>);

/// What came of a frame.
pub struct Said {
    pub out: Vec<Frame>,
    /// Why packets went nowhere.
    pub drops: Vec<DropReason>,
    /// What tracking thought of it.
    pub state: Option<CtState>,
    /// It reached the box's own stack.
    pub delivered: bool,
    /// Those of our own routers that did otherwise.
    pub apart: Vec<&'static str>,
    /// Packets that went without the walk, where that is allowed.
    pub past_the_walk: u64,
}

impl Ours {
    pub fn new(policy: Policy) -> Result<Self> {
        let others = Twins::new(&policy)?;
        let mut scene = Scene::new(policy, twins::settings(twins::WALK))
            .map_err(|errors| anyhow!("the router does not start: {errors:?}"))?;
        scene.net.settle()?;
        scene.forget();
        scene.net.start_trace();
        Ok(Self { scene, twins: others })
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

    /// The frame of a story's step; `None`: it needs what only the story's effects would teach.
    pub fn step(&self, action: &Action) -> Option<(Sent, Frame)> {
        let Action::In { iface, packet, .. } = action else { return None };
        let wire = self.scene.wire(iface).ok()?;
        let frame = self.scene.frame(wire, packet).ok()?;
        let sent = Sent { iface: iface.text.clone(), packet: show::packet(&decode_frame(&frame)) };
        Some((sent, (usize::from(wire.port.0), frame)))
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) -> Result<()> {
        let until = self.scene.net.now() + time;
        self.scene.net.advance(until)?;
        self.scene.net.take();
        self.twins.wait(time)
    }

    /// What comes of a frame. `believed`: it is of the host whose address it bears, which counts on from it.
    pub fn send(&mut self, (port, frame): &Frame, believed: bool) -> Result<Said> {
        let before = self.scene.net.counters().clone();
        self.scene.net.send(PortId(*port as u16), frame);
        if believed {
            self.scene.seen.remember(&decode_frame(frame));
        }
        self.scene.net.settle()?;
        let mut out = Vec::new();
        let happened = self.scene.net.take();
        let walked = self.twins.past_the_walk();
        let apart = self.twins.send(PortId(*port as u16), frame, &happened, self.scene.net.counters())?;
        let past_the_walk = self.twins.past_the_walk() - walked;
        for happening in happened {
            if let Happening::Sent { port, bytes } = happening {
                if believed {
                    self.scene.seen.remember(&decode_frame(&bytes));
                }
                out.push((usize::from(port.0), bytes));
            }
        }
        let trace = self.scene.net.take_trace();
        let state = trace.iter().find_map(|step| match step {
            TraceStep::Tracked { state, .. } => Some(*state),
            _ => None,
        });
        let delivered = trace.iter().any(|step| matches!(step, TraceStep::Delivered { .. }));
        Ok(Said { out, drops: drops(&before, self.scene.net.counters()), state, delivered, apart, past_the_walk })
    }
}

fn drops(before: &Counters, after: &Counters) -> Vec<DropReason> {
    let (before, after) = (before.total(), after.total());
    after.drops().filter(|(reason, count)| *count > before.dropped(*reason)).map(|(reason, _)| reason).collect()
}
