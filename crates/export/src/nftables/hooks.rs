//! The base chains: which functions see which packets, in which order.

use super::admission::all_own;
use super::function::Functions;
use super::{Writer, define, own_addresses};
use policy::{FunctionId, FunctionKind, Hook, Iface, Ipv4Config};
use std::fmt::Write as _;
use wire::{IfaceId, IpAddr};

/// Neighbor and listener discovery, which no rule of ours sees.
const LINK_MESSAGES: &str = "icmpv6 type { 130-137, 143 } accept";

pub fn chains(writer: &mut Writer<'_>, functions: &mut Functions, out: &mut String) {
    for hook in [Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting] {
        per_iface(writer, functions, hook, out);
    }
    let ids = writer.policy.chain(Hook::Forward, IfaceId(0));
    base(out, "forward", "filter hook forward", 0, &[]);
    for id in ids {
        if let Some(chain) = functions.chain(writer, *id, Hook::Forward, IfaceId(0)) {
            let _ = writeln!(out, "\t\tjump {chain}");
        }
    }
    out.push_str("\t}\n");
}

fn base(out: &mut String, name: &str, kind: &str, priority: i32, rules: &[&str]) {
    let _ = writeln!(out, "\n\tchain {name} {{\n\t\ttype {kind} priority {priority}; policy accept;");
    for rule in rules {
        let _ = writeln!(out, "\t\t{rule}");
    }
}

/// The functions of a hook, by what stands before and behind its first Nat.
struct Split {
    before: Vec<FunctionId>,
    nats: Vec<FunctionId>,
    behind: Vec<FunctionId>,
}

fn split(writer: &mut Writer<'_>, hook: Hook, iface: IfaceId) -> Split {
    let mut split = Split { before: Vec::new(), nats: Vec::new(), behind: Vec::new() };
    for id in writer.policy.chain(hook, iface) {
        let Some(function) = writer.policy.function(*id) else { continue };
        match function.kind {
            FunctionKind::Nat if split.behind.is_empty() => split.nats.push(*id),
            FunctionKind::Nat => {
                let text = format!(
                    "{} on {} stands behind a Filter that stands behind a Nat; it is asked before that Filter",
                    function.name,
                    hook.name()
                );
                writer.lose(function.place, text);
                split.nats.push(*id);
            }
            FunctionKind::Filter if split.nats.is_empty() => split.before.push(*id),
            FunctionKind::Filter => split.behind.push(*id),
        }
    }
    split
}

fn per_iface(writer: &mut Writer<'_>, functions: &mut Functions, hook: Hook, out: &mut String) {
    let policy = writer.policy;
    let (before, nat, behind) = match hook {
        Hook::Prerouting | Hook::Output => (-150, -100, -90),
        _ => (90, 100, 110),
    };
    let name = hook.name();
    let splits: Vec<(&Iface, IfaceId, Split)> =
        policy.ifaces.iter().zip(policy.iface_ids()).map(|(iface, id)| (iface, id, split(writer, hook, id))).collect();

    let mut first = vec![LINK_MESSAGES];
    if hook == Hook::Output {
        // Redirects are never sent.
        first.extend(["icmp type redirect drop", "icmpv6 type nd-redirect drop"]);
        first.rotate_left(1);
    }
    let kind = format!("filter hook {name}");
    base(out, &format!("{name}_filter"), &kind, before, &first);
    if hook == Hook::Input {
        arrivals(writer, functions, out);
    }
    for (iface, id, Split { before, behind, .. }) in &splits {
        if before.is_empty() && behind.is_empty() {
            continue;
        }
        for place in entries(hook, iface) {
            for function in before {
                if let Some(chain) = functions.chain(writer, *function, hook, *id) {
                    let _ = writeln!(out, "\t\t{place}jump {chain}");
                }
            }
            for function in behind {
                if let Some(chain) = functions.chain(writer, *function, hook, *id) {
                    let _ = writeln!(
                        out,
                        "\t\t{place}ct direction reply jump {chain}\n\t\t{place}ct state invalid jump {chain}"
                    );
                }
            }
        }
    }
    out.push_str("\t}\n");

    let masquerades = |iface: &Iface| hook == Hook::Postrouting && iface.masquerade;
    if splits.iter().any(|(iface, _, split)| !split.nats.is_empty() || masquerades(iface)) {
        // Groups have no receiver to translate to.
        let groups = "fib daddr type { broadcast, multicast } accept";
        let first: &[&str] = if matches!(hook, Hook::Prerouting | Hook::Output) { &[groups] } else { &[] };
        base(out, &format!("{name}_nat"), &format!("nat hook {name}"), nat, first);
        for (iface, id, Split { nats, .. }) in &splits {
            for place in entries(hook, iface) {
                for function in nats {
                    if let Some(chain) = functions.chain(writer, *function, hook, *id) {
                        let _ = writeln!(out, "\t\t{place}jump {chain}");
                    }
                }
            }
            if masquerades(iface) {
                let dev = define(&iface.name);
                let others = all_own(policy, true).map_or(String::new(), |own| format!("ip saddr != {own} "));
                let action = match iface.ipv4 {
                    Ipv4Config::Static(config) => format!("snat ip to {}", config.address),
                    _ => "masquerade".to_owned(),
                };
                let _ = writeln!(out, "\t\toifname ${dev} meta nfproto ipv4 {others}{action}");
            }
        }
        out.push_str("\t}\n");
    }
    if splits.iter().any(|(_, _, split)| !split.behind.is_empty()) {
        base(out, &format!("{name}_filter_behind"), &kind, behind, &[LINK_MESSAGES]);
        for (iface, id, Split { behind, .. }) in &splits {
            for place in entries(hook, iface) {
                for function in behind {
                    if let Some(chain) = functions.chain(writer, *function, hook, *id) {
                        let _ = writeln!(out, "\t\t{place}ct direction original jump {chain}");
                    }
                }
            }
        }
        out.push_str("\t}\n");
    }
}

/// Matches for the packets that a hook of an Iface sees, each to stand before a statement.
fn entries(hook: Hook, iface: &Iface) -> Vec<String> {
    let dev = define(&iface.name);
    match hook {
        Hook::Prerouting => vec![format!("iifname ${dev} ")],
        Hook::Postrouting => vec![format!("oifname ${dev} ")],
        // Another Iface's address is reached by being forwarded.
        Hook::Input => {
            let (mut four, mut six) =
                (vec!["255.255.255.255".to_owned()], vec!["ff00::/8".to_owned(), "fe80::/10".to_owned()]);
            for (own, len) in own_addresses(iface) {
                match (own, wire::Cidr::masked(own, len)) {
                    (IpAddr::V4(_), Ok(wire::Cidr::V4(subnet))) if len < 31 => {
                        four.extend([own.to_string(), subnet.last().to_string()]);
                    }
                    (IpAddr::V4(_), _) => four.push(own.to_string()),
                    (IpAddr::V6(_), _) => six.push(own.to_string()),
                }
            }
            if super::is_dhcp(iface) {
                return vec![format!("iifname ${dev} ")];
            }
            vec![
                format!("iifname ${dev} ip daddr {{ {} }} ", four.join(", ")),
                format!("iifname ${dev} ip6 daddr {{ {} }} ", six.join(", ")),
            ]
        }
        // The Iface that owns the source.
        _ => {
            let own = own_addresses(iface);
            let of = |four: bool| {
                let all: Vec<String> =
                    own.iter().filter(|(own, _)| own.is_ipv4() == four).map(|(own, _)| own.to_string()).collect();
                (!all.is_empty())
                    .then(|| format!("{} saddr {{ {} }} ", if four { "ip" } else { "ip6" }, all.join(", ")))
            };
            let link_local = (!iface.address6.is_empty()).then(|| format!("oifname ${dev} ip6 saddr fe80::/10 "));
            let dhcp = super::is_dhcp(iface).then(|| format!("oifname ${dev} meta nfproto ipv4 "));
            [of(true), of(false), link_local, dhcp].into_iter().flatten().collect()
        }
    }
}

/// Packets that came in by one Iface for the address of another: the forward chain, then prerouting and input of the
/// owner, as if they came in there.
fn arrivals(writer: &mut Writer<'_>, functions: &mut Functions, out: &mut String) {
    let policy = writer.policy;
    if policy.ifaces.len() < 2 || policy.gateway.is_none() {
        return;
    }
    for (iface, id) in policy.ifaces.iter().zip(policy.iface_ids()) {
        let own = own_addresses(iface);
        let chain: Vec<FunctionId> =
            policy.chain(Hook::Forward, id).iter().chain(policy.chain(Hook::Prerouting, id)).copied().collect();
        let input: Vec<FunctionId> = policy.chain(Hook::Input, id).to_vec();
        for (word, four) in [("ip", true), ("ip6", false)] {
            let all: Vec<String> =
                own.iter().filter(|(own, _)| own.is_ipv4() == four).map(|(own, _)| own.to_string()).collect();
            if all.is_empty() {
                continue;
            }
            let place = format!("iifname != {{ lo, ${} }} {word} daddr {{ {} }}", define(&iface.name), all.join(", "));
            for function in chain.iter().chain(&input) {
                let Some(kind) = policy.function(*function).map(|function| function.kind) else { continue };
                if kind == FunctionKind::Nat {
                    let name = &policy.function(*function).map_or("", |function| &function.name);
                    let text = format!("{name} does not translate what reaches {} by another Iface", iface.name);
                    writer
                        .lose(policy.function(*function).map_or(policy::Place::NONE, |function| function.place), text);
                    continue;
                }
                if let Some(chain) = functions.chain(writer, *function, Hook::Input, id) {
                    let _ = writeln!(out, "\t\t{place} jump {chain}");
                }
            }
        }
    }
}
