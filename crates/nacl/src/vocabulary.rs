//! Every word of the language, once, with its documentation: types and their keys, packet properties, actions,
//! predefined constants.
//!
//! The checker, the suggestions, the manual and an editor all read these tables. A word with `extension` is not known
//! to other compilers of NaCl; where a file defines a name of that spelling, the file's meaning wins.

mod objects;
mod packet;
mod words;

pub use objects::{
    BALANCER, CLIENTS, CONNTRACK, GATEWAY, IFACE, Key, NODE, OBJECT_TYPES, ObjectKind, ROUTE, SERVERS, SHAPES, SYSLOG,
    Shape, TIMEOUT, TIMEOUTS, TIMER,
};
pub use packet::{Domain, PACKET_FIELDS, PACKET_OBJECTS, PacketField, Protocol, Subject};
pub use words::{
    ACTIONS, Action, Class, FUNCTION_TYPES, LIMIT, PREDEFINED, Predefined, REJECTS, SEVERITIES, SUBTYPES, Subtype,
    TIMER_DATA, Word, timer_data,
};

use policy::FunctionKind;

/// What a definition may not be called, in any letter case.
pub const RESERVED_NAMES: &[&str] = &["tcp", "udp", "icmp", "ct", "ip"];

/// Words of these lists are the same in any letter case. Asked for everywhere, so it stands in one place.
#[inline(never)]
fn is_named(word: &str, name: &str) -> bool {
    word.eq_ignore_ascii_case(name)
}

/// The type of typed objects of this name, in any letter case.
pub fn object_type(name: &str) -> Option<&'static Shape> {
    OBJECT_TYPES.iter().map(|(_, shape)| *shape).find(|shape| is_named(shape.name, name))
}

pub fn object_kind(name: &str) -> Option<ObjectKind> {
    OBJECT_TYPES.iter().find(|(_, shape)| is_named(shape.name, name)).map(|(kind, _)| *kind)
}

pub fn function_type(name: &str) -> Option<FunctionKind> {
    FUNCTION_TYPES.iter().find(|(_, word)| is_named(word.name, name)).map(|(kind, _)| *kind)
}

pub fn subtype(name: &str) -> Option<Subtype> {
    SUBTYPES.iter().find(|(_, word)| is_named(word.name, name)).map(|(subtype, _)| *subtype)
}

/// The packet property of this dotted name, in any letter case.
pub fn packet_field(name: &str) -> Option<&'static PacketField> {
    PACKET_FIELDS.iter().find(|field| is_named(field.name, name))
}

/// The first part of packet properties: `ip`, `tcp`, …
pub fn is_packet_object(name: &str) -> bool {
    PACKET_OBJECTS.iter().any(|word| is_named(word.name, name))
}

pub fn action(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| is_named(action.name, name))
}

/// Every predefined constant of this name: one name may have a number in several classes.
pub fn predefined(name: &str) -> impl Iterator<Item = &'static Predefined> {
    PREDEFINED.iter().filter(move |constant| is_named(constant.name, name))
}

#[cfg(test)]
mod tests;
