# A01 (CVE-2019-5598): an ICMP error quotes a packet of a known flow, and is sent to somebody else.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Filter::IP guard { if (ct.state == established) { accept } if (ct.state == related) { accept } if (iif == lan) { accept } drop }
END

+0ms in  lan udp 10.1.0.9:4000 > 203.0.113.9:53
     out wan udp 10.1.0.9:4000 > 203.0.113.9:53
# Who sent the quoted packet may be told,
+1ms in  wan icmp unreachable-port 203.0.113.9 > 10.1.0.9 [udp 10.1.0.9:4000 > 203.0.113.9:53]
     out lan icmp unreachable-port 203.0.113.9 > 10.1.0.9 [udp 10.1.0.9:4000 > 203.0.113.9:53]
# nobody else.
+1ms in  wan icmp unreachable-port 203.0.113.9 > 10.1.0.77 [udp 10.1.0.9:4000 > 203.0.113.9:53]
     drop Invalid wan
