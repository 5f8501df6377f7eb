# A16 (RFC 1858): the first fragment ends within the TCP header, so that no rule could see the flags.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Filter::IP guard { Filter::TCP { if (tcp.syn) { drop } } accept }
END

+0ms in wan tcp 203.0.113.9:1 > 10.1.0.9:2 S frag 0 mf len 28 of 60 id 7
     drop TinyFragment wan
+0ms in wan tcp 203.0.113.9 > 10.1.0.9 frag 8 len 52 id 7
     drop FragmentRefused wan
