//! The router itself: what happens to a frame between the wire it came from and the wire it leaves by.
//!
//! No clock, no device, no text: time is a parameter, randomness a seed, and whatever leaves goes through an
//! [`Outlet`]. Everything is allocated in [`Plane::new`]; from then on a packet allocates nothing and takes a bounded
//! number of steps. Read `pipeline.rs` first: the walk of one packet, on a page.
//!
//! Calling rules: [`process_burst`](Plane::process_burst) and [`originate`](Plane::originate) whenever there are
//! frames, [`handle_timeout`](Plane::handle_timeout) at the moment that [`poll_timeout`](Plane::poll_timeout) names
//! or later; `now` never runs backwards.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod event;
mod outcome;

use alloc::vec::Vec;
use core::marker::PhantomData;
use policy::Policy;
use wire::{Buffer, Burst, Duration, IfaceId, Instant, Ipv4Addr, MacAddr, PortId};

pub use event::{Counters, Event, IfaceCounters, Outlet};
pub use outcome::DropReason;

/// The NIC behind an Iface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub port: PortId,
    pub mac: MacAddr,
    /// Largest packet of this Iface, in bytes, at least 68: the policy's if it names one, else the device's.
    pub mtu: u16,
}

/// How large the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections.
    pub flows: u32,
    /// Neighbors that are remembered, on all Ifaces together.
    pub neighbors: u32,
    /// Frames that wait for a neighbor's MAC address, on all Ifaces together.
    pub held: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 65_536, neighbors: 1024, held: 256 }
    }
}

/// An IPv4 address and its subnet, as an Iface has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address4 {
    pub address: Ipv4Addr,
    pub prefix_len: u8,
    pub gateway: Option<Ipv4Addr>,
}

/// A running router.
pub struct Plane<B> {
    policy: Policy,
    links: Vec<Link>,
    counters: Counters,
    frames: PhantomData<B>,
}

impl<B: Buffer> Plane<B> {
    /// Allocates every table. `links` holds one link for each Iface of the policy, in its order. `seed` is all the
    /// randomness that there will be; who can guess it can aim at the tables.
    pub fn new(policy: Policy, links: Vec<Link>, _limits: Limits, _seed: [u8; 32], _now: Instant) -> Self {
        let counters = Counters::new(policy.ifaces.len());
        Self { policy, links, counters, frames: PhantomData }
    }

    /// Walks frames that one port received. Afterwards the burst is empty.
    pub fn process_burst(&mut self, _now: Instant, _port: PortId, burst: &mut Burst<B>, _out: &mut impl Outlet<B>) {
        burst.drain().for_each(drop);
    }

    /// Sends a frame of the box's own stack on an Iface. The stack's link is virtual: its far end is the plane, which
    /// answers its ARP requests and neighbor solicitations for any address and routes its packets.
    pub fn originate(&mut self, _now: Instant, _iface: IfaceId, _frame: B, _out: &mut impl Outlet<B>) {}

    /// Does what time alone asks for: expiry, retries, the end of waiting.
    pub fn handle_timeout(&mut self, _now: Instant, _out: &mut impl Outlet<B>) {}

    /// The next moment at which time alone changes anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Says what time it is in the world: `unix` after 1970-01-01T00:00:00Z at `now`, for the stamps of log datagrams.
    pub fn set_wall_clock(&mut self, _now: Instant, _unix: Duration) {}

    /// Gives an Iface its IPv4 address at run time (a DHCP lease), or takes it away.
    pub fn set_address4(&mut self, _now: Instant, _iface: IfaceId, _address: Option<Address4>) {}

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn links(&self) -> &[Link] {
        &self.links
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Connections in the table now, and its size.
    pub fn flows(&self) -> (u32, u32) {
        (0, 0)
    }
}
