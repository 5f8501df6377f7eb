//! Codes about names: defined, looked up, used.

use super::{Code, Explanation, explanation, on_input, with_iface};

pub fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::DuplicateName => explanation(
            "Constants, objects and functions share one name space, and a name is defined once.",
            "port: 80\nport: 81\n",
            "web_port: 80\nother_port: 81\n",
        ),
        Code::HyphenInName => explanation(
            "A name may hold letters, digits and `_`. Only keys of objects may hold a `-` as well.",
            "web-port: 80\n",
            "web_port: 80\n",
        ),
        Code::ReservedName => explanation(
            "`ip`, `tcp`, `udp`, `icmp` and `ct`, in any letter case, are the packet a function looks at.",
            "Tcp: 80\n",
            "tcp_port: 80\n",
        ),
        Code::UnknownType => explanation(
            "A declaration begins with a type: Iface, Gateway, Conntrack, Load_balancer, Syslog, Timer, or Filter and Nat with \
             a subtype. Letter case does not matter.",
            "Bridge br0 { index: 0 }\n",
            "Iface br0 { index: 0 }\n",
        ),
        Code::UnknownSubtype => explanation(
            "The subtype says which packets the function looks at: IP (all), ICMP, ICMPv6, UDP or TCP. IP, TCP and UDP are \
             for both address families.",
            on_input!("Filter::IP f { Filter::IPv6 { drop } accept }"),
            on_input!("Filter::IP f { if (ip.version == 6) { drop } accept }"),
        ),
        Code::MissingSubtype => explanation(
            "A function is written with its type, `::`, its subtype, its name and its body.",
            "Filter f { drop }\n",
            "Filter::IP f { drop }\n",
        ),
        Code::NotAFunctionType => explanation(
            "Only Filter and Nat have a body of statements. Other types are objects of keys and values.",
            "Iface::IP eth0 { drop }\n",
            "Iface eth0 { index: 0 }\n",
        ),
        Code::MissingName => explanation(
            "A function at top level is put on a chain, or called, by its name. Only nested ones may go without.",
            "Filter::IP { drop }\n",
            "Filter::IP f { drop }\n",
        ),
        Code::UnknownName => explanation(
            "The name is defined nowhere in the file and is no predefined constant. Names are case-sensitive; where they are \
             defined in the file does not matter.",
            on_input!("Filter::IP f { if (ip.saddr == servr) { drop } accept }\nserver: 10.0.0.9"),
            on_input!("Filter::IP f { if (ip.saddr == server) { drop } accept }\nserver: 10.0.0.9"),
        ),
        Code::UnknownMember => explanation(
            "The object has no member of that name, neither in its braces nor by an assignment elsewhere in the file.",
            on_input!("Filter::IP f { if (ip.ttl == m.b) { drop } accept }\nm: { a: 10 }"),
            on_input!("Filter::IP f { if (ip.ttl == m.a) { drop } accept }\nm: { a: 10 }"),
        ),
        Code::NoMembers => explanation(
            "Only objects have members. What stands before the `.` is a number, an address, a list, a function or a property.",
            on_input!("Filter::IP f { if (ip.saddr.x == 80) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.saddr == 10.0.0.80) { drop } accept }"),
        ),
        Code::UnknownField => explanation(
            "The packet has no property of that name. The message lists those that there are.",
            on_input!("Filter::IP f { if (ip.hops == 1) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.ttl == 1) { drop } accept }"),
        ),
        Code::DuplicateKey => explanation(
            "A key stands once in an object. Keys of Ifaces, Gateways and other typed objects ignore letter case.",
            "m: { a: 10, a: 20 }\n",
            "m: { a: 10, b: 20 }\n",
        ),
        Code::AlreadySet => explanation(
            "A member is set once, in the object's braces or by an assignment; one does not overwrite the other, and objects \
             are not merged.",
            "Conntrack c { limit: 10 }\nc.limit: 20\n",
            "Conntrack c { limit: 20 }\n",
        ),
        Code::ConstantCycle => explanation(
            "Constants may name other constants, in any order, but somewhere there must be a value.",
            "a: b\nb: a\n",
            "a: b\nb: 80\n",
        ),
        Code::FunctionAsValue => explanation(
            "A function can be put on a chain or called; it has no value.",
            on_input!("Filter::IP f { if (ip.ttl == g) { drop } accept }\nFilter::IP g { drop }"),
            on_input!("Filter::IP f { if (ip.ttl == 1) { g } accept }\nFilter::IP g { drop }"),
        ),
        Code::ObjectAsValue => explanation(
            "An Iface stands as a whole only where an Iface is asked for: as `iface` of a route, or beside `iif` and `oif`. \
             Elsewhere name the member that is meant.",
            with_iface!("Iface eth1 { index: 1, address: 10.1.0.2, netmask: 255.255.255.0, gateway: eth0 }"),
            with_iface!("Iface eth1 { index: 1, address: 10.1.0.2, netmask: 255.255.255.0, gateway: 10.1.0.1 }"),
        ),
        Code::FieldOutsideFunction => explanation(
            "Properties like `tcp.dport` belong to the packet that a function looks at. In an object or a constant there is no \
             packet.",
            "Iface eth0 { index: tcp.dport }\n",
            "Iface eth0 { index: 0 }\n",
        ),
        Code::FieldOfOtherProtocol => explanation(
            "A property of TCP, UDP, ICMP or ICMPv6 is known only in a function of that subtype, where every packet has it.",
            on_input!("Filter::IP f { if (tcp.dport == 80) { drop } accept }"),
            on_input!("Filter::IP f { Filter::TCP { if (tcp.dport == 80) { drop } } accept }"),
        ),
        Code::RuntimeAddress => explanation(
            "The address of an Iface with `config: dhcp` is known when a server has answered. Functions may use it, for they \
             run later; other objects need a fixed one.",
            "Iface eth0 { index: 0, config: dhcp }\nSyslog s { address: eth0.address, port: 514 }\n",
            "Iface eth0 { index: 0, config: dhcp }\nSyslog s { address: 10.0.0.9, port: 514 }\n",
        ),
        Code::NamesDifferInCase => explanation(
            "Names are case-sensitive, so these are two. A reader will take one for the other.",
            "Web: 80\nweb: 8080\n",
            "web: 80\nweb_test: 8080\n",
        ),
        Code::ShadowedAction => explanation(
            "In a function, `accept drop dnat snat log syslog` are always the actions. A function of such a name can stand on a \
             chain but never be called.",
            "Filter::IP drop { drop }\n",
            "Filter::IP drop_all { drop }\n",
        ),
        Code::UnusedConstant => explanation(
            "Nothing names the constant. Perhaps it was meant for a rule that spells it differently, or can go.",
            "port: 80\n",
            on_input!("Filter::IP f { Filter::TCP { if (tcp.dport == port) { accept } } drop }\nport: 80"),
        ),
        Code::UnusedFunction => explanation(
            "The function is on no chain and no other calls it, so it is never run.",
            "Filter::IP f { drop }\n",
            on_input!("Filter::IP f { drop }"),
        ),
        _ => return None,
    })
}
