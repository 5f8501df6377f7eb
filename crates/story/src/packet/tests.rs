use super::*;
use crate::text::tokens;
use std::collections::HashMap;

fn read(text: &str) -> Packet {
    let tokens = tokens(1, text).unwrap();
    let mut cursor = Cursor::new(&tokens, Span { line: 1, start: 1, end: 2 });
    let packet = parse(&mut cursor).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert!(cursor.is_at_end(), "{text}");
    packet
}

fn bytes(text: &str) -> Vec<u8> {
    let packet = read(text);
    packet.check_sendable().unwrap_or_else(|error| panic!("{text}: {error:?}"));
    packet.bytes(&Seen::default()).unwrap()
}

/// What a story can send is what it can expect, and it says no less when it is shown.
#[test]
fn what_is_built_is_what_is_read_back() {
    let packets = [
        "tcp 10.0.0.1:4000 > 10.0.0.2:80 S ttl 63 seq 7 win 1000 mss 1460 wscale 7 sackok df id 9 dscp 46 ecn 1",
        "tcp [2001:db8::1]:4000 > [2001:db8::2]:80 PA ack 9 len 100",
        "tcp 10.0.0.1:4000 > 10.0.0.2:80 - badsum",
        "tcp 10.0.0.1:4000 > 10.0.0.2:80 AU urg 5 data \"hello\"",
        "udp 10.0.0.1:53 > 10.0.0.2:53 len 1500 badipsum",
        "udp 10.0.0.1:53 > 10.0.0.2:53 nosum data 00ff80",
        "udp [2001:db8::1]:53 > [2001:db8::2]:53 ext hbh,dst*3,rh2",
        "icmp echo-request 10.0.0.1 > 10.0.0.2 echo 7/3 ipopt 01010100",
        "icmpv6 echo-reply 2001:db8::1 > 2001:db8::2 echo 7/3 ttl 2",
        "icmp unreachable-port 10.0.0.2 > 10.0.0.1 [udp 10.0.0.1:6 > 10.0.0.2:514]",
        "icmp fragmentation-needed 10.0.0.2 > 10.0.0.1 mtu 1400 [tcp 10.0.0.1:6 > 10.0.0.2:80 A ttl 60]",
        "icmpv6 packet-too-big 2001:db8::1 > 2001:db8::2 mtu 1280 [udp [2001:db8::2]:6 > [2001:db8::3]:514]",
        "icmp 42/5 10.0.0.2 > 10.0.0.1",
        "icmpv6 neighbor-solicitation fe80::1 > ff02::1:ff00:2 target fe80::2 ttl 255",
        "icmpv6 neighbor-advertisement fe80::1 > fe80::2 target fe80::1 solicited override",
        "ip gre 10.0.0.1 > 10.0.0.2 len 60",
        "ip 254 2001:db8::1 > 2001:db8::2",
        "udp 10.0.0.1:9 > 10.0.0.2:9 frag 0 mf len 1500 of 3000 id 5",
        "udp 10.0.0.1 > 10.0.0.2 frag 1480 len 1000 id 5",
        "udp [2001:db8::1]:9 > [2001:db8::2]:9 frag 0 mf len 1280 of 3000 id 70000",
    ];
    for text in packets {
        let built = bytes(text);
        let came = decode_packet(&built);
        let differences = compare(&read(text), &came, &mut HashMap::new());
        assert_eq!(differences, [], "{text}");
        // What it is shown as is the same packet again.
        let shown = show::packet(&came);
        let again = compare(&read(&shown), &came, &mut HashMap::new());
        assert_eq!(again, [], "{text} was shown as {shown}");
    }
}

#[test]
fn each_field_that_differs_is_named() {
    let came = decode_packet(&bytes("tcp 10.0.0.1:4000 > 10.0.0.2:80 S ttl 63 badsum"));
    let table = [
        ("udp 10.0.0.1:4000 > 10.0.0.2:80 badsum", "packet: udp, tcp"),
        ("tcp 10.0.0.9:4000 > 10.0.0.2:80 badsum", "source: 10.0.0.9, 10.0.0.1"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:81 badsum", "dport: destination port 81, destination port 80"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:80 SA badsum", "flags: SA, S"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:80 S ttl 64 badsum", "ttl: ttl 64, ttl 63"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:80 S mss 5 badsum", "mss: mss 5, none"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:80 S df badsum", "df: df, no-df"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:80 S", "badsum: a right checksum, a wrong one"),
        ("tcp 10.0.0.1:4000 > 10.0.0.2:80 S data \"x\" badsum", "data: \"x\", \"\""),
        ("tcp * > *:80 badsum", ""),
        ("tcp 10.0.0.1:* > *:* badsum", ""),
    ];
    for (expected, difference) in table {
        let differences = compare(&read(expected), &came, &mut HashMap::new());
        let text: Vec<_> = differences.iter().map(|d| format!("{}: {}, {}", d.field, d.expected, d.came)).collect();
        assert_eq!(text.join("; "), difference, "{expected}");
    }
}

#[test]
fn a_quoted_packet_is_compared_as_far_as_it_was_quoted() {
    let mut error =
        bytes("icmp unreachable-port 10.0.0.2 > 10.0.0.1 [tcp 10.0.0.1:6 > 10.0.0.2:514 S seq 9 data \"long\"]");
    error.truncate(20 + 8 + 20 + 8);
    error[3] = error.len() as u8;
    let came = decode_packet(&error);
    let mut same =
        read("icmp unreachable-port 10.0.0.2 > 10.0.0.1 badsum badipsum [tcp 10.0.0.1:6 > 10.0.0.2:514 seq 9]");
    assert_eq!(compare(&same, &came, &mut HashMap::new()), []);
    same.quote.as_mut().unwrap().dst = None;
    same.quote.as_mut().unwrap().set(Key::Seq, 8);
    let differences = compare(&same, &came, &mut HashMap::new());
    assert_eq!(differences[0].expected, "in the quoted packet: seq 8");
}

#[test]
fn a_name_means_the_same_number_from_its_first_use_on() {
    let came = decode_packet(&bytes("udp 10.0.0.1:4000 > 10.0.0.2:80"));
    let mut names = HashMap::new();
    assert_eq!(compare(&read("udp 10.0.0.1:$p > 10.0.0.2:80"), &came, &mut names), []);
    assert_eq!(names.get("p"), Some(&4000));
    assert_eq!(compare(&read("udp 10.0.0.1:$p > 10.0.0.2:$p"), &came, &mut names).len(), 1);
    let mut seen = Seen::default();
    seen.names = names;
    let answer = read("udp 10.0.0.2:80 > 10.0.0.1:$p").bytes(&seen).unwrap();
    assert_eq!(decode_packet(&answer).number(Key::Dport), Some(4000));
}

#[test]
fn tcp_hosts_count_for_themselves() {
    let mut seen = Seen::default();
    let mut send = |text: &str| {
        let packet = decode_packet(&read(text).bytes(&seen).unwrap());
        seen.remember(&packet);
        (packet.number(Key::Seq).unwrap(), packet.number(Key::Ack).unwrap())
    };
    assert_eq!(send("tcp 10.0.0.1:1 > 10.0.0.2:2 S"), (1000, 0));
    assert_eq!(send("tcp 10.0.0.1:1 > 10.0.0.2:2 S"), (1000, 0));
    assert_eq!(send("tcp 10.0.0.2:2 > 10.0.0.1:1 SA seq 77"), (77, 1001));
    assert_eq!(send("tcp 10.0.0.1:1 > 10.0.0.2:2 PA data \"abc\""), (1001, 78));
    assert_eq!(send("tcp 10.0.0.2:2 > 10.0.0.1:1 FA"), (78, 1004));
    assert_eq!(send("tcp 10.0.0.1:1 > 10.0.0.2:2 A"), (1004, 79));
}

#[test]
fn what_cannot_be_sent_says_what_it_lacks() {
    let table = [
        ("udp 10.0.0.1 > 10.0.0.2:5", "a packet that comes in needs both ports"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2", "a packet that comes in needs its flags"),
        ("udp *:1 > 10.0.0.2:2", "a packet that comes in needs both addresses"),
        ("udp 10.0.0.1:* > 10.0.0.2:2", "a packet that comes in needs a number where `*` stands"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 len 20", "this packet is longer than 20 bytes: 28"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 len 65536", "an IPv4 packet has at most 65535 bytes"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 frag 7", "a fragment offset is a multiple of 8"),
        ("udp [::1]:1 > [::2]:2 df", "a packet that comes in needs IPv4 addresses for `df`, `ipopt` and `badipsum`"),
    ];
    for (text, message) in table {
        assert_eq!(read(text).check_sendable().unwrap_err().message, message, "{text}");
    }
}

/// Cut anywhere, a packet is still something that can be shown.
#[test]
fn no_bytes_are_too_strange_to_be_shown() {
    let whole = [
        bytes("tcp [2001:db8::1]:1 > [2001:db8::2]:2 S ext hbh,dst mss 5"),
        bytes("icmp unreachable-port 10.0.0.2 > 10.0.0.1 [udp 10.0.0.1:6 > 10.0.0.2:514]"),
        bytes("icmpv6 neighbor-solicitation fe80::1 > ff02::1:ff00:2 target fe80::2"),
    ];
    for packet in whole {
        for len in 0..packet.len() {
            assert!(!show::packet(&decode_packet(&packet[..len])).is_empty());
            assert!(!show::packet(&decode_frame(&packet[..len])).is_empty());
        }
        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 0xff;
            assert!(!show::packet(&decode_packet(&changed)).is_empty());
        }
    }
}
