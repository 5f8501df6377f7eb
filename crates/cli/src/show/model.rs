//! The effective configuration as data. Its serde form is the JSON document that `docs/show.md` promises: members may
//! be added; none that is there changes its meaning or goes without a new `version`.

use serde::Serialize;

/// Of the document's shape.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
pub struct Shown {
    pub version: u32,
    pub file: String,
    /// In file order.
    pub ifaces: Vec<Iface>,
    pub gateway: Option<Gateway>,
    /// Those on chains, in file order.
    pub functions: Vec<Function>,
    pub conntrack: Conntrack,
    pub log: Log,
    pub load_balancer: Option<Balancer>,
    pub timers: Vec<Timer>,
}

#[derive(Serialize)]
pub struct Iface {
    pub name: String,
    pub line: u32,
    pub nic: Nic,
    pub vlan: Option<u16>,
    pub ipv4: Ipv4,
    pub ipv6: Ipv6,
    /// In bytes; `None`: the device's.
    pub mtu: Option<u16>,
    /// In frames; `None`: the ring's own size.
    pub buffer_limit: Option<u32>,
    pub send_queue_limit: Option<u32>,
    pub masquerade: bool,
    pub reverse_path: Option<&'static str>,
    /// Its packets are tracked.
    pub tracked: bool,
    /// Some route names it, by family.
    pub forwards: Forwards,
    pub chains: Chains,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Nic {
    Index(u16),
    Mac(String),
}

#[derive(Serialize)]
pub struct Ipv4 {
    /// `static`, `dhcp`, `dhcp-with-fallback` or `none`.
    pub config: &'static str,
    /// With its prefix length.
    pub address: Option<String>,
    pub gateway: Option<String>,
    pub dns: Option<String>,
}

#[derive(Serialize)]
pub struct Ipv6 {
    /// With their prefix lengths.
    pub addresses: Vec<String>,
    pub gateway: Option<String>,
}

#[derive(Serialize)]
pub struct Forwards {
    pub ipv4: bool,
    pub ipv6: bool,
}

/// Names of functions, in the order in which they run.
#[derive(Serialize)]
pub struct Chains {
    pub prerouting: Vec<String>,
    pub input: Vec<String>,
    pub output: Vec<String>,
    pub postrouting: Vec<String>,
}

#[derive(Serialize)]
pub struct Gateway {
    pub name: String,
    pub send_time_exceeded: bool,
    pub send_unreachable: bool,
    pub forward: Vec<String>,
    /// In the order in which they are searched, IPv4 before IPv6.
    pub routes: Vec<Route>,
}

#[derive(Serialize)]
pub struct Route {
    pub net: String,
    pub iface: String,
    /// Where packets for destinations off the link go.
    pub nexthop: Option<String>,
    /// The next hop is the Iface's gateway: the route names none.
    pub nexthop_is_gateway: bool,
    pub cost: u32,
    /// Empty for a route of a list.
    pub name: String,
    pub line: u32,
}

#[derive(Serialize)]
pub struct Function {
    pub name: String,
    /// `filter` or `nat`.
    pub kind: &'static str,
    pub line: u32,
    /// The chains it is on: `eth0.input`, `gw.forward`.
    pub on: Vec<String>,
    /// Packets that fit no connection are judged by it, not dropped before it.
    pub judges_invalid: bool,
    pub cost: Cost,
    pub statements: Vec<Do>,
}

/// What a function costs.
#[derive(Serialize)]
pub struct Cost {
    /// Decisions and actions that it was compiled to.
    pub steps: usize,
    /// The most that a packet can be made to go through.
    pub worst_steps: usize,
    /// `None`: it is walked step by step.
    pub tables: Option<Tables>,
}

/// What its rules are looked up in.
#[derive(Serialize)]
pub struct Tables {
    pub bytes: usize,
    pub lists: usize,
    pub diagrams: usize,
    pub residue: usize,
}

/// A statement.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Do {
    If {
        #[serde(rename = "if")]
        arms: Vec<When>,
        #[serde(rename = "else", skip_serializing_if = "Vec::is_empty")]
        otherwise: Vec<Do>,
    },
    Log {
        action: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        severity: Option<&'static str>,
        parts: Vec<Piece>,
        line: u32,
    },
    Translate {
        action: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        line: u32,
    },
    End {
        action: &'static str,
        #[serde(rename = "with", skip_serializing_if = "Option::is_none")]
        how: Option<&'static str>,
        line: u32,
    },
}

#[derive(Serialize)]
pub struct When {
    pub when: Question,
    pub then: Vec<Do>,
    pub line: u32,
}

/// A part of a log line.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Piece {
    Text(String),
    Field(&'static str),
    /// The current address of an Iface.
    Address(String),
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum Question {
    All {
        all: Vec<Question>,
    },
    Any {
        any: Vec<Question>,
    },
    Not {
        not: Box<Question>,
    },
    In {
        field: &'static str,
        #[serde(rename = "in")]
        members: Vec<String>,
    },
    Compare {
        field: &'static str,
        operator: &'static str,
        other: String,
    },
    Flag {
        flag: &'static str,
    },
    Limit {
        limit: Rate,
    },
}

/// A token bucket.
#[derive(Serialize)]
pub struct Rate {
    pub tokens: u32,
    pub seconds: u64,
    pub burst: u32,
}

#[derive(Serialize)]
pub struct Conntrack {
    /// `None`: sized from memory.
    pub limit: Option<u32>,
    pub reserve: u32,
    pub stateful_tcp: bool,
    /// In seconds.
    pub timeout: Classes,
}

#[derive(Serialize)]
pub struct Classes {
    pub unconfirmed: Protocols,
    pub confirmed: Protocols,
    pub established: Protocols,
}

#[derive(Serialize)]
pub struct Protocols {
    pub tcp: u64,
    pub udp: u64,
    pub icmp: u64,
    pub other: u64,
}

#[derive(Serialize)]
pub struct Log {
    /// `None`: the console.
    pub server: Option<Server>,
    /// Lines per second, and at once.
    pub rate: u32,
    pub burst: u32,
}

#[derive(Serialize)]
pub struct Server {
    pub address: String,
    pub port: u16,
}

#[derive(Serialize)]
pub struct Balancer {
    pub name: String,
    pub line: u32,
    pub layer: &'static str,
    pub algorithm: &'static str,
    pub clients: String,
    pub port: u16,
    pub wait_queue_limit: u32,
    pub session_limit: u32,
    pub servers: String,
    pub nodes: Vec<Server>,
}

#[derive(Serialize)]
pub struct Timer {
    pub name: String,
    pub line: u32,
    /// In seconds.
    pub interval: u64,
    pub data: Vec<&'static str>,
}
