//! The oracle: random policies and pairs of packets at their edges, on our router and on Linux with the exported
//! ruleset. Whatever leaves must be the same, byte by byte, but for the differences that have a name.
//!
//! Exit status: 0 no unexplained difference (or no right to try, which is said), 1 there is one, 2 it could not be done.

#![forbid(unsafe_code)]

mod compare;
mod differences;
mod linux;
mod ours;
mod packets;
mod policies;
mod random;

use anyhow::{Context, Result, bail};
use differences::Case;
use linux::Linux;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use ours::{Frame, Ours};
use packets::{Edges, Sent};
use plane::DropReason;
use policy::{Ipv4Config, Policy};
use random::Random;
use sim::Hosts;
use std::collections::BTreeMap;
use std::process::ExitCode;
use story::packet::{Packet, decode_frame, show};
use wire::{IpAddr, PortId};

/// Pairs for each policy.
const PAIRS_PER_POLICY: usize = 100;

struct Args {
    pairs: usize,
    seed: u64,
    /// Unexplained differences that are shown in full.
    show: usize,
}

fn main() -> ExitCode {
    match args().and_then(|args| run(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("oracle: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn args() -> Result<Args> {
    let mut all = Args { pairs: 2000, seed: 1, show: 5 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a number"))?;
        match &word[..] {
            "--pairs" => all.pairs = value.parse().context("--pairs N")?,
            "--seed" => all.seed = value.parse().context("--seed S")?,
            "--show" => all.show = value.parse().context("--show N")?,
            other => bail!("no such option: {other}; there are --pairs N, --seed S and --show N"),
        }
    }
    Ok(all)
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    pairs: usize,
    packets: usize,
    policies: usize,
    explained: BTreeMap<&'static str, usize>,
    unexplained: usize,
    show: usize,
}

fn run(args: &Args) -> Result<bool> {
    if !lab::possible("the oracle", &["nft", "ip"]) {
        return Ok(true);
    }
    // Frames keep their order on one processor.
    let mut one = CpuSet::new();
    one.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;

    let mut random = Random::new(args.seed);
    let names: Vec<String> = policies::IFACES.iter().map(ToString::to_string).collect();
    let mut linux = Linux::new(&names)?;
    let mut tally = Tally { show: args.show, ..Tally::default() };
    while tally.pairs < args.pairs {
        let text = policies::random(&mut random);
        let source = nacl::Source::new("policy.nacl", &text[..]);
        let Some(policy) = nacl::compile(&source).policy else { continue };
        let export = export::nftables(&policy);
        let nics: Vec<_> = (0..names.len()).map(|at| (PortId(at as u16), linux::mac(at))).collect();
        linux.load(&export, Hosts::new(&policy, &nics)).with_context(|| format!("{text}\n{}", export.ruleset))?;
        tally.policies += 1;
        let (edges, own) = (Edges::of(&policy), own_addresses(&policy));
        let bench = Bench { policy: &policy, text: &text, edges, own, linux: &linux };
        for _ in 0..PAIRS_PER_POLICY.min(args.pairs - tally.pairs) {
            bench.pair(&mut random, &mut tally)?;
        }
    }
    report(args, &tally);
    Ok(tally.unexplained == 0)
}

fn report(args: &Args, tally: &Tally) {
    let Tally { pairs, packets, policies, explained, unexplained, .. } = tally;
    println!("oracle: {pairs} pairs ({packets} packets) on {policies} policies, seed {}", args.seed);
    for (name, count) in explained {
        let reason = differences::DIFFERENCES.iter().find(|known| known.name == *name).map_or("", |known| known.reason);
        println!("  {count:>6}  {name}: {reason}");
    }
    println!("  {unexplained:>6}  without an explanation");
}

/// A policy on both routers.
struct Bench<'a> {
    policy: &'a Policy,
    text: &'a str,
    edges: Edges,
    own: Vec<IpAddr>,
    linux: &'a Linux,
}

/// A pair under way.
#[derive(Default)]
struct Pair {
    sent: Vec<Sent>,
    first: Option<Packet>,
    passed: Option<Packet>,
    /// The first packet is remembered: our router dropped nothing of it.
    lives: bool,
    /// It was answered by a RST.
    refused: bool,
}

impl Bench<'_> {
    /// Sends a pair to both routers; what they remember of the one before is gone.
    fn pair(&self, random: &mut Random, tally: &mut Tally) -> Result<()> {
        tally.pairs += 1;
        let mut ours = Ours::new(self.policy.clone())?;
        self.linux.forget()?;
        let mut pair = Pair::default();
        let first = self.edges.first(random, self.policy);
        let frame = ours.frame(&first)?;
        pair.sent.push(first.clone());
        let Some((out, lives)) = self.one(&mut ours, &frame, &pair, tally)? else { return Ok(()) };
        let sent = decode_frame(&frame.1);
        let passed =
            out.iter().map(|(port, frame)| (*port, decode_frame(frame))).find(|(_, packet)| packet.kind == sent.kind);
        let seen = passed.as_ref().and_then(|(port, packet)| {
            Some(Sent { iface: self.policy.ifaces.get(*port)?.name.clone(), packet: show::packet(packet) })
        });
        pair.refused = out.iter().any(|(_, frame)| compare::is_reset(&decode_frame(frame)));
        (pair.first, pair.passed, pair.lives) = (Some(sent), passed.map(|(_, packet)| packet), lives);
        let second = self.edges.second(random, self.policy, &first, seen.as_ref());
        let frame = ours.frame(&second)?;
        pair.sent.push(second);
        self.one(&mut ours, &frame, &pair, tally)?;
        Ok(())
    }

    /// Sends a frame to both, and compares. `None`: they differ, so that what follows would as well. Else what left our
    /// router, and whether it dropped nothing.
    fn one(
        &self,
        ours: &mut Ours,
        frame: &Frame,
        pair: &Pair,
        tally: &mut Tally,
    ) -> Result<Option<(Vec<Frame>, bool)>> {
        tally.packets += 1;
        let sent = decode_frame(&frame.1);
        let (mine, drops) = ours.send(frame)?;
        let theirs = self.linux.send(frame)?;
        let (a, b) = (compare::normal(&mine, &sent, &self.own), compare::normal(&theirs, &sent, &self.own));
        if a == b {
            return Ok(Some((mine, drops.is_empty())));
        }
        let decoded =
            |frames: &[Frame]| frames.iter().map(|(port, frame)| (*port, decode_frame(frame))).collect::<Vec<_>>();
        let case = Case {
            policy: self.policy,
            first: pair.first.as_ref(),
            passed: pair.passed.as_ref(),
            lives: pair.lives,
            refused: pair.refused,
            sent: &sent,
            port: frame.0,
            ours: &decoded(&a),
            linux: &decoded(&b),
            drops: &drops,
        };
        match differences::explain(&case) {
            Some(known) => *tally.explained.entry(known.name).or_default() += 1,
            None => {
                tally.unexplained += 1;
                if tally.unexplained <= tally.show {
                    self.show(pair, &a, &b, &drops);
                }
            }
        }
        Ok(None)
    }

    fn show(&self, pair: &Pair, ours: &[Frame], linux: &[Frame], drops: &[DropReason]) {
        println!("--- an unexplained difference\n{}", self.text);
        for sent in &pair.sent {
            println!("in {} {}", sent.iface, sent.packet);
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
