//! What a router owes a packet that is not for it (RFC 1812 §5): a route, one hop less to live, and a fitting link.

use crate::DropReason;
use crate::conntrack::Tracked;
use crate::fib::{Ends, Fib, Kind};
use crate::icmp::Answer;
use crate::iface::Ifaces;
use crate::ingress::is_martian_destination;
use crate::parse::Packet;
use crate::pipeline::Refusal;
use crate::route::Routes;
use policy::Policy;
use wire::addr::is_link_local6;
use wire::{IfaceId, IpAddr, Ipv4Addr};

/// Finds the way out of a packet, and notes it there, if this Iface forwards at all and the packet may be forwarded.
pub(crate) fn lookup(
    policy: &Policy,
    ifaces: &Ifaces,
    routes: &Routes,
    fib: &Fib,
    iface: IfaceId,
    tracked: &mut Tracked,
    ends: Ends,
) -> Result<(), Refusal> {
    let Tracked { packet, hop, .. } = tracked;
    let is_plain = !packet.to_group && ends.src.kind == Kind::Plain && ends.dst.kind == Kind::Plain;
    if !is_plain && !may_be_forwarded(packet) {
        return Err(DropReason::NotForwardable.into());
    }
    if !ifaces.get(iface).is_some_and(|iface| iface.forwards(packet.is_v4())) {
        return Err(DropReason::NotForwarding.into());
    }
    fib.lead(ifaces, routes, ends.dst, packet.dst, hop).map_err(|reason| no_way_out(policy, reason))
}

#[cold]
fn no_way_out(policy: &Policy, reason: DropReason) -> Refusal {
    let tells = policy.gateway.as_ref().is_some_and(|gateway| gateway.send_unreachable);
    let answer = (tells && reason == DropReason::NoRoute).then_some(Answer::NoRoute);
    Refusal { reason, answer }
}

/// Takes one hop off and checks the size, before any rule of the forward chain sees the packet.
pub(crate) fn hop(policy: &Policy, ifaces: &Ifaces, packet: &mut Packet, oif: IfaceId) -> Result<(), Refusal> {
    if packet.ttl <= 1 {
        let tells = policy.gateway.as_ref().is_none_or(|gateway| gateway.send_time_exceeded);
        let answer = tells.then_some(Answer::TimeExceeded);
        return Err(Refusal { reason: DropReason::TtlExpired, answer });
    }
    let mtu = ifaces.get(oif).map_or(0, |iface| iface.link.mtu);
    let fits = packet.wire_len <= u32::from(mtu);
    if !fits && !packet.is_splittable {
        return Err(Refusal { reason: DropReason::TooBig, answer: Some(Answer::TooBig { mtu }) });
    }
    let split_mtu = if fits { 0 } else { mtu };
    (packet.ttl, packet.oif, packet.split_mtu) = (packet.ttl - 1, Some(oif), split_mtu);
    Ok(())
}

fn may_be_forwarded(packet: &Packet) -> bool {
    // Admission has refused destinations that are on no wire, but a dnat may name one.
    // A unicast packet in a broadcast frame is not forwarded (RFC 1812 §5.3.4).
    !packet.to_group
        && leaves_its_link(packet.src)
        && leaves_its_link(packet.dst)
        && !is_martian_destination(packet.dst)
}

/// Multicast, broadcast, link-local and reserved addresses stay on their link (RFC 1812 §5.3.4, §5.3.7; RFC 3927
/// §2.7; RFC 4291 §2.5.6).
pub(crate) fn leaves_its_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // Multicast is 224.0.0.0/4, and what is above it is reserved.
            let is_high = address.octets()[0] >= 224;
            !(is_high || address.is_link_local() || address == Ipv4Addr::UNSPECIFIED)
        }
        IpAddr::V6(address) => !(address.is_multicast() || is_link_local6(address) || address.is_unspecified()),
    }
}
