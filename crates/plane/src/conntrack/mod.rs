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
mod ports;
mod table;
mod tcp;
#[cfg(test)]
mod tests;
mod tracked;
mod tuple;

use crate::DropReason;
use crate::fastpath::Rewriting;
use crate::parse::{Packet, Quote, Transport};
use flow::{Flow, Silences, flag as flow_flag, segment};
use mapping::Mappings;
use policy::{Conntrack as Settings, CtState};
use table::{Full, Table};
use tcp::{Fit, Segment, TcpState};
use tracked::{Ct, Draft};
use wire::tcp::flag;
use wire::{IfaceId, Instant};

pub(crate) use flow::{Direction, FlowId};
pub(crate) use index::Index;
pub use list::{Connection, Endpoints, MappingEntry};
pub(crate) use table::Guess;
pub(crate) use tracked::{Accepted, Confirmed, Tracked, Translated};
pub(crate) use tuple::{Key, Tuple, hash};

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
    /// Flows that have been entered so far.
    entered: u64,
}

/// Flows looked at in one call of [`Conntrack::expire`], and in search of one to give up.
const EXPIRE_BUDGET: usize = 64;
/// Of these, how many are on their way from memory at once.
const EXPIRE_BATCH: usize = 8;

/// A packet's tuple that has been looked for already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought {
    pub key: Key,
    /// Of the key.
    pub hash: u64,
    /// The table certainly has no flow of it, in either direction.
    pub is_absent: bool,
}

/// What a policy may need of the tables, beside flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Mappings that its dynamic source translations can make, whatever comes.
    pub mappings: u32,
    /// It translates flows: those have two entries in the index.
    pub translates: bool,
    /// There is IPv6.
    pub v6: bool,
}

impl Conntrack {
    pub fn new(settings: &Settings, limit: u32, room: Room, seed: [u64; 4], now: Instant) -> Self {
        let limit = limit.max(1);
        Self {
            table: Table::new(limit.saturating_add(1), room, seed),
            mappings: Mappings::new(limit.min(room.mappings).max(1), seed),
            silences: Silences::new(settings),
            strict: settings.stateful_tcp,
            limit,
            turned: now.as_secs(),
            given_up: 0,
            ended_sessions: 0,
            entered: 0,
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
    /// `header` begins with the transport header. `link` is the Iface that the packet came in by or leaves by. `sought`:
    /// what is known of its tuple already.
    pub fn track(
        &mut self,
        now: Instant,
        tracked: &mut Tracked,
        header: &[u8],
        link: Option<IfaceId>,
        sought: Option<&Sought>,
    ) {
        let packet = &tracked.packet;
        let unseen;
        let sought = match sought {
            Some(sought) => sought,
            None => {
                unseen = self.seek(Key::of(packet, link));
                &unseen
            }
        };
        if !sought.is_absent
            && let Some(ct) = self.track_known(now, packet, header, sought)
        {
            tracked.ct = ct;
        } else if self.may_begin(packet) {
            let absent_at = sought.is_absent.then_some(self.entered);
            tracked.ct = Ct::Draft(Draft::new((sought.key, sought.hash), absent_at));
        } else {
            tracked.ct = Ct::Invalid;
        }
    }

    /// Looks for any flow that a key might be of.
    fn seek(&self, key: Key) -> Sought {
        let hash = self.table.hash(&key);
        Sought { key, hash, is_absent: self.table.has_none(hash) }
    }

    /// `None`: the packet is of no flow, or of one that is over; it may begin another.
    fn track_known(&mut self, now: Instant, packet: &Packet, header: &[u8], sought: &Sought) -> Option<Ct> {
        let (id, direction) = self.find_hashed(now, &sought.key, sought.hash)?;
        let segment = segment(packet).map(|(tcp, payload_len)| Segment::new(tcp, payload_len, header));
        match self.refresh(now, id, direction, segment.as_ref()) {
            Some(CtState::Invalid) => Some(Ct::Invalid),
            Some(state) => {
                let translated = self.translated(id, direction);
                Some(Ct::Known { id, direction, state, translated })
            }
            None => {
                self.remove(id);
                None
            }
        }
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
        packet: Packet,
        quote: Option<&Quote>,
        link: Option<IfaceId>,
    ) -> Tracked {
        let quote = quote.filter(|quote| quote.src == packet.dst);
        let against = quote.map(|quote| Tuple::of_quote(quote, link).reversed());
        let Some((id, direction)) = against.and_then(|tuple| self.find(now, tuple.key())) else {
            return Tracked::new(packet, Ct::Invalid);
        };
        let translated = self.translated(id, direction);
        Tracked::new(packet, Ct::Related { translated })
    }

    fn find(&mut self, now: Instant, key: Key) -> Option<(FlowId, Direction)> {
        self.find_hashed(now, &key, self.table.hash(&key))
    }

    /// `hash`: that of the key.
    #[inline(always)]
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
    fn may_begin(&self, packet: &Packet) -> bool {
        let Transport::Tcp(tcp) = &packet.transport else { return true };
        let flags = tcp.flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN);
        if self.strict { flags == flag::SYN } else { flags & flag::RST == 0 }
    }

    /// Enters the draft of a new flow, or refuses it where the table is full. Everything else passes.
    pub fn confirm(&mut self, now: Instant, tracked: &Tracked, header: &[u8]) -> Result<Accepted, DropReason> {
        if let Ct::Draft(draft) = &tracked.ct {
            self.enter(now, tracked, draft, header, self.limit)?;
        }
        Ok(Accepted(()))
    }

    /// As [`confirm`](Self::confirm), for the box's own log datagrams: there is one place that only they may take.
    pub fn confirm_log(&mut self, now: Instant, tracked: &Tracked) -> Result<Accepted, DropReason> {
        if let Ct::Draft(draft) = &tracked.ct {
            self.enter(now, tracked, draft, &[], self.limit + 1)?;
        }
        Ok(Accepted(()))
    }

    fn enter(
        &mut self,
        now: Instant,
        tracked: &Tracked,
        draft: &Draft,
        header: &[u8],
        limit: u32,
    ) -> Result<(), DropReason> {
        let packet = &tracked.packet;
        if self.table.len() >= limit {
            self.make_room(now, limit)?;
        }
        let deadline = self.silences.first_deadline(now, packet);
        let flow = if packet.rewritten || draft.is_translated() {
            self.enter_translated(now, packet, draft, deadline)?
        } else {
            self.enter_plain(now, draft, deadline)?
        };
        flow.begin(packet.protocol, packet.iif);
        flow.decisions[Direction::Original as usize] = tracked.decision;
        if let Some((tcp, payload_len)) = segment(packet) {
            flow.tcp = TcpState::begin(&Segment::new(tcp, payload_len, header));
        }
        Ok(())
    }

    /// Enters a flow whose replies have the endpoints of its first packet.
    #[inline(always)]
    fn enter_plain(&mut self, now: Instant, draft: &Draft, deadline: Instant) -> Result<&mut Flow, DropReason> {
        let (original, hash) = &draft.original;
        // What tracking has found out still holds if nothing has been entered since.
        if draft.absent_at != Some(self.entered) {
            self.refuse_clash(now, &original.reversed(), *hash)?;
        }
        debug_assert!(self.table.find_key(&original.reversed(), *hash).is_none());
        self.entered += 1;
        let reply = (original.reversed(), *hash);
        self.table.insert(&draft.original, &reply, deadline, self.turned).map_err(|Full| DropReason::TableFull)
    }

    #[inline(never)]
    fn enter_translated(
        &mut self,
        now: Instant,
        packet: &Packet,
        draft: &Draft,
        deadline: Instant,
    ) -> Result<&mut Flow, DropReason> {
        let zone = draft.original.0.zone();
        let mapped = draft.mapped.as_ref();
        let key = Key::of_reply(packet, zone);
        let chosen = mapped.filter(|_| zone == 0).and_then(|mapped| mapped.reply_hash);
        let reply = (key, chosen.unwrap_or_else(|| self.table.hash(&key)));
        debug_assert_eq!(reply.1, self.table.hash(&reply.0));
        // What the choice of a port has found out still holds if nothing has been entered since.
        let chosen = mapped.filter(|mapped| mapped.entered == self.entered);
        let is_absent = zone == 0 && chosen.is_some_and(|chosen| chosen.is_reply_absent);
        debug_assert!(!is_absent || self.table.find_key(&reply.0, reply.1).is_none());
        if !is_absent {
            self.refuse_clash(now, &reply.0, reply.1)?;
        }
        let mapping = match (mapped, draft.sites.snat) {
            (Some(mapped), Some(site)) => {
                let outer = (packet.src, packet.ports().0);
                let place = chosen.map(|chosen| chosen.place);
                let mapping = self.mappings.take(now, packet.protocol, mapped.inner, outer, site, place);
                Some(mapping.ok_or(DropReason::NatClash)?)
            }
            _ => None,
        };
        self.entered += 1;
        let Ok(flow) = self.table.insert(&draft.original, &reply, deadline, self.turned) else {
            mapping.into_iter().for_each(|mapping| self.mappings.release(mapping, now));
            return Err(DropReason::TableFull);
        };
        if draft.balanced {
            flow.set(flow_flag::BALANCED | flow_flag::SESSION, true);
        }
        if let Some(mapping) = mapping {
            flow.set_mapping(mapping);
        }
        flow.set_sites(draft.sites);
        if flow.is_translated() {
            flow.rewriting = Rewriting::of(&draft.original.0, &reply.0);
        }
        Ok(flow)
    }

    /// Refuses a flow whose replies would be taken for packets of another.
    #[inline(never)]
    fn refuse_clash(&mut self, now: Instant, reply: &Key, hash: u64) -> Result<(), DropReason> {
        match self.find_hashed(now, reply, hash) {
            Some(_) => Err(DropReason::NatClash),
            None => Ok(()),
        }
    }

    /// Makes room for one more flow where there is none: a half-open connection may be given up for a new one, an
    /// established one never.
    #[cold]
    fn make_room(&mut self, now: Instant, limit: u32) -> Result<(), DropReason> {
        self.expire(now);
        if self.table.len() >= limit {
            let half_open = self.table.search(EXPIRE_BUDGET, Flow::is_half_open).ok_or(DropReason::TableFull)?;
            self.remove(half_open);
            self.given_up += 1;
        }
        Ok(())
    }

    fn remove(&mut self, id: FlowId) {
        let Self { table, mappings, silences, ended_sessions, .. } = self;
        table.remove(id, |flow| note_end(flow, silences, mappings, ended_sessions));
    }

    /// Sessions of the balancer that have ended since the last call: both FINs acknowledged, an in-window RST, or expired.
    pub fn take_ended_sessions(&mut self) -> u32 {
        core::mem::take(&mut self.ended_sessions)
    }

    /// Removes the flow of this tuple if nobody has answered it; true if it did.
    pub fn forget_unanswered(&mut self, now: Instant, tuple: &Tuple) -> bool {
        let found = self.find(now, tuple.key());
        let unanswered = found.filter(|(id, _)| self.table.get(*id).is_some_and(|flow| !flow.replied()));
        unanswered.map(|(id, _)| self.remove(id)).is_some()
    }

    /// Removes the flow of this tuple.
    pub fn forget_flow(&mut self, now: Instant, tuple: &Tuple) {
        if let Some((id, _)) = self.find(now, tuple.key()) {
            self.remove(id);
        }
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
            loop {
                // Several are taken out before the first is removed: their places in memory have nothing in common.
                let mut due = [None; EXPIRE_BATCH];
                let count = budget.min(EXPIRE_BATCH);
                due.iter_mut().take(count).for_each(|due| *due = self.table.pop_due(second));
                for (id, hashes) in due.iter().flatten() {
                    let over = self.table.get(*id).is_none_or(|flow| flow.deadline <= now);
                    if over {
                        let Self { table, mappings, silences, ended_sessions, .. } = self;
                        let note = |flow: &Flow| note_end(flow, silences, mappings, ended_sessions);
                        table.remove_unlinked(*id, *hashes, note);
                    } else {
                        self.table.link(*id, second);
                    }
                }
                budget -= due.iter().flatten().count();
                if budget == 0 {
                    return;
                }
                if due.last().is_some_and(Option::is_none) {
                    break;
                }
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

/// What a flow leaves behind.
#[inline]
fn note_end(flow: &Flow, silences: &Silences, mappings: &mut Mappings, ended_sessions: &mut u32) {
    *ended_sessions += u32::from(flow.has(flow_flag::SESSION));
    if let Some(mapping) = flow.mapping() {
        let last_packet = Instant::from_nanos(flow.deadline.as_nanos().saturating_sub(silences.of(flow)));
        mappings.release(mapping, last_packet);
    }
}
