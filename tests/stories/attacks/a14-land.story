# A14 (CVE-1999-0016): source and destination are the same.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in wan tcp 198.51.100.1:80 > 198.51.100.1:80 S
     drop SpoofedSource wan
+0ms in wan tcp 10.1.0.9:80 > 10.1.0.9:80 S
     drop Land wan
+0ms in lan udp 203.0.113.9:7 > 203.0.113.9:19
     drop Land lan
