//! The neighbors on our links and their MAC addresses: ARP (RFC 826) and neighbor discovery (RFC 4861) in one table.
//!
//! A neighbor is *incomplete* while it is asked for, *reachable* for a while after it has answered, then *stale*: still
//! used, but asked again on the next use (*probing*), and forgotten if it stays silent. Nothing is learned from an
//! answer that nobody asked for. The table and the frames that wait for it are bounded: of a full set the entry that
//! matters least gives way, and of the frames that wait for one neighbor the oldest is dropped.

use crate::iface::Iface;
use crate::parse::{self, Quote};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use wire::{Buffer, Duration, IfaceId, Instant, IpAddr, MacAddr, ipv4, ipv6};

/// Between two questions for one neighbor (RFC 1122 §2.3.2.1, RFC 4861 RETRANS_TIMER).
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// Questions before a neighbor is given up.
const MAX_ASKS: u8 = 4;
/// For how long an answer is believed without asking again (RFC 4861 REACHABLE_TIME).
const REACHABLE: Duration = Duration::from_secs(30);
/// Frames that may wait for one neighbor.
pub(crate) const MAX_WAITING: usize = 64;
/// Entries of one set of the table.
const WAYS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Incomplete { asks: u8, again_at: Instant },
    Reachable { until: Instant },
    Stale,
    Probing { asks: u8, again_at: Instant },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    iface: IfaceId,
    address: IpAddr,
    /// What it said last; of an incomplete one zeros.
    mac: MacAddr,
    state: State,
    used: Instant,
    /// No other entry has had this number, nor has this one with another MAC address.
    number: u64,
}

/// Where the table has a neighbor, for as long as it has it with the same MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub at: u32,
    /// Of the entry.
    pub number: u64,
}

impl Entry {
    #[inline]
    fn is(&self, iface: IfaceId, address: IpAddr) -> bool {
        self.iface == iface && self.address == address
    }

    /// Takes note that it is used.
    #[inline(always)]
    pub fn touch(&mut self, now: Instant) {
        self.used = now;
    }

    /// It has said this MAC address. `number`: one that has not been given.
    fn says(&mut self, mac: MacAddr, number: u64) {
        if self.mac != mac {
            (self.mac, self.number) = (mac, number);
        }
    }
}

/// What to do with a frame for a neighbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolve {
    /// Send it there.
    Found(MacAddr),
    /// Send it there, and ask whether that still holds.
    FoundAsk(MacAddr),
    /// Hold it.
    Wait,
    /// Hold it, and ask everybody.
    WaitAsk,
}

impl Resolve {
    pub fn holds(self) -> bool {
        matches!(self, Self::Wait | Self::WaitAsk)
    }
}

/// A question to be sent because time has passed: to one station, or to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub iface: IfaceId,
    pub address: IpAddr,
    pub to: Option<MacAddr>,
}

/// A frame for a neighbor, which waits until that one's MAC address is known.
pub(crate) struct Waiting<B> {
    pub frame: B,
    pub iface: IfaceId,
    pub neighbor: IpAddr,
    pub sender: Sender,
    /// Where in the frame the IP header begins.
    pub l3: usize,
    /// As it came, where it may be answered and its neighbor was not known.
    pub came_as: Option<CameAs>,
}

/// What a packet's rewriting has changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CameAs {
    pub endpoints: Quote,
    pub ttl: u8,
}

impl CameAs {
    /// Reads a packet before it is rewritten.
    pub fn read<B: Buffer>(frame: &B, l3: usize) -> Option<Self> {
        let bytes = frame.head().get(l3..)?;
        let v6 = bytes.first()? >> 4 == 6;
        let ttl = *bytes.get(if v6 { ipv6::field::HOP_LIMIT } else { ipv4::field::TTL })?;
        parse::quote(bytes, v6).map(|endpoints| Self { endpoints, ttl })
    }
}

/// On whose account a packet is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// It came in by this Iface.
    Transit(IfaceId),
    /// The box made it, as this Iface.
    Own(IfaceId),
    /// A log datagram of this Iface.
    Log(IfaceId),
    /// A piece of a packet of this Iface's row that was cut, but for its first, with which the packet is counted.
    Piece(IfaceId),
}

impl Sender {
    /// The Iface in whose row of the counters the packet is.
    pub fn account(self) -> IfaceId {
        match self {
            Self::Transit(iface) | Self::Own(iface) | Self::Log(iface) | Self::Piece(iface) => iface,
        }
    }

    /// What becomes of this frame is what becomes of its packet.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Piece(_))
    }
}

pub(crate) struct Neighbors<B> {
    entries: Vec<Option<Entry>>,
    waiting: VecDeque<Waiting<B>>,
    max_waiting: usize,
    seed: u64,
    /// Numbers that have been given.
    numbers: u64,
    /// Where the neighbor is that was found last; most packets go where the last one went.
    recent: usize,
    /// No entry wants anything before this.
    next_timer: Option<Instant>,
    /// A neighbor that had to give way while it was asked for: nobody will answer the frames that wait for it.
    given_way: Option<(IfaceId, IpAddr)>,
}

impl<B> Neighbors<B> {
    /// Room for `capacity` neighbors and `waiting` frames.
    pub fn new(capacity: u32, waiting: u32, seed: u64) -> Self {
        let sets = (capacity as usize).div_ceil(WAYS).next_power_of_two();
        let waiting = (waiting as usize).max(1);
        Self {
            entries: alloc::vec![None; sets * WAYS],
            waiting: VecDeque::with_capacity(waiting),
            max_waiting: waiting,
            seed,
            numbers: 0,
            recent: 0,
            next_timer: None,
            given_way: None,
        }
    }

    /// The places where a neighbor may be.
    #[inline(never)]
    fn set_range(&self, iface: IfaceId, address: IpAddr) -> core::ops::Range<usize> {
        let bits = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let product = u128::from(bits as u64 ^ (bits >> 64) as u64 ^ self.seed) * 0x9e37_79b9_7f4a_7c15;
        let hash = (product >> 64) as usize ^ product as usize ^ usize::from(iface.0);
        let set = hash & (self.entries.len() / WAYS - 1);
        set * WAYS..(set + 1) * WAYS
    }

    fn set(&mut self, iface: IfaceId, address: IpAddr) -> &mut [Option<Entry>] {
        let places = self.set_range(iface, address);
        self.entries.get_mut(places).unwrap_or_default()
    }

    #[inline]
    fn entry(&mut self, iface: IfaceId, address: IpAddr) -> Option<&mut Entry> {
        let is_it = |place: &Option<Entry>| place.as_ref().is_some_and(|entry| entry.is(iface, address));
        if !self.entries.get(self.recent).is_some_and(is_it) {
            let mut places = self.set_range(iface, address);
            self.recent = places.find(|at| self.entries.get(*at).is_some_and(is_it))?;
        }
        self.entries.get_mut(self.recent)?.as_mut()
    }

    /// Makes room in the neighbor's set: a free place, else an incomplete neighbor's, else the longest unused.
    fn place(&mut self, iface: IfaceId, address: IpAddr, mac: MacAddr, state: State, used: Instant) {
        self.numbers += 1;
        let entry = Entry { iface, address, mac, state, used, number: self.numbers };
        let weight = |place: &Option<Entry>| match place {
            None => (0, Instant::BOOT),
            Some(Entry { state: State::Incomplete { .. }, used, .. }) => (1, *used),
            Some(Entry { used, .. }) => (2, *used),
        };
        let place = self.set(entry.iface, entry.address).iter_mut().min_by_key(|place| weight(place));
        if let Some(Entry { iface, address, state: State::Incomplete { .. }, .. }) =
            place.and_then(|place| place.replace(entry))
        {
            self.given_way = Some((iface, address));
        }
    }

    /// A neighbor that was still asked for when [`resolve`](Self::resolve) or [`learn`](Self::learn) needed its place:
    /// whoever called these drops what waits for it.
    pub fn take_given_way(&mut self) -> Option<(IfaceId, IpAddr)> {
        self.given_way.take()
    }

    fn wake_at(&mut self, at: Instant) {
        self.next_timer = Some(self.next_timer.map_or(at, |next| next.min(at)));
    }

    /// Finds a neighbor's MAC address, or says what to do meanwhile. Asks at most once per [`ASK_INTERVAL`].
    #[inline]
    pub fn resolve(&mut self, now: Instant, iface: IfaceId, address: IpAddr) -> Resolve {
        let again_at = now + ASK_INTERVAL;
        let Some(entry) = self.entry(iface, address) else {
            self.place(iface, address, MacAddr::default(), State::Incomplete { asks: 1, again_at }, now);
            self.wake_at(again_at);
            return Resolve::WaitAsk;
        };
        entry.used = now;
        match entry.state {
            State::Incomplete { .. } => Resolve::Wait,
            State::Reachable { until } if now < until => Resolve::Found(entry.mac),
            State::Probing { .. } => Resolve::Found(entry.mac),
            State::Reachable { .. } | State::Stale => {
                let mac = entry.mac;
                entry.state = State::Probing { asks: 1, again_at };
                self.wake_at(again_at);
                Resolve::FoundAsk(mac)
            }
        }
    }

    /// The place of a neighbor that is in the table, and its MAC address.
    pub fn place_of(&self, iface: IfaceId, address: IpAddr) -> Option<(Place, MacAddr)> {
        self.set_range(iface, address).find_map(|at| {
            let entry = self.entries.get(at)?.as_ref().filter(|entry| entry.is(iface, address))?;
            Some((Place { at: at as u32, number: entry.number }, entry.mac))
        })
    }

    /// Is this still the place of the neighbor that it was of?
    #[inline]
    pub fn has(&self, place: Place) -> bool {
        self.entries.get(place.at as usize).and_then(Option::as_ref).is_some_and(|entry| entry.number == place.number)
    }

    /// Takes note that the neighbor at a place is used, if it is still there.
    #[inline(always)]
    pub fn touch(&mut self, place: Place, now: Instant) {
        if let Some(Some(entry)) = self.entries.get_mut(place.at as usize)
            && entry.number == place.number
        {
            entry.touch(now);
        }
    }

    /// The neighbor at a place, if it is still there and can be used without a question; with [`Entry::touch`] the same
    /// as [`resolve`](Self::resolve).
    #[inline(always)]
    pub fn at(&mut self, place: Place, now: Instant) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(place.at as usize)?.as_mut().filter(|entry| entry.number == place.number)?;
        // Two questions, the likely one first: together they would be a jump that nobody can foresee.
        let is_usable = matches!(entry.state, State::Reachable { until } if now < until)
            || matches!(entry.state, State::Probing { .. });
        is_usable.then_some(entry)
    }

    /// A neighbor has said its MAC address. `asked`: in answer to a question of ours (or to one that we must answer,
    /// and so may believe); otherwise only what is known already is changed.
    pub fn learn(&mut self, now: Instant, iface: IfaceId, address: IpAddr, mac: MacAddr, hint: Hint) {
        let reachable = State::Reachable { until: now + REACHABLE };
        self.numbers += 1;
        let number = self.numbers;
        match (self.entry(iface, address), hint) {
            (Some(entry), Hint::Answer) => {
                entry.says(mac, number);
                entry.state = reachable;
            }
            (Some(entry), Hint::Question | Hint::Announcement) => {
                let holds = matches!(entry.state, State::Reachable { .. } | State::Probing { .. });
                if !holds || entry.mac != mac {
                    entry.says(mac, number);
                    entry.state = State::Stale;
                }
            }
            (None, Hint::Question) => self.place(iface, address, mac, State::Stale, now),
            (None, Hint::Answer | Hint::Announcement) => {}
        }
    }

    /// Holds a frame until its neighbor is known. Gives back the one that had to give way, if the queue was full.
    pub fn hold(&mut self, waiting: Waiting<B>) -> Option<Waiting<B>> {
        let same = |other: &&Waiting<B>| (other.iface, other.neighbor) == (waiting.iface, waiting.neighbor);
        let oldest = if self.waiting.iter().filter(same).count() >= MAX_WAITING {
            self.waiting.iter().position(|other| same(&other))
        } else if self.waiting.len() >= self.max_waiting {
            Some(0)
        } else {
            None
        };
        let given_way = oldest.and_then(|at| self.waiting.remove(at));
        self.waiting.push_back(waiting);
        given_way
    }

    /// A frame that waits for this neighbor, the oldest first.
    pub fn take_waiting(&mut self, iface: IfaceId, neighbor: IpAddr) -> Option<Waiting<B>> {
        let at = self.waiting.iter().position(|waiting| (waiting.iface, waiting.neighbor) == (iface, neighbor))?;
        self.waiting.remove(at)
    }

    /// Is the neighbor's MAC address known now?
    pub fn known(&mut self, iface: IfaceId, neighbor: IpAddr) -> Option<MacAddr> {
        let entry = self.entry(iface, neighbor)?;
        let said = !matches!(entry.state, State::Incomplete { .. });
        said.then_some(entry.mac)
    }

    /// Packets that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().filter(|waiting| waiting.sender.counts()).count()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer
    }

    /// One thing that time asks for: to ask again, or to give a neighbor up. `None`: all is done for now.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        if self.next_timer.is_none_or(|at| now < at) {
            return None;
        }
        let mut next_timer: Option<Instant> = None;
        for place in &mut self.entries {
            let Some(entry) = place else { continue };
            let (asks, again_at, mac) = match &mut entry.state {
                State::Incomplete { asks, again_at } => (asks, again_at, None),
                State::Probing { asks, again_at } => (asks, again_at, Some(entry.mac)),
                State::Reachable { .. } | State::Stale => continue,
            };
            if *again_at <= now {
                let Entry { iface, address, .. } = *entry;
                if *asks >= MAX_ASKS {
                    *place = None;
                    return Some(Due::GiveUp { iface, address });
                }
                *asks += 1;
                *again_at = now + ASK_INTERVAL;
                return Some(Due::Ask(Ask { iface, address, to: mac }));
            }
            next_timer = Some(next_timer.map_or(*again_at, |next| next.min(*again_at)));
        }
        self.next_timer = next_timer;
        None
    }
}

/// Why a neighbor said its MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// It answers, to us alone.
    Answer,
    /// It asks for our address.
    Question,
    /// It tells everybody.
    Announcement,
}

/// What time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ask(Ask),
    /// The frames that wait for it can go nowhere.
    GiveUp {
        iface: IfaceId,
        address: IpAddr,
    },
}

/// The MAC address that needs no question: of a group or a subnet's broadcast.
pub(crate) fn group_mac(iface: &Iface, neighbor: IpAddr) -> Option<MacAddr> {
    match neighbor {
        _ if neighbor.is_multicast() => Some(MacAddr::multicast(neighbor)),
        IpAddr::V4(address) => (address.is_broadcast() || iface.is_broadcast(address)).then_some(MacAddr::BROADCAST),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: IfaceId = IfaceId(0);
    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn address(host: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, host])
    }

    fn secs(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    fn waiting(host: u8, frame: u32) -> Waiting<u32> {
        Waiting { frame, iface: LAN, neighbor: address(host), sender: Sender::Own(LAN), l3: 14, came_as: None }
    }

    #[test]
    fn a_neighbor_is_asked_for_once_a_second_and_given_up_after_four_questions() {
        let mut neighbors = Neighbors::<u32>::new(64, 16, 1);
        assert_eq!(neighbors.resolve(secs(0), LAN, address(9)), Resolve::WaitAsk);
        assert_eq!(neighbors.resolve(secs(0), LAN, address(9)), Resolve::Wait);
        assert_eq!(neighbors.handle_timeout(Instant::from_millis(999)), None);
        for second in 1..=3 {
            assert_eq!(neighbors.poll_timeout(), Some(secs(second)));
            assert!(matches!(neighbors.handle_timeout(secs(second)), Some(Due::Ask(Ask { to: None, .. }))));
            assert_eq!(neighbors.handle_timeout(secs(second)), None);
        }
        assert_eq!(neighbors.handle_timeout(secs(4)), Some(Due::GiveUp { iface: LAN, address: address(9) }));
        assert_eq!(neighbors.handle_timeout(secs(4)), None);
        assert_eq!(neighbors.poll_timeout(), None);
        assert_eq!(neighbors.resolve(secs(5), LAN, address(9)), Resolve::WaitAsk);
    }

    #[test]
    fn an_answer_is_believed_for_a_while_and_then_checked_while_it_is_used() {
        let mut neighbors = Neighbors::<u32>::new(64, 16, 1);
        neighbors.resolve(secs(0), LAN, address(9));
        neighbors.learn(secs(0), LAN, address(9), MAC, Hint::Answer);
        assert_eq!(neighbors.resolve(secs(29), LAN, address(9)), Resolve::Found(MAC));
        assert_eq!(neighbors.resolve(secs(31), LAN, address(9)), Resolve::FoundAsk(MAC));
        assert_eq!(neighbors.resolve(secs(31), LAN, address(9)), Resolve::Found(MAC));
        for second in 32..=34 {
            assert!(matches!(neighbors.handle_timeout(secs(second)), Some(Due::Ask(Ask { to: Some(MAC), .. }))));
        }
        assert!(matches!(neighbors.handle_timeout(secs(35)), Some(Due::GiveUp { .. })));
    }

    #[test]
    fn nothing_is_learned_from_an_answer_that_nobody_asked_for() {
        let mut neighbors = Neighbors::<u32>::new(64, 16, 1);
        neighbors.learn(secs(0), LAN, address(9), MAC, Hint::Answer);
        neighbors.learn(secs(0), LAN, address(9), MAC, Hint::Announcement);
        assert_eq!(neighbors.known(LAN, address(9)), None);
        neighbors.learn(secs(0), LAN, address(9), MAC, Hint::Question);
        assert_eq!(neighbors.known(LAN, address(9)), Some(MAC));
    }

    #[test]
    fn the_oldest_of_too_many_waiting_frames_gives_way() {
        let mut neighbors = Neighbors::new(64, 100, 1);
        for frame in 0..64 {
            assert!(neighbors.hold(waiting(9, frame)).is_none());
        }
        assert_eq!(neighbors.hold(waiting(9, 64)).map(|waiting| waiting.frame), Some(0));
        assert!(neighbors.hold(waiting(8, 65)).is_none());
        assert_eq!(neighbors.take_waiting(LAN, address(9)).map(|waiting| waiting.frame), Some(1));
        for frame in 0..36 {
            assert!(neighbors.hold(waiting(frame as u8 + 20, frame)).is_none());
        }
        assert_eq!(neighbors.hold(waiting(7, 99)).map(|waiting| waiting.frame), Some(2));
    }

    #[test]
    fn a_neighbor_that_gives_way_while_it_is_asked_for_is_named() {
        let mut neighbors = Neighbors::<u32>::new(8, 16, 1);
        for host in 1..=8 {
            neighbors.resolve(secs(u64::from(host)), LAN, address(host));
            assert_eq!(neighbors.take_given_way(), None);
        }
        neighbors.resolve(secs(9), LAN, address(9));
        assert_eq!(neighbors.take_given_way(), Some((LAN, address(1))));
        neighbors.learn(secs(9), LAN, address(10), MAC, Hint::Question);
        assert_eq!(neighbors.take_given_way(), Some((LAN, address(2))));
        assert_eq!(neighbors.take_given_way(), None);
    }

    #[test]
    fn a_scan_of_addresses_never_pushes_out_a_neighbor_that_answered() {
        let mut neighbors = Neighbors::<u32>::new(8, 16, 1);
        neighbors.resolve(secs(0), LAN, address(9));
        neighbors.learn(secs(0), LAN, address(9), MAC, Hint::Answer);
        for host in 10..=250 {
            neighbors.resolve(secs(1), LAN, address(host));
        }
        assert_eq!(neighbors.known(LAN, address(9)), Some(MAC));
    }
}
