# No error about an error.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a icmp unreachable-port 10.0.0.9 > 10.1.0.9 ttl 1 [udp 10.1.0.9:1 > 10.0.0.9:2]
     drop TtlExpired
+0ms in a icmp 5/1 10.0.0.9 > 10.1.0.9 ttl 1
     drop TtlExpired
