//! Walks as text for people.
//!
//! ```text
//! in outside tcp 203.0.113.9:4000 > 192.168.0.50:80 ttl 64
//!   tracked      new, the first packet of its flow
//!   prerouting   outside: no functions
//!   routed       out of inside to 192.168.0.50
//!   forward      myGateway
//!     firewallchain (seed.nacl:48)
//!       seed.nacl:49  no      if (ct.state == established) {
//!       seed.nacl:59  accept  accept
//!   postrouting  inside: no functions
//!   sent         out of inside to 192.168.0.50, once its MAC address is known
//! ```

use super::{Begin, FunctionWalk, Stage, Walk};
use nacl::Source;
use plane::Summary;
use policy::{FunctionId, FunctionKind, Hook, Place, Policy};
use std::fmt::Write as _;
use wire::ipv4::protocol;
use wire::{IfaceId, IpAddr};

/// Walks that the trace of a failing step shows; of more it says how many there were.
const MOST_WALKS: usize = 4;

/// Messages of the link and log datagrams that go their way explain no surprise.
fn is_telling(walk: &Walk, policy: &Policy) -> bool {
    let is_log = |packet: &Summary| {
        let to = |server: &policy::Syslog| (server.address, server.port) == (packet.dst, packet.dport);
        packet.protocol == protocol::UDP && policy.syslog.as_ref().is_some_and(to)
    };
    match &walk.begin {
        Begin::Frame => walk.stages != [Stage::Used],
        Begin::Originated { packet, .. } => !is_log(packet) || !matches!(walk.stages.last(), Some(Stage::Sent { .. })),
        Begin::Received { .. } => true,
    }
}

/// The walks of a step that surprised, equal ones once. `None` if there is nothing to tell.
pub fn summary(walks: &[Walk], policy: &Policy, source: &Source) -> Option<String> {
    let mut texts: Vec<(String, usize)> = Vec::new();
    for walk in walks.iter().filter(|walk| is_telling(walk, policy)) {
        let text = text(walk, policy, source);
        match texts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, times)) => *times += 1,
            None => texts.push((text, 1)),
        }
    }
    let more = texts.len().saturating_sub(MOST_WALKS);
    let mut out = String::new();
    for (text, times) in texts.into_iter().take(MOST_WALKS) {
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let times = if times > 1 { format!(" x{times}") } else { String::new() };
        let _ = writeln!(out, "{first}{times}\n{}", rest.trim_end());
    }
    if more > 0 {
        let _ = writeln!(out, "and {more} packets more");
    }
    (!out.is_empty()).then(|| out.trim_end().to_owned())
}

/// One walk, each line ended.
pub fn text(walk: &Walk, policy: &Policy, source: &Source) -> String {
    let writer = Writer { policy, source, first: walk.stages.iter().any(is_first) };
    let mut out = match &walk.begin {
        Begin::Received { iface, packet } => format!("in {} {}\n", writer.iface(*iface), packet_line(packet)),
        Begin::Originated { iface, packet } => format!("own {} {}\n", writer.iface(*iface), packet_line(packet)),
        Begin::Frame => "frame\n".to_owned(),
    };
    for stage in &walk.stages {
        writer.stage(&mut out, stage);
    }
    out
}

const fn is_first(stage: &Stage) -> bool {
    matches!(stage, Stage::Tracked { first: true, .. })
}

/// A packet's ends: `tcp 203.0.113.9:4000 > 192.168.0.50:80 ttl 64 len 40`.
pub fn packet_line(packet: &Summary) -> String {
    let Summary { src, dst, protocol, sport, dport, ttl, len } = *packet;
    let has_ports = matches!(protocol, protocol::TCP | protocol::UDP);
    let end = |address: IpAddr, port: u16| match address {
        _ if !has_ports => address.to_string(),
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    };
    let what = match protocol {
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMP => "icmp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        other => format!("ip {other}"),
    };
    // The identifier of a query is the port of who asks.
    let id = match sport.max(dport) {
        id if !has_ports && id != 0 => format!(" id {id}"),
        _ => String::new(),
    };
    format!("{what} {} > {}{id} ttl {ttl} len {len}", end(src, sport), end(dst, dport))
}

struct Writer<'a> {
    policy: &'a Policy,
    source: &'a Source,
    /// The walk is that of a flow's first packet.
    first: bool,
}

impl Writer<'_> {
    fn iface(&self, id: IfaceId) -> &str {
        self.policy.iface(id).map_or("-", |iface| &iface.name)
    }

    fn stage(&self, out: &mut String, stage: &Stage) {
        let mut line = |what: &str, text: String| {
            let _ = writeln!(out, "  {what:<11}  {text}");
        };
        match stage {
            Stage::Tracked { state, first: true } => {
                line("tracked", format!("{}, the first of its flow", state.name()))
            }
            Stage::Tracked { state, first: false } => line("tracked", state.name().to_owned()),
            Stage::Chain { hook, iface, functions, rewritten } => {
                self.chain(out, *hook, *iface, functions);
                if let Some(packet) = rewritten {
                    let _ = writeln!(out, "  rewritten    {}", packet_line(packet));
                }
            }
            Stage::Routed { iface, neighbor } => line("routed", self.way(*iface, *neighbor)),
            Stage::Sent { iface, neighbor, held: false } => line("sent", self.way(*iface, *neighbor)),
            Stage::Sent { iface, neighbor, held: true } => {
                line("sent", format!("{}, once its MAC address is known", self.way(*iface, *neighbor)));
            }
            Stage::Delivered { iface } => {
                line("delivered", format!("to the box's own stack on {}", self.iface(*iface)))
            }
            Stage::Dropped { reason } => line("dropped", format!("{reason}: {}", reason.sentence())),
            Stage::Held { iface } => {
                line("held", format!("by {}, for the rest of its datagram or a free node", self.iface(*iface)));
            }
            Stage::Used => line("used up", "by the router itself".to_owned()),
        }
    }

    fn way(&self, iface: IfaceId, neighbor: IpAddr) -> String {
        format!("out of {} to {neighbor}", self.iface(iface))
    }

    fn chain(&self, out: &mut String, hook: Hook, iface: IfaceId, functions: &[FunctionWalk]) {
        let owner = match (hook, &self.policy.gateway) {
            (Hook::Forward, Some(gateway)) => &gateway.name,
            _ => self.iface(iface),
        };
        let chain = self.policy.chain(hook, iface);
        let empty = if chain.is_empty() { ": no functions" } else { "" };
        let _ = writeln!(out, "  {:<11}  {owner}{empty}", hook.name());
        for id in chain {
            match functions.iter().find(|function| function.id == *id) {
                Some(function) => self.function(out, function),
                None => self.not_asked(out, *id),
            }
        }
    }

    /// A function that was not run: a Nat of a known flow, or one behind the end.
    fn not_asked(&self, out: &mut String, id: FunctionId) {
        let Some(function) = self.policy.function(id) else { return };
        if function.kind == FunctionKind::Nat && !self.first {
            let at = self.at(function.place);
            let _ = writeln!(out, "    {} ({at}): not asked, its flow's first packet has decided", function.name);
        }
    }

    fn function(&self, out: &mut String, walk: &FunctionWalk) {
        let Some(function) = self.policy.function(walk.id) else { return };
        let _ = writeln!(out, "    {} ({})", function.name, self.at(function.place));
        // What stands on one line of the text is shown on one line.
        let mut lines: Vec<(Place, String)> = Vec::new();
        for (step, ruling) in &walk.rules {
            let place = function.program.place(*step);
            match lines.last_mut() {
                Some((last, words)) if last.line == place.line => {
                    words.push(' ');
                    words.push_str(ruling.word());
                }
                _ => lines.push((place, ruling.word().to_owned())),
            }
        }
        let rows: Vec<(String, String, &str)> =
            lines.into_iter().map(|(place, words)| (self.at(place), words, self.source.line(place.line))).collect();
        let width = |of: fn(&(String, String, &str)) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let (at_width, words_width) = (width(|row| row.0.len()), width(|row| row.1.len()));
        for (at, words, text) in &rows {
            let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let _ = writeln!(out, "      {at:<at_width$}  {words:<words_width$}  {text}");
        }
    }

    /// `FILE:LINE`
    fn at(&self, place: Place) -> String {
        format!("{}:{}", self.source.name(), place.line)
    }
}
