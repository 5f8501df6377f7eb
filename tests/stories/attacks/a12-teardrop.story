# A12 (CVE-1999-0015): a fragment that lies within another one.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in wan udp 203.0.113.9:1 > 10.1.0.9:2 frag 0 mf len 60 of 68 id 242
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 24 len 24 id 242
     drop FragmentOverlap wan x2
