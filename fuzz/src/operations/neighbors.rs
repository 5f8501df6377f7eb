//! What the router's neighbors say: answers to its questions, and what nobody asked for.

use super::buffer::Frame;
use super::{Router, mac_of};
use crate::Bytes;
use policy::Ipv4Config;
use wire::ipv4::protocol;
use wire::{IfaceId, IpAddr, Ipv6Addr, MacAddr, arp, ethernet, ipv6, ndp};

impl Router {
    /// A neighbor speaks without being asked.
    pub fn say_neighbor(&mut self, bytes: &mut Bytes<'_>) {
        let (form, a, b) = (bytes.u8(), bytes.u8(), bytes.u8());
        let v6 = form & 1 != 0;
        let (sender, target) = (self.address(v6, a), self.address(v6, b));
        let iface = if form & 2 != 0 {
            IfaceId(u16::from(form >> 2) % self.policy.ifaces.len() as u16)
        } else {
            self.iface_of(sender)
        };
        let (mac, vid) = (self.link(iface).mac, self.vlan(iface));
        let at = ethernet::Header::len_for(vid);
        let dst = if form & 64 != 0 { MacAddr::BROADCAST } else { mac };
        let frame = match (sender, target) {
            (IpAddr::V4(sender), IpAddr::V4(target)) => {
                let operation = if form & 32 != 0 { arp::Operation::Reply } else { arp::Operation::Request };
                let mut frame = vec![0; at + arp::LEN];
                ethernet::Header::emit(&mut frame, dst, mac_of(sender.into()), vid, ethernet::ethertype::ARP);
                let (sender_mac, target_mac) = (mac_of(sender.into()), mac);
                arp::Message { operation, sender_mac, sender, target_mac, target }.emit(&mut frame[at..]);
                frame
            }
            (IpAddr::V6(sender), IpAddr::V6(target)) => {
                let source_mac = (form & 128 != 0).then(|| mac_of(sender.into()));
                let message = if form & 32 != 0 {
                    let (router, solicited, override_) = (false, form & 16 != 0, form & 8 != 0);
                    ndp::Message::Advertisement { target, target_mac: source_mac, router, solicited, override_ }
                } else {
                    ndp::Message::Solicitation { target, source_mac }
                };
                neighbor_message(at, dst, vid, sender, target, &message)
            }
            _ => return,
        };
        let frame = Frame::received(&self.world.live, &frame, 2000);
        self.receive(iface, vec![frame]);
        self.look();
        self.answer_questions();
    }

    /// What neighbors say to the router's questions.
    pub fn answer_questions(&mut self) {
        for (iface, target) in std::mem::take(&mut self.questions) {
            let last = match target {
                IpAddr::V4(address) => address.octets()[3],
                IpAddr::V6(address) => address.octets()[15],
            };
            if last % 16 == self.silent || self.iface_of(target) != iface {
                continue;
            }
            let (mac, vid) = (self.link(iface).mac, self.vlan(iface));
            let at = ethernet::Header::len_for(vid);
            let own = self.policy.ifaces[usize::from(iface.0)].clone();
            let frame = match target {
                IpAddr::V4(sender) => {
                    let Ipv4Config::Static(own) = own.ipv4 else { continue };
                    let mut frame = vec![0; at + arp::LEN];
                    ethernet::Header::emit(&mut frame, mac, mac_of(target), vid, ethernet::ethertype::ARP);
                    let (operation, sender_mac) = (arp::Operation::Reply, mac_of(target));
                    let message = arp::Message { operation, sender_mac, sender, target_mac: mac, target: own.address };
                    message.emit(&mut frame[at..]);
                    frame
                }
                IpAddr::V6(address) => {
                    let target_mac = Some(mac_of(target));
                    let (router, solicited, override_) = (false, true, true);
                    let message =
                        ndp::Message::Advertisement { target: address, target_mac, router, solicited, override_ };
                    let Some((own, _)) = own.address6.first() else { continue };
                    neighbor_message(at, mac, vid, address, *own, &message)
                }
            };
            let frame = Frame::received(&self.world.live, &frame, 2000);
            self.receive(iface, vec![frame]);
            self.look();
        }
        self.questions.clear();
    }
}

fn neighbor_message(
    at: usize,
    mac: MacAddr,
    vid: Option<u16>,
    saddr: Ipv6Addr,
    daddr: Ipv6Addr,
    message: &ndp::Message,
) -> Vec<u8> {
    let mut body = vec![0; ndp::LEN];
    let len = message.emit(&mut body);
    body.truncate(len);
    let (src, dst) = (IpAddr::V6(saddr), IpAddr::V6(daddr));
    let sum = wire::checksum::Sum::pseudo_header(src, dst, protocol::ICMPV6, len as u32).bytes(&body).checksum();
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = vec![0; at + ipv6::HEADER_LEN];
    ethernet::Header::emit(&mut frame, mac, mac_of(src), vid, ethernet::ethertype::IPV6);
    let (next_header, payload_len) = (protocol::ICMPV6, len as u16);
    ipv6::Repr { saddr, daddr, next_header, hop_limit: 255, traffic_class: 0, payload_len }.emit(&mut frame[at..]);
    frame.extend(body);
    frame
}
