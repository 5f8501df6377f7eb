# What the IP header says has to be true.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 badipsum
     drop BadHeaderChecksum a
# Version 4, and nothing more.
+0ms in a hex 45
     drop BadHeader a
# Total length 100 of 28 bytes.
+0ms in a hex 45000064 00010000 4011 65c4 0a000009 0a010009 0001 0002 0008 0000
     drop Truncated a
# A TCP header of 8 bytes.
+0ms in a ip tcp 10.0.0.9 > 10.1.0.9 data 0001000200000000
     drop BadTransport a
# A UDP length beyond the packet.
+0ms in a ip udp 10.0.0.9 > 10.1.0.9 data 0001000200640000
     drop BadTransport a
