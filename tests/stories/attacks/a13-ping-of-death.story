# A13 (CVE-1999-0128): a fragment that ends beyond 65,535 bytes.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in wan icmp echo-request 203.0.113.9 > 198.51.100.1 echo 7/1 frag 0 mf len 1500 of 3000 id 7
+0ms in wan ip icmp 203.0.113.9 > 198.51.100.1 frag 65528 len 1500 id 7
     drop FragmentTooLong wan x2
