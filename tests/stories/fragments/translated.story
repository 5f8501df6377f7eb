# Masquerade: the same new address and one new identification in all of them, the port in the first.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
a.masquerade: true
END

+0ms in b udp 10.1.0.9:4000 > 203.0.113.9:53 frag 0 mf len 1500 of 2000 id 7
+1ms in b udp 10.1.0.9 > 203.0.113.9 frag 1480 len 520 id 7
     out a udp 10.0.0.1:4000 > 203.0.113.9:53 frag 0 mf len 1500 id $id via 10.0.0.254
     out a udp 10.0.0.1 > 203.0.113.9 frag 1480 no-mf len 520 id $id
+1ms in a udp 203.0.113.9 > 10.0.0.1 frag 1480 len 520 id 9
+1ms in a udp 203.0.113.9:53 > 10.0.0.1:4000 frag 0 mf len 1500 of 2000 id 9
     out b udp 203.0.113.9:53 > 10.1.0.9:4000 frag 0 mf len 1500 id 9 via 10.1.0.9
     out b udp 203.0.113.9 > 10.1.0.9 frag 1480 no-mf len 520 id 9
