//! The outside world of a node on this machine: NICs, buffers, console, and sleep.

use crate::buffer::DmaBuffer;
use crate::computer::{Computer, Console, Heap};
use crate::nics::{AnyTransport, Devices, NicDevice};
use crate::progress::Progress;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use kernel::{Clock, Drained, Machine, Vector};
use node::{Nic, Ports, Vitals};
use virtio::{Frame, Net, Pool, Violation};
use wire::{Burst, Instant, PortId};

/// How often the box looks for frames before it sleeps. The next one of a stream is often only moments away, but whoever
/// brings it may need this very CPU.
const LOOKS: u32 = 8;
/// The longest sleep: then links and devices are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often the console is looked at where no key says that it should be.
const LOOK_AT_CONSOLE: Duration = Duration::from_millis(100);
/// How long a serial line sends what its transmitter has taken.
const LINE: Duration = Duration::from_micros(1400);
/// Without an interrupt the box looks this often.
const BLIND: Duration = Duration::from_millis(1);
/// How long a NIC that cannot send keeps the others from receiving, so that nothing need be dropped. Then it is taken
/// for stuck, and frames for it are dropped until it moves again.
const PATIENCE: Duration = Duration::from_millis(5);

/// NICs and console of a node, and the machine that sleeps between its turns.
pub struct MetalPorts {
    pool: &'static Pool<'static>,
    nics: Vec<Nic>,
    devices: Vec<Device>,
    machine: Machine,
    console: Console,
    clock: Clock,
    heap: Heap,
    usage: Usage,
    progress: Progress,
    /// How long the box has slept, in nanoseconds.
    slept: u64,
    /// When the console, and when the devices were looked at.
    looked: Instant,
    checked: Instant,
    /// No device lacks an interrupt.
    has_interrupts: bool,
}

/// Bytes that are not the heap's to give.
struct Usage {
    /// All that the machine has.
    total: u64,
    program: u64,
    /// Buffers and queues.
    devices: u64,
}

struct Device {
    net: Net<'static, AnyTransport>,
    vector: Option<Vector>,
    link: bool,
    down: Option<Violation>,
    /// Since when it has not been able to send, and what it had sent by then.
    stuck: Option<(Instant, u64)>,
}

impl MetalPorts {
    /// Takes the machine over.
    pub fn new(computer: Computer, devices: Devices) -> Self {
        let Computer { mut machine, console, boot, heap, program, spare, mut progress, .. } = computer;
        let usage = Usage { total: boot.memory.total(), program, devices: spare.taken() };
        progress.reached("tables");
        let Devices { pool, nics: started, .. } = devices;
        let nics =
            started.iter().map(|nic| Nic { mac: nic.mac, mtu: nic.net.mtu(), driver: nic.net.driver() }).collect();
        let has_interrupts = started.iter().all(|nic| nic.vector.is_some());
        let devices = started
            .into_iter()
            .map(|NicDevice { net, vector, .. }| Device { net, vector, link: true, down: None, stuck: None })
            .collect();
        let clock = machine.clock();
        Self {
            pool,
            nics,
            devices,
            machine,
            console,
            clock,
            heap,
            usage,
            progress,
            slept: 0,
            looked: Instant::BOOT,
            checked: Instant::BOOT,
            has_interrupts,
        }
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.nanos())
    }

    /// Time since 1970-01-01T00:00:00Z, as the machine's battery-backed clock has it.
    pub fn wall_clock(&self) -> Option<Duration> {
        kernel::wall_clock(self.machine.ring0())
    }

    /// The line that was typed on the console, if Enter was pressed.
    pub fn typed(&mut self) -> Option<String> {
        self.console.typed()
    }

    /// Ends a turn, which began at `now`. If there is `more` to do, or a NIC has received something, the next one follows
    /// at once; else the box sleeps until a NIC, a key or `wake` needs it. True if it is time to look at the console.
    pub fn rest(&mut self, now: Instant, more: bool, wake: Option<Instant>) -> bool {
        // A few bytes of the console at a time, so that frames that come meanwhile wait for no more than that.
        let drained = self.console.drain();
        let mut now = now;
        let mut key = false;
        if !more && drained != Drained::Some && !self.has_received() {
            key = self.sleep(if drained == Drained::Busy { earlier(wake, now + LINE) } else { wake });
            now = self.now();
        }
        if now >= self.checked + LOOK {
            self.checked = now;
            self.check();
        }
        let look = key || now >= self.looked + LOOK_AT_CONSOLE;
        if look {
            self.looked = now;
        }
        look
    }

    /// Looks a few times whether there is something to receive, and room to send it.
    fn has_received(&mut self) -> bool {
        !self.is_held_back() && (0..LOOKS).any(|_| self.devices.iter().any(|device| device.net.has_received()))
    }

    /// Says where the memory and the time have gone since the first instruction.
    pub fn report_ready(&mut self) {
        self.progress.reached("console");
        let Usage { total, program, devices } = self.usage;
        let (used, left) = ((self.heap.used)() as u64, (self.heap.left)() as u64);
        let (buffers, buffer_size) = (self.pool.count(), self.pool.buffer_size());
        let pool = u64::from(buffers) * u64::from(buffer_size);
        // What the firmware and the boot loader have taken, and what lies out of reach.
        let reserved = total.saturating_sub(program + devices + used + left);
        let [total, reserved, program, pool, queues, left] =
            [total, reserved, program, pool, devices.saturating_sub(pool), left].map(|bytes| bytes / 1024);
        let stages = self.progress.memory();
        self.console.say(format_args!(
            "memory {total} KiB: reserved {reserved} program {program} buffers {pool} queues {queues} {stages} left {left}"
        ));
        let clock = self.clock;
        let ready = clock.now().as_micros();
        self.console.say(format_args!(
            "ready after {ready} us: {}, {buffers} buffers of {buffer_size} bytes",
            self.progress.times(clock)
        ));
    }

    /// The counters of the NICs themselves, a line each.
    pub fn report_counters(&mut self) {
        for (index, device) in self.devices.iter().enumerate() {
            let counters = device.net.counters();
            self.console.say(format_args!(
                "device {index} received {} bytes {} transmitted {} bytes {} bad_header {} overrun {} unsupported {} waited {} kicks {}",
                counters.received,
                counters.received_bytes,
                counters.transmitted,
                counters.transmitted_bytes,
                counters.bad_header,
                counters.overrun,
                counters.unsupported,
                counters.waited,
                counters.kicks
            ));
        }
        let (free, buffers) = (self.pool.available(), self.pool.count());
        let used = (self.heap.used)() / 1024;
        self.console.say(format_args!(
            "buffers free {free} of {buffers}, memory {used} KiB of {} KiB in use",
            self.usage.total / 1024
        ));
    }

    /// Sleeps until `wake` at most; true if a key was pressed.
    fn sleep(&mut self, wake: Option<Instant>) -> bool {
        let held_back = self.is_held_back();
        let quiet = self.devices.iter_mut().fold(true, |quiet, device| {
            // While receiving is held back, only the room to send is worth waking for.
            let armed = if held_back { device.net.arm_transmit() } else { device.net.arm() };
            armed && quiet
        });
        if !quiet {
            return false;
        }
        let begin = self.now();
        let longest = match (self.has_interrupts, held_back) {
            (false, _) => BLIND,
            (true, true) => PATIENCE,
            (true, false) => LOOK,
        };
        let until_wake = wake.map_or(longest, |wake| wake.since(begin));
        let pending = self.machine.sleep(Some(until_wake.min(longest)));
        self.slept += self.now().as_nanos().saturating_sub(begin.as_nanos());
        for device in &mut self.devices {
            if device.vector.is_none_or(|vector| pending & vector.bit() != 0) {
                device.net.wake();
            }
        }
        self.console.is_key(pending)
    }

    /// Looks for what no interrupt tells: links that went up or down, devices that broke.
    fn check(&mut self) {
        for (index, device) in self.devices.iter_mut().enumerate() {
            let link = device.net.check();
            if device.net.down().is_none() && link != device.link {
                device.link = link;
                let state = if link { "up" } else { "down" };
                self.console.say(format_args!("device {index} link {state}"));
            }
        }
    }

    /// Says once that a device was taken down.
    fn tell_down(&mut self, index: usize) {
        let Some(device) = self.devices.get_mut(index) else { return };
        if let (Some(violation), None) = (device.net.down(), device.down) {
            device.down = Some(violation);
            self.console.say(format_args!("device {index} taken down, its device breaks the rules: {violation}"));
        }
    }

    /// Whether a NIC has more to send than it can, and is not stuck.
    fn is_held_back(&mut self) -> bool {
        let mut held_back = false;
        for device in &mut self.devices {
            if !device.net.is_congested() {
                device.stuck = None;
                continue;
            }
            let now = Instant::from_nanos(self.clock.nanos());
            let sent = device.net.counters().transmitted;
            match device.stuck {
                Some((since, before)) if before == sent => held_back |= now < since + PATIENCE,
                _ => {
                    device.stuck = Some((now, sent));
                    held_back = true;
                }
            }
        }
        held_back
    }
}

fn earlier(wake: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(wake.map_or(other, |wake| wake.min(other)))
}

/// The devices as a node knows them.
pub fn nics(devices: &[NicDevice]) -> Vec<Nic> {
    devices.iter().map(|nic| Nic { mac: nic.mac, mtu: nic.net.mtu(), driver: nic.net.driver() }).collect()
}

impl Ports for MetalPorts {
    type Buffer = DmaBuffer;

    fn nics(&self) -> &[Nic] {
        &self.nics
    }

    fn receive(&mut self, PortId(port): PortId, burst: &mut Burst<DmaBuffer>) {
        if self.is_held_back() {
            return;
        }
        let index = usize::from(port);
        let Some(device) = self.devices.get_mut(index) else { return };
        while !burst.is_full() {
            let Some(frame) = device.net.receive() else { break };
            if burst.push(DmaBuffer(frame)).is_err() {
                break;
            }
        }
        if device.net.down().is_some() {
            self.tell_down(index);
        }
    }

    fn transmit(&mut self, PortId(port): PortId, DmaBuffer(frame): DmaBuffer) {
        if let Some(device) = self.devices.get_mut(usize::from(port)) {
            device.net.transmit(frame);
        }
    }

    fn allocate(&mut self) -> Option<DmaBuffer> {
        Frame::allocate(self.pool).map(DmaBuffer)
    }

    fn flush(&mut self) {
        for index in 0..self.devices.len() {
            self.devices[index].net.flush();
            if self.devices[index].net.down().is_some() {
                self.tell_down(index);
            }
        }
    }

    fn console(&mut self, line: &str) {
        self.console.say(format_args!("{line}"));
    }

    fn vitals(&mut self) -> Option<Vitals> {
        let memory_used = (self.heap.used)() as u64;
        Some(Vitals { memory_total: self.usage.total, memory_used, idle: Some(Duration::from_nanos(self.slept)) })
    }
}
