//! Packet properties.

use super::words::Word;
use policy::Field;

/// The objects that packet properties belong to.
pub static PACKET_OBJECTS: &[Word] = &[
    Word::new("ip", "the IPv4 or IPv6 header; in every function"),
    Word::new("tcp", "the TCP header; in TCP functions"),
    Word::new("udp", "the UDP header; in UDP functions"),
    Word::new("icmp", "the ICMP header of IPv4; in ICMP functions"),
    Word { extension: true, ..Word::new("icmpv6", "the ICMPv6 header; in ICMPv6 functions") },
    Word::new("ct", "connection tracking; in every function"),
];

/// What a packet must be to have a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Any,
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
}

/// Which values a property has, and so what it may be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Unsigned, 0 to this.
    Integer(u32),
    Address,
    /// IP protocol numbers and their names.
    Protocol,
    IcmpType,
    Icmpv6Type,
    State,
    /// Nine flag bits and their names.
    Flags,
    /// Names of Ifaces.
    Iface,
    Bool,
}

impl Domain {
    /// How a message names such a value.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Address => "an address",
            Self::Protocol => "a protocol",
            Self::IcmpType => "an ICMP type",
            Self::Icmpv6Type => "an ICMPv6 type",
            Self::State => "a state",
            Self::Flags => "TCP flags",
            Self::Iface => "an Iface",
            Self::Bool => "a bool",
        }
    }

    /// The largest value of those that are numbers.
    pub fn largest(self) -> Option<u32> {
        match self {
            Self::Integer(largest) => Some(largest),
            Self::Protocol | Self::IcmpType | Self::Icmpv6Type => Some(255),
            Self::Flags => Some(511),
            Self::Address | Self::State | Self::Iface | Self::Bool => None,
        }
    }

    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Integer(_) | Self::Address | Self::Flags)
    }
}

/// What of a packet a property reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Field(Field),
    /// One bit of `tcp.flags`.
    Flag(u16),
}

/// A packet property.
#[derive(Debug)]
pub struct PacketField {
    /// With its object: `ip.ttl`.
    pub name: &'static str,
    pub subject: Subject,
    pub domain: Domain,
    pub protocol: Protocol,
    pub doc: &'static str,
    pub extension: bool,
}

impl PacketField {
    /// `ip` of `ip.ttl`; empty for properties without an object.
    pub fn object(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(object, _)| object)
    }

    pub fn member(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, member)| member)
    }
}

const fn field(name: &'static str, field: Field, domain: Domain, protocol: Protocol, doc: &'static str) -> PacketField {
    PacketField { name, subject: Subject::Field(field), domain, protocol, doc, extension: false }
}

const fn flag(name: &'static str, mask: u16, doc: &'static str) -> PacketField {
    let subject = Subject::Flag(mask);
    PacketField { name, subject, domain: Domain::Bool, protocol: Protocol::Tcp, doc, extension: true }
}

const fn extension(field: PacketField) -> PacketField {
    PacketField { extension: true, ..field }
}

const BYTE: Domain = Domain::Integer(0xff);
const SHORT: Domain = Domain::Integer(0xffff);
const LONG: Domain = Domain::Integer(u32::MAX);
const IIF: &str = "The Iface that the packet came in by; matches nothing for packets of the box itself.";
const OIF: &str = "The Iface that the packet leaves by; known on forward, output and postrouting.";

pub static PACKET_FIELDS: &[PacketField] = &[
    field("ip.version", Field::IpVersion, Domain::Integer(15), Protocol::Any, "4 or 6."),
    field(
        "ip.hdrlength",
        Field::IpHdrLength,
        SHORT,
        Protocol::Any,
        "Header length in bytes; for IPv6 up to the upper-layer header.",
    ),
    field(
        "ip.dscp",
        Field::IpDscp,
        Domain::Integer(63),
        Protocol::Any,
        "Differentiated services code point (RFC 2474).",
    ),
    field("ip.ecn", Field::IpEcn, Domain::Integer(3), Protocol::Any, "Explicit congestion notification (RFC 3168)."),
    field(
        "ip.length",
        Field::IpLength,
        Domain::Integer(0x1_ffff),
        Protocol::Any,
        "Length of the whole packet in bytes.",
    ),
    field("ip.id", Field::IpId, SHORT, Protocol::Any, "Identification; 0 for IPv6."),
    field(
        "ip.frag-off",
        Field::IpFragOff,
        Domain::Integer(0x1fff),
        Protocol::Any,
        "Fragment offset in units of 8 bytes; 0, as fragments are judged as whole datagrams.",
    ),
    field("ip.ttl", Field::IpTtl, BYTE, Protocol::Any, "Time to live, or hop limit."),
    field(
        "ip.protocol",
        Field::IpProtocol,
        Domain::Protocol,
        Protocol::Any,
        "The upper-layer protocol, behind IPv6 extension headers.",
    ),
    field("ip.checksum", Field::IpChecksum, SHORT, Protocol::Any, "Header checksum; 0 for IPv6."),
    field(
        "ip.saddr",
        Field::IpSaddr,
        Domain::Address,
        Protocol::Any,
        "Source address, after any translation done so far.",
    ),
    field(
        "ip.daddr",
        Field::IpDaddr,
        Domain::Address,
        Protocol::Any,
        "Destination address, after any translation done so far.",
    ),
    field("icmp.type", Field::IcmpType, Domain::IcmpType, Protocol::Icmp, "ICMP type."),
    extension(field("icmpv6.type", Field::Icmpv6Type, Domain::Icmpv6Type, Protocol::Icmpv6, "ICMPv6 type.")),
    field("udp.sport", Field::UdpSport, SHORT, Protocol::Udp, "Source port."),
    field("udp.dport", Field::UdpDport, SHORT, Protocol::Udp, "Destination port."),
    field("udp.length", Field::UdpLength, SHORT, Protocol::Udp, "Length of header and payload in bytes."),
    field("udp.checksum", Field::UdpChecksum, SHORT, Protocol::Udp, "Checksum."),
    field("tcp.sport", Field::TcpSport, SHORT, Protocol::Tcp, "Source port."),
    field("tcp.dport", Field::TcpDport, SHORT, Protocol::Tcp, "Destination port."),
    field("tcp.sequence", Field::TcpSequence, LONG, Protocol::Tcp, "Sequence number."),
    field("tcp.ackseq", Field::TcpAckseq, LONG, Protocol::Tcp, "Acknowledgment number."),
    field("tcp.doff", Field::TcpDoff, Domain::Integer(15), Protocol::Tcp, "Header length in 32-bit words."),
    field("tcp.reserved", Field::TcpReserved, Domain::Integer(7), Protocol::Tcp, "The three reserved bits."),
    field(
        "tcp.flags",
        Field::TcpFlags,
        Domain::Flags,
        Protocol::Tcp,
        "All nine flags at once; `tcp.syn` and the like test one.",
    ),
    field("tcp.window", Field::TcpWindow, SHORT, Protocol::Tcp, "Window, not scaled."),
    field("tcp.checksum", Field::TcpChecksum, SHORT, Protocol::Tcp, "Checksum."),
    field("tcp.urgptr", Field::TcpUrgptr, SHORT, Protocol::Tcp, "Urgent pointer."),
    flag("tcp.fin", 0x001, "The FIN flag is set."),
    flag("tcp.syn", 0x002, "The SYN flag is set."),
    flag("tcp.rst", 0x004, "The RST flag is set."),
    flag("tcp.psh", 0x008, "The PSH flag is set."),
    flag("tcp.ack", 0x010, "The ACK flag is set."),
    flag("tcp.urg", 0x020, "The URG flag is set."),
    flag("tcp.ece", 0x040, "The ECE flag is set."),
    flag("tcp.cwr", 0x080, "The CWR flag is set."),
    flag("tcp.ns", 0x100, "The NS flag is set."),
    field("ct.state", Field::CtState, Domain::State, Protocol::Any, "What connection tracking says of the packet."),
    extension(field("iif", Field::Iif, Domain::Iface, Protocol::Any, IIF)),
    extension(field("oif", Field::Oif, Domain::Iface, Protocol::Any, OIF)),
    extension(field("iifname", Field::Iif, Domain::Iface, Protocol::Any, IIF)),
    extension(field("oifname", Field::Oif, Domain::Iface, Protocol::Any, OIF)),
];
