//! What the walk decided about packets of a flow in one direction; shared by all flows for which it decided the same.

use crate::chain::{Alike, RuleId, Trail};
use crate::neighbor;
use crate::route::NextHop;
use crate::{Link, emit};
use alloc::vec::Vec;
use wire::{Buffer, IfaceId, IpAddr, MacAddr, PortId, ethernet};

/// What packets of a flow are to be like, and what is done with them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    pub way: Way,
    pub hop: NextHop,
    /// Where the table of neighbors has the next hop, unless that has been forgotten meanwhile.
    pub neighbor: neighbor::Place,
    /// The rules that count them.
    pub rules: Rules,
}

/// Rules that act on a packet, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Those behind the last one are all the same.
    all: [RuleId; Trail::ROOM],
    count: u8,
}

impl Rules {
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = &RuleId> + '_ {
        self.all.iter().take(usize::from(self.count))
    }

    fn as_slice(&self) -> &[RuleId] {
        self.all.get(..usize::from(self.count)).unwrap_or(&[])
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { all: [RuleId::default(); Trail::ROOM], count: 0 }
    }
}

/// What every packet that goes by a decision has to do with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// They come in by this Iface, …
    pub iif: IfaceId,
    /// … before or after the flow has seen a reply, or at any time.
    pub alike: Alike,
    /// The way out.
    pub port: PortId,
    pub mtu: u16,
    pub header: LinkHeader,
}

impl Way {
    /// Nobody takes it.
    pub const NONE: Self =
        Self { iif: IfaceId(0), alike: Alike::NONE, port: PortId(0), mtu: 0, header: LinkHeader::NONE };
}

impl Decision {
    /// `rules`: at most [`Trail::ROOM`].
    pub fn new(
        iif: IfaceId,
        alike: Alike,
        hop: NextHop,
        neighbor: neighbor::Place,
        (link, header): (Link, LinkHeader),
        rules: &[RuleId],
    ) -> Self {
        let mut all = Rules::default();
        all.all.iter_mut().zip(rules).for_each(|(place, rule)| *place = *rule);
        all.count = rules.len().min(Trail::ROOM) as u8;
        let Link { port, mtu, .. } = link;
        Self { way: Way { iif, alike, port, mtu, header }, hop, neighbor, rules: all }
    }

    /// Are packets like these let out by this hop, and counted by these rules?
    #[inline]
    fn is(&self, iif: IfaceId, alike: Alike, hop: &NextHop, rules: &[RuleId]) -> bool {
        (self.way.iif, self.way.alike, self.hop) == (iif, alike, *hop) && self.rules.as_slice() == rules
    }

    fn is_same(&self, other: &Self) -> bool {
        // Neighbor and Iface of the hop say the rest.
        self.is(other.way.iif, other.way.alike, &other.hop, other.rules.as_slice()) && self.neighbor == other.neighbor
    }

    /// Spreads decisions over the table; who aims at one place of it only makes his own packets slow.
    fn hash(&self) -> usize {
        let address = match self.hop.neighbor {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() as u64 ^ (address.to_bits() >> 64) as u64,
        };
        let ifaces = u64::from(self.way.iif.0) << 18 | u64::from(self.hop.iface.0) << 2 | self.way.alike.number();
        let rules = self.rules.iter().fold(0u64, |hash, rule| hash.wrapping_mul(31).wrapping_add(rule.number()));
        let product = u128::from(address ^ ifaces << 20 ^ rules << 40) * 0x9e37_79b9_7f4a_7c15;
        ((product >> 64) as u64 ^ product as u64) as usize
    }
}

/// A link header as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkHeader {
    bytes: [u8; ethernet::HEADER_LEN],
    /// What follows where there is a tag.
    tag: Option<[u8; ethernet::TAG_LEN]>,
}

impl LinkHeader {
    const NONE: Self = Self { bytes: [0; ethernet::HEADER_LEN], tag: None };

    pub fn new(dst: MacAddr, src: MacAddr, vid: Option<u16>, ethertype: u16) -> Self {
        let mut all = [0; ethernet::HEADER_LEN + ethernet::TAG_LEN];
        ethernet::Header::emit(&mut all, dst, src, vid, ethertype);
        let [bytes @ .., t0, t1, t2, t3] = all;
        Self { bytes, tag: vid.map(|_| [t0, t1, t2, t3]) }
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        ethernet::HEADER_LEN + if self.tag.is_some() { ethernet::TAG_LEN } else { 0 }
    }

    /// Puts it before the packet that begins at `l3`. False where the frame's memory has no room for it.
    #[inline(always)]
    pub fn put<B: Buffer>(&self, frame: &mut B, l3: usize) -> bool {
        let fits = emit::fit_link_header(frame, l3, self.len());
        if fits {
            self.emit(frame.head_mut());
        }
        fits
    }

    /// Writes it at the start of a frame that has room for it.
    #[inline(always)]
    pub fn emit(&self, frame: &mut [u8]) {
        let Some((head, rest)) = frame.split_first_chunk_mut() else { return };
        *head = self.bytes;
        if let (Some(tag), Some(place)) = (&self.tag, rest.first_chunk_mut()) {
            *place = *tag;
        }
    }
}

/// A decision by its number. No number is ever given to two decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecisionId(u32);

impl DecisionId {
    /// Of flows whose packets walk.
    pub const NONE: Self = Self(0);
    /// No flow has it.
    pub const UNUSED: Self = Self(u32::MAX);
}

/// Decisions of one set of the table.
const WAYS: usize = 4;
/// Ways out whose last decision is at hand.
const RECENT: usize = 8;

pub(crate) struct Decisions {
    /// The lower bits of a decision's number are its place.
    places: Vec<Place>,
    /// Decisions of another generation do not hold any more.
    generation: u64,
    /// By way out: the place of the decision that was last made or asked for.
    recent: [u32; RECENT],
    is_on: bool,
}

#[derive(Clone, Copy)]
struct Place {
    /// Grows by the number of places each time that another decision takes this one.
    id: u32,
    generation: u64,
    decision: Option<Decision>,
    /// What packets like these fare by from the first reply on, where that is the same for all of them.
    heir: Option<DecisionId>,
}

impl Decisions {
    /// Room for about as many decisions.
    pub fn new(capacity: u32) -> Self {
        let places = (capacity.clamp(64, 1 << 16) as usize).next_power_of_two();
        let place = |at: usize| Place { id: at as u32, generation: 0, decision: None, heir: None };
        Self { places: (0..places).map(place).collect(), generation: 0, recent: [0; RECENT], is_on: true }
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    pub fn set_on(&mut self, on: bool) {
        self.is_on = on;
    }

    /// From now on no decision made so far holds.
    pub fn forget(&mut self) {
        self.generation += 1;
    }

    /// What was decided.
    #[inline(always)]
    pub fn get(&self, id: DecisionId) -> Option<&Decision> {
        let place = self.places.get(id.0 as usize & (self.places.len() - 1))?;
        let holds = place.id == id.0 && place.generation == self.generation;
        place.decision.as_ref().filter(|_| holds)
    }

    /// From the first reply of a flow on, `after` is decided where it was `before`, and wherever that was decided for
    /// another flow: what comes in by the same Iface and leaves by the same hop is all the same then.
    pub fn succeed(&mut self, before: DecisionId, after: DecisionId) {
        let Some((old, new)) = self.get(before).zip(self.get(after)) else { return };
        let is_heir = new.way.alike.holds(true) && !old.way.alike.holds(true);
        if is_heir && (old.way.iif, old.hop) == (new.way.iif, new.hop) {
            let place = before.0 as usize & (self.places.len() - 1);
            if let Some(place) = self.places.get_mut(place) {
                place.heir = Some(after);
            }
        }
    }

    /// The decision that holds before or after the first reply, as `replied` says, where `id` was decided: that one, or
    /// what is decided from the first reply on, if that is known.
    #[inline(always)]
    pub fn at_hand(&self, id: DecisionId, replied: bool) -> Option<(DecisionId, &Decision)> {
        let holding = |id| self.get(id).filter(|decision| decision.way.alike.holds(replied));
        match holding(id) {
            Some(decision) => Some((id, decision)),
            None => self.heir(id).and_then(|heir| holding(heir).map(|decision| (heir, decision))),
        }
    }

    /// What is decided from the first reply on where `id` was decided.
    #[inline(never)]
    fn heir(&self, id: DecisionId) -> Option<DecisionId> {
        let place = self.places.get(id.0 as usize & (self.places.len() - 1)).filter(|place| place.id == id.0)?;
        place.heir.filter(|_| place.generation == self.generation)
    }

    /// The decision that was last made about packets that leave by this way, if it is the one about packets like these;
    /// with the place of its neighbor, who may have been forgotten meanwhile.
    #[inline]
    pub fn recent(
        &self,
        iif: IfaceId,
        alike: Alike,
        hop: &NextHop,
        rules: &[RuleId],
    ) -> Option<(DecisionId, neighbor::Place)> {
        let recent = self.recent[usize::from(hop.iface.0) % RECENT];
        let place = self.places.get(recent as usize).filter(|place| place.generation == self.generation)?;
        let decision = place.decision.as_ref().filter(|decision| decision.is(iif, alike, hop, rules))?;
        Some((DecisionId(place.id), decision.neighbor))
    }

    /// The number of this decision, which is entered if it is not there yet; another may have to give way. `None`: the
    /// numbers of its place are used up.
    pub fn enter(&mut self, decision: &Decision) -> Option<DecisionId> {
        let id = self.find_or_enter(decision)?;
        self.recent[usize::from(decision.hop.iface.0) % RECENT] = id.0 & (self.places.len() - 1) as u32;
        Some(id)
    }

    fn find_or_enter(&mut self, decision: &Decision) -> Option<DecisionId> {
        let step = self.places.len() as u32;
        let set = decision.hash() & (self.places.len() / WAYS - 1);
        let generation = self.generation;
        let set = self.places.get_mut(set * WAYS..(set + 1) * WAYS)?;
        let holds = |place: &Place| place.generation == generation && place.decision.is_some();
        let same = |place: &&mut Place| holds(place) && place.decision.is_some_and(|known| known.is_same(decision));
        if let Some(place) = set.iter_mut().find(same) {
            return Some(DecisionId(place.id));
        }
        // One that holds no more, else the one that has been replaced least.
        let place = set.iter_mut().min_by_key(|place| (holds(place), place.id))?;
        let id = place.id.checked_add(step).filter(|id| *id != DecisionId::UNUSED.0)?;
        *place = Place { id, generation, decision: Some(*decision), heir: None };
        Some(DecisionId(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(iif: u16, host: u8) -> Decision {
        let hop = NextHop { iface: IfaceId(1), neighbor: IpAddr::from([10, 0, 0, host]) };
        let neighbor = neighbor::Place { at: 0, number: 1 };
        let link = Link { port: PortId(1), mac: MacAddr::default(), mtu: 1500 };
        let header = LinkHeader::new(MacAddr::default(), link.mac, None, ethernet::ethertype::IPV4);
        Decision::new(IfaceId(iif), Alike::default(), hop, neighbor, (link, header), &[])
    }

    #[test]
    fn a_number_never_leads_to_another_decision() {
        let mut decisions = Decisions::new(64);
        let mut given: Vec<(DecisionId, u16, u8)> = Vec::new();
        for round in 0..4u16 {
            for host in 0..=255 {
                let id = decisions.enter(&decision(round, host)).unwrap();
                assert_eq!(decisions.enter(&decision(round, host)), Some(id));
                assert!(given.iter().all(|(other, ..)| *other != id));
                given.push((id, round, host));
            }
            for (id, iif, host) in &given {
                let found = decisions.get(*id);
                assert!(found.is_none_or(|found| found.is_same(&decision(*iif, *host))));
            }
            assert!(given.iter().filter(|(id, ..)| decisions.get(*id).is_some()).count() > 32);
            if round == 2 {
                decisions.forget();
                assert!(given.iter().all(|(id, ..)| decisions.get(*id).is_none()));
            }
        }
        assert!(decisions.get(DecisionId::NONE).is_none());
    }

    #[test]
    fn an_heir_is_the_same_for_all_that_one_decision_was_made_for() {
        let mut decisions = Decisions::new(64);
        let [before, after] = [Alike::default().with(false), Alike::default().with(true)];
        let enter = |decisions: &mut Decisions, host, alike| {
            let Decision { way, .. } = decision(0, host);
            decisions.enter(&Decision { way: Way { alike, ..way }, ..decision(0, host) }).unwrap()
        };
        let (old, new, elsewhere) =
            (enter(&mut decisions, 1, before), enter(&mut decisions, 1, after), enter(&mut decisions, 2, after));
        let at_hand = |decisions: &Decisions, id, replied| decisions.at_hand(id, replied).map(|(id, _)| id);
        for (first, then, heir) in
            [(old, elsewhere, None), (old, old, None), (DecisionId::NONE, new, None), (old, new, Some(new))]
        {
            decisions.succeed(first, then);
            assert_eq!((at_hand(&decisions, old, false), at_hand(&decisions, old, true)), (Some(old), heir));
        }
        for id in [new, elsewhere] {
            assert_eq!((at_hand(&decisions, id, false), at_hand(&decisions, id, true)), (None, Some(id)));
        }
        decisions.forget();
        decisions.succeed(old, new);
        assert_eq!(at_hand(&decisions, old, true), None);
    }

    #[test]
    fn when_numbers_are_used_up_nothing_is_remembered() {
        let mut decisions = Decisions::new(64);
        decisions.places.iter_mut().for_each(|place| place.id = u32::MAX - 63 + (place.id & 63));
        assert_eq!(decisions.enter(&decision(0, 1)), None);
    }
}
