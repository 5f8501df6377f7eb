use super::*;
use alloc::string::ToString;

fn formatted(text: &str) -> String {
    let once = format(&Source::new("a.nacl", text)).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"));
    let twice = format(&Source::new("a.nacl", once.as_str())).unwrap();
    assert_eq!(once, twice, "formatting its own output changes it; the text was\n{text}");
    once
}

/// Blocks of a text and, behind `---`, its layout; separated by `===`.
fn check(table: &str) {
    for pair in table.split("\n===\n") {
        let (text, wanted) = pair.split_once("\n---\n").unwrap();
        let wanted = wanted.trim_end_matches('\n').to_string() + "\n";
        assert_eq!(formatted(text), wanted, "of\n{text}");
    }
}

#[test]
fn white_space_has_one_form() {
    check(
        r#"a :80   b: [80 ,443]
---
a: 80
b: [80, 443]
===
Iface   eth0 {index:0,address :10.0.0.1 ,netmask: 255 . 255.255.0}
---
Iface eth0 { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }
===
a: 10.0.0.1-10.0.0.9  b: 40 - 50  c: 10.0.0.0 / 8  d: ( - 10 )  e:::1  f: ::1-::9  g:[::/0]
---
a: 10.0.0.1 - 10.0.0.9
b: 40-50
c: 10.0.0.0/8
d: (-10)
e: ::1
f: ::1 - ::9
g: [::/0]
===
Filter : : IP f{if(not ip . ttl==5||! ( iif==e ) and a){drop}accept( )log ( "x" ,ip.saddr)}
---
Filter::IP f {
  if (not ip.ttl == 5 || !(iif == e) and a) { drop }
  accept()
  log("x", ip.saddr)
}
===
Iface e dhcp Iface f
dhcp-with-fallback
---
Iface e dhcp
Iface f dhcp-with-fallback
"#,
    );
}

#[test]
fn a_bracket_stays_on_one_line_if_its_author_put_it_there_and_it_fits() {
    check(
        r#"a: { b: 1, c: 2 } d: {
b: 1, c: 2 }
---
a: { b: 1, c: 2 }
d: {
  b: 1,
  c: 2
}
===
Filter::IP f {
accept }
---
Filter::IP f {
  accept
}
===
Filter::IP f { Filter::TCP { if (c) { accept } } if (a) { drop } else if (b) { accept } else { drop } if (a) {
drop } else { accept } }
---
Filter::IP f {
  Filter::TCP { if (c) { accept } }
  if (a) { drop } else if (b) { accept } else { drop }
  if (a) {
    drop
  } else {
    accept
  }
}
===
a: [1, 2, ] b: { c: [ ], } c: [1,

2]
---
a: [1, 2]
b: { c: [] }
c: [
  1,

  2
]
===
a: [192.168.100.100 - 192.168.100.200, 192.168.110.100 - 192.168.110.200, 192.168.120.100 - 192.168.120.200]
---
a: [
  192.168.100.100 - 192.168.100.200,
  192.168.110.100 - 192.168.110.200,
  192.168.120.100 - 192.168.120.200
]
"#,
    );
}

#[test]
fn what_is_too_long_is_broken_where_it_can_be() {
    check(
        r#"Filter::IP f { if (ip.saddr in some_allowed_hosts_of_the_office and tcp.dport in some_allowed_services and iif == outside) { accept } }
---
Filter::IP f {
  if (
    ip.saddr in some_allowed_hosts_of_the_office
    and tcp.dport in some_allowed_services
    and iif == outside
  ) {
    accept
  }
}
===
Filter::IP f { if (ip.saddr in some_allowed_hosts_of_the_office and tcp.dport in some_allowed_services or iif == outside and not (ip.saddr in another_list_of_hosts or ip.daddr in the_list_of_those_who_are_not_allowed_in or a)) { accept } else { drop } }
---
Filter::IP f {
  if (
    ip.saddr in some_allowed_hosts_of_the_office and tcp.dport in some_allowed_services
    or iif == outside
      and not (
        ip.saddr in another_list_of_hosts
        or ip.daddr in the_list_of_those_who_are_not_allowed_in
        or a
      )
  ) {
    accept
  } else {
    drop
  }
}
===
Filter::IP f { syslog(DEBUG, "Packet from established connection. Source addr: ", ip.saddr, ". TTL: ", ip.ttl, ". Checksum: ", ip.checksum) drop }
---
Filter::IP f {
  syslog(
    DEBUG, "Packet from established connection. Source addr: ", ip.saddr, ". TTL: ", ip.ttl,
    ". Checksum: ", ip.checksum
  )
  drop
}
===
a: [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015-1020, 1030]
---
a: [
  1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
  1015-1020, 1030
]
"#,
    );
}

#[test]
fn blank_lines_between_groups_are_kept_and_several_become_one() {
    check(
        "

a: 1
b: 2



c: 3
d: {

  e: 1,


  f: 2

}

---
a: 1
b: 2

c: 3
d: {
  e: 1,

  f: 2
}
",
    );
}

#[test]
fn comments_stay_where_they_belong() {
    check(
        r#"// first

# second
a: 1 // of a
/* of b */ b: 2 /* more */ // still b
// of c
c: [ // the list
  1 # one
  , // before two
  2, // two
  /* inline */ 3
  // nothing more

  // at all
] // end
// the last
---
// first

# second
a: 1 // of a
/* of b */ b: 2 /* more */ // still b
// of c
c: [ // the list
  1, # one
  // before two
  2, // two
  /* inline */ 3
  // nothing more

  // at all
] // end
// the last
===
Filter::IP f { // why
  // before if
  if (a // the first
      and // the second
      b
      // the third
      and c) { accept } // behind
  // otherwise
  else { drop } // end of else

  log("a", // first
    "b")
  if (a) { // nothing
    drop } /* x */ else /* y */ { accept }
  // end
}
---
Filter::IP f { // why
  // before if
  if (
    a // the first
    // the second
    and b
    // the third
    and c
  ) {
    accept
  } // behind
  // otherwise
  else {
    drop
  } // end of else

  log(
    "a", // first
    "b"
  )
  if (a) { // nothing
    drop
  } /* x */ else /* y */ {
    accept
  }
  // end
}
===
Iface eth0 // uplink
{ index: // the nic
0 }
---
Iface eth0 // uplink
{
  index: // the nic
    0
}
===
a: { b: 1 } // b
Filter::IP f { if (a) { drop } // not a
if (b) { drop } else { accept } /* b */ }
---
a: { b: 1 } // b
Filter::IP f {
  if (a) { drop } // not a
  if (b) { drop } else { accept } /* b */
}
===
// only a comment
---
// only a comment
"#,
    );
}
