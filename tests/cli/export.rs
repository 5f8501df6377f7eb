//! `saltgate export`

use crate::Folder;

const PLAIN: &str = "Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: f }\n\
                     Filter::IP f { if (ip.ttl == 7) { drop } accept }\n";

#[test]
fn a_policy_that_can_be_said_is_exported_without_a_word() {
    let folder = Folder::new("export").with("a.nacl", PLAIN);
    let ended = folder.saltgate(&["export", "nftables", "a.nacl", "--strict"]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    let chain = "\n\tchain filter_f {  # a.nacl:2\n\t\tct state invalid drop\n\t\tip ttl 7 drop  # a.nacl:2\n\
                 \t\tip6 hoplimit 7 drop  # a.nacl:2\n\t\treturn  # a.nacl:2\n\t}\n";
    assert!(ended.stdout.contains(chain), "{}", ended.stdout);
}

#[test]
fn what_is_lost_is_said_and_strict_makes_it_a_no() {
    let lossy = PLAIN.replace("ip.ttl == 7", "ip.saddr == ip.daddr");
    let folder = Folder::new("export-lossy").with("a.nacl", &lossy).with("bad.nacl", "Iface e {\n");
    let loss = "a.nacl:2:20: ip.saddr and ip.daddr cannot be compared with each other; the test is taken for false\n";
    for (args, status) in
        [(&["export", "nftables", "a.nacl"][..], 0), (&["export", "nftables", "a.nacl", "--strict"], 1)]
    {
        let ended = folder.saltgate(args);
        assert_eq!((ended.status, &ended.stderr[..]), (status, loss), "{args:?}");
        assert!(ended.stdout.starts_with("#!/usr/sbin/nft -f\n"), "{}", ended.stdout);
    }
    let json = folder.saltgate(&["export", "nftables", "a.nacl", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["losses"][0]["column"], 20, "{document}");
    assert!(document["ruleset"].as_str().is_some_and(|text| text.contains("table inet saltgate")), "{document}");

    let ended = folder.saltgate(&["export", "nftables", "bad.nacl"]);
    assert_eq!((ended.status, &ended.stdout[..]), (1, ""));
    assert!(ended.stderr.starts_with("bad.nacl:"), "{}", ended.stderr);
}
