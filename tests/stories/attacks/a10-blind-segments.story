# A10 (CVE-2004-0230, RFC 5961): a RST is believed at exactly the next number only, a SYN never; what is guessed wrong
# ends no connection.
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

+1ms  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 R seq 5300
      drop Invalid wan
+1ms  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 PA seq 900000 ack 1001 data "x"
      drop Invalid wan
+1ms  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 PA seq 5001 ack 700000 data "x"
      drop Invalid wan
+20s  in  lan tcp 10.1.0.9:4000 > 203.0.113.9:80 PA seq 1001 ack 5001 data "still here"
      out wan tcp 10.1.0.9:4000 > 203.0.113.9:80 PA data "still here"
# The right RST ends it: ten seconds later nothing is left.
+1ms  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 R seq 5001
      out lan tcp 203.0.113.9:80 > 10.1.0.9:4000 R
+11s  in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 A seq 5001 ack 1011
      drop Invalid wan
