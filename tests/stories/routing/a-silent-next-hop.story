# Three requests go unanswered, a second apart; then the packet is given up and its sender told.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { r1: { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, r2: { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, send_unreachable: true }
END

+0s silent 10.1.0.9
+0s in a udp 10.0.0.9:1 > 10.1.0.9:2
    out b arp who-has 10.1.0.9 tell 10.1.0.1 x3..4
    drop NeighborSilent
    out a icmp unreachable-host 10.0.0.1 > 10.0.0.9 [udp 10.0.0.9:1 > 10.1.0.9:2]
+10s wait
