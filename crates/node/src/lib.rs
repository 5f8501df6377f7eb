//! A running router: the plane, its ports, the box's own stack, and a clock that someone else reads.
//!
//! Everything observable about a router on Linux or bare metal is in here; hosts supply [`Ports`] and the time and
//! cannot drift apart. A host's whole program:
//!
//! ```ignore
//! let mut node = Node::new(policy, ports.nics(), settings)?;
//! node.report_start(&mut ports);
//! loop {
//!     let turn = node.turn(clock.now(), &mut ports);
//!     if !turn.busy {
//!         sleep_until(turn.wake, any_port_has_frames);
//!     }
//! }
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod ports;
mod start;

use alloc::vec::Vec;
use plane::{Event, Limits, Outlet, Plane};
use policy::Policy;
use wire::{Burst, Duration, IfaceId, Instant, PortId};

pub use ports::{Nic, Ports, Vitals};
pub use start::{StartError, StartErrorReason};

/// A running router over `P`, its outside world.
///
/// Nothing in it asks for the time or waits. [`turn`](Node::turn) does a bounded amount of work and says when it
/// wants to be called again; `now` never runs backwards from one call to the next.
pub struct Node<P: Ports> {
    plane: Plane<P::Buffer>,
    nics: Vec<Nic>,
    burst: Burst<P::Buffer>,
}

/// What a host decides about its node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Table sizes. Its `flows` counts where the policy has no `Conntrack.limit`.
    pub limits: Limits,
    /// The most flows that memory has room for; a larger `Conntrack.limit` is cut to it, and the console says so.
    pub flows_ceiling: u32,
    /// All the randomness that the router will have.
    pub seed: [u8; 32],
    pub now: Instant,
    /// Time since 1970-01-01T00:00:00Z at `now`; `None` where the host has no wall clock.
    pub unix_time: Option<Duration>,
}

impl Default for Settings {
    /// The sizes of simulator and Linux, at boot, with no secret and no wall clock.
    fn default() -> Self {
        Self { limits: Limits::default(), flows_ceiling: 4 << 20, seed: [0; 32], now: Instant::BOOT, unix_time: None }
    }
}

/// What a turn leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// There was work and there may be more: call again at once.
    pub busy: bool,
    /// Without a new frame nothing changes before this moment; `None`: nothing ever does. It may lie in the past.
    pub wake: Option<Instant>,
}

impl<P: Ports> Node<P> {
    /// Puts a policy in place on these NICs: [`Ports::nics`] of the ports that every turn will be given. No frame is
    /// touched before all of it is in place. All errors are reported, not the first alone.
    pub fn new(policy: Policy, nics: &[Nic], settings: Settings) -> Result<Self, Vec<StartError>> {
        let links = start::links(&policy, nics)?;
        let mut limits = settings.limits;
        limits.flows = policy.conntrack.limit.unwrap_or(limits.flows).min(settings.flows_ceiling);
        let mut plane = Plane::new(policy, links, limits, settings.seed, settings.now);
        if let Some(unix_time) = settings.unix_time {
            plane.set_wall_clock(settings.now, unix_time);
        }
        Ok(Self { plane, nics: nics.to_vec(), burst: Burst::new() })
    }

    /// Takes up to [`Burst::CAPACITY`] frames from each port, walks them, lets the box's own stack answer, does what
    /// time asks for, and flushes the ports.
    pub fn turn(&mut self, now: Instant, ports: &mut P) -> Turn {
        let mut busy = false;
        for port in (0..self.nics.len()).map(|at| PortId(at as u16)) {
            ports.receive(port, &mut self.burst);
            busy |= !self.burst.is_empty();
            self.plane.process_burst(now, port, &mut self.burst, &mut Door { ports });
        }
        if self.plane.poll_timeout().is_some_and(|due| due <= now) {
            self.plane.handle_timeout(now, &mut Door { ports });
        }
        ports.flush();
        Turn { busy, wake: self.plane.poll_timeout() }
    }

    /// Prints what this router is, a line each: version, NICs, Ifaces, routes as they are searched, chains, table
    /// sizes.
    pub fn report_start(&self, _ports: &mut P) {}

    /// Prints the counters, a line each and only those that are not zero, in words that a program can rely on:
    /// `received outside 12`, `drop outside BadHeaderChecksum 3`.
    pub fn report_counters(&self, _ports: &mut P) {}

    /// Says what time it is in the world: `unix_time` after 1970-01-01T00:00:00Z at `now`.
    pub fn set_wall_clock(&mut self, now: Instant, unix_time: Duration) {
        self.plane.set_wall_clock(now, unix_time);
    }

    /// The plane, for who wants to look at its counters, links, policy and tables.
    pub fn plane(&self) -> &Plane<P::Buffer> {
        &self.plane
    }

    /// The NICs, by [`PortId`].
    pub fn nics(&self) -> &[Nic] {
        &self.nics
    }
}

/// The plane's way out of a node: frames to the ports, those for the box to the stack, events to the console.
struct Door<'a, P: Ports> {
    ports: &'a mut P,
}

impl<P: Ports> Outlet<P::Buffer> for Door<'_, P> {
    fn allocate(&mut self) -> Option<P::Buffer> {
        self.ports.allocate()
    }

    fn transmit(&mut self, port: PortId, frame: P::Buffer) {
        self.ports.transmit(port, frame);
    }

    fn deliver(&mut self, _iface: IfaceId, _frame: P::Buffer) {}

    fn event(&mut self, event: Event<'_>) {
        self.ports.event(&event);
    }
}
