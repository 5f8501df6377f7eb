# Too large for the way out and DF clear: the router cuts it. With DF the sender is told.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
b.mtu: 1000
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 len 1500 id 7
     out b udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 996 id 7 ttl 63 via 10.1.0.9
     out b udp 10.0.0.9 > 10.1.0.9 frag 976 no-mf len 524 id 7 ttl 63
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 len 1500 id 8 df
     drop TooBig a
     out a icmp fragmentation-needed 10.0.0.1 > 10.0.0.9 mtu 1000 [udp 10.0.0.9:1 > 10.1.0.9:2 len 1500]

# Of a datagram in fragments each has to fit by itself.
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 996 of 1900 id 9
+0ms in a udp 10.0.0.9 > 10.1.0.9 frag 976 len 924 id 9
     out b udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 996 id 9
     out b udp 10.0.0.9 > 10.1.0.9 frag 976 no-mf len 924 id 9
