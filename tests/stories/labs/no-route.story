# A destination without a route is answered where the gateway tells.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0 }
Gateway router {
  send_unreachable: true,
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
END

+0ms in  veth1 udp 172.16.100.5:4000 > 192.0.2.9:53
     drop NoRoute veth1
     out veth1 icmp unreachable-net 172.16.100.1 > 172.16.100.5 [udp 172.16.100.5:4000 > 192.0.2.9:53]
