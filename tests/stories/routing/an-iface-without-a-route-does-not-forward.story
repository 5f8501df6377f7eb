# Iface a is in no route: what comes in there goes nowhere.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.1.0.0, netmask: 255.255.255.0, iface: b } ]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2
     drop NotForwarding a
