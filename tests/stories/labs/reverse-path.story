# A private source does not come from the public side.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, reverse_path: strict }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
END

+0ms in veth2 udp 172.16.100.9:4000 > 172.16.100.5:53
     drop ReversePath veth2
