# Too large for the way out: the sender is told what fits.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
b.mtu: 1400
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 len 1401 df
     drop TooBig a
     out a icmp fragmentation-needed 10.0.0.1 > 10.0.0.9 mtu 1400 [udp 10.0.0.9:1 > 10.1.0.9:2 len 1401]
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 len 1400 df
     out b udp 10.0.0.9:1 > 10.1.0.9:2 len 1400
