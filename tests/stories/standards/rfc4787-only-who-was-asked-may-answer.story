# RFC 4787 REQ-8, RFC 5382 REQ-3: filtering depends on address and port: whoever was not spoken to does not get in.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in  lan udp 10.1.0.9:4000 > 203.0.113.1:53
     out wan udp 198.51.100.1:4000 > 203.0.113.1:53
+1ms in  wan udp 203.0.113.1:53 > 198.51.100.1:4000
     out lan udp 203.0.113.1:53 > 10.1.0.9:4000
+1ms in  wan udp 203.0.113.1:54 > 198.51.100.1:4000
     out wan icmp unreachable-port 198.51.100.1 > 203.0.113.1 [udp 203.0.113.1:54 > 198.51.100.1:4000]
+1ms in  wan udp 203.0.113.2:53 > 198.51.100.1:4000
     out wan icmp unreachable-port 198.51.100.1 > 203.0.113.2 [udp 203.0.113.2:53 > 198.51.100.1:4000]
