# Destination and source translated: each side sees the router only.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0, postrouting: hide }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, prerouting: publish }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Nat::IP publish { Nat::TCP { if (ip.daddr == 172.16.200.1 and tcp.dport == 8800) { dnat(172.16.100.5, 8800) } if (ip.daddr == 172.16.200.1 and tcp.dport == 80) { dnat(172.16.100.5, 8800) } } }
Nat::IP hide { snat(172.16.100.1) }
END

+0ms in  veth2 tcp 172.16.200.5:4000 > 172.16.200.1:8800 S
     out veth1 tcp 172.16.100.1:4000 > 172.16.100.5:8800 S
+1ms in  veth1 tcp 172.16.100.5:8800 > 172.16.100.1:4000 SA
     out veth2 tcp 172.16.200.1:8800 > 172.16.200.5:4000 SA
