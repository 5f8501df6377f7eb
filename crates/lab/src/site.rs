//! The world that `examples/seed.nacl` and `seed6.nacl` are written for, made of real hosts.
//!
//! ```text
//!  client  203.0.113.9 ──┐
//!                        ├─ router 10.0.0.1 ── NIC 0 ┌──────────┐ NIC 1 ── switch ─┬─ web 192.168.0.50
//!  bastion 10.55.1.1 ────┘                           │ saltgate │                  └─ log 192.168.0.231
//!                         management 172.16.99.2 ─── └──────────┘ NIC 2
//! ```
//!
//! Every host has an IPv6 address beside the IPv4 one. The management network hangs on a NIC that the configuration
//! does not name.

use crate::host::Host;
use crate::wiring::{Plug, cable};
use anyhow::{Context, Result, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub struct Site {
    pub client: Host,
    pub bastion: Host,
    pub router: Host,
    pub switch: Host,
    pub web: Host,
    pub log: Host,
    pub management: Host,
}

impl Site {
    /// MAC addresses of the router's NICs: outside, inside, management.
    pub const MACS: [&str; 3] = ["c0:01:0a:00:00:02", "c0:01:0a:00:00:12", "c0:01:0a:00:00:22"];

    pub const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
    pub const BASTION: Ipv4Addr = Ipv4Addr::new(10, 55, 1, 1);
    pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    pub const WEB: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 50);
    /// A second address of the web server, outside `allowed_hosts`.
    pub const NOT_ALLOWED: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 5);
    pub const LOG: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 231);
    pub const MANAGEMENT: Ipv4Addr = Ipv4Addr::new(172, 16, 99, 2);

    pub const CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);
    pub const BASTION6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x55, 0, 0, 0, 0, 1);
    pub const OUTSIDE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 2);
    pub const WEB6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x50);
    pub const NOT_ALLOWED6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 5);
    pub const LOG6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x231);

    /// The port that the seed's Syslog names.
    pub const LOG_PORT: u16 = 6514;

    /// All hosts and their cables, but for those into the router in the middle.
    pub fn new() -> Result<Self> {
        let [client, bastion, router, switch, web, log, management] =
            ["client", "bastion", "router", "switch", "web", "log", "management"].map(Host::new);
        let site = Self {
            client: client?,
            bastion: bastion?,
            router: router?,
            switch: switch?,
            web: web?,
            log: log?,
            management: management?,
        };
        let Self { client, bastion, router, switch, web, log, .. } = &site;

        for (host, device, own, of_router) in [
            (client, "to-client", ["203.0.113.9/24", "2001:db8:9::9/64"], ["203.0.113.1/24", "2001:db8:9::1/64"]),
            (bastion, "to-bastion", ["10.55.1.1/24", "2001:db8:55::1/64"], ["10.55.1.254/24", "2001:db8:55::fe/64"]),
        ] {
            cable(host, "eth0", router, device)?;
            for (own, of_router) in own.into_iter().zip(of_router) {
                host.address("eth0", own)?;
                router.address(device, of_router)?;
                host.default_route(of_router)?;
            }
        }
        router.sysctl("ipv4/ip_forward", "1")?;
        router.sysctl("ipv6/conf/all/forwarding", "1")?;

        switch.ip("link add name br0 type bridge")?;
        switch.ip("link set br0 up")?;
        for (host, device, own) in [
            (web, "to-web", &["192.168.0.50/24", "192.168.0.5/24", "2001:db8:0:2::50/64", "2001:db8:0:2::5/64"][..]),
            (log, "to-log", &["192.168.0.231/24", "2001:db8:0:2::231/64"]),
        ] {
            cable(host, "eth0", switch, device)?;
            switch.ip(&format!("link set dev {device} master br0"))?;
            for own in own {
                host.address("eth0", own)?;
            }
            host.default_route("192.168.0.1/24")?;
            host.default_route("2001:db8:0:2::1/64")?;
        }
        Ok(site)
    }

    /// Where the router's NICs go, in the order of `index`.
    pub fn plugs(&self) -> [Plug<'_>; 3] {
        [(&self.router, "eth0"), (&self.switch, "to-saltgate"), (&self.management, "eth0")]
            .into_iter()
            .zip(Self::MACS)
            .map(|((host, device), mac)| Plug { host, device, mac })
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_else(|_| unreachable!("three of each"))
    }

    /// Gives the devices at the far ends of the router's NICs their addresses, and their places in bridge and routes.
    pub fn connect(&self) -> Result<()> {
        self.switch.ip("link set to-saltgate master br0")?;
        let Self { router, management, .. } = self;
        // Asks again at once, so that a router that is just starting is found as soon as it is there.
        router.sysctl("ipv4/neigh/eth0/retrans_time_ms", "10")?;
        router.ip("address add 10.0.0.1/24 dev eth0\nroute add 192.168.0.0/24 via 10.0.0.2\n\
             address add 2001:db8:0:1::1/64 dev eth0 nodad\nroute add 2001:db8:0:2::/64 via 2001:db8:0:1::2")?;
        // The box does not answer on a network that it has no Iface in; who sends there all the same knows its MAC.
        management.ip(&format!(
            "address add 172.16.99.2/24 dev eth0\nroute add default via 172.16.99.1\n\
             neighbor add 172.16.99.1 lladdr {} dev eth0 nud permanent",
            Self::MACS[2]
        ))
    }

    /// Waits until a packet of the bastion has come through to the web server, and says when it did. The seed lets the
    /// bastion send anything.
    pub fn first_forwarded(&self, patience: Duration) -> Result<Instant> {
        let to = SocketAddr::new(IpAddr::V4(Self::WEB), 9000);
        let receiver = self.web.run(move || UdpSocket::bind(to)).context("the web server's port 9000 is taken")?;
        receiver.set_read_timeout(Some(patience))?;
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let sender = self.bastion.background(move || -> std::io::Result<()> {
            let socket = UdpSocket::bind((Self::BASTION, 0))?;
            while !until.load(Ordering::Relaxed) {
                // Before the router is there, the outside router may answer that there is no way.
                let _ = socket.send_to(b"are you there?", to);
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        });
        let received = receiver.recv(&mut [0; 64]);
        let now = Instant::now();
        over.store(true, Ordering::Relaxed);
        match sender.join() {
            Ok(sent) => sent.context("the bastion cannot send")?,
            Err(_) => bail!("the bastion's thread panicked"),
        }
        received.with_context(|| format!("nothing was forwarded within {patience:?}"))?;
        Ok(now)
    }
}

impl Host {
    /// A default route to a neighbour, named with the prefix length of its subnet: "10.0.0.1/24".
    pub fn default_route(&self, via: &str) -> Result<()> {
        let via = via.split('/').next().unwrap_or(via);
        self.ip(&format!("route add default via {via}"))
    }
}
