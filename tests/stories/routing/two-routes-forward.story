config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, { net: 10.0.0.0, netmask: 255.255.255.0, iface: a } ]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2
     out b udp 10.0.0.9:1 > 10.1.0.9:2 ttl 63 via 10.1.0.9
