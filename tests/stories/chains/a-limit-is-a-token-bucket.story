# Two at once, then one a second.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a { if (limit(1, "second", 2)) { accept } drop }
END

+0s in e udp 10.0.0.9:1 > 10.0.0.45:53
    local e
    out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:1 > 10.0.0.45:53]
+0s in e udp 10.0.0.9:2 > 10.0.0.45:53
    local e
    out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:2 > 10.0.0.45:53]
+0s in e udp 10.0.0.9:3 > 10.0.0.45:53
    drop input e
+1s in e udp 10.0.0.9:4 > 10.0.0.45:53
    local e
    out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:4 > 10.0.0.45:53]
