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
//!
//! `console.rs` turns what happens into lines, `report.rs` what there is; their words are stable.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod date;
mod ports;
mod report;
mod start;
mod timer;

use alloc::vec::Vec;
use console::{Clock, Console};
use plane::{Address4, Event, Limits, Lookup, Outlet, Plane, TraceStep};
use policy::Policy;
use stack::Stack;
use timer::Timers;
use wire::{Burst, Duration, IfaceId, Instant, IpAddr, PortId};

pub use ports::{Nic, Ports, Vitals};
pub use start::{StartError, StartErrorReason};

/// How often in one turn the box's own stack and the plane may answer each other.
const ROUNDS: usize = 4;

/// A running router over `P`, its outside world.
///
/// Nothing in it asks for the time or waits. [`turn`](Node::turn) does a bounded amount of work and says when it
/// wants to be called again; `now` never runs backwards from one call to the next.
pub struct Node<P: Ports> {
    plane: Plane<P::Buffer>,
    stack: Stack<P::Buffer>,
    timers: Timers,
    nics: Vec<Nic>,
    limits: Limits,
    burst: Burst<P::Buffer>,
    console: Console,
    clock: Clock,
    /// What the last turn left to do, if that was nothing but to wait.
    waiting: Option<Turn>,
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
    /// How rules are run; nothing but speed depends on it.
    pub lookup: Lookup,
    /// Known packets may go without the walk; nothing but speed depends on it.
    pub fast_path: bool,
}

impl Default for Settings {
    /// The sizes of simulator and Linux, at boot, with no secret and no wall clock.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            flows_ceiling: 4 << 20,
            seed: [0; 32],
            now: Instant::BOOT,
            unix_time: None,
            lookup: Lookup::default(),
            fast_path: true,
        }
    }
}

/// What a turn leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// There was work and there may be more, or more is due: call again at once.
    pub busy: bool,
    /// There is more to do whether or not a frame comes: who can tell that no port has one need call again at once only
    /// for this.
    pub more: bool,
    /// Without a new frame nothing changes before this moment; `None`: nothing ever does.
    pub wake: Option<Instant>,
}

impl<P: Ports> Node<P> {
    /// Puts a policy in place on these NICs: [`Ports::nics`] of the ports that every turn will be given. No frame is
    /// touched before all of it is in place. All errors are reported, not the first alone.
    pub fn new(policy: Policy, nics: &[Nic], settings: Settings) -> Result<Self, Vec<StartError>> {
        let Settings { mut limits, flows_ceiling, seed, now, unix_time, lookup, fast_path } = settings;
        let links = start::links(&policy, nics)?;
        limits.flows = policy.conntrack.limit.unwrap_or(limits.flows).min(flows_ceiling);
        let hosts: Vec<stack::Nic> = links.iter().map(|link| stack::Nic { mac: link.mac, mtu: link.mtu }).collect();
        let stack = Stack::new(&policy, &hosts, seed, now);
        let timers = Timers::new(&policy.timers, now);
        let mut node = Self {
            console: Console::new(&policy),
            plane: Plane::new(policy, links, limits, seed, now),
            stack,
            timers,
            nics: nics.to_vec(),
            limits,
            burst: Burst::new(),
            clock: Clock::default(),
            waiting: None,
        };
        node.plane.set_fast_path(fast_path);
        if lookup != Lookup::default() {
            node.plane.set_lookup(lookup);
        }
        if let Some(unix_time) = unix_time {
            node.set_wall_clock(now, unix_time);
        }
        Ok(node)
    }

    /// Takes up to [`Burst::CAPACITY`] frames from each port, walks them, does what time asks for, lets the box's own
    /// stack answer, and flushes the ports.
    pub fn turn(&mut self, now: Instant, ports: &mut P) -> Turn {
        self.clock.now = now;
        let mut busy = false;
        for port in (0..self.nics.len()).map(|at| PortId(at as u16)) {
            ports.receive(port, &mut self.burst);
            if !self.burst.is_empty() {
                busy = true;
                let Self { plane, stack, console, clock, burst, .. } = self;
                plane.process_burst(now, port, burst, &mut Door { ports, stack, console, clock });
            }
        }
        // A host looks a few times more before it sleeps: nothing has come, and it is not yet time for anything.
        if let Some(turn) = self.waiting.filter(|turn| !busy && turn.wake.is_none_or(|wake| now < wake)) {
            ports.flush();
            return turn;
        }
        if self.plane.poll_timeout().is_some_and(|due| due <= now) {
            let Self { plane, stack, console, clock, .. } = self;
            plane.handle_timeout(now, &mut Door { ports, stack, console, clock });
        }
        let more = self.run_stack(now, ports);
        if self.timers.wake().is_some_and(|due| due <= now) {
            self.tick(now, ports);
        }
        ports.flush();
        let wake = [self.plane.poll_timeout(), self.stack.poll_timeout(), self.timers.wake()];
        let wake = wake.into_iter().flatten().min();
        let more = more || wake.is_some_and(|wake| wake <= now);
        let turn = Turn { busy: busy || more, more, wake };
        self.waiting = Some(turn).filter(|turn| !turn.busy);
        turn
    }

    /// Prints what this router is, a line each: version, NICs, Ifaces, routes as they are searched, chains, table
    /// sizes.
    pub fn report_start(&mut self, ports: &mut P) {
        let Self { plane, nics, limits, console, .. } = self;
        report::start(plane, nics, limits, &mut |line| console.say(ports, line));
    }

    /// Prints the counters in words that a program can rely on, `-` standing for the Iface of frames that belong to
    /// none: `received outside 12`, and so `forwarded`, `delivered`, `link`, `originated`, `sent` and `transmitted`;
    /// `drop outside BadHeaderChecksum 3` for each reason that occurred; `rule guard 9:5 packets 3 bytes 180` for each
    /// line of a function that did something; then a line for the box's own stack and one
    /// for the tables. Of each Iface, `received` = `forwarded` + `delivered` + `link` + its drops + what is held.
    pub fn report_counters(&mut self, ports: &mut P) {
        let Self { plane, stack, console, .. } = self;
        report::counters(plane, stack, &mut |line| console.say(ports, line));
    }

    /// Says what time it is in the world: `unix_time` after 1970-01-01T00:00:00Z at `now`.
    pub fn set_wall_clock(&mut self, now: Instant, unix_time: Duration) {
        self.clock.set(now, unix_time);
        self.plane.set_wall_clock(now, unix_time);
    }

    /// The plane, for who wants to look at its counters, links, policy and tables.
    pub fn plane(&self) -> &Plane<P::Buffer> {
        &self.plane
    }

    /// From now on the plane writes down what it does with every packet; this allocates.
    pub fn start_trace(&mut self) {
        self.plane.start_trace();
    }

    /// What the plane has written down since the last call, in order.
    pub fn take_trace(&mut self) -> Vec<TraceStep> {
        self.plane.take_trace()
    }

    /// The box's own stack, for its counters.
    pub fn stack(&self) -> &Stack<P::Buffer> {
        &self.stack
    }

    /// The NICs, by [`PortId`].
    pub fn nics(&self) -> &[Nic] {
        &self.nics
    }

    /// Lets the box's hosts read, and routes what they send; true if there is more of it.
    fn run_stack(&mut self, now: Instant, ports: &mut P) -> bool {
        for _ in 0..ROUNDS {
            let more = self.stack.poll(now, || ports.allocate());
            let mut sent = false;
            while let Some((iface, frame)) = self.stack.poll_transmit() {
                sent = true;
                let Self { plane, stack, console, clock, .. } = self;
                plane.originate(now, iface, frame, &mut Door { ports, stack, console, clock });
            }
            while let Some(event) = self.stack.poll_event() {
                self.address_changed(event, ports);
            }
            if !more && !sent {
                return false;
            }
        }
        true
    }

    fn address_changed(&mut self, event: stack::Event, ports: &mut P) {
        let iface = event.iface();
        let address = event.address4().map(|config| Address4 {
            address: config.address,
            prefix_len: config.prefix_len,
            gateway: config.gateway,
        });
        let Self { plane, stack, console, clock, .. } = self;
        plane.set_address4(iface, address, &mut Door { ports, stack, console, clock });
        self.console.address_event(ports, &event);
    }

    fn tick(&mut self, now: Instant, ports: &mut P) {
        let vitals = ports.vitals();
        let Self { plane, timers, console, clock, .. } = self;
        let view = timer::View { plane, date: clock.date(), vitals };
        timers.tick(now, &view, &mut |line| console.say(ports, line));
    }
}

/// The plane's way out of a node: frames to the ports, those for the box to the stack, events to the console.
struct Door<'a, P: Ports> {
    ports: &'a mut P,
    stack: &'a mut Stack<P::Buffer>,
    console: &'a mut Console,
    clock: &'a Clock,
}

impl<P: Ports> Outlet<P::Buffer> for Door<'_, P> {
    fn allocate(&mut self) -> Option<P::Buffer> {
        self.ports.allocate()
    }

    fn transmit(&mut self, port: PortId, frame: P::Buffer) {
        self.ports.transmit(port, frame);
    }

    fn deliver(&mut self, iface: IfaceId, frame: P::Buffer) {
        self.stack.handle_frame(iface, frame);
    }

    fn event(&mut self, event: Event<'_>) {
        self.ports.event(&event);
        if let Event::DuplicateAddress { iface, address: IpAddr::V6(address) } = event {
            self.stack.forget_address6(iface, address);
        }
        self.console.event(self.ports, self.clock, &event);
    }
}

#[cfg(test)]
mod tests;
