//! Connection tracking: which flow a packet belongs to, and what that makes of it.
//!
//! Only two doors lead to the flow table. [`track`](Conntrack::track) looks a packet up and refreshes its flow;
//! [`confirm`](Conntrack::confirm) enters a new one, after the last rule has accepted its first packet. In between, a
//! new flow is a draft in the packet's hand: what is dropped leaves nothing behind.

mod flow;
mod index;
mod known;
mod list;
mod mapping;
mod table;
mod tcp;
#[cfg(test)]
mod tests;
mod tuple;

use crate::DropReason;
use crate::fastpath::Rewriting;
use crate::nat::{Random, Site, Sites};
use crate::parse::{Packet, Quote};
use flow::{Flow, Silences, flag as flow_flag, segment};
use mapping::{Endpoint, Mappings};
use policy::{Conntrack as Settings, CtState};
use table::Table;
use tcp::{Fit, Segment, TcpState};
use wire::tcp::flag;
use wire::{IfaceId, Instant, IpAddr};

pub(crate) use flow::{Direction, FlowId};
pub(crate) use index::Index;
pub use list::{Connection, Endpoints, MappingEntry};
pub(crate) use tuple::{Key, Tuple, hash};

/// A packet that tracking has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracked {
    pub packet: Packet,
    ct: Ct,
}

/// A packet whose flow is in the table, or that needs none: the last rule has accepted it. Only this may be emitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confirmed(Packet);

#[derive(Clone, Copy, Debug)]
enum Ct {
    /// Of a flow in the table.
    Known {
        id: FlowId,
        direction: Direction,
        state: CtState,
        translated: Option<(Translated, Direction)>,
    },
    /// The first of a flow that is not in the table yet.
    Draft(Draft),
    /// An error about a packet of a flow; it travels in this direction.
    Related {
        translated: Option<(Translated, Direction)>,
    },
    Invalid,
    /// The Iface is not tracked.
    Untracked,
}

/// A flow in the packet's hand.
#[derive(Clone, Copy, Debug)]
struct Draft {
    /// As its first packet came.
    original: Tuple,
    sites: Sites,
    /// The inside endpoint of its dynamic source translation.
    mapped: Option<Endpoint>,
    /// The balancer has picked a node for it.
    balanced: bool,
    /// Its destination was another's mapping on this address, so its source is to be mapped there as well.
    hairpin: Option<IpAddr>,
}

/// What translation needs to know of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Translated {
    pub original: Tuple,
    pub reply: Tuple,
    pub sites: Sites,
    /// A session of the balancer.
    pub balanced: bool,
}

impl Tracked {
    /// What rules see as `ct.state`.
    pub fn state(&self) -> CtState {
        match self.ct {
            Ct::Known { state, .. } => state,
            Ct::Draft(_) | Ct::Untracked => CtState::New,
            Ct::Related { .. } => CtState::Related,
            Ct::Invalid => CtState::Invalid,
        }
    }

    /// The flow in the table that the packet belongs to, its direction, and the flow's state.
    pub fn known(&self) -> Option<(FlowId, Direction, CtState)> {
        match self.ct {
            Ct::Known { id, direction, state, .. } => Some((id, direction, state)),
            _ => None,
        }
    }

    /// A packet of an Iface without tracking.
    pub fn untracked(packet: Packet) -> Self {
        Self { packet, ct: Ct::Untracked }
    }

    /// An error that the box sends about a packet: `related`, also where that packet was the first of its flow.
    pub fn related(packet: Packet) -> Self {
        Self { packet, ct: Ct::Related { translated: None } }
    }

    /// The first packet of a flow, whose translation is still to be decided.
    pub fn is_draft(&self) -> bool {
        matches!(self.ct, Ct::Draft(_))
    }

    /// Where this draft is translated so far.
    pub fn sites(&self) -> Sites {
        match self.ct {
            Ct::Draft(draft) => draft.sites,
            _ => Sites::default(),
        }
    }

    /// The translated flow that the packet belongs to, and the direction it travels in.
    pub fn translated(&self) -> Option<(Translated, Direction)> {
        match self.ct {
            Ct::Known { translated, .. } | Ct::Related { translated } => translated,
            Ct::Draft(_) | Ct::Invalid | Ct::Untracked => None,
        }
    }

    /// The packet belongs to a translated flow.
    pub fn is_translated(&self) -> bool {
        matches!(self.ct, Ct::Known { translated: Some(_), .. } | Ct::Related { translated: Some(_) })
    }

    pub fn draft_dnat(&mut self, site: Site) {
        if let Ct::Draft(draft) = &mut self.ct {
            draft.sites.dnat = Some(site);
        }
    }

    /// `mapped`: the inside endpoint, where the source goes by a mapping.
    pub fn draft_snat(&mut self, site: Site, mapped: Option<Endpoint>) {
        if let Ct::Draft(draft) = &mut self.ct {
            (draft.sites.snat, draft.mapped) = (Some(site), mapped);
        }
    }

    pub fn draft_hairpin(&mut self, outer: IpAddr) {
        if let Ct::Draft(draft) = &mut self.ct {
            draft.hairpin = Some(outer);
        }
    }

    /// The balancer picks a node for this draft.
    pub fn draft_balanced(&mut self) {
        if let Ct::Draft(draft) = &mut self.ct {
            draft.balanced = true;
        }
    }

    /// A packet of a session of the balancer.
    pub fn is_balanced(&self) -> bool {
        self.translated().is_some_and(|(flow, _)| flow.balanced)
    }

    /// The outer address on which this draft's source is to be mapped, because its destination was.
    pub fn hairpin(&self) -> Option<IpAddr> {
        match self.ct {
            Ct::Draft(draft) => draft.hairpin,
            _ => None,
        }
    }
}

impl Confirmed {
    pub fn packet(&self) -> &Packet {
        &self.0
    }

    /// The same packet, in a frame where its headers begin elsewhere.
    pub fn moved(self, l3: u16, l4: u16) -> Self {
        Self(Packet { l3, l4, fragment_header_len: 0, ..self.0 })
    }
}

pub(crate) struct Conntrack {
    table: Table,
    mappings: Mappings,
    silences: Silences,
    /// What does not fit a TCP connection is `invalid`.
    strict: bool,
    /// Most flows; the table holds one more, for the box's own log datagrams.
    limit: u32,
    /// The second up to which the timer wheel has been turned.
    turned: u64,
    /// Half-open connections given up early.
    given_up: u64,
    /// Sessions of the balancer that have ended since it asked last.
    ended_sessions: u32,
    /// What has been looked up in vain since a flow was entered last.
    absent: Option<Key>,
}

/// Random ports that are tried before ports are tried one by one, …
const RANDOM_GUESSES: u32 = 64;
/// … and how many of those.
const SCANNED_PORTS: u32 = 4096;

/// Flows looked at in one call of [`Conntrack::expire`], and in search of one to give up.
const EXPIRE_BUDGET: usize = 64;

/// What a policy may need of the tables, beside flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Mappings that its dynamic source translations can make, whatever comes.
    pub mappings: u32,
    /// There is IPv6.
    pub v6: bool,
}

impl Conntrack {
    pub fn new(settings: &Settings, limit: u32, room: Room, seed: [u64; 4], now: Instant) -> Self {
        let limit = limit.max(1);
        Self {
            table: Table::new(limit.saturating_add(1), room.v6, seed),
            mappings: Mappings::new(limit.min(room.mappings).max(1), seed),
            silences: Silences::new(settings),
            strict: settings.stateful_tcp,
            limit,
            turned: now.as_secs(),
            given_up: 0,
            ended_sessions: 0,
            absent: None,
        }
    }

    /// Flows in the table, and how many it may hold.
    pub fn usage(&self) -> (u32, u32) {
        (self.table.len(), self.limit)
    }

    /// Half-open TCP connections that were given up because the table was full.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Finds the packet's flow and takes note of the packet there, before any rule is asked.
    ///
    /// `header` begins with the transport header. `link` is the Iface that the packet came in by or leaves by.
    pub fn track(&mut self, now: Instant, tracked: &mut Tracked, header: &[u8], link: Option<IfaceId>) {
        let packet = &tracked.packet;
        let tuple = Tuple::of(packet, link);
        let segment = segment(packet).map(|(tcp, payload_len)| Segment::new(tcp, payload_len, header));
        if let Some((id, direction)) = self.find(now, &tuple.key()) {
            match self.refresh(now, id, direction, segment.as_ref()) {
                Some(CtState::Invalid) => {
                    tracked.ct = Ct::Invalid;
                    return;
                }
                Some(state) => {
                    let translated = self.translated(id, direction);
                    tracked.ct = Ct::Known { id, direction, state, translated };
                    return;
                }
                // Over, and this SYN begins a new one in its place.
                None => self.remove(id),
            }
        }
        tracked.ct = if self.may_begin(segment.as_ref()) {
            Ct::Draft(Draft { original: tuple, sites: Sites::default(), mapped: None, balanced: false, hairpin: None })
        } else {
            Ct::Invalid
        };
    }

    fn translated(&self, id: FlowId, direction: Direction) -> Option<(Translated, Direction)> {
        let flow = self.table.get(id).filter(|flow| flow.is_translated())?;
        let (sites, balanced) = (flow.sites(), flow.balanced());
        let original = self.table.tuple(id, Direction::Original)?;
        let reply = self.table.tuple(id, Direction::Reply)?;
        Some((Translated { original, reply, sites, balanced }, direction))
    }

    /// An ICMP error: related to the flow of the packet that it quotes, or invalid. It travels against that packet, to
    /// its sender: what is sent to anybody else is none of the flow (CVE-2019-5598).
    pub fn track_error(
        &mut self,
        now: Instant,
        mut packet: Packet,
        quote: Option<&Quote>,
        link: Option<IfaceId>,
    ) -> Tracked {
        let quote = quote.filter(|quote| quote.src == packet.dst);
        let against = quote.map(|quote| Tuple::of_quote(quote, link).reversed());
        let Some((id, direction)) = against.and_then(|tuple| self.find(now, &tuple.key())) else {
            return Tracked { packet, ct: Ct::Invalid };
        };
        let translated = self.translated(id, direction);
        // The quoted packet is given back the endpoints that it had on the side where the error goes.
        packet.quoted = translated.map(|(flow, direction)| match direction {
            Direction::Reply => flow.original.as_quote(),
            Direction::Original => flow.reply.as_quote(),
        });
        Tracked { packet, ct: Ct::Related { translated } }
    }

    fn find(&mut self, now: Instant, key: &Key) -> Option<(FlowId, Direction)> {
        if self.absent.is_some_and(|absent| absent == *key) {
            return None;
        }
        self.find_hashed(now, key, self.table.hash(key))
    }

    /// `hash`: that of the key.
    fn find_hashed(&mut self, now: Instant, key: &Key, hash: u64) -> Option<(FlowId, Direction)> {
        let (id, direction) = self.table.find_key(key, hash)?;
        if self.table.get(id)?.deadline <= now {
            self.remove(id);
            return None;
        }
        Some((id, direction))
    }

    /// `None`: the flow is over and the segment begins another.
    fn refresh(
        &mut self,
        now: Instant,
        id: FlowId,
        direction: Direction,
        segment: Option<&Segment>,
    ) -> Option<CtState> {
        let strict = self.strict;
        let Some(flow) = self.table.get_mut(id) else { return Some(CtState::Invalid) };
        let mut fit = Fit::Fits;
        if let Some(segment) = segment {
            let opens = segment.tcp.flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN) == flag::SYN;
            if opens && flow.tcp.is_over() {
                return None;
            }
            fit = flow.tcp.advance(direction, segment, strict);
        }
        if fit == Fit::Unfit && strict {
            return Some(CtState::Invalid);
        }
        if direction == Direction::Reply {
            flow.set(flow_flag::REPLIED, true);
        }
        if flow.has(flow_flag::SESSION) && flow.tcp.is_over() {
            flow.set(flow_flag::SESSION, false);
            self.ended_sessions += 1;
        }
        let state = if flow.replied() { CtState::Established } else { CtState::New };
        let deadline = self.silences.deadline(now, flow);
        let shorter = deadline < flow.deadline;
        flow.deadline = deadline;
        // Deadlines that move into the future are noticed when the wheel comes round; one that comes nearer is not.
        if shorter {
            self.table.reschedule(id, self.turned);
        }
        Some(state)
    }

    /// May this packet be the first of a flow?
    fn may_begin(&self, segment: Option<&Segment>) -> bool {
        let Some(segment) = segment else { return true };
        let flags = segment.tcp.flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN);
        if self.strict { flags == flag::SYN } else { flags & flag::RST == 0 }
    }

    /// Enters the draft of a new flow, or refuses it where the table is full. Everything else passes.
    pub fn confirm(&mut self, now: Instant, tracked: &Tracked, header: &[u8]) -> Result<Confirmed, DropReason> {
        if let Ct::Draft(draft) = &tracked.ct {
            self.enter(now, &tracked.packet, draft, header, self.limit)?;
        }
        Ok(Confirmed(tracked.packet))
    }

    /// As [`confirm`](Self::confirm), for the box's own log datagrams: there is one place that only they may take.
    pub fn confirm_log(&mut self, now: Instant, tracked: &Tracked) -> Result<Confirmed, DropReason> {
        if let Ct::Draft(draft) = &tracked.ct {
            self.enter(now, &tracked.packet, draft, &[], self.limit + 1)?;
        }
        Ok(Confirmed(tracked.packet))
    }

    fn enter(
        &mut self,
        now: Instant,
        packet: &Packet,
        draft: &Draft,
        header: &[u8],
        limit: u32,
    ) -> Result<(), DropReason> {
        if self.table.len() >= limit {
            self.expire(now);
        }
        if self.table.len() >= limit {
            // A half-open connection may be given up for a new one, an established one never.
            let half_open = self.table.search(EXPIRE_BUDGET, Flow::is_half_open).ok_or(DropReason::TableFull)?;
            self.remove(half_open);
            self.given_up += 1;
        }
        let original = self.table.hashed(draft.original.key());
        let reply = self.table.hashed(Key::of_reply(packet, draft.original.zone));
        if self.find_hashed(now, &reply.0, reply.1).is_some() {
            return Err(DropReason::NatClash);
        }
        let tcp = match segment(packet) {
            Some((tcp, payload_len)) => TcpState::begin(&Segment::new(tcp, payload_len, header)),
            None => TcpState::NONE,
        };
        let mut flow = Flow::new(packet.protocol, packet.iif, tcp);
        flow.deadline = self.silences.deadline(now, &flow);
        flow.set_sites(draft.sites);
        flow.set(flow_flag::BALANCED | flow_flag::SESSION, draft.balanced);
        if flow.is_translated() {
            let (original, reply) = (&draft.original, &Tuple::from(reply.0));
            flow.rewriting = [Rewriting::between(original, reply), Rewriting::between(reply, original)];
        }
        if let (Some(inner), Some(site)) = (draft.mapped, draft.sites.snat) {
            let outer = (packet.src, packet.ports().0);
            let mapping = self.mappings.take(now, packet.protocol, inner, outer, site);
            flow.set_mapping(mapping.ok_or(DropReason::NatClash)?);
        }
        let mapping = flow.mapping();
        self.absent = None;
        self.table.insert(original, reply, flow, self.turned).map(|_| ()).map_err(|table::Full| {
            mapping.into_iter().for_each(|mapping| self.mappings.release(mapping, now));
            DropReason::TableFull
        })
    }

    fn remove(&mut self, id: FlowId) {
        let Some(flow) = self.table.remove(id) else { return };
        self.ended_sessions += u32::from(flow.has(flow_flag::SESSION));
        if let Some(mapping) = flow.mapping() {
            let silent = self.silences.of(&flow);
            let last_packet = Instant::from_nanos(flow.deadline.as_nanos().saturating_sub(silent));
            self.mappings.release(mapping, last_packet);
        }
    }

    /// Chooses the outer port (or ICMP identifier) of a new flow's source on `outer`: that of its mapping, its own if
    /// no other mapping has it, else a random one of the same range and parity (RFC 4787 REQ-3, REQ-4; RFC 6056
    /// §3.3.2). Changes nothing: it is taken at [`confirm`](Self::confirm). `None`: all are taken.
    pub fn choose_port(&self, now: Instant, random: &mut Random, packet: &Packet, outer: IpAddr) -> Option<u16> {
        let (own, peer) = packet.ports();
        let is_query = packet.is_icmp_query();
        let replies_are_free = |port: u16| {
            let protocol = packet.protocol;
            let reply = Tuple { src: packet.dst, dst: outer, sport: peer, dport: port, protocol, zone: 0 };
            self.table.find(&reply).and_then(|(id, _)| self.table.get(id)).is_none_or(|flow| flow.deadline <= now)
        };
        let mapping = self.mappings.of_inner(now, packet.protocol, (packet.src, own), outer);
        if let Some(port) = mapping.map(|mapping| mapping.outer.1).filter(|port| replies_are_free(*port)) {
            return Some(port);
        }
        let is_free =
            |port: u16| self.mappings.of_outer(now, packet.protocol, (outer, port)).is_none() && replies_are_free(port);
        // Without a mapping the port is kept; with one whose reply tuple is taken, another is needed.
        if mapping.is_none() && (own != 0 || is_query) && is_free(own) {
            return Some(own);
        }
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
        let guesses = (0..RANDOM_GUESSES).map(|_| random.next() as u32 % count).map(nth).find(|port| is_free(*port));
        guesses.or_else(|| (0..count.min(SCANNED_PORTS)).map(|at| nth(start + at)).find(|port| is_free(*port)))
    }

    /// Sessions of the balancer that have ended since the last call: both FINs acknowledged, an in-window RST, or expired.
    pub fn take_ended_sessions(&mut self) -> u32 {
        core::mem::take(&mut self.ended_sessions)
    }

    /// Removes the flow of this tuple if nobody has answered it; true if it did.
    pub fn forget_unanswered(&mut self, now: Instant, tuple: &Tuple) -> bool {
        let found = self.find(now, &tuple.key());
        let unanswered = found.filter(|(id, _)| self.table.get(*id).is_some_and(|flow| !flow.replied()));
        unanswered.map(|(id, _)| self.remove(id)).is_some()
    }

    /// Removes the flow of this tuple.
    pub fn forget_flow(&mut self, now: Instant, tuple: &Tuple) {
        if let Some((id, _)) = self.find(now, &tuple.key()) {
            self.remove(id);
        }
    }

    /// A source port on `own` for a session of the balancer: one that tells its replies from all others from the same
    /// node (endpoint-dependent, so that one address carries as many sessions as a node has ports for). `None`: all
    /// that were tried are taken.
    pub fn choose_source(&self, now: Instant, random: &mut Random, packet: &Packet, own: IpAddr) -> Option<u16> {
        let (_, dport) = packet.ports();
        let is_free = |port: &u16| {
            let reply =
                Tuple { src: packet.dst, dst: own, sport: dport, dport: *port, protocol: packet.protocol, zone: 0 };
            self.table.find(&reply).and_then(|(id, _)| self.table.get(id)).is_none_or(|flow| flow.deadline <= now)
        };
        let mut guess = || 1024 + (random.next() >> 16) as u16 % (u16::MAX - 1024);
        let start = guess();
        let next = |step: u32| (1024 + (u32::from(start) - 1024 + step) % (65_536 - 1024)) as u16;
        (0..RANDOM_GUESSES).map(|_| guess()).find(is_free).or_else(|| (0..SCANNED_PORTS).map(next).find(is_free))
    }

    /// Has any mapping been made so far?
    #[inline]
    pub fn has_mappings(&self) -> bool {
        !self.mappings.is_empty()
    }

    /// The inside endpoint to which a mapping's outer endpoint leads, for a packet that comes from another side than
    /// the one that the mapping faces.
    pub fn hairpin(&self, now: Instant, packet: &Packet) -> Option<Endpoint> {
        if self.mappings.is_empty() || !packet.has_ports() {
            return None;
        }
        let mapping = self.mappings.of_outer(now, packet.protocol, (packet.dst, packet.ports().1))?;
        (packet.iif != Some(mapping.site.iface)).then_some(mapping.inner)
    }

    /// Turns the timer wheel up to `now` and removes what has expired; a bounded number of flows at a call.
    pub fn expire(&mut self, now: Instant) {
        let mut budget = EXPIRE_BUDGET;
        // One turn of the wheel passes every flow, however long ago the last one was.
        self.turned = self.turned.max(now.as_secs().saturating_sub(table::WHEEL as u64));
        while self.turned < now.as_secs() {
            let second = self.turned + 1;
            // Nothing in the table: nothing to turn over.
            if self.table.len() == 0 {
                self.turned = now.as_secs();
                return;
            }
            while let Some(id) = self.table.due(second) {
                if budget == 0 {
                    return;
                }
                budget -= 1;
                let over = self.table.get(id).is_none_or(|flow| flow.deadline <= now);
                if over { self.remove(id) } else { self.table.reschedule(id, second) }
            }
            self.turned = second;
        }
    }

    /// When the wheel wants to be turned.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = Instant::from_secs(self.turned + 1);
        (self.table.len() > 0).then_some(next)
    }
}
