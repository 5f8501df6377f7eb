//! `saltgate trace`

use crate::{Ended, Folder};

fn traced(name: &str, args: &[&str], expected: &str) {
    let folder = Folder::new(name).with_example("seed.nacl").with_example("seed-nat.nacl");
    let ended = folder.saltgate(&[&["trace"], args].concat());
    assert_eq!(ended.stdout, expected, "\n{}", ended.stdout);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
}

#[test]
fn the_first_packet_of_a_connection_is_shown_with_every_rule_that_it_met() {
    traced(
        "trace-s01",
        &["seed.nacl", "--in", "outside", "tcp 203.0.113.9:4000 > 192.168.0.50:80 S"],
        "\
+0ms in outside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 64
  tracked      new, the first of its flow
  prerouting   outside: no functions
  routed       out of inside to 192.168.0.50
  forward      myGateway
    firewallchain (seed.nacl:43)
      seed.nacl:44  no       if (ct.state == established) {
      seed.nacl:48  no       if (ip.saddr == bastion_host) {
      seed.nacl:51  yes      Filter::TCP {
      seed.nacl:52  yes yes  if (ip.daddr in allowed_hosts and tcp.dport in allowed_services) {
      seed.nacl:53  log      syslog(INFO, \"New connection established (from \", ip.saddr, \")\")
      seed.nacl:54  accept   accept
  postrouting  inside: no functions
  sent         out of inside to 192.168.0.50, once its MAC address is known
own inside udp 192.168.0.1:514 > 192.168.0.231:6514 ttl 64 len 136
  tracked      new, the first of its flow
  output       inside: no functions
  routed       out of inside to 192.168.0.231
  postrouting  inside: no functions
  sent         out of inside to 192.168.0.231, once its MAC address is known
-> out inside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63 via 192.168.0.50
-> log info \"New connection established (from 203.0.113.9)\" from 192.168.0.1
counters outside received +1, forwarded +1; inside received +2, link +2, originated +1, sent +1, transmitted +4
",
    );
}

#[test]
fn a_packet_that_a_rule_drops_is_shown_with_the_reason() {
    traced(
        "trace-s05",
        &["seed.nacl", "--in", "outside", "tcp 203.0.113.9:4000 > 192.168.0.5:80 S"],
        "\
+0ms in outside tcp 203.0.113.9:4000 > 192.168.0.5:80 S ttl 64
  tracked      new, the first of its flow
  prerouting   outside: no functions
  routed       out of inside to 192.168.0.5
  forward      myGateway
    firewallchain (seed.nacl:43)
      seed.nacl:44  no    if (ct.state == established) {
      seed.nacl:48  no    if (ip.saddr == bastion_host) {
      seed.nacl:51  yes   Filter::TCP {
      seed.nacl:52  no    if (ip.daddr in allowed_hosts and tcp.dport in allowed_services) {
      seed.nacl:57  log   syslog(WARNING, \"Dropping packet from saddr \", ip.saddr, \" to \", ip.daddr)
      seed.nacl:58  drop  drop
  dropped      forward: A rule of the forward chain drops it.
own inside udp 192.168.0.1:514 > 192.168.0.231:6514 ttl 64 len 144
  tracked      new, the first of its flow
  output       inside: no functions
  routed       out of inside to 192.168.0.231
  postrouting  inside: no functions
  sent         out of inside to 192.168.0.231, once its MAC address is known
-> log warning \"Dropping packet from saddr 203.0.113.9 to 192.168.0.5\" from 192.168.0.1
-> drop forward outside
counters outside received +1, drop forward +1; inside received +1, link +1, originated +1, sent +1, transmitted +2
",
    );
}

#[test]
fn each_test_of_a_condition_is_answered() {
    traced(
        "trace-s07",
        &["seed.nacl", "--in", "outside", "tcp 203.0.113.9:4000 > 192.168.0.50:22 S"],
        "\
+0ms in outside tcp 203.0.113.9:4000 > 192.168.0.50:22 S ttl 64
  tracked      new, the first of its flow
  prerouting   outside: no functions
  routed       out of inside to 192.168.0.50
  forward      myGateway
    firewallchain (seed.nacl:43)
      seed.nacl:44  no      if (ct.state == established) {
      seed.nacl:48  no      if (ip.saddr == bastion_host) {
      seed.nacl:51  yes     Filter::TCP {
      seed.nacl:52  yes no  if (ip.daddr in allowed_hosts and tcp.dport in allowed_services) {
      seed.nacl:57  log     syslog(WARNING, \"Dropping packet from saddr \", ip.saddr, \" to \", ip.daddr)
      seed.nacl:58  drop    drop
  dropped      forward: A rule of the forward chain drops it.
own inside udp 192.168.0.1:514 > 192.168.0.231:6514 ttl 64 len 145
  tracked      new, the first of its flow
  output       inside: no functions
  routed       out of inside to 192.168.0.231
  postrouting  inside: no functions
  sent         out of inside to 192.168.0.231, once its MAC address is known
-> log warning \"Dropping packet from saddr 203.0.113.9 to 192.168.0.50\" from 192.168.0.1
-> drop forward outside
counters outside received +1, drop forward +1; inside received +1, link +1, originated +1, sent +1, transmitted +2
",
    );
}

#[test]
fn translation_is_shown_both_ways_and_the_nat_is_asked_once() {
    traced(
        "trace-s21",
        &["seed-nat.nacl", "--in", "outside", "tcp 10.55.1.1:1000 > 10.0.0.2:5001 S", "in inside tcp 192.168.0.54:5001 > 192.168.0.1:1000 SA", "+20ms in outside tcp 10.55.1.1:1000 > 10.0.0.2:5001 A"],
        "\
+0ms in outside tcp 10.55.1.1:1000 > 10.0.0.2:5001 S ttl 64
  tracked      new, the first of its flow
  prerouting   outside
    mydnat (seed-nat.nacl:66)
      seed-nat.nacl:67  yes        Nat::TCP {
      seed-nat.nacl:68  yes yes    if (ip.daddr == outside.address and tcp.dport == tport) {
      seed-nat.nacl:69  translate  dnat(target)
  rewritten    tcp 10.55.1.1:1000 > 192.168.0.54:5001 ttl 64 len 40
  routed       out of inside to 192.168.0.54
  forward      myGateway
    firewallchain (seed-nat.nacl:45)
      seed-nat.nacl:46  no      if (ct.state == established) {
      seed-nat.nacl:50  yes     if (ip.saddr == bastion_host) {
      seed-nat.nacl:51  accept  accept
  postrouting  inside
    mysnat (seed-nat.nacl:74)
      seed-nat.nacl:75  yes        Nat::TCP {
      seed-nat.nacl:76  yes yes    if (ip.daddr == target and tcp.dport == tport) {
      seed-nat.nacl:77  translate  snat(inside.address)
  rewritten    tcp 192.168.0.1:1000 > 192.168.0.54:5001 ttl 63 len 40
  sent         out of inside to 192.168.0.54, once its MAC address is known
-> out inside tcp 192.168.0.1:1000 > 192.168.0.54:5001 S ttl 63 via 192.168.0.54
counters outside received +1, forwarded +1; inside received +1, link +1, transmitted +2

+0ms in inside tcp 192.168.0.54:5001 > 192.168.0.1:1000 SA ttl 64
  tracked      established
  prerouting   inside: no functions
  rewritten    tcp 192.168.0.54:5001 > 10.55.1.1:1000 ttl 64 len 40
  routed       out of outside to 10.0.0.1
  forward      myGateway
    firewallchain (seed-nat.nacl:45)
      seed-nat.nacl:46  yes     if (ct.state == established) {
      seed-nat.nacl:47  log     syslog(INFO, \"Accepting packet from an already established connection (from \", ip.saddr, \")\")
      seed-nat.nacl:48  accept  accept
  postrouting  outside: no functions
  rewritten    tcp 10.0.0.2:5001 > 10.55.1.1:1000 ttl 63 len 40
  sent         out of outside to 10.0.0.1, once its MAC address is known
own inside udp 192.168.0.1:514 > 192.168.0.231:6514 ttl 64 len 166
  tracked      new, the first of its flow
  output       inside: no functions
  routed       out of inside to 192.168.0.231
  postrouting  inside
    mysnat (seed-nat.nacl:74)
      seed-nat.nacl:75  no      Nat::TCP {
      seed-nat.nacl:80  accept  }
  sent         out of inside to 192.168.0.231, once its MAC address is known
-> out outside tcp 10.0.0.2:5001 > 10.55.1.1:1000 SA ttl 63 via 10.0.0.1
-> log info \"Accepting packet from an already established connection (from 192.168.0.54)\" from 192.168.0.1
counters outside received +1, link +1, transmitted +2; inside received +2, forwarded +1, link +1, originated +1, sent +1, transmitted +2

+20ms in outside tcp 10.55.1.1:1000 > 10.0.0.2:5001 A ttl 64
  tracked      established
  prerouting   outside
    mydnat (seed-nat.nacl:66): not asked, its flow's first packet has decided
  rewritten    tcp 10.55.1.1:1000 > 192.168.0.54:5001 ttl 64 len 40
  routed       out of inside to 192.168.0.54
  forward      myGateway
    firewallchain (seed-nat.nacl:45)
      seed-nat.nacl:46  yes     if (ct.state == established) {
      seed-nat.nacl:47  log     syslog(INFO, \"Accepting packet from an already established connection (from \", ip.saddr, \")\")
      seed-nat.nacl:48  accept  accept
  postrouting  inside
    mysnat (seed-nat.nacl:74): not asked, its flow's first packet has decided
  rewritten    tcp 192.168.0.1:1000 > 192.168.0.54:5001 ttl 63 len 40
  sent         out of inside to 192.168.0.54
own inside udp 192.168.0.1:514 > 192.168.0.231:6514 ttl 64 len 163
  tracked      new
  output       inside: no functions
  routed       out of inside to 192.168.0.231
  postrouting  inside
    mysnat (seed-nat.nacl:74): not asked, its flow's first packet has decided
  sent         out of inside to 192.168.0.231
-> out inside tcp 192.168.0.1:1000 > 192.168.0.54:5001 A ttl 63 via 192.168.0.54
-> log info \"Accepting packet from an already established connection (from 10.55.1.1)\" from 192.168.0.1
counters outside received +1, forwarded +1; inside originated +1, sent +1, transmitted +2
",
    );
}

#[test]
fn what_is_refused_before_the_rules_is_named() {
    traced(
        "trace-admission",
        &["seed.nacl", "--in", "outside", "udp 10.0.0.3:1 > 192.168.0.54:1 badipsum", "udp 10.0.0.2:1 > 192.168.0.54:1", "+5ms in outside udp 203.0.113.9:1 > 192.168.0.54:1 ttl 1"],
        "\
+0ms in outside udp 10.0.0.3:1 > 192.168.0.54:1 ttl 64 badipsum
  dropped      BadHeaderChecksum: The IPv4 header checksum is wrong.
-> drop BadHeaderChecksum outside
counters outside received +1, drop BadHeaderChecksum +1

+0ms in outside udp 10.0.0.2:1 > 192.168.0.54:1 ttl 64
  dropped      SpoofedSource: The source is one of the box's own addresses.
-> drop SpoofedSource outside
counters outside received +1, drop SpoofedSource +1

+5ms in outside udp 203.0.113.9:1 > 192.168.0.54:1 ttl 1
  tracked      new, the first of its flow
  prerouting   outside: no functions
  routed       out of inside to 192.168.0.54
  dropped      TtlExpired: The TTL or hop limit is used up.
own outside icmp 10.0.0.2 > 203.0.113.9 ttl 64 len 56
  output       outside: no functions
  routed       out of outside to 10.0.0.1
  postrouting  outside: no functions
  sent         out of outside to 10.0.0.1, once its MAC address is known
-> out outside icmp time-exceeded 10.0.0.2 > 203.0.113.9 ttl 64 df dscp 48 via 10.0.0.1 [udp 203.0.113.9:1 > 192.168.0.54:1 ttl 1]
-> drop TtlExpired outside
counters outside received +2, link +1, originated +1, sent +1, transmitted +2, drop TtlExpired +1
",
    );
}

#[test]
fn the_json_document_has_what_the_text_has() {
    traced(
        "trace-json",
        &["seed.nacl", "--format", "json", "--in", "outside", "udp 203.0.113.9:1 > 192.168.0.50:9"],
        "\
{
  \"version\": 1,
  \"file\": \"seed.nacl\",
  \"packets\": [
    {
      \"time\": 0.0,
      \"in\": \"outside\",
      \"packet\": \"udp 203.0.113.9:1 > 192.168.0.50:9 ttl 64\",
      \"walks\": [
        {
          \"begin\": \"received\",
          \"iface\": \"outside\",
          \"packet\": {
            \"saddr\": \"203.0.113.9\",
            \"daddr\": \"192.168.0.50\",
            \"protocol\": 17,
            \"sport\": 1,
            \"dport\": 9,
            \"ttl\": 64,
            \"length\": 28
          },
          \"stages\": [
            {
              \"stage\": \"tracked\",
              \"state\": \"new\",
              \"first\": true
            },
            {
              \"stage\": \"chain\",
              \"hook\": \"prerouting\",
              \"of\": \"outside\",
              \"functions\": []
            },
            {
              \"stage\": \"routed\",
              \"iface\": \"inside\",
              \"neighbor\": \"192.168.0.50\"
            },
            {
              \"stage\": \"chain\",
              \"hook\": \"forward\",
              \"of\": \"myGateway\",
              \"functions\": [
                {
                  \"name\": \"firewallchain\",
                  \"line\": 43,
                  \"rules\": [
                    {
                      \"line\": 44,
                      \"column\": 7,
                      \"text\": \"if (ct.state == established) {\",
                      \"action\": \"test\",
                      \"holds\": false
                    },
                    {
                      \"line\": 48,
                      \"column\": 7,
                      \"text\": \"if (ip.saddr == bastion_host) {\",
                      \"action\": \"test\",
                      \"holds\": false
                    },
                    {
                      \"line\": 51,
                      \"column\": 3,
                      \"text\": \"Filter::TCP {\",
                      \"action\": \"test\",
                      \"holds\": false
                    },
                    {
                      \"line\": 57,
                      \"column\": 3,
                      \"text\": \"syslog(WARNING, \\\"Dropping packet from saddr \\\", ip.saddr, \\\" to \\\", ip.daddr)\",
                      \"action\": \"log\"
                    },
                    {
                      \"line\": 58,
                      \"column\": 3,
                      \"text\": \"drop\",
                      \"action\": \"drop\"
                    }
                  ]
                }
              ]
            },
            {
              \"stage\": \"dropped\",
              \"reason\": \"forward\",
              \"sentence\": \"A rule of the forward chain drops it.\"
            }
          ]
        },
        {
          \"begin\": \"originated\",
          \"iface\": \"inside\",
          \"packet\": {
            \"saddr\": \"192.168.0.1\",
            \"daddr\": \"192.168.0.231\",
            \"protocol\": 17,
            \"sport\": 514,
            \"dport\": 6514,
            \"ttl\": 64,
            \"length\": 145
          },
          \"stages\": [
            {
              \"stage\": \"tracked\",
              \"state\": \"new\",
              \"first\": true
            },
            {
              \"stage\": \"chain\",
              \"hook\": \"output\",
              \"of\": \"inside\",
              \"functions\": []
            },
            {
              \"stage\": \"routed\",
              \"iface\": \"inside\",
              \"neighbor\": \"192.168.0.231\"
            },
            {
              \"stage\": \"chain\",
              \"hook\": \"postrouting\",
              \"of\": \"inside\",
              \"functions\": []
            },
            {
              \"stage\": \"sent\",
              \"iface\": \"inside\",
              \"neighbor\": \"192.168.0.231\",
              \"held\": true
            }
          ]
        }
      ],
      \"effects\": [
        {
          \"effect\": \"log\",
          \"iface\": \"inside\",
          \"text\": \"log warning \\\"Dropping packet from saddr 203.0.113.9 to 192.168.0.50\\\" from 192.168.0.1\"
        },
        {
          \"effect\": \"drop\",
          \"iface\": \"outside\",
          \"text\": \"drop forward outside\"
        }
      ],
      \"counters\": [
        {
          \"iface\": \"outside\",
          \"counter\": \"received\",
          \"by\": 1
        },
        {
          \"iface\": \"outside\",
          \"counter\": \"drop\",
          \"reason\": \"forward\",
          \"by\": 1
        },
        {
          \"iface\": \"inside\",
          \"counter\": \"received\",
          \"by\": 1
        },
        {
          \"iface\": \"inside\",
          \"counter\": \"link\",
          \"by\": 1
        },
        {
          \"iface\": \"inside\",
          \"counter\": \"originated\",
          \"by\": 1
        },
        {
          \"iface\": \"inside\",
          \"counter\": \"sent\",
          \"by\": 1
        },
        {
          \"iface\": \"inside\",
          \"counter\": \"transmitted\",
          \"by\": 2
        }
      ]
    }
  ]
}
",
    );
}

/// The same packet in four shapes: notation, hexadecimal digits, a hex dump, a capture of what has left.
#[test]
fn a_packet_may_be_a_dump_or_a_capture() {
    let digits = "4500001c0001000040117deccb007109c0a8003200010009000802f0";
    let dump = "0x0000:  4500 001c 0001 0000 4011 7dec cb00 7109  E...\n0x0010:  c0a8 0032 0001 0009 0008 02f0\n";
    let folder = Folder::new("trace-read").with_example("seed.nacl").with("dump", dump);
    let table = [
        &["trace", "seed.nacl", "--in", "outside", "udp 203.0.113.9:1 > 192.168.0.50:9"][..],
        &["trace", "seed.nacl", "--in", "outside", &format!("hex {digits}")],
        &["trace", "seed.nacl", "--in", "outside", "--read", "dump"],
    ];
    let shown: Vec<Ended> = table.iter().map(|args| folder.saltgate(args)).collect();
    assert_eq!(shown[0].status, 0, "{}", shown[0].stderr);
    assert_eq!((&shown[1], &shown[2]), (&shown[0], &shown[0]));
    assert!(shown[0].stdout.contains("dropped      forward: "), "{}", shown[0].stdout);

    let packet = "tcp 10.55.1.1:1 > 192.168.0.5:9 S";
    let ended = folder.saltgate(&["trace", "seed.nacl", "--in", "outside", packet, "--pcap", "out.pcapng"]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    // What has left to the inside comes from there once more: the ARP request of the box, and the packet.
    let again = folder.saltgate(&["trace", "seed.nacl", "--in", "outside", "--read", "out.pcapng"]);
    assert_eq!(again.status, 0, "{}", again.stderr);
    assert!(again.stdout.contains("in outside tcp 10.55.1.1:1 > 192.168.0.5:9 S ttl 63\n"), "{}", again.stdout);
}

#[test]
fn what_cannot_be_traced_is_said_with_its_place() {
    let folder =
        Folder::new("trace-mistakes").with_example("seed.nacl").with("bad.nacl", "Iface e {\n").with("empty", "");
    let table = [
        (
            &["seed.nacl", "--in", "outsid", "udp 10.0.0.9:1 > 10.0.0.2:1"][..],
            2,
            "saltgate: the policy has no Iface `outsid`; did you mean `outside`?\n",
        ),
        (
            &["seed.nacl", "--in", "outside", "upd 10.0.0.9:1 > 10.0.0.2:1"],
            2,
            "saltgate: packet:1:1: error: `upd` begins no packet\n    1 | upd 10.0.0.9:1 > 10.0.0.2:1\n      | ^^^\n      help: packets begin with one of tcp, udp, icmp, icmpv6, ip, arp, hex, frame\n",
        ),
        (
            &["seed.nacl", "udp 10.0.0.9:1 > 10.0.0.2:1"],
            2,
            "saltgate: packet:1:1: error: by which Iface does it come in?\n    1 | udp 10.0.0.9:1 > 10.0.0.2:1\n      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n      help: name one with `--in IFACE`, or before the packet: `in IFACE PACKET`\n",
        ),
        (&["seed.nacl", "--in", "outside", "--read", "empty"], 2, "saltgate: there is no packet in empty\n"),
    ];
    for (args, status, message) in table {
        let ended = folder.saltgate(&[&["trace"], args].concat());
        assert_eq!((ended.status, &ended.stderr[..]), (status, message), "{args:?}");
    }
    let ended = folder.saltgate(&["trace", "bad.nacl", "--in", "e", "udp 10.0.0.9:1 > 10.0.0.2:1"]);
    assert_eq!((ended.status, &ended.stdout[..]), (1, ""));
    assert!(ended.stderr.starts_with("bad.nacl:"), "{}", ended.stderr);
}
