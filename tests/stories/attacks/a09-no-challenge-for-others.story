# A09 (CVE-2016-5696): the router sends no challenge acknowledgments in the name of others; they cannot be counted.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Conntrack c { stateful_tcp: true }
Filter::IP guard { if (ct.state == established) { accept } if (ct.state == related) { accept } if (iif == lan) { accept } drop }
END

+0ms  in  lan tcp 10.1.0.9:4000 > 203.0.113.9:80 S seq 1000
      out wan tcp 10.1.0.9:4000 > 203.0.113.9:80 S
+20ms in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 SA seq 5000 ack 1001 win 1000
      out lan tcp 203.0.113.9:80 > 10.1.0.9:4000 SA
+20ms in  lan tcp 10.1.0.9:4000 > 203.0.113.9:80 A seq 1001 ack 5001 win 1000
      out wan tcp 10.1.0.9:4000 > 203.0.113.9:80 A

# What an endpoint has to judge is passed to it, and to nobody an answer is given.
+1ms  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 S seq 5500 x200
      out lan tcp 203.0.113.9:80 > 10.1.0.9:4000 S x200
+1ms  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 A seq 900000 ack 1001 x200
      drop Invalid wan x200
