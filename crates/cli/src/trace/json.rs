//! `saltgate trace --format json`; `docs/json.md` describes it.

use nacl::Source;
use plane::Summary;
use policy::{Hook, Policy};
use serde::Serialize;
use story::Came;
use story::trace::{Begin, FunctionWalk, Ruling, Stage, Traced, Walk};
use wire::IfaceId;

#[derive(Serialize)]
pub struct Report<'a> {
    version: u32,
    file: &'a str,
    packets: Vec<PacketReport<'a>>,
}

#[derive(Serialize)]
struct PacketReport<'a> {
    /// Simulated, in seconds.
    time: f64,
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    iface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<&'a str>,
    walks: Vec<WalkReport<'a>>,
    effects: Vec<EffectReport<'a>>,
    counters: Vec<CounterReport<'a>>,
}

#[derive(Serialize)]
struct WalkReport<'a> {
    /// `received`, `originated` or `frame`.
    begin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<SummaryReport>,
    stages: Vec<StageReport<'a>>,
}

#[derive(Serialize)]
struct SummaryReport {
    saddr: String,
    daddr: String,
    protocol: u8,
    sport: u16,
    dport: u16,
    ttl: u8,
    length: u32,
}

#[derive(Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
enum StageReport<'a> {
    Tracked {
        state: &'static str,
        first: bool,
    },
    Chain {
        hook: &'static str,
        /// The Iface; of the forward chain the Gateway.
        of: &'a str,
        functions: Vec<FunctionReport<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rewritten: Option<SummaryReport>,
    },
    Routed {
        iface: &'a str,
        neighbor: String,
    },
    Sent {
        iface: &'a str,
        neighbor: String,
        held: bool,
    },
    Delivered {
        iface: &'a str,
    },
    Dropped {
        reason: &'static str,
        sentence: &'static str,
    },
    Held {
        iface: &'a str,
    },
    Used,
}

#[derive(Serialize)]
struct FunctionReport<'a> {
    name: &'a str,
    line: u32,
    rules: Vec<RuleReport<'a>>,
}

#[derive(Serialize)]
struct RuleReport<'a> {
    line: u32,
    column: u32,
    text: &'a str,
    /// `test`, `log`, `translate`, `accept`, `drop` or `reject`.
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<bool>,
}

#[derive(Serialize)]
struct EffectReport<'a> {
    /// `out`, `log`, `console`, `drop` or `local`.
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iface: Option<&'a str>,
    /// As a story would name it.
    text: String,
}

#[derive(Serialize)]
struct CounterReport<'a> {
    iface: &'a str,
    counter: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    by: u64,
}

pub fn report<'a>(traced: &'a [Traced], policy: &'a Policy, source: &'a Source) -> Report<'a> {
    let writer = Writer { policy, source };
    Report { version: 1, file: source.name(), packets: traced.iter().map(|traced| writer.packet(traced)).collect() }
}

#[derive(Clone, Copy)]
struct Writer<'a> {
    policy: &'a Policy,
    source: &'a Source,
}

impl<'a> Writer<'a> {
    fn packet(self, traced: &'a Traced) -> PacketReport<'a> {
        let (iface, packet) = traced.packet.as_ref().map(|(iface, packet)| (&iface[..], &packet[..])).unzip();
        let counter = |change: &'a story::trace::Change| CounterReport {
            iface: &change.iface,
            counter: change.counter,
            reason: change.reason.map(|reason| reason.name()),
            by: change.by,
        };
        PacketReport {
            time: traced.at.as_nanos() as f64 / 1e9,
            iface,
            packet,
            walks: traced.walks.iter().map(|walk| self.walk(walk)).collect(),
            effects: traced.came.iter().map(effect).collect(),
            counters: traced.counters.iter().map(counter).collect(),
        }
    }

    fn walk(self, walk: &Walk) -> WalkReport<'a> {
        let (begin, iface, packet) = match &walk.begin {
            Begin::Received { iface, packet } => ("received", Some(*iface), Some(packet)),
            Begin::Originated { iface, packet } => ("originated", Some(*iface), Some(packet)),
            Begin::Frame => ("frame", None, None),
        };
        WalkReport {
            begin,
            iface: iface.map(|id| self.iface(id)),
            packet: packet.map(summary),
            stages: walk.stages.iter().map(|stage| self.stage(stage)).collect(),
        }
    }

    fn stage(self, stage: &Stage) -> StageReport<'a> {
        match stage {
            Stage::Tracked { state, first } => StageReport::Tracked { state: state.name(), first: *first },
            Stage::Chain { hook, iface, functions, rewritten } => StageReport::Chain {
                hook: hook.name(),
                of: match (hook, &self.policy.gateway) {
                    (Hook::Forward, Some(gateway)) => &gateway.name,
                    _ => self.iface(*iface),
                },
                functions: functions.iter().filter_map(|function| self.function(function)).collect(),
                rewritten: rewritten.as_ref().map(summary),
            },
            Stage::Routed { iface, neighbor } => {
                StageReport::Routed { iface: self.iface(*iface), neighbor: neighbor.to_string() }
            }
            Stage::Sent { iface, neighbor, held } => {
                StageReport::Sent { iface: self.iface(*iface), neighbor: neighbor.to_string(), held: *held }
            }
            Stage::Delivered { iface } => StageReport::Delivered { iface: self.iface(*iface) },
            Stage::Dropped { reason } => StageReport::Dropped { reason: reason.name(), sentence: reason.sentence() },
            Stage::Held { iface } => StageReport::Held { iface: self.iface(*iface) },
            Stage::Used => StageReport::Used,
        }
    }

    fn function(self, walk: &FunctionWalk) -> Option<FunctionReport<'a>> {
        let function = self.policy.function(walk.id)?;
        let rules = walk.rules.iter().map(|(step, ruling)| {
            let place = function.program.place(*step);
            let (action, holds) = match ruling {
                Ruling::Holds(holds) => ("test", Some(*holds)),
                other => (other.word(), None),
            };
            RuleReport {
                line: place.line,
                column: place.column,
                text: self.source.line(place.line).trim(),
                action,
                holds,
            }
        });
        Some(FunctionReport { name: &function.name, line: function.place.line, rules: rules.collect() })
    }

    fn iface(self, id: IfaceId) -> &'a str {
        self.policy.iface(id).map_or("-", |iface| &iface.name)
    }
}

fn summary(packet: &Summary) -> SummaryReport {
    SummaryReport {
        saddr: packet.src.to_string(),
        daddr: packet.dst.to_string(),
        protocol: packet.protocol,
        sport: packet.sport,
        dport: packet.dport,
        ttl: packet.ttl,
        length: packet.len,
    }
}

fn effect(came: &Came) -> EffectReport<'_> {
    let (effect, iface) = match came {
        Came::Out { iface, .. } => ("out", Some(&iface[..])),
        Came::Log { datagram, .. } => ("log", datagram.as_ref().map(|datagram| &datagram.iface[..])),
        Came::Console { .. } => ("console", None),
        Came::Drop { iface, .. } => ("drop", Some(&iface[..])),
        Came::Local { iface } => ("local", Some(&iface[..])),
    };
    EffectReport { effect, iface, text: came.show(None) }
}
