# Overlaps drop the whole datagram and what still comes of it; a doubled packet does not.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 of 3000 id 7
+1ms in a udp 10.0.0.9 > 10.1.0.9 frag 1472 mf len 1500 id 7
     drop FragmentOverlap a x2
+1ms in a udp 10.0.0.9 > 10.1.0.9 frag 2952 len 60 id 7
     drop FragmentRefused a

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 of 2000 id 8
+1ms in a udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 of 2000 id 8
     drop DuplicateFragment a
+1ms in a udp 10.0.0.9 > 10.1.0.9 frag 1480 len 520 id 8
     out b udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 id 8
     out b udp 10.0.0.9 > 10.1.0.9 frag 1480 no-mf len 520 id 8
