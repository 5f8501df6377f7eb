//! What rules see of a packet.

use crate::conntrack::Tracked;
use crate::parse::{Packet, Transport};
use classifier::Kind;
use policy::Field;
use wire::{IfaceId, IpAddr};

impl classifier::Packet for Tracked {
    #[inline]
    fn kind(&self) -> Kind {
        match self.packet.transport {
            Transport::Tcp(_) => Kind::Tcp,
            Transport::Udp(_) => Kind::Udp,
            Transport::Icmp(_) if self.packet.is_v4() => Kind::Icmp,
            Transport::Icmp(_) => Kind::Icmpv6,
            Transport::Other => Kind::Other,
        }
    }

    #[inline]
    fn number(&self, field: Field) -> Option<u32> {
        number(field, self)
    }

    #[inline]
    fn address(&self, field: Field) -> Option<IpAddr> {
        match field {
            Field::IpSaddr => Some(self.packet.src),
            Field::IpDaddr => Some(self.packet.dst),
            _ => None,
        }
    }
}

/// `None` where the packet has no such property.
#[inline]
fn number(field: Field, tracked: &Tracked) -> Option<u32> {
    let packet = &tracked.packet;
    let iface = |id: Option<IfaceId>| id.map(|id| u32::from(id.0));
    match field {
        Field::IpSaddr | Field::IpDaddr => None,
        Field::IpVersion => Some(if packet.is_v4() { 4 } else { 6 }),
        Field::IpHdrLength => Some(packet.ip_header_len()),
        Field::IpDscp => Some(u32::from(packet.tos >> 2)),
        Field::IpEcn => Some(u32::from(packet.tos & 3)),
        Field::IpLength => Some(packet.total_len),
        Field::IpId => Some(u32::from(packet.id)),
        // Fragments are no packets: rules see whole datagrams.
        Field::IpFragOff => Some(0),
        Field::IpTtl => Some(u32::from(packet.ttl)),
        Field::IpProtocol => Some(u32::from(packet.protocol)),
        Field::IpChecksum => Some(u32::from(packet.ip_checksum)),
        Field::CtState => Some(tracked.state() as u32),
        Field::Iif => iface(packet.iif),
        Field::Oif => iface(packet.oif),
        Field::IcmpType | Field::Icmpv6Type => icmp_type(field, packet),
        Field::UdpSport | Field::UdpDport | Field::UdpLength | Field::UdpChecksum => udp_field(field, packet),
        Field::TcpSport
        | Field::TcpDport
        | Field::TcpSequence
        | Field::TcpAckseq
        | Field::TcpDoff
        | Field::TcpReserved
        | Field::TcpFlags
        | Field::TcpWindow
        | Field::TcpChecksum
        | Field::TcpUrgptr => tcp_field(field, packet),
    }
}

#[inline]
fn icmp_type(field: Field, packet: &Packet) -> Option<u32> {
    match packet.transport {
        Transport::Icmp(icmp) if packet.is_v4() == (field == Field::IcmpType) => Some(u32::from(icmp.kind)),
        _ => None,
    }
}

#[inline]
fn udp_field(field: Field, packet: &Packet) -> Option<u32> {
    let Transport::Udp(udp) = packet.transport else { return None };
    Some(u32::from(match field {
        Field::UdpSport => udp.sport,
        Field::UdpDport => udp.dport,
        Field::UdpLength => udp.length,
        _ => udp.checksum,
    }))
}

#[inline]
fn tcp_field(field: Field, packet: &Packet) -> Option<u32> {
    let Transport::Tcp(tcp) = packet.transport else { return None };
    Some(match field {
        Field::TcpSport => u32::from(tcp.sport),
        Field::TcpDport => u32::from(tcp.dport),
        Field::TcpSequence => tcp.sequence,
        Field::TcpAckseq => tcp.ackseq,
        Field::TcpDoff => u32::from(tcp.header_len / 4),
        Field::TcpReserved => u32::from(tcp.reserved),
        Field::TcpFlags => u32::from(tcp.flags),
        Field::TcpWindow => u32::from(tcp.window),
        Field::TcpChecksum => u32::from(tcp.checksum),
        _ => u32::from(tcp.urgptr),
    })
}
