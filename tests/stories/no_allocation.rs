//! After the tables are set up, packets allocate nothing: not those of known connections, not new ones, not drops.

use node::Settings;
use plane::Lookup;
use saltgate_stories::Counting;
use sim::Net;
use std::path::Path;
use story::packet::{Cursor, Seen, parse};
use wire::ethernet::{self, ethertype};
use wire::{IfaceId, PortId};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// A frame that comes in by an Iface.
fn frame(net: &Net, iface: usize, packet: &str) -> (PortId, Vec<u8>) {
    let link = net.plane().links()[iface];
    let tokens = story::tokens(1, packet).unwrap();
    let packet = parse(&mut Cursor::new(&tokens, story::Span { line: 1, start: 1, end: 2 })).unwrap();
    let mut frame = vec![0; ethernet::HEADER_LEN];
    let src = packet.src.unwrap();
    let ethertype = if src.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 };
    ethernet::Header::emit(&mut frame, link.mac, net.sender_mac(IfaceId(iface as u16), src), None, ethertype);
    frame.extend(packet.bytes(&Seen::default()).unwrap());
    (link.port, frame)
}

/// An example's router, in its steady state.
fn net(example: &str, lookup: Lookup) -> Net {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
    let source = nacl::Source::new(example, std::fs::read_to_string(path).unwrap());
    let settings = Settings { lookup, ..Net::settings() };
    let mut net = Net::with(nacl::compile(&source).policy.unwrap(), settings).unwrap();
    net.settle().unwrap();
    net.set_recording(false);
    net
}

/// Sends all frames, one after the other; returns how often memory was asked for meanwhile, and how many packets of
/// them left.
fn cost(net: &mut Net, frames: &[(PortId, Vec<u8>)]) -> (u64, u64) {
    let (allocations, forwarded) = (ALLOCATOR.allocations(), net.counters().total().forwarded);
    for (port, frame) in frames {
        net.send(*port, frame);
        net.settle().unwrap();
    }
    (ALLOCATOR.allocations() - allocations, net.counters().total().forwarded - forwarded)
}

// One test, so that no other thread allocates at the same time.
#[test]
fn a_packet_allocates_nothing() {
    let known4: &[(usize, &str)] = &[
        (0, "tcp 203.0.113.9:4000 > 192.168.0.50:80 S"),
        (1, "tcp 192.168.0.50:80 > 203.0.113.9:4000 SA"),
        (0, "tcp 203.0.113.9:4000 > 192.168.0.50:80 A len 1500"),
        (0, "udp 203.0.113.9:53 > 192.168.0.50:53"),
        (0, "udp 203.0.113.9:53 > 192.168.0.50:53 ttl 1"),
        (0, "icmp unreachable-port 10.0.0.9 > 192.168.0.50 [udp 192.168.0.50:1 > 10.0.0.9:2]"),
        (0, "udp 10.55.1.1 > 192.168.0.5 frag 1480 len 520 id 7"),
        (0, "udp 10.55.1.1:9 > 192.168.0.5:9 frag 0 mf len 1500 of 2000 id 7"),
        // Overlap: the datagram is refused, and remembered as refused.
        (0, "udp 10.55.1.1:9 > 192.168.0.5:9 frag 0 mf len 1500 of 2000 id 8"),
        (0, "udp 10.55.1.1 > 192.168.0.5 frag 1472 len 528 id 8"),
    ];
    let known6: &[(usize, &str)] = &[
        (0, "tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S"),
        (1, "tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 SA"),
        (0, "tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 A ext hbh,dst"),
        (0, "udp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 ttl 1"),
        (0, "udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 1232 len 584 id 7"),
        (0, "udp [2001:db8:55::1]:9 > [2001:db8:0:2::5]:9 frag 0 mf len 1280 of 1768 id 7"),
    ];
    let translated: &[(usize, &str)] =
        &[(0, "tcp 10.55.1.1:1000 > 10.0.0.2:5001 S"), (1, "tcp 192.168.0.54:5001 > 192.168.0.1:1000 SA")];
    // Mappings, hairpin, errors about translated packets, pings in fragments for the box.
    let mapped: &[(usize, &str)] = &[
        (1, "udp 192.168.0.10:4000 > 203.0.113.9:5353"),
        (0, "udp 203.0.113.9:5353 > 10.0.0.2:4000"),
        (0, "icmp unreachable-port 203.0.113.9 > 10.0.0.2 [udp 10.0.0.2:4000 > 203.0.113.9:5353]"),
        (1, "udp 192.168.0.11:4001 > 10.0.0.2:4000"),
        (1, "udp [2001:db8:0:2::10]:4000 > [2001:db8:9::9]:5353"),
        (0, "udp [2001:db8:9::9]:5353 > [2001:db8:0:1::2]:4000"),
        (1, "icmp 255/255 192.168.0.10 > 192.168.0.1 frag 1480 len 520 id 7"),
        (1, "icmp echo-request 192.168.0.10 > 192.168.0.1 echo 7/1 frag 0 mf len 1500 of 2000 id 7"),
    ];
    //  example, packets of known connections, how many of them leave, a new connection
    let table = [
        ("seed.nacl", known4, 5, "tcp 10.55.1.1:PORT > 192.168.0.50:22 S"),
        ("seed6.nacl", known6, 5, "tcp [2001:db8:55::1]:PORT > [2001:db8:0:2::50]:22 S"),
        ("seed-nat.nacl", translated, 2, "tcp 10.55.1.1:PORT > 10.0.0.2:5001 S"),
        ("../fuzz/policies/nat.nacl", mapped, 6, "tcp 203.0.113.9:PORT > 10.0.0.2:80 S"),
    ];
    let ways = [Lookup::Never, Lookup::Always];
    for ((example, known, leaving, new), lookup) in table.into_iter().flat_map(|row| ways.map(|way| (row, way))) {
        let mut net = net(example, lookup);
        let known: Vec<_> = known.iter().map(|(iface, packet)| frame(&net, *iface, packet)).collect();
        let new: Vec<_> = (2000..2200).map(|port| frame(&net, 0, &new.replace("PORT", &port.to_string()))).collect();
        // Once for the neighbors, which have to be asked for.
        cost(&mut net, &known);
        cost(&mut net, &new[..1]);
        assert_eq!(cost(&mut net, &known), (0, leaving), "{example}: known connections");
        assert_eq!(cost(&mut net, &new[1..]), (0, 199), "{example}: new connections");
    }
}
