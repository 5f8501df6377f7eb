//! Codes about conditions and what they compare.

use super::{Code, Explanation, explanation, on_input};

pub fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::NotACondition => explanation(
            "A condition is a comparison, a flag such as `tcp.syn`, a bool constant or `limit(…)`, joined by and, or, not.",
            on_input!("Filter::IP f { if ([10.0.0.1]) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr in [10.0.0.1]) { drop } accept }"),
        ),
        Code::CannotCompare => explanation(
            "Both sides of a comparison are of one type: addresses with addresses, numbers with numbers, states with states.",
            on_input!("Filter::IP f { if (ip.saddr == 80) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr == 10.0.0.80) { drop } accept }"),
        ),
        Code::WrongOperator => explanation(
            "Sets are asked with `in`; states, protocols and Ifaces have no order and are compared with `==` and `!=` only.",
            on_input!("Filter::IP f { if (ip.saddr == 10.0.0.0/24) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr in 10.0.0.0/24) { drop } accept }"),
        ),
        Code::NeedsSet => explanation(
            "On the right of `in` stands a list, a range, a CIDR or an object. A single value is compared with `==`.",
            on_input!("Filter::IP f { if (ip.saddr in 10.0.0.1) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr == 10.0.0.1) { drop } accept }"),
        ),
        Code::SetOnLeft => explanation(
            "The single value stands on the left of `in`, the set on the right.",
            on_input!("Filter::IP f { if ([10.0.0.1, 10.0.0.9] in ip.saddr) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr in [10.0.0.1, 10.0.0.9]) { drop } accept }"),
        ),
        Code::WrongElement => explanation(
            "All elements of a set are of the type of the property that is looked for in it.",
            on_input!("Filter::IP f { if (ip.saddr in [10.0.0.1, 80]) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr in [10.0.0.1, 10.0.0.80]) { drop } accept }"),
        ),
        Code::ConstantCondition => explanation(
            "The condition does not depend on the packet, so one of its branches is never taken.",
            on_input!("Filter::IP f { if (open) { accept } drop }\nopen: true"),
            on_input!("Filter::IP f { accept }"),
        ),
        Code::NeverTrue => explanation(
            "No packet can fulfil this: the value is beyond what the property can have, the tests contradict each other, or one \
             asks for IPv4 where all is IPv6. Nearly always a slip.",
            on_input!("Filter::IP f { if (ip.ttl < 5 and ip.ttl > 10) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.ttl < 5 or ip.ttl > 10) { drop } accept }"),
        ),
        Code::IpInIp => explanation(
            "As a protocol, `ip` is number 4: IP packets inside IP packets (RFC 2003). It does not mean any IP packet.",
            on_input!("Filter::IP f { if (ip.protocol == ip) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.protocol == 4) { drop } accept }"),
        ),
        Code::ShadowedTest => explanation(
            "Earlier rules, one or several together, have accepted or dropped every packet that this one would match, so it is \
             never used. The notes point at them, with a packet that this rule is about and where it is decided.",
            on_input!(
                "Filter::IP f { if (ip.saddr in 10.0.0.0/8) { drop } if (ip.saddr == 10.0.0.9) { accept } accept }"
            ),
            on_input!(
                "Filter::IP f { if (ip.saddr == 10.0.0.9) { accept } if (ip.saddr in 10.0.0.0/8) { drop } accept }"
            ),
        ),
        Code::RedundantElement => explanation(
            "Another element of the list contains this one. It does no harm, and perhaps something else was meant.",
            on_input!("Filter::IP f { if (ip.saddr in [10.0.0.0/24, 10.0.0.7]) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr in [10.0.0.0/24]) { drop } accept }"),
        ),
        _ => return None,
    })
}
