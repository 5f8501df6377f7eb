# An answer could come from no address: a dnat passes over what goes to a group or to everybody.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: web }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { r1: { net: 10.0.0.0/24, iface: a }, r2: { net: 10.1.0.0/24, iface: b } }
Nat::UDP web { if (udp.dport == 53) { dnat(10.1.0.9) } redirect(53) }
END

+0s in a udp 10.0.0.9:1 > 10.0.0.255:53
    local a
+0s in a udp 10.0.0.9:1 > 224.0.0.251:54
    drop NotForwardable a
+0s in a udp 10.0.0.9:1 > 10.0.0.1:53
    out b udp 10.0.0.9:1 > 10.1.0.9:53
