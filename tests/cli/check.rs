//! `saltgate check`

use crate::{Ended, Folder};

const GOOD: &str = "Iface e { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n";

/// Five mistakes, none of which has to do with another.
const FIVE_MISTAKES: &str = "\
Iface outside {
  address: 10.0.0.2,
  netmask: 255.255.255.0,
  index: 0, reverse_path: strict
}

Iface inside {
  address: 192.168.0.1,
  netmask: 255.255.255.300,
  index: 1
}

Gateway gw [
  { net: 192.168.0.0, netmask: 255.255.255.0, iface: insde },
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: outside, csot: 5 }
]

Filter::IP f {
  Filter::TCP {
    if (tcp.dprt == 80) { accept }
  }
  log(\"dropped \", ip.saddr) drp
  drop
}

inside.input: f
";

#[test]
fn a_good_file_is_ok() {
    let folder = Folder::new("check-ok").with("a.nacl", GOOD).with("b.nacl", GOOD);
    let ok = |stdout: &str| Ended { status: 0, stdout: stdout.to_owned(), stderr: String::new() };
    assert_eq!(folder.saltgate(&["check", "a.nacl"]), ok("a.nacl: ok\n"));
    assert_eq!(folder.saltgate(&["check", "a.nacl", "b.nacl"]), ok("2 files: ok\n"));
    assert_eq!(folder.saltgate(&["check", "--deny-warnings", "a.nacl"]), ok("a.nacl: ok\n"));
}

#[test]
fn every_example_compiles() {
    let folder = Folder::new("check-examples")
        .with_example("seed.nacl")
        .with_example("seed-nat.nacl")
        .with_example("seed6.nacl")
        .with_example("includeos-gateway-real.nacl");
    let ended = folder.saltgate(&["check", "seed.nacl", "seed-nat.nacl", "seed6.nacl", "includeos-gateway-real.nacl"]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""), "{}", ended.stdout);
}

#[test]
fn five_mistakes_in_a_file_are_all_shown() {
    let folder = Folder::new("check-five").with("five.nacl", FIVE_MISTAKES);
    let ended = folder.saltgate(&["check", "five.nacl"]);
    let expected = "\
five.nacl:9:12: error: `300` is not a valid octet (0-255) [invalid-address]
    9 |   netmask: 255.255.255.300,
      |            ^^^^^^^^^^^^^^^
      help: an octet is a number from 0 to 255

five.nacl:14:54: error: no Iface is named `insde` [no-iface]
   14 |   { net: 192.168.0.0, netmask: 255.255.255.0, iface: insde },
      |                                                      ^^^^^
five.nacl:7:7: note: `inside` is defined here
    7 | Iface inside {
      |       ------
      help: did you mean `inside`?

five.nacl:15:60: error: a route has no property `csot` [unknown-property]
   15 |   { net: 10.0.0.0, netmask: 255.255.255.0, iface: outside, csot: 5 }
      |                                                            ^^^^
      help: did you mean `cost`?

five.nacl:20:9: error: `tcp` has no property `dprt` [unknown-field]
   20 |     if (tcp.dprt == 80) { accept }
      |         ^^^^^^^^
      help: did you mean `tcp.dport`?

five.nacl:22:29: error: unknown action or function `drp` [unknown-action]
   22 |   log(\"dropped \", ip.saddr) drp
      |                             ^^^
      help: did you mean `drop`?

five.nacl: 5 errors
";
    assert_eq!(ended, Ended { status: 1, stdout: expected.to_owned(), stderr: String::new() });
}

#[test]
fn warnings_count_when_they_are_denied() {
    let folder = Folder::new("check-warnings").with("a.nacl", &format!("{GOOD}unused: 5\n"));
    let allowed = folder.saltgate(&["check", "a.nacl"]);
    assert_eq!(allowed.status, 0);
    assert!(allowed.stdout.ends_with("\na.nacl: ok, 1 warning\n"), "{}", allowed.stdout);
    assert_eq!(folder.saltgate(&["check", "--deny-warnings", "a.nacl"]), Ended { status: 1, ..allowed });
}

#[test]
fn a_code_is_explained() {
    let folder = Folder::new("check-explain");
    let ended = folder.saltgate(&["check", "--explain", "unknown-name"]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    assert!(ended.stdout.starts_with("unknown-name (error): ") && ended.stdout.ends_with('\n'), "{}", ended.stdout);
    let ended = folder.saltgate(&["check", "--explain", "unknwon-name"]);
    let message = "saltgate: no diagnostic has the code `unknwon-name`; did you mean `unknown-name`?\n";
    assert_eq!((ended.status, &ended.stdout[..], &ended.stderr[..]), (2, "", message));
}

#[test]
fn a_file_that_is_not_there_ends_with_status_2() {
    let ended = Folder::new("check-none").saltgate(&["check", "none.nacl"]);
    let message = "saltgate: cannot read none.nacl: No such file or directory (os error 2)\n";
    assert_eq!((ended.status, &ended.stdout[..], &ended.stderr[..]), (2, "", message));
}

#[test]
fn no_bytes_are_too_strange_for_the_compiler() {
    let folder = Folder::new("check-bytes");
    std::fs::write(folder.path().join("a.nacl"), [0xff, 0xfe, 0x00, b'{', b'"', 0x80]).unwrap();
    let ended = folder.saltgate(&["check", "a.nacl"]);
    assert_eq!((ended.status, &ended.stderr[..]), (1, ""), "{}", ended.stdout);
}
