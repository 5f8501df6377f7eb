# RFC 4787 REQ-9, RFC 5382 REQ-8: two inside hosts meet at an outer endpoint; each sees the other's outer endpoint.
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
     out lan udp 198.51.100.1:4000 > 10.1.0.8:5000 via 10.1.0.8
+1ms in  lan udp 10.1.0.8:5000 > 198.51.100.1:4000
     out lan udp 198.51.100.1:5000 > 10.1.0.9:4000 via 10.1.0.9
+0ms in  lan tcp 10.1.0.8:5000 > 203.0.113.1:80 S
     out wan tcp 198.51.100.1:5000 > 203.0.113.1:80 S
+0ms in  lan tcp 10.1.0.9:4000 > 198.51.100.1:5000 S
     out lan tcp 198.51.100.1:4000 > 10.1.0.8:5000 S
+1ms in  lan tcp 10.1.0.8:5000 > 198.51.100.1:4000 SA
     out lan tcp 198.51.100.1:5000 > 10.1.0.9:4000 SA
