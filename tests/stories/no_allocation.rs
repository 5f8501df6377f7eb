//! After the tables are set up, packets allocate nothing: not those of known connections, not new ones, not drops.

use saltgate_stories::Counting;
use sim::Net;
use std::path::Path;
use story::packet::{Cursor, Seen, parse};
use wire::ethernet::{self, ethertype};
use wire::{IfaceId, MacAddr, PortId};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// A frame that comes in by an Iface.
fn frame(net: &Net, iface: usize, packet: &str) -> (PortId, Vec<u8>) {
    let link = net.plane().links()[iface];
    let tokens = story::tokens(1, packet).unwrap();
    let packet = parse(&mut Cursor::new(&tokens, story::Span { line: 1, start: 1, end: 2 })).unwrap();
    let mut frame = vec![0; ethernet::HEADER_LEN];
    let from: MacAddr = net.sender_mac(IfaceId(iface as u16), packet.src.unwrap());
    ethernet::Header::emit(&mut frame, link.mac, from, None, ethertype::IPV4);
    frame.extend(packet.bytes(&Seen::default()).unwrap());
    (link.port, frame)
}

#[test]
fn a_packet_allocates_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/seed.nacl");
    let source = nacl::Source::new("seed.nacl", std::fs::read_to_string(path).unwrap());
    let mut net = Net::new(nacl::compile(&source).policy.unwrap()).unwrap();
    let mut frames = vec![
        frame(&net, 0, "tcp 203.0.113.9:4000 > 192.168.0.50:80 S"),
        frame(&net, 1, "tcp 192.168.0.50:80 > 203.0.113.9:4000 SA"),
        frame(&net, 0, "tcp 203.0.113.9:4000 > 192.168.0.50:80 A"),
        frame(&net, 0, "udp 203.0.113.9:53 > 192.168.0.50:53"),
        frame(&net, 0, "udp 203.0.113.9:53 > 192.168.0.50:53 ttl 1"),
        frame(&net, 0, "icmp unreachable-port 10.0.0.9 > 192.168.0.50 [udp 192.168.0.50:1 > 10.0.0.9:2]"),
    ];
    frames.extend((1..200).map(|port| frame(&net, 0, &format!("tcp 10.55.1.1:{port} > 192.168.0.50:22 S"))));
    net.set_recording(false);
    // Once for the neighbors and for what the harness itself needs.
    let round = |net: &mut Net| {
        for (port, frame) in &frames {
            net.send(*port, frame);
            net.settle().unwrap();
        }
    };
    round(&mut net);
    let (before, forwarded) = (ALLOCATOR.allocations(), net.counters().total().forwarded);
    round(&mut net);
    let allocations = ALLOCATOR.allocations() - before;
    assert!(net.counters().total().forwarded >= forwarded + 200, "packets do not get through");
    // Connections that the table does not know yet are next.
    let new: Vec<_> =
        (1000..1200).map(|port| frame(&net, 0, &format!("tcp 10.55.1.1:{port} > 192.168.0.50:22 S"))).collect();
    let before = ALLOCATOR.allocations();
    for (port, frame) in &new {
        net.send(*port, frame);
        net.settle().unwrap();
    }
    assert_eq!((allocations, ALLOCATOR.allocations() - before), (0, 0), "known connections, new connections");
}
