//! A router with its world, spoken to in the notation of stories: who sends what where, and what came of it.

use crate::effects::{Came, Datagram};
use crate::packet::{Key, Kind, Packet, Seen, arp_message, decode_frame, decode_packet};
use crate::script::{Action, Name};
use crate::text::{Diagnostic, Span, did_you_mean};
use node::Settings;
use plane::Counters;
use policy::{Ipv4Config, Policy};
use sim::{Happening, Net};
use wire::ethernet::{self, ethertype};
use wire::{Cidr4, IfaceId, IpAddr, Ipv4Addr, MacAddr, PortId};

/// Frames that a simulated NIC receives before it waits for the router.
const QUEUE_LEN: u32 = 256;

/// Shortest frame of Ethernet, without its checksum, in bytes; shorter ones are padded (IEEE 802.3 §3.2.8).
const MIN_FRAME_LEN: usize = 60;

/// A router, its world, and what its hosts remember.
pub struct Scene {
    pub net: Net,
    pub seen: Seen,
    /// The counters when [`came`](Self::came) was asked last.
    before: Counters,
}

/// What came of something.
pub struct Effects {
    pub came: Vec<Came>,
    /// Packets from the box's own addresses among it.
    pub answers: usize,
}

/// The end of a wire: a NIC, a VLAN of it, and the Iface that has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    pub port: PortId,
    pub vlan: Option<u16>,
    pub mac: MacAddr,
    pub iface: Option<IfaceId>,
}

impl Scene {
    pub fn new(policy: Policy, settings: Settings) -> Result<Self, Vec<node::StartError>> {
        let net = Net::with(policy, settings)?;
        Ok(Self { before: net.counters().clone(), net, seen: Seen::default() })
    }

    /// What has come so far is nobody's.
    pub fn forget(&mut self) {
        self.net.take();
        self.before = self.net.counters().clone();
    }

    /// The counters when [`came`](Self::came) was asked last.
    pub fn counters_before(&self) -> &Counters {
        &self.before
    }

    /// Does what a step says; the box has not run since, unless the NIC's queue has no room for all of it. Returns the
    /// frame that came in.
    pub fn act(&mut self, action: &Action, span: Span) -> Result<Option<Vec<u8>>, Diagnostic> {
        match action {
            Action::Wait | Action::Start => Ok(None),
            Action::Silent(hosts) => {
                hosts.iter().for_each(|host| self.net.set_silent(*host, true));
                Ok(None)
            }
            Action::Answer(hosts) => {
                hosts.iter().for_each(|host| self.net.set_silent(*host, false));
                Ok(None)
            }
            Action::In { iface, packet, times } => {
                let wire = self.wire(iface)?;
                let frame = self.frame(wire, packet)?;
                self.send(wire, &frame, *times, span)?;
                Ok(Some(frame))
            }
        }
    }

    /// Puts a frame on a wire, so many times.
    pub fn send(&mut self, wire: Wire, frame: &[u8], times: u32, span: Span) -> Result<(), Diagnostic> {
        for nth in 1..=times {
            self.net.send(wire.port, frame);
            // A flood comes in pieces that the NIC's queue has room for.
            if nth % QUEUE_LEN == 0 {
                self.net.settle().map_err(|error| Diagnostic::new(span, error.to_string()))?;
            }
        }
        self.seen.remember(&decode_frame(frame));
        Ok(())
    }

    /// The wire behind an Iface, or behind `nicN`.
    pub fn wire(&self, name: &Name) -> Result<Wire, Diagnostic> {
        let policy = self.net.policy();
        if let Some(at) = policy.ifaces.iter().position(|iface| iface.name == name.text)
            && let (Some(iface), Some(link)) = (policy.ifaces.get(at), self.net.plane().links().get(at))
        {
            return Ok(Wire { port: link.port, vlan: iface.vlan, mac: link.mac, iface: Some(IfaceId(at as u16)) });
        }
        let nic = name.text.strip_prefix("nic").and_then(|number| number.parse::<u16>().ok());
        if let Some(port) = nic
            && let Some(nic) = self.net.nics().get(usize::from(port))
        {
            return Ok(Wire { port: PortId(port), vlan: None, mac: nic.mac, iface: None });
        }
        let error = Diagnostic::new(name.span, format!("the policy has no Iface `{}`", name.text));
        Err(match did_you_mean(&name.text, policy.ifaces.iter().map(|iface| &iface.name[..])) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        })
    }

    /// A packet of the story as a frame on this wire.
    pub fn frame(&self, wire: Wire, packet: &Packet) -> Result<Vec<u8>, Diagnostic> {
        if let Kind::Frame(bytes) = &packet.kind {
            return Ok(bytes.clone());
        }
        let mut payload = packet.bytes(&self.seen)?;
        let (src, dst) = match packet.kind {
            Kind::Hex(_) => {
                let decoded = decode_packet(&payload);
                (decoded.src, decoded.dst)
            }
            Kind::ArpRequest { sender, .. } | Kind::ArpReply { sender, .. } => (Some(sender.into()), None),
            _ => (packet.src, packet.dst),
        };
        let host = src.map(|src| wire.iface.map_or_else(|| sim::mac_of(src), |iface| self.net.sender_mac(iface, src)));
        let said = match packet.kind {
            Kind::ArpReply { mac, .. } => mac,
            _ => None,
        };
        let via = packet.via.map(sim::mac_of);
        let src_mac = packet.src_mac.or(said).or(via).or(host).unwrap_or(MacAddr([2, 0, 0, 0, 0, 1]));
        let dst_mac = packet.dst_mac.unwrap_or_else(|| self.destination(wire, packet, dst));
        let kind = match packet.kind {
            Kind::ArpRequest { .. } | Kind::ArpReply { .. } => {
                let own = (wire.mac, self.own4(wire).map_or(Ipv4Addr::UNSPECIFIED, |(own, _)| own));
                let message = arp_message(&packet.kind, src_mac, own)
                    .ok_or_else(|| Diagnostic::new(packet.span, "this message cannot be sent"))?;
                payload = vec![0; wire::arp::LEN];
                message.emit(&mut payload);
                ethertype::ARP
            }
            _ if payload.first().is_some_and(|first| first >> 4 == 6) => ethertype::IPV6,
            _ => ethertype::IPV4,
        };
        let vlan = packet.number(Key::Vlan).map(|vlan| vlan as u16).or(wire.vlan);
        let mut frame = vec![0; ethernet::Header::len_for(vlan)];
        ethernet::Header::emit(&mut frame, dst_mac, src_mac, vlan, kind);
        frame.extend(payload);
        if !matches!(packet.kind, Kind::Hex(_)) && frame.len() < MIN_FRAME_LEN {
            frame.resize(MIN_FRAME_LEN, 0);
        }
        Ok(frame)
    }

    /// The MAC address that a host would send this packet to: the box's, unless it is for a group.
    fn destination(&self, wire: Wire, packet: &Packet, dst: Option<IpAddr>) -> MacAddr {
        match dst {
            Some(group) if group.is_multicast() => MacAddr::multicast(group),
            Some(IpAddr::V4(Ipv4Addr::BROADCAST)) => MacAddr::BROADCAST,
            Some(IpAddr::V4(dst))
                if self.own4(wire).is_some_and(|(_, subnet)| subnet.prefix_len() < 31 && dst == subnet.last()) =>
            {
                MacAddr::BROADCAST
            }
            None if matches!(packet.kind, Kind::ArpRequest { .. }) => MacAddr::BROADCAST,
            _ => wire.mac,
        }
    }

    /// The box's IPv4 address on this wire, and its subnet.
    fn own4(&self, wire: Wire) -> Option<(Ipv4Addr, Cidr4)> {
        match self.net.policy().iface(wire.iface?)?.ipv4 {
            Ipv4Config::Static(config) | Ipv4Config::DhcpWithFallback(config) => {
                Some((config.address, Cidr4::masked(config.address, config.prefix_len).ok()?))
            }
            Ipv4Config::Dhcp | Ipv4Config::Unconfigured => None,
        }
    }

    /// What has come since the last call.
    pub fn came(&mut self) -> Effects {
        let mut came = Vec::new();
        let mut answers = 0;
        for happening in self.net.take() {
            came.push(match happening {
                Happening::Log { severity: None, text } | Happening::Console { line: text } => Came::Console { text },
                Happening::Log { severity: Some(severity), text } => Came::Log { severity, text, datagram: None },
                Happening::Sent { port, bytes } => {
                    let packet = decode_frame(&bytes);
                    self.seen.remember(&packet);
                    match self.log_line(port, &packet) {
                        Some(line) => line,
                        None => {
                            answers += usize::from(packet.src.is_some_and(|src| self.net.is_own(src)));
                            Came::Out { iface: self.iface_of(port, &packet), packet: Box::new(packet) }
                        }
                    }
                }
            });
        }
        let after = self.net.counters().clone();
        came.extend(self.counted(&after));
        self.before = after;
        Effects { came, answers }
    }

    /// The Iface of this NIC and VLAN, else `nicN`.
    fn iface_of(&self, port: PortId, packet: &Packet) -> String {
        let vlan = packet.number(Key::Vlan).map(|vlan| vlan as u16);
        let links = self.net.plane().links().iter().zip(&self.net.policy().ifaces);
        let found = { links }.find(|(link, iface)| link.port == port && iface.vlan == vlan);
        found.map_or_else(|| format!("nic{}", port.0), |(_, iface)| iface.name.clone())
    }

    /// Reads a log datagram. It has to be right in what stories do not say: facility user, our address as its source
    /// and as its host name.
    fn log_line(&self, port: PortId, packet: &Packet) -> Option<Came> {
        let server = self.net.policy().syslog.as_ref()?;
        let is_to_server = packet.kind == Kind::Udp
            && packet.dst == Some(server.address)
            && packet.number(Key::Dport) == Some(u64::from(server.port));
        let message: sim::Message =
            std::str::from_utf8(packet.data.as_ref().filter(|_| is_to_server)?).ok()?.parse().ok()?;
        let mut wrong = Vec::new();
        if message.pri >> 3 != 1 {
            wrong.push(format!("its facility is {}, not 1 (user)", message.pri >> 3));
        }
        if message.hostname != packet.src {
            wrong.push("its host name is not its source address".to_owned());
        }
        if !packet.src.is_some_and(|src| self.net.is_own(src)) {
            wrong.push("its source is not the box".to_owned());
        }
        if Key::CHECKSUMS.into_iter().any(|key| packet.number(key) == Some(1)) {
            wrong.push("a checksum is wrong".to_owned());
        }
        let datagram = Datagram { iface: self.iface_of(port, packet), packet: Box::new(packet.clone()), wrong };
        Some(Came::Log { severity: message.severity(), text: message.text, datagram: Some(datagram) })
    }

    /// What the counters say: packets that went nowhere, or to the box itself.
    fn counted(&self, after: &Counters) -> Vec<Came> {
        let policy = self.net.policy();
        let mut came = Vec::new();
        for id in policy.iface_ids().map(Some).chain([None]) {
            let name = id.and_then(|id| policy.iface(id)).map_or("-", |iface| &iface.name);
            let (before, after) = (self.before.iface(id), after.iface(id));
            for (reason, count) in after.drops() {
                let new = count - before.dropped(reason);
                came.extend((0..new).map(|_| Came::Drop { reason, iface: name.to_owned() }));
            }
            let new = after.delivered - before.delivered;
            came.extend((0..new).map(|_| Came::Local { iface: name.to_owned() }));
        }
        came
    }
}
