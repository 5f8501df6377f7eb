# The hops are used up: the sender is told once, about the first fragment.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 10.0.0.9 > 10.1.0.9 frag 1480 len 520 id 7 ttl 1
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 of 2000 id 7 ttl 1
     drop TtlExpired a x2
     out a icmp time-exceeded 10.0.0.1 > 10.0.0.9 [udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 id 7 ttl 1]
