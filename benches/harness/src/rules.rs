//! Rules by the thousand, none of which matches: what a packet costs that all of them have a say in.
//!
//! Every packet is the first of its flow. In virtual machines its price is CPU time of the whole monitor; see
//! [`native`](crate::native) for the packet filters of the Linux that runs this.

use crate::cores::OnTheFirst;
use crate::linux::Linux;
use crate::report::{Ratio, Report, Unit};
use crate::stage::{B, Player, ROUTER_MAC, Stage};
use crate::traffic::{Fresh, Way};
use crate::vm::{self, Effort, Images};
use anyhow::Result;
use saltgate_bench_rulesets::{Filter, Kind};
use std::path::Path;
use std::time::Duration;

pub const SEQUENTIAL: &str = "nft sequential";
pub const SETS: &str = "nft sets";
pub const IPTABLES: &str = "iptables-legacy";
const COLUMNS: [&str; 4] = [vm::SALTGATE, SEQUENTIAL, SETS, IPTABLES];
/// Packets of one measurement: with all rounds less than any table of flows holds.
const PACKETS: u64 = 16_384;
/// Beyond this, rules take too long to load or to judge under emulation, but for sets, and iptables if it is not asked for
/// ports, which it tests in modules of their own.
const MOST: u32 = 10_000;

/// The matrix: kinds and numbers of rules.
pub fn matrix(counts: &[u32]) -> Vec<Filter> {
    Kind::ALL.iter().flat_map(|&kind| counts.iter().map(move |&count| Filter::new(kind, count))).collect()
}

/// The contenders side by side in virtual machines.
pub fn in_machines(images: &Images, counts: &[u32], effort: Effort, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let cores = OnTheFirst::stay()?;
    let core = cores.other;
    let linux = Linux::build(&dir.join("linux"));
    if let Err(error) = &linux {
        println!("SKIPPED linux: {error:#}");
    }
    let mut report = report("rules-vm");
    for filter in matrix(counts) {
        let name = format!("{} {}", filter.count, filter.kind.name());
        println!("{name}");
        let config = dir.join(format!("{}-{}.nacl", filter.kind.name(), filter.count));
        std::fs::write(&config, filter.nacl())?;
        let mut players: Vec<Box<dyn Player>> = vec![Box::new(vm::saltgate(images, lab::Kind::Pc, &config))];
        if let Ok(linux) = &linux {
            let rivals =
                [(SEQUENTIAL, filter.nft_sequential()), (SETS, filter.nft_sets()), (IPTABLES, filter.iptables())];
            for (rival, rules) in rivals.into_iter().filter(|(rival, _)| in_time(rival, filter)) {
                let mut router = linux.router(rival, &rules)?;
                // Programs that load many rules need memory for it.
                router.memory_mib = if filter.count > 1000 { 512 } else { 256 };
                router.patience += Duration::from_millis(10) * filter.count;
                players.push(Box::new(router));
            }
        }
        let mut stages = Vec::new();
        for player in &players {
            match Stage::set(player.as_ref(), core) {
                Ok(stage) => {
                    let way = Way { router_mac: ROUTER_MAC, to: B };
                    let fresh = Fresh::new((&stage.a, "eth0"), (&stage.b, "eth0"), way)?;
                    stages.push((player.name(), stage, fresh));
                }
                // One that cannot load its rules does not keep the others from being measured.
                Err(error) => println!("SKIPPED {}: {}", player.name(), format!("{error:#}").replace('\n', " ")),
            }
        }
        for _ in 0..effort.rounds {
            for (player, stage, fresh) in &mut stages {
                let (received, cpu) = stage.cost(|| fresh.run(PACKETS, effort.time))?;
                if received > 0 {
                    report.add(&name, Unit::Cost("µs CPU a packet"), player, cpu.as_secs_f64() * 1e6 / received as f64);
                }
            }
        }
    }
    report.publish(dir)
}

/// An empty report with our columns.
pub fn report(name: &'static str) -> Report {
    let mut report = Report::new(name, &COLUMNS);
    for rival in [SEQUENTIAL, SETS, IPTABLES] {
        report.ratio(&format!("better than {rival}"), Ratio::gain(vm::SALTGATE, rival));
    }
    report
}

fn in_time(rival: &str, filter: Filter) -> bool {
    filter.count <= MOST || rival == SETS || (filter.kind != Kind::Ports && rival != SEQUENTIAL)
}
