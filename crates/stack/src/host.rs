//! One Iface's host: addresses, sockets, and how it comes to know its only neighbor.
//!
//! smoltcp drops a packet whose next hop it has no MAC address for and asks for it instead, so the first answer after
//! a silence would be lost, each time. On a link with one other station there is nothing to ask: every destination
//! is off-link (own addresses have the full prefix length), the default route leads to the far end, and the host is
//! told the far end's MAC address before its memory of it runs out.

use crate::Nic;
use crate::admission::Identity;
use crate::dhcp::{Client, Event};
use crate::link::{Link, Shared, Whisper};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use policy::{Iface, Ipv4Config};
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr, Ipv6Cidr};
use wire::ethernet::{self, ethertype};
use wire::{Buffer, Duration, IfaceId, Instant, Ipv4Addr, Ipv6Addr, MacAddr, addr, arp, ipv6, ndp};

/// The far end's MAC address on every virtual link: locally administered, never on a wire.
const FAR_END: MacAddr = MacAddr([0x02, b's', b'g', 0, 0, 1]);
/// smoltcp forgets a neighbor after a minute.
const REMINDER: Duration = Duration::from_secs(30);
/// IPv6 addresses that a host may choose a source from. smoltcp holds 8 addresses, one of them IPv4.
const MAX_ADDRESSES6: usize = 7;
/// Frames that wait to be read.
const QUEUE_LEN: usize = 64;

pub struct Host<B> {
    id: IfaceId,
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    received: VecDeque<B>,
    address4: Option<Ipv4Addr>,
    address6: Vec<Ipv6Addr>,
    dhcp: Option<Client>,
    /// When the host is to be reminded of the far end, if it has anything to do then.
    remind_at: Instant,
    wake: Option<Instant>,
}

impl<B: Buffer> Host<B> {
    /// Frames read in one poll.
    pub const BUDGET: usize = 32;

    pub fn new(id: IfaceId, iface: &Iface, nic: Nic, seed: u64, now: Instant) -> Self {
        let mut config = Config::new(EthernetAddress(nic.mac.0).into());
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut Whisper { frame: None, mtu: nic.mtu }, at(now));
        // What is for this host is decided at its door (`admission.rs`), with no bound on own addresses.
        interface.set_any_ip(true);
        let mut sockets = SocketSet::new(Vec::new());
        let dhcp = match iface.ipv4 {
            Ipv4Config::Dhcp => Some(Client::new(&mut sockets, None, now)),
            Ipv4Config::DhcpWithFallback(fallback) => Some(Client::new(&mut sockets, Some(fallback), now)),
            Ipv4Config::Static(_) | Ipv4Config::Unconfigured => None,
        };
        let mut address6: Vec<Ipv6Addr> = iface.address6.iter().map(|(address, _)| *address).collect();
        if !address6.is_empty() && !address6.iter().any(|address| addr::is_link_local6(*address)) {
            address6.insert(0, nic.mac.link_local());
        }
        let mut host = Self {
            id,
            nic,
            interface,
            sockets,
            received: VecDeque::with_capacity(QUEUE_LEN),
            address4: None,
            address6,
            wake: dhcp.is_some().then_some(now),
            dhcp,
            remind_at: now,
        };
        let address4 = match iface.ipv4 {
            Ipv4Config::Static(config) => Some(config.address),
            _ => None,
        };
        host.set_address4(address4);
        host
    }

    /// May this host read the frame?
    pub fn admits(&self, frame: &B) -> bool {
        let identity = Identity { address4: self.address4, address6: &self.address6, dhcp: self.dhcp.is_some() };
        identity.admits(frame.head())
    }

    /// Gives the frame back where the queue is full.
    pub fn queue(&mut self, frame: B) -> Result<(), B> {
        if self.received.len() < QUEUE_LEN {
            self.received.push_back(frame);
            Ok(())
        } else {
            Err(frame)
        }
    }

    pub fn wake(&self) -> Option<Instant> {
        self.wake
    }

    pub fn is_due(&self, now: Instant) -> bool {
        !self.received.is_empty() || self.wake.is_some_and(|wake| wake <= now)
    }

    /// Reads up to [`BUDGET`](Self::BUDGET) frames and sends what there is to send; true if frames are left.
    pub fn poll<A: FnMut() -> Option<B>>(
        &mut self,
        now: Instant,
        shared: &mut Shared<B>,
        events: &mut VecDeque<Event>,
        allocate: &mut A,
    ) -> bool {
        if self.remind_at <= now {
            self.remind(now);
        }
        let received = &mut self.received;
        let mut link = Link { iface: self.id, mac: self.nic.mac, mtu: self.nic.mtu, received, shared, allocate };
        for _ in 0..Self::BUDGET {
            let read = self.interface.poll_ingress_single(at(now), &mut link, &mut self.sockets);
            if read == PollIngressSingleResult::None {
                break;
            }
        }
        // A socket sends one packet at a time, and may have nothing to send now but more to do: a client whose lease is
        // over asks for another. The queue to the plane bounds them all.
        for _ in 0..Self::BUDGET {
            let sent = self.interface.poll_egress(at(now), &mut link, &mut self.sockets);
            let due = self.interface.poll_at(at(now), &self.sockets).is_some_and(|due| due <= at(now));
            if sent == PollResult::None && !due {
                break;
            }
        }
        if let Some(client) = &mut self.dhcp {
            let mut settled = false;
            while let Some(event) = client.poll(now, self.id, &mut self.sockets) {
                settled = matches!(event, Event::FellBack { .. });
                let address4 = event.address4().map(|config| config.address);
                events.push_back(event);
                if self.address4 != address4 {
                    Self::configure(&mut self.interface, address4, &self.address6);
                    self.address4 = address4;
                    self.remind_at = now;
                }
            }
            if settled {
                client.stop(&mut self.sockets);
                self.dhcp = None;
            }
        }
        let deadline = self.dhcp.as_ref().and_then(Client::deadline);
        let asked = self.interface.poll_at(at(now), &self.sockets);
        self.wake = [asked.map(|time| Instant::from_nanos(time.total_micros().max(0) as u64 * 1000)), deadline]
            .into_iter()
            .flatten()
            .min();
        !self.received.is_empty()
    }

    pub fn forget_address6(&mut self, address: Ipv6Addr) {
        self.address6.retain(|own| *own != address);
        self.set_address4(self.address4);
        self.remind_at = Instant::BOOT;
    }

    fn set_address4(&mut self, address4: Option<Ipv4Addr>) {
        Self::configure(&mut self.interface, address4, &self.address6);
        self.address4 = address4;
    }

    /// Sets all addresses, each on a link of its own, and the default routes. A gateway that is the own address is
    /// as good as any: it only has to be one that the host has a MAC address for, and it can be nobody else's.
    fn configure(interface: &mut Interface, address4: Option<Ipv4Addr>, address6: &[Ipv6Addr]) {
        let address4 = address4.filter(|address| is_unicast4(*address));
        let address6 = || address6.iter().copied().filter(|own| !own.is_multicast() && !own.is_unspecified());
        interface.update_ip_addrs(|addrs| {
            addrs.clear();
            let four = address4.map(|address| IpCidr::Ipv4(Ipv4Cidr::new(address, 32)));
            let six = address6().take(MAX_ADDRESSES6).map(|address| IpCidr::Ipv6(Ipv6Cidr::new(address, 128)));
            // There is room for all of them by the bound above.
            let _ = four.into_iter().chain(six).try_for_each(|cidr| addrs.push(cidr));
        });
        let routes = interface.routes_mut();
        routes.remove_default_ipv4_route();
        routes.remove_default_ipv6_route();
        // A route to each family fits: smoltcp holds 2.
        let _ = address4.map(|gateway| routes.add_default_ipv4_route(gateway));
        let _ = address6().next().map(|gateway| routes.add_default_ipv6_route(gateway));
    }

    /// Tells the host the far end's MAC address, as an ARP reply and a neighbor advertisement would.
    fn remind(&mut self, now: Instant) {
        self.remind_at = now + REMINDER;
        if let Some(gateway) = self.interface.ipv4_addr() {
            self.whisper(now, &arp_reply(self.nic.mac, gateway));
        }
        if let Some(gateway) = self.address6.iter().copied().find(|own| !own.is_multicast() && !own.is_unspecified()) {
            self.whisper(now, &neighbor_advertisement(self.nic.mac, gateway));
        }
    }

    fn whisper(&mut self, now: Instant, frame: &[u8]) {
        let mut device = Whisper { frame: Some(frame), mtu: self.nic.mtu };
        self.interface.poll_ingress_single(at(now), &mut device, &mut self.sockets);
    }
}

/// smoltcp counts microseconds. Rounded down, as its answers are exact: asked for a moment it is called at that or a
/// later one.
pub fn at(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap_or(i64::MAX))
}

fn is_unicast4(address: Ipv4Addr) -> bool {
    !address.is_broadcast() && !address.is_multicast() && !address.is_unspecified()
}

fn arp_reply(mac: MacAddr, gateway: Ipv4Addr) -> [u8; ethernet::HEADER_LEN + arp::LEN] {
    let mut frame = [0; ethernet::HEADER_LEN + arp::LEN];
    ethernet::Header::emit(&mut frame, mac, FAR_END, None, ethertype::ARP);
    let reply = arp::Message {
        operation: arp::Operation::Reply,
        sender_mac: FAR_END,
        sender: gateway,
        target_mac: mac,
        target: gateway,
    };
    reply.emit(&mut frame[ethernet::HEADER_LEN..]);
    frame
}

fn neighbor_advertisement(mac: MacAddr, gateway: Ipv6Addr) -> [u8; ethernet::HEADER_LEN + ipv6::HEADER_LEN + ndp::LEN] {
    let mut frame = [0; ethernet::HEADER_LEN + ipv6::HEADER_LEN + ndp::LEN];
    ethernet::Header::emit(&mut frame, mac, FAR_END, None, ethertype::IPV6);
    let header = ipv6::Repr {
        saddr: gateway,
        daddr: gateway,
        next_header: wire::ipv4::protocol::ICMPV6,
        hop_limit: 255,
        traffic_class: 0,
        payload_len: ndp::LEN as u16,
    };
    header.emit(&mut frame[ethernet::HEADER_LEN..]);
    let advertisement = ndp::Message::Advertisement {
        target: gateway,
        target_mac: Some(FAR_END),
        router: false,
        solicited: true,
        override_: true,
    };
    advertisement.emit(&mut frame[ethernet::HEADER_LEN + ipv6::HEADER_LEN..]);
    frame
}
