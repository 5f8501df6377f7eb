//! Saltgate as its own operating system: boot, devices, policy, router.
//!
//! Nothing is forwarded before the whole policy is in place; whatever is wrong on the way is said on the console, and
//! the box stays up to say it again.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;
use kernel::Entropy;
use nacl::Source;
use node::{Node, Ports, Settings};
use policy::Policy;
use rt::BootArguments;
use saltgate_image::budget::TableBudget;
use saltgate_image::computer::{Computer, panicked, running};
use saltgate_image::config::{self, ConfigPlace};
use saltgate_image::ports::MetalPorts;
use saltgate_image::{nics, origin};
use wire::Instant;

rt::entry!(start);

fn start(boot: BootArguments) -> ! {
    rt::set_panic_hook(panicked);
    // SAFETY: this is the first call of the program, on bare metal; the run time and the linker script say the truth.
    let mut computer = unsafe { Computer::start(&origin(boot)) };
    let devices = match nics::start(&mut computer) {
        Ok(devices) => devices,
        Err(error) => computer.stay(&error),
    };
    let fragment_bytes = devices.budget.fragment_bytes();
    let mut ports = MetalPorts::new(computer, devices);
    ports.computer().progress.reached("devices");
    let mut node = match router(&mut ports, fragment_bytes) {
        Ok(node) => node,
        Err(reason) => ports.stay(&reason),
    };
    ports.computer().progress.reached("tables");
    running();
    let mut ready = None;
    let mut reported = false;
    let mut next_clock_check = Instant::BOOT + CLOCK_CHECK;
    loop {
        let now = ports.now();
        let turn = node.turn(now, &mut ports);
        let ready = *ready.get_or_insert_with(|| {
            ports.computer().progress.reached("turn");
            ports.now()
        });
        // Frames that wait already go first, as far as they leave a moment.
        if !reported && (!turn.busy || now >= ready + REPORT_AFTER) {
            reported = true;
            // Reading the time of day takes some dozen exits to the hypervisor, and the first packet does not need it.
            tell_time(&mut node, &ports);
            ports.introduce();
            node.report_start(&mut ports);
            ports.report_ready(ready);
        }
        if !ports.rest(now, turn.more, turn.wake) {
            continue;
        }
        if ports.typed().is_some() {
            node.report_counters(&mut ports);
            ports.report_counters();
        }
        if now >= next_clock_check {
            next_clock_check = now + CLOCK_CHECK;
            tell_time(&mut node, &ports);
        }
    }
}

/// Tells the node what time it is in the world, if the machine knows.
fn tell_time(node: &mut Node<MetalPorts>, ports: &MetalPorts) {
    if let Some(unix_time) = ports.wall_clock() {
        node.set_wall_clock(ports.now(), unix_time);
    }
}

/// How often the time of day is read from the machine again: our own clock's frequency is known to about 0.05 %, which
/// are 2 seconds in an hour.
const CLOCK_CHECK: Duration = Duration::from_secs(1800);

/// What the box is, is said when there is a moment for it, but no later than this.
const REPORT_AFTER: Duration = Duration::from_millis(100);

/// The router that the configuration asks for, all of it in place.
fn router(ports: &mut MetalPorts, fragment_bytes: u32) -> Result<Box<Node<MetalPorts>>, String> {
    let policy = compile(ports)?;
    ports.computer().progress.reached("policy");
    let mut entropy = Entropy::gather(kernel::features());
    if !entropy.is_hardware() {
        ports.introduce();
        let warning = "this CPU has no random numbers to give: secrets come from the clock's jitter";
        ports.computer().console.say(format_args!("{warning}"));
        entropy.add(&ports.wall_clock().unwrap_or_default().as_nanos().to_le_bytes());
    }
    let nics = ports.nics().to_vec();
    nics.iter().for_each(|nic| entropy.add(&nic.mac.0));
    let computer = ports.computer();
    entropy.add(computer.boot.command_line.as_str().as_bytes());
    let tables = TableBudget::new((computer.heap.left)());
    let mut settings = Settings { flows_ceiling: tables.flows_ceiling, seed: entropy.seed(), ..Settings::default() };
    settings.limits.flows = tables.flows;
    settings.limits.fragments = fragment_bytes;
    settings.now = Instant::from_nanos(computer.machine.clock().nanos());
    Node::new(policy, &nics, settings).map(Box::new).map_err(|errors| {
        ports.introduce();
        errors.iter().for_each(|error| ports.computer().console.say(format_args!("{error}")));
        format!("the policy does not fit this machine, {} errors", errors.len())
    })
}

/// A longer configuration, in bytes, takes so long to compile that what was said so far had better be seen before.
const LONG: usize = 64 << 10;

/// The configuration, found and compiled; all that is wrong with it is printed.
fn compile(ports: &mut MetalPorts) -> Result<Policy, String> {
    let computer = ports.computer();
    let found = config::find(computer.ring0, &computer.boot, &computer.physical).map_err(|error| error.to_string())?;
    let source = Source::from_bytes(config::name(&computer.boot.command_line), &found.bytes);
    let timings = computer.boot.command_line.as_str().split_ascii_whitespace().any(|word| word == "timings");
    let (name, origin, len) = (source.name(), found.origin, found.bytes.len());
    ports.found_config(ConfigPlace { name: name.into(), origin, len });
    if len > LONG || timings {
        ports.introduce();
        ports.computer().console.flush();
    }
    let (begin, before) = (ports.now(), rt::heap::asked());
    rt::heap::take_peak();
    let compiled = nacl::compile(&source);
    if len > LONG || timings {
        let peak = rt::heap::take_peak().saturating_sub(before) / 1024;
        let time = ports.now().since(begin).as_micros();
        ports.computer().console.say(format_args!("compiled in {time} us with at most {peak} KiB"));
    }
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == nacl::Severity::Error).count();
    // Suggestions are for `saltgate check`; the console is for what matters now.
    for diagnostic in compiled.diagnostics.iter().filter(|found| found.severity != nacl::Severity::Note) {
        ports.introduce();
        nacl::diagnostic::render(&source, diagnostic)
            .lines()
            .for_each(|line| ports.computer().console.say(format_args!("{line}")));
    }
    compiled.policy.ok_or_else(|| format!("{name} has {errors} errors"))
}
