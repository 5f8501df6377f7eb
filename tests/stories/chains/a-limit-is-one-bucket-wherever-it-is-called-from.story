# One bucket for one place in the text: two chains that call the function share it, two places do not.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, input: [from_a] }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0, input: [from_b] }
Filter::IP polite { if (limit(1, "second", 2)) { accept } }
Filter::IP from_a { polite() drop }
Filter::IP from_b { if (ip.ttl == 9) { if (limit(1, "second", 2)) { accept } drop } polite() drop }
END

+0s in a ip 99 10.0.0.9 > 10.0.0.1
    local a
    out a icmp unreachable-protocol 10.0.0.1 > 10.0.0.9
+0s in b ip 99 10.1.0.9 > 10.1.0.1
    local b
    out b icmp unreachable-protocol 10.1.0.1 > 10.1.0.9
+0s in a ip 99 10.0.0.9 > 10.0.0.1
    drop input a
+0s in b ip 99 10.1.0.9 > 10.1.0.1
    drop input b
+0s in b ip 99 10.1.0.9 > 10.1.0.1 ttl 9
    local b
    out b icmp unreachable-protocol 10.1.0.1 > 10.1.0.9
+1s in b ip 99 10.1.0.9 > 10.1.0.1
    local b
    out b icmp unreachable-protocol 10.1.0.1 > 10.1.0.9
+0s in a ip 99 10.0.0.9 > 10.0.0.1
    drop input a
