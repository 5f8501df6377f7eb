//! The machine from its first Rust instruction to the point where it can look for network devices.
#![expect(unsafe_code, reason = "takes over memory, page tables and the CPU")]

use crate::progress::Progress;
use alloc::string::String;
use core::fmt::{self, Write};
use core::ops::Range;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use core::time::Duration;
use kernel::boot::BootInfo;
use kernel::{AddressSpace, Drained, Exit, IdentityMap, Machine, Protection, Ring0, Serial, Vector};

/// What the boot loader and the linker know, and who owns the heap: the run time's side, which the library must not
/// name, or it could not be tested.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The boot protocol's magic number.
    pub protocol: u32,
    /// Physical address of its information.
    pub info: u64,
    /// The parts of the program, in physical addresses, multiples of a page.
    pub code: Range<u64>,
    pub read_only: Range<u64>,
    pub writable: Range<u64>,
    /// One page that nothing may touch.
    pub stack_guard: u64,
    pub heap: Heap,
    /// Says whether `rep movsb` is quick here.
    pub choose_copy: fn(bool),
    /// Says how the heap zeroes large pieces of memory.
    pub zero_large_by: fn(unsafe fn(*mut u8, usize)),
}

/// The heap, which is the run time's.
#[derive(Clone, Copy, Debug)]
pub struct Heap {
    /// Gives memory to it; false if it is too little to be of use.
    pub add: unsafe fn(*mut u8, usize) -> bool,
    /// Bytes that are in use, …
    pub used: fn() -> usize,
    /// … and those that are not.
    pub left: fn() -> usize,
}

/// A machine that is up.
pub struct Computer {
    pub ring0: Ring0,
    pub boot: BootInfo,
    pub physical: IdentityMap,
    pub machine: Machine,
    pub console: Console,
    /// For devices; what they leave is for the heap.
    pub spare: SpareMemory,
    pub progress: Progress,
    /// Bytes that the program itself occupies, its zeroed data and its stack included.
    pub program: u64,
    pub heap: Heap,
}

/// Memory that nobody uses yet, mapped one to one, in whole pages.
#[derive(Debug)]
pub struct SpareMemory {
    free: Range<u64>,
    taken: u64,
}

impl SpareMemory {
    /// Bytes.
    pub fn len(&self) -> usize {
        (self.free.end - self.free.start) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Bytes that were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes pages from the bottom, for ever; their address. A hypervisor that backs memory with large pages clears one
    /// of them, which takes it up to some milliseconds, when the first byte in it is touched: what is used at once
    /// lies side by side, next to the program.
    pub fn take(&mut self, pages: usize) -> Option<u64> {
        let len = u64::try_from(pages).ok()?.checked_mul(PAGE)?;
        let start = self.free.start;
        self.free.start = start.checked_add(len).filter(|&end| end <= self.free.end)?;
        self.taken += len;
        Some(start)
    }
}

const PAGE: u64 = 4096;
/// What the heap gets of the largest free range before the devices have theirs.
const EARLY_HEAP: u64 = 512 << 10;

/// The serial line, line by line.
pub struct Console {
    serial: Serial,
    /// What the first line says, until it has been said: writing a line takes its time, and a start that goes well says
    /// nothing before it forwards.
    opening: Option<Opening>,
    /// What wakes the machine when a key is pressed.
    vector: Option<Vector>,
    /// What has been typed since the last Enter.
    typed: String,
}

/// The first line: the machine.
struct Opening {
    protocol: &'static str,
    memory_kib: u64,
}

/// The longest line that can be typed, in bytes.
const TYPED: usize = 128;

impl Computer {
    /// Brings the machine up: boot information, heap, page protection, clock, interrupts. What goes wrong is said on
    /// the console, and the machine stops.
    ///
    /// # Safety
    ///
    /// Called once, first, on bare metal, as the boot code has left the machine; `origin` tells the truth.
    pub unsafe fn start(origin: &Origin) -> Self {
        let progress = Progress::begin(origin.heap.used);
        // SAFETY: the caller's promise.
        let ring0 = unsafe { Ring0::assume() };
        let mut serial = Serial::open(ring0);
        // SAFETY: the boot code has mapped it; what the boot loader left is reserved below and never written.
        let physical = unsafe { IdentityMap::new() };
        let mut boot = BootInfo::read(&physical, origin.protocol, origin.info)
            .unwrap_or_else(|error| fail(&mut serial, ring0, &error));
        PANIC.store(panic_exit(&boot) as u8, Ordering::Relaxed);

        if !boot.memory.reserve(origin.code.start, origin.writable.end - origin.code.start) {
            fail(&mut serial, ring0, &"the boot information has too many parts");
        }
        let largest = boot.memory.free().max_by_key(|range| range.end - range.start).unwrap_or_default();
        let early = largest.start..largest.end.min(largest.start + EARLY_HEAP);
        let spare = SpareMemory { free: early.end..largest.end, taken: 0 };
        let mut given = 0;
        for range in boot.memory.free().filter(|range| *range != largest).chain([early]) {
            let len = range.end - range.start;
            // SAFETY: the range is free memory, below 4 GiB and so mapped; nobody else is given it.
            if len > 0 && unsafe { (origin.heap.add)(range.start as *mut u8, len as usize) } {
                given += len;
            }
        }
        if given < MIN_HEAP {
            let (free, total) = (given / 1024, boot.memory.total() / 1024);
            fail(&mut serial, ring0, &format_args!("too little memory: {free} KiB of {total} KiB are free"));
        }
        // SAFETY: once, with the boot code's tables and a heap in mapped memory.
        let mut space = unsafe { AddressSpace::take_over(ring0) };
        // SAFETY: these are the program's parts as the linker has laid them out; nothing uses the guard page or
        // address 0.
        unsafe {
            space.protect(&[
                (0..4096, Protection::Guard),
                (origin.code.clone(), Protection::Code),
                (origin.read_only.clone(), Protection::ReadOnly),
                (origin.stack_guard..origin.stack_guard + 4096, Protection::Guard),
            ]);
        }
        (origin.choose_copy)(kernel::features().fast_string_bytes);
        let machine = Machine::start(ring0, space, progress.start(), &boot, &physical)
            .unwrap_or_else(|error| fail(&mut serial, ring0, &error));
        // The handler of page faults is in place.
        (origin.zero_large_by)(kernel::zero_later);
        let opening = Opening { protocol: boot.protocol, memory_kib: boot.memory.total() / 1024 };
        let console = Console { serial, opening: Some(opening), vector: None, typed: String::new() };
        let program = origin.writable.end - origin.code.start;
        let heap = origin.heap;
        let mut computer = Self { ring0, boot, physical, machine, console, spare, progress, program, heap };
        computer.console.connect(&mut computer.machine);
        computer.progress.reached("machine");
        computer
    }

    /// Gives the heap all spare memory.
    pub fn fill_heap(&mut self) {
        let spare = core::mem::take(&mut self.spare.free);
        if !spare.is_empty() {
            // SAFETY: nobody uses spare memory, and now it is gone from here.
            unsafe { (self.heap.add)(spare.start as *mut u8, (spare.end - spare.start) as usize) };
        }
    }

    /// Stays up to say why nothing is forwarded: now, every minute, and whenever Enter is pressed.
    pub fn stay(&mut self, reason: &dyn fmt::Display) -> ! {
        loop {
            self.console.say(format_args!("nothing is forwarded: {reason}"));
            self.console.flush();
            let again = self.machine.clock().now() + SAY_AGAIN;
            while self.console.typed().is_none() {
                let left = again.saturating_sub(self.machine.clock().now());
                if left.is_zero() {
                    break;
                }
                self.machine.sleep(Some(left));
            }
        }
    }
}

const SAY_AGAIN: Duration = Duration::from_secs(60);
/// Less is not enough to say anything useful.
const MIN_HEAP: u64 = 256 << 10;

impl Console {
    fn connect(&mut self, machine: &mut Machine) {
        self.vector = machine.connect_serial(&mut self.serial);
    }

    /// Whether one of these interrupts, as [`Vector::bit`]s, was that of a key.
    pub fn is_key(&self, pending: u64) -> bool {
        self.vector.is_some_and(|vector| pending & vector.bit() != 0)
    }

    /// Takes a line, which goes out with the next [`drain`](Self::drain)s or with [`flush`](Self::flush). What the
    /// machine is stands before the first one.
    pub fn say(&mut self, line: fmt::Arguments<'_>) {
        // A serial line takes everything.
        if let Some(Opening { protocol, memory_kib }) = self.opening.take() {
            let _ = writeln!(self.serial, "boot {protocol} memory {memory_kib} KiB");
        }
        let _ = self.serial.write_fmt(line);
        let _ = self.serial.write_str("\n");
    }

    /// Sends as much of what was said as the line takes without waiting.
    pub fn drain(&mut self) -> Drained {
        self.serial.drain()
    }

    /// Sends all that was said.
    pub fn flush(&mut self) {
        self.serial.flush();
    }

    /// The line that has been typed, if Enter was pressed.
    pub fn typed(&mut self) -> Option<String> {
        while let Some(byte) = self.serial.read() {
            match byte {
                b'\r' | b'\n' => return Some(core::mem::take(&mut self.typed)),
                b' '..=b'~' if self.typed.len() < TYPED => self.typed.push(char::from(byte)),
                _ => {}
            }
        }
        None
    }
}

/// What a panic does, as an [`Exit`].
static PANIC: AtomicU8 = AtomicU8::new(Exit::Reboot as u8);

/// `panic=reboot`, `panic=exit` or `panic=halt` of the command line.
fn panic_exit(boot: &BootInfo) -> Exit {
    match boot.command_line.value("panic") {
        Some("exit") => Exit::Debug,
        Some("halt") => Exit::Halt,
        _ => Exit::Reboot,
    }
}

/// With `panic=exit`, QEMU's exit status is this, times 2, plus 1.
const PANIC_CODE: u8 = 0x33;

/// Prints where and why, then leaves as the command line says; where memory was too little to begin with, stays, for
/// it would be as little after a reboot. For the panic handler.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    // SAFETY: a panic of this program happens on bare metal, and nothing runs after it.
    let ring0 = unsafe { Ring0::assume() };
    let mut serial = Serial::for_panic(ring0);
    let _ = writeln!(serial, "\npanic: {info}");
    serial.flush();
    if !RUNNING.load(Ordering::Relaxed) && StartsWith::new("memory allocation of").matches(&info.message()) {
        fail(&mut serial, ring0, &"nothing is forwarded: too little memory");
    }
    leave(ring0)
}

/// Set once everything is allocated.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Says that from now on the box forwards, so that a failure is worth a reboot.
pub fn running() {
    RUNNING.store(true, Ordering::Relaxed);
}

/// Compares the beginning of a text while it is being written, without memory.
struct StartsWith {
    rest: &'static str,
    equal: bool,
}

impl StartsWith {
    fn new(prefix: &'static str) -> Self {
        Self { rest: prefix, equal: true }
    }

    fn matches(mut self, text: &dyn fmt::Display) -> bool {
        let _ = write!(self, "{text}");
        self.equal && self.rest.is_empty()
    }
}

impl Write for StartsWith {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let len = text.len().min(self.rest.len());
        self.equal &= text.as_bytes().get(..len) == self.rest.as_bytes().get(..len);
        self.rest = self.rest.get(len..).unwrap_or_default();
        Ok(())
    }
}

/// For what makes starting impossible.
fn fail(serial: &mut Serial, ring0: Ring0, reason: &dyn fmt::Display) -> ! {
    let _ = writeln!(serial, "cannot start: {reason}");
    serial.flush();
    kernel::halt(ring0)
}

fn leave(ring0: Ring0) -> ! {
    let exit =
        [Exit::Reboot, Exit::Debug, Exit::Halt].into_iter().find(|&exit| exit as u8 == PANIC.load(Ordering::Relaxed));
    kernel::leave(ring0, exit.unwrap_or_default(), PANIC_CODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_beginning() {
        let matches = |text: &dyn fmt::Display| StartsWith::new("memory allocation of").matches(text);
        assert!(matches(&format_args!("memory allocation of {} bytes failed", 7)));
        assert!(!matches(&"memory"));
        assert!(!matches(&"a memory allocation of"));
    }
}
