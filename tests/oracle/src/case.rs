//! What an explanation may look at: a packet that the routers did not treat alike, and what went before it.

use plane::DropReason;
use policy::{CtState, Ipv4Config, Policy};
use std::cell::LazyCell;
use story::packet::{Key, Kind, Packet};
use wire::{Cidr, IpAddr, icmpv4, icmpv6};

/// A packet that the routers did not treat alike.
pub struct Case<'a> {
    pub policy: &'a Policy,
    /// The first packet of the pair or conversation, and what became of it on its way.
    pub first: Option<&'a Packet>,
    pub passed: Option<&'a Packet>,
    /// The packet that made the difference.
    pub sent: &'a Packet,
    /// The Iface that it came in by.
    pub port: usize,
    /// What left, decoded.
    pub ours: &'a [(usize, Packet)],
    pub linux: &'a [(usize, Packet)],
    /// Why our router dropped packets.
    pub drops: &'a [DropReason],
    /// What our tracking thought of the packet, and whether it reached the box's own stack.
    pub state: Option<CtState>,
    pub delivered: bool,
    /// Where the two began to think differently of the connection; everything is sent once more to learn it.
    pub split: LazyCell<Option<Split>, Box<dyn FnOnce() -> Option<Split> + 'a>>,
}

/// The first packet that the routers' connection tracking disagrees about.
pub struct Split {
    pub packet: Packet,
    pub ours: CtState,
    pub linux: CtState,
    /// A segment whose numbers are behind those that its sender would choose.
    pub is_behind: bool,
    /// A packet has been sent before that Linux's tracking saw and ours did not.
    pub after_unseen: bool,
    /// A SYN where none was due has been sent before.
    pub after_syn: bool,
    /// A RST has been sent before, or was the answer.
    pub after_reset: bool,
}

pub const FIN: u64 = 1;
pub const SYN: u64 = 2;
pub const RST: u64 = 4;
pub const ACK: u64 = 16;

pub fn is_error(packet: &Packet) -> bool {
    match &packet.kind {
        Kind::Icmp(message) => icmpv4::is_error(message.kind),
        Kind::Icmpv6(message) => icmpv6::is_error(message.kind),
        _ => false,
    }
}

pub fn flags(packet: &Packet) -> u64 {
    packet.number(Key::Flags).unwrap_or(0)
}

impl Split {
    pub fn is_tcp_or_error(&self) -> bool {
        self.packet.kind == Kind::Tcp || is_error(&self.packet)
    }
}

impl Case<'_> {
    /// The routers' tracking disagrees, first about a packet like this.
    pub fn splits(&self, like: impl Fn(&Split) -> bool) -> bool {
        self.split.as_ref().is_some_and(like)
    }

    pub fn is_tcp(&self) -> bool {
        self.sent.kind == Kind::Tcp
    }

    pub fn flags(&self) -> u64 {
        flags(self.sent)
    }

    /// Every address of the pair.
    pub fn all_ends(&self) -> impl Iterator<Item = IpAddr> {
        let packets = self.first.into_iter().chain(self.passed).chain([self.sent]);
        packets.flat_map(|packet| [packet.src, packet.dst]).flatten()
    }

    /// For an own address of another Iface than the one that it came in by.
    pub fn is_to_other_iface(&self) -> bool {
        self.sent.dst.is_some_and(|dst| self.is_own(dst) && !self.is_of_iface(dst))
    }

    pub fn subnets(&self) -> impl Iterator<Item = (usize, IpAddr, u8)> {
        self.policy.ifaces.iter().enumerate().flat_map(|(at, iface)| {
            let four = match iface.ipv4 {
                Ipv4Config::Static(config) => Some((at, IpAddr::V4(config.address), config.prefix_len)),
                _ => None,
            };
            four.into_iter().chain(iface.address6.iter().map(move |(own, len)| (at, IpAddr::V6(*own), *len)))
        })
    }

    /// One of the box's addresses.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.subnets().any(|(_, own, _)| own == address)
    }

    /// One of the addresses of the Iface that the packet came in by.
    pub fn is_of_iface(&self, address: IpAddr) -> bool {
        self.subnets().any(|(at, own, _)| at == self.port && own == address)
    }

    /// On the link that the packet came from.
    pub fn is_on_link(&self, address: IpAddr) -> bool {
        let mut own = self.subnets().filter(|(at, ..)| *at == self.port);
        own.any(|(_, own, len)| Cidr::masked(own, len).is_ok_and(|net| net.contains(address)))
    }
}

pub fn is_echo_reply(packet: &Packet) -> bool {
    match &packet.kind {
        Kind::Icmp(message) => message.kind == icmpv4::kind::ECHO_REPLY,
        Kind::Icmpv6(message) => message.kind == icmpv6::kind::ECHO_REPLY,
        _ => false,
    }
}
