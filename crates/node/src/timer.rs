//! NaCl's Timers: what a router prints about itself now and then.

use crate::Vitals;
use crate::date::Date;
use alloc::vec::Vec;
use core::fmt::{self, Arguments};
use plane::Plane;
use policy::{Timer, TimerData};
use wire::{Buffer, Duration, Instant};

/// From the start to the first tick.
const FIRST_TICK: Duration = Duration::from_secs(1);

/// When each Timer of the policy ticks.
pub struct Timers {
    due: Vec<Instant>,
    /// When a tick last asked for the processor's idle time, and what it was.
    idle: Option<(Instant, Duration)>,
}

/// What a tick may print.
pub struct View<'a, B> {
    pub plane: &'a Plane<B>,
    pub date: Option<Date>,
    pub vitals: Option<Vitals>,
}

impl Timers {
    pub fn new(timers: &[Timer], now: Instant) -> Self {
        Self { due: alloc::vec![now + FIRST_TICK; timers.len()], idle: None }
    }

    pub fn wake(&self) -> Option<Instant> {
        self.due.iter().min().copied()
    }

    /// Prints what is due. A Timer whose time has come several times prints once.
    pub fn tick<B: Buffer>(&mut self, now: Instant, view: &View<'_, B>, say: &mut dyn FnMut(Arguments<'_>)) {
        let timers = &view.plane.policy().timers;
        let usage = self.usage(now, view.vitals);
        let mut said_cpu = false;
        for (due, timer) in self.due.iter_mut().zip(timers).filter(|(due, _)| **due <= now) {
            *due += timer.interval;
            if *due <= now {
                *due = now + timer.interval;
            }
            for data in &timer.data {
                said_cpu |= *data == TimerData::Cpu;
                print(*data, now, view, usage, timers.len(), say);
            }
        }
        if said_cpu && let Some(idle) = view.vitals.and_then(|vitals| vitals.idle) {
            self.idle = Some((now, idle));
        }
    }

    /// How busy the processor was since the last time that it was printed, since boot for the first: 0 to 10,000.
    fn usage(&self, now: Instant, vitals: Option<Vitals>) -> Option<u64> {
        let idle = vitals?.idle?;
        let (then, idle_then) = self.idle.unwrap_or((Instant::BOOT, Duration::ZERO));
        let whole = now.since(then).as_nanos();
        let idle = idle.saturating_sub(idle_then).as_nanos().min(whole);
        (whole > 0).then(|| ((whole - idle) * 10_000 / whole) as u64)
    }
}

fn print<B: Buffer>(
    data: TimerData,
    now: Instant,
    view: &View<'_, B>,
    usage: Option<u64>,
    timers: usize,
    say: &mut dyn FnMut(Arguments<'_>),
) {
    match data {
        TimerData::Timestamp => match view.date {
            Some(date) => say(format_args!("[ NaCl Timer Timestamp ] {}", date.ctime())),
            None => say(format_args!("[ NaCl Timer Timestamp ] up {now} s, no wall clock")),
        },
        TimerData::Stats => stats(view, say),
        TimerData::Memory => match view.vitals {
            Some(Vitals { memory_total, memory_used, .. }) if memory_total > 0 => {
                let tenths = u128::from(memory_used) * 1000 / u128::from(memory_total);
                let (total, percent, tenth) = (Size(memory_total), tenths / 10, tenths % 10);
                say(format_args!("[ NaCl Timer Memory ] Total memory: {total}, in use {percent}.{tenth}%"));
            }
            _ => say(format_args!("[ NaCl Timer Memory ] not available")),
        },
        TimerData::Cpu => match usage {
            Some(usage) => {
                let (busy, idle) = (Percent(usage), Percent(10_000 - usage));
                say(format_args!("[ NaCl Timer CPU ] Usage: {busy} Idle: {idle}"));
            }
            None => say(format_args!("[ NaCl Timer CPU ] not available")),
        },
        TimerData::Lb => {
            let balancer = view.plane.policy().balancer.as_ref();
            if let Some((balancer, (sessions, waiting, up, nodes))) = balancer.zip(view.plane.balancer()) {
                let name = &balancer.name;
                say(format_args!(
                    "[ NaCl Timer LB ] {name}: sessions {sessions} waiting {waiting} nodes up {up} of {nodes}"
                ));
            }
        }
        TimerData::StackSampling => say(format_args!("[ NaCl Timer Stack Sampling ] not available")),
        TimerData::Timers => say(format_args!("[ NaCl Timer Timers ] Active: {timers} Existing: {timers} Free: 0")),
    }
}

/// There is no uplink to send statistics over: the console gets them, a line for each Iface.
fn stats<B: Buffer>(view: &View<'_, B>, say: &mut dyn FnMut(Arguments<'_>)) {
    let policy = view.plane.policy();
    for (id, iface) in policy.iface_ids().zip(&policy.ifaces) {
        let row = view.plane.counters().iface(Some(id));
        let dropped: u64 = row.drops().map(|(_, count)| count).sum();
        say(format_args!(
            "[ NaCl Timer Stats ] {} received {} forwarded {} delivered {} dropped {dropped} sent {} transmitted {}",
            iface.name, row.received, row.forwarded, row.delivered, row.sent, row.transmitted
        ));
    }
    let (flows, size) = view.plane.flows();
    say(format_args!("[ NaCl Timer Stats ] flows {flows} of {size}"));
}

/// Hundredths of a percent.
struct Percent(u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}%", self.0 / 100, self.0 % 100)
    }
}

/// Bytes, in the largest unit that leaves at least one of it.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let (unit, name) = match bytes {
            0x4000_0000.. => (0x4000_0000, "GiB"),
            0x10_0000.. => (0x10_0000, "MiB"),
            0x400.. => (0x400, "KiB"),
            _ => return write!(f, "{bytes} B"),
        };
        write!(f, "{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
    }
}
