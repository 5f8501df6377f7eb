# RFC 5382 REQ-2: both ends open at once, through the translation.
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

+0ms in  lan tcp 10.1.0.9:4000 > 203.0.113.1:5000 S seq 1000
     out wan tcp 198.51.100.1:4000 > 203.0.113.1:5000 S seq 1000
+1ms in  wan tcp 203.0.113.1:5000 > 198.51.100.1:4000 S seq 7000
     out lan tcp 203.0.113.1:5000 > 10.1.0.9:4000 S seq 7000
+1ms in  lan tcp 10.1.0.9:4000 > 203.0.113.1:5000 SA seq 1000 ack 7001
     out wan tcp 198.51.100.1:4000 > 203.0.113.1:5000 SA
+1ms in  wan tcp 203.0.113.1:5000 > 198.51.100.1:4000 SA seq 7000 ack 1001
     out lan tcp 203.0.113.1:5000 > 10.1.0.9:4000 SA
+1ms in  lan tcp 10.1.0.9:4000 > 203.0.113.1:5000 PA seq 1001 ack 7001 data "hello"
     out wan tcp 198.51.100.1:4000 > 203.0.113.1:5000 PA data "hello"
