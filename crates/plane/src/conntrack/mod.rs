//! Connection tracking: which flow a packet belongs to, and what that makes of it.
//!
//! Only two doors lead to the flow table. [`track`](Conntrack::track) looks a packet up and refreshes its flow;
//! [`confirm`](Conntrack::confirm) enters a new one, after the last rule has accepted its first packet. In between, a
//! new flow is a draft in the packet's hand: what is dropped leaves nothing behind.

mod flow;
mod table;
mod tcp;
mod tuple;

use crate::DropReason;
use crate::parse::{Packet, Quote};
use flow::{Direction, Flow, FlowId, segment};
use policy::{Conntrack as Settings, CtState};
use table::Table;
use tcp::{Fit, Segment, TcpState};
use tuple::Tuple;
use wire::tcp::flag;
use wire::{IfaceId, Instant};

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
    Known(CtState),
    /// The first of a flow that is not in the table yet; the tuple as it came.
    Draft(Tuple),
    /// An error about a packet of a flow.
    Related,
    Invalid,
    /// The Iface is not tracked.
    Untracked,
}

impl Tracked {
    /// What rules see as `ct.state`.
    pub fn state(&self) -> CtState {
        match self.ct {
            Ct::Known(state) => state,
            Ct::Draft(_) | Ct::Untracked => CtState::New,
            Ct::Related => CtState::Related,
            Ct::Invalid => CtState::Invalid,
        }
    }

    /// A packet of an Iface without tracking.
    pub fn untracked(packet: Packet) -> Self {
        Self { packet, ct: Ct::Untracked }
    }

    /// An error that the box sends about a packet: `related`, also where that packet was the first of its flow.
    pub fn related(packet: Packet) -> Self {
        Self { packet, ct: Ct::Related }
    }
}

impl Confirmed {
    pub fn packet(&self) -> &Packet {
        &self.0
    }
}

pub(crate) struct Conntrack {
    table: Table,
    settings: Settings,
    /// Most flows; the table holds one more, for the box's own log datagrams.
    limit: u32,
    /// The second up to which the timer wheel has been turned.
    turned: u64,
}

/// Flows looked at in one call of [`Conntrack::expire`].
const EXPIRE_BUDGET: usize = 64;

impl Conntrack {
    pub fn new(settings: Settings, limit: u32, seed: [u64; 4], now: Instant) -> Self {
        let limit = limit.max(1);
        Self { table: Table::new(limit.saturating_add(1), seed), settings, limit, turned: now.as_secs() }
    }

    /// Flows in the table, and how many it may hold.
    pub fn usage(&self) -> (u32, u32) {
        (self.table.len(), self.limit)
    }

    /// Finds the packet's flow and takes note of the packet there, before any rule is asked.
    ///
    /// `header` begins with the transport header. `link` is the Iface that the packet came in by or leaves by.
    pub fn track(&mut self, now: Instant, packet: Packet, header: &[u8], link: Option<IfaceId>) -> Tracked {
        let tuple = Tuple::of(&packet, link);
        let segment = segment(&packet).map(|(tcp, payload_len)| Segment::new(tcp, payload_len, header));
        if let Some((id, direction)) = self.find(now, &tuple) {
            match self.refresh(now, id, direction, segment.as_ref()) {
                Some(state) => return Tracked { packet, ct: Ct::Known(state) },
                // Over, and this SYN begins a new one in its place.
                None => self.table.remove(id),
            }
        }
        let ct = if self.may_begin(segment.as_ref()) { Ct::Draft(tuple) } else { Ct::Invalid };
        Tracked { packet, ct }
    }

    /// An ICMP error: related to the flow of the packet that it quotes, or invalid.
    pub fn track_error(
        &mut self,
        now: Instant,
        packet: Packet,
        quote: Option<&Quote>,
        link: Option<IfaceId>,
    ) -> Tracked {
        let flow = quote.and_then(|quote| self.find(now, &Tuple::of_quote(quote, link)));
        let ct = if flow.is_some() { Ct::Related } else { Ct::Invalid };
        Tracked { packet, ct }
    }

    fn find(&mut self, now: Instant, tuple: &Tuple) -> Option<(FlowId, Direction)> {
        let (id, direction) = self.table.find(tuple)?;
        if self.table.get(id)?.deadline <= now {
            self.table.remove(id);
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
        let (settings, strict) = (&self.settings, self.settings.stateful_tcp);
        let Some(flow) = self.table.get_mut(id) else { return Some(CtState::Invalid) };
        let mut fit = Fit::Fits;
        if let Some(segment) = segment {
            let opens = segment.tcp.flags & (flag::SYN | flag::ACK | flag::RST) == flag::SYN;
            if opens && flow.tcp.is_over() {
                return None;
            }
            fit = flow.tcp.advance(direction, segment, strict);
        }
        if fit == Fit::Unfit && strict {
            return Some(CtState::Invalid);
        }
        flow.replied |= direction == Direction::Reply;
        let state = if flow.replied { CtState::Established } else { CtState::New };
        let shorter = now + flow.timeout(settings) < flow.deadline;
        flow.deadline = now + flow.timeout(settings);
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
        if self.settings.stateful_tcp { flags == flag::SYN } else { flags & flag::RST == 0 }
    }

    /// Enters the draft of a new flow, or refuses it where the table is full. Everything else passes.
    pub fn confirm(&mut self, now: Instant, tracked: Tracked, header: &[u8]) -> Result<Confirmed, DropReason> {
        if let Ct::Draft(tuple) = tracked.ct {
            self.enter(now, &tracked.packet, tuple, header, self.limit)?;
        }
        Ok(Confirmed(tracked.packet))
    }

    /// As [`confirm`](Self::confirm), for the box's own log datagrams: there is one place that only they may take.
    pub fn confirm_log(&mut self, now: Instant, tracked: Tracked) -> Result<Confirmed, DropReason> {
        if let Ct::Draft(tuple) = tracked.ct {
            self.enter(now, &tracked.packet, tuple, &[], self.limit + 1)?;
        }
        Ok(Confirmed(tracked.packet))
    }

    fn enter(
        &mut self,
        now: Instant,
        packet: &Packet,
        original: Tuple,
        header: &[u8],
        limit: u32,
    ) -> Result<(), DropReason> {
        if self.table.len() >= limit {
            self.expire(now);
        }
        if self.table.len() >= limit {
            return Err(DropReason::TableFull);
        }
        let reply = Tuple { zone: original.zone, ..Tuple::of(packet, None) }.reversed();
        if self.find(now, &reply).is_some() {
            return Err(DropReason::NatClash);
        }
        let tcp = match segment(packet) {
            Some((tcp, payload_len)) => TcpState::begin(&Segment::new(tcp, payload_len, header)),
            None => TcpState::NONE,
        };
        let mut flow = Flow::new(original, reply, tcp);
        flow.deadline = now + flow.timeout(&self.settings);
        self.table.insert(flow, self.turned).map_err(|table::Full| DropReason::TableFull)?;
        Ok(())
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
                if over { self.table.remove(id) } else { self.table.reschedule(id, second) }
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
