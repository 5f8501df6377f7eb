# Addresses that may not be seen on a wire.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 127.0.0.1:1 > 10.1.0.9:2
     drop MartianSource a
+0ms in a udp 224.0.0.1:1 > 10.1.0.9:2
     drop MartianSource a
+0ms in a udp 255.255.255.255:1 > 10.1.0.9:2
     drop MartianSource a
+0ms in a udp 10.0.0.255:1 > 10.1.0.9:2
     drop MartianSource a
+0ms in a udp 10.0.0.9:1 > 127.0.0.1:2
     drop MartianDestination a
+0ms in a udp 10.0.0.9:1 > 240.0.0.1:2
     drop NotForwardable a
+0ms in a udp 10.0.0.9:1 > 169.254.0.1:2
     drop NotForwardable a
# A packet from an endpoint to itself.
+0ms in a tcp 10.1.0.9:80 > 10.1.0.9:80 S
     drop Land a
