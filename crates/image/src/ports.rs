//! The outside world of a node on this machine: NICs, buffers, console, and sleep.

use crate::buffer::DmaBuffer;
use crate::computer::Computer;
use crate::config::ConfigPlace;
use crate::nics::{Devices, NicDevice};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use kernel::{Clock, Drained};
use node::{Nic, Ports, Vitals};
use virtio::{Frame, Pool, Violation};
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
    computer: Computer,
    clock: Clock,
    /// Bytes of buffers and queues, which are not the heap's to give.
    device_memory: u64,
    /// Where the configuration came from, once that is known.
    config: Option<ConfigPlace>,
    /// Machine, devices, clock and configuration have been told of.
    introduced: bool,
    /// How long the box has slept, in nanoseconds.
    slept: u64,
    /// When the console, and when the devices were looked at.
    looked: Instant,
    checked: Instant,
    /// No device lacks an interrupt.
    has_interrupts: bool,
}

struct Device {
    nic: NicDevice,
    link: bool,
    down: Option<Violation>,
    /// Since when it has not been able to send, and what it had sent by then.
    stuck: Option<(Instant, u64)>,
}

impl MetalPorts {
    /// Takes the machine over, and gives all memory that the devices have left to the heap.
    pub fn new(mut computer: Computer, devices: Devices) -> Self {
        let device_memory = computer.spare.taken();
        computer.fill_heap();
        let Devices { pool, nics: started, .. } = devices;
        let nics =
            started.iter().map(|nic| Nic { mac: nic.mac, mtu: nic.net.mtu(), driver: nic.net.driver() }).collect();
        let has_interrupts = started.iter().all(|nic| nic.vector.is_some());
        let devices = started.into_iter().map(|nic| Device { nic, link: true, down: None, stuck: None }).collect();
        let clock = computer.machine.clock();
        Self {
            pool,
            nics,
            devices,
            computer,
            clock,
            device_memory,
            config: None,
            introduced: false,
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

    /// The machine, for what comes before the first turn.
    pub fn computer(&mut self) -> &mut Computer {
        &mut self.computer
    }

    /// Time since 1970-01-01T00:00:00Z, as the machine's battery-backed clock has it.
    pub fn wall_clock(&self) -> Option<Duration> {
        kernel::wall_clock(self.computer.ring0)
    }

    /// The line that was typed on the console, if Enter was pressed.
    pub fn typed(&mut self) -> Option<String> {
        self.computer.console.typed()
    }

    /// Remembers where the configuration came from, until it is time to say so.
    pub fn found_config(&mut self, place: ConfigPlace) {
        self.config = Some(place);
    }

    /// Says, once, what the machine and its NICs are, how it tells the time, and where its configuration came from.
    pub fn introduce(&mut self) {
        if core::mem::replace(&mut self.introduced, true) {
            return;
        }
        let console = &mut self.computer.console;
        for (index, device) in self.devices.iter().enumerate() {
            console.say(format_args!("device {index} {}", device.nic));
        }
        if !self.has_interrupts {
            console.say(format_args!("a NIC has no interrupt: the box looks 1000 times a second"));
        }
        console.say(format_args!("clock {} MHz from {}", self.clock.hz() / 1_000_000, self.clock.source()));
        if let Some(ConfigPlace { name, origin, len }) = &self.config {
            console.say(format_args!("config {name} from {origin}, {len} bytes"));
        }
    }

    /// Says what there is to say, and that nothing is forwarded and why; now and again, for ever.
    pub fn stay(&mut self, reason: &dyn fmt::Display) -> ! {
        self.introduce();
        self.computer.stay(reason)
    }

    /// Ends a turn, which began at `now`. If there is `more` to do, or a NIC has received something, the next one follows
    /// at once; else the box sleeps until a NIC, a key or `wake` needs it. True if it is time to look at the console.
    pub fn rest(&mut self, now: Instant, more: bool, wake: Option<Instant>) -> bool {
        // A few bytes of the console at a time, so that frames that come meanwhile wait for no more than that.
        let drained = self.computer.console.drain();
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
        !self.is_held_back() && (0..LOOKS).any(|_| self.devices.iter().any(|device| device.nic.net.has_received()))
    }

    /// Says where the memory and the time have gone between the first instruction and the end of the first turn, which
    /// was at `ready`.
    pub fn report_ready(&mut self, ready: Instant) {
        let devices = self.device_memory;
        let Computer { progress, heap, program, boot, console, .. } = &mut self.computer;
        let (total, program) = (boot.memory.total(), *program);
        let (used, left) = ((heap.used)() as u64, (heap.left)() as u64);
        let (buffers, buffer_size) = (self.pool.count(), self.pool.buffer_size());
        let pool = u64::from(buffers) * u64::from(buffer_size);
        // What the firmware and the boot loader have taken, and what lies out of reach.
        let reserved = total.saturating_sub(program + devices + used + left);
        let [total, reserved, program, pool, queues, left] =
            [total, reserved, program, pool, devices.saturating_sub(pool), left].map(|bytes| bytes / 1024);
        let stages = progress.memory();
        console.say(format_args!(
            "memory {total} KiB: reserved {reserved} program {program} buffers {pool} queues {queues} {stages} left {left}"
        ));
        let (ready, stages) = (ready.as_nanos() / 1000, progress.times(self.clock));
        console.say(format_args!("ready after {ready} us: {stages}, {buffers} buffers of {buffer_size} bytes"));
    }

    /// The counters of the NICs themselves, a line each.
    pub fn report_counters(&mut self) {
        let Computer { console, heap, boot, .. } = &mut self.computer;
        for (index, device) in self.devices.iter().enumerate() {
            let counters = device.nic.net.counters();
            console.say(format_args!(
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
        let (used, total) = ((heap.used)() / 1024, boot.memory.total() / 1024);
        console.say(format_args!("buffers free {free} of {buffers}, memory {used} KiB of {total} KiB in use"));
    }

    /// Sleeps until `wake` at most; true if a key was pressed.
    fn sleep(&mut self, wake: Option<Instant>) -> bool {
        let held_back = self.is_held_back();
        let quiet = self.devices.iter_mut().fold(true, |quiet, device| {
            // While receiving is held back, only the room to send is worth waking for.
            let armed = if held_back { device.nic.net.arm_transmit() } else { device.nic.net.arm() };
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
        let pending = self.computer.machine.sleep(Some(until_wake.min(longest)));
        self.slept += self.now().as_nanos().saturating_sub(begin.as_nanos());
        for device in &mut self.devices {
            if device.nic.vector.is_none_or(|vector| pending & vector.bit() != 0) {
                device.nic.net.wake();
            }
        }
        self.computer.console.is_key(pending)
    }

    /// Looks for what no interrupt tells: links that went up or down, devices that broke. And clears a part of what the
    /// start has put off.
    fn check(&mut self) {
        self.computer.machine.space().finish_zeroing();
        for (index, device) in self.devices.iter_mut().enumerate() {
            let link = device.nic.net.check();
            if device.nic.net.down().is_none() && link != device.link {
                device.link = link;
                let state = if link { "up" } else { "down" };
                self.computer.console.say(format_args!("device {index} link {state}"));
            }
        }
    }

    /// Says once that a device was taken down.
    fn tell_down(&mut self, index: usize) {
        let Some(device) = self.devices.get_mut(index) else { return };
        if let (Some(violation), None) = (device.nic.net.down(), device.down) {
            device.down = Some(violation);
            self.computer
                .console
                .say(format_args!("device {index} taken down, its device breaks the rules: {violation}"));
        }
    }

    /// Whether a NIC has more to send than it can, and is not stuck.
    fn is_held_back(&mut self) -> bool {
        let mut held_back = false;
        for device in &mut self.devices {
            if !device.nic.net.is_congested() {
                device.stuck = None;
                continue;
            }
            let now = Instant::from_nanos(self.clock.nanos());
            let sent = device.nic.net.counters().transmitted;
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
            let Some(frame) = device.nic.net.receive() else { break };
            if burst.push(DmaBuffer(frame)).is_err() {
                break;
            }
        }
        if device.nic.net.down().is_some() {
            self.tell_down(index);
        }
    }

    fn transmit(&mut self, PortId(port): PortId, DmaBuffer(frame): DmaBuffer) {
        if let Some(device) = self.devices.get_mut(usize::from(port)) {
            device.nic.net.transmit(frame);
        }
    }

    fn allocate(&mut self) -> Option<DmaBuffer> {
        Frame::allocate(self.pool).map(DmaBuffer)
    }

    fn flush(&mut self) {
        for index in 0..self.devices.len() {
            self.devices[index].nic.net.flush();
            if self.devices[index].nic.net.down().is_some() {
                self.tell_down(index);
            }
        }
    }

    fn console(&mut self, line: &str) {
        self.computer.console.say(format_args!("{line}"));
    }

    fn vitals(&mut self) -> Option<Vitals> {
        let memory_used = (self.computer.heap.used)() as u64;
        let memory_total = self.computer.boot.memory.total();
        Some(Vitals { memory_total, memory_used, idle: Some(Duration::from_nanos(self.slept)) })
    }
}
