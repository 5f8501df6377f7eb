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
use story::packet::{Key, Packet, decode_frame, show};
use wire::IpAddr;

/// First packets that are tried until one passes, so that there is something to talk about.
const OPENINGS: usize = 5;
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
    sent: Vec<Sent>,
    frames: Vec<Frame>,
    /// What our tracking thought of each frame.
    states: Vec<Option<CtState>>,
    /// Segments of somebody who guesses.
    blind: Vec<bool>,
    /// A RST came in or left.
    resets: Vec<bool>,
    first: Option<Packet>,
    passed: Option<Packet>,
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
        let frame = ours.frame(&second)?;
        self.one(&mut ours, second, frame, false, &mut run, tally)?;
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
                let (sent, frame) = self.say(&ours, &said)?;
                if self.one(&mut ours, sent, frame, said.is_blind(), &mut run, tally)?.is_none() {
                    break;
                }
            }
            break;
        }
        Ok(())
    }

    /// The first packet. The outer option: both treated it alike; the inner one: how it left.
    fn open(&self, ours: &mut Ours, first: &Sent, run: &mut Run, tally: &mut Tally) -> Result<Option<Option<Sent>>> {
        let frame = ours.frame(first)?;
        let sent = decode_frame(&frame.1);
        let Some(out) = self.one(ours, first.clone(), frame, false, run, tally)? else { return Ok(None) };
        let passed =
            out.iter().map(|(port, frame)| (*port, decode_frame(frame))).find(|(_, packet)| packet.kind == sent.kind);
        let seen = passed.as_ref().and_then(|(port, packet)| {
            Some(Sent { iface: self.policy.ifaces.get(*port)?.name.clone(), packet: show::packet(packet) })
        });
        (run.first, run.passed) = (Some(sent), passed.map(|(_, packet)| packet));
        Ok(Some(seen))
    }

    /// What somebody says, with the numbers that it would have, or is so far off.
    fn say(&self, ours: &Ours, said: &Said) -> Result<(Sent, Frame)> {
        let mut sent = said.sent.clone();
        let packet = decode_frame(&ours.frame(&sent)?.1);
        for (word, key, off) in [("seq", Key::Seq, said.seq), ("ack", Key::Ack, said.ack)] {
            if let (Some(off), Some(number)) = (off, packet.number(key)) {
                sent.packet += &format!(" {word} {}", (number as u32).wrapping_add_signed(off));
            }
        }
        let frame = ours.frame(&sent)?;
        Ok((sent, frame))
    }

    /// Sends a frame to both, and compares. `None`: they differ, so that what follows would as well. Else what left our
    /// router.
    fn one(
        &self,
        ours: &mut Ours,
        sent: Sent,
        frame: Frame,
        is_blind: bool,
        run: &mut Run,
        tally: &mut Tally,
    ) -> Result<Option<Vec<Frame>>> {
        tally.packets += 1;
        let packet = decode_frame(&frame.1);
        let said = ours.send(&frame, !is_blind)?;
        let theirs = self.linux.send(&frame)?;
        let port = frame.0;
        let out: Vec<Packet> = said.out.iter().map(|(_, frame)| decode_frame(frame)).collect();
        run.sent.push(sent);
        run.frames.push(frame);
        run.states.push(said.state);
        run.blind.push(is_blind);
        run.resets.push([&packet].into_iter().chain(&out).any(compare::is_reset));
        let mine = compare::normal(&said.out, &packet, &self.own);
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

    /// Sends everything once more, to learn where the routers began to think differently.
    fn split(&self, run: &Run) -> Option<Split> {
        let states = self.linux.states(&run.frames).ok()?;
        let at = run.states.iter().zip(&states).position(|(ours, linux)| ours != linux)?;
        Some(Split {
            packet: decode_frame(&run.frames.get(at)?.1),
            ours: (*run.states.get(at)?)?,
            linux: (*states.get(at)?)?,
            after_reset: run.resets.iter().take(at).any(|reset| *reset),
        })
    }

    fn show(&self, run: &Run, ours: &[Frame], linux: &[Frame], drops: &[DropReason]) {
        println!("--- an unexplained difference\n{}", self.text);
        let states = self.linux.states(&run.frames).unwrap_or_default();
        let name = |state: Option<&Option<CtState>>| state.copied().flatten().map_or("-", CtState::name);
        for (at, sent) in run.sent.iter().enumerate() {
            let (mine, theirs) = (name(run.states.get(at)), name(states.get(at)));
            let blind = if run.blind.get(at) == Some(&true) { " # blind" } else { "" };
            println!("+0ms in {} {}{blind} # ours {mine}, linux {theirs}", sent.iface, sent.packet);
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
