# There is a way back to 8.8.8.8, if not out of b.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0, reverse_path: loose }
Gateway gw [ { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, { net: 0.0.0.0, netmask: 0.0.0.0, iface: a } ]
END

+0ms in b udp 8.8.8.8:1 > 10.0.0.9:2
     out a udp 8.8.8.8:1 > 10.0.0.9:2 via 10.0.0.9
