//! What a story says: its configuration and its steps.

use crate::packet::Packet;
use crate::text::Span;
use plane::DropReason;
use std::path::PathBuf;
use wire::{Duration, IpAddr};

/// A story, understood.
#[derive(Clone, Debug)]
pub struct Story {
    /// As the user named the file.
    pub name: String,
    pub text: String,
    /// At least one; they are read as one text, in this order.
    pub config: Vec<Config>,
    pub steps: Vec<Step>,
}

/// A piece of the router's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// A NaCl file, relative to the story's folder.
    File { path: PathBuf, span: Span },
    /// NaCl text in the story itself; its first line is line `line` of the story.
    Inline { text: String, line: u32, span: Span },
}

/// Something that the world does, and all that comes of it before the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub span: Span,
    /// Since the step before.
    pub after: Duration,
    pub action: Action,
    pub effects: Vec<Effect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A packet reaches an Iface, so many times.
    In { iface: Name, packet: Box<Packet>, times: u32 },
    /// The box starts; only as the first step. Without it, what the box does when it starts is no effect.
    Start,
    /// Nothing but time.
    Wait,
    /// These hosts answer no ARP and no neighbor solicitation from now on.
    Silent(Vec<IpAddr>),
    /// These hosts answer again.
    Answer(Vec<IpAddr>),
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// Something that must come of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub span: Span,
    pub kind: EffectKind,
    pub times: Times,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectKind {
    /// A packet leaves by an Iface.
    Out { iface: Name, packet: Box<Packet> },
    /// A log line of this severity, 0 (emergency) to 7 (debug): a datagram, or a line of the console where the policy
    /// has no Syslog. `source` is the datagram's.
    Log { severity: u8, text: String, source: Option<IpAddr> },
    /// A line of the console.
    Console { text: String },
    /// A packet goes nowhere, for this reason.
    Drop { reason: DropReason, iface: Option<Name> },
    /// A packet reaches the box's own stack.
    Local { iface: Option<Name> },
}

/// How often an effect comes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub least: u64,
    pub most: u64,
}

impl Times {
    pub const ONCE: Self = Self { least: 1, most: 1 };
}

/// Words of severities, by number (RFC 5424 §6.2.1).
pub const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
