//! What it costs to find a route, among a few and among a hundred thousand.
//!
//! ```text
//! cargo xtask bench routes [--json FILE] [--instructions] [ROW…]
//! ```
//!
//! A row is a family and a number of routes: `v4-1000`. Prefixes are as long as in the tables of the Internet, most of
//! them /24 or /48, some nested, and a default route. Time is that of a look-up whose address depends on the answer of
//! the one before, so that none overlaps with the next; a scan of all routes, longest prefix first, is measured beside
//! it. Instructions are counted by callgrind, if valgrind is installed and `--instructions` asks for it.

#![forbid(unsafe_code)]

use plane::Routes;
use policy::{Gateway, Iface, Ipv4Config, NicRef, Parts, Place, Policy, Route};
use saltgate_bench_plane::{Options, Report, instructions};
use std::cmp::Reverse;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use wire::{Cidr, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr};

const COUNTS: [u32; 6] = [4, 16, 100, 1_000, 10_000, 100_000];
/// Look-ups in a batch, and batches of one measurement.
const BATCH: usize = 32;
const BATCHES: u64 = 20_000;
/// Batches of the shorter of two runs that are counted.
const COUNTED: u64 = 320;
/// Addresses to look up; a power of two.
const ADDRESSES: usize = 1 << 14;

/// A family and a number of routes.
#[derive(Clone, Copy)]
struct Row {
    v6: bool,
    count: u32,
}

impl Row {
    fn all() -> impl Iterator<Item = Self> {
        [false, true].into_iter().flat_map(|v6| COUNTS.map(|count| Self { v6, count }))
    }

    fn name(self) -> String {
        format!("{}-{}", if self.v6 { "v6" } else { "v4" }, self.count)
    }

    fn named(name: &str) -> Option<Self> {
        Self::all().find(|row| row.name() == name)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--list"] => {
            // Making larger tables takes too long under callgrind.
            Row::all().filter(|row| [16, 1_000].contains(&row.count)).for_each(|row| println!("{}", row.name()));
            return ExitCode::SUCCESS;
        }
        ["--count", name, batches] => {
            let (Some(row), Ok(batches)) = (Row::named(name), batches.parse()) else { return ExitCode::from(2) };
            let table = Table::new(row);
            look_up(&table, batches);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let names: Vec<String> = Row::all().map(Row::name).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = match Options::parse(&arguments, &known) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let columns = ["ns/look-up", "instructions", "ns/scan", "bytes/route", "build µs"];
    let mut report = Report::new("routes", &columns);
    for row in Row::all().filter(|row| options.wants(&row.name())) {
        measure(row, options.instructions, &mut report);
    }
    report.finish(options.json)
}

fn measure(row: Row, counts: bool, report: &mut Report) {
    let table = Table::new(row);
    let mut times: Vec<f64> = (0..7).map(|_| nanos(&table)).collect();
    times.sort_by(f64::total_cmp);
    let scan = table.scan();
    let name = row.name();
    let counted = counts.then(|| {
        let count = |batches: u64| instructions(&["--count", &name, &batches.to_string()]);
        let (short, long) = (count(COUNTED)?, count(2 * COUNTED)?);
        Some(long.saturating_sub(short) as f64 / (COUNTED * BATCH as u64) as f64)
    });
    let bytes = table.routes.bytes() as f64 / f64::from(row.count);
    let build = table.build.as_secs_f64() * 1e6;
    report.row(&name, &[Some(times[times.len() / 2]), counted.flatten(), Some(scan), Some(bytes), Some(build)]);
}

/// A routing table, what it was made of, and what to look up in it.
struct Table {
    routes: Routes,
    prefixes: Vec<Route>,
    addresses: Vec<IpAddr>,
    build: Duration,
}

impl Table {
    fn new(row: Row) -> Self {
        let mut random = Random(u64::from(row.count) ^ 0x9e37_79b9_7f4a_7c15);
        let mut prefixes = vec![route(row, [0; 16], 0, 0)];
        while prefixes.len() < row.count as usize {
            let bits = random.next();
            // Global unicast, in three quarters of the cases as one of the two lengths that most routes have.
            let address: [u8; 16] = if row.v6 {
                (u128::from(bits) << 64 >> 3 | 1 << 125).to_be_bytes()
            } else {
                (u128::from(1 + bits % 0xdf00_0000) << 96).to_be_bytes()
            };
            let len = match (random.next() % 8, row.v6) {
                (0..6, false) => 24,
                (0..6, true) => 48,
                (_, false) => 12 + random.next() % 13,
                (_, true) => 28 + random.next() % 37,
            };
            prefixes.push(route(row, address, len as u8, (bits % 64) as u16));
        }
        // Two of three within a prefix, the others anywhere.
        let addresses = (0..ADDRESSES).map(|_| {
            let noise = u128::from(random.next()) << 64 | u128::from(random.next());
            let within = &prefixes[(random.next() % u64::from(row.count)) as usize].net;
            let bits = match (within.network(), random.next().is_multiple_of(3)) {
                (IpAddr::V4(network), false) => {
                    u128::from(network.to_bits() | noise as u32 & host_mask(32, within.prefix_len()) as u32) << 96
                }
                (IpAddr::V6(network), false) => network.to_bits() | noise & host_mask(128, within.prefix_len()),
                _ => noise,
            };
            address(row.v6, bits.to_be_bytes())
        });
        let addresses: Vec<IpAddr> = addresses.collect();
        let policy = policy(prefixes.clone());
        let begun = Instant::now();
        let routes = Routes::new(&policy);
        let build = begun.elapsed();
        prefixes.sort_by_key(|route| (Reverse(route.net.prefix_len()), route.cost));
        Self { routes, prefixes, addresses, build }
    }

    /// Nanoseconds for a scan of all routes; also holds both ways of finding a route against each other.
    fn scan(&self) -> f64 {
        let scans = (20_000_000 / self.prefixes.len()).clamp(200, ADDRESSES);
        let begun = Instant::now();
        for dst in self.addresses.iter().take(scans) {
            black_box(self.prefixes.iter().find(|route| route.net.contains(*dst)));
        }
        let nanos = begun.elapsed().as_nanos() as f64 / scans as f64;
        for dst in self.addresses.iter().take(scans.min(200)) {
            let scanned = self.prefixes.iter().find(|route| route.net.contains(*dst));
            let found = self.routes.find(*dst).map(|(route, len)| (route.iface, len));
            assert_eq!(found, scanned.map(|route| (route.iface, route.net.prefix_len())), "{dst}");
        }
        nanos
    }
}

fn nanos(table: &Table) -> f64 {
    let begun = Instant::now();
    look_up(table, BATCHES);
    begun.elapsed().as_nanos() as f64 / (BATCHES * BATCH as u64) as f64
}

/// Looks batches of addresses up.
fn look_up(table: &Table, batches: u64) {
    let mut at = 0;
    for _ in 0..batches {
        at = measured_region(&table.routes, &table.addresses, at);
    }
    black_box(at);
}

/// A batch; where the next one goes on.
#[inline(never)]
fn measured_region(routes: &Routes, addresses: &[IpAddr], mut at: usize) -> usize {
    for _ in 0..BATCH {
        let found = addresses.get(at & (ADDRESSES - 1)).and_then(|dst| routes.find(*dst));
        // Where to go on depends on what was found.
        at += found.map_or(1, |(route, len)| 1 + usize::from(route.iface.0 ^ u16::from(len)) % 2);
    }
    at
}

fn address(v6: bool, bytes: [u8; 16]) -> IpAddr {
    let bits = u128::from_be_bytes(bytes);
    if v6 { IpAddr::V6(Ipv6Addr::from_bits(bits)) } else { IpAddr::V4(Ipv4Addr::from_bits((bits >> 96) as u32)) }
}

/// The bits of an address of this many bits that are not of its prefix.
fn host_mask(bits: u32, prefix_len: u8) -> u128 {
    let host = bits - u32::from(prefix_len);
    if host == 128 { u128::MAX } else { (1 << host) - 1 }
}

fn route(row: Row, bytes: [u8; 16], len: u8, iface: u16) -> Route {
    let net = Cidr::masked(address(row.v6, bytes), len).expect("no prefix is longer than its address");
    Route { name: String::new(), net, nexthop: None, iface: IfaceId(iface), cost: 1, place: Place::NONE }
}

fn policy(routes: Vec<Route>) -> Policy {
    let iface = |nic| Iface {
        name: format!("eth{nic}"),
        nic: NicRef::Index(nic),
        vlan: None,
        ipv4: Ipv4Config::Unconfigured,
        address6: vec![],
        gateway6: None,
        masquerade: false,
        prerouting: vec![],
        input: vec![],
        output: vec![],
        postrouting: vec![],
        buffer_limit: None,
        send_queue_limit: None,
        mtu: None,
        reverse_path: None,
        place: Place::NONE,
    };
    let parts = Parts {
        ifaces: (0..64).map(iface).collect(),
        gateway: Some(Gateway { routes, ..Gateway::default() }),
        ..Parts::default()
    };
    Policy::new(parts).expect("a gateway with routes alone")
}

/// Xorshift: the same tables on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
