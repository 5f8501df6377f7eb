# RFC 4787 REQ-12, RFC 5382 REQ-10, RFC 5508 REQ-6: an ICMP error ends neither mapping nor connection, and does not
# prolong its life.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms  in  lan udp 10.1.0.9:4000 > 203.0.113.1:53
      out wan udp 198.51.100.1:4000 > 203.0.113.1:53
+1s   in  wan icmp unreachable-port 203.0.113.1 > 198.51.100.1 [udp 198.51.100.1:4000 > 203.0.113.1:53]
      out lan icmp unreachable-port 203.0.113.1 > 10.1.0.9 [udp 10.1.0.9:4000 > 203.0.113.1:53]
+1s   in  wan udp 203.0.113.1:53 > 198.51.100.1:4000
      out lan udp 203.0.113.1:53 > 10.1.0.9:4000
+0ms  in  lan tcp 10.1.0.9:4000 > 203.0.113.1:80 S
      out wan tcp 198.51.100.1:4000 > 203.0.113.1:80 S
+1s   in  wan icmp unreachable-host 203.0.113.77 > 198.51.100.1 [tcp 198.51.100.1:4000 > 203.0.113.1:80 S]
      out lan icmp unreachable-host 203.0.113.77 > 10.1.0.9 [tcp 10.1.0.9:4000 > 203.0.113.1:80 S]
+1s   in  wan tcp 203.0.113.1:80 > 198.51.100.1:4000 SA
      out lan tcp 203.0.113.1:80 > 10.1.0.9:4000 SA
# A ping's session is over after 60 s, whatever errors come meanwhile.
+0ms  in  lan icmp echo-request 10.1.0.9 > 203.0.113.1 echo 7/1
      out wan icmp echo-request 198.51.100.1 > 203.0.113.1 echo 7/1
+50s  in  wan icmp time-exceeded 203.0.113.77 > 198.51.100.1 [icmp echo-request 198.51.100.1 > 203.0.113.1 echo 7/1]
      out lan icmp time-exceeded 203.0.113.77 > 10.1.0.9 [icmp echo-request 10.1.0.9 > 203.0.113.1 echo 7/1]
+11s  in  wan icmp time-exceeded 203.0.113.77 > 198.51.100.1 [icmp echo-request 198.51.100.1 > 203.0.113.1 echo 7/1]
      local wan
