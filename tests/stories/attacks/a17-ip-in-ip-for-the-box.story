# A17 (CVE-2020-10136): IP in IP to the box is not unpacked; no tunnel is configured.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in  wan ip 4 203.0.113.9 > 198.51.100.1 data 4500001c0001000040110000cb0071090a0100090001000200080000
     local wan
     out wan icmp unreachable-protocol 198.51.100.1 > 203.0.113.9 [ip 4 203.0.113.9 > 198.51.100.1]
