//! Codes about functions, actions and chains.

use super::{Code, Explanation, explanation, on_input, on_prerouting, without_example};

pub fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::UnknownAction => explanation(
            "A statement is an action, the call of a function, an `if` or a nested function.",
            on_input!("Filter::IP f { acept }"),
            on_input!("Filter::IP f { accept }"),
        ),
        Code::WrongFunctionType => explanation(
            "A Filter accepts, drops and rejects; a Nat translates. Neither does the other's work or calls the other.",
            on_input!("Filter::IP f { dnat(10.0.0.9) accept }"),
            on_prerouting!("Nat::IP n { dnat(10.0.0.9) }"),
        ),
        Code::WrongArguments => explanation(
            "The action does not take these arguments: there are too many or too few, or in the wrong order.",
            on_prerouting!("Nat::TCP n { dnat(80, 10.0.0.9) }"),
            on_prerouting!("Nat::TCP n { dnat(10.0.0.9, 80) }"),
        ),
        Code::SubtypeMismatch => explanation(
            "Inside a TCP function every packet is TCP, so a UDP function in it would never run.",
            on_input!("Filter::IP f { Filter::TCP { Filter::UDP { drop } } accept }"),
            on_input!("Filter::IP f { Filter::TCP { drop } Filter::UDP { drop } accept }"),
        ),
        Code::LocalFunctionName => explanation(
            "The name of a nested function is a label for the reader. Only functions at top level can be called.",
            on_input!("Filter::IP f { Filter::TCP g { drop } g accept }"),
            on_input!("Filter::IP f { g accept }\nFilter::TCP g { drop }"),
        ),
        Code::Recursion => explanation(
            "A call stands for the body of the function, so calls may not go in a circle.",
            on_input!("Filter::IP f { f accept }"),
            on_input!("Filter::IP f { accept }"),
        ),
        Code::CallsTooDeep => without_example(
            "Calls and the blocks they stand in nest a hundred levels at most: a function is compiled by the router itself, \
             whose stack is small. Put several functions on the chain instead of one that calls all others in a row.",
        ),
        Code::ProgramTooLarge => without_example(
            "Every call is written out where it stands, so a function that calls another twice, which calls a third twice, doubles \
             at each step. The message names the chain of calls that adds most: call each function once, after the `if` that \
             leads to it.",
        ),
        Code::Internal => without_example(
            "The compiler has contradicted itself. The file is not at fault, and nothing is forwarded by it; please report it.",
        ),
        Code::ChainNeedsIp => explanation(
            "A chain sees packets of every protocol, and its Filter decides about every one. So it is of subtype IP; others \
             stand inside it.",
            on_input!("Filter::TCP f { drop }"),
            on_input!("Filter::IP f { Filter::TCP { drop } accept }"),
        ),
        Code::NatOnForward => explanation(
            "On forward the way out has been chosen already. Destinations are translated on prerouting, sources on postrouting, \
             of an Iface.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n\
             Gateway gw { forward: n, r: { net: 10.0.0.0/24, iface: eth0 } }\nNat::IP n { dnat(10.0.0.9) }",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: n }\n\
             Gateway gw { r: { net: 10.0.0.0/24, iface: eth0 } }\nNat::IP n { dnat(10.0.0.9) }",
        ),
        Code::NoVerdict => explanation(
            "A Filter on a chain says accept, drop or reject for every packet. The notes show a way through it that does not.",
            on_input!("Filter::IP f { if (ip.ttl < 2) { drop } }"),
            on_input!("Filter::IP f { if (ip.ttl < 2) { drop } accept }"),
        ),
        Code::WrongChain => explanation(
            "Destinations are translated before routing (dnat and redirect on prerouting, dnat on output too), sources after it \
             (snat and masquerade on postrouting, snat on input too).",
            on_prerouting!("Nat::TCP n { snat(10.0.0.9) }"),
            on_prerouting!("Nat::TCP n { dnat(10.0.0.9) }"),
        ),
        Code::PortWithoutPorts => explanation(
            "ICMP and ICMPv6 have no ports, so none can be rewritten.",
            on_prerouting!("Nat::ICMP n { dnat(10.0.0.9, 80) }"),
            on_prerouting!("Nat::ICMP n { dnat(10.0.0.9) }"),
        ),
        Code::PortForSome => explanation(
            "An IP function sees packets of every protocol; ports are rewritten in TCP and UDP only. Say which are meant.",
            on_prerouting!("Nat::IP n { dnat(8080) }"),
            on_prerouting!("Nat::IP n { Nat::TCP { dnat(8080) } }"),
        ),
        Code::RepeatedFunction => explanation(
            "A function that stands twice on a chain is run twice, and says the same both times.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: [f, f] }\nFilter::IP f { accept }",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: f }\nFilter::IP f { accept }",
        ),
        Code::SeveralFilters => explanation(
            "An accept ends its own function, not the chain: the packet still has to pass the Filters that follow.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: [f, g] }\n\
             Filter::IP f { if (ip.ttl > 5) { accept } drop }\nFilter::IP g { if (ip.ttl > 9) { accept } drop }",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: f }\n\
             Filter::IP f { if (ip.ttl > 9) { accept } drop }",
        ),
        Code::UnreachableFunction => explanation(
            "A Filter before it on the chain drops every packet, so this function is never run.",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: [f, g] }\n\
             Filter::IP f { drop }\nFilter::IP g { accept }",
            "Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: f }\nFilter::IP f { drop }",
        ),
        Code::WrongFamily => explanation(
            "There is no translation between IPv4 and IPv6: ICMP packets have IPv4 addresses, ICMPv6 packets IPv6 addresses, and a \
             translation to an address of the other family is passed over.",
            on_prerouting!("Nat::ICMP n { dnat(2001:db8::9) }"),
            on_prerouting!("Nat::ICMPv6 n { dnat(2001:db8::9) }"),
        ),
        Code::UnreachableStatement => explanation(
            "What stands before it always ends the function, so this is never run.",
            on_input!("Filter::IP f { accept drop }"),
            on_input!("Filter::IP f { accept }"),
        ),
        Code::EstablishedOnly => explanation(
            "Routers and hosts report trouble with a connection by ICMP errors, whose state is `related`. A Filter that accepts \
             `established` and drops the rest loses them: connections hang instead of learning that packets are too big.",
            on_input!("Filter::IP f { if (ct.state == established) { accept } Filter::TCP { accept } drop }"),
            on_input!(
                "Filter::IP f { if (ct.state in [established, related]) { accept } Filter::TCP { accept } drop }"
            ),
        ),
        Code::NothingNew => explanation(
            "A connection is established by its first packets, and those no rule accepts. Only connections that the box itself \
             began can become established here.",
            on_input!("Filter::IP f { if (ct.state == established) { accept } drop }"),
            on_input!(
                "Filter::IP f { if (ct.state in [established, related]) { accept } Filter::TCP { if (tcp.dport == 22) { accept } } drop }"
            ),
        ),
        Code::DnatNotAccepted => explanation(
            "A Filter on forward sees a packet as the dnat has made it, with its new destination and port. It drops what is \
             translated here, from everywhere or from nearly everywhere; the note shows such a packet.",
            "Iface out { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, prerouting: n }\n\
             Iface in_ { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }\n\
             Gateway gw { forward: f, a: { net: 10.0.0.0/24, iface: out }, b: { net: 10.1.0.0/24, iface: in_ } }\n\
             Nat::TCP n { if (tcp.dport == 80) { dnat(10.1.0.9, 8080) } }\n\
             Filter::IP f { Filter::TCP { if (tcp.dport == 80) { accept } } drop }",
            "Iface out { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, prerouting: n }\n\
             Iface in_ { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }\n\
             Gateway gw { forward: f, a: { net: 10.0.0.0/24, iface: out }, b: { net: 10.1.0.0/24, iface: in_ } }\n\
             Nat::TCP n { if (tcp.dport == 80) { dnat(10.1.0.9, 8080) } }\n\
             Filter::IP f { Filter::TCP { if (tcp.dport == 8080) { accept } } drop }",
        ),
        Code::NoWayOut => explanation(
            "The forward chain drops every first packet from this network to the world beyond the default route. For servers that \
             may be right; hosts that people work on need a rule.",
            "Iface out { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, gateway: 10.0.0.1 }\n\
             Iface in_ { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }\n\
             Gateway gw { forward: f, a: { net: 0.0.0.0/0, iface: out }, b: { net: 10.1.0.0/24, iface: in_ } }\n\
             Filter::IP f { if (ct.state in [established, related]) { accept } if (ip.daddr in 10.1.0.0/24) { accept } drop }",
            "Iface out { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, gateway: 10.0.0.1 }\n\
             Iface in_ { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }\n\
             Gateway gw { forward: f, a: { net: 0.0.0.0/0, iface: out }, b: { net: 10.1.0.0/24, iface: in_ } }\n\
             Filter::IP f { if (ct.state in [established, related]) { accept } if (iif == in_) { accept } drop }",
        ),
        Code::UnknownOif => explanation(
            "On prerouting and input a packet has no way out yet: `oif` matches nothing there.",
            on_input!("Filter::IP f { if (oif == eth0) { drop } accept }"),
            on_input!("Filter::IP f { if (iif == eth0) { drop } accept }"),
        ),
        _ => return None,
    })
}
