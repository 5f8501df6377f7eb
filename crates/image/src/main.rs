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
    let mut router = match router(&mut ports, fragment_bytes) {
        Ok(router) => router,
        Err(reason) => ports.stay(&reason),
    };
    loop {
        router.turn(&mut ports);
    }
}

/// A node, and what is to be done between its turns.
struct Router {
    node: Box<Node<MetalPorts>>,
    /// When the first turn was over.
    ready: Option<Instant>,
    /// What the box is, has been said.
    reported: bool,
    next_clock_check: Instant,
}

impl Router {
    fn new(node: Box<Node<MetalPorts>>) -> Self {
        Self { node, ready: None, reported: false, next_clock_check: Instant::BOOT + CLOCK_CHECK }
    }

    /// One turn, and sleep if there is nothing left to do.
    fn turn(&mut self, ports: &mut MetalPorts) {
        let Self { node, ready, reported, next_clock_check } = self;
        let now = ports.now();
        let turn = node.turn(now, ports);
        let ready = *ready.get_or_insert_with(|| {
            ports.computer().progress.reached("turn");
            ports.now()
        });
        // Frames that wait already go first, as far as they leave a moment.
        if !*reported && (!turn.busy || now >= ready + REPORT_AFTER) {
            *reported = true;
            // Reading the time of day takes some dozen exits to the hypervisor, and the first packet does not need it.
            tell_time(node, ports);
            ports.introduce();
            node.report_start(ports);
            ports.report_ready(ready);
        }
        if !ports.rest(now, turn.more, turn.wake) {
            return;
        }
        if ports.typed().is_some() {
            node.report_counters(ports);
            ports.report_counters();
        }
        if now >= *next_clock_check {
            *next_clock_check = now + CLOCK_CHECK;
            tell_time(node, ports);
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

/// The router that the configuration asks for, up and running. What the compiler has made on the way to its policy goes
/// when there is a moment for it.
fn router(ports: &mut MetalPorts, fragment_bytes: u32) -> Result<Router, String> {
    compile(ports, |ports, policy| {
        ports.computer().progress.reached("policy");
        let mut router = Router::new(node(ports, policy, fragment_bytes)?);
        ports.computer().progress.reached("tables");
        running();
        while !router.reported {
            router.turn(ports);
        }
        Ok(router)
    })
}

/// The node with this policy, all of it in place.
fn node(ports: &mut MetalPorts, policy: Policy, fragment_bytes: u32) -> Result<Box<Node<MetalPorts>>, String> {
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

/// Finds the configuration, compiles it and goes on with its policy; all that is wrong with it is printed.
fn compile<T>(
    ports: &mut MetalPorts,
    then: impl FnOnce(&mut MetalPorts, Policy) -> Result<T, String>,
) -> Result<T, String> {
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
    nacl::compile_then(&source, |compiled| {
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
        let policy = compiled.policy.ok_or_else(|| format!("{name} has {errors} errors"))?;
        then(ports, policy)
    })
}
