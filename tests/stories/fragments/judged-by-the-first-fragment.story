# A port that no rule lets in: nothing leaves, and every fragment is counted.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  a_route: { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  b_route: { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  forward: only_dns
}
Filter::IP only_dns {
  Filter::UDP { if (udp.dport == 53) { accept } }
  drop
}
END

+0ms in a udp 10.0.0.9 > 10.1.0.9 frag 1480 len 520 id 7
+1ms in a udp 10.0.0.9:1 > 10.1.0.9:54 frag 0 mf len 1500 of 2000 id 7
     drop forward a x2
+0ms in a udp 10.0.0.9 > 10.1.0.9 frag 1480 len 520 id 8
+1ms in a udp 10.0.0.9:1 > 10.1.0.9:53 frag 0 mf len 1500 of 2000 id 8
     out b udp 10.0.0.9:1 > 10.1.0.9:53 frag 0 mf len 1500 id 8
     out b udp 10.0.0.9 > 10.1.0.9 frag 1480 no-mf len 520 id 8
