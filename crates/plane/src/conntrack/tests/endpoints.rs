//! Two hosts that speak TCP as they should, over a network that loses and mixes up, past the tracker: whatever still
//! matters to its receiver is never `invalid`.

use super::*;
use alloc::vec;
use alloc::vec::Vec;

const MSS: u32 = 1000;
const ACK_ONLY: u16 = flag::ACK;

/// One host. Sequence numbers are those on the wire.
struct Host {
    first: bool,
    iss: u32,
    una: u32,
    next: u32,
    /// Right edge that the peer allows.
    allowed: u32,
    /// Bytes still to be sent, and whether a FIN follows.
    unsent: u32,
    fin_sent: bool,
    peer_next: u32,
    /// What has come out of order: from, to.
    pieces: Vec<(u32, u32)>,
    peer_fin: Option<u32>,
    /// Free bytes of its buffer, now and once its application has read all.
    room: u32,
    buffer: u32,
    scale: Option<u8>,
    scales: bool,
    sack: bool,
    open: bool,
}

/// What is on its way: from the first host or not, and the segment.
type Sent = (bool, Tcp, Vec<u8>, u32);

impl Host {
    fn new(random: &mut Random, first: bool) -> Self {
        let iss = match random.next() % 3 {
            0 => u32::MAX - random.next() as u32 % 3000,
            _ => random.next() as u32,
        };
        let scale = [None, Some(0), Some(2), Some(7), Some(14)][random.next() as usize % 5];
        let room = [MSS, 3 * MSS, 60_000, 65_535][random.next() as usize % 4];
        let room = if scale.is_some() && random.next().is_multiple_of(2) { room * 40 } else { room };
        Self {
            first,
            iss,
            una: iss,
            next: iss,
            allowed: iss.wrapping_add(1),
            unsent: random.next() as u32 % 300_000,
            fin_sent: false,
            peer_next: 0,
            pieces: vec![],
            peer_fin: None,
            room,
            buffer: room,
            scale,
            scales: false,
            sack: random.next().is_multiple_of(2),
            open: false,
        }
    }

    /// The window field, and the bytes that it stands for.
    fn window(&self, syn: bool) -> (u16, u32) {
        let scale = if syn || !self.scales { 0 } else { self.scale.unwrap_or(0) };
        let field = (self.room >> scale).min(65_535);
        (field as u16, field << scale)
    }

    fn segment(&self, flags: u16, sequence: u32, len: u32) -> Sent {
        let syn = flags & flag::SYN != 0;
        let mut options = vec![];
        if let (true, Some(scale)) = (syn, self.scale) {
            options.extend([1, 3, 3, scale]);
        }
        if let (false, true, Some((from, to))) = (syn, self.sack, self.pieces.first()) {
            options.extend([1, 1, 5, 10]);
            options.extend(from.to_be_bytes());
            options.extend(to.to_be_bytes());
        }
        let header_len = 20 + options.len() as u8;
        let (sport, dport) = if self.first { (4000, 80) } else { (80, 4000) };
        let ackseq = if flags & flag::ACK != 0 { self.peer_next } else { 0 };
        let (window, _) = self.window(syn);
        let tcp =
            Tcp { sport, dport, sequence, ackseq, flags, window, header_len, reserved: 0, checksum: 0, urgptr: 0 };
        let mut header = vec![0; 20];
        header[12] = (header_len / 4) << 4;
        header.extend(options);
        (self.first, tcp, header, len)
    }

    /// Says something, if it has anything to say.
    fn speak(&mut self, random: &mut Random) -> Option<Sent> {
        if !self.open {
            let flags = if self.peer_next == 0 { flag::SYN } else { flag::SYN | flag::ACK };
            self.next = self.iss.wrapping_add(1);
            return (self.first || self.peer_next != 0).then(|| self.segment(flags, self.iss, 0));
        }
        if random.next().is_multiple_of(4) {
            self.room = self.buffer;
        }
        let space = self.allowed.wrapping_sub(self.next) as i32;
        match random.next() % 8 {
            // What is not acknowledged, once more; its FIN with it, if that is all there is.
            0 if self.una != self.next => {
                let left = self.next.wrapping_sub(self.una) - u32::from(self.fin_sent);
                let flags = if self.fin_sent && left <= MSS { flag::FIN | flag::ACK } else { ACK_ONLY };
                Some(self.segment(flags, self.una, left.min(MSS)))
            }
            // Are you still there?
            1 if self.una == self.next && !self.fin_sent => {
                Some(self.segment(ACK_ONLY, self.next.wrapping_sub(1), random.next() as u32 % 2))
            }
            // A probe into a window that is closed.
            2 if space <= 0 && self.unsent > 0 && self.una == self.next => Some(self.segment(ACK_ONLY, self.next, 1)),
            3 => Some(self.segment(ACK_ONLY, self.next, 0)),
            _ if self.unsent > 0 && space > 0 => {
                let len = self.unsent.min(MSS).min(space as u32);
                let sequence = self.next;
                self.next = self.next.wrapping_add(len);
                self.unsent -= len;
                Some(self.segment(ACK_ONLY | flag::PSH, sequence, len))
            }
            _ if self.unsent == 0 && !self.fin_sent && space > 0 => {
                self.fin_sent = true;
                let sequence = self.next;
                self.next = self.next.wrapping_add(1);
                Some(self.segment(flag::FIN | flag::ACK, sequence, 0))
            }
            _ => None,
        }
    }

    /// Would this segment change anything here?
    fn matters(&self, tcp: &Tcp, len: u32) -> bool {
        let control = u32::from(tcp.flags & (flag::SYN | flag::FIN) != 0);
        let end = tcp.sequence.wrapping_add(len + control);
        let news = !self.open || (end.wrapping_sub(self.peer_next) as i32) > 0;
        news || (tcp.ackseq.wrapping_sub(self.una) as i32) > 0
    }

    fn hear(&mut self, tcp: &Tcp, scale: Option<u8>, len: u32) {
        if tcp.flags & flag::SYN != 0 {
            if self.peer_next == 0 || !self.open {
                self.peer_next = tcp.sequence.wrapping_add(1);
                self.scales = self.scale.is_some() && scale.is_some();
            }
            if tcp.flags & flag::ACK == 0 {
                return;
            }
        }
        if self.peer_next == 0 {
            return;
        }
        let acks = (tcp.ackseq.wrapping_sub(self.una) as i32, self.next.wrapping_sub(tcp.ackseq) as i32);
        if acks.1 >= 0 && acks.0 >= 0 {
            self.open |= self.next != self.iss && acks.0 > 0;
            self.una = tcp.ackseq;
            let shift = if self.scales && tcp.flags & flag::SYN == 0 { scale.unwrap_or(0) } else { 0 };
            let allowed = tcp.ackseq.wrapping_add(u32::from(tcp.window) << shift);
            if allowed.wrapping_sub(self.allowed) as i32 > 0 {
                self.allowed = allowed;
            }
        }
        let (from, to) = (tcp.sequence, tcp.sequence.wrapping_add(len));
        if tcp.flags & flag::FIN != 0 {
            self.peer_fin = Some(to);
        }
        let in_window = to.wrapping_sub(self.peer_next.wrapping_add(self.window(false).1)) as i32 <= 0;
        if len > 0 && in_window && (to.wrapping_sub(self.peer_next) as i32) > 0 {
            self.pieces.push((from, to));
        }
        while let Some(at) = self.pieces.iter().position(|(from, _)| from.wrapping_sub(self.peer_next) as i32 <= 0) {
            let (_, to) = self.pieces.swap_remove(at);
            if (to.wrapping_sub(self.peer_next) as i32) > 0 {
                self.room = self.room.saturating_sub(to.wrapping_sub(self.peer_next));
                self.peer_next = to;
            }
        }
        if self.peer_fin == Some(self.peer_next) {
            self.peer_next = self.peer_next.wrapping_add(1);
        }
    }

    fn is_done(&self) -> bool {
        self.fin_sent && self.una == self.next && self.peer_fin.is_some_and(|fin| fin != self.peer_next)
    }
}

#[test]
fn nothing_that_matters_to_a_receiver_is_ever_invalid() {
    let mut random = Random::new(9);
    let mut finished = 0;
    for round in 0..400 {
        let mut conntrack = conntrack(4, true);
        let mut hosts = [Host::new(&mut random, true), Host::new(&mut random, false)];
        let (mut before, mut behind): (Vec<Sent>, Vec<Sent>) = (vec![], vec![]);
        for _ in 0..6000 {
            let at = random.next() as usize % 2;
            before.extend(hosts[at].speak(&mut random));
            // Of the first few any may be next, and one in ten is lost, before the tracker and behind it.
            if !before.is_empty() {
                let sent = before.remove(random.next() as usize % before.len().min(3));
                if !random.next().is_multiple_of(10) {
                    let (first, tcp, header, len) = &sent;
                    let ends = if *first { (1, 2) } else { (2, 1) };
                    let mut packet = packet([10, 0, 0, ends.0], [10, 0, 0, ends.1], 6, Transport::Tcp(*tcp));
                    packet.total_len = 20 + u32::from(tcp.header_len) + len;
                    let mut tracked = Tracked::untracked(packet);
                    conntrack.track(Instant::BOOT, &mut tracked, header, None, None);
                    if tracked.state() == CtState::Invalid {
                        let receiver = &hosts[usize::from(*first)];
                        assert!(!receiver.matters(tcp, *len), "round {round}: {tcp:?} with {len} bytes");
                    } else {
                        conntrack.confirm(Instant::BOOT, &tracked, header).unwrap();
                        behind.push(sent);
                    }
                }
            }
            if !behind.is_empty() && !random.next().is_multiple_of(3) {
                let (first, tcp, header, len) = behind.remove(random.next() as usize % behind.len().min(3));
                if !random.next().is_multiple_of(10) {
                    // In a SYN the option, later what it said.
                    let announced = if tcp.flags & flag::SYN != 0 {
                        (header.len() > 20).then(|| header[23])
                    } else {
                        hosts[usize::from(!first)].scale
                    };
                    hosts[usize::from(first)].hear(&tcp, announced, len);
                }
            }
            if hosts.iter().all(Host::is_done) {
                finished += 1;
                break;
            }
        }
    }
    assert!(finished > 100, "{finished} connections came to their end");
}
