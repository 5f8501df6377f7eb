//! A function as chains: the first is entered by `jump`, so that `accept` is `return`; the steps that several ways lead
//! to are chains of their own, reached by `goto`.

use super::condition::{self, Match};
use super::{Writer, own_addresses};
use policy::{
    AddrRef, Function, FunctionId, FunctionKind, Hook, Part, Place, Program, Reject, Sink, Step, StepId, Template,
    Test, Translation, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use wire::ipv4::protocol;
use wire::{Duration, IfaceId, IpAddr};

/// Where a function is used, as far as its rules depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    Filter,
    /// nftables sends no answers from postrouting.
    SilentFilter,
    Nat(Hook, IfaceId),
}

/// All functions that are used somewhere, each with the name of its chain.
#[derive(Default)]
pub struct Functions {
    used: BTreeMap<(FunctionId, Use), String>,
}

/// Severities as nftables spells them, by number.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/// Bytes that a log prefix may have, its end included (NF_LOG_PREFIXLEN).
const MAX_PREFIX: usize = 127;

/// Chains that one way through a function may go through; Linux takes no more than 16, base chains included.
const MAX_DEPTH: usize = 12;

impl Functions {
    /// The chain of a function on a hook of an Iface.
    pub fn chain(&mut self, writer: &Writer<'_>, id: FunctionId, hook: Hook, iface: IfaceId) -> Option<String> {
        let function = writer.policy.function(id)?;
        let (usage, name) = match function.kind {
            FunctionKind::Nat => {
                let of = writer.policy.iface(iface).map_or("", |iface| &iface.name);
                (Use::Nat(hook, iface), format!("nat_{}_{}_{of}", function.name, hook.name()))
            }
            FunctionKind::Filter if hook == Hook::Postrouting => {
                (Use::SilentFilter, format!("filter_{}_silent", function.name))
            }
            FunctionKind::Filter => (Use::Filter, format!("filter_{}", function.name)),
        };
        Some(self.used.entry((id, usage)).or_insert(name).clone())
    }

    /// Named limits, and the chains.
    pub fn render(&self, writer: &mut Writer<'_>) -> (String, String) {
        let (mut objects, mut chains) = (String::new(), String::new());
        let mut buckets = BTreeSet::new();
        for ((id, usage), name) in &self.used {
            let Some(function) = writer.policy.function(*id) else { continue };
            for limit in function.program.limits() {
                if buckets.insert(limit.bucket) {
                    let policy::LimitRate { tokens, per, burst } = limit.rate;
                    let unit = if per == Duration::from_secs(60) { "minute" } else { "second" };
                    let name = limit_name(limit.bucket);
                    let _ = writeln!(objects, "\tlimit {name} {{ rate {tokens}/{unit} burst {burst} packets; }}");
                }
            }
            let mut builder = Builder::new(writer, function, *usage, name);
            builder.chains();
            chains.push_str(&builder.text);
        }
        (objects, chains)
    }
}

fn limit_name(bucket: u32) -> String {
    format!("bucket_{bucket}")
}

struct Builder<'w, 'a> {
    writer: &'w mut Writer<'a>,
    function: &'a Function,
    usage: Use,
    name: &'w str,
    /// Ways that lead to each step.
    ways: Vec<u32>,
    text: String,
    /// Steps that need a chain of their own.
    open: Vec<StepId>,
    done: Vec<StepId>,
}

impl<'w, 'a> Builder<'w, 'a> {
    fn new(writer: &'w mut Writer<'a>, function: &'a Function, usage: Use, name: &'w str) -> Self {
        let steps = function.program.steps();
        let mut ways = vec![0; steps.len()];
        for step in steps {
            for to in edges(step) {
                if let Some(count) = ways.get_mut(to as usize) {
                    *count += 1;
                }
            }
        }
        Self { writer, function, usage, name, ways, text: String::new(), open: Vec::new(), done: Vec::new() }
    }

    fn program(&self) -> &'a Program {
        &self.function.program
    }

    fn chain_of(&self, step: StepId) -> String {
        if step == 0 { self.name.to_owned() } else { format!("{}_{step}", self.name) }
    }

    fn chains(&mut self) {
        self.open.push(0);
        while let Some(step) = self.open.pop() {
            if self.done.contains(&step) {
                continue;
            }
            self.done.push(step);
            self.chain(step);
        }
        let depth = self.depth();
        if depth > MAX_DEPTH {
            let text = format!(
                "{} goes through {depth} chains, and Linux may refuse more than {MAX_DEPTH}",
                self.function.name
            );
            self.writer.lose(self.function.place, text);
        }
    }

    /// Chains on the longest way through the function.
    fn depth(&self) -> usize {
        let mut depths = vec![0_usize; self.program().steps().len()];
        for at in (0..depths.len()).rev() {
            let steps = self.program().steps();
            let below = edges(&steps[at]).into_iter().filter_map(|to| depths.get(to as usize)).max().copied();
            depths[at] = below.unwrap_or(0) + usize::from(self.done.contains(&(at as StepId)));
        }
        depths.first().copied().unwrap_or(0)
    }

    fn chain(&mut self, first: StepId) {
        let head = if first == 0 { self.writer.at(self.function.place) } else { String::new() };
        let _ = writeln!(self.text, "\n\tchain {} {{{head}", self.chain_of(first));
        if first == 0 && matches!(self.usage, Use::Filter | Use::SilentFilter) && !self.function.mentions_invalid {
            self.text.push_str("\t\tct state invalid drop\n");
        }
        let mut at = first;
        loop {
            if at != first && self.ways.get(at as usize).is_some_and(|ways| *ways > 1) && self.inline(at).is_none() {
                let target = self.goto(at);
                self.rule("", &target, Place::NONE);
                break;
            }
            match self.program().steps().get(at as usize) {
                Some(Step::Test { .. }) => at = self.test(at),
                Some(Step::Log { template, next }) => {
                    let log = self.log(*template, self.program().place(at));
                    self.rule("", &log, self.program().place(at));
                    at = *next;
                }
                Some(Step::Translate { translation, otherwise }) => {
                    for (matches, action) in self.translate(translation, self.program().place(at)) {
                        self.rule(&matches, &action, self.program().place(at));
                    }
                    at = *otherwise;
                }
                Some(Step::End(verdict)) => {
                    self.end(*verdict, self.program().place(at));
                    break;
                }
                None => break,
            }
        }
        self.text.push_str("\t}\n");
    }

    /// The rules of a test, together with those that the same `if` asks behind it; returns where it goes on.
    fn test(&mut self, first: StepId) -> StepId {
        let (mut at, mut all) = (first, vec![Match::any("")]);
        let steps = self.program().steps();
        let place = self.program().place(first);
        let Some(Step::Test { otherwise, .. }) = steps.get(first as usize) else { return first };
        let target = loop {
            let Some(Step::Test { test, then, .. }) = steps.get(at as usize) else { break at };
            let matches = self.matches(test, self.program().place(at));
            all = all.iter().flat_map(|left| matches.iter().filter_map(|right| left.and(right))).collect();
            // `a and b`: the second test is asked only here, and misses as the first does.
            let joins = matches!(steps.get(*then as usize), Some(Step::Test { otherwise: miss, .. }) if miss == otherwise)
                && self.ways.get(*then as usize) == Some(&1)
                && !matches!(test, Test::Limit(_))
                && all.len() <= 2;
            at = *then;
            if !joins {
                break at;
            }
        };
        for found in all {
            match self.inline(target) {
                Some(rules) => {
                    for (more, action) in rules {
                        if let Some(both) = found.and(&more) {
                            self.rule(&both.render(), &action, place);
                        }
                    }
                }
                None => {
                    let target = self.goto(target);
                    self.rule(&found.render(), &target, place);
                }
            }
        }
        *otherwise
    }

    fn matches(&mut self, test: &Test, place: Place) -> Vec<Match> {
        let (writer, program) = (&*self.writer, self.program());
        let limit_name = |limit: u32| limit_name(program.limits().get(limit as usize).map_or(0, |limit| limit.bucket));
        let device = |number: u32| writer.dev(IfaceId(number as u16));
        match condition::matches(test, program, device, limit_name) {
            Ok(matches) => matches,
            Err(why) => {
                let _ = writeln!(self.text, "\t\t# not expressed, taken for false: {why}{}", self.writer.at(place));
                self.writer.lose(place, format!("{why}; the test is taken for false"));
                Vec::new()
            }
        }
    }

    fn goto(&mut self, step: StepId) -> String {
        self.open.push(step);
        format!("goto {}", self.chain_of(step))
    }

    /// What a step does, if that fits behind the matches of a rule: log lines and a verdict.
    fn inline(&mut self, step: StepId) -> Option<Vec<(Match, String)>> {
        match *self.program().steps().get(step as usize)? {
            Step::End(verdict) => Some(self.verdict(verdict, self.program().place(step))),
            Step::Log { template, next } => {
                // Of several rules each would log.
                let [(more, action)] = &self.inline(next)?[..] else { return None };
                let log = self.log(template, self.program().place(step));
                more.text.is_empty().then(|| vec![(Match::any(""), format!("{log} {action}"))])
            }
            Step::Test { .. } | Step::Translate { .. } => None,
        }
    }

    fn end(&mut self, verdict: Verdict, place: Place) {
        for (matches, action) in self.verdict(verdict, place) {
            self.rule(&matches.render(), &action, place);
        }
    }

    fn verdict(&mut self, verdict: Verdict, place: Place) -> Vec<(Match, String)> {
        let tcp = Match { protocol: Some(protocol::TCP), ..Match::any("meta l4proto tcp") };
        let always = |action: &str| vec![(Match::any(""), action.to_owned())];
        match verdict {
            Verdict::Accept => always("return"),
            Verdict::Drop => always("drop"),
            Verdict::Reject(_) if self.usage == Use::SilentFilter => {
                self.writer.lose(place, "nothing is rejected on postrouting; the packet is dropped in silence");
                always("drop")
            }
            Verdict::Reject(Reject::AdminProhibited) => always("reject with icmpx type admin-prohibited"),
            Verdict::Reject(Reject::PortUnreachable) => always("reject with icmpx type port-unreachable"),
            Verdict::Reject(Reject::TcpReset) => vec![
                (tcp, "reject with tcp reset".to_owned()),
                (Match::any(""), "reject with icmpx type admin-prohibited".to_owned()),
            ],
        }
    }

    fn rule(&mut self, matches: &str, action: &str, place: Place) {
        let space = if matches.is_empty() { "" } else { " " };
        let at = self.writer.at(place);
        let _ = writeln!(self.text, "\t\t{matches}{space}{action}{at}");
    }

    fn log(&mut self, template: u32, place: Place) -> String {
        let Some(Template { sink, parts }) = self.program().templates().get(template as usize) else {
            return String::new();
        };
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Field(field) => {
                    self.writer.lose(
                        place,
                        format!(
                            "the log line does not print {}; the kernel adds the packet's headers to it",
                            field.name()
                        ),
                    );
                    let _ = write!(text, "<{}>", field.name());
                }
                Part::Address(_) => text.push_str("<address>"),
            }
        }
        // Quotes and control characters have no place in a prefix.
        let mut prefix: String = text
            .chars()
            .map(|c| if c == '"' || c == '\\' || c == '$' || !(' '..='~').contains(&c) { '?' } else { c })
            .collect();
        prefix.truncate(MAX_PREFIX - 1);
        let level = match sink {
            Sink::Console => "info",
            Sink::Syslog { severity } => LEVELS.get(usize::from(*severity)).copied().unwrap_or("info"),
        };
        match prefix.is_empty() {
            true => format!("log level {level}"),
            false => format!("log prefix \"{prefix}\" level {level}"),
        }
    }

    /// Rules of a translation: matches and statement. Each ends the translation of its hook.
    fn translate(&mut self, translation: &Translation, place: Place) -> Vec<(String, String)> {
        let Use::Nat(hook, iface) = self.usage else { return Vec::new() };
        let iface_is = self.writer.policy.iface(iface);
        let global = |four: bool| {
            let own = iface_is.map(own_addresses).unwrap_or_default();
            own.into_iter().map(|(address, _)| address).find(|address| match address {
                IpAddr::V4(_) => four,
                IpAddr::V6(address) => !four && !wire::addr::is_link_local6(*address),
            })
        };
        let (verb, address, port) = match *translation {
            Translation::Dnat { address, port } => ("dnat", address, port),
            Translation::Snat { address, port } => ("snat", address, port),
            Translation::Redirect { port } => {
                let to = [global(true), global(false)].into_iter().flatten();
                let mut rules: Vec<_> =
                    to.flat_map(|address| self.to_address("dnat", address, Some(port), true)).collect();
                if iface_is.is_some_and(super::is_dhcp) {
                    rules.push((
                        "meta nfproto ipv4 meta l4proto { tcp, udp }".to_owned(),
                        format!("redirect to :{port}"),
                    ));
                }
                return rules;
            }
            Translation::Masquerade => {
                let to = [global(true), global(false)].into_iter().flatten();
                let mut rules: Vec<_> = to.flat_map(|address| self.to_address("snat", address, None, false)).collect();
                if iface_is.is_some_and(super::is_dhcp) {
                    rules.push(("meta nfproto ipv4".to_owned(), "masquerade".to_owned()));
                }
                return rules;
            }
        };
        match (address, port) {
            (None, Some(port)) => vec![
                ("meta l4proto { tcp, udp }".to_owned(), format!("{verb} to :{port}")),
                (String::new(), "accept".to_owned()),
            ],
            (None, None) => Vec::new(),
            (Some(AddrRef::Fixed(address)), port) => self.to_address(verb, address, port, false),
            (Some(AddrRef::Iface(of)), None) if hook == Hook::Postrouting && of == iface => {
                vec![("meta nfproto ipv4".to_owned(), "masquerade".to_owned())]
            }
            (Some(AddrRef::Iface(_)), _) => {
                let text = "an address that comes by DHCP cannot be translated to";
                let _ = writeln!(self.text, "\t\t# not expressed: {text}{}", self.writer.at(place));
                self.writer.lose(place, format!("{text}; nothing is translated"));
                Vec::new()
            }
        }
    }

    /// To an address, and a port for protocols that have ports; `only_ports`: the others are left alone.
    fn to_address(&self, verb: &str, address: IpAddr, port: Option<u16>, only_ports: bool) -> Vec<(String, String)> {
        let (family, word, host) = match address {
            IpAddr::V4(_) => ("ipv4", "ip", address.to_string()),
            IpAddr::V6(_) => ("ipv6", "ip6", format!("[{address}]")),
        };
        let mut rules = Vec::new();
        if let Some(port) = port {
            let matches = format!("meta nfproto {family} meta l4proto {{ tcp, udp }}");
            rules.push((matches, format!("{verb} {word} to {host}:{port}")));
        }
        if !only_ports {
            rules.push((format!("meta nfproto {family}"), format!("{verb} {word} to {address}")));
        }
        rules
    }
}

fn edges(step: &Step) -> Vec<StepId> {
    match step {
        Step::Test { then, otherwise, .. } => vec![*then, *otherwise],
        Step::Log { next, .. } => vec![*next],
        Step::Translate { otherwise, .. } => vec![*otherwise],
        Step::End(_) => Vec::new(),
    }
}
