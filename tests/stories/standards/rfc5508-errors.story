# RFC 5508 REQ-3, REQ-4, REQ-5: errors are translated inside and out; one with a wrong checksum, or about nothing that
# is known, is dropped, from outside and from inside.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: any,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Filter::IP any { accept }
END

+0ms in  lan udp 10.1.0.9:4000 > 203.0.113.1:53
     out wan udp 198.51.100.1:4000 > 203.0.113.1:53
+1ms in  wan icmp unreachable-port 203.0.113.1 > 198.51.100.1 [udp 198.51.100.1:4000 > 203.0.113.1:53]
     out lan icmp unreachable-port 203.0.113.1 > 10.1.0.9 [udp 10.1.0.9:4000 > 203.0.113.1:53]
+1ms in  wan icmp unreachable-port 203.0.113.1 > 198.51.100.1 badsum [udp 198.51.100.1:4000 > 203.0.113.1:53]
     drop BadTransportChecksum wan
+1ms in  wan icmp unreachable-port 203.0.113.1 > 10.1.0.9 [udp 10.1.0.9:4001 > 203.0.113.1:53]
     drop Invalid wan
+1ms in  lan icmp unreachable-port 10.1.0.9 > 203.0.113.1 [udp 203.0.113.1:53 > 10.1.0.9:4001]
     drop Invalid lan
# An answer that nobody waits for any more.
+1ms in  wan udp 203.0.113.1:53 > 198.51.100.1:4000
     out lan udp 203.0.113.1:53 > 10.1.0.9:4000
+1ms in  lan icmp unreachable-port 10.1.0.9 > 203.0.113.1 [udp 203.0.113.1:53 > 10.1.0.9:4000]
     out wan icmp unreachable-port 198.51.100.1 > 203.0.113.1 [udp 203.0.113.1:53 > 198.51.100.1:4000]
