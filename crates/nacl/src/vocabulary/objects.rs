//! Typed objects and their keys.

use super::words::Word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Iface,
    Gateway,
    Conntrack,
    LoadBalancer,
    Syslog,
    Timer,
}

/// An object with known keys: a typed one, or a part of it.
#[derive(Debug)]
pub struct Shape {
    /// As it is written; for a part, the key or word it goes by.
    pub name: &'static str,
    /// How a message names one: "Iface", "a route".
    pub noun: &'static str,
    pub doc: &'static str,
    pub keys: &'static [Key],
    /// A file may hold one only.
    pub single: bool,
}

impl Shape {
    /// The key of this name, in any letter case.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| super::is_named(key.name, name))
    }

    /// The shape of an object that is the value of this key, or an element of its list. The routes of a Gateway go by
    /// names of the file's own.
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        match (self.name, self.key(name)) {
            ("Gateway", None) => Some(&ROUTE),
            ("timeout", Some(_)) => Some(&TIMEOUT),
            ("servers", Some(key)) if key.name == "pool" => Some(&NODE),
            ("Conntrack" | "Load_balancer", Some(key)) => SHAPES.iter().copied().find(|shape| shape.name == key.name),
            _ => None,
        }
    }
}

/// A key of an object.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    /// What its value is, for a reader.
    pub value: &'static str,
    /// The words that may stand there, if it takes a word.
    pub words: &'static [Word],
    pub required: bool,
    /// What holds where it is not given; empty: nothing.
    pub default: &'static str,
    pub doc: &'static str,
    pub extension: bool,
}

const fn key(name: &'static str, value: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, value, words: &[], required: false, default, doc, extension: false }
}

impl Key {
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn extension(self) -> Self {
        Self { extension: true, ..self }
    }

    const fn words(self, words: &'static [Word]) -> Self {
        Self { words, ..self }
    }
}

const CHAIN: &str = "function or list of functions";

pub const CONFIG_WORDS: &[Word] = &[
    Word::new("dhcp", "the address comes from a DHCP server; without an answer in 10 s the Iface stays unconfigured"),
    Word::new("dhcp-with-fallback", "as dhcp, but without an answer the static keys apply"),
    Word::new("static", "the keys say it all"),
];

pub const REVERSE_PATH_WORDS: &[Word] = &[
    Word::new("strict", "the route to the source must lead out of this Iface (RFC 3704)"),
    Word::new("loose", "there must be a route to the source, by whichever Iface"),
];

pub const LAYER_WORDS: &[Word] = &[Word::new("tcp", "TCP connections are balanced")];

pub const ALGORITHM_WORDS: &[Word] = &[Word::new("round_robin", "each node that is up in turn, in file order")];

pub static IFACE: Shape = Shape {
    name: "Iface",
    noun: "Iface",
    doc: "An IP interface: a NIC, or a VLAN of one.",
    single: false,
    keys: &[
        key(
            "index",
            "integer or MAC string",
            "",
            "Which NIC: the n-th in discovery order, from 0, or the one with that hardware address.",
        )
        .required(),
        key("address", "IPv4 address", "", "The Iface's own address. Needs a netmask."),
        key("netmask", "IPv4 netmask", "", "Which addresses are on the Iface's own subnet."),
        key("gateway", "IPv4 address", "", "Next hop for destinations off the subnet, where no route names one."),
        key(
            "address6",
            "IPv6 address with prefix length, or list of them",
            "",
            "Own IPv6 addresses; without one the Iface ignores IPv6.",
        )
        .extension(),
        key("gateway6", "IPv6 address", "", "As `gateway`, for IPv6.").extension(),
        key("dns", "address", "the gateway", "The DNS server of the box itself."),
        key("config", "word", "static", "How the Iface comes by its IPv4 address.").words(CONFIG_WORDS),
        key(
            "masquerade",
            "bool",
            "false",
            "IPv4 connections of other hosts that leave here get this Iface's address as their source.",
        ),
        key("prerouting", CHAIN, "", "Run for every packet that comes in here, before it is routed."),
        key("input", CHAIN, "", "Run for packets that are for this Iface itself."),
        key("output", CHAIN, "", "Run for packets that the box itself sends from this Iface's address."),
        key("postrouting", CHAIN, "", "Run for every packet that leaves here."),
        key("vlan", "integer 1-4094", "", "Makes this the VLAN of that number on the NIC (802.1Q)."),
        key("buffer_limit", "integer", "4096", "Upper bound of the NIC's receive buffers; 0 is the ring's own size."),
        key(
            "send_queue_limit",
            "integer",
            "4096",
            "Upper bound of the NIC's transmit queue; 0 is the ring's own size.",
        ),
        key(
            "mtu",
            "integer 68-65535, with address6 1280-65535",
            "the device's",
            "The largest packet sent here, in bytes.",
        )
        .extension(),
        key("reverse_path", "word", "off", "Packets whose source is not where it claims to be are dropped on arrival.")
            .words(REVERSE_PATH_WORDS)
            .extension(),
    ],
};

pub static GATEWAY: Shape = Shape {
    name: "Gateway",
    noun: "Gateway",
    doc: "The router: named routes, or a list of them. What no route names is neither forwarded nor forwarded to.",
    single: true,
    keys: &[
        key("forward", CHAIN, "", "Filters run for every packet that is forwarded."),
        key("send_time_exceeded", "bool", "true", "Tell the sender of a packet whose TTL or hop limit has run out."),
        key(
            "send_unreachable",
            "bool",
            "false",
            "Tell the sender of a packet that has no route or whose next hop is silent.",
        )
        .extension(),
    ],
};

pub static ROUTE: Shape = Shape {
    name: "route",
    noun: "a route",
    doc: "One entry of the routing table. The longest prefix wins, then the lower cost, then file order.",
    single: false,
    keys: &[
        key("net", "address or CIDR", "", "The destination network: a CIDR, or an address beside a netmask."),
        key("host", "address", "", "A single destination, instead of net."),
        key("netmask", "IPv4 netmask", "", "Belongs to a net that is no CIDR."),
        key(
            "nexthop",
            "address",
            "on-link, or the Iface's gateway",
            "The router that packets are handed to, of the family of net.",
        ),
        key("iface", "Iface", "", "The Iface that packets leave by.").required(),
        key("cost", "integer", "1", "Of two routes for one prefix the one with the lower cost is used."),
        key("gateway", "address", "", "Another name of nexthop.").extension(),
    ],
};

pub static CONNTRACK: Shape = Shape {
    name: "Conntrack",
    noun: "Conntrack",
    doc: "Connection tracking. It works without this object too.",
    single: true,
    keys: &[
        key(
            "limit",
            "integer",
            "sized from memory",
            "The most connections that are tracked at a time; 0 as if absent.",
        ),
        key("reserve", "integer", "0", "Room for so many connections is set aside at the start."),
        key("stateful_tcp", "bool", "false", "TCP that does not fit its connection's state or window is invalid."),
        key("timeout", "object", "", "Idle times after which a connection is forgotten, by class and protocol."),
    ],
};

pub static TIMEOUTS: Shape = Shape {
    name: "timeout",
    noun: "timeout",
    doc: "Idle times by how far a connection has come.",
    single: false,
    keys: &[
        key("established", "object", "tcp 7440, udp 300, icmp 60, other 300", "A reply has been seen."),
        key(
            "unconfirmed",
            "object",
            "10 for all",
            "Checked, and without effect: only accepted connections are entered.",
        ),
        key("confirmed", "object", "tcp 240, udp 30, icmp 60, other 30", "No reply yet."),
    ],
};

pub static TIMEOUT: Shape = Shape {
    name: "class",
    noun: "a timeout class",
    doc: "Idle times by protocol.",
    single: false,
    keys: &[
        key("tcp", "seconds", "", "TCP."),
        key("udp", "seconds", "", "UDP."),
        key("icmp", "seconds", "", "ICMP and ICMPv6."),
        key("other", "seconds", "", "Every other protocol.").extension(),
    ],
};

pub static BALANCER: Shape = Shape {
    name: "Load_balancer",
    noun: "Load_balancer",
    doc: "A TCP service whose connections are spread over nodes.",
    single: false,
    keys: &[
        key("layer", "word", "", "What is balanced.").words(LAYER_WORDS).required(),
        key("clients", "object", "", "Where connections come from.").required(),
        key("servers", "object", "", "Where they go.").required(),
    ],
};

pub static CLIENTS: Shape = Shape {
    name: "clients",
    noun: "clients",
    doc: "Where a balancer's connections come from.",
    single: false,
    keys: &[
        key("iface", "Iface", "", "The service is reached at this Iface's own addresses.").required(),
        key("port", "integer 1-65535", "", "The TCP port of the service.").required(),
        key("wait_queue_limit", "integer", "1000", "How many clients may wait while no node is free."),
        key("session_limit", "integer", "1000", "How many connections may run at a time."),
    ],
};

pub static SERVERS: Shape = Shape {
    name: "servers",
    noun: "servers",
    doc: "Where a balancer's connections go.",
    single: false,
    keys: &[
        key("iface", "Iface", "", "Nodes see this Iface's own address.").required(),
        key("algorithm", "word", "round_robin", "Which node is next.").words(ALGORITHM_WORDS),
        key("pool", "list of nodes", "", "The nodes, each an object with address and port.").required(),
    ],
};

pub static NODE: Shape = Shape {
    name: "node",
    noun: "a node",
    doc: "A server of a balancer's pool.",
    single: false,
    keys: &[
        key("address", "address", "", "The node's address.").required(),
        key("port", "integer 1-65535", "", "The node's TCP port.").required(),
    ],
};

pub static SYSLOG: Shape = Shape {
    name: "Syslog",
    noun: "Syslog",
    doc: "Where `syslog` actions send their messages; without it they go to the console.",
    single: true,
    keys: &[
        key("address", "address", "", "The log server.").required(),
        key("port", "integer 1-65535", "", "Its UDP port.").required(),
        key("rate", "integer, at least 1", "1000", "The most log lines per second.").extension(),
        key("burst", "integer, at least 1", "1000", "The most log lines at once.").extension(),
    ],
};

pub static TIMER: Shape = Shape {
    name: "Timer",
    noun: "Timer",
    doc: "Prints figures to the console: 1 s after the start, then every interval.",
    single: false,
    keys: &[
        key("interval", "whole seconds, at least 1", "", "Time from one print to the next.").required(),
        key("data", "list of words", "", "What is printed.").words(super::TIMER_DATA).required(),
    ],
};

/// The types that a declaration may begin with.
pub static OBJECT_TYPES: &[(ObjectKind, &Shape)] = &[
    (ObjectKind::Iface, &IFACE),
    (ObjectKind::Gateway, &GATEWAY),
    (ObjectKind::Conntrack, &CONNTRACK),
    (ObjectKind::LoadBalancer, &BALANCER),
    (ObjectKind::Syslog, &SYSLOG),
    (ObjectKind::Timer, &TIMER),
];

/// Every shape, the parts after their wholes.
pub static SHAPES: &[&Shape] =
    &[&IFACE, &GATEWAY, &ROUTE, &CONNTRACK, &TIMEOUTS, &TIMEOUT, &BALANCER, &CLIENTS, &SERVERS, &NODE, &SYSLOG, &TIMER];
