//! Fragments: held until their datagram is complete, judged as one packet, sent on as they came; and the cutting of
//! packets that are larger than their link takes.
//!
//! ```text
//!  fragment ─► admit ─► hold … complete ─► the hooks, once ─┬─ onward ─► each fragment: emit ─► (cut) ─► send
//!                         │                                  ├─ for us ─► joined into one frame ─► deliver
//!                         │                                  │            a ping: turned round ─► send
//!                         └ overlap, time-out, no room       └─ refused: all of them
//! ```
//!
//! A rule sees the whole datagram and nothing of its fragments: its length, the first fragment's transport header, and
//! as TTL the fewest hops that one of them has left. Every frame counts by itself: received, and then forwarded,
//! delivered or dropped. Of a refused datagram the sender is told once at most, about its first fragment. Nobody is told
//! that a datagram was never complete: that is for its destination to say (RFC 1122 §3.3.2, RFC 8200 §4.5).

mod echo;
mod join;
mod slab;
mod split;
mod store;
#[cfg(test)]
mod tests;

use crate::conntrack::{Accepted, Confirmed, Tracked};
use crate::nat::Random;
use crate::neighbor::{CameAs, Sender, Waiting};
use crate::parse::{self, Arrived, Fragment, Packet};
use crate::pipeline::{Known, Refusal, Way};
use crate::route::NextHop;
use crate::trace::TraceStep;
use crate::{DropReason, Event, Outlet, Plane, emit, ingress};
use store::Extent;
use wire::{Buffer, IfaceId, Instant};

pub(crate) use store::{Complete, Store};

impl<B: Buffer> Plane<B> {
    /// Holds a fragment that came in by `iface`, and sends its datagram on its way where that is complete now.
    pub(crate) fn hold(
        &mut self,
        now: Instant,
        iface: IfaceId,
        fragment: &Fragment,
        frame: B,
        out: &mut impl Outlet<B>,
    ) {
        self.rules.trace.note(|| TraceStep::Held { iface });
        let (fragments, mut dropped) = self.fragments_and_drops(out);
        let complete = fragments.hold(now, iface, fragment, frame, &mut dropped);
        drop(dropped);
        if let Some(datagram) = complete {
            self.receive_datagram(now, datagram, out);
        }
    }

    /// Drops the datagrams that have waited too long.
    pub(crate) fn fragment_timeout(&mut self, now: Instant, out: &mut impl Outlet<B>) {
        let (fragments, mut dropped) = self.fragments_and_drops(out);
        fragments.expire(now, &mut dropped);
    }

    /// The store, and what counts the frames that it drops.
    fn fragments_and_drops<'a>(
        &'a mut self,
        out: &'a mut impl Outlet<B>,
    ) -> (&'a mut Store<B>, impl FnMut(IfaceId, DropReason) + 'a) {
        let Self { fragments, counters, rules, .. } = self;
        let dropped = |iface, reason| {
            counters.iface_mut(Some(iface)).count_drop(reason);
            rules.trace.note(|| TraceStep::Dropped { reason });
            out.event(Event::Dropped { iface: Some(iface), reason });
        };
        (fragments, dropped)
    }

    /// A complete datagram, to its end: one walk for all its fragments.
    fn receive_datagram(&mut self, now: Instant, mut datagram: Complete, out: &mut impl Outlet<B>) {
        let iface = datagram.iface;
        let Some((mut frame, extent)) = self.fragments.next(&mut datagram) else { return };
        let first = First::read(&datagram, &mut frame, extent);
        let mut tracked = Tracked::untracked(first.as_ref().map_or(Packet::NONE, |first| first.packet));
        let way = match &first {
            Ok(_) => self.walk_datagram(now, iface, &mut tracked, &frame, out),
            Err(reason) => Err((*reason).into()),
        };
        match (way, first) {
            (Ok(Way::Out(accepted)), Ok(first)) => {
                let packet = &tracked.packet;
                // What the box sends in its own name begins with its own TTL.
                let ttl = (packet.ttl > first.packet.ttl).then_some(packet.ttl);
                // Two inside hosts may have chosen the same identification towards the same destination; behind one
                // source address their fragments would be mixed up (RFC 6864).
                let renamed = packet.is_v4() && packet.src != first.packet.src;
                let confirmed = tracked.confirmed(accepted);
                let plan = Plan { confirmed, sender: Sender::Transit(iface), ttl, renamed };
                self.send_fragments(now, &first, frame, datagram, plan, out);
            }
            (Ok(Way::In(accepted, owner)), Ok(first)) if self.answers(owner, &first, &tracked.packet) => {
                self.answer_echo(now, owner, &first, frame, datagram, tracked.confirmed(accepted), out);
            }
            (Ok(Way::In(accepted, owner)), Ok(first)) => {
                self.deliver_datagram(&first, frame, datagram, (tracked, accepted), owner, out);
            }
            (Err(refusal), Ok(first)) => {
                if let Some(answer) = refusal.answer {
                    self.answer(now, iface, answer, &first.packet, &frame, out);
                }
                self.drop_datagram(datagram, refusal.reason, out);
            }
            (Err(Refusal { reason, .. }), Err(_)) => self.drop_datagram(datagram, reason, out),
            (Ok(Way::Link | Way::Used), _) => {
                let row = self.counters.iface_mut(Some(iface));
                row.link += 1;
                while self.fragments.next(&mut datagram).is_some() {
                    row.link += 1;
                }
            }
            // A SYN that comes in pieces is not worth waiting with.
            (Ok(_), _) => self.drop_datagram(datagram, DropReason::FragmentedControl, out),
        }
    }

    fn walk_datagram(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        // Neighbor discovery in fragments is ignored (RFC 6980 §5). Errors fit into any link's packet and are never
        // sent in fragments (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c).
        if ingress::is_link_message(&tracked.packet) || tracked.packet.is_icmp_error() {
            return Err(DropReason::FragmentedControl.into());
        }
        let known = Known { ends: self.fib.ends(&tracked.packet), sought: None };
        self.pass_hooks(now, iface, tracked, known, frame, out)
    }

    /// Sends the fragments as they came, with what was decided about their datagram.
    fn send_fragments(
        &mut self,
        now: Instant,
        first: &First,
        mut frame: B,
        mut datagram: Complete,
        plan: Plan<'_>,
        out: &mut impl Outlet<B>,
    ) {
        let Plan { confirmed, sender, ttl, renamed } = plan;
        let packet = *confirmed.packet();
        let hops = first.packet.ttl.saturating_sub(packet.ttl);
        let ttl_of = |arrived: u8| ttl.unwrap_or(arrived.saturating_sub(hops));
        let id = (packet.is_v4() && renamed).then(|| self.fragment_ids.next());
        let id6 = (!packet.is_v4() && renamed).then(|| self.fragment_ids.next6());
        let mut came_as = CameAs::read(&frame, usize::from(first.extent.l3));
        emit::headers(&mut frame, confirmed);
        let mut next = Some((frame, first.extent));
        while let Some((mut frame, extent)) = next {
            let l3 = usize::from(extent.l3);
            emit::fragment(&mut frame, l3, &packet, ttl_of(extent.ttl), id);
            if let Some(id) = id6 {
                emit::fragment_id6(&mut frame, usize::from(extent.data_at), id);
            }
            let NextHop { iface, neighbor } = confirmed.hop();
            let waiting = Waiting { frame, iface, neighbor, sender, l3, came_as: came_as.take() };
            if packet.split_mtu != 0 && extent.packet_len() > u32::from(packet.split_mtu) {
                self.split(now, waiting, packet.split_mtu, out);
            } else {
                self.transmit(now, waiting, out);
            }
            next = self.fragments.next(&mut datagram);
        }
    }

    /// Joins the fragments for the box's own stack.
    fn deliver_datagram(
        &mut self,
        first: &First,
        frame: B,
        mut datagram: Complete,
        (mut tracked, accepted): (Tracked, Accepted),
        owner: IfaceId,
        out: &mut impl Outlet<B>,
    ) {
        let joined = out.allocate().ok_or(DropReason::NoBuffer).and_then(|mut whole| {
            let (l3, l4) = join::begin(&mut whole, &frame, first).ok_or(DropReason::ReassemblyTooLong)?;
            Ok((whole, l3, l4))
        });
        let (mut whole, l3, l4) = match joined {
            Ok(joined) => joined,
            Err(reason) => return self.drop_datagram(datagram, reason, out),
        };
        // The same packet, in a frame where its headers begin elsewhere.
        tracked.packet = Packet { l3, l4, fragment_header_len: 0, ..tracked.packet };
        let payload_at = usize::from(l3) + first.headers_len();
        let mut count = 0;
        let mut next = Some((frame, first.extent));
        while let Some((frame, extent)) = next {
            join::add(&mut whole, payload_at, &frame, &extent);
            count += 1;
            next = self.fragments.next(&mut datagram);
        }
        let iface = datagram.iface;
        match self.hand_over(tracked.confirmed(accepted), owner, whole, out) {
            Ok(()) => self.counters.iface_mut(Some(iface)).delivered += count,
            Err(reason) => (0..count).for_each(|_| self.count_drop(Some(iface), reason, out)),
        }
    }

    /// Counts a datagram whose first frame has been taken already, fragment by fragment.
    fn drop_datagram(&mut self, mut datagram: Complete, reason: DropReason, out: &mut impl Outlet<B>) {
        self.count_drop(Some(datagram.iface), reason, out);
        while self.fragments.next(&mut datagram).is_some() {
            self.count_drop(Some(datagram.iface), reason, out);
        }
    }

    /// Cuts a packet whose headers are right into fragments of at most `mtu` bytes, and sends them. It counts as one
    /// packet: what its first piece does. Of IPv6 only what the box itself sends comes here.
    pub(crate) fn split(&mut self, now: Instant, packet: Waiting<B>, mtu: u16, out: &mut impl Outlet<B>) {
        let Waiting { frame: mut original, iface, neighbor, mut sender, l3, mut came_as } = packet;
        emit::complete_checksum(&mut original);
        let cut = match neighbor.is_ipv4() {
            true => split::Cut::new(&original, l3, mtu),
            false => split::Cut::new6(&original, l3, mtu, self.fragment_ids.next6()),
        };
        let Some(mut cut) = cut else {
            return self.count_drop(Some(sender.account()), DropReason::TooBig, out);
        };
        while !cut.is_done() {
            let piece = out.allocate().and_then(|mut frame| Some((cut.next(&original, &mut frame)?, frame)));
            let Some((l3, frame)) = piece else {
                // What has been counted as sent stays so; without this piece nobody can use it.
                if sender.counts() {
                    self.count_drop(Some(sender.account()), DropReason::NoBuffer, out);
                }
                return;
            };
            self.transmit(now, Waiting { frame, iface, neighbor, sender, l3, came_as: came_as.take() }, out);
            sender = Sender::Piece(sender.account());
        }
    }
}

/// How the fragments of a datagram leave.
struct Plan<'a> {
    confirmed: Confirmed<'a>,
    sender: Sender,
    /// That of each; `None`: as many hops less as the datagram has made.
    ttl: Option<u8>,
    /// Under a new identification.
    renamed: bool,
}

/// The first fragment of a complete datagram.
pub(crate) struct First {
    extent: Extent,
    /// The datagram as one packet; its offsets are those of this fragment.
    packet: Packet,
}

impl First {
    fn read<B: Buffer>(datagram: &Complete, frame: &mut B, extent: Extent) -> Result<Self, DropReason> {
        let l3 = usize::from(extent.l3);
        let v6 = frame.head().get(l3).is_some_and(|byte| byte >> 4 == 6);
        let Arrived::Fragment(fragment) = parse::arrived(frame, l3, v6, Some(datagram.iface))? else {
            return Err(DropReason::Fragment);
        };
        let packet = parse::datagram(&fragment, datagram.payload_len, frame)?;
        // Its header may be longer than those of the others, which were measured by their own.
        if packet.total_len > store::max_len(packet.is_v4()) {
            return Err(DropReason::FragmentTooLong);
        }
        let common = datagram.common;
        let packet = Packet {
            ttl: common.ttl,
            wire_len: common.largest,
            is_splittable: common.is_splittable,
            to_group: common.to_group,
            ..packet
        };
        Ok(Self { extent, packet })
    }

    /// Bytes of the datagram before its payload: the IP header, and of IPv6 the headers that every fragment repeats.
    fn headers_len(&self) -> usize {
        let repeated = usize::from(self.extent.data_at.saturating_sub(self.extent.l3));
        repeated.saturating_sub(usize::from(self.packet.fragment_header_len))
    }
}

/// Identifications for datagrams whose source is translated: each of the 65,536 once before one comes again, in an
/// order that nobody outside can guess: a counter under a keyed permutation.
pub(crate) struct Ids {
    count: u16,
    keys: [u16; 4],
    random: Random,
}

impl Ids {
    pub fn new(mut random: Random) -> Self {
        Self { count: random.next() as u16, keys: [(); 4].map(|()| random.next() as u16), random }
    }

    /// For a datagram of IPv6, whose identifications have 32 bits: a random one (RFC 7739 §5.3).
    pub fn next6(&mut self) -> u32 {
        self.random.next() as u32
    }

    pub fn next(&mut self) -> u16 {
        self.count = self.count.wrapping_add(1);
        // A Feistel network over two bytes.
        self.keys.iter().fold(self.count, |word, key| {
            let [left, right] = word.to_be_bytes();
            let mixed = (u32::from(right) ^ u32::from(*key)).wrapping_mul(0x9e37_79b1) >> 24;
            u16::from_be_bytes([right, left ^ mixed as u8])
        })
    }
}
