//! How an Iface with `config: dhcp` comes by its IPv4 address (RFC 2131), renews it and loses it.
//!
//! smoltcp's client does the talking. Around it: the limit of 10 s, after which a `dhcp-with-fallback` Iface takes
//! its static settings for good and a `dhcp` Iface says that it has none and goes on asking.

use crate::host::at;
use core::fmt;
use policy::Static4;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::dhcpv4;
use wire::{Duration, IfaceId, Instant, IpAddr, Ipv4Addr};

/// How long an Iface may be without a lease before something is done about it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two discovers or two requests (RFC 2131 §4.1 begins with 4 s).
const RETRY: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(4);

/// What happened to an Iface's IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A server leased an address, or renewed it with other settings.
    Leased { iface: IfaceId, lease: Lease },
    /// The lease is over: expired, or refused by the server. The address is gone.
    Lost { iface: IfaceId },
    /// No lease within 10 s, and there is nothing to fall back to. The client goes on asking.
    NoAnswer { iface: IfaceId },
    /// No lease within 10 s: the static settings are in force, and the client has stopped.
    FellBack { iface: IfaceId, config: Static4 },
}

impl Event {
    pub fn iface(&self) -> IfaceId {
        match self {
            Self::Leased { iface, .. }
            | Self::Lost { iface }
            | Self::NoAnswer { iface }
            | Self::FellBack { iface, .. } => *iface,
        }
    }

    /// The Iface's IPv4 configuration after this event.
    pub fn address4(&self) -> Option<Static4> {
        match self {
            Self::Leased { lease, .. } => Some(lease.config),
            Self::FellBack { config, .. } => Some(*config),
            Self::Lost { .. } | Self::NoAnswer { .. } => None,
        }
    }
}

/// What a DHCP server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub server: Ipv4Addr,
    /// The gateway is the server where it named no router, the DNS server the gateway where it named none.
    pub config: Static4,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.config.address, self.config.prefix_len)?;
        if let Some(gateway) = self.config.gateway {
            write!(f, " gateway {gateway}")?;
        }
        if let Some(dns) = self.config.dns {
            write!(f, " dns {dns}")?;
        }
        write!(f, " from {}", self.server)
    }
}

/// One Iface's client.
pub struct Client {
    socket: SocketHandle,
    fallback: Option<Static4>,
    /// While there is no lease, and until it has been said that there is none.
    deadline: Option<Instant>,
    leased: bool,
}

impl Client {
    pub fn new(sockets: &mut SocketSet<'static>, fallback: Option<Static4>, now: Instant) -> Self {
        let mut socket = dhcpv4::Socket::new();
        let mut retry = socket.get_retry_config();
        retry.discover_timeout = RETRY;
        retry.initial_request_timeout = RETRY;
        socket.set_retry_config(retry);
        Self { socket: sockets.add(socket), fallback, deadline: Some(now + PATIENCE), leased: false }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What has happened since the last call; again until nothing has.
    pub fn poll(&mut self, now: Instant, iface: IfaceId, sockets: &mut SocketSet<'static>) -> Option<Event> {
        match sockets.get_mut::<dhcpv4::Socket<'_>>(self.socket).poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                self.deadline = None;
                self.leased = true;
                let server = config.server.identifier;
                let gateway = config.router.unwrap_or(server);
                let dns = config.dns_servers.first().copied().unwrap_or(gateway);
                let config = Static4 {
                    address: config.address.address(),
                    prefix_len: config.address.prefix_len(),
                    gateway: Some(gateway),
                    dns: Some(IpAddr::V4(dns)),
                };
                return Some(Event::Leased { iface, lease: Lease { server, config } });
            }
            // A fresh client says so too, when there is nothing to lose yet.
            Some(dhcpv4::Event::Deconfigured) if self.leased => {
                self.leased = false;
                self.deadline = Some(now + PATIENCE);
                return Some(Event::Lost { iface });
            }
            Some(dhcpv4::Event::Deconfigured) | None => {}
        }
        if self.deadline.is_none_or(|deadline| at(now) < at(deadline)) {
            return None;
        }
        self.deadline = None;
        Some(match self.fallback {
            Some(config) => Event::FellBack { iface, config },
            None => Event::NoAnswer { iface },
        })
    }

    /// Ends the client's work for good.
    pub fn stop(&self, sockets: &mut SocketSet<'static>) {
        sockets.remove(self.socket);
    }
}
