# RFC 4787 REQ-1, RFC 5382 REQ-1: an inside endpoint has one outer endpoint, whoever it speaks to.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

# Another host has taken the port, so that the next one gets a port of its own.
+0ms in  lan udp 10.1.0.8:4000 > 203.0.113.1:53
     out wan udp 198.51.100.1:4000 > 203.0.113.1:53
+0ms in  lan udp 10.1.0.9:4000 > 203.0.113.1:53
     out wan udp 198.51.100.1:$u > 203.0.113.1:53
+0ms in  lan udp 10.1.0.9:4000 > 203.0.113.1:54
     out wan udp 198.51.100.1:$u > 203.0.113.1:54
+0ms in  lan udp 10.1.0.9:4000 > 203.0.113.2:53
     out wan udp 198.51.100.1:$u > 203.0.113.2:53
+0ms in  lan tcp 10.1.0.8:4000 > 203.0.113.1:80 S
     out wan tcp 198.51.100.1:4000 > 203.0.113.1:80 S
+0ms in  lan tcp 10.1.0.9:4000 > 203.0.113.1:80 S
     out wan tcp 198.51.100.1:$t > 203.0.113.1:80 S
+0ms in  lan tcp 10.1.0.9:4000 > 203.0.113.2:443 S
     out wan tcp 198.51.100.1:$t > 203.0.113.2:443 S
