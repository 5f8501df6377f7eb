//! What a policy becomes, rule by rule, and what is lost.

use nacl::Source;
use saltgate_export::{Export, nftables};

fn export(functions: &str) -> Export {
    let text = format!(
        "Iface a {{ index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: f }}\n\
         Iface b {{ index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }}\n{functions}"
    );
    let compiled = nacl::compile(&Source::new("t.nacl", text.clone()));
    nftables(&compiled.policy.unwrap_or_else(|| panic!("{text}\n{:?}", compiled.diagnostics)))
}

/// The rules of the chains of function `f`, places left out.
fn rules(functions: &str) -> String {
    let ruleset = export(functions).ruleset;
    let mut rules = String::new();
    let mut inside = false;
    for line in ruleset.lines().map(str::trim) {
        inside |= line.starts_with("chain filter_f") || line.starts_with("chain nat_f");
        if inside {
            rules.push_str(line.split("  #").next().unwrap_or_default());
            rules.push('\n');
        }
        inside &= line != "}";
    }
    rules
}

#[test]
fn a_filter_becomes_a_chain_in_which_accept_is_return() {
    let table = [
        (
            "Filter::IP f { if (ct.state == established) { accept } drop }",
            "chain filter_f {\nct state invalid drop\nct state established return\ndrop\n}\n",
        ),
        // A Filter that judges invalid packets sees them.
        (
            "Filter::IP f { if (ct.state == invalid) { log(\"x\") } accept }",
            "chain filter_f {\nct state invalid log prefix \"x\" level info return\nreturn\n}\n",
        ),
        (
            "s: [10.0.0.0/8, 2001:db8::/32]\nFilter::IP f { Filter::TCP { if (ip.saddr in s and tcp.dport in [80, 443]) { accept } } drop }",
            "chain filter_f {\nct state invalid drop\nmeta l4proto 6 ip saddr 10.0.0.0/8 tcp dport { 80, 443 } return\nmeta l4proto 6 ip6 saddr 2001:db8::/32 tcp dport { 80, 443 } return\ndrop\n}\n",
        ),
        (
            "Filter::IP f { Filter::UDP { if (udp.sport > 1023 or ip.ttl < 5) { reject(port-unreachable) } } accept }",
            "chain filter_f {\nct state invalid drop\nmeta l4proto 17 goto filter_f_1\nreturn\n}\nchain filter_f_1 {\nudp sport 1024-65535 reject with icmpx type port-unreachable\nip ttl 0-4 reject with icmpx type port-unreachable\nip6 hoplimit 0-4 reject with icmpx type port-unreachable\nreturn\n}\n",
        ),
        (
            "Filter::IP f { if (limit(10, \"minute\", 3)) { accept } reject(tcp-reset) }",
            "chain filter_f {\nct state invalid drop\nlimit name \"bucket_0\" return\nmeta l4proto tcp reject with tcp reset\nreject with icmpx type admin-prohibited\n}\n",
        ),
        (
            "Filter::IP f { Filter::TCP { if (tcp.syn and not tcp.ack) { accept } } drop }",
            "chain filter_f {\nct state invalid drop\nmeta l4proto 6 tcp flags & 0x2 != 0x0 goto filter_f_2\ndrop\n}\nchain filter_f_2 {\ntcp flags & 0x10 != 0x0 drop\nreturn\n}\n",
        ),
        (
            "Filter::IP f { if (iif == b) { drop } if (ip.protocol == 47) { accept } drop }",
            "chain filter_f {\nct state invalid drop\niifname $dev_b drop\nmeta l4proto 47 return\ndrop\n}\n",
        ),
        (
            "Filter::IP f { Filter::ICMPv6 { if (icmpv6.type == echo-request) { accept } } drop }",
            "chain filter_f {\nct state invalid drop\nmeta nfproto ipv6 meta l4proto 58 icmpv6 type 128 return\ndrop\n}\n",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(rules(text), expected, "{text}");
    }
}

#[test]
fn a_nat_becomes_a_chain_for_each_place_where_it_hangs() {
    let table = [
        (
            "Nat::TCP f { if (tcp.dport == 80) { dnat(10.1.0.9, 8080) } }",
            "chain nat_f_prerouting_a {\nmeta l4proto 6 tcp dport 80 goto nat_f_prerouting_a_2\nreturn\n}\nchain nat_f_prerouting_a_2 {\nmeta nfproto ipv4 meta l4proto { tcp, udp } dnat ip to 10.1.0.9:8080\nmeta nfproto ipv4 dnat ip to 10.1.0.9\nreturn\n}\n",
        ),
        (
            "Nat::IP f { dnat(10.1.0.9) dnat(2001:db8::9) }",
            "chain nat_f_prerouting_a {\nmeta nfproto ipv4 dnat ip to 10.1.0.9\nmeta nfproto ipv6 dnat ip6 to 2001:db8::9\nreturn\n}\n",
        ),
        (
            "Nat::UDP f { if (udp.dport == 53) { redirect(5353) } }",
            "chain nat_f_prerouting_a {\nmeta l4proto 17 udp dport 53 goto nat_f_prerouting_a_2\nreturn\n}\nchain nat_f_prerouting_a_2 {\nmeta nfproto ipv4 meta l4proto { tcp, udp } dnat ip to 10.0.0.1:5353\nreturn\n}\n",
        ),
        (
            "Nat::TCP f { dnat(8080) }",
            "chain nat_f_prerouting_a {\nmeta l4proto 6 goto nat_f_prerouting_a_1\nreturn\n}\nchain nat_f_prerouting_a_1 {\nmeta l4proto { tcp, udp } dnat to :8080\naccept\nreturn\n}\n",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(rules(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_said_is_listed_with_its_place() {
    let table: [(&str, &[&str]); 5] = [
        (
            "Filter::IP f { if (ip.saddr == ip.daddr) { drop } accept }",
            &["3:20: ip.saddr and ip.daddr cannot be compared with each other; the test is taken for false"],
        ),
        (
            "Filter::IP f { log(\"from \", ip.saddr) accept }",
            &["3:16: the log line does not print ip.saddr; the kernel adds the packet's headers to it"],
        ),
        ("Filter::IP f { accept }\nTimer t { interval: 5, data: [stats] }", &["4:7: the Timer t prints nothing"]),
        (
            "Filter::IP f { accept }\nSyslog s { address: 10.0.0.9, port: 514 }",
            &["log lines go to the kernel's log, not to the Syslog server"],
        ),
        ("Filter::IP f { accept }", &[]),
    ];
    for (text, expected) in table {
        let export = export(text);
        let losses: Vec<String> = export.losses.iter().map(ToString::to_string).collect();
        assert_eq!(losses, expected, "{text}");
        for loss in losses {
            assert!(export.ruleset.contains(&format!("#   t.nacl: {loss}\n")), "{}", export.ruleset);
        }
    }
}
