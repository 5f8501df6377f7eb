//! What the box says for itself: a host's IP stack on every Iface, with ping, refusals, and a DHCP client.
//!
//! Each Iface has a host of its own, smoltcp's `Interface` on a virtual Ethernet whose only other station, the *far
//! end*, is the plane. The plane hands over the packets that are for the box ([`Stack::handle_frame`]), takes what
//! the hosts send ([`Stack::poll_transmit`]) and routes it; transit never comes here. The plane owns the wire's ARP
//! and neighbor discovery, so a host has no neighbors but the far end (`host.rs` says how it comes to know it).
//!
//! Calling rules: `handle_frame` any time; then [`poll`](Stack::poll), and `poll_transmit` until nothing comes, again
//! as long as `poll` says that there is more; then [`poll_event`](Stack::poll_event). `poll` again at the moment that
//! [`poll_timeout`](Stack::poll_timeout) names. `now` never runs backwards. Memory and the work of one call are
//! bounded: what does not fit is a counted drop.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod admission;
mod dhcp;
mod host;
mod link;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use host::Host;
use link::Shared;
use policy::Policy;
use wire::{Buffer, IfaceId, Instant, Ipv6Addr, MacAddr};

pub use dhcp::{Event, Lease};

/// The box's own hosts, one for each Iface.
pub struct Stack<B> {
    hosts: Vec<Host<B>>,
    shared: Shared<B>,
    events: VecDeque<Event>,
    /// The earliest moment that a host asked for.
    wake: Option<Instant>,
    /// Hosts have frames that the last poll did not come to.
    unread: bool,
}

/// What a host must know of its Iface's NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Unicast.
    pub mac: MacAddr,
    /// Largest packet in bytes. The hosts send none beyond 1,500 even where it is larger.
    pub mtu: u16,
}

/// Where the frames of the box itself went, on all Ifaces together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came from the plane.
    pub received: u64,
    /// Of those: lost to a host's full queue.
    pub queue_full: u64,
    /// Of those: refused unread, because they are not for the host or for a group that it does not listen to.
    pub refused: u64,
    /// Frames that went to the plane.
    pub sent: u64,
    /// Frames that were not sent because no buffer was free.
    pub no_buffer: u64,
}

impl<B: Buffer> Stack<B> {
    /// Hosts for the Ifaces of `policy`; `nics` has one entry for each, in its order. Static addresses are in place
    /// at once, DHCP clients begin with the first [`poll`](Stack::poll). `seed` is all the randomness that there
    /// will be; who can guess it can guess TCP sequence numbers.
    pub fn new(policy: &Policy, nics: &[Nic], seed: [u8; 32], now: Instant) -> Self {
        let hosts: Vec<Host<B>> = policy
            .iface_ids()
            .zip(policy.ifaces.iter().zip(nics))
            .map(|(id, (iface, nic))| Host::new(id, iface, *nic, host_seed(&seed, id), now))
            .collect();
        let wake = hosts.iter().filter_map(Host::wake).min();
        Self { hosts, shared: Shared::new(), events: VecDeque::new(), wake, unread: false }
    }

    /// Takes a packet for the box that came in by `iface`, checksums verified or partial.
    pub fn handle_frame(&mut self, iface: IfaceId, frame: B) {
        let Some(host) = self.hosts.get_mut(usize::from(iface.0)) else { return };
        self.shared.counters.received += 1;
        if !host.admits(&frame) {
            self.shared.counters.refused += 1;
        } else if host.queue(frame).is_err() {
            self.shared.counters.queue_full += 1;
        } else {
            self.unread = true;
        }
    }

    /// Lets every host that has something to do read up to [`Host::BUDGET`] frames and send. True if there is more:
    /// take the transmitted frames and poll again.
    pub fn poll(&mut self, now: Instant, mut allocate: impl FnMut() -> Option<B>) -> bool {
        if !self.unread && self.wake.is_none_or(|wake| now < wake) {
            return false;
        }
        self.unread = false;
        for host in &mut self.hosts {
            if host.is_due(now) {
                self.unread |= host.poll(now, &mut self.shared, &mut self.events, &mut allocate);
            }
        }
        self.wake = self.hosts.iter().filter_map(Host::wake).min();
        self.unread
    }

    /// The next frame that a host sends: Ethernet without a VLAN tag, all checksums complete.
    pub fn poll_transmit(&mut self) -> Option<(IfaceId, B)> {
        self.shared.transmit.pop_front()
    }

    /// The next thing that happened to an Iface's address.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next moment at which time alone changes anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// Gives up an address that another station has (RFC 4862 §5.4.5).
    pub fn forget_address6(&mut self, iface: IfaceId, address: Ipv6Addr) {
        if let Some(host) = self.hosts.get_mut(usize::from(iface.0)) {
            host.forget_address6(address);
        }
    }

    pub fn counters(&self) -> Counters {
        self.shared.counters
    }
}

/// One host's share of the randomness: SplitMix64 over the seed's words and the Iface's number.
fn host_seed(seed: &[u8; 32], IfaceId(id): IfaceId) -> u64 {
    let (words, _) = seed.as_chunks::<8>();
    words.iter().fold(u64::from(id), |state, word| {
        let z = (state ^ u64::from_le_bytes(*word)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    })
}

#[cfg(test)]
mod tests;
