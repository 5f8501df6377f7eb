//! A policy on both routers, and what is sent to them.

use crate::case::{Case, Split};
use crate::compare;
use crate::differences;
use crate::linux::{self, Linux};
use crate::ours::{Frame, Ours};
use crate::packets::{Edges, Sent};
use crate::random::Random;
use crate::talks::{Said, Talk};
use anyhow::Result;
use plane::DropReason;
use policy::{CtState, Ipv4Config, Policy};
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use story::packet::{Key, Packet, decode_frame, show};
use story::{Action, Step};
use wire::IpAddr;

/// First packets that are tried until one passes, so that there is something to talk about.
const OPENINGS: usize = 5;
/// What a cable carries, in bytes.
const FRAME_LEN: RangeInclusive<usize> = 14..=1514;
/// Packets of a conversation.
const MOST_SAID: usize = 14;

/// What was found so far.
#[derive(Default)]
pub struct Tally {
    pub pairs: usize,
    /// Conversations that both routers let begin.
    pub talks: usize,
    pub packets: usize,
    pub policies: usize,
    pub explained: BTreeMap<&'static str, usize>,
    pub unexplained: usize,
    /// Packets that our own routers did not treat alike, one as the other.
    pub apart: usize,
    /// Packets that went without the walk, where that is allowed.
    pub past_the_walk: u64,
    /// Unexplained differences that are shown in full.
    pub show: usize,
}

/// A policy on both routers.
pub struct Bench<'a> {
    policy: &'a Policy,
    text: &'a str,
    edges: Edges,
    own: Vec<IpAddr>,
    linux: &'a Linux,
}

/// What has been sent so far, and what came of it.
#[derive(Default)]
struct Run {
    turns: Vec<Turn>,
    first: Option<Packet>,
    passed: Option<Packet>,
}

/// A packet that is sent.
struct Turn {
    sent: Sent,
    frame: Frame,
    /// A segment of somebody who guesses, and whose numbers are behind those of its sender.
    is_blind: bool,
    is_behind: bool,
    /// What our tracking thought of it.
    state: Option<CtState>,
    /// It is a SYN where none is due.
    is_late_syn: bool,
    /// It is a RST, or was answered by one.
    resets: bool,
}

impl Turn {
    fn new(sent: Sent, ours: &Ours) -> Result<Self> {
        let frame = ours.frame(&sent)?;
        Ok(Self { sent, frame, is_blind: false, is_behind: false, is_late_syn: false, state: None, resets: false })
    }
}

impl<'a> Bench<'a> {
    /// Linux has the policy already.
    pub fn new(policy: &'a Policy, text: &'a str, linux: &'a Linux) -> Self {
        Self { policy, text, edges: Edges::of(policy), own: own_addresses(policy), linux }
    }

    /// Sends a pair to both routers; what they remember of the one before is gone.
    pub fn pair(&self, random: &mut Random, tally: &mut Tally) -> Result<()> {
        tally.pairs += 1;
        let mut ours = Ours::new(self.policy.clone())?;
        self.linux.forget()?;
        let mut run = Run::default();
        let first = self.edges.first(random, self.policy);
        let Some(seen) = self.open(&mut ours, &first, &mut run, tally)? else { return Ok(()) };
        let second = self.edges.second(random, self.policy, &first, seen.as_ref());
        let turn = Turn::new(second, &ours)?;
        self.one(&mut ours, turn, &mut run, tally)?;
        Ok(())
    }

    /// A conversation through the routers, of all that its ends and somebody who guesses may say.
    pub fn talk(&self, random: &mut Random, tally: &mut Tally) -> Result<()> {
        for _ in 0..OPENINGS {
            let mut ours = Ours::new(self.policy.clone())?;
            self.linux.forget()?;
            let mut run = Run::default();
            let first = self.edges.opening(random, self.policy);
            let Some(Some(seen)) = self.open(&mut ours, &first, &mut run, tally)? else { continue };
            let Some(mut talk) = Talk::new(&first, &seen) else { continue };
            tally.talks += 1;
            for _ in 0..MOST_SAID {
                let said = talk.next(random);
                let turn = self.say(&ours, &said)?;
                if self.one(&mut ours, turn, &mut run, tally)?.is_none() {
                    break;
                }
            }
            break;
        }
        Ok(())
    }

    /// Sends the packets of a story. False: they differ, with a reason or without.
    pub fn story(&self, steps: &[Step], tally: &mut Tally) -> Result<bool> {
        let mut ours = Ours::new(self.policy.clone())?;
        self.linux.forget()?;
        let mut run = Run::default();
        for step in steps {
            ours.wait(step.after)?;
            let times = if let Action::In { times, .. } = step.action { times } else { 0 };
            for _ in 0..times {
                let Some((sent, frame)) = ours.step(&step.action) else { return Ok(true) };
                // A socket sends whole frames only.
                if !FRAME_LEN.contains(&frame.1.len()) {
                    continue;
                }
                let turn = Turn {
                    sent,
                    frame,
                    is_blind: false,
                    is_behind: false,
                    is_late_syn: false,
                    state: None,
                    resets: false,
                };
                if self.one(&mut ours, turn, &mut run, tally)?.is_none() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The first packet. The outer option: both treated it alike; the inner one: how it left.
    fn open(&self, ours: &mut Ours, first: &Sent, run: &mut Run, tally: &mut Tally) -> Result<Option<Option<Sent>>> {
        let turn = Turn::new(first.clone(), ours)?;
        let sent = decode_frame(&turn.frame.1);
        let Some(out) = self.one(ours, turn, run, tally)? else { return Ok(None) };
        let passed =
            out.iter().map(|(port, frame)| (*port, decode_frame(frame))).find(|(_, packet)| packet.kind == sent.kind);
        let seen = passed.as_ref().and_then(|(port, packet)| {
            Some(Sent { iface: self.policy.ifaces.get(*port)?.name.clone(), packet: show::packet(packet) })
        });
        (run.first, run.passed) = (Some(sent), passed.map(|(_, packet)| packet));
        Ok(Some(seen))
    }

    /// What somebody says, with the numbers that it would have, or is so far off.
    fn say(&self, ours: &Ours, said: &Said) -> Result<Turn> {
        let mut sent = said.sent.clone();
        let packet = decode_frame(&ours.frame(&sent)?.1);
        for (word, key, off) in [("seq", Key::Seq, said.seq), ("ack", Key::Ack, said.ack)] {
            if let (Some(off), Some(number)) = (off, packet.number(key)) {
                sent.packet += &format!(" {word} {}", (number as u32).wrapping_add_signed(off));
            }
        }
        let (is_blind, is_behind, is_late_syn) = (said.is_blind, said.is_behind(), said.is_late_syn);
        Ok(Turn { is_blind, is_behind, is_late_syn, ..Turn::new(sent, ours)? })
    }

    /// Sends a frame to both, and compares. `None`: they differ, so that what follows would as well. Else what left our
    /// router.
    fn one(&self, ours: &mut Ours, turn: Turn, run: &mut Run, tally: &mut Tally) -> Result<Option<Vec<Frame>>> {
        tally.packets += 1;
        let packet = decode_frame(&turn.frame.1);
        let said = ours.send(&turn.frame, !turn.is_blind)?;
        let theirs = self.linux.send(&turn.frame)?;
        let port = turn.frame.0;
        tally.past_the_walk += said.past_the_walk;
        if !said.apart.is_empty() {
            tally.apart += 1;
            if tally.apart <= tally.show.max(1) {
                run.turns.push(turn);
                println!("--- our own routers do not agree, and others are: {}", said.apart.join(", "));
                self.show(run, &said.out, &theirs, &said.drops);
            }
            return Ok(None);
        }
        let out: Vec<Packet> = said.out.iter().map(|(_, frame)| decode_frame(frame)).collect();
        let resets = [&packet].into_iter().chain(&out).any(compare::is_reset);
        run.turns.push(Turn { state: said.state, resets, ..turn });
        let said_aloud = said.out.iter().filter(|(_, frame)| !self.is_log(&decode_frame(frame))).cloned();
        let mine = compare::normal(&said_aloud.collect::<Vec<_>>(), &packet, &self.own);
        let theirs = compare::normal(&theirs, &packet, &self.own);
        if mine == theirs {
            return Ok(Some(said.out));
        }
        let decoded =
            |frames: &[Frame]| frames.iter().map(|(port, frame)| (*port, decode_frame(frame))).collect::<Vec<_>>();
        let case = Case {
            policy: self.policy,
            first: run.first.as_ref(),
            passed: run.passed.as_ref(),
            sent: &packet,
            port,
            ours: &decoded(&mine),
            linux: &decoded(&theirs),
            drops: &said.drops,
            state: said.state,
            delivered: said.delivered,
            split: LazyCell::new(Box::new(|| self.split(run))),
        };
        match differences::explain(&case) {
            Some(known) => *tally.explained.entry(known.name).or_default() += 1,
            None => {
                tally.unexplained += 1;
                if tally.unexplained <= tally.show {
                    self.show(run, &mine, &theirs, &said.drops);
                }
            }
        }
        Ok(None)
    }

    /// A log line on its way to the server, which Linux writes into its own log.
    fn is_log(&self, packet: &Packet) -> bool {
        let own = packet.src.is_some_and(|src| self.own.contains(&src));
        self.policy.syslog.as_ref().is_some_and(|server| {
            own && packet.dst == Some(server.address) && packet.number(Key::Dport) == Some(server.port.into())
        })
    }

    /// Sends everything once more, to learn where the routers began to think differently.
    fn split(&self, run: &Run) -> Option<Split> {
        let states = self.states(run).ok()?;
        let parted = |(turn, linux): (&Turn, &Option<CtState>)| {
            turn.state.zip(*linux).is_some_and(|(ours, linux)| ours != linux)
        };
        let at = run.turns.iter().zip(&states).position(parted)?;
        let turn = run.turns.get(at)?;
        Some(Split {
            packet: decode_frame(&turn.frame.1),
            ours: turn.state?,
            linux: (*states.get(at)?)?,
            is_behind: turn.is_behind,
            after_reset: run.turns.iter().take(at).any(|turn| turn.resets),
            after_unseen: run
                .turns
                .iter()
                .zip(&states)
                .take(at)
                .any(|(turn, linux)| turn.state.is_none() && linux.is_some()),
            after_syn: run.turns.iter().take(at).skip(1).any(|turn| turn.is_late_syn),
        })
    }

    fn states(&self, run: &Run) -> Result<Vec<Option<CtState>>> {
        let frames: Vec<Frame> = run.turns.iter().map(|turn| turn.frame.clone()).collect();
        self.linux.states(&frames)
    }

    fn show(&self, run: &Run, ours: &[Frame], linux: &[Frame], drops: &[DropReason]) {
        println!("--- an unexplained difference\n{}", self.text);
        let states = self.states(run).unwrap_or_default();
        let name = |state: Option<CtState>| state.map_or("-", CtState::name);
        for (at, turn) in run.turns.iter().enumerate() {
            let (mine, theirs) = (name(turn.state), name(states.get(at).copied().flatten()));
            let blind = if turn.is_blind { "blind, " } else { "" };
            println!("+0ms in {} {} # {blind}ours {mine}, linux {theirs}", turn.sent.iface, turn.sent.packet);
        }
        for (who, frames) in [("ours ", ours), ("linux", linux)] {
            for (port, frame) in frames {
                let iface = self.policy.ifaces.get(*port).map_or("-", |iface| &iface.name);
                println!("{who} out {iface} {}\n      {}", show::packet(&decode_frame(frame)), show::hex(frame));
            }
            if frames.is_empty() {
                println!("{who} nothing");
            }
        }
        println!("drops {drops:?}\n");
    }
}

fn own_addresses(policy: &Policy) -> Vec<IpAddr> {
    let mut own = Vec::new();
    for (at, iface) in policy.ifaces.iter().enumerate() {
        if let Ipv4Config::Static(config) = iface.ipv4 {
            own.push(config.address.into());
        }
        own.extend(iface.address6.iter().map(|(address, _)| IpAddr::V6(*address)));
        own.push(linux::mac(at).link_local().into());
    }
    own
}
