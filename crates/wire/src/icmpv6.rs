//! ICMPv6 (RFC 4443) as a router reads and writes it; the layout is that of [`icmpv4`](crate::icmpv4).

/// Bytes of the part that all messages have.
pub const HEADER_LEN: usize = 8;

/// Message types (IANA).
pub mod kind {
    pub const DESTINATION_UNREACHABLE: u8 = 1;
    pub const PACKET_TOO_BIG: u8 = 2;
    pub const TIME_EXCEEDED: u8 = 3;
    pub const PARAMETER_PROBLEM: u8 = 4;
    pub const ECHO_REQUEST: u8 = 128;
    pub const ECHO_REPLY: u8 = 129;
    pub const MULTICAST_LISTENER_QUERY: u8 = 130;
    pub const MULTICAST_LISTENER_REPORT: u8 = 131;
    pub const MULTICAST_LISTENER_DONE: u8 = 132;
    pub const ROUTER_SOLICITATION: u8 = 133;
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    pub const REDIRECT: u8 = 137;
    pub const MULTICAST_LISTENER_REPORT_V2: u8 = 143;
}

/// Codes of destination unreachable (RFC 4443 §3.1).
pub mod unreachable {
    pub const NO_ROUTE: u8 = 0;
    pub const ADMIN_PROHIBITED: u8 = 1;
    pub const ADDRESS: u8 = 3;
    pub const PORT: u8 = 4;
}

/// Quotes a packet that went wrong: the types below 128 (RFC 4443 §2.1).
pub const fn is_error(kind: u8) -> bool {
    kind < 128
}

/// An echo, which carries an identifier.
pub const fn is_query(kind: u8) -> bool {
    matches!(kind, kind::ECHO_REQUEST | kind::ECHO_REPLY)
}

/// A query that asks.
pub const fn is_request(kind: u8) -> bool {
    kind == kind::ECHO_REQUEST
}

/// Neighbor discovery (RFC 4861 §4).
pub const fn is_neighbor_discovery(kind: u8) -> bool {
    matches!(kind, kind::ROUTER_SOLICITATION..=kind::REDIRECT)
}

/// Multicast listener discovery (RFC 2710, RFC 3810).
pub const fn is_listener_discovery(kind: u8) -> bool {
    matches!(kind, kind::MULTICAST_LISTENER_QUERY..=kind::MULTICAST_LISTENER_DONE | kind::MULTICAST_LISTENER_REPORT_V2)
}
