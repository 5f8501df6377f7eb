//! The project's stories on both routers: the packets of each, as far as Linux can live through it.

use crate::bench::{Bench, Tally};
use crate::linux::{self, Linux};
use anyhow::{Context, Result, anyhow};
use export::Export;
use policy::{Ipv4Config, NicRef, Policy};
use sim::Hosts;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use story::{Action, Step, Story};
use wire::{Duration, PortId};

/// Stories whose packets the routers treat differently, each with the reason.
pub const DIFFERENT: &[(&str, &str)] = &[
    ("admission/frames", "Linux takes frames that come from a group's MAC address"),
    (
        "admission/headers",
        "a TCP header that is cut off is invalid to Linux, which forwards it where no rule asks for that",
    ),
    ("attacks/a02-extension-headers-beyond-the-packet", CHAINS),
    ("attacks/a03-nested-fragment-headers", "Linux forwards packets with two fragment headers"),
    ("attacks/a34-source-routes", "Linux answers options whose lengths do not fit with a parameter problem"),
    ("fragments/a-ping-in-fragments-is-answered-in-fragments", NEW_ID),
    ("fragments/expired", "Linux puts the datagram together first, and quotes all of it"),
    ("fragments/one-walk", "Linux puts the datagram together and cuts it again, so that its fragments have one TTL"),
    ("fragments/own-packets-over-a-narrower-link", "Linux takes no packet that is larger than the link's own MTU"),
    (
        "fragments/tiny-first-fragment",
        "Linux puts the datagram together and cuts it again, whatever the first fragment held",
    ),
    ("fragments/translated", NEW_ID),
    ("ipv6/extension-headers", CHAINS),
    ("ipv6/fragments", NEW_ID),
    ("ipv6/link-local-source", "Linux lets a link-local source leave by another link"),
    ("standards/rfc4787-hairpin", "Linux turns nobody back to a mapping that no rule has named"),
    ("standards/rfc4890-by-policy", MESSAGES),
    ("standards/rfc5508-hairpinned-errors", "Linux turns nobody back to a mapping that no rule has named"),
    ("standards/rfc5508-other-messages", MESSAGES),
];

const CHAINS: &str = "Linux forwards chains of extension headers that it does not walk to their end; to its tracking they are invalid, which only a rule would ask";
const NEW_ID: &str = "the identification of fragments is each system's own choice";
const MESSAGES: &str = "ICMP messages that Linux's tracking does not know are invalid to it; to ours they are what their addresses are, for rules to say";

/// A step that waits so long is about time, and Linux has no time but ours.
const LONG: Duration = Duration::from_secs(1);
/// More packets at once are a flood, which is about our limits.
const FLOOD: u32 = 64;

#[derive(Default)]
pub struct Report {
    pub played: usize,
    /// Differences with a reason, by story.
    pub different: BTreeMap<String, &'static str>,
    /// Stories that are not for Linux, by reason.
    pub skipped: BTreeMap<&'static str, Vec<String>>,
    pub unexplained: Vec<String>,
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.unexplained.is_empty()
    }
}

/// Plays every story below a folder.
pub fn play(folder: &Path, tally: &mut Tally) -> Result<Report> {
    let mut report = Report::default();
    let mut routers = BTreeMap::new();
    for path in stories(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).with_extension("").display().to_string();
        one(&path, name.clone(), &mut routers, tally, &mut report).with_context(|| name)?;
    }
    Ok(report)
}

fn stories(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "story") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Linux by the names of its devices.
type Routers = BTreeMap<Vec<String>, Linux>;

fn one(path: &Path, name: String, routers: &mut Routers, tally: &mut Tally, report: &mut Report) -> Result<()> {
    let text = std::fs::read_to_string(path)?;
    let story = story::parse(&name, &text).map_err(|mistakes| anyhow!("{mistakes:?}"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let source = story::source(&story, folder).map_err(|mistake| anyhow!("{}", mistake.message))?;
    let policy = nacl::compile(&source).policy.context("its configuration has errors")?;
    let export = export::nftables(&policy);
    if let Some(why) = unfit(&story, &policy, &export) {
        report.skipped.entry(why).or_default().push(name);
        return Ok(());
    }
    let names: Vec<String> = policy.ifaces.iter().map(|iface| iface.name.clone()).collect();
    let linux = match routers.entry(names.clone()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(Linux::new(&names)?),
    };
    let nics: Vec<_> = (0..names.len()).map(|at| (PortId(at as u16), linux::mac(at))).collect();
    linux.load(&export, Hosts::new(&policy, &nics)).context("Linux refuses the exported policy")?;
    let known = DIFFERENT.iter().find(|(story, _)| *story == name);
    let (before, show) = (tally.unexplained, tally.show);
    if known.is_some() {
        tally.show = 0;
    }
    let steps: Vec<Step> = { story.steps.into_iter() }.take_while(|step| step.after < LONG).collect();
    let same = Bench::new(&policy, &text, linux).story(&steps, tally)?;
    tally.show = show;
    report.played += 1;
    match known {
        Some((_, reason)) if !same => {
            tally.unexplained = before;
            report.different.insert(name, reason);
        }
        Some(_) => report.unexplained.push(format!("{name} is no longer different: take it out of the table")),
        None if tally.unexplained > before => report.unexplained.push(name),
        None => {}
    }
    Ok(())
}

/// Why a story is not for Linux.
fn unfit(story: &Story, policy: &Policy, export: &Export) -> Option<&'static str> {
    let steps = |is: fn(&Step) -> bool| story.steps.iter().any(is);
    let ifaces = |is: fn(&policy::Iface) -> bool| policy.ifaces.iter().any(is);
    let plain = policy.ifaces.iter().enumerate().all(|(at, iface)| iface.nic == NicRef::Index(at as u16));
    // What is printed is not compared, and what goes around the back has a name among the differences.
    let minor = ["log line", "Timer", "by another Iface"];
    let lost = export.losses.iter().any(|loss| !minor.iter().any(|minor| loss.text.contains(minor)));
    let about_hosts = |step: &Step| !matches!(step.action, Action::In { .. } | Action::Wait);
    let is_flood = |step: &Step| matches!(step.action, Action::In { times, .. } if times > FLOOD);
    Some(match () {
        () if lost || policy.balancer.is_some() => "nftables has no words for its policy",
        () if ifaces(|iface| iface.vlan.is_some()) || !plain => "its NICs are not one for each Iface, in their order",
        () if ifaces(|iface| !matches!(iface.ipv4, Ipv4Config::Static(_) | Ipv4Config::Unconfigured)) => "it uses DHCP",
        () if steps(about_hosts) => "it is about what the box or hosts do by themselves",
        () if steps(is_flood) => "it is a flood, about our limits",
        () if !story
            .steps
            .iter()
            .take_while(|step| step.after < LONG)
            .any(|step| matches!(step.action, Action::In { .. })) =>
        {
            "it is about time"
        }
        () => return None,
    })
}
