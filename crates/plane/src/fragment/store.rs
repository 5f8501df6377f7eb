//! The store of fragments: datagrams that are not complete yet, in memory that is bounded in all and for each source.
//!
//! ```text
//!   key ─► index ─► Datagram ─first─► Held ─next─► Held ─next─► …      in the order of their data
//!                     │ by age: live ones, and apart from them refused ones, the oldest first
//!                     └ by source: its live ones, the oldest first ◄── Source ◄── index ◄─ address
//! ```
//!
//! A fragment keeps the whole buffer that it came in, so that is what it is charged for: units of [`UNIT`] bytes,
//! however short it is. Where there is no room, the oldest datagram gives way (the source's own oldest where its share
//! is used up): fragments of one datagram come close together, and what has waited long has most likely lost one.
//!
//! A datagram that is refused stays known, without its frames, for as long as it might have been held: what still comes
//! of it is dropped, too, and cannot begin it anew (RFC 5722 §4).

use super::slab::{List, NIL, Place, Slab};
use crate::DropReason;
use crate::conntrack::{Index, hash};
use crate::parse::Fragment;
use wire::{Buffer, Duration, IfaceId, Instant, IpAddr, ipv6};

/// How long a datagram may take to become complete, from its first fragment on.
pub(crate) const HOLD: Duration = Duration::from_secs(30);
/// Bytes that the fragments of one source may take.
pub(crate) const SOURCE_SHARE: u32 = 256 << 10;
/// What memory is counted in, in bytes: a receive buffer, which a fragment keeps whole.
pub(crate) const UNIT: usize = 2048;
/// Datagrams that one call of [`Store::expire`] gives up at most.
const EXPIRE_BUDGET: usize = 64;

/// What makes fragments one datagram (RFC 791 §3.2, RFC 8200 §4.5). The Iface is part of it: nobody on another link
/// can add to a datagram, and its counters are of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    iface: IfaceId,
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// Of IPv4. In IPv6 only the first fragment's counts; others may name another.
    protocol: u8,
}

impl Key {
    fn of(iface: IfaceId, fragment: &Fragment) -> Self {
        let packet = &fragment.packet;
        let protocol = if packet.is_v4() { packet.protocol } else { 0 };
        Self { iface, src: packet.src, dst: packet.dst, id: fragment.id, protocol }
    }

    fn hash(&self, seed: [u64; 4]) -> u64 {
        let rest = u64::from(self.id) << 32 | u64::from(self.protocol) << 16 | u64::from(self.iface.0);
        hash(seed, bits(self.src), bits(self.dst), rest)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// A datagram that is not complete yet, or that has been refused.
struct Datagram {
    key: Key,
    deadline: Instant,
    /// [`NIL`]: it has been refused, and holds nothing.
    source: u32,
    /// Its frames, in the order of their data.
    first: u32,
    last: u32,
    units: u32,
    /// Bytes of payload that are there, and how many there will be once the last fragment has said so. As none overlap,
    /// the datagram is complete when both are equal.
    present: u32,
    end: Option<u32>,
    common: Common,
    by_age: Place,
    by_source: Place,
}

/// What all fragments of a datagram together say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Common {
    /// The largest of them, in bytes from its IP header on.
    pub largest: u32,
    /// The fewest hops that one of them has left.
    pub ttl: u8,
    /// All of them may be cut further.
    pub is_splittable: bool,
    /// One of them came in a group frame.
    pub to_group: bool,
}

/// What is known of a fragment while it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Of the datagram's payload, in bytes: from here …
    pub start: u32,
    /// … to here.
    pub end: u32,
    more: bool,
    /// Where in the frame the IP header begins, …
    pub l3: u16,
    /// … and the data.
    pub data_at: u16,
    pub ttl: u8,
}

impl Extent {
    fn of(fragment: &Fragment) -> Self {
        let Fragment { offset, more, data_at, packet, .. } = *fragment;
        Self { start: offset, end: offset + fragment.data_len(), more, l3: packet.l3, data_at, ttl: packet.ttl }
    }

    /// Bytes of data.
    pub fn len(&self) -> u32 {
        self.end - self.start
    }

    /// Bytes of the fragment as a packet.
    pub fn packet_len(&self) -> u32 {
        u32::from(self.data_at.saturating_sub(self.l3)) + self.len()
    }
}

struct Held<B> {
    frame: B,
    extent: Extent,
    next: u32,
}

struct Source {
    address: IpAddr,
    units: u32,
    datagrams: List,
}

/// A complete datagram on its way out of the store. All its frames are to be taken with [`Store::next`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Complete {
    pub iface: IfaceId,
    /// Bytes behind the headers that every fragment repeats.
    pub payload_len: u32,
    pub common: Common,
    next: u32,
}

pub(crate) struct Store<B> {
    datagrams: Slab<Datagram>,
    index: Index,
    held: Slab<Held<B>>,
    frames: usize,
    sources: Slab<Source>,
    source_index: Index,
    live: List,
    refused: List,
    units: u32,
    max_units: u32,
    seed: [u64; 4],
}

impl<B: Buffer> Store<B> {
    /// Room for so many bytes of buffers.
    pub fn new(bytes: u32, seed: [u64; 4]) -> Self {
        let max_units = bytes / UNIT as u32;
        // A live datagram takes a unit at least; there is room to remember some refused ones beside as many as can be.
        let datagrams = max_units + max_units / 4;
        Self {
            datagrams: Slab::new(datagrams),
            index: Index::new(datagrams as usize),
            held: Slab::new(max_units),
            frames: 0,
            sources: Slab::new(max_units),
            source_index: Index::new(max_units as usize),
            live: List::EMPTY,
            refused: List::EMPTY,
            units: 0,
            max_units,
            seed,
        }
    }

    /// Frames that are held.
    pub fn len(&self) -> usize {
        self.frames
    }

    /// Takes a fragment that came in by `iface`, and gives its datagram where that is complete now. Every frame that
    /// is dropped instead, this one or another, is told to `dropped`.
    pub fn hold(
        &mut self,
        now: Instant,
        iface: IfaceId,
        fragment: &Fragment,
        frame: B,
        dropped: &mut impl FnMut(IfaceId, DropReason),
    ) -> Option<Complete> {
        match self.enter(now, Key::of(iface, fragment), fragment, frame, dropped) {
            Ok(id) => self.take_complete(id),
            Err(reason) => {
                dropped(iface, reason);
                None
            }
        }
    }

    /// The next frame of a complete datagram, in the order of their data.
    pub fn next(&mut self, datagram: &mut Complete) -> Option<(B, Extent)> {
        let Held { frame, extent, next } = self.held.remove(datagram.next)?;
        datagram.next = next;
        Some((frame, extent))
    }

    /// What is left of a complete datagram, in the order of its data.
    pub fn iter(&self, datagram: &Complete) -> impl Iterator<Item = (&B, &Extent)> {
        let mut at = datagram.next;
        core::iter::from_fn(move || {
            let Held { frame, extent, next } = self.held.get(at)?;
            at = *next;
            Some((frame, extent))
        })
    }

    /// Gives up datagrams that have waited too long; a bounded number at a call.
    pub fn expire(&mut self, now: Instant, dropped: &mut impl FnMut(IfaceId, DropReason)) {
        for _ in 0..EXPIRE_BUDGET {
            match self.datagrams.get(self.live.first) {
                Some(oldest) if oldest.deadline <= now => self.give_up(self.live.first, dropped),
                _ => return,
            }
        }
    }

    /// When the oldest datagram has waited too long.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.datagrams.get(self.live.first).map(|oldest| oldest.deadline)
    }

    fn enter(
        &mut self,
        now: Instant,
        key: Key,
        fragment: &Fragment,
        frame: B,
        dropped: &mut impl FnMut(IfaceId, DropReason),
    ) -> Result<u32, DropReason> {
        let known = self.find(now, &key, dropped);
        if known.is_some_and(|id| !self.is_live(id)) {
            return Err(DropReason::FragmentRefused);
        }
        if let Some(flaw) = flaw(fragment) {
            match known {
                Some(id) => self.refuse(id, flaw, dropped),
                None => self.remember_refused(now, key),
            }
            return Err(flaw);
        }
        let before = match known.map(|id| self.fit(id, &Extent::of(fragment), &frame)) {
            None => NIL,
            Some(Ok(before)) => before,
            Some(Err(DropReason::DuplicateFragment)) => return Err(DropReason::DuplicateFragment),
            Some(Err(reason)) => {
                known.into_iter().for_each(|id| self.refuse(id, reason, dropped));
                return Err(reason);
            }
        };
        let units = (B::HEADROOM + frame.len()).div_ceil(UNIT) as u32;
        self.make_room(key.src, units, dropped)?;
        let id = match known {
            None => self.begin(now, key, fragment.packet.ttl)?,
            // It was the oldest itself.
            Some(id) if !self.is_live(id) => return Err(DropReason::FragmentsFull),
            Some(id) => id,
        };
        self.insert(id, before, fragment, frame, units)?;
        Ok(id)
    }

    fn is_live(&self, id: u32) -> bool {
        self.datagrams.get(id).is_some_and(|datagram| datagram.source != NIL)
    }

    /// The datagram of this key, if its time is not over.
    fn find(&mut self, now: Instant, key: &Key, dropped: &mut impl FnMut(IfaceId, DropReason)) -> Option<u32> {
        let is_it = |id| self.datagrams.get(id).is_some_and(|datagram| datagram.key == *key);
        let id = self.index.find(key.hash(self.seed), is_it)?;
        if self.datagrams.get(id)?.deadline > now {
            return Some(id);
        }
        if self.is_live(id) {
            self.give_up(id, dropped)
        } else {
            self.forget_refused(id)
        }
        None
    }

    /// The frame behind which a fragment belongs, [`NIL`] if before all, or why it is refused.
    fn fit(&self, id: u32, extent: &Extent, frame: &B) -> Result<u32, DropReason> {
        let Some(datagram) = self.datagrams.get(id) else { return Ok(NIL) };
        let Extent { start, end, more, .. } = *extent;
        let last_end = self.held.get(datagram.last).map_or(0, |last| last.extent.end);
        let mut before = datagram.last;
        // Most come in order, and are done here.
        if start < last_end {
            before = NIL;
            let mut at = datagram.first;
            while let Some(held) = self.held.get(at) {
                if held.extent.start >= end {
                    break;
                }
                if held.extent.end > start {
                    return Err(overlap(held, extent, frame));
                }
                before = at;
                at = held.next;
            }
        }
        let contradicts = match datagram.end {
            Some(known) => end > known || (!more && end != known),
            None => !more && end < last_end,
        };
        if contradicts { Err(DropReason::FragmentEnd) } else { Ok(before) }
    }

    /// Lets old datagrams go until so many units are free, for this source and at all.
    fn make_room(
        &mut self,
        source: IpAddr,
        units: u32,
        dropped: &mut impl FnMut(IfaceId, DropReason),
    ) -> Result<(), DropReason> {
        let share = self.max_units.min(SOURCE_SHARE / UNIT as u32);
        if units > share {
            return Err(DropReason::FragmentsFull);
        }
        while let Some(source) = self.find_source(source).and_then(|id| self.sources.get(id))
            && source.units + units > share
        {
            self.refuse(source.datagrams.first, DropReason::FragmentsFull, dropped);
        }
        while self.units + units > self.max_units && self.live.first != NIL {
            self.refuse(self.live.first, DropReason::FragmentsFull, dropped);
        }
        Ok(())
    }

    fn source_hash(&self, address: IpAddr) -> u64 {
        hash(self.seed, bits(address), u128::from(address.is_ipv4()), 0)
    }

    fn find_source(&self, address: IpAddr) -> Option<u32> {
        let is_it = |id| self.sources.get(id).is_some_and(|source| source.address == address);
        self.source_index.find(self.source_hash(address), is_it)
    }

    /// Puts a datagram without frames into the table; of those that have been refused the oldest is forgotten for it.
    fn place(&mut self, now: Instant, key: Key, source: u32, common: Common) -> Result<u32, DropReason> {
        let datagram = Datagram {
            key,
            deadline: now + HOLD,
            source,
            first: NIL,
            last: NIL,
            units: 0,
            present: 0,
            end: None,
            common,
            by_age: Place::NONE,
            by_source: Place::NONE,
        };
        let id = self.datagrams.insert(datagram).or_else(|datagram| {
            self.forget_refused(self.refused.first);
            self.datagrams.insert(datagram)
        });
        let id = id.map_err(|_| DropReason::FragmentsFull)?;
        if self.index.enter(key.hash(self.seed), id) {
            return Ok(id);
        }
        self.datagrams.remove(id);
        Err(DropReason::FragmentsFull)
    }

    fn begin(&mut self, now: Instant, key: Key, ttl: u8) -> Result<u32, DropReason> {
        let source = match self.find_source(key.src) {
            Some(source) => source,
            None => self.add_source(key.src)?,
        };
        let common = Common { largest: 0, ttl, is_splittable: true, to_group: false };
        let placed = self.place(now, key, source, common);
        match placed {
            Ok(id) => {
                self.live.push(&mut self.datagrams, id, |datagram| &mut datagram.by_age);
                if let Some(source) = self.sources.get_mut(source) {
                    source.datagrams.push(&mut self.datagrams, id, |datagram| &mut datagram.by_source);
                }
            }
            Err(_) => self.drop_idle_source(source),
        }
        placed
    }

    fn add_source(&mut self, address: IpAddr) -> Result<u32, DropReason> {
        let source = Source { address, units: 0, datagrams: List::EMPTY };
        let id = self.sources.insert(source).map_err(|_| DropReason::FragmentsFull)?;
        if self.source_index.enter(self.source_hash(address), id) {
            return Ok(id);
        }
        self.sources.remove(id);
        Err(DropReason::FragmentsFull)
    }

    fn drop_idle_source(&mut self, id: u32) {
        let Some(source) = self.sources.get(id).filter(|source| source.datagrams.first == NIL) else { return };
        self.source_index.leave(self.source_hash(source.address), id);
        self.sources.remove(id);
    }

    fn insert(&mut self, id: u32, before: u32, fragment: &Fragment, frame: B, units: u32) -> Result<(), DropReason> {
        let Some(datagram) = self.datagrams.get_mut(id) else { return Err(DropReason::FragmentsFull) };
        let next = self.held.get(before).map_or(datagram.first, |held| held.next);
        let extent = Extent::of(fragment);
        let held = Held { frame, extent, next };
        let at = self.held.insert(held).map_err(|_| DropReason::FragmentsFull)?;
        match self.held.get_mut(before) {
            Some(before) => before.next = at,
            None => datagram.first = at,
        }
        if next == NIL {
            datagram.last = at;
        }
        let packet = &fragment.packet;
        datagram.units += units;
        datagram.present += extent.len();
        if !extent.more {
            datagram.end = Some(extent.end);
        }
        datagram.common = Common {
            largest: datagram.common.largest.max(packet.total_len),
            ttl: datagram.common.ttl.min(packet.ttl),
            is_splittable: datagram.common.is_splittable && packet.is_splittable,
            to_group: datagram.common.to_group || packet.to_group,
        };
        if let Some(source) = self.sources.get_mut(datagram.source) {
            source.units += units;
        }
        self.units += units;
        self.frames += 1;
        Ok(())
    }

    /// Takes the datagram out of the table if nothing of it is missing. Its frames stay until they are taken.
    fn take_complete(&mut self, id: u32) -> Option<Complete> {
        let datagram = self.datagrams.get(id).filter(|datagram| datagram.end == Some(datagram.present))?;
        let Datagram { key, present, common, first, .. } = *datagram;
        let mut at = first;
        while let Some(held) = self.held.get(at) {
            self.frames -= 1;
            at = held.next;
        }
        self.unlink_live(id);
        self.remove(id);
        Some(Complete { iface: key.iface, payload_len: present, common, next: first })
    }

    /// Drops a datagram, and from now on whatever else comes of it.
    fn refuse(&mut self, id: u32, reason: DropReason, dropped: &mut impl FnMut(IfaceId, DropReason)) {
        self.drop_frames(id, reason, dropped);
        self.unlink_live(id);
        self.refused.push(&mut self.datagrams, id, |datagram| &mut datagram.by_age);
    }

    /// Drops a datagram whose time is over.
    fn give_up(&mut self, id: u32, dropped: &mut impl FnMut(IfaceId, DropReason)) {
        self.drop_frames(id, DropReason::FragmentTimeout, dropped);
        self.unlink_live(id);
        self.remove(id);
    }

    fn remember_refused(&mut self, now: Instant, key: Key) {
        let common = Common { largest: 0, ttl: 0, is_splittable: false, to_group: false };
        if let Ok(id) = self.place(now, key, NIL, common) {
            self.refused.push(&mut self.datagrams, id, |datagram| &mut datagram.by_age);
        }
    }

    fn forget_refused(&mut self, id: u32) {
        self.refused.unlink(&mut self.datagrams, id, |datagram| &mut datagram.by_age);
        self.remove(id);
    }

    fn drop_frames(&mut self, id: u32, reason: DropReason, dropped: &mut impl FnMut(IfaceId, DropReason)) {
        let Some(datagram) = self.datagrams.get_mut(id) else { return };
        datagram.last = NIL;
        let mut at = core::mem::replace(&mut datagram.first, NIL);
        while let Some(held) = self.held.remove(at) {
            dropped(datagram.key.iface, reason);
            self.frames -= 1;
            at = held.next;
        }
    }

    /// Takes a datagram off the lists of those that are held, with its charge.
    fn unlink_live(&mut self, id: u32) {
        self.live.unlink(&mut self.datagrams, id, |datagram| &mut datagram.by_age);
        let Some(datagram) = self.datagrams.get_mut(id) else { return };
        let units = core::mem::take(&mut datagram.units);
        let source_id = core::mem::replace(&mut datagram.source, NIL);
        self.units -= units;
        if let Some(source) = self.sources.get_mut(source_id) {
            source.units -= units;
            source.datagrams.unlink(&mut self.datagrams, id, |datagram| &mut datagram.by_source);
        }
        self.drop_idle_source(source_id);
    }

    fn remove(&mut self, id: u32) {
        if let Some(datagram) = self.datagrams.remove(id) {
            self.index.leave(datagram.key.hash(self.seed), id);
        }
    }
}

/// Bytes of the largest packet, header included.
pub(crate) const fn max_len(v4: bool) -> u32 {
    const MAX: u32 = u16::MAX as u32;
    if v4 { MAX } else { MAX + ipv6::HEADER_LEN as u32 }
}

/// What is wrong with a fragment, whatever else there is of its datagram.
fn flaw(fragment: &Fragment) -> Option<DropReason> {
    let len = fragment.data_len();
    if fragment.is_tiny {
        Some(DropReason::TinyFragment)
    } else if len == 0 || (fragment.more && !len.is_multiple_of(8)) {
        Some(DropReason::FragmentLength)
    } else if fragment.datagram_len(fragment.offset + len) > max_len(fragment.packet.is_v4()) {
        Some(DropReason::FragmentTooLong)
    } else {
        None
    }
}

/// Two fragments claim the same bytes. Only where they are the same, byte for byte, is it no attack but a network that
/// has doubled a packet (RFC 8200 §4.5).
fn overlap<B: Buffer>(held: &Held<B>, extent: &Extent, frame: &B) -> DropReason {
    let range = |extent: &Extent| (extent.start, extent.end, extent.more);
    let same_bytes = |at: usize| {
        let (mut a, mut b) = ([0; 256], [0; 256]);
        let wanted = a.len().min(extent.len() as usize - at);
        let (Some(a), Some(b)) = (a.get_mut(..wanted), b.get_mut(..wanted)) else { return false };
        held.frame.copy_out(usize::from(held.extent.data_at) + at, a);
        frame.copy_out(usize::from(extent.data_at) + at, b);
        a == b
    };
    if range(&held.extent) == range(extent) && (0..extent.len() as usize).step_by(256).all(same_bytes) {
        DropReason::DuplicateFragment
    } else {
        DropReason::FragmentOverlap
    }
}

#[cfg(test)]
mod tests;
