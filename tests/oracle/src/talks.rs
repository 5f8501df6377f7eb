//! Conversations: what the two ends of a connection say to each other through the router, in their order or out of it,
//! and what routers and strangers say about it.

use crate::packets::{Sent, bare};
use crate::random::Random;

/// How far from the next number somebody who guesses is, in bytes: beside it, within a window, at its edges, far away.
const OFF: [i32; 14] =
    [-1, 1, -1000, 1000, 60_000, 65_535, 65_536, 66_000, -66_000, -70_000, 1 << 20, -(1 << 20), 1 << 30, i32::MIN];

/// A packet, and how far its numbers are from those that its sender would choose.
pub struct Said {
    pub sent: Sent,
    /// It is not of the host whose address it bears, which therefore does not count on from it.
    pub is_blind: bool,
    /// It is a SYN where none is due.
    pub is_late_syn: bool,
    pub seq: Option<i32>,
    pub ack: Option<i32>,
}

impl Said {
    fn new(iface: &str, packet: String) -> Self {
        Self {
            sent: Sent { iface: iface.to_owned(), packet },
            is_blind: false,
            is_late_syn: false,
            seq: None,
            ack: None,
        }
    }

    /// Its numbers are behind those of its sender.
    pub fn is_behind(&self) -> bool {
        [self.seq, self.ack].into_iter().flatten().any(|off| off < 0)
    }
}

/// One side of the router: where its packets come in, and who speaks to whom there.
struct End {
    iface: String,
    own: String,
    peer: String,
    /// The identifier of its echoes.
    id: String,
}

/// What has become of a TCP connection, as its hosts see it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Answered,
    Open,
    Closing(Side),
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Near,
    Far,
}

pub struct Talk {
    kind: String,
    near: End,
    far: End,
    phase: Phase,
    echoes: u16,
}

impl Talk {
    /// A conversation that this packet has begun, which left as `seen`.
    pub fn new(first: &Sent, seen: &Sent) -> Option<Self> {
        let near = End::of(first, false)?;
        let far = End::of(seen, true)?;
        let mut words = first.packet.split(' ');
        let mut kind = words.next()?.to_owned();
        if kind == "ip" {
            kind = format!("ip {}", words.next()?);
        }
        let syn = words.any(|word| word == "S");
        Some(Self { kind, near, far, phase: if syn { Phase::Opening } else { Phase::Open }, echoes: 1 })
    }

    /// What is said next.
    pub fn next(&mut self, random: &mut Random) -> Said {
        if random.chance(12) {
            return self.complaint(random);
        }
        match &self.kind[..] {
            "tcp" if random.chance(70) => self.expected(random),
            "tcp" => self.odd(random),
            _ => {
                let side = if random.chance(50) { Side::Near } else { Side::Far };
                self.datagram(side, random)
            }
        }
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Near => &self.near,
            Side::Far => &self.far,
        }
    }

    fn said(&self, side: Side, rest: &str) -> Said {
        let End { iface, own, peer, .. } = self.end(side);
        let packet = format!("{} {own} > {peer} {rest}", self.kind);
        Said::new(iface, packet.trim_end().to_owned())
    }

    /// What a host would say now.
    fn expected(&mut self, random: &mut Random) -> Said {
        let side = if random.chance(50) { Side::Near } else { Side::Far };
        let window =
            if random.chance(25) { format!(" win {}", random.pick(&[0, 1, 1000, 20_000])) } else { String::new() };
        match self.phase {
            Phase::Opening => {
                self.phase = Phase::Answered;
                let options = *random.pick(&["", "", " mss 1460", " wscale 7", " wscale 7 sackok"]);
                self.said(Side::Far, &format!("SA{options}{window}"))
            }
            Phase::Answered => {
                self.phase = Phase::Open;
                self.said(Side::Near, &format!("A{window}"))
            }
            Phase::Open if random.chance(15) => {
                self.phase = Phase::Closing(side);
                self.said(side, "FA")
            }
            Phase::Open if random.chance(50) => self.said(side, &format!("A{window}")),
            Phase::Open => self.said(side, &format!("PA{window} data \"some words\"")),
            Phase::Closing(closed) => {
                let other = if closed == Side::Near { Side::Far } else { Side::Near };
                match random.below(3) {
                    0 => self.said(other, "A"),
                    1 => self.said(other, "PA data \"not yet\""),
                    _ => {
                        self.phase = Phase::Closed;
                        self.said(other, "FA")
                    }
                }
            }
            Phase::Closed if random.chance(75) => self.said(side, "A"),
            Phase::Closed => {
                self.phase = Phase::Opening;
                Said { seq: Some(1_000_000), ..self.said(Side::Near, "S") }
            }
        }
    }

    /// What nobody expects: out of order, out of the window, or of somebody who guesses.
    fn odd(&mut self, random: &mut Random) -> Said {
        let side = if random.chance(50) { Side::Near } else { Side::Far };
        let flags =
            *random.pick(&["S", "SA", "A", "A", "PA data \"guess\"", "R", "R", "RA", "FA", "F", "P", "-", "SF", "SR"]);
        let mut said = self.said(side, flags);
        if random.chance(70) {
            said.seq = Some(*random.pick(&OFF));
        }
        if random.chance(30) && flags.contains('A') {
            said.ack = Some(*random.pick(&OFF));
        }
        said.is_late_syn = flags.contains('S');
        said.is_blind = said.seq.is_some() || said.ack.is_some();
        said
    }

    fn datagram(&mut self, side: Side, random: &mut Random) -> Said {
        let id = self.end(side).id.clone();
        match &self.kind[..] {
            "udp" => self.said(side, if random.chance(70) { "data \"some words\"" } else { "" }),
            "icmp" | "icmpv6" => {
                self.echoes += u16::from(random.chance(60));
                let (word, End { iface, own, peer, .. }) = match (side, random.chance(90)) {
                    (Side::Near, true) | (Side::Far, false) => ("echo-request", self.end(side)),
                    _ => ("echo-reply", self.end(side)),
                };
                let packet = format!("{} {word} {own} > {peer} echo {id}/{}", self.kind, self.echoes);
                Said::new(iface, packet)
            }
            _ => self.said(side, "data 0000080000000009"),
        }
    }

    /// An ICMP error about what the other side has said.
    fn complaint(&mut self, random: &mut Random) -> Said {
        let side = if random.chance(70) { Side::Far } else { Side::Near };
        let End { iface, own, peer, id } = self.end(side);
        let six = bare(own).contains(':');
        let from = match (random.below(3), six) {
            (0, false) => "10.2.0.33".to_owned(),
            (0, true) => "2001:db8:2::33".to_owned(),
            _ => bare(own),
        };
        let about = match &self.kind[..] {
            "tcp" => format!("tcp {peer} > {own} {}", random.pick(&["A", "S", "PA"])),
            "icmp" | "icmpv6" => format!("{} echo-request {peer} > {own} echo {id}/{}", self.kind, self.echoes),
            "udp" => format!("udp {peer} > {own}"),
            other => format!("{other} {peer} > {own} data 0000080000000007"),
        };
        let error = *if six {
            random.pick(&["icmpv6 unreachable-port", "icmpv6 time-exceeded", "icmpv6 packet-too-big", "icmpv6 4/0"])
        } else {
            random.pick(&["icmp unreachable-port", "icmp time-exceeded", "icmp fragmentation-needed", "icmp 12/0"])
        };
        let mtu = if error.ends_with("needed") || error.ends_with("big") { " mtu 1400" } else { "" };
        let packet = format!("{error} {from} > {}{mtu} [{about}]", bare(peer));
        Said::new(iface, packet)
    }
}

impl End {
    /// Who speaks to whom in a packet; `turned` for who answers it.
    fn of(sent: &Sent, turned: bool) -> Option<Self> {
        let words: Vec<&str> = sent.packet.split(' ').collect();
        let at = words.iter().position(|word| *word == ">")?;
        let (mut own, mut peer) = (*words.get(at.checked_sub(1)?)?, *words.get(at + 1)?);
        if turned {
            (own, peer) = (peer, own);
        }
        let echo = words.iter().position(|word| *word == "echo").and_then(|at| words.get(at + 1));
        let id = echo.and_then(|echo| echo.split('/').next()).unwrap_or("1");
        Some(Self { iface: sent.iface.clone(), own: own.to_owned(), peer: peer.to_owned(), id: id.to_owned() })
    }
}
