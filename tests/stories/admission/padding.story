# Ethernet pads short frames; what leaves is the packet alone, as long as its header says.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 data "x"
     out b udp 10.0.0.9:1 > 10.1.0.9:2 data "x" len 29
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 len 1500 df id 77 dscp 46 ecn 1 ipopt 01010100
     out b udp 10.0.0.9:1 > 10.1.0.9:2 len 1500 df id 77 dscp 46 ecn 1 ipopt 01010100
