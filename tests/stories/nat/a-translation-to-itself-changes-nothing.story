# A rule translates to the address that is there already: errors of routers on the way keep their source.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: n }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 10.0.0.0/24, iface: a },
  r2: { net: 10.1.0.0/24, iface: b }
}
Nat::IP n { dnat(10.1.0.9) }
END

+0ms in a udp 10.0.0.9:4000 > 10.1.0.9:53
     out b udp 10.0.0.9:4000 > 10.1.0.9:53
+1ms in b icmp unreachable-host 10.1.0.33 > 10.0.0.9 [udp 10.0.0.9:4000 > 10.1.0.9:53]
     out a icmp unreachable-host 10.1.0.33 > 10.0.0.9 [udp 10.0.0.9:4000 > 10.1.0.9:53]
# Where the address is another, they speak for the translated host.
+0ms in a udp 10.0.0.9:4001 > 10.1.0.8:53
     out b udp 10.0.0.9:4001 > 10.1.0.9:53
+1ms in b icmp unreachable-host 10.1.0.33 > 10.0.0.9 [udp 10.0.0.9:4001 > 10.1.0.9:53]
     out a icmp unreachable-host 10.1.0.8 > 10.0.0.9 [udp 10.0.0.9:4001 > 10.1.0.8:53]
