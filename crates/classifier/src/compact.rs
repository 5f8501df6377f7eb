//! A program with its tests decoded: for those that are too short for tables.
//!
//! What is known of a packet before its first step, which transport header and which family, decides some tests once
//! and for all: each such class of packets has an entry of its own, into steps that it shares with others where they
//! are equal. What is left are mostly tests whether a number lies in an interval, sixteen bytes each:
//!
//! ```text
//!   values   saddr │ daddr │ source │ service │ protocol │ …     read from the packet once
//!   node     first, span │ otherwise, then │ slot                then, if value − first ≤ span
//!   edge     below 2¹⁵ a node, above a stop                      the end, or a step that is more than that
//! ```

#[cfg(test)]
mod tests;

use crate::classifier::{Ended, NOWHERE};
use crate::interpret::{World, family_fits, holds, interpret_to_end};
use crate::{Kind, Packet};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use policy::{Field, Program, Step, StepId, Test};
use wire::IpAddr;

/// A program, ready to be walked quickly. It does what [`interpret`](crate::interpret) does.
#[derive(Clone, Debug)]
pub struct Compact {
    nodes: Vec<Node>,
    stops: Vec<Stop>,
    entries: [Edge; CLASSES],
    /// More than addresses and ports is asked for.
    reads_all: bool,
    /// What the longest way costs, in nodes.
    longest: usize,
}

/// Below [`STOP`] a node, from there on a stop.
type Edge = u16;
const STOP: Edge = 1 << 15;

/// Kinds of packets, of two families.
const CLASSES: usize = Kind::ALL.len() * 2;

/// A set of more intervals is asked as it is.
const MOST_INTERVALS: usize = 8;
/// What a stop costs that asks for more than a number, in nodes.
const ASKING: usize = 6;

/// Does a value lie in an interval?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    first: u32,
    /// How far the last is from the first.
    span: u32,
    /// Where it does not, and where it does.
    edges: [Edge; 2],
    slot: Slot,
}

/// A value that is read from every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Slot {
    Saddr4,
    Daddr4,
    /// The source port of TCP or UDP.
    Source,
    /// The destination port, or the type of an ICMP message.
    Service,
    // The first that a packet of a class may be without, and that few programs ask for.
    Protocol,
    Version,
    State,
    Iif,
    Oif,
    Ttl,
    Length,
}

const SLOTS: usize = Slot::Length as usize + 1;

impl Slot {
    /// Beyond addresses and ports.
    fn is_further(self) -> bool {
        self >= Self::Protocol
    }
}

/// What is not one comparison of a number, in order of how often it is met.
#[derive(Clone, Copy, Debug)]
enum Stop {
    End(Ended),
    Flags {
        mask: u16,
        then: Edge,
        otherwise: Edge,
    },
    /// An IPv6 address from the first on, up to so many behind it.
    Wide {
        daddr: bool,
        first: u128,
        span: u128,
        then: Edge,
        otherwise: Edge,
    },
    Ask {
        step: StepId,
        then: Edge,
        otherwise: Edge,
    },
    Log {
        step: StepId,
        next: Edge,
    },
    Translate {
        step: StepId,
        otherwise: Edge,
    },
}

/// What a decoded program reads of a packet.
#[derive(Debug)]
pub struct Values {
    /// Of those with an entry; [`CLASSES`]: of none.
    class: usize,
    /// [`ABSENT`] where the packet has no such property.
    slots: [u32; SLOTS],
}

/// Lies in no interval of a slot that a packet may be without. One with this very number is interpreted.
const ABSENT: u32 = u32::MAX;

/// Where more than a number is to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Left(Edge);

impl Values {
    /// Nothing has been read yet.
    pub const NONE: Self = Self { class: CLASSES, slots: [ABSENT; SLOTS] };

    /// `all`: beyond addresses and ports.
    #[inline(always)]
    fn read(&mut self, packet: &impl Packet, all: bool) {
        let v6 = match (packet.address(Field::IpSaddr), packet.address(Field::IpDaddr)) {
            (Some(IpAddr::V4(saddr)), Some(IpAddr::V4(daddr))) => {
                self.slots[Slot::Saddr4 as usize] = saddr.to_bits();
                self.slots[Slot::Daddr4 as usize] = daddr.to_bits();
                false
            }
            (Some(IpAddr::V6(_)), Some(IpAddr::V6(_))) => true,
            // A packet of no family, or of two.
            _ => return self.class = CLASSES,
        };
        // Fields by name, so that each is one load and not a search for it. Those of its kind every packet has.
        let number = |field: Field| packet.number(field).unwrap_or(ABSENT);
        let (source, service, kind) = match packet.kind() {
            Kind::Tcp => (number(Field::TcpSport), number(Field::TcpDport), Kind::Tcp),
            Kind::Udp => (number(Field::UdpSport), number(Field::UdpDport), Kind::Udp),
            Kind::Icmp => (ABSENT, number(Field::IcmpType), Kind::Icmp),
            Kind::Icmpv6 => (ABSENT, number(Field::Icmpv6Type), Kind::Icmpv6),
            Kind::Other => (ABSENT, ABSENT, Kind::Other),
        };
        self.slots[Slot::Source as usize] = source;
        self.slots[Slot::Service as usize] = service;
        self.class = kind as usize * 2 + usize::from(v6);
        if all && !self.read_further(packet) {
            self.class = CLASSES;
        }
    }

    /// False: one of the numbers looks like none.
    #[inline(always)]
    fn read_further(&mut self, packet: &impl Packet) -> bool {
        let mut are_clear = true;
        let mut read = |slot: Slot, field: Field| {
            let number = packet.number(field);
            are_clear &= number != Some(ABSENT);
            self.slots[slot as usize] = number.unwrap_or(ABSENT);
        };
        read(Slot::Protocol, Field::IpProtocol);
        read(Slot::Version, Field::IpVersion);
        read(Slot::State, Field::CtState);
        read(Slot::Iif, Field::Iif);
        read(Slot::Oif, Field::Oif);
        read(Slot::Ttl, Field::IpTtl);
        read(Slot::Length, Field::IpLength);
        are_clear
    }
}

/// Where a field's value is, for the packets of a kind.
fn slot(field: Field) -> Option<Slot> {
    Some(match field {
        Field::IpSaddr => Slot::Saddr4,
        Field::IpDaddr => Slot::Daddr4,
        Field::TcpSport | Field::UdpSport => Slot::Source,
        Field::TcpDport | Field::UdpDport | Field::IcmpType | Field::Icmpv6Type => Slot::Service,
        Field::IpProtocol => Slot::Protocol,
        Field::IpVersion => Slot::Version,
        Field::CtState => Slot::State,
        Field::Iif => Slot::Iif,
        Field::Oif => Slot::Oif,
        Field::IpTtl => Slot::Ttl,
        Field::IpLength => Slot::Length,
        _ => return None,
    })
}

impl Compact {
    /// `None`: the program is too long for that.
    pub fn new(program: &Program) -> Option<Self> {
        let mut builder = Builder { program, compact: Self::nowhere(), nodes: BTreeMap::new(), stops: BTreeMap::new() };
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            for v6 in [false, true] {
                let (entry, longest) = builder.entry(kind, v6)?;
                *builder.compact.entries.get_mut(at * 2 + usize::from(v6))? = entry;
                builder.compact.longest = builder.compact.longest.max(longest);
            }
        }
        Some(builder.compact)
    }

    const fn nowhere() -> Self {
        Self { nodes: Vec::new(), stops: Vec::new(), entries: [Edge::MAX; CLASSES], reads_all: false, longest: 0 }
    }

    /// What the longest way that a packet can be made to go costs: a test of a number is 1, what is more than that
    /// several.
    pub fn longest_way(&self) -> usize {
        self.longest
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..]) + size_of_val(&self.stops[..])
    }

    /// How the program ends for a packet of which no more than numbers are asked; else how far those lead. `values`
    /// keeps what has been read of the packet.
    #[inline(always)]
    pub fn decide(&self, packet: &impl Packet, values: &mut Values) -> Result<&Ended, Left> {
        values.read(packet, self.reads_all);
        match self.entries.get(values.class) {
            Some(entry) => self.walk(*entry, values),
            None => Err(Left(Edge::MAX)),
        }
    }

    /// Goes on where [`decide`](Self::decide) has stopped. `program` must be the one that this was made from, and the
    /// values those of the world's packet.
    #[inline(never)]
    pub fn finish<W: World>(
        &self,
        program: &Program,
        values: &Values,
        left: Left,
        world: &mut W,
    ) -> Result<Ended, W::Refusal> {
        if values.class == CLASSES {
            return interpret_to_end(program, world);
        }
        let mut at = left.0;
        // All edges lead forward, and so to an end.
        loop {
            let Some(stop) = self.stops.get(usize::from(at ^ STOP)) else { return Ok(NOWHERE) };
            match self.stop(program, stop, world)? {
                Ok(next) => match self.walk(next, values) {
                    Ok(ended) => return Ok(*ended),
                    Err(left) => at = left.0,
                },
                Err(ended) => return Ok(ended),
            }
        }
    }

    /// Runs the program, which must be the one that this was made from, on the world's packet.
    pub fn run<W: World>(&self, program: &Program, world: &mut W) -> Result<Ended, W::Refusal> {
        let mut values = Values::NONE;
        match self.decide(world.packet(), &mut values) {
            Ok(ended) => Ok(*ended),
            Err(left) => self.finish(program, &values, left, world),
        }
    }

    /// As far as numbers lead.
    #[inline(always)]
    fn walk(&self, from: Edge, values: &Values) -> Result<&Ended, Left> {
        let nodes = &self.nodes[..];
        let mut at = usize::from(from);
        while let Some(node) = nodes.get(at) {
            let value = values.slots[node.slot as usize];
            at = usize::from(node.edges[usize::from(value.wrapping_sub(node.first) <= node.span)]);
        }
        match self.stops.get(at ^ usize::from(STOP)) {
            Some(Stop::End(ended)) => Ok(ended),
            Some(_) => Err(Left(at as Edge)),
            None => Ok(&NOWHERE),
        }
    }

    /// Goes on behind what is no comparison of a number.
    fn stop<W: World>(&self, program: &Program, stop: &Stop, world: &mut W) -> Result<Result<Edge, Ended>, W::Refusal> {
        let choose = |holds: bool, then: Edge, otherwise: Edge| Ok(if holds { then } else { otherwise });
        Ok(match *stop {
            Stop::End(ended) => Err(ended),
            Stop::Flags { mask, then, otherwise } => {
                let flags = world.packet().number(Field::TcpFlags);
                choose(flags.is_some_and(|flags| flags & u32::from(mask) != 0), then, otherwise)
            }
            Stop::Wide { daddr, first, span, then, otherwise } => {
                let field = if daddr { Field::IpDaddr } else { Field::IpSaddr };
                let inside = match world.packet().address(field) {
                    Some(IpAddr::V6(address)) => address.to_bits().wrapping_sub(first) <= span,
                    _ => false,
                };
                choose(inside, then, otherwise)
            }
            Stop::Ask { step, then, otherwise } => {
                let Some(Step::Test { test, .. }) = program.steps().get(step as usize) else {
                    return Ok(Err(NOWHERE));
                };
                choose(holds(program, test, world), then, otherwise)
            }
            Stop::Log { step, next } => {
                world.log(step);
                Ok(next)
            }
            Stop::Translate { step, otherwise } => {
                let Some(Step::Translate { translation, .. }) = program.steps().get(step as usize) else {
                    return Ok(Err(NOWHERE));
                };
                if family_fits(translation, world.packet()) && world.translate(step, translation)? {
                    Err(Ended::translated(step))
                } else {
                    Ok(otherwise)
                }
            }
        })
    }
}

/// What a test is for the packets of a class.
enum Decoded {
    Always(bool),
    /// Whether a number lies in one of these.
    Numbers(Slot, Vec<(u32, u32)>),
    /// The same of an IPv6 address.
    Wide(bool, Vec<(u128, u128)>),
    Flags(u16),
    Ask,
}

struct Builder<'p> {
    program: &'p Program,
    compact: Compact,
    nodes: BTreeMap<Node, Edge>,
    /// By the step that they come of, and where they lead.
    stops: BTreeMap<(StepId, Edge, Edge), Edge>,
}

impl Builder<'_> {
    /// Where the packets of a class begin, and the cost of their longest way.
    fn entry(&mut self, kind: Kind, v6: bool) -> Option<(Edge, usize)> {
        let steps = self.program.steps();
        let decoded: Vec<Option<Decoded>> = self.reached(kind, v6);
        // Of each step that is reached its edge, and what the longest way from there costs. From the last to the
        // first, since everything leads forward.
        let mut known = vec![(Edge::MAX, 0_usize); steps.len()];
        for (at, (step, test)) in steps.iter().zip(&decoded).enumerate().rev() {
            let Some(test) = test else { continue };
            let to = |to: StepId| known.get(to as usize).copied().unwrap_or((Edge::MAX, 0));
            let id = at as StepId;
            let found = match step {
                Step::Test { then, otherwise, .. } => self.test(id, test, to(*then), to(*otherwise))?,
                Step::Log { next, .. } => {
                    let (next, cost) = to(*next);
                    (self.stop((id, next, next), Stop::Log { step: id, next })?, cost + ASKING)
                }
                Step::Translate { otherwise, .. } => {
                    let (otherwise, cost) = to(*otherwise);
                    (self.stop((id, otherwise, otherwise), Stop::Translate { step: id, otherwise })?, cost + ASKING)
                }
                Step::End(verdict) => {
                    let ended = Stop::End(Ended::by(*verdict, id));
                    (self.stop((id, Edge::MAX, Edge::MAX), ended)?, 0)
                }
            };
            *known.get_mut(at)? = found;
        }
        known.first().copied()
    }

    fn test(
        &mut self,
        step: StepId,
        test: &Decoded,
        (then, cost_then): (Edge, usize),
        (otherwise, cost_otherwise): (Edge, usize),
    ) -> Option<(Edge, usize)> {
        let most = cost_then.max(cost_otherwise);
        let mut edge = otherwise;
        Some(match test {
            Decoded::Always(true) => (then, cost_then),
            Decoded::Always(false) => (otherwise, cost_otherwise),
            Decoded::Numbers(..) | Decoded::Wide(..) if then == otherwise => (then, most),
            Decoded::Numbers(slot, intervals) => {
                for (first, last) in intervals.iter().rev() {
                    let (first, span) = (*first, last.saturating_sub(*first));
                    edge = self.node(Node { first, span, edges: [edge, then], slot: *slot })?;
                }
                (edge, most + intervals.len())
            }
            Decoded::Wide(daddr, intervals) => {
                for (first, last) in intervals.iter().rev() {
                    let (first, span) = (*first, last.saturating_sub(*first));
                    let wide = Stop::Wide { daddr: *daddr, first, span, then, otherwise: edge };
                    edge = self.stop((step, then, edge), wide)?;
                }
                (edge, most + intervals.len() * 2)
            }
            Decoded::Flags(mask) => {
                let flags = Stop::Flags { mask: *mask, then, otherwise };
                (self.stop((step, then, otherwise), flags)?, most + 2)
            }
            Decoded::Ask => {
                let ask = Stop::Ask { step, then, otherwise };
                (self.stop((step, then, otherwise), ask)?, most + ASKING)
            }
        })
    }

    /// For each step that packets of a class can reach, what its test is to them.
    fn reached(&self, kind: Kind, v6: bool) -> Vec<Option<Decoded>> {
        let steps = self.program.steps();
        let mut reached = vec![false; steps.len()];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        let mut decoded = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            if !reached.get(at).copied().unwrap_or(false) {
                decoded.push(None);
                continue;
            }
            let mut reach = |to: StepId| {
                if let Some(reached) = reached.get_mut(to as usize) {
                    *reached = true;
                }
            };
            decoded.push(Some(match step {
                Step::Test { test, then, otherwise } => {
                    let test = self.decode(test, kind, v6);
                    if !matches!(test, Decoded::Always(false)) {
                        reach(*then);
                    }
                    if !matches!(test, Decoded::Always(true)) {
                        reach(*otherwise);
                    }
                    test
                }
                Step::Log { next, .. } => {
                    reach(*next);
                    Decoded::Ask
                }
                Step::Translate { otherwise, .. } => {
                    reach(*otherwise);
                    Decoded::Ask
                }
                Step::End(_) => Decoded::Ask,
            }));
        }
        decoded
    }

    fn decode(&self, test: &Test, kind: Kind, v6: bool) -> Decoded {
        let is_here = |field: Field| [Kind::Other, kind].contains(&Kind::of(field));
        match test {
            Test::In { field, .. } if !is_here(*field) => Decoded::Always(false),
            Test::In { field, set } => {
                let Some(set) = self.program.sets().get(*set as usize) else { return Decoded::Ask };
                if *field == Field::IpProtocol
                    && let Some(protocol) = kind.protocol()
                {
                    return Decoded::Always(set.contains_number(protocol));
                }
                let intervals = match (field.is_address(), v6) {
                    (true, true) => match set.v6.intervals() {
                        [] => return Decoded::Always(false),
                        many if many.len() > MOST_INTERVALS => return Decoded::Ask,
                        few => return Decoded::Wide(*field == Field::IpDaddr, few.to_vec()),
                    },
                    (true, false) => set.v4.intervals(),
                    (false, _) => set.numbers.intervals(),
                };
                match slot(*field) {
                    _ if intervals.is_empty() => Decoded::Always(false),
                    Some(slot) if intervals.len() <= MOST_INTERVALS => {
                        let mut intervals = intervals.to_vec();
                        if slot.is_further() {
                            intervals.retain(|(first, _)| *first < ABSENT);
                            intervals.iter_mut().for_each(|(_, last)| *last = (*last).min(ABSENT - 1));
                        }
                        Decoded::Numbers(slot, intervals)
                    }
                    _ => Decoded::Ask,
                }
            }
            Test::TcpFlags { mask } if kind == Kind::Tcp => Decoded::Flags(*mask),
            Test::TcpFlags { .. } => Decoded::Always(false),
            Test::Compare { .. } | Test::IsAddress { .. } | Test::Limit(_) => Decoded::Ask,
        }
    }

    /// The node's edge; `None` if there are too many.
    fn node(&mut self, node: Node) -> Option<Edge> {
        if let Some(edge) = self.nodes.get(&node) {
            return Some(*edge);
        }
        let edge = Edge::try_from(self.compact.nodes.len()).ok().filter(|edge| *edge < STOP)?;
        self.compact.nodes.push(node);
        self.compact.reads_all |= node.slot.is_further();
        self.nodes.insert(node, edge);
        Some(edge)
    }

    fn stop(&mut self, key: (StepId, Edge, Edge), stop: Stop) -> Option<Edge> {
        if let Some(edge) = self.stops.get(&key) {
            return Some(*edge);
        }
        // The last number is nowhere.
        let edge = Edge::try_from(self.compact.stops.len()).ok().filter(|edge| *edge < STOP - 1)? | STOP;
        self.compact.stops.push(stop);
        self.stops.insert(key, edge);
        Some(edge)
    }
}
