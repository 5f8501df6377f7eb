# A34: a sender may not choose the way by an option, past the rules about destinations (RFC 7126 §4.3, §4.4).
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  a: { net: 10.0.0.0/24, iface: a },
  b: { net: 10.1.0.0/24, iface: b }
}
END

# Loose and strict, alone and behind another option; through the box and to it.
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 8307040a01000700
     drop IpOptions a
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 8907040a01000700
     drop IpOptions a
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 018307040a010007
     drop IpOptions a
+0ms in a udp 10.0.0.9:1 > 10.0.0.1:2 ipopt 8307040a01000700
     drop IpOptions a
# Lengths that do not fit.
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 94000000
     drop IpOptions a
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 94010000
     drop IpOptions a
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 94ff0000
     drop IpOptions a
# A router alert, and padding behind the end of the list, are nobody's business.
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 94040000
     out b udp 10.0.0.9:1 > 10.1.0.9:2 ipopt 94040000 ttl 63
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:3 ipopt 00000000
     out b udp 10.0.0.9:1 > 10.1.0.9:3 ipopt 00000000 ttl 63
