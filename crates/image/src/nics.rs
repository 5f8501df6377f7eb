//! Network devices: found, started, and put into the order that NaCl's `index` counts.
#![expect(unsafe_code, reason = "hands device memory from the kernel to the drivers")]

use crate::budget::{BufferBudget, TooLittle};
use crate::computer::{Computer, SpareMemory};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;
use core::ptr::NonNull;
use kernel::boot::CommandLine;
use kernel::{AddressSpace, Vector, acpi::Acpi, pci};
use virtio::transport::{MmioTransport, PciFunction, PciTransport, QueueAddresses};
use virtio::{Dma, Features, Net, Offer, PAGE, Pool, Region, Registers, Transport};
use wire::MacAddr;

/// A started device with what wakes us for it.
pub struct NicDevice {
    pub net: Net<'static, AnyTransport>,
    pub mac: MacAddr,
    /// `None`: it cannot wake us.
    pub vector: Option<Vector>,
    place: Place,
}

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Pci(pci::Address),
    /// The highest slot is the first: QEMU fills them from the top.
    Mmio(Reverse<u64>),
}

/// Either bus.
pub enum AnyTransport {
    Pci(PciTransport),
    Mmio(MmioTransport),
}

/// All devices and the buffers that they share.
pub struct Devices {
    pub pool: &'static Pool<'static>,
    pub nics: Vec<NicDevice>,
    pub budget: BufferBudget,
}

struct Found {
    place: Place,
    offer: Offer<AnyTransport>,
    vector: Option<Vector>,
}

/// The identifiers of a virtio network device on PCI, transitional and modern.
const PCI_IDS: [(u16, u16); 2] = [(0x1af4, 0x1000), (0x1af4, 0x1041)];
/// Of a memory-mapped virtio device in ACPI.
const ACPI_ID: &str = "LNRO0005";
const NETWORK: u32 = 1;

/// Finds all devices and starts them with part of the spare memory; says what goes wrong with one.
pub fn start(computer: &mut Computer) -> Result<Devices, TooLittle> {
    let mut found = pci_devices(computer);
    found.extend(mmio_devices(computer));
    found.sort_by_key(|device| device.place);
    let available = computer.spare.len();
    let budget = BufferBudget::new(available, found.len())?;
    let wanted = wanted(computer, &mut found, &budget);

    let region =
        SpareDma(&mut computer.spare).allocate(budget.pages()).ok_or(TooLittle { available, nics: found.len() })?;
    let pool: &'static Pool<'static> = Box::leak(Box::new(Pool::new(region, budget.buffers, budget.buffer_size)));
    let mut nics = Vec::new();
    for Found { place, offer, vector } in found {
        let entry = vector.map(|_| 0);
        match offer.start(wanted, pool, &mut SpareDma(&mut computer.spare), budget.queue_size, entry) {
            Ok(net) => {
                let mac = MacAddr(net.mac().unwrap_or_else(|| made_up_mac(place)));
                nics.push(NicDevice { net, mac, vector, place });
            }
            Err(error) => computer.console.say(format_args!("device {place} not started: {error}")),
        }
    }
    let unknown = put_in_order(&mut nics, |nic| nic.mac, &computer.boot.command_line);
    for mac in unknown {
        computer.console.say(format_args!("nics= names {mac}, which no NIC has"));
    }
    Ok(Devices { pool, nics, budget })
}

/// What it is, where it is, and what was agreed with it.
impl fmt::Display for NicDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { net, mac, place, vector } = self;
        let (receive, transmit) = net.queue_sizes();
        let (driver, features) = (net.driver(), net.features());
        let wakes = if vector.is_some() { "interrupt" } else { "timer" };
        write!(f, "{mac} {driver} {place} queues {receive}/{transmit} wakes by {wakes}: {features}")
    }
}

/// What to accept; says so where one device keeps the others from offloading.
fn wanted(computer: &mut Computer, found: &mut [Found], budget: &BufferBudget) -> Features {
    let mut wanted = Features::for_forwarding(found.iter().map(|device| device.offer.features()));
    for (guest, host, what) in [
        (Features::GUEST_CSUM, Features::CSUM, "checksum"),
        (Features::GUEST_TSO4, Features::HOST_TSO4, "TCP segmentation"),
    ] {
        let lacking = found.iter().find(|device| !device.offer.features().contains(host));
        if let (false, Some(Found { place, .. })) = (wanted.contains(guest), lacking) {
            computer.console.say(format_args!("no {what} offload on any NIC: device {place} does not offer it"));
        }
    }
    let queue = found.iter_mut().map(|device| device.offer.max_queue_size()).fold(budget.queue_size, u16::min);
    let needed = Offer::<AnyTransport>::segmentation_queue(budget.buffer_size);
    if queue < needed && wanted.contains(Features::GUEST_TSO4) {
        wanted = wanted.without(Features::GUEST_TSO);
        let why = "the queues are too short for frames of 64 KiB";
        computer.console.say(format_args!("no TCP segmentation offload on any NIC: {why} ({queue} of {needed})"));
    }
    wanted
}

fn pci_devices(computer: &mut Computer) -> Vec<Found> {
    let Computer { machine, console, ring0, .. } = computer;
    let mut found = Vec::new();
    for mut function in pci::scan(*ring0) {
        if !PCI_IDS.contains(&function.ids()) {
            continue;
        }
        let place = Place::Pci(function.address());
        function.enable();
        let vector = machine.connect_function(&mut function);
        let opened = PciTransport::open(&mut MappedFunction { function: &function, space: machine.space() })
            .map_err(|error| error.to_string())
            .and_then(|transport| Offer::open(AnyTransport::Pci(transport)).map_err(|error| error.to_string()));
        match opened {
            Ok(offer) => found.push(Found { place, offer, vector }),
            Err(error) => console.say(format_args!("device {place} not usable: {error}")),
        }
    }
    found
}

fn mmio_devices(computer: &mut Computer) -> Vec<Found> {
    let Computer { machine, console, boot, physical, .. } = computer;
    let mut windows: Vec<(u64, u64, u32)> =
        boot.command_line.values("virtio_mmio.device").filter_map(parse_device).collect();
    if windows.is_empty()
        && let Some(acpi) = Acpi::open(physical, boot.rsdp)
    {
        windows.extend(acpi.devices(ACPI_ID).iter().map(|device| (device.physical, device.len.into(), device.line)));
    }
    let mut found = Vec::new();
    for (at, len, line) in windows {
        let place = Place::Mmio(Reverse(at));
        let Some(registers) = map(machine.space(), at, len) else { continue };
        let transport = match MmioTransport::open(registers, NETWORK) {
            Ok(transport) => transport,
            Err(virtio::transport::MmioError::Legacy) => {
                console.say(format_args!("device {place} not usable: {}", virtio::transport::MmioError::Legacy));
                continue;
            }
            // Empty slots and devices of other kinds.
            Err(_) => continue,
        };
        match Offer::open(AnyTransport::Mmio(transport)) {
            Ok(offer) => found.push(Found { place, offer, vector: machine.connect_line(line) }),
            Err(error) => console.say(format_args!("device {place} not usable: {error}")),
        }
    }
    found
}

/// `SIZE@BASE:LINE[:ID]` of the command line (Linux `Documentation/admin-guide/kernel-parameters.txt`): base, size and
/// interrupt line.
fn parse_device(text: &str) -> Option<(u64, u64, u32)> {
    let (size, rest) = text.split_once('@')?;
    let (base, rest) = rest.split_once(':')?;
    let line = rest.split(':').next()?;
    let (size, unit) = match size.strip_suffix(['K', 'k']) {
        Some(size) => (size, 1024),
        None => (size, 1),
    };
    Some((number(base)?, number(size)?.checked_mul(unit)?, u32::try_from(number(line)?).ok()?))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Moves what `nics=MAC,MAC,…` names to the front, in its order. Returns what it names in vain.
fn put_in_order<T>(nics: &mut [T], mac: impl Fn(&T) -> MacAddr, command_line: &CommandLine) -> Vec<MacAddr> {
    let named = command_line.value("nics").unwrap_or_default().split(',').filter_map(|text| text.parse().ok());
    let mut unknown = Vec::new();
    let mut next = 0;
    for wanted in named {
        match nics.iter().skip(next).position(|nic| mac(nic) == wanted) {
            Some(offset) => {
                nics[next..=next + offset].rotate_right(1);
                next += 1;
            }
            None => unknown.push(wanted),
        }
    }
    unknown
}

/// A locally administered address for a device that has none, the same at every boot.
fn made_up_mac(place: Place) -> [u8; 6] {
    let [a, b, c, d] = match place {
        Place::Pci(pci::Address { bus, device, function }) => [0, bus, device, function],
        Place::Mmio(Reverse(at)) => ((at >> 8) as u32).to_be_bytes(),
    };
    [0x02, 0x53, a, b, c, d]
}

struct MappedFunction<'a> {
    function: &'a pci::Function,
    space: &'a mut AddressSpace,
}

impl PciFunction for MappedFunction<'_> {
    fn read_config(&self, offset: u8) -> u32 {
        self.function.read(offset)
    }

    fn map(&mut self, bar: u8, offset: u32, len: u32) -> Option<Registers> {
        let base = self.function.map(self.space, bar, offset, len)?;
        // SAFETY: the kernel has mapped these registers uncached for ever; the offset and so the address are multiples
        // of 4 (the driver's check); each part of a BAR is mapped for one driver.
        Some(unsafe { Registers::new(base, len as usize) })
    }
}

fn map(space: &mut AddressSpace, at: u64, len: u64) -> Option<Registers> {
    let base = space.map_registers(at, len).filter(|_| at.is_multiple_of(4))?;
    // SAFETY: mapped uncached for ever, aligned; the command line and ACPI name each window once, and a second driver
    // of one device would not get past its reset.
    Some(unsafe { Registers::new(base, len as usize) })
}

/// Memory for devices comes from what the heap was not given.
struct SpareDma<'a>(&'a mut SpareMemory);

// SAFETY: spare memory is mapped one to one, so it is contiguous physically and the device finds it at the same address;
// `take` never gives the same page twice nor to the heap, and a page of the machine's memory holds some bytes or other.
unsafe impl Dma<'static> for SpareDma<'_> {
    fn allocate(&mut self, pages: usize) -> Option<Region<'static>> {
        let base = NonNull::new(self.0.take(pages)? as *mut u8)?;
        // SAFETY: as argued for the trait.
        Some(unsafe { Region::new(base, base.as_ptr() as u64, pages * PAGE) })
    }
}

impl Transport for AnyTransport {
    fn offered_features(&mut self) -> u64 {
        match self {
            Self::Pci(transport) => transport.offered_features(),
            Self::Mmio(transport) => transport.offered_features(),
        }
    }

    fn accept_features(&mut self, features: u64) {
        match self {
            Self::Pci(transport) => transport.accept_features(features),
            Self::Mmio(transport) => transport.accept_features(features),
        }
    }

    fn status(&self) -> u8 {
        match self {
            Self::Pci(transport) => transport.status(),
            Self::Mmio(transport) => transport.status(),
        }
    }

    fn set_status(&mut self, status: u8) {
        match self {
            Self::Pci(transport) => transport.set_status(status),
            Self::Mmio(transport) => transport.set_status(status),
        }
    }

    fn max_queue_size(&mut self, queue: u16) -> u16 {
        match self {
            Self::Pci(transport) => transport.max_queue_size(queue),
            Self::Mmio(transport) => transport.max_queue_size(queue),
        }
    }

    fn enable_queue(&mut self, queue: u16, addresses: QueueAddresses, vector: Option<u16>) -> bool {
        match self {
            Self::Pci(transport) => transport.enable_queue(queue, addresses, vector),
            Self::Mmio(transport) => transport.enable_queue(queue, addresses, vector),
        }
    }

    fn notify(&mut self, queue: u16) {
        match self {
            Self::Pci(transport) => transport.notify(queue),
            Self::Mmio(transport) => transport.notify(queue),
        }
    }

    fn read_config(&self, offset: usize, into: &mut [u8]) {
        match self {
            Self::Pci(transport) => transport.read_config(offset, into),
            Self::Mmio(transport) => transport.read_config(offset, into),
        }
    }

    fn config_generation(&self) -> u32 {
        match self {
            Self::Pci(transport) => transport.config_generation(),
            Self::Mmio(transport) => transport.config_generation(),
        }
    }

    fn acknowledge_interrupt(&mut self) {
        match self {
            Self::Pci(transport) => transport.acknowledge_interrupt(),
            Self::Mmio(transport) => transport.acknowledge_interrupt(),
        }
    }

    fn driver(&self) -> &'static str {
        match self {
            Self::Pci(transport) => transport.driver(),
            Self::Mmio(transport) => transport.driver(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pci(address) => write!(f, "pci {address}"),
            Self::Mmio(Reverse(at)) => write!(f, "mmio {at:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn devices_of_the_command_line_are_size_base_and_line() {
        let table = [
            ("512@0xfeb00e00:12", Some((0xfeb0_0e00, 512, 12))),
            ("4K@0xd0000000:5:0", Some((0xd000_0000, 4096, 5))),
            ("512@4273999872:7", Some((4_273_999_872, 512, 7))),
            ("512", None),
            ("512@0xfeb00000", None),
            ("0x@:", None),
            ("99999999999999999999K@1:1", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_device(text), expected, "{text}");
        }
    }

    #[test]
    fn the_command_line_decides_the_order_and_the_rest_follows() {
        let mac = |last| MacAddr([2, 0, 0, 0, 0, last]);
        let order = |line: &str| {
            let mut nics = vec![mac(1), mac(2), mac(3)];
            let unknown = put_in_order(&mut nics, |nic| *nic, &CommandLine::new(line.bytes()));
            (nics, unknown)
        };
        assert_eq!(order(""), (vec![mac(1), mac(2), mac(3)], vec![]));
        assert_eq!(order("nics=02:00:00:00:00:03,02:00:00:00:00:01").0, [mac(3), mac(1), mac(2)]);
        assert_eq!(order("nics=02:00:00:00:00:09,02:00:00:00:00:02"), (vec![mac(2), mac(1), mac(3)], vec![mac(9)]));
        assert_eq!(order("nics=02:00:00:00:00:02,02:00:00:00:00:02"), (vec![mac(2), mac(1), mac(3)], vec![mac(2)]));
        assert_eq!(order("nics=nonsense,,").0, [mac(1), mac(2), mac(3)]);
    }

    #[test]
    fn pci_comes_first_and_the_highest_slot_before_the_lower() {
        let mut places = [
            Place::Mmio(Reverse(0xfeb0_0000)),
            Place::Pci(pci::Address { bus: 1, device: 0, function: 0 }),
            Place::Mmio(Reverse(0xfeb0_2e00)),
            Place::Pci(pci::Address { bus: 0, device: 3, function: 1 }),
        ];
        places.sort();
        assert_eq!(
            places.map(|place| place.to_string()),
            ["pci 00:03.1", "pci 01:00.0", "mmio 0xfeb02e00", "mmio 0xfeb00000"]
        );
    }
}
