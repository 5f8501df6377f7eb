# A20: no frame inside a datagram of a spoofed tunnel end reaches the inside.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, reverse_path: strict }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in  wan udp 10.1.0.9:6000 > 198.51.100.1:4789 data 0800000000006400ffffffffffff02000000000908060001
     drop ReversePath wan
