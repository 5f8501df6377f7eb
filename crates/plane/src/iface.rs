//! The Ifaces as they are now: their links, their addresses, and who owns what.

use crate::route::prefixes::{Prefix, Prefixes};
use crate::{Address4, Link};
use alloc::vec::Vec;
use policy::{Ipv4Config, Policy, ReversePath, Static4};
use wire::addr::{is_link_local6, solicited_node};
use wire::{Cidr4, Cidr6, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr, PortId};

/// One Iface, ready to be asked per packet.
#[derive(Clone, Debug)]
pub(crate) struct Iface {
    pub link: Link,
    pub vid: Option<u16>,
    pub address4: Option<Address4>,
    /// The directed broadcast of that address's subnet.
    broadcast4: Option<Ipv4Addr>,
    /// The first and the last address of its IPv4 subnet; without one, the last is before the first.
    subnet4: (u32, u32),
    /// The EUI-64 link-local address included, unless the policy names another; empty: no IPv6.
    pub address6: Vec<(Ipv6Addr, u8)>,
    pub gateway6: Option<Ipv6Addr>,
    /// Its packets are tracked.
    pub tracked: bool,
    /// A route of this family names it.
    pub forwards4: bool,
    pub forwards6: bool,
    pub reverse_path: Option<ReversePath>,
    /// Its IPv4 address comes by DHCP.
    pub dhcp: bool,
}

impl Iface {
    fn new(policy: &Policy, id: IfaceId, link: Link) -> Self {
        let iface = policy.iface(id);
        let routes = policy.gateway.as_ref().map(|gateway| &gateway.routes[..]).unwrap_or_default();
        let forwards = |v4: bool| routes.iter().any(|route| route.iface == id && route.net.network().is_ipv4() == v4);
        let mut address6 = iface.map(|iface| iface.address6.clone()).unwrap_or_default();
        if !address6.is_empty() && !address6.iter().any(|(address, _)| is_link_local6(*address)) {
            address6.push((link.mac.link_local(), 64));
        }
        let config = iface.map_or(Ipv4Config::Unconfigured, |iface| iface.ipv4);
        let address4 = match config {
            Ipv4Config::Static(Static4 { address, prefix_len, gateway, .. }) => {
                Some(Address4 { address, prefix_len, gateway })
            }
            // The static settings of a fallback apply when the host says that DHCP has failed.
            Ipv4Config::Unconfigured | Ipv4Config::Dhcp | Ipv4Config::DhcpWithFallback(_) => None,
        };
        Self {
            link,
            vid: iface.and_then(|iface| iface.vlan),
            address4,
            broadcast4: address4.and_then(|own| own.broadcast()),
            subnet4: range(address4),
            address6,
            gateway6: iface.and_then(|iface| iface.gateway6),
            tracked: policy.is_tracked(id),
            forwards4: forwards(true),
            forwards6: forwards(false),
            reverse_path: iface.and_then(|iface| iface.reverse_path),
            dhcp: matches!(config, Ipv4Config::Dhcp | Ipv4Config::DhcpWithFallback(_)),
        }
    }

    pub fn has_family(&self, v4: bool) -> bool {
        if v4 { self.address4.is_some() } else { !self.address6.is_empty() }
    }

    pub fn forwards(&self, v4: bool) -> bool {
        if v4 { self.forwards4 } else { self.forwards6 }
    }

    /// One of its own unicast addresses.
    pub fn owns(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.address4.is_some_and(|own| own.address == address),
            IpAddr::V6(address) => self.address6.iter().any(|(own, _)| *own == address),
        }
    }

    /// The directed broadcast of its subnet.
    #[inline]
    pub fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.broadcast4 == Some(address)
    }

    /// A destination that this Iface receives for itself: its addresses, broadcasts, and the groups it is in.
    #[inline]
    pub fn receives(&self, dst: IpAddr) -> bool {
        match dst {
            IpAddr::V4(Ipv4Addr::BROADCAST) => true,
            IpAddr::V4(dst) => self.is_broadcast(dst) || self.address4.is_some_and(|own| own.address == dst),
            IpAddr::V6(dst) if dst.is_multicast() => {
                const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
                const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
                dst == ALL_NODES
                    || dst == ALL_ROUTERS
                    || self.address6.iter().any(|(own, _)| solicited_node(*own) == dst)
            }
            IpAddr::V6(_) => self.owns(dst),
        }
    }

    /// Reachable without a router: in one of its subnets.
    pub fn on_link(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => (self.subnet4.0..=self.subnet4.1).contains(&address.to_bits()),
            IpAddr::V6(address) if is_link_local6(address) => !self.address6.is_empty(),
            IpAddr::V6(address) => {
                self.address6.iter().any(|(own, len)| Cidr6::masked(*own, *len).is_ok_and(|net| net.contains(address)))
            }
        }
    }

    /// The next hop for destinations off its subnets when no route gives one.
    pub fn gateway(&self, v4: bool) -> Option<IpAddr> {
        if v4 { self.address4.and_then(|own| own.gateway).map(IpAddr::V4) } else { self.gateway6.map(IpAddr::V6) }
    }

    /// The address that `redirect` and `masquerade` use: of IPv6 the first that is not link-local.
    pub fn global_address(&self, v4: bool) -> Option<IpAddr> {
        if v4 {
            self.address4.map(|own| IpAddr::V4(own.address))
        } else {
            self.address6.iter().find(|(own, _)| !is_link_local6(*own)).map(|(own, _)| IpAddr::V6(*own))
        }
    }

    /// Its own address for talking to `dst`: of the family, on the subnet if there is one, else the first that is not
    /// link-local; a link-local one for link-local destinations.
    pub fn source_for(&self, dst: IpAddr) -> Option<IpAddr> {
        match dst {
            IpAddr::V4(_) => self.address4.map(|own| IpAddr::V4(own.address)),
            IpAddr::V6(dst) => {
                let link_local = is_link_local6(dst) || dst.is_multicast();
                let on_subnet = |(own, len): &&(Ipv6Addr, u8)| {
                    Cidr6::masked(*own, *len).is_ok_and(|net| net.contains(dst)) && is_link_local6(*own) == link_local
                };
                let fits = |(own, _): &&(Ipv6Addr, u8)| is_link_local6(*own) == link_local;
                let found = self.address6.iter().find(on_subnet).or_else(|| self.address6.iter().find(fits));
                found.or(self.address6.first()).map(|(own, _)| IpAddr::V6(*own))
            }
        }
    }
}

impl Address4 {
    pub(crate) fn subnet(&self) -> Option<Cidr4> {
        Cidr4::masked(self.address, self.prefix_len).ok()
    }

    /// The directed broadcast of the subnet; a /31 or /32 has none (RFC 3021 §2.2).
    pub(crate) fn broadcast(&self) -> Option<Ipv4Addr> {
        self.subnet().filter(|_| self.prefix_len < 31).map(Cidr4::last)
    }
}

/// All Ifaces, and the two look-ups that every packet needs.
#[derive(Clone, Debug)]
pub(crate) struct Ifaces {
    ifaces: Vec<Iface>,
    /// By port: whose frames without a tag are.
    untagged: Vec<Option<IfaceId>>,
    /// Sorted by port and VLAN.
    demux: Vec<(PortId, Option<u16>, IfaceId)>,
    /// Every own address with its owner, sorted; by family.
    owners4: Vec<(u32, IfaceId)>,
    owners6: Vec<(u128, IfaceId)>,
    /// Where they are connected. A value is a prefix length in the upper half and an Iface in the lower one.
    subnets4: Prefixes<u32>,
    subnets6: Prefixes<u128>,
}

impl Ifaces {
    pub fn new(policy: &Policy, links: &[Link]) -> Self {
        let ifaces: Vec<Iface> =
            policy.iface_ids().zip(links).map(|(id, link)| Iface::new(policy, id, *link)).collect();
        let ids = policy.iface_ids();
        let mut demux: Vec<_> = ids.zip(&ifaces).map(|(id, iface)| (iface.link.port, iface.vid, id)).collect();
        demux.sort_unstable();
        let ports = demux.last().map_or(0, |(port, ..)| usize::from(port.0) + 1);
        let mut untagged = alloc::vec![None; ports];
        for (port, _, id) in demux.iter().filter(|(_, vid, _)| vid.is_none()) {
            if let Some(place) = untagged.get_mut(usize::from(port.0)) {
                *place = Some(*id);
            }
        }
        let (subnets4, subnets6) = (Prefixes::new(Vec::new()), Prefixes::new(Vec::new()));
        let (owners4, owners6) = (Vec::new(), Vec::new());
        let mut all = Self { ifaces, untagged, demux, owners4, owners6, subnets4, subnets6 };
        all.index_owners();
        all
    }

    fn index_owners(&mut self) {
        self.owners4.clear();
        self.owners6.clear();
        for (at, iface) in self.ifaces.iter().enumerate() {
            let id = IfaceId(at as u16);
            self.owners4.extend(iface.address4.map(|own| (own.address.to_bits(), id)));
            self.owners6.extend(iface.address6.iter().map(|(own, _)| (own.to_bits(), id)));
        }
        self.owners4.sort_unstable();
        self.owners6.sort_unstable();
        self.index_subnets();
    }

    fn index_subnets(&mut self) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let value = |len: u8, id: IfaceId| u32::from(len) << 16 | u32::from(id.0);
        for (id, iface) in self.iter() {
            if let Some(net) = iface.address4.and_then(|own| own.subnet()) {
                let len = net.prefix_len();
                let (first, last) = (net.network().to_bits(), net.last().to_bits());
                v4.push(Prefix { first, last, len, value: value(len, id) });
            }
            for net in iface.address6.iter().filter_map(|(own, len)| Cidr6::masked(*own, *len).ok()) {
                let len = net.prefix_len();
                let (first, last) = (net.network().to_bits(), net.last().to_bits());
                v6.push(Prefix { first, last, len, value: value(len, id) });
            }
        }
        // Of two Ifaces in one subnet the first counts.
        (self.subnets4, self.subnets6) = (Prefixes::new(v4), Prefixes::new(v6));
    }

    pub fn set_address4(&mut self, id: IfaceId, address: Option<Address4>) {
        if let Some(iface) = self.ifaces.get_mut(usize::from(id.0)) {
            (iface.address4, iface.subnet4) = (address, range(address));
            iface.broadcast4 = address.and_then(|own| own.broadcast());
        }
        self.index_owners();
    }

    /// Gives an IPv6 address up, because another station has it.
    pub fn remove_address6(&mut self, id: IfaceId, address: Ipv6Addr) {
        if let Some(iface) = self.ifaces.get_mut(usize::from(id.0)) {
            iface.address6.retain(|(own, _)| *own != address);
        }
        self.index_owners();
    }

    /// The directed broadcasts of all subnets, sorted.
    pub fn broadcasts(&self) -> Vec<u32> {
        let mut all: Vec<_> = self.ifaces.iter().filter_map(|iface| Some(iface.broadcast4?.to_bits())).collect();
        all.sort_unstable();
        all
    }

    pub fn get(&self, id: IfaceId) -> Option<&Iface> {
        self.ifaces.get(usize::from(id.0))
    }

    pub fn iter(&self) -> impl Iterator<Item = (IfaceId, &Iface)> {
        self.ifaces.iter().enumerate().map(|(at, iface)| (IfaceId(at as u16), iface))
    }

    /// The Iface of a NIC's frames with this VLAN identifier. A priority tag (VLAN 0) counts as none (IEEE 802.1Q §6.9).
    #[inline]
    pub fn of_frame(&self, port: PortId, vid: Option<u16>) -> Option<IfaceId> {
        let vid = vid.filter(|vid| *vid != 0);
        if vid.is_none() {
            return self.untagged.get(usize::from(port.0)).copied().flatten();
        }
        let at = self.demux.binary_search_by_key(&(port, vid), |(port, vid, _)| (*port, *vid)).ok()?;
        self.demux.get(at).map(|(_, _, id)| *id)
    }

    /// Whose own address this is; link-local addresses count only on their link, so they have no owner here.
    #[inline]
    pub fn owner(&self, address: IpAddr) -> Option<IfaceId> {
        match address {
            IpAddr::V4(address) => owner(&self.owners4, address.to_bits()),
            IpAddr::V6(address) => owner(&self.owners6, address.to_bits()),
        }
    }

    /// The length of the longest subnet that holds `address`, and the lowest Iface that is in it.
    #[inline]
    pub fn subnet_of(&self, address: IpAddr) -> Option<(u8, IfaceId)> {
        let found = match address {
            IpAddr::V4(address) => self.subnets4.find(address.to_bits()),
            IpAddr::V6(address) => self.subnets6.find(address.to_bits()),
        };
        found.map(|value| ((value >> 16) as u8, IfaceId(value as u16)))
    }

    #[inline]
    pub fn mac(&self, id: IfaceId) -> MacAddr {
        self.get(id).map_or(MacAddr::default(), |iface| iface.link.mac)
    }
}

/// The first and the last address of its subnet.
fn range(address: Option<Address4>) -> (u32, u32) {
    let net = address.and_then(|own| own.subnet());
    net.map_or((1, 0), |net| (net.network().to_bits(), net.last().to_bits()))
}

/// The owner of an address among those of its family. A box has few addresses, so that looking at each of them is
/// faster than halving.
#[inline]
fn owner<T: Ord + Copy>(owners: &[(T, IfaceId)], address: T) -> Option<IfaceId> {
    const FEW: usize = 8;
    if owners.len() <= FEW {
        return owners.iter().find(|(own, _)| *own == address).map(|(_, id)| *id);
    }
    let at = owners.partition_point(|(own, _)| *own < address);
    owners.get(at).filter(|(own, _)| *own == address).map(|(_, id)| *id)
}
