//! Packets as text, in the notation that reads them.

use super::names::{self, ICMP, ICMPV6, PROTOCOLS, message};
use super::{Extension, Key, Kind, Message, Number, Packet, Shape};
use std::fmt::Write as _;
use std::net::IpAddr;

/// The whole packet, every field that is named; defaults of a packet that came are left out.
pub fn packet(packet: &Packet) -> String {
    show(packet, |key, value| !is_dull(packet, key, value))
}

/// The packet's ends and the fields that `named` names: what a failing story prints of what came.
pub fn packet_like(packet: &Packet, named: &Packet) -> String {
    show(packet, |key, value| named.numbers.contains_key(&key) || !is_dull(packet, key, value) && key != Key::Ttl)
}

/// What a packet says that nobody needs to hear.
fn is_dull(packet: &Packet, key: Key, value: u64) -> bool {
    match key {
        Key::Ttl | Key::Flags => false,
        Key::Len | Key::Id | Key::Seq | Key::Ack | Key::Win | Key::Pointer | Key::Vlan => true,
        Key::EchoId | Key::EchoSeq => false,
        Key::Urg => packet.number(Key::Flags).is_none_or(|flags| flags & 32 == 0),
        _ => value == 0,
    }
}

fn show(packet: &Packet, wanted: impl Fn(Key, u64) -> bool) -> String {
    let mut text = kind(&packet.kind);
    if !packet.is_arp() && !matches!(packet.kind, Kind::Hex(_) | Kind::Frame(_)) {
        let end = |address, port| endpoint(address, packet.numbers.get(&port));
        let _ = write!(text, " {} > {}", end(packet.src, Key::Sport), end(packet.dst, Key::Dport));
    }
    if let (Kind::Tcp, Some(flags)) = (&packet.kind, packet.number(Key::Flags)) {
        let _ = write!(text, " {}", names::flag_letters(flags));
    }
    if let Kind::Icmpv6(Message { target: Some(target), .. }) = &packet.kind {
        let _ = write!(text, " target {target}");
    }
    if let Some(id) = packet.numbers.get(&Key::EchoId) {
        let seq = packet.numbers.get(&Key::EchoSeq).unwrap_or(&Number::Any);
        let _ = write!(text, " echo {}/{}", value(id), value(seq));
    }
    for (key, number_) in &packet.numbers {
        let is_wanted = match number_ {
            Number::Is(value) => wanted(*key, *value),
            Number::Any | Number::Named(_) => true,
        };
        if is_wanted && key.shape() != Shape::Own {
            let _ = write!(text, " {}", number(*key, number_));
        }
    }
    if let Some(list) = packet.extensions.as_deref().filter(|list| !list.is_empty()) {
        let _ = write!(text, " ext {}", extensions(list));
    }
    if let Some(options) = packet.ip_options.as_deref().filter(|options| !options.is_empty()) {
        let _ = write!(text, " ipopt {}", hex(options));
    }
    match packet.data.as_deref() {
        None | Some([]) => {}
        Some(bytes) if bytes.len() <= LONGEST_DATA && !is_filling(bytes) => {
            let _ = write!(text, " data {}", data(bytes));
        }
        // What a story fills packets with is said by their length.
        Some(_) => {
            let len = packet.numbers.get(&Key::Len).filter(|_| !text.contains(" len "));
            len.into_iter().for_each(|len| text.extend([" ", &number(Key::Len, len)]));
        }
    }
    if let Some(via) = packet.via {
        let _ = write!(text, " via {via}");
    }
    if let Some(quote) = &packet.quote {
        let _ = write!(text, " [{}]", self::packet(quote));
    }
    text
}

/// Bytes of data that are shown; of more than these only the packet's length.
const LONGEST_DATA: usize = 64;

/// 0, 1, 2, …: what packets are filled with to have a length.
fn is_filling(data: &[u8]) -> bool {
    data.iter().enumerate().all(|(at, byte)| *byte == at as u8)
}

/// The words before the addresses.
pub fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Tcp => "tcp".to_owned(),
        Kind::Udp => "udp".to_owned(),
        Kind::Icmp(its) => format!("icmp {}", message(ICMP, its.kind, its.code)),
        Kind::Icmpv6(its) => format!("icmpv6 {}", message(ICMPV6, its.kind, its.code)),
        Kind::Ip(number) => match PROTOCOLS.iter().find(|(_, its)| its == number) {
            Some((name, _)) => format!("ip {name}"),
            None => format!("ip {number}"),
        },
        Kind::ArpRequest { target, sender } => format!("arp who-has {target} tell {sender}"),
        Kind::ArpReply { sender, mac } => {
            format!("arp {sender} is-at {}", mac.map_or("*".to_owned(), |mac| mac.to_string()))
        }
        Kind::Hex(bytes) => format!("hex {}", hex(bytes)),
        Kind::Frame(bytes) => format!("frame {}", hex(bytes)),
    }
}

fn endpoint(address: Option<IpAddr>, port: Option<&Number>) -> String {
    let port = port.map(|port| format!(":{}", value(port)));
    match (address, port) {
        (None, port) => format!("*{}", port.unwrap_or_default()),
        (Some(address), None) => address.to_string(),
        (Some(IpAddr::V4(address)), Some(port)) => format!("{address}{port}"),
        (Some(IpAddr::V6(address)), Some(port)) => format!("[{address}]{port}"),
    }
}

fn value(number: &Number) -> String {
    match number {
        Number::Is(value) => value.to_string(),
        Number::Any => "*".to_owned(),
        Number::Named(name) => format!("${name}"),
    }
}

/// A field with its name.
pub fn number(key: Key, number: &Number) -> String {
    match (key, key.shape(), number) {
        (Key::Flags, _, Number::Is(flags)) => names::flag_letters(*flags),
        (Key::Sport, ..) => format!("source port {}", value(number)),
        (Key::Dport, ..) => format!("destination port {}", value(number)),
        (_, Shape::Switch, Number::Is(0)) => format!("no-{}", key.name()),
        (_, Shape::Switch, _) => key.name().to_owned(),
        _ => format!("{} {}", key.name(), value(number)),
    }
}

pub fn extensions(list: &[Extension]) -> String {
    let name = |extension: &Extension| match extension {
        Extension::HopByHop => "hbh".to_owned(),
        Extension::Destination => "dst".to_owned(),
        Extension::Routing(kind) => format!("rh{kind}"),
    };
    list.iter().map(name).collect::<Vec<_>>().join(",")
}

/// Text where it is printable, else hexadecimal digits; long data is cut.
pub fn data(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control()) && bytes.len() <= 256 => format!("{text:?}"),
        _ => hex(bytes),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    let mut text: String = bytes.iter().take(96).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 96 {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}
