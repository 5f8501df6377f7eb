# RFC 5508 REQ-11: ICMP messages that are neither queries nor errors pass as the rules say.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Filter::IP guard { Filter::ICMP { if (icmp.type == 9) { drop } } accept }
END

+0ms in  lan icmp 9/0 10.1.0.9 > 203.0.113.1
     drop forward lan
+0ms in  lan icmp 40/0 10.1.0.9 > 203.0.113.1
     out wan icmp 40/0 10.1.0.9 > 203.0.113.1
