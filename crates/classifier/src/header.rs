//! The values of a packet that rules may ask for.

use policy::Field;
use wire::IpAddr;

/// A packet as rules see it: for each [`Field`] its value, or nothing.
///
/// Whoever implements it keeps it whole: `ip.protocol` is that of [`kind`](Self::kind) if that has one, and a field of
/// TCP, UDP, ICMP or ICMPv6 exists where the packet is of that kind and nowhere else. `ip.protocol` alone makes no
/// kind: 6 with [`Kind::Other`] is a packet whose TCP header nobody can look into.
pub trait Packet {
    fn kind(&self) -> Kind;

    /// The value of an integer field.
    fn number(&self, field: Field) -> Option<u32>;

    /// The value of `ip.saddr` or `ip.daddr`.
    fn address(&self, field: Field) -> Option<IpAddr>;

    #[inline]
    fn value(&self, field: Field) -> Option<Value> {
        if field.is_address() { self.address(field).map(Value::Address) } else { self.number(field).map(Value::Number) }
    }
}

/// A packet that is made field by field.
///
/// It is whole by construction: `ip.protocol` and the fields of TCP, UDP, ICMP and ICMPv6 agree. Setting a field of a
/// protocol makes the packet one of that protocol, and all its fields exist, 0 until set; setting another protocol
/// takes them away again.
///
/// ```
/// # use saltgate_classifier::{Header, Packet};
/// # use policy::Field;
/// let mut header = Header::new();
/// header.set_number(Field::TcpDport, 443);
/// assert_eq!(header.number(Field::IpProtocol), Some(6));
/// assert_eq!(header.number(Field::TcpSport), Some(0));
/// assert_eq!(header.number(Field::UdpDport), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    kind: Kind,
    /// For each field that is not of a transport protocol, whether it exists.
    present: u32,
    saddr: Option<IpAddr>,
    daddr: Option<IpAddr>,
    numbers: [u32; Field::ALL.len()],
}

/// A property of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u32),
    Address(IpAddr),
}

/// Which transport header rules can look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// None.
    Other,
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Other, Self::Tcp, Self::Udp, Self::Icmp, Self::Icmpv6];

    /// The protocol number (IANA), of those with one.
    pub const fn protocol(self) -> Option<u32> {
        match self {
            Self::Other => None,
            Self::Tcp => Some(6),
            Self::Udp => Some(17),
            Self::Icmp => Some(1),
            Self::Icmpv6 => Some(58),
        }
    }

    /// Whose field this is.
    pub(crate) const fn of(field: Field) -> Self {
        match field {
            Field::IcmpType => Self::Icmp,
            Field::Icmpv6Type => Self::Icmpv6,
            Field::UdpSport | Field::UdpDport | Field::UdpLength | Field::UdpChecksum => Self::Udp,
            Field::TcpSport
            | Field::TcpDport
            | Field::TcpSequence
            | Field::TcpAckseq
            | Field::TcpDoff
            | Field::TcpReserved
            | Field::TcpFlags
            | Field::TcpWindow
            | Field::TcpChecksum
            | Field::TcpUrgptr => Self::Tcp,
            _ => Self::Other,
        }
    }
}

/// `tcp.flags` has nine bits.
pub(crate) const TCP_FLAGS: u32 = 0x1ff;

impl Default for Header {
    fn default() -> Self {
        Self::new()
    }
}

impl Header {
    /// A packet without any field.
    pub const fn new() -> Self {
        Self { kind: Kind::Other, present: 0, saddr: None, daddr: None, numbers: [0; Field::ALL.len()] }
    }

    /// Gives an integer field a value; nothing for the two addresses. Of `tcp.flags` nine bits are kept.
    #[inline]
    pub const fn set_number(&mut self, field: Field, value: u32) {
        let kind = Kind::of(field);
        match (field, kind) {
            (Field::IpSaddr | Field::IpDaddr, _) => return,
            (Field::IpProtocol, _) => {
                if !matches!(self.kind.protocol(), Some(own) if own == value) {
                    self.kind = Kind::Other;
                }
                self.present |= 1 << field as u32;
            }
            (_, Kind::Other) => self.present |= 1 << field as u32,
            _ => self.become_kind(kind),
        }
        self.numbers[field as usize] = if matches!(field, Field::TcpFlags) { value & TCP_FLAGS } else { value };
    }

    /// Gives an address field a value; nothing for the others.
    #[inline]
    pub const fn set_address(&mut self, field: Field, address: IpAddr) {
        match field {
            Field::IpSaddr => self.saddr = Some(address),
            Field::IpDaddr => self.daddr = Some(address),
            _ => {}
        }
    }

    /// Takes a field away; one of a transport protocol goes with the others of it.
    pub const fn clear(&mut self, field: Field) {
        match field {
            Field::IpSaddr => self.saddr = None,
            Field::IpDaddr => self.daddr = None,
            Field::IpProtocol => {
                self.kind = Kind::Other;
                self.present &= !(1 << field as u32);
            }
            _ if self.kind as u8 == Kind::of(field) as u8 && !matches!(self.kind, Kind::Other) => {
                self.kind = Kind::Other;
            }
            _ => self.present &= !(1 << field as u32),
        }
    }

    const fn become_kind(&mut self, kind: Kind) {
        if self.kind as u8 == kind as u8 {
            return;
        }
        self.kind = kind;
        let mut at = 0;
        while at < Field::ALL.len() {
            if Kind::of(Field::ALL[at]) as u8 == kind as u8 {
                self.numbers[Field::ALL[at] as usize] = 0;
            }
            at += 1;
        }
        if let Some(protocol) = kind.protocol() {
            self.numbers[Field::IpProtocol as usize] = protocol;
            self.present |= 1 << Field::IpProtocol as u32;
        }
    }
}

impl Packet for Header {
    #[inline]
    fn kind(&self) -> Kind {
        self.kind
    }

    #[inline]
    fn number(&self, field: Field) -> Option<u32> {
        let exists = match Kind::of(field) {
            _ if field.is_address() => false,
            Kind::Other => self.present >> field as u32 & 1 != 0,
            kind => self.kind == kind,
        };
        exists.then_some(self.numbers[field as usize])
    }

    #[inline]
    fn address(&self, field: Field) -> Option<IpAddr> {
        match field {
            Field::IpSaddr => self.saddr,
            Field::IpDaddr => self.daddr,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_and_transport_fields_agree_whatever_is_set() {
        let mut header = Header::new();
        assert_eq!(header.number(Field::IpProtocol), None);
        header.set_number(Field::UdpDport, 53);
        assert_eq!(header.number(Field::IpProtocol), Some(17));
        header.set_number(Field::IpProtocol, 17);
        assert_eq!(header.number(Field::UdpDport), Some(53), "the same protocol changes nothing");
        header.set_number(Field::IcmpType, 8);
        assert_eq!((header.number(Field::IpProtocol), header.number(Field::UdpDport)), (Some(1), None));
        header.set_number(Field::IpProtocol, 6);
        assert_eq!((header.number(Field::IcmpType), header.number(Field::TcpDport)), (None, None));
        header.set_number(Field::UdpSport, 1);
        assert_eq!(header.number(Field::UdpDport), Some(0), "not the 53 of another packet");
        header.clear(Field::UdpLength);
        assert_eq!((header.number(Field::UdpDport), header.number(Field::IpProtocol)), (None, Some(17)));
    }

    #[test]
    fn addresses_and_numbers_are_kept_apart() {
        let mut header = Header::new();
        header.set_number(Field::IpSaddr, 7);
        header.set_address(Field::IpTtl, IpAddr::from([1, 2, 3, 4]));
        assert_eq!((header.value(Field::IpSaddr), header.value(Field::IpTtl)), (None, None));
        header.set_address(Field::IpSaddr, IpAddr::from([1, 2, 3, 4]));
        assert_eq!(header.value(Field::IpSaddr), Some(Value::Address(IpAddr::from([1, 2, 3, 4]))));
        header.clear(Field::IpSaddr);
        assert_eq!(header.value(Field::IpSaddr), None);
    }
}
