//! An expected packet against one that came, field by field.

use super::{Key, Kind, Message, Number, Packet, show};
use std::collections::HashMap;

/// A field that came differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub field: &'static str,
    pub expected: String,
    pub came: String,
}

/// All fields that `expected` names and that `came` differs in; fields not named are free, checksums never are.
///
/// `names` holds the values of `$names` so far; those that this packet fixes are added to it, whatever the answer, so
/// the caller gives a copy where it only asks.
pub fn compare(expected: &Packet, came: &Packet, names: &mut HashMap<String, u64>) -> Vec<Difference> {
    let mut differences = Differences { list: Vec::new(), prefix: "" };
    differences.packet(expected, came, names);
    differences.list
}

struct Differences {
    list: Vec<Difference>,
    /// Before the names of the fields of a quoted packet.
    prefix: &'static str,
}

impl Differences {
    fn add(&mut self, field: &'static str, expected: impl Into<String>, came: impl Into<String>) {
        let (expected, came) = (expected.into(), came.into());
        let quoted = |text: String| if self.prefix.is_empty() { text } else { format!("{}{text}", self.prefix) };
        self.list.push(Difference { field, expected: quoted(expected), came: quoted(came) });
    }

    /// `None` in `expected` is free.
    fn field<T: PartialEq>(
        &mut self,
        field: &'static str,
        expected: Option<T>,
        came: Option<T>,
        show: impl Fn(&T) -> String,
    ) {
        if let Some(expected) = expected
            && came.as_ref() != Some(&expected)
        {
            let came = came.as_ref().map_or("none".to_owned(), &show);
            self.add(field, show(&expected), came);
        }
    }

    fn packet(&mut self, expected: &Packet, came: &Packet, names: &mut HashMap<String, u64>) {
        if !self.kind(expected, came) {
            return;
        }
        self.field("source", expected.src, came.src, ToString::to_string);
        self.field("destination", expected.dst, came.dst, ToString::to_string);
        // A fragment does not say how long its datagram is.
        for (key, number) in expected.numbers.iter().filter(|(key, _)| **key != Key::Of) {
            self.number(*key, number, came, names);
        }
        for key in Key::CHECKSUMS {
            if !expected.numbers.contains_key(&key) && came.number(key) == Some(1) {
                self.add(key.name(), "a right checksum", "a wrong one");
            }
        }
        self.field("extension headers", expected.extensions.as_deref(), came.extensions.as_deref(), |list| {
            show::extensions(list)
        });
        self.field("IP options", expected.ip_options.as_deref(), came.ip_options.as_deref(), |bytes| show::hex(bytes));
        self.field("data", expected.data.as_deref(), came.data.as_deref(), |bytes| show::data(bytes));
        self.field("source MAC", expected.src_mac, came.src_mac, ToString::to_string);
        self.field("destination MAC", expected.dst_mac, came.dst_mac, ToString::to_string);
        if let Some(neighbor) = expected.via
            && came.dst_mac != Some(sim::mac_of(neighbor))
        {
            let mac = came.dst_mac.map_or("none".to_owned(), |mac| mac.to_string());
            self.add("next hop", format!("via {neighbor} ({})", sim::mac_of(neighbor)), format!("to {mac}"));
        }
        match (&expected.quote, &came.quote) {
            (Some(expected), Some(came)) => {
                let before = std::mem::replace(&mut self.prefix, "in the quoted packet: ");
                self.packet(expected, came, names);
                self.prefix = before;
            }
            (Some(expected), None) => self.add("quoted packet", show::packet(expected), "none"),
            (None, _) => {}
        }
    }

    /// False where the packets are so different that their fields have nothing to say.
    fn kind(&mut self, expected: &Packet, came: &Packet) -> bool {
        let same = match (&expected.kind, &came.kind) {
            (Kind::Icmp(wanted), Kind::Icmp(message)) => is_message(*wanted, *message),
            (Kind::Icmpv6(wanted), Kind::Icmpv6(message)) => {
                let same = is_message(*wanted, *message);
                if same {
                    self.field("target", wanted.target, message.target, ToString::to_string);
                }
                same
            }
            (Kind::ArpReply { sender, mac: None }, Kind::ArpReply { sender: came, .. }) => sender == came,
            (Kind::Hex(bytes), _) if came.number(Key::Len).is_some() => {
                // What came was understood; the bytes that were expected are read the same way.
                self.packet(&super::decode_packet(bytes), came, &mut HashMap::new());
                return false;
            }
            (expected, came) => expected == came,
        };
        if !same {
            self.add("packet", show::kind(&expected.kind), show::kind(&came.kind));
        }
        same
    }

    fn number(&mut self, key: Key, expected: &Number, came: &Packet, names: &mut HashMap<String, u64>) {
        let value = came.number(key);
        let wanted = match expected {
            Number::Is(wanted) => *wanted,
            Number::Any => match value {
                Some(_) => return,
                None => return self.add(key.name(), show::number(key, expected), "none"),
            },
            Number::Named(name) => match (names.get(name), value) {
                (Some(known), _) => *known,
                (None, Some(value)) => {
                    names.insert(name.clone(), value);
                    return;
                }
                (None, None) => return self.add(key.name(), show::number(key, expected), "none"),
            },
        };
        // A later fragment has no ports to compare; a switch that is not there is off.
        let value = if key.max() == 1 { Some(value.unwrap_or(0)) } else { value };
        if value != Some(wanted) {
            let came = value.map_or("none".to_owned(), |value| show::number(key, &Number::Is(value)));
            self.add(key.name(), show::number(key, &Number::Is(wanted)), came);
        }
    }
}

fn is_message(wanted: Message, came: Message) -> bool {
    wanted.kind == came.kind && wanted.code.is_none_or(|code| Some(code) == came.code)
}
