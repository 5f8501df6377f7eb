//! The effective configuration for people. Numbers at the left of a function are lines of the file.

use super::model::{
    Balancer, Classes, Cost, Do, Function, Gateway, Iface, Log, Nic, Piece, Question, Rate, Shown, Timer,
};
use std::fmt::{Display, Write};

/// Members of a set that are printed; the JSON document has all.
const MOST_MEMBERS: usize = 16;

pub fn text(shown: &Shown) -> String {
    let mut page = Page { text: format!("{}\n", shown.file) };
    for iface in &shown.ifaces {
        page.iface(iface);
    }
    match &shown.gateway {
        Some(gateway) => page.gateway(gateway),
        None => page.head("no Gateway: nothing is forwarded", 0),
    }
    for function in &shown.functions {
        page.function(function);
    }
    page.conntrack(shown);
    page.log(&shown.log);
    if let Some(balancer) = &shown.load_balancer {
        page.balancer(balancer);
    }
    for timer in &shown.timers {
        page.timer(timer);
    }
    page.text
}

struct Page {
    text: String,
}

impl Page {
    /// Begins a section; line 0 is none.
    fn head(&mut self, what: &str, line: u32) {
        self.text.push('\n');
        self.text.push_str(what);
        if line > 0 {
            self.text.push_str(&format!(" (line {line})"));
        }
        self.text.push('\n');
    }

    fn row(&mut self, key: &str, value: impl Display) {
        self.text.push_str(&format!("  {key:<18} {value}\n"));
    }

    fn iface(&mut self, iface: &Iface) {
        self.head(&format!("Iface {}", iface.name), iface.line);
        let nic = match &iface.nic {
            Nic::Index(index) => format!("number {index}"),
            Nic::Mac(mac) => mac.clone(),
        };
        match iface.vlan {
            Some(vlan) => self.row("NIC", format!("{nic}, vlan {vlan}")),
            None => self.row("NIC", nic),
        }
        let v4 = &iface.ipv4;
        let address = match (v4.config, &v4.address) {
            ("static", Some(address)) => address.clone(),
            ("dhcp-with-fallback", Some(address)) => format!("by DHCP, else {address}"),
            ("dhcp", _) => "by DHCP".to_owned(),
            _ => "none".to_owned(),
        };
        self.row("IPv4", with_parts(address, &[("gateway", &v4.gateway), ("dns", &v4.dns)]));
        let v6 = if iface.ipv6.addresses.is_empty() { "none".to_owned() } else { iface.ipv6.addresses.join(", ") };
        self.row("IPv6", with_parts(v6, &[("gateway", &iface.ipv6.gateway)]));
        match iface.mtu {
            Some(mtu) => self.row("mtu", format!("{mtu} bytes")),
            None => self.row("mtu", "the device's"),
        }
        let frames = |limit: Option<u32>| match limit {
            Some(limit) => format!("at most {limit} frames"),
            None => "the ring's own size".to_owned(),
        };
        self.row("receive buffers", frames(iface.buffer_limit));
        self.row("transmit queue", frames(iface.send_queue_limit));
        self.row("masquerade", yes(iface.masquerade));
        self.row("reverse path", iface.reverse_path.unwrap_or("not checked"));
        self.row("tracking", yes(iface.tracked));
        self.row(
            "forwards",
            match (iface.forwards.ipv4, iface.forwards.ipv6) {
                (true, true) => "IPv4 and IPv6",
                (true, false) => "IPv4",
                (false, true) => "IPv6",
                (false, false) => "nothing: no route names it",
            },
        );
        let chains = &iface.chains;
        let all = [
            ("prerouting", &chains.prerouting),
            ("input", &chains.input),
            ("output", &chains.output),
            ("postrouting", &chains.postrouting),
        ];
        for (hook, functions) in all.iter().filter(|(_, functions)| !functions.is_empty()) {
            self.row(hook, functions.join(", then "));
        }
        if all.iter().all(|(_, functions)| functions.is_empty()) {
            self.row("chains", "none: all is accepted");
        }
    }

    fn gateway(&mut self, gateway: &Gateway) {
        self.head(&format!("Gateway {}", gateway.name), 0);
        self.row("time exceeded", if gateway.send_time_exceeded { "is sent" } else { "is not sent" });
        self.row("unreachable", if gateway.send_unreachable { "is sent" } else { "is not sent" });
        let forward = if gateway.forward.is_empty() { "all is accepted" } else { &gateway.forward.join(", then ") };
        self.row("forward", forward);
        self.text.push_str("  routes, in the order in which they are searched\n");
        let mut rows = vec![["net", "next hop", "Iface", "cost", "name"].map(str::to_owned)];
        for route in &gateway.routes {
            let nexthop = match &route.nexthop {
                Some(nexthop) if route.nexthop_is_gateway => format!("{nexthop} (its gateway)"),
                Some(nexthop) => nexthop.clone(),
                None => "on-link".to_owned(),
            };
            let name = if route.name.is_empty() { format!("line {}", route.line) } else { route.name.clone() };
            rows.push([route.net.clone(), nexthop, route.iface.clone(), route.cost.to_string(), name]);
        }
        self.table(&rows);
    }

    /// Columns as wide as their widest cell.
    fn table<const N: usize>(&mut self, rows: &[[String; N]]) {
        let widths: Vec<usize> =
            (0..N).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
        for row in rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
            let line: String = cells.collect();
            self.text.push_str(&format!("    {}\n", line.trim_end()));
        }
    }

    fn function(&mut self, function: &Function) {
        let kind = if function.kind == "nat" { "Nat" } else { "Filter" };
        self.head(&format!("{kind} {}, on {}", function.name, function.on.join(", ")), function.line);
        if function.judges_invalid {
            self.text.push_str("  judges packets that fit no connection, too\n");
        }
        let Cost { steps, worst_steps, tables } = &function.cost;
        let (most, all) = (steps_of(*worst_steps), steps_of(*steps));
        self.text.push_str(&match tables {
            None => format!("  costs a packet at most {most} of {steps}\n"),
            Some(tables) => {
                let size = tables.bytes.div_ceil(1024);
                format!("  costs a packet at most {most} in tables of {size} KiB, made of {all}\n")
            }
        });
        self.block(&function.statements, 0);
    }

    fn line(&mut self, number: u32, depth: usize, text: &str) {
        self.text.push_str(&format!("  {number:>5}  {:1$}{text}\n", "", 2 * depth));
    }

    fn block(&mut self, block: &[Do], depth: usize) {
        for statement in block {
            match statement {
                Do::If { arms, otherwise } => {
                    for (at, arm) in arms.iter().enumerate() {
                        let word = if at == 0 { "if" } else { "else if" };
                        self.line(arm.line, depth, &format!("{word} {}", question(&arm.when, Binding::Or)));
                        self.block(&arm.then, depth + 1);
                    }
                    if !otherwise.is_empty() {
                        self.text.push_str(&format!("         {:1$}else\n", "", 2 * depth));
                        self.block(otherwise, depth + 1);
                    }
                }
                Do::Log { action, severity, parts, line } => {
                    let pieces = parts.iter().map(|piece| match piece {
                        Piece::Text(text) => format!("{text:?}"),
                        Piece::Field(field) => (*field).to_owned(),
                        Piece::Address(address) => address.clone(),
                    });
                    let all: Vec<String> = severity.iter().map(|word| (*word).to_owned()).chain(pieces).collect();
                    self.line(*line, depth, &format!("{action}({})", all.join(", ")));
                }
                Do::Translate { action, address, port, line } => {
                    let all: Vec<String> = address.iter().cloned().chain(port.map(|port| port.to_string())).collect();
                    let arguments = if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) };
                    self.line(*line, depth, &format!("{action}{arguments}"));
                }
                Do::End { action, how, line } => {
                    let how = how.map(|how| format!("({how})")).unwrap_or_default();
                    self.line(*line, depth, &format!("{action}{how}"));
                }
            }
        }
    }

    fn conntrack(&mut self, shown: &Shown) {
        let conntrack = &shown.conntrack;
        self.head("Conntrack", 0);
        match conntrack.limit {
            Some(limit) => self.row("limit", format!("{limit} connections")),
            None => self.row("limit", "sized from the memory found"),
        }
        self.row("reserve", format!("{} connections", conntrack.reserve));
        self.row("stateful TCP", yes(conntrack.stateful_tcp));
        let Classes { unconfirmed, confirmed, established } = &conntrack.timeout;
        self.text.push_str("  time-outs, in seconds\n");
        let mut rows = vec![["", "no reply yet", "replied", "unconfirmed (no effect)"].map(str::to_owned)];
        for (name, of) in [
            ("tcp", [confirmed.tcp, established.tcp, unconfirmed.tcp]),
            ("udp", [confirmed.udp, established.udp, unconfirmed.udp]),
            ("icmp", [confirmed.icmp, established.icmp, unconfirmed.icmp]),
            ("other", [confirmed.other, established.other, unconfirmed.other]),
        ] {
            let [confirmed, established, unconfirmed] = of.map(|seconds| seconds.to_string());
            rows.push([name.to_owned(), confirmed, established, unconfirmed]);
        }
        self.table(&rows);
    }

    fn log(&mut self, log: &Log) {
        self.head("Log", 0);
        match &log.server {
            Some(server) => {
                self.row("syslog", format!("UDP to {}", endpoint(&server.address, server.port)));
            }
            None => self.row("syslog", "on the console: there is no Syslog"),
        }
        self.row("limit", format!("{} lines per second, {} at once", log.rate, log.burst));
    }

    fn balancer(&mut self, balancer: &Balancer) {
        self.head(&format!("Load_balancer {}", balancer.name), balancer.line);
        self.row("clients", format!("{} port {} of {}", balancer.layer, balancer.port, balancer.clients));
        self.row("waiting", format!("at most {} clients", balancer.wait_queue_limit));
        self.row("sessions", format!("at most {}", balancer.session_limit));
        let nodes = balancer.nodes.iter().map(|node| endpoint(&node.address, node.port)).collect::<Vec<_>>();
        self.row("nodes", format!("{} by {}, each in turn", nodes.join(", "), balancer.servers));
    }

    fn timer(&mut self, timer: &Timer) {
        self.head(&format!("Timer {}", timer.name), timer.line);
        self.row("every", format!("{} s, first after 1 s", timer.interval));
        self.row("prints", timer.data.join(", "));
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn with_parts(first: String, parts: &[(&str, &Option<String>)]) -> String {
    let mut text = first;
    for (name, value) in parts {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(text, ", {name} {value}");
        }
    }
    text
}

fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// What a condition stands in, from loose to tight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
}

/// A condition as the language writes it.
fn question(asked: &Question, within: Binding) -> String {
    let list = |parts: &[Question], word: &str, own: Binding| {
        // Parts of a list bind tighter than the list.
        let inner = if own == Binding::Or { Binding::And } else { Binding::Not };
        let joined = parts.iter().map(|part| question(part, inner)).collect::<Vec<_>>().join(word);
        if within > own { format!("({joined})") } else { joined }
    };
    match asked {
        Question::All { all } => list(all, " and ", Binding::And),
        Question::Any { any } => list(any, " or ", Binding::Or),
        Question::Not { not } => match &**not {
            Question::In { field, members } if matches!(&members[..], [one] if is_single(one)) => {
                format!("{field} != {}", members.join(""))
            }
            inner => format!("not {}", question(inner, Binding::Not)),
        },
        Question::In { field, members } => match &members[..] {
            [one] if is_single(one) => format!("{field} == {one}"),
            [one] => format!("{field} in {one}"),
            _ => format!("{field} in [{}]", members_in_short(members)),
        },
        Question::Compare { field, operator, other } => format!("{field} {operator} {other}"),
        Question::Flag { flag } => (*flag).to_owned(),
        Question::Limit { limit: Rate { tokens, seconds, burst } } => {
            let unit = match seconds {
                1 => "\"second\"".to_owned(),
                60 => "\"minute\"".to_owned(),
                seconds => format!("{seconds} s"),
            };
            format!("limit({tokens}, {unit}, {burst})")
        }
    }
}

/// No network and no range.
fn is_single(member: &str) -> bool {
    let range = member.contains(" - ") || member.split_once('-').is_some_and(|(low, _)| low.parse::<u32>().is_ok());
    !range && !member.contains('/')
}

fn members_in_short(members: &[String]) -> String {
    match members.get(..MOST_MEMBERS) {
        Some(first) if members.len() > MOST_MEMBERS => {
            format!("{}, … and {} more", first.join(", "), members.len() - MOST_MEMBERS)
        }
        _ => members.join(", "),
    }
}

fn steps_of(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}
