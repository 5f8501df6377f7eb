//! A packet in the notation of stories, as far as it is known.
//!
//! One type serves three purposes: what a story wants sent (`in`), what it expects (`out`), and what came. They
//! differ in how much of it is filled in: a packet that came is known completely.

mod build;
mod compare;
mod decode;
mod names;
mod parse;
pub mod show;
#[cfg(test)]
mod tests;

use crate::text::Span;
use std::collections::BTreeMap;
use wire::{IpAddr, Ipv4Addr, Ipv6Addr, MacAddr};

pub use build::{Seen, arp_message};
pub use compare::{Difference, compare};
pub use decode::{decode_frame, decode_packet};
pub use parse::{Cursor, is_times, parse};

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub kind: Kind,
    /// `None`: any (`*`), or the kind has none.
    pub src: Option<IpAddr>,
    pub dst: Option<IpAddr>,
    pub numbers: BTreeMap<Key, Number>,
    /// The neighbor that hands the packet over, or is handed it.
    pub via: Option<IpAddr>,
    pub src_mac: Option<MacAddr>,
    pub dst_mac: Option<MacAddr>,
    /// IPv6 extension headers, in order; a fragment header follows from [`Key::Frag`] or [`Key::Mf`].
    pub extensions: Option<Vec<Extension>>,
    /// Options of the IPv4 header, padded to whole words.
    pub ip_options: Option<Vec<u8>>,
    /// Behind the transport header.
    pub data: Option<Vec<u8>>,
    /// The packet that an ICMP error is about.
    pub quote: Option<Box<Packet>>,
    pub span: Span,
}

/// What a packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Udp,
    Icmp(Message),
    Icmpv6(Message),
    /// Any other protocol, by its number.
    Ip(u8),
    ArpRequest {
        target: Ipv4Addr,
        sender: Ipv4Addr,
    },
    ArpReply {
        sender: Ipv4Addr,
        mac: Option<MacAddr>,
    },
    /// A whole packet, from its IP header on.
    Hex(Vec<u8>),
    /// A whole frame, from its Ethernet header on.
    Frame(Vec<u8>),
}

/// An ICMP message: type and code, and for neighbor discovery its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: u8,
    /// `None`: not named.
    pub code: Option<u8>,
    pub target: Option<Ipv6Addr>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    Is(u64),
    /// `*`
    Any,
    /// `$name`: where it comes first it may be anything, from then on it is the same.
    Named(String),
}

/// An IPv6 extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    HopByHop,
    Destination,
    /// A routing header of this type.
    Routing(u8),
}

/// Which packets have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Link,
    Ip,
    Ports,
    Tcp,
    Udp,
    Icmp,
    Transport,
}

macro_rules! keys {
    ($($key:ident $name:literal $layer:ident $max:literal $shape:ident $doc:literal,)*) => {
        /// A number in a packet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $(#[doc = $doc] $key,)*
        }

        impl Key {
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// The word of the notation.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)* }
            }

            /// What it is, in a sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$key => $doc,)* }
            }

            pub const fn layer(self) -> Layer {
                match self { $(Self::$key => Layer::$layer,)* }
            }

            pub const fn max(self) -> u64 {
                match self { $(Self::$key => $max,)* }
            }

            pub const fn shape(self) -> Shape {
                match self { $(Self::$key => Shape::$shape,)* }
            }
        }
    };
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `NAME N`
    Number,
    /// `NAME` for 1, `no-NAME` for 0
    Switch,
    /// Has a notation of its own: ports, flags, echo.
    Own,
}

keys! {
    Sport "sport" Ports 65535 Own "Source port.",
    Dport "dport" Ports 65535 Own "Destination port.",
    Flags "flags" Tcp 0x1ff Own "TCP flags, as letters.",
    Ttl "ttl" Ip 255 Number "TTL or hop limit.",
    Len "len" Ip 65575 Number "The whole packet in bytes, from its IP header on.",
    Id "id" Ip 0xffff_ffff Number "IP identification.",
    Df "df" Ip 1 Switch "Don't fragment.",
    Mf "mf" Ip 1 Switch "More fragments.",
    Frag "frag" Ip 65528 Number "Fragment offset, in bytes.",
    Of "of" Ip 65575 Number "Length of the packet that this is a fragment of.",
    Dscp "dscp" Ip 63 Number "Differentiated services code point.",
    Ecn "ecn" Ip 3 Number "Explicit congestion notification.",
    Seq "seq" Tcp 0xffff_ffff Number "TCP sequence number.",
    Ack "ack" Tcp 0xffff_ffff Number "TCP acknowledgment number.",
    Win "win" Tcp 65535 Number "TCP window, as it stands in the header.",
    Urg "urg" Tcp 65535 Number "TCP urgent pointer.",
    Mss "mss" Tcp 65535 Number "TCP option: maximum segment size.",
    Wscale "wscale" Tcp 255 Number "TCP option: window scale.",
    Sack "sackok" Tcp 1 Switch "TCP option: SACK permitted.",
    EchoId "echo-id" Icmp 65535 Own "Identifier of an echo.",
    EchoSeq "echo-seq" Icmp 65535 Own "Sequence number of an echo.",
    Mtu "mtu" Icmp 0xffff_ffff Number "MTU of fragmentation needed, or packet too big.",
    Pointer "pointer" Icmp 0xffff_ffff Number "Pointer of parameter problem.",
    Router "router" Icmp 1 Switch "R flag of a neighbor advertisement.",
    Solicited "solicited" Icmp 1 Switch "S flag of a neighbor advertisement.",
    Override "override" Icmp 1 Switch "O flag of a neighbor advertisement.",
    Vlan "vlan" Link 4094 Number "802.1Q tag.",
    BadIpSum "badipsum" Ip 1 Switch "Wrong IPv4 header checksum.",
    BadSum "badsum" Transport 1 Switch "Wrong transport checksum.",
    NoSum "nosum" Udp 1 Switch "UDP without a checksum.",
}

impl Key {
    /// What must be right unless the story says otherwise.
    pub const CHECKSUMS: [Self; 2] = [Self::BadIpSum, Self::BadSum];

    /// A packet of this kind has the field, or may have it.
    pub const fn applies_to(self, kind: &Kind) -> bool {
        match self.layer() {
            Layer::Link => !matches!(kind, Kind::Frame(_)),
            Layer::Ip => {
                !matches!(kind, Kind::Hex(_) | Kind::Frame(_) | Kind::ArpRequest { .. } | Kind::ArpReply { .. })
            }
            Layer::Ports => matches!(kind, Kind::Tcp | Kind::Udp),
            Layer::Tcp => matches!(kind, Kind::Tcp),
            Layer::Udp => matches!(kind, Kind::Udp),
            Layer::Icmp => matches!(kind, Kind::Icmp(_) | Kind::Icmpv6(_)),
            Layer::Transport => matches!(kind, Kind::Tcp | Kind::Udp | Kind::Icmp(_) | Kind::Icmpv6(_)),
        }
    }
}

impl Packet {
    pub fn new(kind: Kind, span: Span) -> Self {
        Self {
            kind,
            src: None,
            dst: None,
            numbers: BTreeMap::new(),
            via: None,
            src_mac: None,
            dst_mac: None,
            extensions: None,
            ip_options: None,
            data: None,
            quote: None,
            span,
        }
    }

    /// The field's value where it is known.
    pub fn number(&self, key: Key) -> Option<u64> {
        match self.numbers.get(&key) {
            Some(Number::Is(value)) => Some(*value),
            Some(Number::Any | Number::Named(_)) | None => None,
        }
    }

    pub fn set(&mut self, key: Key, value: u64) {
        self.numbers.insert(key, Number::Is(value));
    }

    pub const fn is_arp(&self) -> bool {
        matches!(self.kind, Kind::ArpRequest { .. } | Kind::ArpReply { .. })
    }
}
