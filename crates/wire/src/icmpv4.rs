//! ICMP (RFC 792) as a router reads and writes it.
//!
//! ```text
//! | type 1 | code 1 | checksum 2 | rest 4: identifier and sequence, or next-hop MTU | quoted packet or data …
//! ```

/// Bytes of the part that all messages have.
pub const HEADER_LEN: usize = 8;

/// Message types (IANA).
pub mod kind {
    pub const ECHO_REPLY: u8 = 0;
    pub const DESTINATION_UNREACHABLE: u8 = 3;
    pub const SOURCE_QUENCH: u8 = 4;
    pub const REDIRECT: u8 = 5;
    pub const ECHO_REQUEST: u8 = 8;
    pub const TIME_EXCEEDED: u8 = 11;
    pub const PARAMETER_PROBLEM: u8 = 12;
    pub const TIMESTAMP_REQUEST: u8 = 13;
    pub const TIMESTAMP_REPLY: u8 = 14;
    pub const INFORMATION_REQUEST: u8 = 15;
    pub const INFORMATION_REPLY: u8 = 16;
    pub const ADDRESS_MASK_REQUEST: u8 = 17;
    pub const ADDRESS_MASK_REPLY: u8 = 18;
}

/// Codes of destination unreachable (RFC 792, RFC 1812 §5.2.7.1).
pub mod unreachable {
    pub const NET: u8 = 0;
    pub const HOST: u8 = 1;
    pub const PROTOCOL: u8 = 2;
    pub const PORT: u8 = 3;
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    pub const ADMIN_PROHIBITED: u8 = 13;
}

/// Quotes a packet that went wrong; never answered by another error (RFC 1122 §3.2.2).
pub const fn is_error(kind: u8) -> bool {
    use kind::*;
    matches!(kind, DESTINATION_UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM)
}

/// A query or its reply, which carries an identifier (RFC 5508 §3).
pub const fn is_query(kind: u8) -> bool {
    use kind::*;
    matches!(kind, ECHO_REQUEST | ECHO_REPLY | TIMESTAMP_REQUEST..=ADDRESS_MASK_REPLY)
}

/// A query that asks.
pub const fn is_request(kind: u8) -> bool {
    use kind::*;
    matches!(kind, ECHO_REQUEST | TIMESTAMP_REQUEST | INFORMATION_REQUEST | ADDRESS_MASK_REQUEST)
}
