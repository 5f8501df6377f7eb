# What is on no wire stays on none, also where a rule names it.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: astray }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { r1: { net: 0.0.0.0/0, iface: b, nexthop: 10.1.0.9 }, r2: { net: 10.0.0.0/24, iface: a } }
Nat::UDP astray { dnat(127.0.0.1) }
END

+0s in a udp 10.0.0.9:1 > 10.0.0.1:2
    drop NotForwardable a
