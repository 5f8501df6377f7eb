//! What happens, as lines of the console: one a happening, in stable words.

use crate::Ports;
use crate::date::Date;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use plane::Event;
use policy::Policy;
use wire::{Duration, IfaceId, Instant};

/// PRI is 8 + severity: our lines are of facility user (RFC 5424 §6.2.1).
const FACILITY_USER: u8 = 1;
const SEVERITIES: [&str; 8] = ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// Makes lines, one after the other in the same memory.
pub struct Console {
    line: String,
    /// The Ifaces, by [`IfaceId`].
    names: Vec<String>,
}

/// What time it is, on the box and in the world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    pub now: Instant,
    /// 1970-01-01T00:00:00Z and this much more was at the moment beside it.
    unix: Option<(Instant, Duration)>,
}

impl Clock {
    pub fn set(&mut self, now: Instant, unix: Duration) {
        self.unix = Some((now, unix));
    }

    /// `None` where nobody has said what time it is in the world.
    pub fn date(&self) -> Option<Date> {
        self.unix.map(|(then, unix)| Date::from_unix(unix + self.now.since(then)))
    }
}

impl Console {
    pub fn new(policy: &Policy) -> Self {
        let names = policy.ifaces.iter().map(|iface| iface.name.clone()).collect();
        Self { line: String::with_capacity(256), names }
    }

    /// Prints one line.
    pub fn say(&mut self, ports: &mut impl Ports, line: fmt::Arguments<'_>) {
        self.line.clear();
        // A String takes whatever is written to it.
        let _ = self.line.write_fmt(line);
        ports.console(&self.line);
    }

    /// Prints an event of the plane, if it is one for the console: packets that are dropped are counted instead.
    pub fn event(&mut self, ports: &mut impl Ports, clock: &Clock, event: &Event<'_>) {
        match *event {
            Event::Log { severity: None, text } => lines(text).for_each(|line| ports.console(line)),
            Event::Log { severity: Some(severity), text } => {
                lines(text).for_each(|line| self.syslog(ports, clock, severity, line));
            }
            Event::Suppressed { lines } => self.say(ports, format_args!("suppressed {lines}")),
            Event::DuplicateAddress { iface, address } => {
                let name = self.name(iface);
                let fate = if address.is_ipv4() { "kept" } else { "given up" };
                self.say(ports, format_args!("duplicate address {name} {address} {fate}, another station has it"));
            }
            Event::Dropped { .. } => {}
        }
    }

    /// Prints what became of an Iface's IPv4 address.
    pub fn address_event(&mut self, ports: &mut impl Ports, event: &stack::Event) {
        let name = self.name(event.iface());
        match event {
            stack::Event::Leased { lease, .. } => self.say(ports, format_args!("dhcp {name} leased {lease}")),
            stack::Event::Lost { .. } => self.say(ports, format_args!("dhcp {name} lease lost, no IPv4 address")),
            stack::Event::NoAnswer { .. } => {
                self.say(ports, format_args!("dhcp {name} no lease in 10 s, no IPv4 address"));
            }
            stack::Event::FellBack { config, .. } => {
                let (address, prefix_len) = (config.address, config.prefix_len);
                self.say(ports, format_args!("dhcp {name} no lease in 10 s, fallback {address}/{prefix_len}"));
            }
        }
    }

    /// Prints a message as a box without a Syslog prints it.
    fn syslog(&mut self, ports: &mut impl Ports, clock: &Clock, severity: u8, message: &str) {
        let severity = severity.min(7);
        let pri = FACILITY_USER * 8 + severity;
        let name = SEVERITIES.get(usize::from(severity)).copied().unwrap_or_default();
        match clock.date() {
            Some(date) => self.say(ports, format_args!("<{pri}> <USER.{name}> {date} saltgate: {message}")),
            // NILVALUE: a sender that does not know the time (RFC 5424 §6.2.3).
            None => self.say(ports, format_args!("<{pri}> <USER.{name}> - saltgate: {message}")),
        }
    }

    fn name(&self, IfaceId(iface): IfaceId) -> String {
        self.names.get(usize::from(iface)).cloned().unwrap_or_default()
    }
}

/// The lines of what one packet's walk has written; the last need not be ended.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_terminator('\n')
}
