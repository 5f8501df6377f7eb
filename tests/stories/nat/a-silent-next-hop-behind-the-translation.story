# A translated packet whose next hop stays silent: its sender is told, about the packet as it was sent.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254, masquerade: true }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { send_unreachable: true, r1: { net: 0.0.0.0/0, iface: a }, r2: { net: 10.1.0.0/24, iface: b } }
END

+0s silent 10.0.0.254
+0s in b udp 10.1.0.9:1 > 203.0.113.9:2
    out a arp who-has 10.0.0.254 tell 10.0.0.1 x3..4
    drop NeighborSilent
    out b icmp unreachable-host 10.1.0.1 > 10.1.0.9 [udp 10.1.0.9:1 > 203.0.113.9:2]
+10s wait
