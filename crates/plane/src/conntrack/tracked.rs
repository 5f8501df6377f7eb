//! A packet on its way through tracking: what is known of its flow, and what is decided about it so far.

use super::flow::{Direction, FlowId};
use super::ports::Mapped;
use super::tuple::{Key, Tuple};
use crate::fastpath::DecisionId;
use crate::nat::{Site, Sites};
use crate::parse::{Packet, Quote};
use crate::route::NextHop;
use policy::CtState;
use wire::IpAddr;

/// A packet that tracking has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracked {
    pub packet: Packet,
    pub(super) ct: Ct,
    /// Where it leaves, once that is known.
    pub hop: NextHop,
    /// What its walk has decided about the packets like it.
    pub(super) decision: DecisionId,
}

/// The last rule has accepted the packet in hand, and its flow is in the table, or it needs none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted(pub(super) ());

/// A packet that has been accepted. Only this may be emitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confirmed<'a>(&'a Tracked);

#[derive(Clone, Copy, Debug)]
pub(super) enum Ct {
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
pub(super) struct Draft {
    /// As its first packet came, with the hash of that.
    pub original: (Key, u64),
    /// How many flows had been entered when the table certainly had none of this tuple, in either direction.
    pub absent_at: Option<u64>,
    pub sites: Sites,
    /// Its dynamic source translation.
    pub mapped: Option<Mapped>,
    /// The balancer has picked a node for it.
    pub balanced: bool,
    /// Its destination was another's mapping on this address, so its source is to be mapped there as well.
    hairpin: Option<IpAddr>,
}

impl Draft {
    pub fn new(original: (Key, u64), absent_at: Option<u64>) -> Self {
        Self { original, absent_at, sites: Sites::default(), mapped: None, balanced: false, hairpin: None }
    }

    /// It is to have other endpoints than it came with, even if they turn out to be the same.
    #[inline]
    pub fn is_translated(&self) -> bool {
        self.sites.dnat.is_some() || self.sites.snat.is_some() || self.balanced
    }
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
    #[inline]
    pub(super) fn new(packet: Packet, ct: Ct) -> Self {
        Self { packet, ct, hop: NextHop::NONE, decision: DecisionId::NONE }
    }

    /// The packet, as it has been accepted.
    pub fn confirmed(&self, _: Accepted) -> Confirmed<'_> {
        Confirmed(self)
    }

    /// What rules see as `ct.state`.
    pub fn state(&self) -> CtState {
        match self.ct {
            Ct::Known { state, .. } => state,
            Ct::Draft(_) | Ct::Untracked => CtState::New,
            Ct::Related { .. } => CtState::Related,
            Ct::Invalid => CtState::Invalid,
        }
    }

    /// Its state is `invalid`.
    pub fn is_invalid(&self) -> bool {
        matches!(self.ct, Ct::Invalid)
    }

    /// Has the packet's flow, of the table or in its hand, seen a reply? `None`: it is of no flow.
    pub fn replied(&self) -> Option<bool> {
        match self.ct {
            Ct::Known { state, .. } => Some(state == CtState::Established),
            Ct::Draft(_) => Some(false),
            Ct::Related { .. } | Ct::Invalid | Ct::Untracked => None,
        }
    }

    /// A packet of an Iface without tracking.
    pub fn untracked(packet: Packet) -> Self {
        Self::new(packet, Ct::Untracked)
    }

    /// An error that the box sends about a packet: `related`, also where that packet was the first of its flow.
    pub fn related(packet: Packet) -> Self {
        Self::new(packet, Ct::Related { translated: None })
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
            // The source was chosen for another destination.
            if let Some(mapped) = &mut draft.mapped {
                mapped.forget_reply();
            }
        }
    }

    /// `mapped`: where the source goes by a mapping.
    pub fn draft_snat(&mut self, site: Site, mapped: Option<Mapped>) {
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

impl<'a> Confirmed<'a> {
    pub fn packet(&self) -> &'a Packet {
        &self.0.packet
    }

    /// It belongs to a translated flow, or is about one.
    #[inline]
    pub fn is_translated(&self) -> bool {
        self.0.is_translated()
    }

    /// Of an ICMP error about a translated flow: the endpoints of the packet that it quotes, which that had on the side
    /// where the error goes.
    pub fn quoted(&self) -> Option<Quote> {
        match self.0.ct {
            Ct::Related { translated: Some((flow, Direction::Reply)) } => Some(flow.original.as_quote()),
            Ct::Related { translated: Some((flow, Direction::Original)) } => Some(flow.reply.as_quote()),
            _ => None,
        }
    }

    /// The way out, of a packet that leaves.
    pub fn hop(&self) -> NextHop {
        self.0.hop
    }

    /// What the packets like it leave by, if that has been decided on its walk.
    pub fn decision(&self) -> DecisionId {
        self.0.decision
    }
}
