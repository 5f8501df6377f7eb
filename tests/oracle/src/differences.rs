//! Where Linux and our router differ on purpose, each with its name and the reason.

use crate::case::{ACK, Case, FIN, RST, SYN, flags, is_echo_reply, is_error};
use plane::DropReason;
use policy::{CtState, Field, FunctionKind, Ipv4Config, Step, Test};
use story::packet::{Key, Kind, Packet};
use wire::{Cidr4, IpAddr};

pub struct Difference {
    pub name: &'static str,
    pub reason: &'static str,
    pub is: fn(&Case<'_>) -> bool,
}

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "subnet-router anycast",
        reason: "Linux takes the first address of each IPv6 subnet for its own (RFC 4291 §2.6.1); ours has the addresses of its configuration",
        is: |case| {
            let is_first = |address: IpAddr| matches!(address, IpAddr::V6(address) if address.to_bits() & u128::from(u64::MAX) == 0);
            case.all_ends().any(is_first)
        },
    },
    Difference {
        name: "broadcast address of another Iface's subnet",
        reason: "to Linux the broadcast addresses of all its subnets are its own; ours routes what is not for the Iface itself, and no host answers for it",
        is: |case| {
            let subnets = case.policy.ifaces.iter().filter_map(|iface| match iface.ipv4 {
                Ipv4Config::Static(config) => Cidr4::masked(config.address, config.prefix_len).ok(),
                _ => None,
            });
            let broadcasts: Vec<IpAddr> = subnets.map(|subnet| subnet.last().into()).collect();
            case.all_ends().any(|address| broadcasts.contains(&address))
        },
    },
    Difference {
        name: "source and destination are one host",
        reason: "ours drops what claims to come from its own destination (LAND); nftables cannot compare two fields",
        is: |case| case.drops == [DropReason::Land],
    },
    Difference {
        name: "0.0.0.0/8 as a source",
        reason: "Linux drops all of it as martian; ours only 0.0.0.0, as RFC 1122 §3.2.1.3 (a) asks of a router",
        is: |case| matches!(case.sent.src, Some(IpAddr::V4(src)) if src.octets()[0] == 0),
    },
    Difference {
        name: "errors about packets with a translated destination",
        reason: "Linux lets its own errors about them come from the address that they were sent to; ours speaks for itself",
        is: |case| match (case.ours.first(), case.linux.first()) {
            (Some((_, ours)), Some((_, linux))) => {
                is_error(ours) && ours.kind == linux.kind && ours.dst == linux.dst && linux.src == case.sent.dst
            }
            _ => false,
        },
    },
    Difference {
        name: "the host's own words about what it received",
        reason: "the box's own stack (smoltcp) quotes IPv4 headers as it would have sent them, and its pointer to an unknown protocol is another",
        is: |case| {
            let pair = case.ours.first().zip(case.linux.first());
            pair.is_some_and(|((a, ours), (b, linux))| {
                let to_box = matches!(&ours.kind, Kind::Icmp(message) if message.kind == 3 && matches!(message.code, Some(2 | 3)))
                    || matches!(&ours.kind, Kind::Icmpv6(message) if message.kind == 4);
                case.ours.len() == 1 && case.linux.len() == 1 && a == b && to_box
                    && ours.kind == linux.kind && (ours.src, ours.dst) == (linux.src, linux.dst)
            })
        },
    },
    Difference {
        name: "errors about packets for another Iface's address",
        reason: "Linux lets them come from the address that was asked for, and go the way of that; ours speak from the Iface that they came in by",
        is: |case| {
            let to_other = case.sent.dst.is_some_and(|dst| case.is_own(dst) && !case.is_of_iface(dst));
            to_other
                && case.ours.iter().all(|(_, packet)| is_error(packet))
                && case.linux.iter().all(|(_, packet)| is_error(packet) && packet.src == case.sent.dst)
        },
    },
    Difference {
        name: "IPv6 errors to who comes in by a way that leads not back",
        reason: "Linux chooses the source of IPv6 errors by the way to the receiver; ours speak from the Iface that the packet came in by (RFC 4443 §2.2 d)",
        is: |case| {
            let six = case.sent.src.is_some_and(|src| src.is_ipv6() && !case.is_on_link(src));
            let errors = |all: &[(usize, Packet)]| all.iter().all(|(_, packet)| is_error(packet));
            let owes = [DropReason::Rejected, DropReason::TtlExpired];
            let owed = !case.ours.is_empty() || case.drops.iter().any(|reason| owes.contains(reason));
            six && owed && errors(case.ours) && errors(case.linux)
        },
    },
    Difference {
        name: "expired on the way to another Iface's address",
        reason: "ours is reached by being forwarded, which takes a hop and says so; Linux takes it in without one, so the ruleset drops it in silence",
        is: |case| {
            case.sent.dst.is_some_and(|dst| case.is_own(dst))
                && case.drops == [DropReason::TtlExpired]
                && case.linux.is_empty()
        },
    },
    Difference {
        name: "TTL and oif of packets for another Iface's address",
        reason: "ours has a way out and has taken a hop when the forward chain sees it; Linux takes the packet in as it came",
        is: |case| {
            let tests = case.policy.functions.iter().flat_map(|function| function.program.steps());
            let tests_ttl = |step: &Step| {
                matches!(step, Step::Test { test: Test::In { field: Field::IpTtl | Field::Oif, .. }, .. })
            };
            case.is_to_other_iface() && { tests }.any(tests_ttl)
        },
    },
    Difference {
        name: "a Nat of another Iface",
        reason: "what reaches an Iface by another one passes its prerouting chain, Nats too; nftables cannot translate there, and the export says so",
        is: |case| {
            let is_nat = |id: &policy::FunctionId| {
                case.policy.function(*id).is_some_and(|function| function.kind == FunctionKind::Nat)
            };
            let mut all = case.policy.ifaces.iter().flat_map(|iface| iface.prerouting.iter().chain(&iface.input));
            let to_other = |packet: &Packet| packet.dst.is_some_and(|dst| case.is_own(dst));
            all.any(is_nat) && (case.is_to_other_iface() || case.first.is_some_and(to_other))
        },
    },
    Difference {
        name: "errors about packets whose port alone is translated",
        reason: "ours leaves the address of the router that complains; Linux puts that of the host there, which is the same as before",
        is: |case| match (case.ours, case.linux) {
            ([(a, ours)], [(b, linux)]) => {
                is_error(case.sent)
                    && a == b
                    && ours.kind == linux.kind
                    && ours.dst == linux.dst
                    && ours.src == case.sent.src
                    && ours.quote == linux.quote
            }
            _ => false,
        },
    },
    Difference {
        name: "the port of a mapping",
        reason: "ours gives each inside endpoint an outer port of its own, whoever it speaks to (RFC 4787 REQ-1, REQ-3); Linux shares a port between those that speak to different hosts; and where another port is needed, both choose one at random",
        is: |case| match (case.ours, case.linux) {
            ([(a, ours)], [(b, linux)]) => {
                let port = |packet: &Packet| packet.number(Key::Sport).or(packet.number(Key::EchoId));
                a == b
                    && ours.kind == linux.kind
                    && (ours.src, ours.dst) == (linux.src, linux.dst)
                    && ours.number(Key::Dport) == linux.number(Key::Dport)
                    && port(ours) != port(linux)
                    && ours.src != case.sent.src
            }
            _ => false,
        },
    },
    Difference {
        name: "a reply tuple that is taken",
        reason: "ours drops a new flow that cannot be told from an older one (NatClash); Linux gives it another source port, translated or not",
        is: |case| case.drops == [DropReason::NatClash],
    },
    Difference {
        name: "the way of a refusal's RST",
        reason: "ours passes the output chain of the Iface that the segment came in by, and goes by its subnets first; Linux sends it as any packet of that foreign source",
        is: |case| {
            let only = |all: &[(usize, Packet)]| all.is_empty() || matches!(all, [(_, only)] if flags(only) & RST != 0);
            case.is_tcp() && case.drops.contains(&DropReason::Rejected) && only(case.ours) && only(case.linux)
        },
    },
    Difference {
        name: "a refusal of a RST",
        reason: "ours never refuses a RST aloud; Linux sends it an ICMP error",
        is: |case| {
            let linux = matches!(case.linux, [(_, only)] if is_error(only));
            case.is_tcp() && case.flags() & RST != 0 && case.drops == [DropReason::Rejected] && linux
        },
    },
    Difference {
        name: "a refusal of protocols without a checksum",
        reason: "before it answers, Linux sums up the payload of protocols that it does not know and finds it wrong",
        is: |case| {
            matches!(case.sent.kind, Kind::Ip(_)) && case.drops == [DropReason::Rejected] && case.linux.is_empty()
        },
    },
    Difference {
        name: "errors about packets that belong to no flow",
        reason: "our own errors are related whatever they are about; Linux finds those invalid that are about something invalid, and rules see that",
        is: |case| {
            let error = |all: &[(usize, Packet)]| matches!(all, [(_, only)] if is_error(only));
            let one = case.linux.is_empty() && error(case.ours) || case.ours.is_empty() && error(case.linux);
            one && (case.state == Some(CtState::Invalid) || case.splits(|split| split.linux == CtState::Invalid))
        },
    },
    Difference {
        name: "segments that fit no state",
        reason: "without stateful_tcp nothing is invalid for its state or its numbers but a RST that nobody knows; Linux refuses to be picked up by SYN+ACK, FIN or nothing, what an opener acknowledges or closes before the other side has spoken, SYN+ACK from the opener, and FIN or SYN+ACK behind a RST",
        is: |case| {
            !case.policy.conntrack.stateful_tcp
                && case.splits(|split| {
                    split.packet.kind == Kind::Tcp && split.linux == CtState::Invalid && split.ours != CtState::Invalid
                })
        },
    },
    Difference {
        name: "echo reply that nobody asked for",
        reason: "it begins a flow of its own identifier, as a rule may let it; to Linux it is invalid",
        is: |case| {
            case.splits(|split| {
                is_echo_reply(&split.packet) && (split.ours, split.linux) == (CtState::New, CtState::Invalid)
            })
        },
    },
    Difference {
        name: "an acknowledgment in answer to a SYN",
        reason: "with stateful_tcp what fits no state is invalid; Linux lets it pass for the sake of connections that only one side remembers (RFC 9293 §3.5.1)",
        is: |case| {
            case.policy.conntrack.stateful_tcp
                && case.splits(|split| {
                    flags(&split.packet) & (SYN | ACK | FIN | RST) == ACK
                        && split.ours == CtState::Invalid
                        && split.linux != CtState::Invalid
                })
        },
    },
    Difference {
        name: "the RST of the box's own stack",
        reason: "smoltcp answers a segment without ACK that is no SYN by a bare RST, where RFC 9293 §3.10.7.1 asks for RST+ACK, and ignores contradictory flags",
        is: |case| {
            let only = |all: &[(usize, Packet)]| all.is_empty() || matches!(all, [(_, only)] if flags(only) & RST != 0);
            case.delivered && case.is_tcp() && only(case.ours) && only(case.linux)
        },
    },
    Difference {
        name: "which RST is believed",
        reason: "with stateful_tcp a RST is invalid unless it is at exactly the next number, or acknowledges exactly what the other side has sent (RFC 5961 §3.2); Linux lets others pass that lie within the window, and one that answers a SYN without acknowledging it ends the connection, but refuses one that is behind what was acknowledged",
        is: |case| {
            case.policy.conntrack.stateful_tcp
                && case.splits(|split| {
                    let parted = split.ours == CtState::Invalid || split.linux == CtState::Invalid;
                    flags(&split.packet) & RST != 0 && parted
                })
        },
    },
    Difference {
        name: "what follows a RST",
        reason: "Linux forgets a connection at the RST that refuses it, and lets a SYN revive it; ours remembers it for ten seconds, and a SYN begins another",
        is: |case| case.splits(|split| split.is_tcp_or_error() && split.after_reset),
    },
    Difference {
        name: "a SYN into a connection that is not over",
        reason: "ours is over when both FINs are acknowledged, or by a RST that was believed; before that a SYN or SYN+ACK belongs to it, and with stateful_tcp is invalid beside the window. Linux goes by who has opened: the SYN of that side and the SYN+ACK of the other pass, for their receiver to challenge (RFC 5961 §4), others are invalid; and it begins another connection when it has seen both FINs",
        is: |case| case.splits(|split| flags(&split.packet) & (SYN | RST) == SYN && split.ours != CtState::New),
    },
    Difference {
        name: "a second SYN with an earlier number",
        reason: "a SYN that follows an unanswered one is its host's next attempt, whatever number it has chosen; Linux finds it invalid unless its number is the later one",
        is: |case| {
            case.splits(|split| {
                let opens = flags(&split.packet) & (SYN | ACK | RST | FIN) == SYN;
                opens && (split.ours, split.linux) == (CtState::New, CtState::Invalid)
            })
        },
    },
    Difference {
        name: "what follows a SYN out of its time",
        reason: "within the window ours counts it as a segment of the connection; Linux lets it pass and learns nothing from it, or is led astray by one that it has refused",
        is: |case| case.splits(|split| split.packet.kind == Kind::Tcp && split.after_syn),
    },
    Difference {
        name: "a FIN beyond the window",
        reason: "with stateful_tcp it is invalid like any other segment there; Linux lets it pass",
        is: |case| {
            case.policy.conntrack.stateful_tcp
                && case.splits(|split| {
                    flags(&split.packet) & (SYN | RST | FIN) == FIN
                        && (split.ours, split.linux) == (CtState::Invalid, CtState::Established)
                })
        },
    },
    Difference {
        name: "segments behind the window",
        reason: "with stateful_tcp they are invalid; Linux lets them pass and learns nothing from them",
        is: |case| {
            case.policy.conntrack.stateful_tcp
                && case.splits(|split| {
                    split.is_behind && (split.ours, split.linux) == (CtState::Invalid, CtState::Established)
                })
        },
    },
    Difference {
        name: "what was refused before it was tracked",
        reason: "ours refuses spoofed, martian and broken packets before tracking; in Linux tracking has seen them, and learned from them, when the ruleset drops them",
        is: |case| case.splits(|split| split.after_unseen),
    },
];

/// The difference that explains a case.
pub fn explain(case: &Case<'_>) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|difference| (difference.is)(case))
}
