//! The walk of one packet.
//!
//! ```text
//!  receive ─► parse ─► admit ─► track ─► PREROUTING ─► lookup ─┬─ for us ─► INPUT ─► confirm ─► deliver
//!                        │ ▲                                   │
//!              fragment: hold, and on with the whole datagram  │
//!                                                              └─ onward ─► hop ─► FORWARD ─► POSTROUTING ─┐
//!                                                                                                          │
//!                                            transmit ◄─ send ◄─ emit ◄─ confirm ◄─────────────────────────┘
//! ```
//!
//! The walk decides on values; the bytes stay as they came until `emit` writes the differences, so that an ICMP error
//! quotes the packet as it was sent. `?` is the drop path: a [`Refusal`] has one reason and one counter, and says by
//! itself whether its sender is owed an answer.

use crate::chain::{self, Ruling, View};
use crate::conntrack::{Accepted, Sought, Tracked, Tuple};
use crate::fastpath::Sight;
use crate::fib::{Class, Ends, Kind};
use crate::icmp::Answer;
use crate::iface::Iface;
use crate::neighbor::Sender;
use crate::parse::{self, Arrived, Fragment, Packet, Part, Transport};
use crate::route::NextHop;
use crate::trace::{Summary, TraceStep};
use crate::{DropReason, Outlet, Plane, emit, forward, ingress};
use policy::{Hook, Reject};
use wire::ethernet::{self, ethertype};
use wire::{Buffer, IfaceId, Instant, PortId};

/// Where a walk leads with the packet in its hand.
pub(crate) enum Way {
    /// Out of an Iface.
    Out(Accepted),
    /// To the box's own stack on an Iface.
    In(Accepted, IfaceId),
    /// Nowhere: an ARP, neighbor or listener discovery message, which the link has used up.
    Link,
    /// To wait for the rest of its datagram.
    Hold(Part),
    /// Nowhere: the balancer has used it up.
    Used,
    /// Into the balancer's waiting room.
    Queue(Tuple),
}

/// Why a packet goes nowhere, and what its sender is owed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub reason: DropReason,
    pub answer: Option<Answer>,
}

/// What has been looked up of a packet before its hooks.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub ends: Ends,
    /// Of its tuple.
    pub sought: Option<&'a Sought>,
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Self { reason, answer: None }
    }
}

/// How a packet has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub iface: IfaceId,
    ethertype: u16,
    /// Where in its frame it begins.
    pub l3: usize,
    /// The frame was sent to a group MAC address.
    pub to_group: bool,
}

impl Came {
    pub fn is_v6(&self) -> bool {
        self.ethertype == ethertype::IPV6
    }
}

impl From<&Sight> for Came {
    fn from(sight: &Sight) -> Self {
        let ethertype = if sight.is_v4() { ethertype::IPV4 } else { ethertype::IPV6 };
        Self { iface: sight.iif, ethertype, l3: usize::from(sight.l3), to_group: false }
    }
}

impl<B: Buffer> Plane<B> {
    /// One received frame, to its end. `sight`: what has been read of it already.
    #[inline(never)]
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        port: PortId,
        mut frame: B,
        sight: Option<&Sight>,
        out: &mut impl Outlet<B>,
    ) {
        let came = match sight {
            Some(sight) => Came::from(sight),
            None => match self.arrive(port, &frame) {
                Ok(came) => came,
                Err((iface, reason)) => {
                    self.counters.iface_mut(iface).received += 1;
                    return self.count_drop(iface, reason, out);
                }
            },
        };
        let iface = came.iface;
        self.counters.iface_mut(Some(iface)).received += 1;
        let mut tracked = Tracked::untracked(Packet::NONE);
        let way = match sight {
            Some(sight) => {
                parse::sighted(&mut tracked.packet, &mut frame, sight);
                self.walk_sighted(now, sight, &mut tracked, &frame, out)
            }
            None => self.walk(now, &came, &mut tracked, &mut frame, out),
        };
        match way {
            Ok(Way::Out(accepted)) => {
                let packet = tracked.confirmed(accepted);
                match self.leave(now, packet, &mut frame) {
                    Some(Ok(port)) => {
                        self.counters.iface_mut(Some(iface)).forwarded += 1;
                        out.transmit(port, frame);
                    }
                    Some(Err(reason)) => self.count_drop(Some(iface), reason, out),
                    None => self.send(now, packet, frame, Sender::Transit(iface), out),
                }
            }
            Ok(Way::In(accepted, owner)) => self.deliver(tracked.confirmed(accepted), owner, iface, frame, out),
            Ok(Way::Link | Way::Used) => {
                self.rules.trace.note(|| TraceStep::Used);
                self.counters.iface_mut(Some(iface)).link += 1;
            }
            Ok(Way::Queue(tuple)) => {
                self.rules.trace.note(|| TraceStep::Held { iface });
                if let Some(balancer) = &mut self.balancer {
                    balancer.hold(now, tuple, frame, iface, came.l3);
                }
            }
            Ok(Way::Hold(part)) => self.hold(now, iface, &Fragment::new(tracked.packet, part), frame, out),
            Err(refusal) => self.refuse(now, &came, refusal, &mut frame, out),
        }
        if self.balancer.is_some() {
            self.release_clients(now, out);
        }
        self.send_log(now, out);
    }

    /// Finds the frame's Iface; refuses what is not for us.
    fn arrive(&self, port: PortId, frame: &B) -> Result<Came, (Option<IfaceId>, DropReason)> {
        let link = ethernet::Header::parse(frame.head()).map_err(|_| (None, DropReason::FrameTruncated))?;
        let iface = self.ifaces.of_frame(port, link.vid).ok_or((None, DropReason::NoIface))?;
        if !link.src.is_unicast() {
            return Err((Some(iface), DropReason::BadSourceMac));
        }
        if link.dst != self.ifaces.mac(iface) && !link.dst.is_group() {
            return Err((Some(iface), DropReason::NotOurMac));
        }
        Ok(Came { iface, ethertype: link.ethertype, l3: link.len, to_group: link.dst.is_group() })
    }

    /// The walk of a packet of the common shape, which is in its hand already.
    #[inline(always)]
    fn walk_sighted(
        &mut self,
        now: Instant,
        sight: &Sight,
        tracked: &mut Tracked,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        let ends = self.fib.ends(&tracked.packet);
        ingress::admit(&self.ifaces, &self.routes, &self.fib, sight.iif, &tracked.packet, ends)?;
        self.pass_hooks(now, sight.iif, tracked, Known { ends, sought: Some(&sight.sought) }, frame, out)
    }

    #[inline(never)]
    fn walk(
        &mut self,
        now: Instant,
        came: &Came,
        tracked: &mut Tracked,
        frame: &mut B,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        let iface = came.iface;
        let arrived = match came.ethertype {
            ethertype::ARP => return self.handle_arp(now, came, frame, out),
            ethertype::IPV4 | ethertype::IPV6 => parse::arrived(frame, came.l3, came.is_v6(), Some(iface))?,
            _ => return Err(DropReason::UnknownEthertype.into()),
        };
        let part = match arrived {
            Arrived::Packet(packet) => {
                tracked.packet = packet;
                None
            }
            Arrived::Fragment(fragment) => {
                tracked.packet = fragment.packet;
                Some(fragment.part())
            }
        };
        tracked.packet.to_group = came.to_group;
        let ends = self.fib.ends(&tracked.packet);
        ingress::admit(&self.ifaces, &self.routes, &self.fib, iface, &tracked.packet, ends)?;
        match part {
            Some(part) => Ok(Way::Hold(part)),
            None if ingress::is_link_message(&tracked.packet) => {
                self.handle_link_message(now, iface, &tracked.packet, frame, out)
            }
            None => self.pass_hooks(now, iface, tracked, Known { ends, sought: None }, frame, out),
        }
    }

    /// The walk of what is admitted and whole: a packet, or a datagram by the frame of its first fragment.
    pub(crate) fn pass_hooks(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        known: Known<'_>,
        frame: &B,
        out: &mut impl Outlet<B>,
    ) -> Result<Way, Refusal> {
        let Known { mut ends, sought } = known;
        self.rules.trace.note(|| TraceStep::Received { iface, packet: Summary::of(&tracked.packet) });
        self.rules.counts.begin_trail();
        self.look_up(now, iface, tracked, sought, frame)?;
        self.run_chain(now, Hook::Prerouting, iface, tracked)?;
        if tracked.packet.rewritten {
            ends = self.fib.ends(&tracked.packet);
        }
        if self.is_local(iface, &tracked.packet, ends.dst) {
            self.run_chain(now, Hook::Input, iface, tracked)?;
            if let Some(way) = self.serve(now, iface, tracked, frame, out)? {
                return Ok(way);
            }
            return Ok(Way::In(self.confirm(now, tracked, frame)?, iface));
        }
        let Self { policy, ifaces, routes, fib, .. } = self;
        forward::lookup(policy, ifaces, routes, fib, iface, tracked, ends)?;
        let NextHop { iface: oif, neighbor } = tracked.hop;
        self.rules.trace.note(|| TraceStep::Routed { iface: oif, neighbor });
        forward::hop(&self.policy, &self.ifaces, &mut tracked.packet, oif)?;
        self.run_chain(now, Hook::Forward, iface, tracked)?;
        // No translation belongs to this hook: the destination is what it was.
        if ends.dst.kind != Kind::Plain
            && let Some(owner) = self.ifaces.owner(tracked.packet.dst)
        {
            return self.arrive_at(now, owner, tracked, frame);
        }
        self.run_chain(now, Hook::Postrouting, oif, tracked)?;
        self.remember(iface, tracked);
        Ok(Way::Out(self.confirm(now, tracked, frame)?))
    }

    /// A packet that was forwarded to another Iface's own address is received there.
    fn arrive_at(&mut self, now: Instant, owner: IfaceId, tracked: &mut Tracked, frame: &B) -> Result<Way, Refusal> {
        tracked.packet.oif = None;
        tracked.packet.ttl = tracked.packet.ttl.saturating_sub(1);
        self.run_chain(now, Hook::Prerouting, owner, tracked)?;
        self.run_chain(now, Hook::Input, owner, tracked)?;
        Ok(Way::In(self.confirm(now, tracked, frame)?, owner))
    }

    /// Tracks a packet of an Iface, where that is tracked.
    pub(crate) fn track(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        frame: &B,
    ) -> Result<(), DropReason> {
        *tracked = Tracked::untracked(tracked.packet);
        self.look_up(now, iface, tracked, None, frame)
    }

    /// As [`track`](Self::track). `sought`: what is known of the packet's tuple.
    fn look_up(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        sought: Option<&Sought>,
        frame: &B,
    ) -> Result<(), DropReason> {
        if self.ifaces.get(iface).is_some_and(|iface| iface.tracked) {
            if tracked.packet.is_tracked_error() {
                self.track_error(now, iface, tracked, frame)?;
            } else {
                let header = transport_header(frame, &tracked.packet);
                self.conntrack.track(now, tracked, header, Some(iface), sought);
            }
        }
        self.rules.trace.note(|| TraceStep::Tracked { state: tracked.state(), first: tracked.is_draft() });
        Ok(())
    }

    #[inline(never)]
    fn track_error(
        &mut self,
        now: Instant,
        iface: IfaceId,
        tracked: &mut Tracked,
        frame: &B,
    ) -> Result<(), DropReason> {
        let packet = &tracked.packet;
        // Nothing is concluded from an error whose checksum is wrong (RFC 5508 REQ-3).
        if !emit::transport_checksum_is_right(frame, packet) {
            return Err(DropReason::BadTransportChecksum);
        }
        let mut bytes = [0; 192];
        let len = frame.copy_out(usize::from(packet.l4) + emit::ICMP_HEADER_LEN, &mut bytes);
        let quote = parse::quote(bytes.get(..len).unwrap_or(&[]), !packet.is_v4());
        *tracked = self.conntrack.track_error(now, *packet, quote.as_ref(), Some(iface));
        Ok(())
    }

    pub(crate) fn confirm(&mut self, now: Instant, tracked: &Tracked, frame: &B) -> Result<Accepted, DropReason> {
        self.conntrack.confirm(now, tracked, transport_header(frame, &tracked.packet))
    }

    /// Runs the chain of a hook; its drop is a refusal.
    #[inline(always)]
    pub(crate) fn run_chain(
        &mut self,
        now: Instant,
        hook: Hook,
        iface: IfaceId,
        tracked: &mut Tracked,
    ) -> Result<(), Refusal> {
        if chain::is_idle(&self.tables, &self.conntrack, &self.rules, hook, iface, tracked) {
            return Ok(());
        }
        self.run_functions(now, hook, iface, tracked)
    }

    fn run_functions(
        &mut self,
        now: Instant,
        hook: Hook,
        iface: IfaceId,
        tracked: &mut Tracked,
    ) -> Result<(), Refusal> {
        let Self { policy, tables, ifaces, conntrack, rules, .. } = self;
        let view = View { now, policy, tables, ifaces, conntrack };
        match chain::run(&view, rules, hook, iface, tracked) {
            Ruling::Pass => Ok(()),
            Ruling::Drop => Err(DropReason::by_rule(hook).into()),
            Ruling::Refuse(reason) => Err(reason.into()),
            Ruling::Reject(reject) => {
                let answer = match reject {
                    Reject::AdminProhibited => Answer::AdminProhibited,
                    Reject::PortUnreachable => Answer::PortUnreachable,
                    Reject::TcpReset => Answer::TcpReset,
                };
                Err(Refusal { reason: DropReason::Rejected, answer: Some(answer) })
            }
        }
    }

    /// Is the packet, as it is now, for this Iface itself? Addresses of other Ifaces are reached by being forwarded.
    /// `dst`: what is known of its destination.
    #[inline]
    fn is_local(&self, iface: IfaceId, packet: &Packet, dst: Class) -> bool {
        let receives = |iface: &Iface| {
            dst.kind != Kind::Plain && iface.receives(packet.dst) || ingress::is_dhcp_answer(iface, packet)
        };
        self.ifaces.get(iface).is_some_and(receives)
    }
}

/// What is at hand of a TCP header; of other protocols nobody asks for more than the packet says.
#[inline]
fn transport_header<'a, B: Buffer>(frame: &'a B, packet: &Packet) -> &'a [u8] {
    if !matches!(packet.transport, Transport::Tcp(_)) {
        return &[];
    }
    frame.head().get(usize::from(packet.l4)..).unwrap_or(&[])
}
