# A checksum of a packet in transit is carried: a wrong one stays wrong. For the box itself it has to be right.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 badsum
     out b udp 10.0.0.9:1 > 10.1.0.9:2 badsum
+0ms in a udp 10.0.0.9:3 > 10.1.0.9:2 nosum
     out b udp 10.0.0.9:3 > 10.1.0.9:2 nosum
+0ms in a icmp echo-request 10.0.0.9 > 10.0.0.1 badsum
     drop BadTransportChecksum a
+0ms in a udp 10.0.0.9:1 > 10.0.0.1:2 badsum
     drop BadTransportChecksum a
+0ms in a tcp 10.0.0.9:1 > 10.0.0.1:2 S badsum
     drop BadTransportChecksum a
