//! The load balancer: a translation decision for new connections, no proxy.
//!
//! ```text
//!  client ─► prerouting, input of clients.iface ─► pick a node ─► output, postrouting of servers.iface ─► node
//!  node ─► prerouting, input of servers.iface ─► translate back ─► output, postrouting of clients.iface ─► client
//! ```
//!
//! This file keeps the books: which nodes are up, who waits, what is unanswered. `service.rs` walks the packets.
//! A node is probed with a SYN until it answers; one that is up is believed until it fails a client.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use policy::Balancer as Settings;
use wire::{Duration, IfaceId, Instant, IpAddr, PartialChecksum};

use crate::conntrack::Tuple;

/// For how long a node may leave a SYN unanswered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// From one probe of a node that is down to the next.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);
/// From a node's failure to its first probe.
const FIRST_PROBE: Duration = Duration::from_secs(8);
/// For how long a client is remembered that does not repeat its SYN.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);
/// SYNs whose answers are waited for, at most; those beyond are not sent again when a node refuses them.
const MAX_UNANSWERED: usize = 1024;
/// Bytes of a SYN that are kept: IP and TCP header with all options.
pub(crate) const MAX_SYN: usize = 120;

pub(crate) struct Balancer<B> {
    pub settings: Settings,
    nodes: Vec<Node>,
    /// Where the next pick begins.
    next: usize,
    sessions: u32,
    waiting: VecDeque<Client<B>>,
    unanswered: VecDeque<Unanswered>,
}

struct Node {
    address: IpAddr,
    port: u16,
    state: NodeState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeState {
    Up,
    /// Down, to be probed at this moment.
    Down {
        probe_at: Instant,
    },
    /// A probe is out.
    Probed {
        probe: Probe,
        since: Instant,
    },
}

/// A SYN that asks whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub node: usize,
    pub address: IpAddr,
    pub port: u16,
    /// Ours.
    pub sport: u16,
    pub sequence: u32,
}

/// A client whose SYN is held.
pub(crate) struct Client<B> {
    pub tuple: Tuple,
    pub frame: B,
    pub iface: IfaceId,
    /// Where in the frame the IP header begins.
    pub l3: usize,
    seen: Instant,
}

/// A client's SYN on its way to a node.
#[derive(Clone, Copy)]
pub(crate) struct Unanswered {
    /// As the client sent it.
    pub tuple: Tuple,
    /// As the node answers it.
    pub reply: Tuple,
    pub node: usize,
    pub iface: IfaceId,
    since: Instant,
    pub syn: [u8; MAX_SYN],
    pub syn_len: usize,
    /// What its NIC left undone of its checksum, if anything; counted from its IP header.
    pub partial: Option<PartialChecksum>,
}

impl<B> Balancer<B> {
    pub fn new(settings: Settings, now: Instant) -> Self {
        let node = |node: &policy::Node| Node {
            address: node.address,
            port: node.port,
            state: NodeState::Down { probe_at: now },
        };
        Self {
            nodes: settings.nodes.iter().map(node).collect(),
            next: 0,
            sessions: 0,
            waiting: VecDeque::with_capacity(settings.wait_queue_limit.min(4096) as usize),
            unanswered: VecDeque::with_capacity(MAX_UNANSWERED),
            settings,
        }
    }

    /// Sessions, clients that wait, nodes that are up, nodes.
    pub fn usage(&self) -> (u32, usize, usize, usize) {
        let up = self.nodes.iter().filter(|node| node.state == NodeState::Up).count();
        (self.sessions, self.waiting.len(), up, self.nodes.len())
    }

    /// The next node of this family that is up, round robin in file order; `None` while there is none, or no room for
    /// a session.
    pub fn pick(&mut self, v4: bool) -> Option<(usize, IpAddr, u16)> {
        if self.sessions >= self.settings.session_limit {
            return None;
        }
        let count = self.nodes.len();
        let at = (0..count).map(|step| (self.next + step) % count).find(|at| {
            self.nodes.get(*at).is_some_and(|node| node.state == NodeState::Up && node.address.is_ipv4() == v4)
        })?;
        self.next = (at + 1) % count;
        self.nodes.get(at).map(|node| (at, node.address, node.port))
    }

    /// A session has begun; `unanswered` is its SYN.
    pub fn begin(&mut self, unanswered: Unanswered) {
        self.sessions += 1;
        if self.unanswered.len() < MAX_UNANSWERED {
            self.unanswered.push_back(unanswered);
        }
    }

    pub fn end(&mut self, sessions: u32) {
        self.sessions = self.sessions.saturating_sub(sessions);
    }

    /// A node has answered the SYN of the flow with this reply tuple, one way or the other.
    pub fn answered(&mut self, reply: &Tuple) -> Option<Unanswered> {
        let at = self.unanswered.iter().position(|unanswered| unanswered.reply == *reply)?;
        self.unanswered.remove(at)
    }

    /// A node that was up has failed a client.
    pub fn fail(&mut self, now: Instant, node: usize) {
        if let Some(node) = self.nodes.get_mut(node).filter(|node| node.state == NodeState::Up) {
            node.state = NodeState::Down { probe_at: now + FIRST_PROBE };
        }
    }

    /// The probe that a segment from this node answers.
    pub fn probe_of(&self, address: IpAddr, port: u16, sport: u16) -> Option<Probe> {
        self.nodes.iter().find_map(|node| match node.state {
            NodeState::Probed { probe, .. } if (probe.address, probe.port, probe.sport) == (address, port, sport) => {
                Some(probe)
            }
            _ => None,
        })
    }

    /// A probe has succeeded or failed.
    pub fn probed(&mut self, node: usize, up: bool) {
        let Some(node) = self.nodes.get_mut(node) else { return };
        if let NodeState::Probed { since, .. } = node.state {
            node.state = if up { NodeState::Up } else { NodeState::Down { probe_at: since + PROBE_INTERVAL } };
        }
    }

    /// A probe that is due, with a source port and sequence number made of `random`.
    pub fn due_probe(&mut self, now: Instant, random: u64) -> Option<Probe> {
        let is_due = |node: &Node| matches!(node.state, NodeState::Down { probe_at } if probe_at <= now);
        let at = self.nodes.iter().position(is_due)?;
        let node = self.nodes.get_mut(at)?;
        // The dynamic ports (RFC 6335 §6).
        let sport = 49_152 + (random >> 32) as u16 % 16_384;
        let probe = Probe { node: at, address: node.address, port: node.port, sport, sequence: random as u32 };
        node.state = NodeState::Probed { probe, since: now };
        Some(probe)
    }

    /// Probes and clients' SYNs that have been unanswered for too long make their nodes down.
    pub fn expire(&mut self, now: Instant) {
        for node in &mut self.nodes {
            if let NodeState::Probed { since, .. } = node.state
                && since + ANSWER_TIMEOUT <= now
            {
                node.state = NodeState::Down { probe_at: since + PROBE_INTERVAL };
            }
        }
        while self.unanswered.front().is_some_and(|unanswered| unanswered.since + ANSWER_TIMEOUT <= now) {
            if let Some(unanswered) = self.unanswered.pop_front() {
                self.fail(now, unanswered.node);
            }
        }
    }

    /// A client that has not repeated its SYN for too long.
    pub fn forget(&mut self, now: Instant) -> Option<Client<B>> {
        let at = self.waiting.iter().position(|client| client.seen + CLIENT_TIMEOUT <= now)?;
        self.waiting.remove(at)
    }

    /// Does this client wait already? Takes note that it has repeated its SYN.
    pub fn waits(&mut self, now: Instant, tuple: &Tuple) -> bool {
        let client = self.waiting.iter_mut().find(|client| client.tuple == *tuple);
        client.map(|client| client.seen = now).is_some()
    }

    /// A client gives up by itself.
    pub fn give_up(&mut self, tuple: &Tuple) -> Option<Client<B>> {
        let at = self.waiting.iter().position(|client| client.tuple == *tuple)?;
        self.waiting.remove(at)
    }

    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.settings.wait_queue_limit as usize
    }

    pub fn hold(&mut self, now: Instant, tuple: Tuple, frame: B, iface: IfaceId, l3: usize) {
        self.waiting.push_back(Client { tuple, frame, iface, l3, seen: now });
    }

    /// The first client that could be served now.
    pub fn release(&mut self) -> Option<Client<B>> {
        let free = self.sessions < self.settings.session_limit;
        let serves =
            |v4: bool| self.nodes.iter().any(|node| node.state == NodeState::Up && node.address.is_ipv4() == v4);
        let at = self.waiting.iter().position(|client| free && serves(client.tuple.src.is_ipv4()))?;
        self.waiting.remove(at)
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let nodes = self.nodes.iter().filter_map(|node| match node.state {
            NodeState::Up => None,
            NodeState::Down { probe_at } => Some(probe_at),
            NodeState::Probed { since, .. } => Some(since + ANSWER_TIMEOUT),
        });
        let clients = self.waiting.iter().map(|client| client.seen + CLIENT_TIMEOUT).min();
        let answers = self.unanswered.front().map(|unanswered| unanswered.since + ANSWER_TIMEOUT);
        nodes.chain(clients).chain(answers).min()
    }
}

impl<B> Client<B> {
    /// One that has been served before, by a node that refused it.
    pub fn again(tuple: Tuple, frame: B, iface: IfaceId, l3: usize, now: Instant) -> Self {
        Self { tuple, frame, iface, l3, seen: now }
    }
}

impl Unanswered {
    pub fn new(
        now: Instant,
        tuple: Tuple,
        reply: Tuple,
        node: usize,
        iface: IfaceId,
        packet: &[u8],
        partial: Option<PartialChecksum>,
    ) -> Self {
        let mut syn = [0; MAX_SYN];
        let syn_len = packet.len().min(MAX_SYN);
        if let (Some(place), Some(bytes)) = (syn.get_mut(..syn_len), packet.get(..syn_len)) {
            place.copy_from_slice(bytes);
        }
        Self { tuple, reply, node, iface, since: now, syn, syn_len, partial }
    }
}
