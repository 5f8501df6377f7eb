//! ARP for IPv4 over Ethernet (RFC 826).

use crate::{Ipv4Addr, MacAddr, be16, byte, put};

/// Bytes of a message for Ethernet and IPv4.
pub const LEN: usize = 28;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Request,
    Reply,
}

/// A message for Ethernet and IPv4; field names as in RFC 826.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub operation: Operation,
    pub sender_mac: MacAddr,
    pub sender: Ipv4Addr,
    pub target_mac: MacAddr,
    pub target: Ipv4Addr,
}

impl Message {
    /// `None` for what is too short, or of other hardware, protocol, lengths or operation.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LEN)?;
        if be16(bytes, 0) != 1 || be16(bytes, 2) != 0x0800 || byte(bytes, 4) != 6 || byte(bytes, 5) != 4 {
            return None;
        }
        let operation = match be16(bytes, 6) {
            1 => Operation::Request,
            2 => Operation::Reply,
            _ => return None,
        };
        let mac = |at: usize| Some(MacAddr(*bytes.get(at..)?.first_chunk()?));
        let ip = |at: usize| Some(Ipv4Addr::from_octets(*bytes.get(at..)?.first_chunk()?));
        Some(Self { operation, sender_mac: mac(8)?, sender: ip(14)?, target_mac: mac(18)?, target: ip(24)? })
    }

    /// Writes the message at the start of `bytes`, which must hold [`LEN`] of them.
    pub fn emit(&self, bytes: &mut [u8]) {
        put(bytes, 0, &[0, 1, 8, 0, 6, 4, 0, if self.operation == Operation::Request { 1 } else { 2 }]);
        put(bytes, 8, &self.sender_mac.0);
        put(bytes, 14, &self.sender.octets());
        put(bytes, 18, &self.target_mac.0);
        put(bytes, 24, &self.target.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_emitted_is_what_is_parsed_and_nothing_else_is() {
        let message = Message {
            operation: Operation::Reply,
            sender_mac: MacAddr([2, 0, 0, 0, 0, 1]),
            sender: Ipv4Addr::new(10, 0, 0, 1),
            target_mac: MacAddr([2, 0, 0, 0, 0, 2]),
            target: Ipv4Addr::new(10, 0, 0, 2),
        };
        let mut bytes = [0; LEN];
        message.emit(&mut bytes);
        assert_eq!(Message::parse(&bytes), Some(message));
        assert_eq!(Message::parse(&bytes[..LEN - 1]), None);
        for at in 0..8 {
            let mut wrong = bytes;
            wrong[at] ^= 0x80;
            assert_eq!(Message::parse(&wrong), None, "byte {at}");
        }
    }
}
