//! The hosts on the links: for every address of a subnet there is one, and all it does is to say where it is.
//!
//! A host answers ARP requests (RFC 826) and neighbor solicitations (RFC 4861 §7.2.4) for its address, unless the
//! address is the box's own or was told to be silent. What else a host says, a test sends in its name.

use policy::{Ipv4Config, Policy};
use std::collections::BTreeSet;
use wire::checksum::Sum;
use wire::ethernet::{self, ethertype};
use wire::{Cidr, Cidr6, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, PortId, arp, ipv4, ipv6, ndp};

/// The MAC address of the host that has `address`; the same on every link.
pub fn mac_of(address: IpAddr) -> MacAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            MacAddr([2, 4, a, b, c, d])
        }
        IpAddr::V6(address) => {
            // FNV-1a: hosts of different subnets whose last 32 bits agree are still different hosts.
            let hash = address
                .octets()
                .iter()
                .fold(0x811c_9dc5u32, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193));
            let [a, b, c, d] = hash.to_be_bytes();
            MacAddr([2, 6, a, b, c, d])
        }
    }
}

/// All hosts of all links.
pub struct Hosts {
    links: Vec<Link>,
    silent: BTreeSet<IpAddr>,
}

/// What there is behind an Iface.
struct Link {
    port: PortId,
    vlan: Option<u16>,
    mac: MacAddr,
    subnets: Vec<Cidr>,
    own: Vec<IpAddr>,
    /// Who carries packets from far away to this link.
    routers: Vec<IpAddr>,
}

impl Hosts {
    /// The links of a policy; `nics` holds the port and MAC address of each Iface.
    pub fn new(policy: &Policy, nics: &[(PortId, MacAddr)]) -> Self {
        let links = policy.ifaces.iter().zip(policy.iface_ids()).zip(nics);
        let links = links.map(|((iface, id), (port, mac))| Link::new(policy, iface, id, *port, *mac)).collect();
        Self { links, silent: BTreeSet::new() }
    }

    /// From now on the host of `address` answers, or does not.
    pub fn set_silent(&mut self, address: IpAddr, silent: bool) {
        if silent {
            self.silent.insert(address);
        } else {
            self.silent.remove(&address);
        }
    }

    /// Whose MAC address a packet from `source` has when it comes in by this Iface: its host's where the source is on
    /// the link, else that of the link's router.
    pub fn sender_mac(&self, iface: IfaceId, source: IpAddr) -> MacAddr {
        let Some(link) = self.links.get(usize::from(iface.0)) else { return mac_of(source) };
        if link.is_on_link(source) {
            return mac_of(source);
        }
        let family = |router: &&IpAddr| router.is_ipv4() == source.is_ipv4();
        mac_of(link.routers.iter().find(family).copied().unwrap_or(source))
    }

    /// True for an address that the box has on any of its Ifaces.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.links.iter().any(|link| link.own.contains(&address))
    }

    /// What a host says to a frame that the box has sent out of `port`.
    pub fn answer(&self, port: PortId, frame: &[u8]) -> Option<Vec<u8>> {
        let header = ethernet::Header::parse(frame).ok()?;
        let link = self.links.iter().find(|link| link.port == port && link.vlan == header.vid)?;
        let payload = frame.get(header.len..)?;
        match header.ethertype {
            ethertype::ARP => self.answer_arp(link, payload),
            ethertype::IPV6 => self.answer_solicitation(link, payload),
            _ => None,
        }
    }

    fn answers(&self, link: &Link, address: IpAddr) -> bool {
        link.is_on_link(address) && !link.own.contains(&address) && !self.silent.contains(&address)
    }

    fn answer_arp(&self, link: &Link, payload: &[u8]) -> Option<Vec<u8>> {
        let asked = arp::Message::parse(payload).filter(|message| message.operation == arp::Operation::Request)?;
        let here = IpAddr::V4(asked.target);
        if !self.answers(link, here) || asked.sender == asked.target {
            return None;
        }
        let (mut frame, at) = link.frame_to_box(mac_of(here), ethertype::ARP, arp::LEN);
        arp::Message {
            operation: arp::Operation::Reply,
            sender_mac: mac_of(here),
            sender: asked.target,
            target_mac: asked.sender_mac,
            target: asked.sender,
        }
        .emit(frame.get_mut(at..)?);
        Some(frame)
    }

    fn answer_solicitation(&self, link: &Link, payload: &[u8]) -> Option<Vec<u8>> {
        let header = ipv6::Header::parse(payload).ok()?;
        if header.next_header() != ipv4::protocol::ICMPV6 {
            return None;
        }
        let ndp::Message::Solicitation { target, .. } = ndp::Message::parse(payload.get(ipv6::HEADER_LEN..)?)? else {
            return None;
        };
        let asker = header.saddr();
        // Duplicate address detection asks from `::`: the address is free, so nobody answers.
        if asker.is_unspecified() || !self.answers(link, IpAddr::V6(target)) {
            return None;
        }
        let mac = mac_of(IpAddr::V6(target));
        let (mut frame, at) = link.frame_to_box(mac, ethertype::IPV6, ipv6::HEADER_LEN + ndp::LEN);
        let packet = frame.get_mut(at..)?;
        let message = ndp::Message::Advertisement {
            target,
            target_mac: Some(mac),
            router: link.routers.contains(&IpAddr::V6(target)),
            solicited: true,
            override_: true,
        };
        ipv6::Repr {
            saddr: target,
            daddr: asker,
            next_header: ipv4::protocol::ICMPV6,
            hop_limit: 255,
            traffic_class: 0,
            payload_len: ndp::LEN as u16,
        }
        .emit(packet);
        let body = packet.get_mut(ipv6::HEADER_LEN..)?;
        message.emit(body);
        let sum = Sum::pseudo_header(target.into(), asker.into(), ipv4::protocol::ICMPV6, ndp::LEN as u32);
        let sum = sum.bytes(body).checksum();
        body.get_mut(2..4)?.copy_from_slice(&sum.to_be_bytes());
        Some(frame)
    }
}

impl Link {
    fn new(policy: &Policy, iface: &policy::Iface, id: IfaceId, port: PortId, mac: MacAddr) -> Self {
        let mut link = Self { port, vlan: iface.vlan, mac, subnets: Vec::new(), own: Vec::new(), routers: Vec::new() };
        if let Ipv4Config::Static(config) | Ipv4Config::DhcpWithFallback(config) = iface.ipv4 {
            link.add(IpAddr::V4(config.address), config.prefix_len);
            link.routers.extend(config.gateway.map(IpAddr::V4));
        }
        for &(address, prefix_len) in &iface.address6 {
            link.add(IpAddr::V6(address), prefix_len);
        }
        if !iface.address6.is_empty() {
            link.own.push(IpAddr::V6(mac.link_local()));
            link.subnets.extend(Cidr6::masked(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10).map(Cidr::V6));
        }
        link.routers.extend(iface.gateway6.map(IpAddr::V6));
        let routes = policy.gateway.iter().flat_map(|gateway| &gateway.routes);
        link.routers.extend(routes.filter(|route| route.iface == id).filter_map(|route| route.nexthop));
        link
    }

    fn add(&mut self, address: IpAddr, prefix_len: u8) {
        self.own.push(address);
        self.subnets.extend(Cidr::masked(address, prefix_len));
    }

    /// Of one of the link's subnets, and no address that stands for all of them.
    fn is_on_link(&self, address: IpAddr) -> bool {
        let is_host = |subnet: &Cidr| match (subnet, address) {
            (Cidr::V4(subnet), IpAddr::V4(address)) => {
                subnet.contains(address)
                    && (subnet.prefix_len() >= 31 || (address != subnet.last() && address != subnet.network()))
            }
            (Cidr::V6(subnet), IpAddr::V6(address)) => subnet.contains(address),
            _ => false,
        };
        address != IpAddr::V4(Ipv4Addr::BROADCAST) && self.subnets.iter().any(is_host)
    }

    /// A frame from `source` to the box with room for `len` bytes, and where these begin.
    fn frame_to_box(&self, source: MacAddr, ethertype: u16, len: usize) -> (Vec<u8>, usize) {
        let at = ethernet::Header::len_for(self.vlan);
        let mut frame = vec![0; at + len];
        ethernet::Header::emit(&mut frame, self.mac, source, self.vlan, ethertype);
        (frame, at)
    }
}
