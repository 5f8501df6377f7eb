//! The packet filters of the Linux that runs this, each in a network namespace of its own, beside our plane in a process.
//!
//! ```text
//! a ── veth ── router with rules ── veth ── b
//! ```
//!
//! Everything happens on one core: a system call of the sender carries the packet through the router's stack to b, where
//! it ends at the door. So the sender's CPU time, and that of the kernel thread which takes what is left, is the price
//! of a packet; the *base*, a router that drops at its own door, is taken off.

use crate::cores::{self, OnTheFirst};
use crate::report::Unit;
use crate::rules::{self, IPTABLES, SEQUENTIAL, SETS};
use crate::stage::{DISCARD, nft};
use crate::traffic::{Fresh, Way};
use crate::vm::{Effort, SALTGATE};
use anyhow::{Context, Result, ensure};
use lab::{Host, cable};
use saltgate_bench_rulesets::Filter;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const TO: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 2);
const MAC: [u8; 6] = [2, 0, 0, 0, 1, 1];
/// Packets of one measurement: with all rounds less than a namespace may track.
const PACKETS: u64 = 8_192;

/// A router in a namespace, with a sender on one side and a counter on the other.
struct Native {
    name: &'static str,
    fresh: Fresh,
    _hosts: [Host; 3],
}

/// Rules in a namespace's filter; `None` is the base.
type Rules<'a> = Option<(&'static str, &'a str)>;

/// Linux's filters, and ours as `ours` measures it, in nanoseconds per packet.
pub fn run(counts: &[u32], effort: Effort, dir: &Path, mut ours: impl FnMut(Filter) -> Result<f64>) -> Result<()> {
    let _core = OnTheFirst::stay()?;
    let mut report = rules::report("rules-native");
    for filter in rules::matrix(counts) {
        let name = format!("{} {}", filter.count, filter.kind.name());
        println!("{name}");
        let texts = [(SEQUENTIAL, filter.nft_sequential()), (SETS, filter.nft_sets()), (IPTABLES, filter.iptables())];
        let mut base = Native::new("base", None)?;
        let mut routers = Vec::new();
        for (name, text) in &texts {
            match Native::new(name, Some((name, text))) {
                Ok(router) => routers.push(router),
                Err(error) => println!("SKIPPED {name}: {error:#}"),
            }
        }
        for _ in 0..effort.rounds {
            report.add(&name, UNIT, SALTGATE, ours(filter)?);
            let base = base.cost(effort.time)?;
            for router in &mut routers {
                let whole = router.cost(effort.time)?;
                report.add(&name, UNIT, router.name, (whole - base).max(0.0));
            }
        }
    }
    report.publish(dir)
}

const UNIT: Unit = Unit::Cost("ns CPU a packet");

impl Native {
    fn new(name: &'static str, rules: Rules<'_>) -> Result<Self> {
        let (a, router, b) = (Host::new("a")?, Host::new("router")?, Host::new("b")?);
        for host in [&a, &router, &b] {
            host.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
            host.sysctl("ipv4/conf/all/rp_filter", "0")?;
        }
        cable(&a, "eth0", &router, "a0")?;
        cable(&b, "eth0", &router, "b0")?;
        let mac = MAC.map(|byte| format!("{byte:02x}")).join(":");
        router.ip(&format!(
            "link set a0 address {mac}\naddress add 10.1.0.1/24 dev a0\naddress add 10.2.0.1/24 dev b0"
        ))?;
        b.ip("address add 10.2.0.2/24 dev eth0\nroute add 10.1.0.0/24 via 10.2.0.1")?;
        let drop = |device: &str| {
            format!(
                "table netdev bench {{ chain in {{ type filter hook ingress device {device} priority 0; \
                 udp dport {DISCARD} drop; }}; }}"
            )
        };
        nft(&b, &drop("eth0"))?;
        let far = match rules {
            None => {
                nft(&router, &drop("a0"))?;
                (&router, "a0")
            }
            Some((IPTABLES, text)) => {
                restore(&router, text)?;
                (&b, "eth0")
            }
            Some((_, text)) => {
                nft(&router, text)?;
                (&b, "eth0")
            }
        };
        router.sysctl("ipv4/ip_forward", "1")?;
        let mut fresh = Fresh::new((&a, "eth0"), far, Way { router_mac: MAC, to: TO })?;
        ensure!(fresh.run(64, Duration::from_secs(5))? > 0, "nothing comes through");
        Ok(Self { name, fresh, _hosts: [a, router, b] })
    }

    /// Nanoseconds of CPU time per packet, sender and all.
    fn cost(&mut self, time: Duration) -> Result<f64> {
        let before = cpu_time()?;
        let received = self.fresh.run(PACKETS, time)?;
        let spent = cpu_time()? - before;
        ensure!(received > 0, "{}: nothing comes through", self.name);
        Ok(spent.as_nanos() as f64 / received as f64)
    }
}

/// Loads what `iptables-save` would print.
fn restore(host: &Host, rules: &str) -> Result<()> {
    let rules = rules.to_owned();
    let output = host.run(move || {
        let mut restore = Command::new("iptables-legacy-restore");
        restore.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut restore = restore.spawn()?;
        restore.stdin.take().map_or(Ok(()), |mut input| input.write_all(rules.as_bytes()))?;
        restore.wait_with_output()
    });
    let output = output.context("cannot run iptables-legacy-restore")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "iptables-legacy-restore: {}", said.lines().next().unwrap_or("failed"));
    Ok(())
}

/// CPU time of this thread, and of the kernel thread that does what its system calls leave over.
fn cpu_time() -> Result<Duration> {
    let of = |path: &str| -> Result<u64> {
        let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
        text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).with_context(|| path.to_owned())
    };
    let core = cores::allowed()?.first().copied().unwrap_or(0);
    let mut nanos = of("/proc/thread-self/schedstat")?;
    if let Some(id) = kernel_thread(&format!("ksoftirqd/{core}")) {
        nanos += of(&format!("/proc/{id}/schedstat"))?;
    }
    Ok(Duration::from_nanos(nanos))
}

fn kernel_thread(name: &str) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|comm| comm.trim() == name))
}
