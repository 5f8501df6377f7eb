//! nftables: one table of family inet, loaded as a whole.
//!
//! Our hooks are per Iface and their functions run one after the other; each function is a chain, entered by `jump`, in
//! which `accept` is `return`. Where translation stands between two Filters of a hook, these go to base chains before and
//! after the priority at which Linux translates:
//!
//! ```text
//! prerouting   -300 admission   -150 Filters before the first Nat   -100 Nat   -90 Filters behind it   -80 routing
//! input, postrouting              90 Filters before the first Nat    100 Nat   110 Filters behind it
//! output                        -150 Filters before the first Nat   -100 Nat   -90 Filters behind it
//! forward                          0 the Gateway's Filters
//! ```
//!
//! Replies are translated back behind all functions of a hook, so Filters behind a Nat see them before it.

mod admission;
mod condition;
mod function;
mod hooks;
mod kernel;
mod routes;

use crate::{Export, Loss};
use function::Functions;
use policy::{Iface, Ipv4Config, Place, Policy};
use std::fmt::Write as _;
use wire::{IfaceId, IpAddr};

/// Linux names devices with at most so many bytes.
const MAX_DEVICE_NAME: usize = 15;

/// Renders a policy as an nftables ruleset.
pub fn nftables(policy: &Policy) -> Export {
    let mut writer = Writer::new(policy);
    let mut functions = Functions::default();
    let mut base = String::new();
    admission::chains(&mut writer, &mut base);
    hooks::chains(&mut writer, &mut functions, &mut base);
    let (objects, chains) = functions.render(&mut writer);
    writer.settings();
    let commands = kernel::commands(policy);

    let mut text = String::new();
    let _ = writeln!(text, "#!/usr/sbin/nft -f\n# {}, for nftables.", policy.source);
    let _ = writeln!(text, "#\n# The kernel has to be told besides:");
    for command in &commands {
        let _ = writeln!(text, "#   {command}");
    }
    if !writer.losses.is_empty() {
        let _ = writeln!(text, "#\n# Not expressed:");
        for loss in &writer.losses {
            let _ = writeln!(text, "#   {}: {loss}", policy.source);
        }
    }
    text.push_str("\n# The devices of the Ifaces.\n");
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        let _ = writeln!(text, "define {} = \"{}\"", define(&iface.name), device(iface, id));
    }
    // The table may be there or not; either way it is made anew.
    text.push_str("\ntable inet saltgate\ndelete table inet saltgate\n\ntable inet saltgate {\n");
    text.push_str(&objects);
    text.push_str(&base);
    text.push_str(&chains);
    text.push_str("}\n");
    Export { ruleset: text, commands, losses: writer.losses }
}

/// The device that stands for an Iface: its own name where Linux allows it.
fn device(iface: &Iface, id: IfaceId) -> String {
    if iface.name.len() <= MAX_DEVICE_NAME { iface.name.clone() } else { format!("iface{}", id.0) }
}

/// The name of a device in the ruleset.
fn define(iface: &str) -> String {
    format!("dev_{iface}")
}

/// What all parts of the export need.
struct Writer<'a> {
    policy: &'a Policy,
    losses: Vec<Loss>,
}

impl<'a> Writer<'a> {
    fn new(policy: &'a Policy) -> Self {
        Self { policy, losses: Vec::new() }
    }

    fn lose(&mut self, place: Place, text: impl Into<String>) {
        let loss = Loss { place, text: text.into() };
        if !self.losses.contains(&loss) {
            self.losses.push(loss);
        }
    }

    /// `$dev_outside`
    fn dev(&self, id: IfaceId) -> String {
        self.policy.iface(id).map_or("\"\"".to_owned(), |iface| format!("${}", define(&iface.name)))
    }

    /// `seed.nacl:12`, behind a rule.
    fn at(&self, place: Place) -> String {
        if place == Place::NONE { String::new() } else { format!("  # {}:{}", self.policy.source, place.line) }
    }

    /// Settings that no rule can express.
    fn settings(&mut self) {
        if let Some(balancer) = &self.policy.balancer {
            let text = format!("the balancer {} has no counterpart; its clients are not served", balancer.name);
            self.lose(balancer.place, text);
        }
        if self.policy.syslog.is_some() {
            self.lose(Place::NONE, "log lines go to the kernel's log, not to the Syslog server");
        }
        for timer in &self.policy.timers {
            self.lose(timer.place, format!("the Timer {} prints nothing", timer.name));
        }
    }
}

/// Own addresses that are known before the box runs, link-local ones aside.
fn own_addresses(iface: &Iface) -> Vec<(IpAddr, u8)> {
    let mut own = Vec::new();
    if let Ipv4Config::Static(config) = iface.ipv4 {
        own.push((IpAddr::V4(config.address), config.prefix_len));
    }
    own.extend(iface.address6.iter().map(|(address, len)| (IpAddr::V6(*address), *len)));
    own
}

fn is_dhcp(iface: &Iface) -> bool {
    matches!(iface.ipv4, Ipv4Config::Dhcp | Ipv4Config::DhcpWithFallback(_))
}
