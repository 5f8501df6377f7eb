//! What was expected of a step against what came of it.

use crate::packet::{Difference, Kind, Packet, compare, show};
use crate::script::{Effect, EffectKind, Name, SEVERITIES, Step};
use crate::text::{Diagnostic, Span};
use plane::DropReason;
use std::collections::HashMap;
use wire::{IpAddr, icmpv6, ipv4};

/// What differs in more than this is something else altogether.
const MOST_DIFFERENCES: usize = 3;

/// Something that came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// A packet left by an Iface, or by a NIC and VLAN that no Iface has.
    Out {
        iface: String,
        packet: Box<Packet>,
    },
    /// A log line: of the console, or a datagram that leaves by an Iface.
    Log {
        severity: u8,
        text: String,
        datagram: Option<Datagram>,
    },
    Console {
        text: String,
    },
    Drop {
        reason: DropReason,
        iface: String,
    },
    Local {
        iface: String,
    },
}

/// How a log line leaves the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub iface: String,
    pub packet: Box<Packet>,
    /// What is wrong with it.
    pub wrong: Vec<String>,
}

impl Came {
    /// As a story would name it; `like` is what it is held against.
    pub fn show(&self, like: Option<&Packet>) -> String {
        match self {
            Self::Out { iface, packet } => {
                let packet = like.map_or_else(|| show::packet(packet), |like| show::packet_like(packet, like));
                format!("out {iface} {packet}")
            }
            Self::Log { severity, text, datagram } => {
                let name = SEVERITIES.get(usize::from(*severity)).copied().unwrap_or("?");
                let source = datagram.as_ref().and_then(|datagram| datagram.packet.src);
                let source = source.map_or(String::new(), |source| format!(" from {source}"));
                format!("log {name} {text:?}{source}")
            }
            Self::Console { text } => format!("console {text:?}"),
            Self::Drop { reason, iface } => format!("drop {reason} {iface}"),
            Self::Local { iface } => format!("local {iface}"),
        }
    }

    /// Things of one stream come in an order that a story may rely on.
    fn stream(&self) -> Option<&str> {
        match self {
            Self::Out { iface, .. } => Some(iface),
            Self::Log { .. } | Self::Console { .. } => Some("\"console"),
            Self::Drop { .. } | Self::Local { .. } => None,
        }
    }

    const fn is_alike(&self, expected: &EffectKind) -> bool {
        matches!(
            (self, expected),
            (Self::Out { .. }, EffectKind::Out { .. })
                | (Self::Log { .. } | Self::Console { .. }, EffectKind::Log { .. } | EffectKind::Console { .. })
                | (Self::Drop { .. }, EffectKind::Drop { .. })
                | (Self::Local { .. }, EffectKind::Local { .. })
        )
    }

    /// How neighbors find each other, and groups their members: no effects unless a story names them.
    pub fn is_chatter(&self) -> bool {
        let Self::Out { packet, .. } = self else { return false };
        match &packet.kind {
            Kind::ArpRequest { .. } | Kind::Ip(ipv4::protocol::IGMP) => true,
            Kind::Icmpv6(message) => match message.kind {
                icmpv6::kind::NEIGHBOR_ADVERTISEMENT => packet.dst.is_some_and(|dst| dst.is_multicast()),
                kind => icmpv6::is_neighbor_discovery(kind) || icmpv6::is_listener_discovery(kind),
            },
            _ => false,
        }
    }

    /// All that differs; nothing if this is what was expected. `None`: something else altogether.
    fn differences(&self, expected: &EffectKind, names: &mut HashMap<String, u64>) -> Option<Vec<Difference>> {
        let difference = |field, expected: String, came: String| Difference { field, expected, came };
        let mut list = Vec::new();
        let mut differs = |field, expected: &str, came: &str| {
            list.push(difference(field, expected.to_owned(), came.to_owned()));
        };
        let mut iface_differs = |expected: Option<&Name>, came: &str| {
            if let Some(name) = expected.filter(|name| name.text != came) {
                differs("Iface", &name.text, came);
            }
        };
        match (self, expected) {
            // A log datagram is a packet, too, and a story may name it as one.
            (
                Self::Out { iface, packet } | Self::Log { datagram: Some(Datagram { iface, packet, .. }), .. },
                EffectKind::Out { iface: name, packet: wanted },
            ) => {
                iface_differs(Some(name), iface);
                list.extend(compare(wanted, packet, names));
            }
            (Self::Log { severity, text, datagram }, EffectKind::Log { severity: its, text: wanted, source }) => {
                let name = |severity: u8| SEVERITIES.get(usize::from(severity)).copied().unwrap_or("?");
                if severity != its {
                    differs("severity", name(*its), name(*severity));
                }
                if !glob(wanted, text) {
                    differs("text", &format!("{wanted:?}"), &format!("{text:?}"));
                }
                let came = datagram.as_ref().and_then(|datagram| datagram.packet.src);
                if source.is_some() && *source != came {
                    let show = |source: Option<IpAddr>| source.map_or("the console".to_owned(), |ip| ip.to_string());
                    differs("source", &show(*source), &show(came));
                }
                let wrong = datagram.iter().flat_map(|datagram| &datagram.wrong);
                wrong.for_each(|wrong| differs("datagram", "a right one", wrong));
            }
            (Self::Console { text }, EffectKind::Console { text: wanted }) => {
                if !glob(wanted, text) {
                    differs("text", &format!("{wanted:?}"), &format!("{text:?}"));
                }
            }
            (Self::Drop { reason, iface }, EffectKind::Drop { reason: wanted, iface: name }) => {
                iface_differs(name.as_ref(), iface);
                if reason != wanted {
                    differs("reason", wanted.name(), reason.name());
                }
            }
            (Self::Local { iface }, EffectKind::Local { iface: name }) => iface_differs(name.as_ref(), iface),
            _ => return None,
        }
        Some(list)
    }
}

/// Judges a step. `answers` packets that reached the box were answered by it, which says enough.
pub fn judge(step: &Step, came: Vec<Came>, answers: usize, names: &mut HashMap<String, u64>) -> Vec<Diagnostic> {
    let mut judge = Judge { used: vec![false; came.len()], came, diagnostics: Vec::new() };
    let missing = judge.match_all(&step.effects, names);
    for (effect, found) in missing {
        judge.report_missing(effect, found, names);
    }
    judge.report_unexpected(step.span, answers);
    judge.diagnostics
}

struct Judge {
    came: Vec<Came>,
    used: Vec<bool>,
    diagnostics: Vec<Diagnostic>,
}

impl Judge {
    /// Finds each effect among what came; returns those that came too seldom, with how often they did.
    fn match_all<'s>(&mut self, effects: &'s [Effect], names: &mut HashMap<String, u64>) -> Vec<(&'s Effect, u64)> {
        let mut missing = Vec::new();
        let mut last: HashMap<String, usize> = HashMap::new();
        for effect in effects {
            let mut found = 0;
            for (at, came) in self.came.iter().enumerate() {
                if found == effect.times.most {
                    break;
                }
                let mut tried = names.clone();
                if self.used[at] || came.differences(&effect.kind, &mut tried).is_none_or(|list| !list.is_empty()) {
                    continue;
                }
                *names = tried;
                self.used[at] = true;
                found += 1;
                let Some(stream) = came.stream() else { continue };
                if last.insert(stream.to_owned(), at).is_some_and(|before| before > at) {
                    self.diagnostics.push(
                        Diagnostic::new(effect.span, "this came before the effect above it")
                            .note("came", came.show(None)),
                    );
                }
            }
            if found < effect.times.least {
                missing.push((effect, found));
            }
        }
        missing
    }

    /// Says what came instead, if anything resembles the effect.
    fn report_missing(&mut self, effect: &Effect, found: u64, names: &HashMap<String, u64>) {
        let like = match &effect.kind {
            EffectKind::Out { packet, .. } => Some(&**packet),
            _ => None,
        };
        let candidates = self.came.iter().enumerate().filter(|(at, came)| {
            !self.used[*at]
                && came.is_alike(&effect.kind)
                && (!came.is_chatter() || like.is_some_and(|like| like.is_arp()))
        });
        let nearest = candidates
            .map(|(at, came)| (at, came.differences(&effect.kind, &mut names.clone()).unwrap_or_default()))
            .filter(|(_, list)| list.len() <= MOST_DIFFERENCES)
            .min_by_key(|(_, list)| list.len());
        let what = match effect.kind {
            EffectKind::Out { .. } => "packet",
            EffectKind::Log { .. } | EffectKind::Console { .. } => "line",
            EffectKind::Drop { .. } => "drop",
            EffectKind::Local { .. } => "delivery to the box",
        };
        let diagnostic = match nearest {
            Some((at, differences)) => {
                self.used[at] = true;
                let came = self.came[at].show(like);
                let message = format!("this {what} came differently");
                let start = Diagnostic::new(effect.span, message).note("came", came);
                differences.iter().fold(start, |diagnostic, difference| {
                    let Difference { field, expected, came } = difference;
                    diagnostic.note("differs", format!("{field}: expected {expected}, came {came}"))
                })
            }
            None if found > 0 => {
                let message = format!("this {what} came {found} times, not {}", effect.times.least);
                Diagnostic::new(effect.span, message)
            }
            None => Diagnostic::new(effect.span, format!("this {what} did not come")),
        };
        self.diagnostics.push(diagnostic);
    }

    fn report_unexpected(&mut self, step: Span, mut answers: usize) {
        let mut counted: Vec<(String, u64)> = Vec::new();
        for (came, _) in self.came.iter().zip(&self.used).filter(|(_, used)| !**used) {
            if came.is_chatter() {
                continue;
            }
            if matches!(came, Came::Local { .. }) && answers > 0 {
                answers -= 1;
                continue;
            }
            let text = came.show(None);
            match counted.iter_mut().find(|(known, _)| *known == text) {
                Some((_, count)) => *count += 1,
                None => counted.push((text, 1)),
            }
        }
        for (text, count) in counted {
            let times = if count > 1 { format!(" x{count}") } else { String::new() };
            self.diagnostics.push(
                Diagnostic::new(step, "something came of this step that the story does not name")
                    .note("came", format!("{text}{times}")),
            );
        }
    }
}

/// Compares text with a pattern in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let table = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
        ];
        for (pattern, text, matches) in table {
            assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
        }
    }
}
