//! The runner itself: what happens as a story says passes, and everything else is said in full.

use nacl::Source;
use policy::{Gateway, Iface, Ipv4Config, NicRef, Parts, Place, Policy, Route, Static4};
use saltgate_story::{Played, parse, play, render};
use wire::{Cidr, IfaceId, Ipv4Addr};

/// Two networks, 10.0.0.0/24 behind `a` and 10.1.0.0/24 behind `b`, and no rules.
fn two_networks() -> Policy {
    let iface = |name: &str, index, address: [u8; 4]| Iface {
        name: name.to_owned(),
        nic: NicRef::Index(index),
        vlan: None,
        ipv4: Ipv4Config::Static(Static4 { address: address.into(), prefix_len: 24, gateway: None, dns: None }),
        address6: Vec::new(),
        gateway6: None,
        masquerade: false,
        prerouting: Vec::new(),
        input: Vec::new(),
        output: Vec::new(),
        postrouting: Vec::new(),
        buffer_limit: None,
        send_queue_limit: None,
        mtu: None,
        reverse_path: None,
        place: Place::default(),
    };
    let route = |net: [u8; 4], iface| Route {
        name: String::new(),
        net: Cidr::masked(Ipv4Addr::from(net).into(), 24).unwrap(),
        nexthop: None,
        iface: IfaceId(iface),
        cost: 1,
        place: Place::default(),
    };
    let gateway = Gateway {
        name: "edge".to_owned(),
        routes: vec![route([10, 0, 0, 0], 0), route([10, 1, 0, 0], 1)],
        send_time_exceeded: true,
        ..Gateway::default()
    };
    Policy::new(Parts {
        ifaces: vec![iface("a", 0, [10, 0, 0, 1]), iface("b", 1, [10, 1, 0, 1])],
        gateway: Some(gateway),
        ..Parts::default()
    })
    .unwrap()
}

/// All that is wrong with what came of a story, as it is printed; without the traces.
fn failures(steps: &str) -> String {
    let text = format!("config none\n{steps}");
    let mut failures = played(steps).failures;
    failures.iter_mut().for_each(|failure| failure.notes.retain(|(label, _)| *label != "trace"));
    failures.iter().map(|failure| render(failure, "t", &text, false)).collect()
}

fn played(steps: &str) -> Played {
    let text = format!("config none\n{steps}");
    let story = parse("t", &text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    play(&story, two_networks(), &Source::new("none", ""))
}

#[test]
fn a_step_that_fails_shows_the_walks_of_its_packets_equal_ones_once() {
    let played = played("in a udp 10.0.0.9:1 > 10.1.0.9:2 x3\nout b udp 10.0.0.9:1 > 10.1.0.9:2\n");
    let [failure] = &played.failures[..] else { panic!("{:?}", played.failures) };
    let trace = failure.notes.iter().find(|(label, _)| *label == "trace").map(|(_, text)| &text[..]);
    let expected = "\
in a udp 10.0.0.9:1 > 10.1.0.9:2 ttl 64 len 28
  tracked      new, the first of its flow
  prerouting   a: no functions
  routed       out of b to 10.1.0.9
  forward      edge: no functions
  postrouting  b: no functions
  sent         out of b to 10.1.0.9, once its MAC address is known
in a udp 10.0.0.9:1 > 10.1.0.9:2 ttl 64 len 28 x2
  tracked      new
  prerouting   a: no functions
  routed       out of b to 10.1.0.9
  forward      edge: no functions
  postrouting  b: no functions
  sent         out of b to 10.1.0.9, once its MAC address is known";
    assert_eq!(trace, Some(expected));
}

#[test]
fn a_story_passes_when_everything_happens_as_it_says() {
    let steps = "\
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 data \"hello\"
     out b udp 10.0.0.9:1 > 10.1.0.9:2 ttl 63 data \"hello\" via 10.1.0.9
+5ms in b udp 10.1.0.9:2 > 10.0.0.9:1 x3
     out a udp 10.1.0.9:2 > 10.0.0.9:1 ttl 63 via 10.0.0.9 x3
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ttl 1
     drop TtlExpired a
     out a icmp time-exceeded 10.0.0.1 > 10.0.0.9 [udp 10.0.0.9:1 > 10.1.0.9:2 ttl 1]
+0ms in a icmp echo-request 10.0.0.9 > 10.0.0.1 echo 5/6
     out a icmp echo-reply 10.0.0.1 > 10.0.0.9 echo 5/6
+0ms in a arp who-has 10.0.0.1 tell 10.0.0.9
     out a arp 10.0.0.1 is-at 52:54:00:00:00:00
+0s  silent 10.1.0.8
+0s  in a udp 10.0.0.9:1 > 10.1.0.8:2
     out b arp who-has 10.1.0.8 tell 10.1.0.1 x1..
     drop NeighborSilent
+9s  answer 10.1.0.8
";
    let failures = failures(steps);
    assert_eq!(failures, "", "\n{failures}");
}

#[test]
fn what_differs_is_said_field_by_field() {
    let steps = "\
in a udp 10.0.0.9:1 > 10.1.0.9:2
out b udp 10.0.0.9:1 > 10.1.0.9:3 ttl 64 via 10.1.0.8
";
    assert_eq!(
        failures(steps),
        "\
t:3:1: error: this packet came differently
    3 | out b udp 10.0.0.9:1 > 10.1.0.9:3 ttl 64 via 10.1.0.8
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      came: out b udp 10.0.0.9:1 > 10.1.0.9:2 ttl 63
      differs: dport: expected destination port 3, came destination port 2
      differs: ttl: expected ttl 64, came ttl 63
      differs: next hop: expected via 10.1.0.8 (02:04:0a:01:00:08), came to 02:04:0a:01:00:09
"
    );
}

#[test]
fn what_is_missing_and_what_nobody_expected_fail_a_story() {
    let steps = "\
in a udp 10.0.0.9:1 > 10.1.0.9:2 x2
out b udp 10.0.0.9:1 > 10.1.0.9:2
in a udp 10.0.0.9:1 > 172.16.0.1:2
out b udp 10.0.0.9:1 > 172.16.0.1:2
drop forward
log info \"hello\"
";
    assert_eq!(
        failures(steps),
        "\
t:2:1: error: something came of this step that the story does not name
    2 | in a udp 10.0.0.9:1 > 10.1.0.9:2 x2
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      came: out b udp 10.0.0.9:1 > 10.1.0.9:2 ttl 63
t:5:1: error: this packet did not come
    5 | out b udp 10.0.0.9:1 > 172.16.0.1:2
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
t:6:1: error: this drop came differently
    6 | drop forward
      | ^^^^^^^^^^^^
      came: drop NoRoute a
      differs: reason: expected forward, came NoRoute
t:7:1: error: this line did not come
    7 | log info \"hello\"
      | ^^^^^^^^^^^^^^^^
"
    );
}

#[test]
fn the_order_on_a_wire_is_part_of_a_story() {
    let steps = "\
+0ms   silent 10.1.0.9
+0ms   in a udp 10.0.0.9:1 > 10.1.0.9:1
+0ms   in a udp 10.0.0.9:1 > 10.1.0.9:2
+100ms answer 10.1.0.9
       out b udp 10.0.0.9:1 > 10.1.0.9:1
       out b udp 10.0.0.9:1 > 10.1.0.9:2
+2s    wait
";
    assert_eq!(failures(steps), "");
    let swapped =
        failures(&steps.replace(":1\n       out", ":x\n       out").replace("9:2\n+2", "9:1\n+2").replace(":x", ":2"));
    assert!(swapped.starts_with("t:7:8: error: this came before the effect above it\n"), "{swapped}");
}

#[test]
fn an_iface_that_is_not_there_is_named() {
    assert!(failures("in c udp 10.1.0.9:1 > 10.0.0.9:1\n").starts_with("t:2:4: error: the policy has no Iface `c`\n"));
}
