# RFC 5508 REQ-7: an error about a packet that was turned back inside finds its sender, who sees outer endpoints only.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in  lan udp 10.1.0.8:5000 > 203.0.113.1:53
     out wan udp 198.51.100.1:5000 > 203.0.113.1:53
+0ms in  lan udp 10.1.0.9:4000 > 198.51.100.1:5000
     out lan udp 198.51.100.1:4000 > 10.1.0.8:5000
+1ms in  lan icmp unreachable-port 10.1.0.8 > 198.51.100.1 [udp 198.51.100.1:4000 > 10.1.0.8:5000]
     out lan icmp unreachable-port 198.51.100.1 > 10.1.0.9 [udp 10.1.0.9:4000 > 198.51.100.1:5000]
