# RFC 4787 REQ-5, REQ-6: a mapping lasts two minutes after its last packet from inside, which refreshes it, though the
# flow that made it is forgotten after 30 s without an answer.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms  in  lan udp 10.1.0.8:4000 > 203.0.113.1:53
      out wan udp 198.51.100.1:4000 > 203.0.113.1:53
+0ms  in  lan udp 10.1.0.9:4000 > 203.0.113.1:53
      out wan udp 198.51.100.1:$u > 203.0.113.1:53
+110s in  lan udp 10.1.0.8:4000 > 203.0.113.9:53
      out wan udp 198.51.100.1:4000 > 203.0.113.9:53
+5s   in  lan udp 10.1.0.9:4000 > 203.0.113.2:53
      out wan udp 198.51.100.1:$u > 203.0.113.2:53
+110s in  lan udp 10.1.0.9:4000 > 203.0.113.3:53
      out wan udp 198.51.100.1:$u > 203.0.113.3:53
