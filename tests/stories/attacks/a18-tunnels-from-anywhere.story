# A18 (CVE-2024-7595, CVE-2025-23018): GRE, 6in4 and GUE to the box are not unpacked.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in  wan ip gre 203.0.113.9 > 198.51.100.1 data 000008004500001c0001000040110000cb0071090a0100090001000200080000
     local wan
     out wan icmp unreachable-protocol 198.51.100.1 > 203.0.113.9 [ip gre 203.0.113.9 > 198.51.100.1]
+0ms in  wan ip 41 203.0.113.9 > 198.51.100.1 data 6000000000081140
     local wan
     out wan icmp unreachable-protocol 198.51.100.1 > 203.0.113.9 [ip 41 203.0.113.9 > 198.51.100.1]
+0ms in  wan udp 203.0.113.9:6080 > 198.51.100.1:6080 data 00040000
     local wan
     out wan icmp unreachable-port 198.51.100.1 > 203.0.113.9 [udp 203.0.113.9:6080 > 198.51.100.1:6080]
