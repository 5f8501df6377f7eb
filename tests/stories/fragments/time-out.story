# What is never complete is dropped after half a minute; nobody is told.
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
+10s in a udp 10.0.0.9 > 10.1.0.9 frag 2960 len 60 id 7
+19s wait
     drop FragmentTimeout a x2
+2s  wait
+1s  in a udp 10.0.0.9 > 10.1.0.9 frag 1480 mf len 1500 id 7
