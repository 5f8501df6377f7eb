# A packet for somebody else is translated to the box itself, which finds its checksum right, or as wrong as it came.
# What the box's own stack says about it is translated back: the sender knows only the address that it has asked.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, address6: 2001:db8:1::1/64, prerouting: here }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0, address6: 2001:db8:2::1/64 }
Gateway gw {
  r1: { net: 10.0.0.0/24, iface: a },
  r2: { net: 10.1.0.0/24, iface: b },
  s1: { net: 2001:db8:1::/64, iface: a },
  s2: { net: 2001:db8:2::/64, iface: b }
}
Nat::IP here { Nat::UDP { redirect(5353) } Nat::TCP { dnat(10.0.0.1) } }
END

+0ms in a udp 10.0.0.9:4000 > 10.1.0.9:53
     local a
     out a icmp unreachable-port 10.1.0.9 > 10.0.0.9 [udp 10.0.0.9:4000 > 10.1.0.9:53]
+0ms in a udp [2001:db8:1::9]:4000 > [2001:db8:2::9]:53
     local a
     out a icmpv6 unreachable-port 2001:db8:2::9 > 2001:db8:1::9 [udp [2001:db8:1::9]:4000 > [2001:db8:2::9]:53]
+0ms in a tcp 10.0.0.9:4000 > 10.1.0.9:80 S
     local a
     out a tcp 10.1.0.9:80 > 10.0.0.9:4000 RA
+0ms in a udp 10.0.0.9:4001 > 10.1.0.9:53 badsum
     drop BadTransportChecksum a
