//! Where Linux and our router differ on purpose, each with its name and the reason.

use plane::DropReason;
use policy::{Field, FunctionKind, Ipv4Config, Policy, Step, Test};
use story::packet::{Key, Kind, Packet};
use wire::{Cidr, Cidr4, IpAddr, icmpv4, icmpv6};

/// A packet that the routers did not treat alike.
pub struct Case<'a> {
    pub policy: &'a Policy,
    /// The pair's first packet, and what became of it on its way.
    pub first: Option<&'a Packet>,
    pub passed: Option<&'a Packet>,
    /// Our router dropped nothing of it, so that it may be remembered; and it was answered by a RST.
    pub lives: bool,
    pub refused: bool,
    /// The packet that made the difference.
    pub sent: &'a Packet,
    /// The Iface that it came in by.
    pub port: usize,
    /// What left, decoded.
    pub ours: &'a [(usize, Packet)],
    pub linux: &'a [(usize, Packet)],
    /// Why our router dropped packets.
    pub drops: &'a [DropReason],
}

pub struct Difference {
    pub name: &'static str,
    pub reason: &'static str,
    pub is: fn(&Case<'_>) -> bool,
}

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "tcp picked up by SYN+ACK, FIN or nothing",
        reason: "without stateful_tcp any segment but a RST may be the first that is seen of a connection; Linux picks up by SYN or ACK only",
        is: |case| {
            let known = case.repeats_first() || case.answers_first() || case.is_about_first();
            !case.policy.conntrack.stateful_tcp
                && (case.is_fresh() && is_odd_start(case.sent) || known && case.first.is_some_and(is_odd_start))
        },
    },
    Difference {
        name: "echo reply that nobody asked for",
        reason: "it begins a flow of its own identifier, as a rule may let it; to Linux it is invalid",
        is: |case| {
            let known = case.repeats_first() || case.answers_first() || case.is_about_first();
            !case.answers_first() && is_echo_reply(case.sent) || known && case.first.is_some_and(is_echo_reply)
        },
    },
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
        name: "segments that fit no state",
        reason: "without stateful_tcp nothing is invalid for its state; Linux refuses what an opener acknowledges or closes before the other side has spoken, SYN+ACK from the opener, and FIN or SYN+ACK behind a RST",
        is: |case| {
            let (sent, first) = (case.flags(), case.first.map_or(0, flags));
            let opened = first & (SYN | ACK) == SYN;
            let early = opened && (sent & (ACK | FIN) != 0 || sent & (SYN | RST) == 0);
            let odd = case.repeats_first() && (early || sent & (SYN | ACK) == SYN | ACK)
                || case.answers_first() && opened && sent & FIN != 0;
            let refused = case.refused && case.repeats_first();
            case.is_tcp() && sent & RST == 0 && (refused || odd && !case.policy.conntrack.stateful_tcp)
        },
    },
    Difference {
        name: "an acknowledgment in answer to a SYN",
        reason: "with stateful_tcp what fits no state is invalid; Linux lets it pass for the sake of connections that only one side remembers (RFC 9293 §3.5.1)",
        is: |case| {
            let bare = case.flags() & (SYN | ACK | FIN | RST) == ACK;
            case.policy.conntrack.stateful_tcp && case.is_tcp() && bare && case.answers_first()
        },
    },
    Difference {
        name: "errors about packets that belong to no flow",
        reason: "our own errors are related whatever they are about; Linux finds those invalid that are about something invalid, and rules see that",
        is: |case| {
            let invalid = case.is_fresh()
                && (case.is_tcp()
                    && (case.flags() & RST != 0 || is_odd_start(case.sent) || case.policy.conntrack.stateful_tcp)
                    || is_echo_reply(case.sent));
            let error = |all: &[(usize, Packet)]| matches!(all, [(_, only)] if is_error(only));
            invalid && (case.linux.is_empty() && error(case.ours) || case.ours.is_empty() && error(case.linux))
        },
    },
    Difference {
        name: "errors about packets for another Iface's address",
        reason: "Linux lets them come from the address that was asked for, and go the way of that; ours speak from the Iface that they came in by",
        is: |case| {
            let to_other = case.sent.dst.is_some_and(|dst| case.is_own(dst) && !case.is_of_iface(dst));
            to_other
                && matches!(case.ours, [(_, only)] if is_error(only))
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
        name: "what follows a refusal",
        reason: "Linux forgets a connection at the RST that refuses it; ours remembers it for ten seconds",
        is: |case| {
            let to_box = case
                .first
                .is_some_and(|first| first.kind == Kind::Tcp && first.dst.is_some_and(|dst| case.is_own(dst)));
            case.refused && (case.repeats_first() || case.is_about_first()) || to_box && case.quotes_first()
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
        reason: "ours gives each inside endpoint an outer port of its own, whoever it speaks to (RFC 4787 REQ-1, REQ-3); Linux shares a port between those that speak to different hosts",
        is: |case| match (case.ours, case.linux) {
            ([(a, ours)], [(b, linux)]) => {
                let port = |packet: &Packet| packet.number(Key::Sport).or(packet.number(Key::EchoId));
                a == b
                    && ours.kind == linux.kind
                    && (ours.src, ours.dst) == (linux.src, linux.dst)
                    && ours.number(Key::Dport) == linux.number(Key::Dport)
                    && port(ours) != port(linux)
                    && port(linux) == port(case.sent)
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
];

const FIN: u64 = 1;
const SYN: u64 = 2;
const RST: u64 = 4;
const ACK: u64 = 16;

fn is_error(packet: &Packet) -> bool {
    match &packet.kind {
        Kind::Icmp(message) => icmpv4::is_error(message.kind),
        Kind::Icmpv6(message) => icmpv6::is_error(message.kind),
        _ => false,
    }
}

fn flags(packet: &Packet) -> u64 {
    packet.number(Key::Flags).unwrap_or(0)
}

/// Address and port, or identifier.
type End = (Option<IpAddr>, Option<u64>);

fn ends(packet: &Packet) -> (End, End) {
    let port = |key| packet.number(key).or(packet.number(Key::EchoId));
    ((packet.src, port(Key::Sport)), (packet.dst, port(Key::Dport)))
}

impl Case<'_> {
    fn is_tcp(&self) -> bool {
        self.sent.kind == Kind::Tcp
    }

    fn flags(&self) -> u64 {
        flags(self.sent)
    }

    /// The packet belongs to no flow that the pair's first packet has begun.
    fn is_fresh(&self) -> bool {
        !(self.repeats_first() || self.answers_first())
    }

    /// The flow that the first packet has begun; a RST begins none, and with stateful_tcp only a SYN does.
    fn flow(&self) -> impl Iterator<Item = &Packet> {
        let begins = self.first.is_some_and(|first| {
            let flags = flags(first) & (FIN | SYN | RST | ACK);
            let strict = self.policy.conntrack.stateful_tcp;
            first.kind != Kind::Tcp || if strict { flags == SYN } else { flags & RST == 0 }
        });
        self.first.into_iter().chain(self.passed).filter(move |_| begins && self.lives)
    }

    /// Every address of the pair.
    fn all_ends(&self) -> impl Iterator<Item = IpAddr> {
        let packets = self.first.into_iter().chain(self.passed).chain([self.sent]);
        packets.flat_map(|packet| [packet.src, packet.dst]).flatten()
    }

    /// It travels in the direction of the first packet.
    fn repeats_first(&self) -> bool {
        self.flow().next().is_some_and(|first| ends(first) == ends(self.sent))
    }

    /// It travels against it: against what has become of it on its way.
    fn answers_first(&self) -> bool {
        let (src, dst) = ends(self.sent);
        self.flow().last().is_some_and(|passed| ends(passed) == (dst, src))
    }

    /// It is an error that quotes a packet of the first one's flow.
    fn is_about_first(&self) -> bool {
        let quoted = self.sent.quote.as_deref().map(ends);
        quoted.is_some_and(|(src, dst)| self.flow().any(|known| ends(known) == (src, dst) || ends(known) == (dst, src)))
    }

    /// It is an error that quotes the first packet, whatever became of that.
    fn quotes_first(&self) -> bool {
        let quoted = self.sent.quote.as_deref().map(ends);
        quoted.is_some() && quoted == self.first.map(ends)
    }

    /// For an own address of another Iface than the one that it came in by.
    fn is_to_other_iface(&self) -> bool {
        self.sent.dst.is_some_and(|dst| self.is_own(dst) && !self.is_of_iface(dst))
    }

    fn subnets(&self) -> impl Iterator<Item = (usize, IpAddr, u8)> {
        self.policy.ifaces.iter().enumerate().flat_map(|(at, iface)| {
            let four = match iface.ipv4 {
                Ipv4Config::Static(config) => Some((at, IpAddr::V4(config.address), config.prefix_len)),
                _ => None,
            };
            four.into_iter().chain(iface.address6.iter().map(move |(own, len)| (at, IpAddr::V6(*own), *len)))
        })
    }

    /// One of the box's addresses.
    fn is_own(&self, address: IpAddr) -> bool {
        self.subnets().any(|(_, own, _)| own == address)
    }

    /// One of the addresses of the Iface that the packet came in by.
    fn is_of_iface(&self, address: IpAddr) -> bool {
        self.subnets().any(|(at, own, _)| at == self.port && own == address)
    }

    /// On the link that the packet came from.
    fn is_on_link(&self, address: IpAddr) -> bool {
        let mut own = self.subnets().filter(|(at, ..)| *at == self.port);
        own.any(|(_, own, len)| Cidr::masked(own, len).is_ok_and(|net| net.contains(address)))
    }
}

/// A segment that ours lets begin a connection without stateful_tcp, and Linux does not.
fn is_odd_start(packet: &Packet) -> bool {
    let flags = flags(packet) & (FIN | SYN | RST | ACK);
    packet.kind == Kind::Tcp && flags & RST == 0 && (flags & FIN != 0 || flags == SYN | ACK || flags == 0)
}

fn is_echo_reply(packet: &Packet) -> bool {
    match &packet.kind {
        Kind::Icmp(message) => message.kind == icmpv4::kind::ECHO_REPLY,
        Kind::Icmpv6(message) => message.kind == icmpv6::kind::ECHO_REPLY,
        _ => false,
    }
}

/// The difference that explains a case.
pub fn explain(case: &Case<'_>) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|difference| (difference.is)(case))
}
