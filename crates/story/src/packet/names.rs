//! Words of the notation and the numbers that they stand for.

use wire::{icmpv4, icmpv6, tcp};

/// Protocols that have a word of their own behind `ip` (IANA).
pub const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("none", 59),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("sctp", 132),
    ("udplite", 136),
];

/// ICMP messages: word, type, code.
pub const ICMP: &[(&str, u8, u8)] = &[
    ("echo-request", icmpv4::kind::ECHO_REQUEST, 0),
    ("echo-reply", icmpv4::kind::ECHO_REPLY, 0),
    ("unreachable-net", icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::NET),
    ("unreachable-host", icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::HOST),
    ("unreachable-protocol", icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::PROTOCOL),
    ("unreachable-port", icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::PORT),
    ("fragmentation-needed", icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::FRAGMENTATION_NEEDED),
    ("admin-prohibited", icmpv4::kind::DESTINATION_UNREACHABLE, icmpv4::unreachable::ADMIN_PROHIBITED),
    ("source-quench", icmpv4::kind::SOURCE_QUENCH, 0),
    ("redirect", icmpv4::kind::REDIRECT, 1),
    ("time-exceeded", icmpv4::kind::TIME_EXCEEDED, 0),
    ("reassembly-exceeded", icmpv4::kind::TIME_EXCEEDED, 1),
    ("parameter-problem", icmpv4::kind::PARAMETER_PROBLEM, 0),
    ("timestamp-request", icmpv4::kind::TIMESTAMP_REQUEST, 0),
    ("timestamp-reply", icmpv4::kind::TIMESTAMP_REPLY, 0),
    ("mask-request", icmpv4::kind::ADDRESS_MASK_REQUEST, 0),
    ("mask-reply", icmpv4::kind::ADDRESS_MASK_REPLY, 0),
];

/// ICMPv6 messages: word, type, code.
pub const ICMPV6: &[(&str, u8, u8)] = &[
    ("echo-request", icmpv6::kind::ECHO_REQUEST, 0),
    ("echo-reply", icmpv6::kind::ECHO_REPLY, 0),
    ("unreachable-route", icmpv6::kind::DESTINATION_UNREACHABLE, icmpv6::unreachable::NO_ROUTE),
    ("admin-prohibited", icmpv6::kind::DESTINATION_UNREACHABLE, icmpv6::unreachable::ADMIN_PROHIBITED),
    ("unreachable-address", icmpv6::kind::DESTINATION_UNREACHABLE, icmpv6::unreachable::ADDRESS),
    ("unreachable-port", icmpv6::kind::DESTINATION_UNREACHABLE, icmpv6::unreachable::PORT),
    ("packet-too-big", icmpv6::kind::PACKET_TOO_BIG, 0),
    ("time-exceeded", icmpv6::kind::TIME_EXCEEDED, 0),
    ("reassembly-exceeded", icmpv6::kind::TIME_EXCEEDED, 1),
    ("parameter-problem", icmpv6::kind::PARAMETER_PROBLEM, 0),
    ("unknown-header", icmpv6::kind::PARAMETER_PROBLEM, 1),
    ("unknown-option", icmpv6::kind::PARAMETER_PROBLEM, 2),
    ("listener-query", icmpv6::kind::MULTICAST_LISTENER_QUERY, 0),
    ("listener-report", icmpv6::kind::MULTICAST_LISTENER_REPORT, 0),
    ("listener-done", icmpv6::kind::MULTICAST_LISTENER_DONE, 0),
    ("router-solicitation", icmpv6::kind::ROUTER_SOLICITATION, 0),
    ("router-advertisement", icmpv6::kind::ROUTER_ADVERTISEMENT, 0),
    ("neighbor-solicitation", icmpv6::kind::NEIGHBOR_SOLICITATION, 0),
    ("neighbor-advertisement", icmpv6::kind::NEIGHBOR_ADVERTISEMENT, 0),
    ("redirect", icmpv6::kind::REDIRECT, 0),
    ("listener-report-v2", icmpv6::kind::MULTICAST_LISTENER_REPORT_V2, 0),
];

/// TCP flags in the order in which they are written.
const FLAGS: &[(char, u16)] = &[
    ('S', tcp::flag::SYN),
    ('F', tcp::flag::FIN),
    ('R', tcp::flag::RST),
    ('P', tcp::flag::PSH),
    ('A', tcp::flag::ACK),
    ('U', tcp::flag::URG),
    ('E', tcp::flag::ECE),
    ('C', tcp::flag::CWR),
    ('N', tcp::flag::NS),
];

/// `SA`, `PA`, or `-` for none; `None` for letters that are no flags.
pub fn flags(word: &str) -> Option<u16> {
    if word == "-" {
        return Some(0);
    }
    word.chars().try_fold(0, |flags, letter| {
        let (_, bit) = FLAGS.iter().find(|(name, _)| *name == letter)?;
        (flags & bit == 0).then_some(flags | bit)
    })
}

/// The letters of `flags`, or `-` for none.
pub fn flag_letters(flags: u64) -> String {
    let set = FLAGS.iter().filter(|(_, bit)| flags & u64::from(*bit) != 0);
    let letters: String = set.map(|(letter, _)| *letter).collect();
    if letters.is_empty() { "-".to_owned() } else { letters }
}

/// The word for a message, or `TYPE/CODE`.
pub fn message(names: &[(&str, u8, u8)], kind: u8, code: Option<u8>) -> String {
    let known = names.iter().find(|(_, its_kind, its_code)| (*its_kind, Some(*its_code)) == (kind, code));
    match (known, code) {
        (Some((name, ..)), _) => (*name).to_owned(),
        (None, Some(code)) => format!("{kind}/{code}"),
        (None, None) => kind.to_string(),
    }
}
