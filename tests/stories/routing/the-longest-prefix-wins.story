# The more specific route leads back out of a, to its own next hop.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.128, netmask: 255.255.255.128, iface: a, nexthop: 10.0.0.7 }
]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.200:2
     out a udp 10.0.0.9:1 > 10.1.0.200:2 ttl 63 via 10.0.0.7

+0ms in a udp 10.0.0.9:1 > 10.1.0.100:2
     out b udp 10.0.0.9:1 > 10.1.0.100:2 via 10.1.0.100
