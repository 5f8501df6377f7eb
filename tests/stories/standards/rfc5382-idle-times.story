# RFC 5382 REQ-5: an established connection may be idle for two hours and four minutes, one that is opening or closing
# for four minutes.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Conntrack c { stateful_tcp: true }
END

+0ms   in  lan tcp 10.1.0.9:4000 > 203.0.113.1:80 S
       out wan tcp 198.51.100.1:4000 > 203.0.113.1:80 S
+239s  in  wan tcp 203.0.113.1:80 > 198.51.100.1:4000 SA
       out lan tcp 203.0.113.1:80 > 10.1.0.9:4000 SA
+20ms  in  lan tcp 10.1.0.9:4000 > 203.0.113.1:80 A
       out wan tcp 198.51.100.1:4000 > 203.0.113.1:80 A
+7439s in  wan tcp 203.0.113.1:80 > 198.51.100.1:4000 PA data "x"
       out lan tcp 203.0.113.1:80 > 10.1.0.9:4000 PA data "x"
+1s    in  wan tcp 203.0.113.1:80 > 198.51.100.1:4000 FA
       out lan tcp 203.0.113.1:80 > 10.1.0.9:4000 FA
+239s  in  lan tcp 10.1.0.9:4000 > 203.0.113.1:80 A
       out wan tcp 198.51.100.1:4000 > 203.0.113.1:80 A
