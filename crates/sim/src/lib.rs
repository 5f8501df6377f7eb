//! A network in a box: the real node, with simulated NICs, hosts and time.
//!
//! [`Net`] is a router with a link behind each Iface. On the links live hosts that say where they are when asked
//! (ARP, neighbor discovery) and otherwise keep quiet; a test speaks for them. Time stands still while packets walk
//! and jumps to the next moment at which something is due, so an hour of a router passes in a blink. What comes out is
//! recorded: frames, log lines, the console.

#![forbid(unsafe_code)]

mod buffer;
mod hosts;
mod pcap;
mod syslog;
mod world;

use node::{Nic, Node, Settings, StartError};
use plane::{Counters, Plane, TraceStep};
use policy::{NicRef, Policy};
use std::collections::BTreeMap;
use std::fmt;
use wire::{Duration, IfaceId, Instant, IpAddr, MacAddr, PortId};

pub use buffer::{Frame, Pool};
pub use hosts::{Hosts, mac_of};
pub use pcap::{Captured, Direction, pcapng};
pub use syslog::{Message, NoMessage};
pub use world::{Happening, World};

/// Every simulated box boots at 2026-01-01T00:00:00Z.
const UNIX_TIME: Duration = Duration::from_secs(1_767_225_600);

/// So many turns at one instant, and a node will never come to rest.
const MOST_TURNS: u32 = 100_000;

/// A router and everything around it.
pub struct Net {
    node: Node<World>,
    world: World,
    boot: Vec<String>,
}

/// The node has work forever without time passing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restless {
    pub at: Instant,
}

impl fmt::Display for Restless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the router did not come to rest within {MOST_TURNS} turns at {}", self.at)
    }
}

impl std::error::Error for Restless {}

impl Net {
    /// Boots a router of this policy, with as many NICs as it needs: one for each `index` up to the highest, and one
    /// for each MAC address, in the places that no `index` names.
    pub fn new(policy: Policy) -> Result<Self, Vec<StartError>> {
        Self::with(policy, Self::settings())
    }

    /// The settings of every simulation that asks for no others.
    pub fn settings() -> Settings {
        Settings { unix_time: Some(UNIX_TIME), seed: *b"every simulation is the same one", ..Settings::default() }
    }

    /// As [`new`](Self::new), with other settings.
    pub fn with(policy: Policy, settings: Settings) -> Result<Self, Vec<StartError>> {
        let nics = nics_of(&policy);
        let node = Node::new(policy, &nics, settings)?;
        let links: Vec<_> = node.plane().links().iter().map(|link| (link.port, link.mac)).collect();
        let hosts = hosts::Hosts::new(node.plane().policy(), &links);
        let mut net = Self { world: World::new(nics, hosts), node, boot: Vec::new() };
        net.node.report_start(&mut net.world);
        net.boot = net
            .world
            .take()
            .into_iter()
            .filter_map(|happening| match happening {
                Happening::Console { line } => Some(line),
                Happening::Sent { .. } | Happening::Log { .. } => None,
            })
            .collect();
        Ok(net)
    }

    /// The lines that the box printed when it started.
    pub fn boot_lines(&self) -> &[String] {
        &self.boot
    }

    pub fn now(&self) -> Instant {
        self.world.now
    }

    /// Puts a frame on a wire; the box sees it when it is next let run.
    pub fn send(&mut self, port: PortId, frame: &[u8]) {
        self.world.send(port, frame);
    }

    /// Lets the box run at this instant until nothing is left to do.
    pub fn settle(&mut self) -> Result<(), Restless> {
        for _ in 0..MOST_TURNS {
            let turn = self.node.turn(self.world.now, &mut self.world);
            let due = turn.wake.is_some_and(|wake| wake <= self.world.now);
            if !turn.busy && !due && self.world.is_quiet() {
                return Ok(());
            }
        }
        Err(Restless { at: self.world.now })
    }

    /// Lets time pass. Everything due before `until` happens; what is due at that very moment is left to the next
    /// [`settle`](Self::settle).
    pub fn advance(&mut self, until: Instant) -> Result<(), Restless> {
        loop {
            self.settle()?;
            // A turn without work says when the next one is wanted.
            let wake = self.node.turn(self.world.now, &mut self.world).wake;
            match wake {
                Some(wake) if wake < until => self.world.now = wake.max(self.world.now),
                _ => break,
            }
        }
        self.world.now = self.world.now.max(until);
        Ok(())
    }

    /// What has come out since the last call, in order.
    pub fn take(&mut self) -> Vec<Happening> {
        self.world.take()
    }

    /// From now on the plane writes down what it does with every packet.
    pub fn start_trace(&mut self) {
        self.node.start_trace();
    }

    /// What the plane has written down since the last call, in order.
    pub fn take_trace(&mut self) -> Vec<TraceStep> {
        self.node.take_trace()
    }

    /// Remember what happens, as it is from the start, or nothing of it: for measurements.
    pub fn set_recording(&mut self, recording: bool) {
        self.world.recording = recording;
    }

    /// The host of this address answers no more, or does again.
    pub fn set_silent(&mut self, address: IpAddr, silent: bool) {
        self.world.hosts.set_silent(address, silent);
    }

    /// The MAC address that a packet from `source` comes in with on this Iface.
    pub fn sender_mac(&self, iface: IfaceId, source: IpAddr) -> MacAddr {
        self.world.hosts.sender_mac(iface, source)
    }

    /// True for an address that the policy gives to the box.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.world.hosts.is_own(address)
    }

    pub fn policy(&self) -> &Policy {
        self.plane().policy()
    }

    pub fn plane(&self) -> &Plane<Frame> {
        self.node.plane()
    }

    pub fn counters(&self) -> &Counters {
        self.plane().counters()
    }

    pub fn nics(&self) -> &[Nic] {
        self.node.nics()
    }

    /// Everything that has been on the wires, as a pcapng file.
    pub fn pcapng(&self) -> Vec<u8> {
        pcapng(&self.wire_names(), self.world.captured())
    }

    /// The frames that the box has sent, as a pcapng file.
    pub fn pcapng_of_sent(&self) -> Vec<u8> {
        let sent = self.world.captured().iter().filter(|frame| frame.direction == Direction::Out);
        pcapng(&self.wire_names(), &sent.cloned().collect::<Vec<_>>())
    }

    /// For each NIC the name of its first Iface, else `nicN`.
    fn wire_names(&self) -> Vec<String> {
        let name = |port: usize| {
            let on_port = |link: &plane::Link| usize::from(link.port.0) == port;
            let at = self.plane().links().iter().position(on_port);
            at.and_then(|at| self.policy().ifaces.get(at)).map_or(format!("nic{port}"), |iface| iface.name.clone())
        };
        (0..self.nics().len()).map(name).collect()
    }
}

/// The NICs that a policy asks for.
fn nics_of(policy: &Policy) -> Vec<Nic> {
    let mut by_index: BTreeMap<u16, MacAddr> = BTreeMap::new();
    let own_mac = |index: u16| {
        let [high, low] = index.to_be_bytes();
        MacAddr([0x52, 0x54, 0, 0, high, low])
    };
    for iface in &policy.ifaces {
        if let NicRef::Index(index) = iface.nic {
            by_index.insert(index, own_mac(index));
        }
    }
    for iface in &policy.ifaces {
        if let NicRef::Mac(mac) = iface.nic
            && !by_index.values().any(|known| *known == mac)
        {
            let free = (0..).find(|index| !by_index.contains_key(index)).unwrap_or(u16::MAX);
            by_index.insert(free, mac);
        }
    }
    let count = by_index.keys().next_back().map_or(0, |last| last + 1);
    (0..count)
        .map(|index| Nic {
            mac: by_index.get(&index).copied().unwrap_or_else(|| own_mac(index)),
            mtu: Some(1500),
            driver: "sim",
        })
        .collect()
}
