# For the box itself: delivered whole.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 10.0.0.9 > 10.0.0.1 frag 800 len 220 id 7
+0ms in a udp 10.0.0.9:1 > 10.0.0.1:2 frag 0 mf len 820 of 1020 id 7
     local a x2
     out a icmp unreachable-port 10.0.0.1 > 10.0.0.9 [udp 10.0.0.9:1 > 10.0.0.1:2 len 1020]

# No buffer of the box holds so much.
+0ms in a udp 10.0.0.9 > 10.0.0.1 frag 1480 mf len 1500 id 8
+0ms in a udp 10.0.0.9:1 > 10.0.0.1:2 frag 0 mf len 1500 of 3000 id 8
+0ms in a udp 10.0.0.9 > 10.0.0.1 frag 2960 len 40 id 8
     drop ReassemblyTooLong a x3
