config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { r1: { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, r2: { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, forward: f, send_unreachable: true }
Filter::IP f { log("f") accept }
END

+0ms in a udp 10.0.0.9:1 > 172.16.0.1:2
     drop NoRoute a
     out a icmp unreachable-net 10.0.0.1 > 10.0.0.9 [udp 10.0.0.9:1 > 172.16.0.1:2 ttl 64]
