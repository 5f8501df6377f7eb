//! Functions, actions, predefined constants and the short lists of words.

use policy::{FunctionKind, TimerData};

/// A word with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    pub name: &'static str,
    pub doc: &'static str,
    pub extension: bool,
}

impl Word {
    pub const fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, extension: false }
    }

    const fn extension(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, extension: true }
    }
}

pub static FUNCTION_TYPES: &[(FunctionKind, Word)] = &[
    (FunctionKind::Filter, Word::new("Filter", "accepts or drops packets")),
    (FunctionKind::Nat, Word::new("Nat", "translates the addresses and ports of new connections")),
];

/// Which packets a function's body is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subtype {
    Ip,
    Icmp,
    Icmpv6,
    Udp,
    Tcp,
}

impl Subtype {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip => "IP",
            Self::Icmp => "ICMP",
            Self::Icmpv6 => "ICMPv6",
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// A function of subtype `inner` may stand in, or be called from, one of this subtype.
    pub fn holds(self, inner: Self) -> bool {
        self == Self::Ip || inner == Self::Ip || self == inner
    }
}

pub static SUBTYPES: &[(Subtype, Word)] = &[
    (Subtype::Ip, Word::new("IP", "every packet, of IPv4 and IPv6")),
    (Subtype::Icmp, Word::new("ICMP", "ICMP over IPv4")),
    (Subtype::Icmpv6, Word::extension("ICMPv6", "ICMPv6, which is over IPv6 only")),
    (Subtype::Udp, Word::new("UDP", "UDP over either family")),
    (Subtype::Tcp, Word::new("TCP", "TCP over either family")),
];

/// A statement that does something.
#[derive(Debug)]
pub struct Action {
    pub name: &'static str,
    /// The type of function it belongs to; `None`: both.
    pub kind: Option<FunctionKind>,
    /// How it is written.
    pub usage: &'static str,
    /// The words that its first argument is one of, if it takes a word.
    pub words: &'static [Word],
    pub doc: &'static str,
    pub extension: bool,
}

const fn action(name: &'static str, kind: Option<FunctionKind>, usage: &'static str, doc: &'static str) -> Action {
    Action { name, kind, usage, words: &[], doc, extension: false }
}

const fn extension(action: Action) -> Action {
    Action { extension: true, ..action }
}

impl Action {
    const fn words(self, words: &'static [Word]) -> Self {
        Self { words, ..self }
    }
}

const FILTER: Option<FunctionKind> = Some(FunctionKind::Filter);
const NAT: Option<FunctionKind> = Some(FunctionKind::Nat);

pub static ACTIONS: &[Action] = &[
    action("accept", FILTER, "accept", "The packet passes this function; the chain goes on with its next one."),
    action("drop", FILTER, "drop", "The packet is discarded, in silence."),
    extension(action(
        "reject",
        FILTER,
        "reject, reject(port-unreachable) or reject(tcp-reset)",
        "The packet is discarded and its sender is told.",
    ))
    .words(REJECTS),
    action(
        "dnat",
        NAT,
        "dnat(ADDRESS), dnat(PORT) or dnat(ADDRESS, PORT)",
        "Rewrites the destination of a new connection, and ends the function.",
    ),
    action(
        "snat",
        NAT,
        "snat(ADDRESS), snat(PORT) or snat(ADDRESS, PORT)",
        "Rewrites the source of a new connection, and ends the function.",
    ),
    extension(action(
        "redirect",
        NAT,
        "redirect(PORT)",
        "dnat to the address of the Iface that the packet came in by.",
    )),
    extension(action("masquerade", NAT, "masquerade", "snat to the address of the Iface that the packet leaves by.")),
    action("log", None, "log(PART, …)", "Prints text and packet properties to the console."),
    action(
        "syslog",
        None,
        "syslog(SEVERITY, PART, …)",
        "Sends a message to the log server, or prints it where there is none.",
    )
    .words(SEVERITIES),
];

/// The one call that a condition may hold.
pub static LIMIT: Action = extension(action(
    "limit",
    None,
    "limit(RATE, \"second\" or \"minute\", BURST)",
    "True while the token bucket of this place in the text holds a token, which it takes: BURST tokens at first, RATE \
     more every second or minute.",
));

/// How a sender may be told that its packet was rejected.
pub static REJECTS: &[Word] = &[
    Word::new("port-unreachable", "an ICMP port-unreachable error"),
    Word::new("tcp-reset", "a TCP segment with RST; for other protocols an ICMP error"),
];

/// Syslog severities by number (RFC 5424 §6.2.1).
pub static SEVERITIES: &[Word] = &[
    Word::new("EMERG", "the system is unusable"),
    Word::new("ALERT", "action must be taken at once"),
    Word::new("CRIT", "critical conditions"),
    Word::new("ERR", "error conditions"),
    Word::new("WARNING", "warning conditions"),
    Word::new("NOTICE", "normal but significant"),
    Word::new("INFO", "informational"),
    Word::new("DEBUG", "for debugging"),
];

/// What a Timer may print, in printing order.
pub static TIMER_DATA: &[Word] = &[
    Word::new("timestamp", "date and time"),
    Word::new("stats", "interface counters"),
    Word::new("memory", "memory in use"),
    Word::new("cpu", "share of time at work and idle"),
    Word::new("lb", "sessions and nodes of the Load_balancer"),
    Word::new("stack-sampling", "where time is spent, in images built with sampling"),
    Word::new("timers", "timers at work"),
];

/// The data that a word of [`TIMER_DATA`] stands for.
pub fn timer_data(at: usize) -> Option<TimerData> {
    use TimerData::*;
    [Timestamp, Stats, Memory, Cpu, Lb, StackSampling, Timers].get(at).copied()
}

/// Which properties a predefined constant may be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// An integer anywhere.
    Port,
    Protocol,
    IcmpType,
    Icmpv6Type,
    State,
    TcpFlag,
}

impl Class {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Port => "a port",
            Self::Protocol => "a protocol",
            Self::IcmpType => "an ICMP type",
            Self::Icmpv6Type => "an ICMPv6 type",
            Self::State => "a state",
            Self::TcpFlag => "a TCP flag",
        }
    }
}

/// A constant that every file knows, unless it defines the name itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Predefined {
    pub name: &'static str,
    pub class: Class,
    pub number: u32,
    pub doc: &'static str,
    pub extension: bool,
}

const fn constant(name: &'static str, class: Class, number: u32, doc: &'static str) -> Predefined {
    Predefined { name, class, number, doc, extension: matches!(class, Class::Icmpv6Type) }
}

pub static PREDEFINED: &[Predefined] = &[
    constant("ssh", Class::Port, 22, "the port of ssh"),
    constant("dns", Class::Port, 53, "the port of DNS"),
    constant("http", Class::Port, 80, "the port of HTTP"),
    constant("https", Class::Port, 443, "the port of HTTP over TLS"),
    constant("icmp", Class::Protocol, 1, "ICMP"),
    constant("ip", Class::Protocol, 4, "IP in IP (RFC 2003), not any packet"),
    constant("tcp", Class::Protocol, 6, "TCP"),
    constant("udp", Class::Protocol, 17, "UDP"),
    Predefined { extension: true, ..constant("icmpv6", Class::Protocol, 58, "ICMPv6") },
    constant("echo-reply", Class::IcmpType, 0, "answer to a ping"),
    constant("destination-unreachable", Class::IcmpType, 3, "error: not delivered"),
    constant("redirect", Class::IcmpType, 5, "another router is nearer"),
    constant("echo-request", Class::IcmpType, 8, "ping"),
    constant("time-exceeded", Class::IcmpType, 11, "error: TTL ran out"),
    constant("parameter-problem", Class::IcmpType, 12, "error: bad header"),
    constant("timestamp-request", Class::IcmpType, 13, "asks for the time"),
    constant("timestamp-reply", Class::IcmpType, 14, "tells the time"),
    constant("destination-unreachable", Class::Icmpv6Type, 1, "error: not delivered"),
    constant("packet-too-big", Class::Icmpv6Type, 2, "error: larger than the next link's MTU"),
    constant("time-exceeded", Class::Icmpv6Type, 3, "error: hop limit ran out"),
    constant("parameter-problem", Class::Icmpv6Type, 4, "error: bad header"),
    constant("echo-request", Class::Icmpv6Type, 128, "ping"),
    constant("echo-reply", Class::Icmpv6Type, 129, "answer to a ping"),
    constant("router-solicitation", Class::Icmpv6Type, 133, "of the link itself; no chain sees it"),
    constant("router-advertisement", Class::Icmpv6Type, 134, "of the link itself; no chain sees it"),
    constant("neighbor-solicitation", Class::Icmpv6Type, 135, "of the link itself; no chain sees it"),
    constant("neighbor-advertisement", Class::Icmpv6Type, 136, "of the link itself; no chain sees it"),
    constant("redirect", Class::Icmpv6Type, 137, "of the link itself; no chain sees it"),
    constant("new", Class::State, 0, "of a connection without a reply so far"),
    constant("established", Class::State, 1, "of a connection that has seen a reply"),
    constant("related", Class::State, 2, "an ICMP error about a tracked connection"),
    constant("invalid", Class::State, 3, "fits no connection and may begin none"),
    constant("fin", Class::TcpFlag, 0x001, "FIN"),
    constant("syn", Class::TcpFlag, 0x002, "SYN"),
    constant("rst", Class::TcpFlag, 0x004, "RST"),
    constant("psh", Class::TcpFlag, 0x008, "PSH"),
    constant("ack", Class::TcpFlag, 0x010, "ACK"),
    constant("urg", Class::TcpFlag, 0x020, "URG"),
    constant("ece", Class::TcpFlag, 0x040, "ECE"),
    constant("cwr", Class::TcpFlag, 0x080, "CWR"),
    constant("ns", Class::TcpFlag, 0x100, "NS"),
];
