//! `saltgate test`

use crate::{Ended, Folder};

const STORY: &str = "\
config seed.nacl

+0ms  in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S
      log info     \"New connection established (from 203.0.113.9)\"
      out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S via 192.168.0.50
+20ms in  outside  udp 203.0.113.9:53 > 192.168.0.50:53
      log warning  \"Dropping packet from saddr 203.0.113.9 to 192.168.0.50\"
      drop forward
";

#[test]
fn stories_that_come_true_are_counted() {
    let folder = Folder::new("stories-pass")
        .with_example("seed.nacl")
        .with("a.story", STORY)
        .with("more/b.story", &STORY.replace("seed.nacl", "../seed.nacl"))
        .with("more/notes.txt", "no story");
    let expected = "passed a.story\npassed ./more/b.story\n2 passed, 0 failed\n";
    let ended = folder.saltgate(&["test", "a.story", "./more"]);
    assert_eq!(ended, Ended { status: 0, stdout: expected.to_owned(), stderr: String::new() });
}

#[test]
fn a_story_that_does_not_come_true_says_what_came() {
    let story = STORY.replace("via 192.168.0.50", "ttl 64").replace("drop forward", "drop input");
    let folder = Folder::new("stories-fail").with_example("seed.nacl").with("a.story", &story);
    let expected = "\
failed a.story
a.story:5:7: error: this packet came differently
    5 |       out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 64
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      came: out inside tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63
      differs: ttl: expected ttl 64, came ttl 63
      trace:
        in outside tcp 203.0.113.9:4000 > 192.168.0.50:80 ttl 64 len 40
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
a.story:8:7: error: this drop came differently
    8 |       drop input
      |       ^^^^^^^^^^
      came: drop forward outside
      differs: reason: expected input, came forward
      trace:
        in outside udp 203.0.113.9:53 > 192.168.0.50:53 ttl 64 len 28
          tracked      new, the first of its flow
          prerouting   outside: no functions
          routed       out of inside to 192.168.0.50
          forward      myGateway
            firewallchain (seed.nacl:43)
              seed.nacl:44  no    if (ct.state == established) {
              seed.nacl:48  no    if (ip.saddr == bastion_host) {
              seed.nacl:51  no    Filter::TCP {
              seed.nacl:57  log   syslog(WARNING, \"Dropping packet from saddr \", ip.saddr, \" to \", ip.daddr)
              seed.nacl:58  drop  drop
          dropped      forward: A rule of the forward chain drops it.
0 passed, 1 failed
";
    let ended = folder.saltgate(&["test", "a.story"]);
    assert_eq!(ended, Ended { status: 1, stdout: expected.to_owned(), stderr: String::new() });
}

#[test]
fn mistakes_in_a_story_are_all_shown() {
    let story = STORY.replace("out inside   tcp", "out inside   tpc").replace("drop forward", "dorp forward");
    let folder = Folder::new("stories-mistakes").with_example("seed.nacl").with("a.story", &story);
    let expected = "\
failed a.story
a.story:5:20: error: `tpc` begins no packet
    5 |       out inside   tpc 203.0.113.9:4000 > 192.168.0.50:80 S via 192.168.0.50
      |                    ^^^
      help: packets begin with one of tcp, udp, icmp, icmpv6, ip, arp, hex, frame
a.story:8:7: error: `dorp` begins no line of a story
    8 |       dorp forward
      |       ^^^^
      help: steps begin with +TIME or one of in, wait, start, silent, answer; effects with one of out, log, console, drop, local
0 passed, 1 failed
";
    let ended = folder.saltgate(&["test", "a.story"]);
    assert_eq!(ended, Ended { status: 1, stdout: expected.to_owned(), stderr: String::new() });
}

#[test]
fn a_configuration_with_errors_is_shown_where_it_stands() {
    let story = "config <<END\nIface e { index: 0, adress: 10.0.0.1, netmask: 255.255.255.0 }\nEND\n+0ms wait\n";
    let folder = Folder::new("stories-config").with("a.story", story);
    let ended = folder.saltgate(&["test", "a.story"]);
    assert_eq!(ended.status, 1);
    assert!(ended.stdout.contains("a.story:2:21: error:"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("0 passed, 1 failed\n"), "{}", ended.stdout);
}

#[test]
fn the_json_document_names_every_failure() {
    let folder = Folder::new("stories-json")
        .with_example("seed.nacl")
        .with("a.story", STORY)
        .with("b.story", &STORY.replace("drop forward", "drop input"));
    let ended = folder.saltgate(&["test", "--format", "json", "."]);
    let expected = "\
{
  \"stories\": [
    {
      \"story\": \"./a.story\",
      \"passed\": true,
      \"time\": 1.02,
      \"failures\": []
    },
    {
      \"story\": \"./b.story\",
      \"passed\": false,
      \"time\": 1.02,
      \"failures\": [
        {
          \"file\": \"./b.story\",
          \"line\": 8,
          \"column\": 7,
          \"message\": \"this drop came differently\",
          \"notes\": [
            {
              \"label\": \"came\",
              \"text\": \"drop forward outside\"
            },
            {
              \"label\": \"differs\",
              \"text\": \"reason: expected input, came forward\"
            },
            {
              \"label\": \"trace\",
              \"text\": \"in outside udp 203.0.113.9:53 > 192.168.0.50:53 ttl 64 len 28\\n  tracked      new, the first of its flow\\n  prerouting   outside: no functions\\n  routed       out of inside to 192.168.0.50\\n  forward      myGateway\\n    firewallchain (./seed.nacl:43)\\n      ./seed.nacl:44  no    if (ct.state == established) {\\n      ./seed.nacl:48  no    if (ip.saddr == bastion_host) {\\n      ./seed.nacl:51  no    Filter::TCP {\\n      ./seed.nacl:57  log   syslog(WARNING, \\\"Dropping packet from saddr \\\", ip.saddr, \\\" to \\\", ip.daddr)\\n      ./seed.nacl:58  drop  drop\\n  dropped      forward: A rule of the forward chain drops it.\"
            }
          ]
        }
      ]
    }
  ],
  \"passed\": 1,
  \"failed\": 1
}
";
    assert_eq!(ended, Ended { status: 1, stdout: expected.to_owned(), stderr: String::new() });
}

#[test]
fn what_was_on_the_wires_of_a_failing_story_can_be_kept() {
    let folder = Folder::new("stories-pcap")
        .with_example("seed.nacl")
        .with("a.story", STORY)
        .with("b.story", &STORY.replace("drop forward", "drop input"));
    let ended = folder.saltgate(&["test", "--pcap", "kept", "a.story", "b.story"]);
    assert_eq!(ended.status, 1);
    let kept = std::fs::read(folder.path().join("kept/b.pcapng")).unwrap();
    assert_eq!(kept.get(..4), Some(&0x0a0d_0d0au32.to_le_bytes()[..]));
    assert!(!folder.path().join("kept/a.pcapng").exists());
}

#[test]
fn what_cannot_be_done_ends_with_status_2() {
    let folder = Folder::new("stories-status").with("empty/notes.txt", "");
    let table = [
        (&["test", "none.story"][..], "saltgate: cannot read none.story: No such file or directory (os error 2)\n"),
        (&["test", "empty"], "saltgate: no stories in empty: none of its files ends in .story\n"),
    ];
    for (args, message) in table {
        let ended = folder.saltgate(args);
        assert_eq!((ended.status, &ended.stderr[..]), (2, message), "{args:?}");
    }
}
