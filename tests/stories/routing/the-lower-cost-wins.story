# Two routes for one net.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.2.0.0, netmask: 255.255.255.0, iface: a, nexthop: 10.0.0.7, cost: 10 },
  { net: 10.2.0.0, netmask: 255.255.255.0, iface: b, nexthop: 10.1.0.7, cost: 5 }
]
END

+0ms in a udp 10.0.0.9:1 > 10.2.0.1:2
     out b udp 10.0.0.9:1 > 10.2.0.1:2 via 10.1.0.7
