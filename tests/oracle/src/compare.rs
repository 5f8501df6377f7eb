//! What left one router against what left the other.
//!
//! Packets that pass through are compared byte by byte. What a router says itself is compared in what it says: fields
//! that every system fills as it likes (identification, TTL, TOS, window, how its checksums come out of these) are
//! cleared first.

use crate::ours::Frame;
use story::packet::{Kind, Packet, decode_frame};
use wire::{IpAddr, icmpv4, icmpv6};

/// The frames that say something, in an order that both sides have.
pub fn normal(frames: &[Frame], sent: &Packet, own: &[IpAddr]) -> Vec<Frame> {
    let mut all: Vec<Frame> = frames
        .iter()
        .filter(|(_, frame)| !is_chatter(frame))
        .map(|(port, frame)| (*port, clear(frame, sent, own)))
        .collect();
    all.sort();
    all
}

/// How neighbors find each other, and groups their members; and fragments of something earlier that are given up.
fn is_chatter(frame: &[u8]) -> bool {
    let packet = decode_frame(frame);
    match &packet.kind {
        Kind::ArpRequest { .. } | Kind::ArpReply { .. } => true,
        Kind::Ip(protocol) => *protocol == 2,
        Kind::Icmp(message) if (message.kind, message.code) == (11, Some(1)) => true,
        Kind::Icmpv6(message) if (message.kind, message.code) == (3, Some(1)) => true,
        Kind::Icmpv6(message) => {
            icmpv6::is_neighbor_discovery(message.kind) || icmpv6::is_listener_discovery(message.kind)
        }
        // Listener reports behind a hop-by-hop header.
        _ => frame.get(12..14) == Some(&[0x86, 0xdd]) && frame.get(20) == Some(&0) && frame.get(62) == Some(&143),
    }
}

fn clear(frame: &[u8], sent: &Packet, own: &[IpAddr]) -> Vec<u8> {
    let packet = decode_frame(frame);
    let (six, mut bytes) = (frame.get(12..14) == Some(&[0x86, 0xdd]), frame.to_vec());
    // Padding up to the least frame says nothing.
    let len = match (six, frame.get(16..20)) {
        (false, Some(&[high, low, ..])) => 14 + usize::from(u16::from_be_bytes([high, low])),
        (true, Some(&[.., high, low])) => 54 + usize::from(u16::from_be_bytes([high, low])),
        _ => bytes.len(),
    };
    bytes.truncate(len);
    if is_own_word(&packet, sent, own) {
        clear_header(&mut bytes, 14, six);
        let l4 = if six { 54 } else { 34 };
        match &packet.kind {
            Kind::Tcp => {
                // Window, checksum, urgent pointer.
                zero(&mut bytes, l4 + 14, 6);
            }
            Kind::Icmp(message) if icmpv4::is_error(message.kind) => clear_quote(&mut bytes, l4, false),
            Kind::Icmpv6(message) if icmpv6::is_error(message.kind) => clear_quote(&mut bytes, l4, true),
            _ => zero(&mut bytes, l4 + 2, 2),
        }
    }
    bytes
}

fn clear_quote(bytes: &mut [u8], l4: usize, six: bool) {
    zero(bytes, l4 + 2, 2);
    // The quoted packet is that which came, or that which was about to leave: its TTL and checksum differ.
    clear_ttl(bytes, l4 + 8, six);
}

/// TTL and header checksum.
fn clear_ttl(bytes: &mut [u8], l3: usize, six: bool) {
    if six {
        zero(bytes, l3 + 7, 1);
    } else {
        zero(bytes, l3 + 8, 1);
        zero(bytes, l3 + 10, 2);
    }
}

fn clear_header(bytes: &mut [u8], l3: usize, six: bool) {
    clear_ttl(bytes, l3, six);
    if six {
        // Traffic class and flow label, behind the version.
        if let Some(first) = bytes.get_mut(l3) {
            *first &= 0xf0;
        }
        zero(bytes, l3 + 1, 3);
    } else {
        zero(bytes, l3 + 1, 1);
        zero(bytes, l3 + 4, 4);
    }
}

fn zero(bytes: &mut [u8], at: usize, len: usize) {
    bytes.iter_mut().skip(at).take(len).for_each(|byte| *byte = 0);
}

/// A router said it: an ICMP error, a RST about a segment, an answer to an echo.
fn is_own_word(packet: &Packet, sent: &Packet, own: &[IpAddr]) -> bool {
    let from_box = packet.src.is_some_and(|src| own.contains(&src));
    match (&packet.kind, &sent.kind) {
        (Kind::Icmp(message), _) if icmpv4::is_error(message.kind) => from_box,
        (Kind::Icmpv6(message), _) if icmpv6::is_error(message.kind) => from_box,
        (Kind::Icmp(message), Kind::Icmp(asked)) => {
            asked.kind == icmpv4::kind::ECHO_REQUEST && message.kind == icmpv4::kind::ECHO_REPLY
        }
        (Kind::Icmpv6(message), Kind::Icmpv6(asked)) => {
            asked.kind == icmpv6::kind::ECHO_REQUEST && message.kind == icmpv6::kind::ECHO_REPLY
        }
        (Kind::Tcp, Kind::Tcp) => is_reset(packet) && !is_reset(sent),
        _ => false,
    }
}

pub fn is_reset(packet: &Packet) -> bool {
    packet.number(story::packet::Key::Flags).is_some_and(|flags| flags & 4 != 0)
}
