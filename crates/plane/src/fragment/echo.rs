//! Pings that came in fragments are answered in the same fragments.
//!
//! An echo reply holds what its request held (RFC 1122 §3.2.2.6, RFC 4443 §4.2), so the frames of the request become
//! those of the reply: other addresses, another type, a new identification. The largest ping there is needs no buffer
//! larger than a frame, and no memory but what holds its fragments anyway.

use super::{Complete, First, Plan};
use crate::conntrack::{Confirmed, Tracked};
use crate::neighbor::Sender;
use crate::parse::{Packet, Transport};
use crate::pipeline::Way;
use crate::trace::TraceStep;
use crate::{DropReason, Outlet, Plane, emit};
use wire::checksum::Sum;
use wire::ipv4::protocol;
use wire::{Buffer, IfaceId, Instant, icmpv4, icmpv6, ipv4, ipv6};

/// TTL and hop limit of what the box says.
const TTL: u8 = 64;

impl<B: Buffer> Plane<B> {
    /// Is this datagram a ping that is answered so? One for a group or broadcast is not (RFC 1122 §3.2.2.6), and none with
    /// IPv4 options or IPv6 extension headers, which the reply would not have.
    pub(super) fn answers(&self, owner: IfaceId, first: &First, packet: &Packet) -> bool {
        let (plain, request) = match packet.is_v4() {
            true => (ipv4::MIN_HEADER_LEN, icmpv4::kind::ECHO_REQUEST),
            false => (ipv6::HEADER_LEN, icmpv6::kind::ECHO_REQUEST),
        };
        let is_request = matches!(packet.transport, Transport::Icmp(icmp) if (icmp.kind, icmp.code) == (request, 0));
        is_request
            && self.ifaces.get(owner).is_some_and(|iface| iface.owns(packet.dst))
            && first.headers_len() == plain
            && first.packet.ip_header_len() as usize == plain
    }

    /// Answers a ping that the rules have let in. For the counters its fragments are delivered, and as many originated.
    #[expect(clippy::too_many_arguments, reason = "a datagram, and whose it is")]
    pub(super) fn answer_echo(
        &mut self,
        now: Instant,
        owner: IfaceId,
        first: &First,
        mut frame: B,
        mut datagram: Complete,
        confirmed: Confirmed<'_>,
        out: &mut impl Outlet<B>,
    ) {
        let count = 1 + self.fragments.iter(&datagram).count() as u64;
        // Checked as it came: a translation of it has not been written into the frames.
        if !self.message_is_right(first, &frame, &datagram) {
            return self.drop_datagram(datagram, DropReason::BadTransportChecksum, out);
        }
        self.counters.iface_mut(Some(datagram.iface)).delivered += count;
        self.rules.trace.note(|| TraceStep::Delivered { iface: owner });
        self.counters.iface_mut(Some(owner)).originated += count;
        let reply = reply_to(confirmed.packet());
        emit::icmp_kind(&mut frame, usize::from(reply.l4), reply_kind(reply.is_v4()));
        let sender = Sender::Own(owner);
        // From here on it is a datagram of the box itself.
        datagram.iface = owner;
        let mut tracked = Tracked::untracked(reply);
        match self.walk_out_own(now, owner, &mut tracked, &frame) {
            Ok(Way::Out(accepted)) => {
                let plan = Plan { confirmed: tracked.confirmed(accepted), sender, ttl: Some(TTL), renamed: true };
                self.send_fragments(now, first, frame, datagram, plan, out);
            }
            // To another of the box's own addresses, where nobody has asked.
            Ok(_) => self.drop_datagram(datagram, DropReason::Fragment, out),
            Err(refusal) => self.drop_datagram(datagram, refusal.reason, out),
        }
    }

    /// Is the checksum over the whole message right?
    fn message_is_right(&self, first: &First, frame: &B, datagram: &Complete) -> bool {
        let Packet { src, dst, .. } = first.packet;
        let start = match first.packet.is_v4() {
            true => Sum::ZERO,
            false => Sum::pseudo_header(src, dst, protocol::ICMPV6, first.packet.transport_len()),
        };
        // Every fragment but the last has an even length.
        let add = |sum, (frame, extent): (&B, &super::store::Extent)| {
            emit::sum_range(frame, usize::from(extent.data_at), extent.len() as usize, sum)
        };
        let sum = add(start, (frame, &first.extent));
        self.fragments.iter(datagram).fold(sum, add).checksum() == 0
    }
}

/// The reply to an echo request, as its receiver sends it.
fn reply_to(request: &Packet) -> Packet {
    let transport = match request.transport {
        Transport::Icmp(icmp) => Transport::Icmp(crate::parse::Icmp { kind: reply_kind(request.is_v4()), ..icmp }),
        other => other,
    };
    Packet {
        iif: None,
        oif: None,
        src: request.dst,
        dst: request.src,
        ttl: TTL,
        split_mtu: 0,
        to_group: false,
        rewritten: false,
        transport,
        ..*request
    }
}

const fn reply_kind(v4: bool) -> u8 {
    if v4 { icmpv4::kind::ECHO_REPLY } else { icmpv6::kind::ECHO_REPLY }
}
