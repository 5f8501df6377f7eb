//! The drivers without the router: hands every frame from one NIC of a pair to the other.
//!
//! What it costs is what no router on these drivers can be cheaper than; the benchmarks measure it, and the tests of
//! the drivers in a virtual machine use it. NICs 0 and 1 are a pair, 2 and 3 the next.

#![no_std]
#![no_main]

extern crate alloc;

use node::Ports;
use rt::BootArguments;
use saltgate_image::computer::{Computer, panicked, running};
use saltgate_image::nics;
use saltgate_image::origin;
use saltgate_image::ports::MetalPorts;
use wire::{Burst, PortId};

rt::entry!(start);

fn start(boot: BootArguments) -> ! {
    rt::set_panic_hook(panicked);
    // SAFETY: this is the first call of the program, on bare metal; the run time and the linker script say the truth.
    let mut computer = unsafe { Computer::start(&origin(boot)) };
    let devices = match nics::start(&mut computer) {
        Ok(devices) => devices,
        Err(error) => computer.stay(&error),
    };
    let count = devices.nics.len();
    let mut ports = MetalPorts::new(computer, devices);
    let ready = ports.now().as_nanos() / 1000;
    ports.introduce();
    ports.console(&alloc::format!("ready bridge of {count} NICs after {ready} us"));
    let mut burst = Burst::new();
    running();
    loop {
        for port in 0..count as u16 {
            ports.receive(PortId(port), &mut burst);
            burst.drain().for_each(|frame| ports.transmit(PortId(port ^ 1), frame));
        }
        ports.flush();
        if ports.rest(ports.now(), false, None) && ports.typed().is_some() {
            ports.report_counters();
        }
    }
}
