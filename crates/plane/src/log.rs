//! Log lines: filled in while a packet walks, sent when its walk is over, bounded and rate-limited.
//!
//! A line goes to the console, or, by `syslog` with a Syslog object, into one UDP datagram (RFC 5424 §6, RFC 5426):
//!
//! ```text
//! <PRI>1 YYYY-MM-DDTHH:MM:SS.mmmZ HOST saltgate 1 UDPOUT - MESSAGE
//! ```

use crate::chain::{TokenBucket, resolve};
use crate::conntrack::Tracked;
use crate::iface::Ifaces;
use alloc::string::String;
use alloc::vec::Vec;
use classifier::{Packet, Value};
use core::fmt::{self, Write};
use policy::{CtState, DEFAULT_LOG_RATE, Field, LimitRate, Part, Policy, Sink, Template};
use wire::{Duration, Instant, IpAddr};

/// Longest message, in bytes; what is beyond is cut off.
pub(crate) const MAX_MESSAGE: usize = 2047;
/// Bytes that one walk may write to each sink.
const CAPACITY: usize = 8 * MAX_MESSAGE;
/// How often lost lines are reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The lines of the walk at hand. Its memory is allocated once.
pub(crate) struct LogBuffer {
    names: Vec<String>,
    lines: Lines,
    /// Nothing is written: a log datagram is walking, which must not log itself.
    pub muted: bool,
    bucket: TokenBucket,
    lost: u64,
    report_at: Option<Instant>,
}

/// What one walk has written.
#[derive(Default)]
pub(crate) struct Lines {
    /// The texts of `log`, joined: one line.
    pub console: String,
    /// The messages of `syslog`, end to end.
    text: String,
    messages: Vec<Message>,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    severity: u8,
    start: usize,
    end: usize,
}

/// Most messages that one walk may write.
const MAX_MESSAGES: usize = 64;

impl Lines {
    /// The messages of `syslog` with their severities, in order.
    pub fn messages(&self) -> impl Iterator<Item = (u8, &str)> {
        self.messages.iter().map(|message| {
            let text = self.text.get(message.start..message.end).unwrap_or("");
            (message.severity, text)
        })
    }

    fn is_empty(&self) -> bool {
        self.console.is_empty() && self.messages.is_empty()
    }

    fn clear(&mut self) {
        self.console.clear();
        self.text.clear();
        self.messages.clear();
    }
}

impl LogBuffer {
    pub fn new(policy: &Policy) -> Self {
        let (rate, burst) = match &policy.syslog {
            Some(syslog) => (syslog.rate, syslog.burst),
            None => (DEFAULT_LOG_RATE, DEFAULT_LOG_RATE),
        };
        Self {
            names: policy.ifaces.iter().map(|iface| iface.name.clone()).collect(),
            lines: Lines {
                console: String::with_capacity(CAPACITY),
                text: String::with_capacity(CAPACITY),
                messages: Vec::with_capacity(MAX_MESSAGES),
            },
            muted: false,
            bucket: TokenBucket::new(LimitRate { tokens: rate, per: Duration::from_secs(1), burst }),
            lost: 0,
            report_at: None,
        }
    }

    /// Fills a template in for the packet as it is now.
    pub fn write(&mut self, template: &Template, tracked: &Tracked, ifaces: &Ifaces) {
        if self.muted {
            return;
        }
        let Lines { console, text, messages } = &mut self.lines;
        let into = match template.sink {
            Sink::Console => console,
            Sink::Syslog { .. } => text,
        };
        if messages.len() == MAX_MESSAGES || into.len() >= CAPACITY - MAX_MESSAGE {
            self.lost += 1;
            return;
        }
        let start = into.len();
        let mut bounded = Bounded { text: into, left: MAX_MESSAGE };
        for part in &template.parts {
            // A full message is cut off, which is no error.
            let _ = match part {
                Part::Text(literal) => bounded.write_str(literal),
                Part::Field(field) => write_field(&mut bounded, *field, tracked, &self.names),
                Part::Address(address) => match resolve(ifaces, *address) {
                    Some(address) => write!(bounded, "{address}"),
                    None => bounded.write_str("none"),
                },
            };
        }
        let end = into.len();
        if let Sink::Syslog { severity } = template.sink {
            messages.push(Message { severity, start, end });
        }
    }

    /// Takes the lines that may be sent now, and counts the others as lost; `None` if there is none. They are to be
    /// given back by [`put_back`](Self::put_back).
    pub fn take(&mut self, now: Instant) -> Option<Lines> {
        self.lose(0, now);
        if self.lines.is_empty() {
            return None;
        }
        let mut lines = core::mem::take(&mut self.lines);
        let bucket = &mut self.bucket;
        let mut lost = 0;
        if !lines.console.is_empty() && !bucket.take(now) {
            lines.console.clear();
            lost += 1;
        }
        lines.messages.retain(|_| {
            let may = bucket.take(now);
            lost += u64::from(!may);
            may
        });
        self.lose(lost, now);
        Some(lines)
    }

    pub fn put_back(&mut self, mut lines: Lines) {
        lines.clear();
        self.lines = lines;
    }

    /// Counts lines that could not be sent.
    pub fn lose(&mut self, lines: u64, now: Instant) {
        self.lost += lines;
        if self.lost > 0 {
            self.report_at.get_or_insert(now + REPORT_INTERVAL);
        }
    }

    /// When the lost lines want to be reported.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.report_at
    }

    /// How many lines were lost since the last report, when it is time for one.
    pub fn report(&mut self, now: Instant) -> Option<u64> {
        self.report_at.take_if(|at| *at <= now)?;
        Some(core::mem::take(&mut self.lost)).filter(|lost| *lost > 0)
    }
}

struct Bounded<'a> {
    text: &'a mut String,
    left: usize,
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut len = text.len().min(self.left);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        self.text.push_str(text.get(..len).unwrap_or(""));
        self.left -= len;
        if len < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

fn write_field(text: &mut impl Write, field: Field, tracked: &Tracked, names: &[String]) -> fmt::Result {
    match (field, tracked.value(field)) {
        (Field::CtState, _) => text.write_str(match tracked.state() {
            CtState::New => "new",
            CtState::Established => "established",
            CtState::Related => "related",
            CtState::Invalid => "invalid",
        }),
        (Field::Iif | Field::Oif, Some(Value::Number(id))) => {
            text.write_str(names.get(id as usize).map_or("none", String::as_str))
        }
        (_, Some(Value::Number(number))) => write!(text, "{number}"),
        (_, Some(Value::Address(address))) => write!(text, "{address}"),
        (_, None) => text.write_str("none"),
    }
}

/// Writes the header of a datagram up to the message (RFC 5424 §6.2): facility user, 8 + severity.
pub(crate) fn write_header(into: &mut impl Write, severity: u8, unix: Option<Duration>, host: IpAddr) -> fmt::Result {
    write!(into, "<{}>1 ", 8 + severity)?;
    match unix {
        Some(unix) => write_timestamp(into, unix)?,
        None => into.write_str("-")?,
    }
    write!(into, " {host} saltgate 1 UDPOUT - ")
}

/// RFC 3339 in UTC with milliseconds.
fn write_timestamp(into: &mut impl Write, unix: Duration) -> fmt::Result {
    let (days, second) = (unix.as_secs() / 86_400, unix.as_secs() % 86_400);
    // Days since 1970 → civil date, by eras of 400 years that begin on 1 March (H. Hinnant, "chrono-compatible
    // low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    write!(into, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", unix.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_that_of_rfc_3339() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (4_102_444_800, "2100-01-01T00:00:00.000Z"),
        ];
        for (unix, expected) in table {
            let mut text = String::new();
            write_timestamp(&mut text, Duration::from_secs(unix)).unwrap();
            assert_eq!(text, expected);
        }
    }
}
