//! Our router once more for each way in which it can be set to work: past the walk or not, with the tables of the rules
//! or step by step. Nothing but speed may depend on that.

use anyhow::{Result, anyhow};
use plane::{Counters, Lookup};
use policy::Policy;
use sim::{Happening, Net};
use wire::{Duration, PortId};

/// Whether known packets may go without the walk, and how rules are run.
type Way = (bool, Lookup);

/// Every packet walks, and rules step by step: the way of a router that is asked what it thinks.
pub const WALK: Way = (false, Lookup::Never);

/// What a twin is called, and its way.
const WAYS: &[(&str, Way)] =
    &[("as it comes", (true, Lookup::WhereFaster)), ("by tables only", (true, Lookup::Always))];

/// What a router is started with. Its tables are small, because there are many routers, and few packets for each.
pub fn settings((fast_path, lookup): Way) -> node::Settings {
    let mut settings = Net::settings();
    (settings.fast_path, settings.lookup) = (fast_path, lookup);
    settings.limits = plane::Limits { flows: 1024, neighbors: 64, held: 64, fragments: 512 << 10 };
    settings
}

pub struct Twins(Vec<(&'static str, Net)>);

impl Twins {
    pub fn new(policy: &Policy) -> Result<Self> {
        let twins = WAYS.iter().map(|&(name, way)| {
            let mut net = Net::with(policy.clone(), settings(way)).map_err(|errors| anyhow!("{name}: {errors:?}"))?;
            net.settle()?;
            net.take();
            Ok((name, net))
        });
        Ok(Self(twins.collect::<Result<_>>()?))
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) -> Result<()> {
        for (_, net) in &mut self.0 {
            let until = net.now() + time;
            net.advance(until)?;
            net.take();
        }
        Ok(())
    }

    /// Sends them a frame, of which the router that they are twins of has made this. Names those that do otherwise.
    pub fn send(
        &mut self,
        port: PortId,
        frame: &[u8],
        happened: &[Happening],
        counters: &Counters,
    ) -> Result<Vec<&'static str>> {
        let mut others = Vec::new();
        for (name, net) in &mut self.0 {
            net.send(port, frame);
            net.settle()?;
            if net.take() != happened || net.counters() != counters {
                others.push(*name);
            }
        }
        Ok(others)
    }

    /// How many packets have gone without the walk, in that twin where most have.
    pub fn past_the_walk(&self) -> u64 {
        self.0.iter().map(|(_, net)| net.plane().fast_path_packets()).max().unwrap_or(0)
    }
}
