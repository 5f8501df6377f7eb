//! TCP as someone in the middle sees it: states and windows.
//!
//! The windows follow Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter": for each direction, the
//! highest sequence number sent, the highest that the other side allows, and the largest window it ever offered. They
//! are tracked always; what does not fit is `invalid` only with `stateful_tcp`, but a FIN or RST that does not fit
//! never shortens a connection's life (RFC 5961).

use super::flow::Direction;
use crate::parse::Tcp;
use policy::Conntrack as Settings;
use wire::Duration;
use wire::tcp::{MIN_HEADER_LEN, TcpOption, flag};

/// FIN seen, in either direction (RFC 5382 REQ-5: transitory).
const CLOSING: Duration = Duration::from_secs(240);
const TIME_WAIT: Duration = Duration::from_secs(120);
/// After an in-window RST.
const CLOSE: Duration = Duration::from_secs(10);
/// What a receiver may acknowledge late, in bytes: ACKs may lag by a whole window, and by this at least.
const MIN_ACK_LAG: u32 = 66_000;
/// Less than half of all sequence numbers, so that what is within a window is not before it.
const MAX_WINDOW: u32 = i32::MAX as u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The opener's SYN; or two SYNs that crossed.
    SynSent,
    /// Its answer.
    SynReceived,
    Established,
    /// A FIN in one direction or both, not all acknowledged.
    Closing,
    /// Both FINs acknowledged.
    TimeWait,
    /// An in-window RST.
    Closed,
}

impl Phase {
    /// Of a connection of which nothing but a segment with these flags has been seen.
    pub const fn of_first(flags: u16) -> Self {
        match (flags & flag::SYN != 0, flags & flag::ACK != 0) {
            (true, false) => Self::SynSent,
            (true, true) => Self::SynReceived,
            (false, _) => Self::Established,
        }
    }
}

pub(crate) const PHASES: usize = Phase::Closed as usize + 1;

/// How long a connection may be silent, by phase; one that was picked up in the middle and has not been answered seems
/// to be established, but is still waiting.
pub(crate) fn timeouts(settings: &Settings) -> [Duration; PHASES] {
    let established = settings.established.tcp;
    let opening = settings.confirmed.tcp;
    [opening, opening, established, CLOSING.min(established), TIME_WAIT.min(established), CLOSE.min(established)]
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpState {
    pub phase: Phase,
    /// Established, and segments of both sides have been seen, of which none was a FIN.
    is_settled: bool,
    original: Side,
    reply: Side,
}

/// What one side has sent and may send. Sequence numbers wrap (RFC 9293 §3.4).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Side {
    /// One past the highest sequence number sent.
    end: u32,
    /// One past the highest that the other side's window has ever allowed.
    max_end: u32,
    /// The largest window that this side has offered; 0: nothing of this side has been seen.
    max_win: u32,
    /// One past its FIN, once that has been seen.
    fin: u32,
    /// Its window scale, as its SYN announced it.
    scale: u8,
    /// Bits of [`mark`].
    marks: u8,
}

/// What is known of a side.
mod mark {
    /// Its SYN carried a window scale option; scaling is on if both did.
    pub const SCALES: u8 = 1;
    /// It has sent a FIN, …
    pub const FIN: u8 = 2;
    /// … and that has been acknowledged.
    pub const FIN_ACKED: u8 = 4;
}

/// What a segment is to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    /// Outside the window, or out of order for the state.
    Unfit,
}

/// A segment with its length and the options that matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub tcp: Tcp,
    pub payload_len: u32,
    pub scale: Option<u8>,
    /// The highest right edge of its SACK blocks (RFC 2018 §3).
    pub sacked: Option<u32>,
}

impl Segment {
    /// `header` begins with the TCP header; options beyond it are not seen.
    #[inline]
    pub fn new(tcp: Tcp, payload_len: u32, header: &[u8]) -> Self {
        let has_options = has_options(usize::from(tcp.header_len), header);
        let (scale, sacked) = if has_options { options(header) } else { (None, None) };
        Self { tcp, payload_len, scale, sacked }
    }

    fn has(&self, flags: u16) -> bool {
        self.tcp.flags & flags != 0
    }

    /// One past its last sequence number: SYN and FIN count one each.
    fn end(&self) -> u32 {
        let control = u32::from(self.has(flag::SYN)) + u32::from(self.has(flag::FIN));
        self.tcp.sequence.wrapping_add(self.payload_len).wrapping_add(control)
    }
}

/// There may be options that matter: not where timestamps alone fill the header, as they do in most segments.
#[inline(always)]
fn has_options(header_len: usize, header: &[u8]) -> bool {
    /// Two of padding, then the option of ten bytes (RFC 7323 appendix A).
    const TIMESTAMPS: [u8; 4] = [1, 1, 8, 10];
    match header_len {
        20 => false,
        32 => header.get(20..).and_then(|options| options.first_chunk()) != Some(&TIMESTAMPS),
        _ => true,
    }
}

/// Window scale, and the highest right edge of SACK blocks.
#[inline(never)]
fn options(header: &[u8]) -> (Option<u8>, Option<u32>) {
    let (mut scale, mut sacked) = (None, None);
    for option in wire::tcp::Header::parse(header).into_iter().flat_map(|header| header.options()) {
        match option {
            TcpOption::WindowScale(shift) => scale = Some(shift),
            TcpOption::Sack { right_edge } => sacked = Some(right_edge),
            TcpOption::MaximumSegmentSize(_) | TcpOption::SackPermitted | TcpOption::Other(_) => {}
        }
    }
    (scale, sacked)
}

/// `a` is before `b` in sequence space.
#[inline(always)]
const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

#[inline(always)]
const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

impl TcpState {
    /// For protocols that are not TCP.
    pub const NONE: Self =
        Self { phase: Phase::Established, is_settled: false, original: Side::UNSEEN, reply: Side::UNSEEN };

    /// Of a flow that `segment` begins: by its SYN, or in the middle.
    pub fn begin(segment: &Segment) -> Self {
        let phase = Phase::of_first(segment.tcp.flags);
        let original = if segment.has(flag::SYN) { Side::opening(segment) } else { Side::amid(segment, 0) };
        let reply = if segment.has(flag::ACK) { Side::acknowledged(segment.tcp.ackseq) } else { Side::UNSEEN };
        let mut state = Self { phase, is_settled: false, original, reply };
        state.note_fin(Direction::Original, segment);
        state
    }

    pub fn is_half_open(&self) -> bool {
        matches!(self.phase, Phase::SynSent | Phase::SynReceived)
    }

    /// A new SYN may begin a new flow in this one's place.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::TimeWait | Phase::Closed)
    }

    /// Takes note of a segment of the flow. With `strict`, one that fits neither state nor window changes nothing;
    /// without, it still moves the windows (the flow may have been picked up in the middle, or left out packets), but
    /// its FIN or RST is not believed.
    pub fn advance(&mut self, direction: Direction, segment: &Segment, strict: bool) -> Fit {
        if !self.fits_phase(direction, segment) {
            return Fit::Unfit;
        }
        if self.is_challenge(direction, segment) {
            return Fit::Fits;
        }
        let before = *self;
        if self.window(direction, segment) == Fit::Unfit {
            if strict {
                *self = before;
            }
            // The answer to a challenge has the challenge's number (RFC 9293 §3.5.1); it goes on, and is not believed.
            let answers_challenge = self.phase == Phase::SynSent && direction == Direction::Original;
            return if answers_challenge && segment.has(flag::RST) { Fit::Fits } else { Fit::Unfit };
        }
        if segment.has(flag::RST) {
            (self.phase, self.is_settled) = (Phase::Closed, false);
            return Fit::Fits;
        }
        self.note_fin(direction, segment);
        self.note_ack(direction, segment);
        self.phase = self.next_phase(direction, segment);
        let is_open = |side: &Side| side.max_win != 0 && !side.has(mark::FIN);
        self.is_settled = self.phase == Phase::Established && is_open(&self.original) && is_open(&self.reply);
        Fit::Fits
    }

    /// As [`advance`](Self::advance), but that nothing has changed if it is [`Fit::Unfit`].
    pub fn advance_if_fit(&mut self, direction: Direction, segment: &Segment) -> Fit {
        let mut next = *self;
        // What is done to a segment that does not fit is all that `strict` decides.
        let fit = next.advance(direction, segment, true);
        if fit == Fit::Fits {
            *self = next;
        }
        fit
    }

    /// As [`advance`](Self::advance), for a segment without SYN that leaves an established connection as it is;
    /// [`Fit::Unfit`], and nothing has changed, also where that is not the case. `header` begins with the TCP header;
    /// `len` is that of the segment, header included.
    // Not inlined, and it calls nothing on its way: all that it compares stays in registers.
    #[inline(never)]
    pub fn advance_amid(&mut self, direction: Direction, header: &[u8], len: usize) -> Fit {
        let Some(bytes) = header.first_chunk::<MIN_HEADER_LEN>() else { return Fit::Unfit };
        let header_len = usize::from(bytes[12] >> 4) * 4;
        let is_amid = u16::from(bytes[13]) & (flag::ACK | flag::FIN | flag::RST) == flag::ACK;
        if !self.is_settled || !is_amid || header_len < MIN_HEADER_LEN || header_len > len {
            return Fit::Unfit;
        }
        if has_options(header_len, header) {
            return self.advance_sacked(direction, header, bytes, len - header_len);
        }
        self.slide(direction, bytes, len - header_len, None)
    }

    /// [`advance_amid`](Self::advance_amid) of a segment whose options may matter.
    #[inline(never)]
    fn advance_sacked(
        &mut self,
        direction: Direction,
        header: &[u8],
        bytes: &[u8; MIN_HEADER_LEN],
        payload_len: usize,
    ) -> Fit {
        self.slide(direction, bytes, payload_len, options(header).1)
    }

    /// Moves the windows by a segment of `bytes` without SYN, FIN and RST, if it fits.
    #[inline(always)]
    fn slide(
        &mut self,
        direction: Direction,
        bytes: &[u8; MIN_HEADER_LEN],
        payload_len: usize,
        sacked: Option<u32>,
    ) -> Fit {
        let long = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (sequence, ack, window) = (long(4), long(8), u16::from_be_bytes([bytes[14], bytes[15]]));
        let (sender, receiver) = self.sides(direction);
        let edge = receiver.edge(sacked, ack);
        let end = sequence.wrapping_add(payload_len as u32);
        let fit = sender.fit(receiver, sequence, end, edge);
        if fit == Fit::Fits {
            sender.learn(receiver, u32::from(window) << sender.scale, ack, edge, end);
        }
        fit
    }

    /// An ACK that answers a SYN: its sender has a connection of these endpoints already, and asks whether it is still
    /// alive (RFC 5961 §4.2, RFC 9293 §3.5.1). Its numbers are those of that connection and mean nothing in this one.
    fn is_challenge(&self, direction: Direction, segment: &Segment) -> bool {
        let bare = segment.payload_len == 0 && !segment.has(flag::SYN | flag::FIN | flag::RST);
        self.phase == Phase::SynSent && direction == Direction::Reply && bare && segment.has(flag::ACK)
    }

    /// What no endpoint would send in this state.
    fn fits_phase(&self, direction: Direction, segment: &Segment) -> bool {
        let (syn, ack, rst) = (segment.has(flag::SYN), segment.has(flag::ACK), segment.has(flag::RST));
        let fin = segment.has(flag::FIN);
        if syn && (fin || rst) || !(syn || ack || rst) {
            return false;
        }
        match (self.phase, direction) {
            // The opener acknowledges nothing before it has been answered.
            (Phase::SynSent, Direction::Original) => rst || !ack,
            (Phase::SynSent, Direction::Reply) => syn || rst || self.is_challenge(direction, segment),
            _ => true,
        }
    }

    fn next_phase(&self, direction: Direction, segment: &Segment) -> Phase {
        let (syn, ack) = (segment.has(flag::SYN), segment.has(flag::ACK));
        let fins = (self.original.has(mark::FIN), self.reply.has(mark::FIN));
        let acked = self.original.has(mark::FIN_ACKED) && self.reply.has(mark::FIN_ACKED);
        match self.phase {
            Phase::Closed => Phase::Closed,
            Phase::SynSent if syn && ack && direction == Direction::Reply => Phase::SynReceived,
            Phase::SynSent if syn && direction == Direction::Reply => Phase::SynReceived,
            Phase::SynSent => Phase::SynSent,
            Phase::SynReceived if ack && !syn && fins == (false, false) => Phase::Established,
            phase if fins == (true, true) && acked => {
                if matches!(phase, Phase::TimeWait) {
                    phase
                } else {
                    Phase::TimeWait
                }
            }
            _ if fins != (false, false) => Phase::Closing,
            phase => phase,
        }
    }

    #[inline(always)]
    fn sides(&mut self, direction: Direction) -> (&mut Side, &mut Side) {
        match direction {
            Direction::Original => (&mut self.original, &mut self.reply),
            Direction::Reply => (&mut self.reply, &mut self.original),
        }
    }

    fn note_fin(&mut self, direction: Direction, segment: &Segment) {
        if segment.has(flag::FIN) {
            let sender = self.sides(direction).0;
            sender.fin = segment.end();
            sender.marks |= mark::FIN;
        }
    }

    fn note_ack(&mut self, direction: Direction, segment: &Segment) {
        let (_, other) = self.sides(direction);
        if segment.has(flag::ACK) && other.has(mark::FIN) && !before(segment.tcp.ackseq, other.fin) {
            other.marks |= mark::FIN_ACKED;
        }
    }

    /// The window check, and what the segment teaches about the windows.
    fn window(&mut self, direction: Direction, segment: &Segment) -> Fit {
        let (syn, rst) = (segment.has(flag::SYN), segment.has(flag::RST));
        let answers_syn = self.phase == Phase::SynSent && direction == Direction::Reply;
        // Nobody has answered its SYN: it may begin anew, with another number.
        let begins_anew = self.phase == Phase::SynSent && direction == Direction::Original && syn;
        let (sender, receiver) = self.sides(direction);
        let (mut sequence, mut end) = (segment.tcp.sequence, segment.end());
        let raw = u32::from(segment.tcp.window);
        if sender.max_win == 0 || begins_anew {
            // The first segment of this side.
            if syn {
                *sender = Side::opening(segment);
                if receiver.max_win != 0 && !(sender.has(mark::SCALES) && receiver.has(mark::SCALES)) {
                    // Scaling is on only if both SYNs asked for it (RFC 7323 §1.3), also where they cross.
                    (sender.scale, receiver.scale) = (0, 0);
                }
            } else if rst && answers_syn {
                // A refused SYN: it must acknowledge it (RFC 9293 §3.5.2).
                let fits = segment.has(flag::ACK) && segment.tcp.ackseq == receiver.end;
                return if fits { Fit::Fits } else { Fit::Unfit };
            } else {
                *sender = Side::amid(segment, sender.scale);
            }
            if receiver.max_win == 0 {
                if segment.has(flag::ACK) {
                    (receiver.end, receiver.max_end) = (segment.tcp.ackseq, segment.tcp.ackseq);
                }
                return Fit::Fits;
            }
            if !segment.has(flag::ACK) {
                return Fit::Fits;
            }
        }
        let unacked = receiver.end;
        let mut ack = segment.tcp.ackseq;
        if !segment.has(flag::ACK) || rst && ack == 0 {
            ack = unacked;
        }
        if rst && sequence == 0 && answers_syn {
            (sequence, end) = (sender.end, sender.end);
        }
        let edge = receiver.edge(segment.sacked, ack);
        let fits = sender.fit(receiver, sequence, end, edge) == Fit::Fits;
        if fits && !rst {
            let window = raw << if syn { 0 } else { sender.scale };
            sender.learn(receiver, window, ack, edge, end);
        }
        // A RST is believed at exactly the next sequence number that is expected, or where an ACK proves that its
        // sender has seen the other side's latest bytes (RFC 5961 §3.2).
        let believed = !rst || sequence == sender.end || segment.has(flag::ACK) && ack == unacked;
        if fits && believed { Fit::Fits } else { Fit::Unfit }
    }
}

impl Side {
    /// Nothing of this side has been seen.
    const UNSEEN: Self = Self { end: 0, max_end: 0, max_win: 0, fin: 0, scale: 0, marks: 0 };

    /// Of its SYN.
    fn opening(segment: &Segment) -> Self {
        let (end, max_win) = (segment.end(), u32::from(segment.tcp.window).max(1));
        let marks = if segment.scale.is_some() { mark::SCALES } else { 0 };
        Self { end, max_end: end, max_win, scale: segment.scale.unwrap_or(0), marks, ..Self::UNSEEN }
    }

    /// Picked up in the middle: all that is known is this segment, and perhaps the scale of its window.
    fn amid(segment: &Segment, scale: u8) -> Self {
        let (end, max_win) = (segment.end(), (u32::from(segment.tcp.window) << scale).max(1));
        Self { end, max_end: end.wrapping_add(max_win), max_win, scale: 14, ..Self::UNSEEN }
    }

    /// Of which nothing has been seen but what the other side has acknowledged.
    fn acknowledged(ackseq: u32) -> Self {
        Self { end: ackseq, max_end: ackseq, ..Self::UNSEEN }
    }

    fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// How far this side has been acknowledged, by an ACK up to `ack` and a SACK up to `sacked`.
    #[inline(always)]
    fn edge(&self, sacked: Option<u32>, ack: u32) -> u32 {
        sacked.filter(|edge| after(*edge, ack) && !after(*edge, self.end)).unwrap_or(ack)
    }

    /// Whether a segment of this side, from `sequence` to `end`, which acknowledges up to `edge`, is within its windows.
    #[inline(always)]
    fn fit(&self, receiver: &Self, sequence: u32, end: u32, edge: u32) -> Fit {
        let lag = self.max_win.max(MIN_ACK_LAG);
        let fits = !after(sequence, self.max_end)
            && (!before(end, self.end.wrapping_sub(receiver.max_win)) || receiver.max_win == 0)
            // Neither ahead of what the other side has sent, nor too far behind.
            && receiver.end.wrapping_sub(edge) <= lag;
        if fits { Fit::Fits } else { Fit::Unfit }
    }

    /// Takes note of a segment that fits. `window`: what it offers, in bytes.
    #[inline(always)]
    fn learn(&mut self, receiver: &mut Self, window: u32, ack: u32, edge: u32, end: u32) {
        // A window is less than 2^30, and the edge, if it is not the ACK, is after it: their sum has no overflow.
        self.max_win = self.max_win.max(window.wrapping_add(edge.wrapping_sub(ack)).min(MAX_WINDOW));
        if after(end, self.end) {
            self.end = end;
        }
        if after(end, self.max_end) && receiver.max_win != 0 {
            receiver.max_win = receiver.max_win.saturating_add(end.wrapping_sub(self.max_end)).min(MAX_WINDOW);
        }
        let allowed = ack.wrapping_add(window.max(1));
        if after(allowed, receiver.max_end) {
            receiver.max_end = allowed;
        }
    }
}
