//! Neighbor solicitation and advertisement (RFC 4861 §4.3, §4.4), without their ICMPv6 checksum.
//!
//! ```text
//! | type 1 | code 1 | checksum 2 | flags 1 | reserved 3 | target 16 | options: type 1, length in 8 bytes 1, …
//! ```

use crate::icmpv6::kind;
use crate::{Ipv6Addr, MacAddr, byte, put};

/// Bytes of a message with one link-layer address option; without it 24.
pub const LEN: usize = 32;
/// Bytes of a message without options.
pub const MIN_LEN: usize = 24;

const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    Solicitation { target: Ipv6Addr, source_mac: Option<MacAddr> },
    Advertisement { target: Ipv6Addr, target_mac: Option<MacAddr>, router: bool, solicited: bool, override_: bool },
}

impl Message {
    /// Reads the ICMPv6 message in `bytes`. `None` for another type, a code that is not 0, a multicast target, a
    /// message that is too short or an option of length 0 (RFC 4861 §7.1).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < MIN_LEN || byte(bytes, 1) != 0 {
            return None;
        }
        let target = Ipv6Addr::from_octets(*bytes.get(8..)?.first_chunk()?);
        if target.is_multicast() {
            return None;
        }
        let wanted = match byte(bytes, 0) {
            kind::NEIGHBOR_SOLICITATION => SOURCE_LINK_LAYER_ADDRESS,
            kind::NEIGHBOR_ADVERTISEMENT => TARGET_LINK_LAYER_ADDRESS,
            _ => return None,
        };
        let mut mac = None;
        let mut options = bytes.get(MIN_LEN..)?;
        while let [option, len, rest @ ..] = options {
            let len = usize::from(*len) * 8;
            if len == 0 || len > options.len() {
                return None;
            }
            if *option == wanted && len == 8 {
                mac = rest.first_chunk().map(|octets| MacAddr(*octets));
            }
            options = options.get(len..)?;
        }
        Some(match byte(bytes, 0) {
            kind::NEIGHBOR_SOLICITATION => Self::Solicitation { target, source_mac: mac },
            _ => {
                let flags = byte(bytes, 4);
                let (router, solicited, override_) = (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x20 != 0);
                Self::Advertisement { target, target_mac: mac, router, solicited, override_ }
            }
        })
    }

    /// Writes the message at the start of `bytes`, which must hold [`LEN`] of them, and returns its length. The
    /// checksum field is left 0.
    pub fn emit(&self, bytes: &mut [u8]) -> usize {
        let (kind, flags, target, option, mac) = match *self {
            Self::Solicitation { target, source_mac } => {
                (kind::NEIGHBOR_SOLICITATION, 0, target, SOURCE_LINK_LAYER_ADDRESS, source_mac)
            }
            Self::Advertisement { target, target_mac, router, solicited, override_ } => {
                let flags = u8::from(router) << 7 | u8::from(solicited) << 6 | u8::from(override_) << 5;
                (kind::NEIGHBOR_ADVERTISEMENT, flags, target, TARGET_LINK_LAYER_ADDRESS, target_mac)
            }
        };
        put(bytes, 0, &[kind, 0, 0, 0, flags, 0, 0, 0]);
        put(bytes, 8, &target.octets());
        match mac {
            None => MIN_LEN,
            Some(mac) => {
                put(bytes, MIN_LEN, &[option, 1]);
                put(bytes, MIN_LEN + 2, &mac.0);
                LEN
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_emitted_is_what_is_parsed() {
        let target = "2001:db8::2".parse().unwrap();
        let mac = Some(MacAddr([2, 0, 0, 0, 0, 9]));
        let messages = [
            Message::Solicitation { target, source_mac: mac },
            Message::Solicitation { target, source_mac: None },
            Message::Advertisement { target, target_mac: mac, router: true, solicited: true, override_: false },
        ];
        for message in messages {
            let mut bytes = [0; LEN];
            let len = message.emit(&mut bytes);
            assert_eq!(Message::parse(&bytes[..len]), Some(message));
        }
    }

    #[test]
    fn a_message_with_a_broken_option_is_refused() {
        let mut bytes = [0; LEN];
        Message::Solicitation { target: Ipv6Addr::LOCALHOST, source_mac: Some(MacAddr::default()) }.emit(&mut bytes);
        for (at, value) in [(1, 1), (25, 0), (25, 2), (8, 0xff)] {
            let mut wrong = bytes;
            wrong[at] = value;
            assert_eq!(Message::parse(&wrong), None, "byte {at} = {value}");
        }
    }
}
