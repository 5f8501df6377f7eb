//! An Iface with `config: dhcp`, from the first discover to the end of its lease.

use super::net::{CLIENT, Net, echo, packet};
use super::world::{Frame, iface, policy};
use super::*;
use policy::{Ipv4Config, Static4};
use wire::ethernet::{self, ethertype};
use wire::ipv4::protocol;
use wire::{Buffer, Ipv4Addr, ipv4, udp};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);
const LEASE_SECS: u32 = 1000;

fn net(ipv4: Ipv4Config) -> Net {
    let mut outside = iface("outside", 0);
    outside.ipv4 = ipv4;
    Net::unstarted(policy(vec![outside]))
}

/// The message of the DHCP client in a frame: transaction, message type, and whether it went to everybody.
fn message(frame: &Frame) -> Option<([u8; 4], u8, bool)> {
    let link = ethernet::Header::parse(frame.head()).ok().filter(|link| link.ethertype == ethertype::IPV4)?;
    let header = ipv4::Header::parse(&frame.head()[link.len..]).ok()?;
    let bootp = &frame.head()[link.len + header.header_len() + udp::HEADER_LEN..];
    let kind = bootp[240..].windows(3).find(|option| option[..2] == [53, 1])?[2];
    Some((bootp[4..8].try_into().unwrap(), kind, link.dst == MacAddr::BROADCAST))
}

/// What the server says (RFC 2131 §2): offer 2 or acknowledgement 5, /24, the server as the router.
fn answer(xid: [u8; 4], kind: u8, to: Ipv4Addr) -> Vec<u8> {
    let mut bootp = vec![0; 236];
    bootp[..4].copy_from_slice(&[2, 1, 6, 0]);
    bootp[4..8].copy_from_slice(&xid);
    bootp[16..20].copy_from_slice(&LEASED.octets());
    bootp[28..34].copy_from_slice(&[0xc0, 1, 10, 0, 0, 0]);
    let [a, b, c, d] = LEASE_SECS.to_be_bytes();
    bootp.extend([99, 130, 83, 99, 53, 1, kind, 1, 4, 255, 255, 255, 0, 51, 4, a, b, c, d, 54, 4, 10, 0, 0, 1, 255]);
    let len = (udp::HEADER_LEN + bootp.len()) as u16;
    let datagram = [&[0, 67, 0, 68][..], &len.to_be_bytes(), &[0, 0], &bootp].concat();
    packet(SERVER, to, protocol::UDP, datagram, 6)
}

/// Discover, offer, request, acknowledgement; the server answers to `to`.
fn lease(net: &mut Net, to: Ipv4Addr) {
    let sent = net.run();
    let (xid, kind, broadcast) = sent.iter().find_map(|(_, frame)| message(frame)).expect("no discover");
    assert_eq!((kind, broadcast), (1, true));
    let sent = net.send(CLIENT, answer(xid, 2, to));
    let (xid, kind, broadcast) = sent.iter().find_map(|(_, frame)| message(frame)).expect("no request");
    assert_eq!((kind, broadcast), (3, true));
    net.send(CLIENT, answer(xid, 5, to));
}

#[test]
fn a_leased_address_is_in_force_until_the_lease_is_over() {
    for to in [Ipv4Addr::BROADCAST, LEASED] {
        let mut net = net(Ipv4Config::Dhcp);
        assert!(net.send(CLIENT, echo(CLIENT.address, LEASED)).iter().all(|(_, frame)| message(frame).is_some()));
        net.now = Instant::from_secs(14);
        lease(&mut net, to);
        assert_eq!(net.world.lines, ["dhcp outside leased 10.0.0.77/24 gateway 10.0.0.1 dns 10.0.0.1 from 10.0.0.1"]);
        assert_eq!(net.send(CLIENT, echo(CLIENT.address, LEASED)).len(), 1, "the ping is answered");

        let mut renewals = 0;
        loop {
            let sent = net.run();
            renewals += sent.iter().filter(|(_, frame)| message(frame).is_some_and(|(_, kind, _)| kind == 3)).count();
            if net.world.lines.len() > 1 {
                break;
            }
            net.now = net.node.turn(net.now, &mut net.world).wake.expect("the lease is to be renewed");
        }
        assert_eq!(net.now, Instant::from_secs(14 + u64::from(LEASE_SECS)));
        assert!(renewals > 2, "T1 and T2 have passed");
        assert_eq!(net.world.lines[1], "dhcp outside lease lost, no IPv4 address");
        assert!(net.send(CLIENT, echo(CLIENT.address, LEASED)).iter().all(|(_, frame)| message(frame).is_some()));
    }
}

#[test]
fn a_renewed_lease_is_kept_without_a_word() {
    let mut net = net(Ipv4Config::Dhcp);
    lease(&mut net, LEASED);
    net.now = Instant::from_secs(10 + u64::from(LEASE_SECS) / 2);
    let sent = net.run();
    let (xid, kind, broadcast) = sent.iter().find_map(|(_, frame)| message(frame)).expect("no renewal");
    assert_eq!((kind, broadcast), (3, false), "T1: the server alone is asked");
    net.send(CLIENT, answer(xid, 5, LEASED));
    net.now = Instant::from_secs(10 + u64::from(LEASE_SECS) + 1);
    assert_eq!(net.send(CLIENT, echo(CLIENT.address, LEASED)).len(), 2, "the answer, and the next renewal");
    assert_eq!(net.world.lines.len(), 1);
}

#[test]
fn without_a_server_the_fallback_is_in_force_after_ten_seconds() {
    let fallback = Static4 { address: LEASED, prefix_len: 24, gateway: None, dns: None };
    let mut net = net(Ipv4Config::DhcpWithFallback(fallback));
    while net.now < Instant::from_secs(20) {
        net.run();
        net.now = net.node.turn(net.now, &mut net.world).wake.unwrap();
    }
    assert_eq!((net.now, net.run().is_empty()), (Instant::from_secs(20), false), "the address is announced");
    assert_eq!(net.world.lines, ["dhcp outside no lease in 10 s, fallback 10.0.0.77/24"]);
    assert_eq!(net.send(CLIENT, echo(CLIENT.address, LEASED)).len(), 1);
}
