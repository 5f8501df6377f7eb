//! Link and network addresses, prefixes, and the small numbers that name ports and Ifaces.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// A NIC of the machine, by its number in discovery order (NaCl's `index`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u16);

/// An Iface of the policy, by its position in the file: a NIC, or a VLAN of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfaceId(pub u16);

/// An IEEE 802 MAC address (EUI-48), in transmission order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Group bit set: multicast or broadcast (IEEE 802-2014 §8.2).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// May stand as the source of a frame: no group address, not all zeros.
    pub fn is_unicast(self) -> bool {
        !self.is_group() && self.0 != [0; 6]
    }

    /// The modified EUI-64 interface identifier as a link-local address fe80::/64 (RFC 4291 §2.5.1, §2.5.6).
    pub const fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        Ipv6Addr::from_octets([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
    }

    /// Where a frame for this multicast group goes (RFC 1112 §6.4, RFC 2464 §7).
    pub const fn multicast(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(group) => {
                let [_, b, c, d] = group.octets();
                Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
            }
            IpAddr::V6(group) => {
                let o = group.octets();
                Self([0x33, 0x33, o[12], o[13], o[14], o[15]])
            }
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The text is not six groups of two hexadecimal digits joined by `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacAddrError;

impl FromStr for MacAddr {
    type Err = MacAddrError;

    fn from_str(text: &str) -> Result<Self, MacAddrError> {
        let mut octets = [0; 6];
        let mut groups = text.split(':');
        for octet in &mut octets {
            let group = groups.next().ok_or(MacAddrError)?;
            if group.len() != 2 || !group.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(MacAddrError);
            }
            *octet = u8::from_str_radix(group, 16).map_err(|_| MacAddrError)?;
        }
        if groups.next().is_some() { Err(MacAddrError) } else { Ok(Self(octets)) }
    }
}

/// The solicited-node multicast address of `addr`: ff02::1:ffXX:XXXX (RFC 4291 §2.7.1).
pub const fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let o = addr.octets();
    Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, o[13], o[14], o[15]])
}

/// fe80::/10 (RFC 4291 §2.5.6).
pub const fn is_link_local6(addr: Ipv6Addr) -> bool {
    addr.segments()[0] & 0xffc0 == 0xfe80
}

/// Why bytes and a length are no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrError {
    /// Longer than the address: 32 or 128.
    PrefixTooLong { prefix_len: u8 },
}

/// An IPv4 prefix in CIDR notation (RFC 4632 §3.1). Its host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr4 {
    network: Ipv4Addr,
    prefix_len: u8,
}

/// An IPv6 prefix (RFC 4291 §2.3). Its host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr6 {
    network: Ipv6Addr,
    prefix_len: u8,
}

macro_rules! cidr {
    ($cidr:ident, $addr:ident, $bits:ty) => {
        impl $cidr {
            /// The prefix that `addr` lies in; its host bits are masked away.
            pub const fn masked(addr: $addr, prefix_len: u8) -> Result<Self, CidrError> {
                if prefix_len as u32 > <$bits>::BITS {
                    return Err(CidrError::PrefixTooLong { prefix_len });
                }
                Ok(Self { network: $addr::from_bits(addr.to_bits() & Self::mask(prefix_len)), prefix_len })
            }

            const fn mask(prefix_len: u8) -> $bits {
                match <$bits>::MAX.checked_shl(<$bits>::BITS - prefix_len as u32) {
                    Some(mask) => mask,
                    None => 0,
                }
            }

            pub const fn network(self) -> $addr {
                self.network
            }

            /// 0 to the address's number of bits.
            pub const fn prefix_len(self) -> u8 {
                self.prefix_len
            }

            /// The highest address of the prefix: for IPv4 its directed broadcast.
            pub const fn last(self) -> $addr {
                $addr::from_bits(self.network.to_bits() | !Self::mask(self.prefix_len))
            }

            pub const fn contains(self, addr: $addr) -> bool {
                addr.to_bits() & Self::mask(self.prefix_len) == self.network.to_bits()
            }
        }

        impl fmt::Display for $cidr {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", self.network, self.prefix_len)
            }
        }
    };
}

cidr!(Cidr4, Ipv4Addr, u32);
cidr!(Cidr6, Ipv6Addr, u128);

/// A prefix of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cidr {
    V4(Cidr4),
    V6(Cidr6),
}

impl Cidr {
    pub const fn masked(addr: IpAddr, prefix_len: u8) -> Result<Self, CidrError> {
        match addr {
            IpAddr::V4(addr) => match Cidr4::masked(addr, prefix_len) {
                Ok(cidr) => Ok(Self::V4(cidr)),
                Err(error) => Err(error),
            },
            IpAddr::V6(addr) => match Cidr6::masked(addr, prefix_len) {
                Ok(cidr) => Ok(Self::V6(cidr)),
                Err(error) => Err(error),
            },
        }
    }

    pub const fn prefix_len(self) -> u8 {
        match self {
            Self::V4(cidr) => cidr.prefix_len(),
            Self::V6(cidr) => cidr.prefix_len(),
        }
    }

    pub const fn network(self) -> IpAddr {
        match self {
            Self::V4(cidr) => IpAddr::V4(cidr.network()),
            Self::V6(cidr) => IpAddr::V6(cidr.network()),
        }
    }

    /// False for an address of the other family.
    pub const fn contains(self, addr: IpAddr) -> bool {
        match (self, addr) {
            (Self::V4(cidr), IpAddr::V4(addr)) => cidr.contains(addr),
            (Self::V6(cidr), IpAddr::V6(addr)) => cidr.contains(addr),
            _ => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(cidr) => cidr.fmt(f),
            Self::V6(cidr) => cidr.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_masks_its_host_bits_and_knows_its_ends() {
        let table = [
            ([10, 0, 0, 5], 24, [10, 0, 0, 0], [10, 0, 0, 255]),
            ([10, 0, 0, 5], 32, [10, 0, 0, 5], [10, 0, 0, 5]),
            ([10, 0, 0, 5], 31, [10, 0, 0, 4], [10, 0, 0, 5]),
            ([10, 0, 0, 5], 0, [0, 0, 0, 0], [255, 255, 255, 255]),
        ];
        for (addr, prefix_len, network, last) in table {
            let cidr = Cidr4::masked(addr.into(), prefix_len).unwrap();
            assert_eq!((cidr.network(), cidr.last()), (network.into(), last.into()), "{cidr}");
            assert!(cidr.contains(addr.into()));
        }
        assert_eq!(Cidr4::masked([1, 2, 3, 4].into(), 33), Err(CidrError::PrefixTooLong { prefix_len: 33 }));
        let six = Cidr6::masked("2001:db8::1".parse().unwrap(), 0).unwrap();
        assert!(six.contains("ff02::1".parse().unwrap()));
        assert!(Cidr6::masked("::".parse().unwrap(), 129).is_err());
    }

    #[test]
    fn a_mac_address_is_six_pairs_of_hexadecimal_digits() {
        assert_eq!("c0:01:0a:00:00:2A".parse(), Ok(MacAddr([0xc0, 1, 10, 0, 0, 0x2a])));
        for wrong in
            ["", "c0:01:0a:00:00", "c0:01:0a:00:00:2a:00", "c0:1:0a:00:00:2a", "+1:01:0a:00:00:2a", "g0:01:0a:00:00:2a"]
        {
            assert_eq!(wrong.parse::<MacAddr>(), Err(MacAddrError), "{wrong}");
        }
    }

    #[test]
    fn the_link_local_address_flips_the_universal_bit() {
        let mac: MacAddr = "52:54:00:12:34:56".parse().unwrap();
        assert_eq!(mac.link_local(), "fe80::5054:ff:fe12:3456".parse::<Ipv6Addr>().unwrap());
        assert_eq!(
            solicited_node("2001:db8::12:3456".parse().unwrap()),
            "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap()
        );
    }
}
