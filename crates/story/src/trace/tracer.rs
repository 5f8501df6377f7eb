//! A router that is given packets one by one, and says what it did with each.

use super::{Stage, Walk, walks};
use crate::effects::Came;
use crate::packet::{decode_frame, show};
use crate::scene::{Effects, Scene};
use crate::script::{Action, Name, Step};
use crate::text::{Diagnostic, Span};
use plane::{Counters, DropReason};
use policy::Policy;
use wire::{Duration, Instant, ethernet};

/// Packets of a capture have no place in a text.
const NOWHERE: Span = Span { line: 1, start: 1, end: 2 };

/// A router on the simulator, traced.
pub struct Tracer {
    scene: Scene,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Traced {
    /// When the step was taken, since the router was ready.
    pub at: Instant,
    /// The Iface and the packet that came in by it, in the notation of stories; none for a step that only waits.
    pub packet: Option<(String, String)>,
    pub walks: Vec<Walk>,
    /// Packets that left, log lines, drops.
    pub came: Vec<Came>,
    pub counters: Vec<Change>,
}

/// A counter that has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `-` for frames that belong to no Iface.
    pub iface: String,
    /// `received` and so on, or `drop`.
    pub counter: &'static str,
    /// Of a drop.
    pub reason: Option<DropReason>,
    pub by: u64,
}

impl Tracer {
    /// Boots the router and lets it settle.
    pub fn new(policy: Policy) -> Result<Self, String> {
        let mut scene = Scene::new(policy, sim::Net::settings()).map_err(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            texts.join("\n")
        })?;
        scene.net.settle().map_err(|error| error.to_string())?;
        scene.forget();
        scene.net.start_trace();
        Ok(Self { scene })
    }

    pub fn policy(&self) -> &Policy {
        self.scene.net.policy()
    }

    /// Takes a step of a story.
    pub fn step(&mut self, step: &Step) -> Result<Traced, Diagnostic> {
        self.wait(step.after, step.span)?;
        let frame = self.scene.act(&step.action, step.span)?;
        let iface = match &step.action {
            Action::In { iface, .. } => iface.text.clone(),
            _ => String::new(),
        };
        self.settle(frame.map(|frame| (iface, frame)), step.span)
    }

    /// Lets a captured frame come in by an Iface, as if it had been sent to the box: its MAC address and VLAN are those
    /// of the Iface.
    pub fn frame(&mut self, after: Duration, iface: &str, frame: &[u8]) -> Result<Traced, Diagnostic> {
        let wire = self.scene.wire(&Name { text: iface.to_owned(), span: NOWHERE })?;
        self.wait(after, NOWHERE)?;
        let frame = match ethernet::Header::parse(frame) {
            Ok(header) => {
                let dst = if header.dst.is_group() { header.dst } else { wire.mac };
                let mut own = vec![0; ethernet::Header::len_for(wire.vlan)];
                ethernet::Header::emit(&mut own, dst, header.src, wire.vlan, header.ethertype);
                own.extend_from_slice(frame.get(header.len..).unwrap_or_default());
                own
            }
            Err(_) => frame.to_vec(),
        };
        self.scene.send(wire, &frame, 1, NOWHERE)?;
        self.settle(Some((iface.to_owned(), frame)), NOWHERE)
    }

    /// The frames that the router has sent, as a pcapng file.
    pub fn pcapng(&self) -> Vec<u8> {
        self.scene.net.pcapng_of_sent()
    }

    fn wait(&mut self, after: Duration, span: Span) -> Result<(), Diagnostic> {
        let until = self.scene.net.now() + after;
        self.scene.net.advance(until).map_err(|error| Diagnostic::new(span, error.to_string()))
    }

    fn settle(&mut self, sent: Option<(String, Vec<u8>)>, span: Span) -> Result<Traced, Diagnostic> {
        self.scene.net.settle().map_err(|error| Diagnostic::new(span, error.to_string()))?;
        let walks = walks(&self.scene.net.take_trace());
        let before = self.scene.counters_before().clone();
        let Effects { mut came, .. } = self.scene.came();
        came.retain(|item| !item.is_chatter());
        came.iter_mut().for_each(|item| name_neighbor(item, &walks));
        Ok(Traced {
            at: self.scene.net.now(),
            packet: sent.map(|(iface, frame)| (iface, show::packet(&decode_frame(&frame)))),
            walks,
            came,
            counters: self.changes(&before),
        })
    }

    fn changes(&self, before: &Counters) -> Vec<Change> {
        let (after, policy) = (self.scene.net.counters(), self.policy());
        let mut changes = Vec::new();
        for id in policy.iface_ids().map(Some).chain([None]) {
            let name = id.and_then(|id| policy.iface(id)).map_or("-".to_owned(), |iface| iface.name.clone());
            let (before, after) = (before.iface(id), after.iface(id));
            let counters = [
                ("received", after.received - before.received),
                ("forwarded", after.forwarded - before.forwarded),
                ("delivered", after.delivered - before.delivered),
                ("link", after.link - before.link),
                ("originated", after.originated - before.originated),
                ("sent", after.sent - before.sent),
                ("transmitted", after.transmitted - before.transmitted),
            ];
            let counters = counters.into_iter().map(|(counter, by)| (counter, None, by));
            let drops = after.drops().map(|(reason, count)| ("drop", Some(reason), count - before.dropped(reason)));
            let moved = counters.chain(drops).filter(|(_, _, by)| *by > 0);
            changes.extend(moved.map(|(counter, reason, by)| Change { iface: name.clone(), counter, reason, by }));
        }
        changes
    }
}

/// A frame carries the MAC address of its next hop; the walks know whose it is.
fn name_neighbor(came: &mut Came, walks: &[Walk]) {
    let Came::Out { packet, .. } = came else { return };
    let hops = walks.iter().flat_map(|walk| &walk.stages).filter_map(|stage| match stage {
        Stage::Sent { neighbor, .. } => Some(*neighbor),
        _ => None,
    });
    packet.via = { hops }.find(|neighbor| packet.dst_mac == Some(sim::mac_of(*neighbor)));
}
