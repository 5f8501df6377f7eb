//! Ports for translated sources: which one a new flow gets, and which inside endpoint an outer one stands for.

use super::Conntrack;
use super::mapping::{Endpoint, Place};
use super::tuple::Key;
use crate::nat::Random;
use crate::parse::Packet;
use wire::{Instant, IpAddr};

/// Random ports that are tried before ports are tried one by one, …
const RANDOM_GUESSES: u32 = 64;
/// … and how many of those.
const SCANNED_PORTS: u32 = 4096;

/// A draft's dynamic source translation, and what the tables have said while it was chosen: none of that is asked
/// again at confirm, unless a flow has been entered in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapped {
    /// The inside endpoint.
    pub(super) inner: Endpoint,
    /// What its port becomes.
    pub port: u16,
    pub(super) place: Place,
    /// The hash of the reply tuple, without a zone.
    pub(super) reply_hash: Option<u64>,
    /// The table had no flow of the reply tuple at all.
    pub(super) is_reply_absent: bool,
    /// Flows that had been entered then.
    pub(super) entered: u64,
}

impl Mapped {
    /// The packet's destination is another than it was when its source was chosen.
    pub(super) fn forget_reply(&mut self) {
        (self.reply_hash, self.is_reply_absent) = (None, false);
    }
}

/// What the table has of a reply tuple.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reply {
    Absent,
    /// Of a flow that is over.
    Over,
    Taken,
}

impl Conntrack {
    /// Chooses the outer port (or ICMP identifier) of a new flow's source on `outer`: that of its mapping, its own if
    /// no other mapping has it, else a random one of the same range and parity (RFC 4787 REQ-3, REQ-4; RFC 6056
    /// §3.3.2). Changes nothing: it is taken at [`confirm`](Self::confirm). `None`: all are taken.
    #[inline(always)]
    pub fn choose_port(&self, now: Instant, random: &mut Random, packet: &Packet, outer: IpAddr) -> Option<Mapped> {
        let (own, peer) = packet.ports();
        let inner = (packet.src, own);
        // Ports are 0 only where there is none; identifiers are not.
        let can_keep = own != 0 || packet.is_icmp_query();
        let kept = if can_keep { self.mappings.place(now, packet.protocol, inner, (outer, own)) } else { None };
        let (endpoint, place) = match (kept, self.mappings.moved(now, packet.protocol, inner, outer)) {
            (Some(Place::Of(_)), _) | (_, None) => ((outer, own), kept),
            (_, Some((id, mapping))) => (mapping.outer, Some(Place::Of(id))),
        };
        let chosen = place.and_then(|place| self.by_place(now, packet, peer, inner, endpoint, place));
        chosen.or_else(|| self.choose_another(now, random, packet, outer))
    }

    /// As [`choose_port`](Self::choose_port), where neither the port can be kept nor a mapping be used that is there.
    #[inline(never)]
    fn choose_another(&self, now: Instant, random: &mut Random, packet: &Packet, outer: IpAddr) -> Option<Mapped> {
        let (own, peer) = packet.ports();
        let inner = (packet.src, own);
        let chosen = |port: u16| {
            let place = self.mappings.place(now, packet.protocol, inner, (outer, port))?;
            self.by_place(now, packet, peer, inner, (outer, port), place)
        };
        let is_query = packet.is_icmp_query();
        let (low, high) = match own {
            _ if is_query => (0, u16::MAX),
            0..1024 => (1, 1023),
            _ => (1024, u16::MAX),
        };
        // Ports of one parity lie two apart; identifiers have none.
        let step = if is_query { 1 } else { 2 };
        let first = if is_query { 0 } else { u32::from(low) + u32::from((low ^ own) & 1) };
        let count = (u32::from(high) - first) / step + 1;
        let nth = |at: u32| (first + at % count * step) as u16;
        let start = random.next() as u32 % count;
        let guesses = (0..RANDOM_GUESSES).map(|_| random.next() as u32 % count).map(nth).find_map(chosen);
        guesses.or_else(|| (0..count.min(SCANNED_PORTS)).map(|at| nth(start + at)).find_map(chosen))
    }

    /// By the mapping at a place, unless a flow has the tuple of its replies.
    #[inline(always)]
    fn by_place(
        &self,
        now: Instant,
        packet: &Packet,
        peer: u16,
        inner: Endpoint,
        outer: Endpoint,
        place: Place,
    ) -> Option<Mapped> {
        let (reply, hash) = self.reply(now, packet, peer, outer);
        let is_reply_absent = reply == Reply::Absent;
        let mapped =
            Mapped { inner, port: outer.1, place, reply_hash: Some(hash), is_reply_absent, entered: self.entered };
        (reply != Reply::Taken).then_some(mapped)
    }

    /// What there is of the tuple of replies to this packet if its source is `outer`, and the hash of that. `peer`: its
    /// destination's port.
    #[inline(always)]
    fn reply(&self, now: Instant, packet: &Packet, peer: u16, outer: Endpoint) -> (Reply, u64) {
        let key = Key::between((packet.dst, peer), outer, packet.protocol, 0);
        let hash = self.table.hash(&key);
        let reply = match self.table.find_key(&key, hash).and_then(|(id, _)| self.table.get(id)) {
            None => Reply::Absent,
            Some(flow) if flow.deadline <= now => Reply::Over,
            Some(_) => Reply::Taken,
        };
        (reply, hash)
    }

    /// A source port on `own` for a session of the balancer: one that tells its replies from all others from the same
    /// node (endpoint-dependent, so that one address carries as many sessions as a node has ports for). `None`: all
    /// that were tried are taken.
    pub fn choose_source(&self, now: Instant, random: &mut Random, packet: &Packet, own: IpAddr) -> Option<u16> {
        let peer = packet.ports().1;
        let is_free = |port: &u16| self.reply(now, packet, peer, (own, *port)).0 != Reply::Taken;
        let mut guess = || 1024 + (random.next() >> 16) as u16 % (u16::MAX - 1024);
        let start = guess();
        let next = |step: u32| (1024 + (u32::from(start) - 1024 + step) % (65_536 - 1024)) as u16;
        (0..RANDOM_GUESSES).map(|_| guess()).find(is_free).or_else(|| (0..SCANNED_PORTS).map(next).find(is_free))
    }

    /// False: no mapping has ever had this outer address.
    #[inline]
    pub fn may_hairpin(&self, outer: IpAddr) -> bool {
        self.mappings.may_have(outer)
    }

    /// The inside endpoint to which a mapping's outer endpoint leads, for a packet that comes from another side than
    /// the one that the mapping faces.
    #[inline]
    pub fn hairpin(&self, now: Instant, packet: &Packet) -> Option<Endpoint> {
        if !self.mappings.may_have(packet.dst) || !packet.has_ports() {
            return None;
        }
        let mapping = self.mappings.of_outer(now, packet.protocol, (packet.dst, packet.ports().1))?;
        (packet.iif != Some(mapping.site.iface)).then_some(mapping.inner)
    }
}
