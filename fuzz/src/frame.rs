//! Any frames, at any time, into a router of one of the example configurations: each ends in exactly one place.

use crate::Bytes;
use policy::Policy;
use sim::Net;
use std::sync::OnceLock;
use wire::{Duration, PortId};

/// What the router is told to be.
const CONFIGS: [(&str, &str); 2] = [
    ("seed.nacl", include_str!("../../examples/seed.nacl")),
    ("seed6.nacl", include_str!("../../examples/seed6.nacl")),
];

/// The first byte chooses the configuration. Then come frames, each with a byte of flags and two of length:
///
/// | bits | meaning |
/// |---|---|
/// | 0, 1 | the port |
/// | 2 | it goes to the router's MAC address, from a station's |
/// | 3 | its IPv4 header checksum is made right |
/// | 4–7 | how long nothing happens before it: 2 to the power of these, in milliseconds |
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let policies = policies();
    let policy = &policies[usize::from(bytes.u8()) % policies.len()];
    let Ok(mut net) = Net::new(policy.clone()) else { panic!("the examples start") };
    while !bytes.is_empty() {
        let flags = bytes.u8();
        let len = usize::from(bytes.u16() % 2048);
        let mut frame = bytes.slice(len).to_vec();
        let port = PortId(u16::from(flags & 3) % net.nics().len() as u16);
        if flags & 4 != 0 && frame.len() >= 12 {
            frame[..6].copy_from_slice(&net.nics()[usize::from(port.0)].mac.0);
            frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        }
        if flags & 8 != 0 {
            right_header_checksum(&mut frame);
        }
        let pause = Duration::from_millis((1 << (flags >> 4)) - 1);
        net.advance(net.now() + pause).expect("it comes to rest");
        net.send(port, &frame);
        net.settle().expect("it comes to rest");
    }
    every_frame_is_accounted_for(&net);
    // Whatever waits gives up in the end.
    net.advance(net.now() + Duration::from_secs(60)).expect("it comes to rest");
    every_frame_is_accounted_for(&net);
}

fn policies() -> &'static [Policy] {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    POLICIES.get_or_init(|| CONFIGS.iter().map(|(name, text)| small(name, text)).collect())
}

/// The policy of a text, with a flow table that is soon full.
fn small(name: &str, text: &str) -> Policy {
    let compiled = nacl::compile(&nacl::Source::new(name, text));
    let mut parts = (*compiled.policy.expect("the examples compile")).clone();
    parts.conntrack.limit = Some(16);
    Policy::new(parts).expect("the examples are valid")
}

fn right_header_checksum(frame: &mut [u8]) {
    let Some(header) = frame.get_mut(14..34) else { return };
    header[10..12].fill(0);
    let words = header.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// For each Iface: what came in and what the box made itself is where packets go, or waits for a neighbor.
fn every_frame_is_accounted_for(net: &Net) {
    let mut waiting = 0;
    for iface in net.policy().iface_ids().map(Some).chain([None]) {
        let row = net.counters().iface(iface);
        let dropped: u64 = row.drops().map(|(_, count)| count).sum();
        let entered = row.received + row.originated;
        let left = row.forwarded + row.delivered + row.link + row.sent + dropped;
        assert!(left <= entered, "{iface:?}: {entered} entered, {left} left: {row:?}");
        waiting += entered - left;
    }
    assert!(waiting <= 256, "{waiting} packets are nowhere");
}
