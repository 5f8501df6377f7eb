//! Saltgate as its own operating system: boot, devices, policy, router.
//!
//! Nothing is forwarded before the whole policy is in place; whatever is wrong on the way is said on the console, and
//! the box stays up to say it again.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;
use kernel::Entropy;
use nacl::Source;
use node::{Node, Settings};
use policy::Policy;
use rt::BootArguments;
use saltgate_image::budget::TableBudget;
use saltgate_image::computer::{Computer, panicked, running};
use saltgate_image::nics::{self, Devices};
use saltgate_image::ports::{self, MetalPorts};
use saltgate_image::{config, origin};
use wire::Instant;

rt::entry!(start);

fn start(boot: BootArguments) -> ! {
    rt::set_panic_hook(panicked);
    // SAFETY: this is the first call of the program, on bare metal; the run time and the linker script say the truth.
    let mut computer = unsafe { Computer::start(&origin(boot)) };
    computer.report();
    let devices = match nics::start(&mut computer) {
        Ok(devices) => devices,
        Err(error) => computer.stay(&error),
    };
    computer.progress.reached("devices");
    computer.report_clock();
    computer.fill_heap();
    let mut node = match router(&mut computer, &devices) {
        Ok(node) => node,
        Err(reason) => computer.stay(&reason),
    };
    let mut ports = MetalPorts::new(computer, devices);
    node.report_start(&mut ports);
    ports.report_ready();
    running();
    let mut next_clock_check = Instant::BOOT + CLOCK_CHECK;
    loop {
        let now = ports.now();
        let turn = node.turn(now, &mut ports);
        if !ports.rest(now, turn.more, turn.wake) {
            continue;
        }
        if ports.typed().is_some() {
            node.report_counters(&mut ports);
            ports.report_counters();
        }
        if now >= next_clock_check {
            next_clock_check = now + CLOCK_CHECK;
            if let Some(unix_time) = ports.wall_clock() {
                node.set_wall_clock(ports.now(), unix_time);
            }
        }
    }
}

/// How often the time of day is read from the machine again: our own clock's frequency is known to about 0.05 %, which
/// are 2 seconds in an hour.
const CLOCK_CHECK: Duration = Duration::from_secs(1800);

/// The router that the configuration asks for, all of it in place.
fn router(computer: &mut Computer, devices: &Devices) -> Result<Node<MetalPorts>, String> {
    let policy = compile(computer)?;
    computer.progress.reached("policy");
    let tables = TableBudget::new((computer.heap.left)());
    let unix_time = kernel::wall_clock(computer.ring0);
    let mut entropy = Entropy::gather(kernel::features());
    entropy.add(computer.boot.command_line.as_str().as_bytes());
    entropy.add(&unix_time.unwrap_or_default().as_nanos().to_le_bytes());
    devices.nics.iter().for_each(|nic| entropy.add(&nic.mac.0));
    if !entropy.is_hardware() {
        computer
            .console
            .say(format_args!("this CPU has no random numbers to give: secrets come from the clock's jitter"));
    }
    let mut settings =
        Settings { flows_ceiling: tables.flows_ceiling, seed: entropy.seed(), unix_time, ..Settings::default() };
    settings.limits.flows = tables.flows;
    settings.limits.fragments = devices.budget.fragment_bytes();
    settings.now = Instant::from_nanos(computer.machine.clock().nanos());
    Node::new(policy, &ports::nics(&devices.nics), settings).map_err(|errors| {
        errors.iter().for_each(|error| computer.console.say(format_args!("{error}")));
        format!("the policy does not fit this machine, {} errors", errors.len())
    })
}

/// A longer configuration, in bytes, takes so long to compile that what was said so far had better be seen before.
const LONG: usize = 64 << 10;

/// The configuration, found and compiled; all that is wrong with it is printed.
fn compile(computer: &mut Computer) -> Result<Policy, String> {
    let found = config::find(computer.ring0, &computer.boot, &computer.physical).map_err(|error| error.to_string())?;
    let source = Source::from_bytes(config::name(&computer.boot.command_line), &found.bytes);
    let (name, origin, len) = (source.name(), found.origin, found.bytes.len());
    computer.console.say(format_args!("config {name} from {origin}, {len} bytes"));
    if len > LONG {
        computer.console.flush();
    }
    let (begin, before) = (computer.machine.clock().nanos(), rt::heap::asked());
    rt::heap::take_peak();
    let compiled = nacl::compile(&source);
    if len > LONG || computer.boot.command_line.as_str().split_ascii_whitespace().any(|word| word == "timings") {
        let peak = rt::heap::take_peak().saturating_sub(before) / 1024;
        let time = (computer.machine.clock().nanos() - begin) / 1000;
        computer.console.say(format_args!("compiled in {time} us with at most {peak} KiB"));
    }
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == nacl::Severity::Error).count();
    // Suggestions are for `saltgate check`; the console is for what matters now.
    for diagnostic in compiled.diagnostics.iter().filter(|found| found.severity != nacl::Severity::Note) {
        nacl::diagnostic::render(&source, diagnostic)
            .lines()
            .for_each(|line| computer.console.say(format_args!("{line}")));
    }
    compiled.policy.ok_or_else(|| format!("{name} has {errors} errors"))
}
