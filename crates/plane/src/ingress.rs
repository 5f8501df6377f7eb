//! Admission: may this packet be here at all? Martians, spoofed sources, the way back.

use crate::fib::{Ends, Fib, Kind};
use crate::iface::{Iface, Ifaces};
use crate::parse::Packet;
use crate::route::Routes;
use crate::{DropReason, parse};
use policy::ReversePath;
use wire::addr::is_link_local6;
use wire::ipv4::protocol;
use wire::{IfaceId, IpAddr, Ipv4Addr, Ipv6Addr, icmpv6};

/// Lets a received packet pass, or says why not. `ends`: what is known of its addresses.
#[inline]
pub(crate) fn admit(
    ifaces: &Ifaces,
    routes: &Routes,
    fib: &Fib,
    id: IfaceId,
    packet: &Packet,
    ends: Ends,
) -> Result<(), DropReason> {
    if is_common(ifaces, routes, fib, id, packet, ends) { Ok(()) } else { judge(ifaces, routes, id, packet) }
}

/// True only of packets that [`judge`] admits, and of nearly all that it admits.
#[inline]
fn is_common(ifaces: &Ifaces, routes: &Routes, fib: &Fib, id: IfaceId, packet: &Packet, ends: Ends) -> bool {
    let Some(iface) = ifaces.get(id).filter(|iface| iface.has_family(packet.is_v4())) else { return false };
    let is_plain = match (ends.src.kind, ends.dst.kind) {
        (Kind::Plain, Kind::Plain) => packet.src != packet.dst,
        (Kind::Plain, Kind::Own) => true,
        _ => false,
    };
    let comes_back = |mode| leads_back(mode, id, fib.way_to(ifaces, routes, ends.src, packet.src));
    is_plain && iface.reverse_path.is_none_or(comes_back)
}

/// Every question, in the order in which drops are counted.
#[inline(never)]
pub(crate) fn judge(ifaces: &Ifaces, routes: &Routes, id: IfaceId, packet: &Packet) -> Result<(), DropReason> {
    let iface = ifaces.get(id).ok_or(DropReason::NoIface)?;
    if !iface.has_family(packet.is_v4()) && !is_dhcp_answer(iface, packet) {
        return Err(DropReason::FamilyOff);
    }
    let is_land = match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            admit4(iface, src, dst)?;
            src == dst
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            admit6(packet, src, dst)?;
            src == dst
        }
        _ => return Err(DropReason::BadHeader),
    };
    // All configured addresses are our own: a packet that comes in and claims one is spoofed, on whichever Iface.
    // One message must get through: a station that has the same address says so from that very address (RFC 4862 §5.4.4).
    if ifaces.owner(packet.src).is_some() && !is_neighbor_advertisement(packet) {
        return Err(DropReason::SpoofedSource);
    }
    if is_land {
        return Err(DropReason::Land);
    }
    match iface.reverse_path {
        Some(mode) if is_judged(packet.src) && !leads_back(mode, id, routes.way_to(ifaces, packet.src)) => {
            Err(DropReason::ReversePath)
        }
        _ => Ok(()),
    }
}

/// A server's answer to the DHCP client of an Iface that has no address yet (RFC 2131 §4.1).
#[inline]
pub(crate) fn is_dhcp_answer(iface: &Iface, packet: &Packet) -> bool {
    let from_server = || matches!(packet.transport, parse::Transport::Udp(udp) if udp.sport == 67 && udp.dport == 68);
    iface.dhcp && packet.is_v4() && from_server()
}

#[inline]
fn admit4(iface: &Iface, src: Ipv4Addr, dst: Ipv4Addr) -> Result<(), DropReason> {
    if src.is_multicast() || src == Ipv4Addr::BROADCAST || src.is_loopback() || iface.is_broadcast(src) {
        return Err(DropReason::MartianSource);
    }
    if is_martian_destination(dst.into()) { Err(DropReason::MartianDestination) } else { Ok(()) }
}

#[inline(never)]
fn admit6(packet: &Packet, src: Ipv6Addr, dst: Ipv6Addr) -> Result<(), DropReason> {
    if src.is_multicast() || src == Ipv6Addr::LOCALHOST || src.to_ipv4_mapped().is_some() {
        return Err(DropReason::MartianSource);
    }
    // `::` may only ask for a neighbor or join a group (RFC 4862 §5.4.2, RFC 3590).
    if src == Ipv6Addr::UNSPECIFIED && !is_link_message(packet) {
        return Err(DropReason::MartianSource);
    }
    if is_martian_destination(dst.into()) { Err(DropReason::MartianDestination) } else { Ok(()) }
}

/// A destination that is on no wire, wherever the packet comes from (RFC 1122 §3.2.1.3; RFC 4291 §2.5.2, §2.5.3).
#[inline]
pub(crate) fn is_martian_destination(dst: IpAddr) -> bool {
    match dst {
        IpAddr::V4(dst) => dst.is_loopback() || dst == Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(dst) => dst == Ipv6Addr::UNSPECIFIED || dst == Ipv6Addr::LOCALHOST || dst.to_ipv4_mapped().is_some(),
    }
}

/// Neighbor or listener discovery: belongs to the link, as ARP does; no rule sees it and it is never forwarded.
pub(crate) fn is_link_message(packet: &Packet) -> bool {
    match packet.transport {
        parse::Transport::Icmp(icmp) if packet.protocol == protocol::ICMPV6 => {
            icmpv6::is_neighbor_discovery(icmp.kind) || icmpv6::is_listener_discovery(icmp.kind)
        }
        _ => false,
    }
}

fn is_neighbor_advertisement(packet: &Packet) -> bool {
    match packet.transport {
        parse::Transport::Icmp(icmp) => {
            packet.protocol == protocol::ICMPV6 && icmp.kind == icmpv6::kind::NEIGHBOR_ADVERTISEMENT
        }
        _ => false,
    }
}

/// Unspecified and link-local sources are exempt from the reverse-path check.
fn is_judged(src: IpAddr) -> bool {
    match src {
        IpAddr::V4(src) => src != Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(src) => src != Ipv6Addr::UNSPECIFIED && !is_link_local6(src),
    }
}

/// `way`: the Iface that leads to the source of a packet that has come in by `id`.
#[inline]
fn leads_back(mode: ReversePath, id: IfaceId, way: Option<IfaceId>) -> bool {
    match mode {
        ReversePath::Strict => way == Some(id),
        ReversePath::Loose => way.is_some(),
    }
}
