# Refusals that the sender is told of.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0 }
Gateway router {
  forward: out,
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Filter::IP out { Filter::UDP { reject(port-unreachable) } Filter::TCP { reject(tcp-reset) } reject }
END

+0ms in  veth1 udp 172.16.100.5:4000 > 172.16.200.5:53
     drop Rejected veth1
     out veth1 icmp unreachable-port 172.16.100.1 > 172.16.100.5 [udp 172.16.100.5:4000 > 172.16.200.5:53]
+0ms in  veth1 tcp 172.16.100.5:4000 > 172.16.200.5:80 S seq 1000
     drop Rejected veth1
     out veth1 tcp 172.16.200.5:80 > 172.16.100.5:4000 RA seq 0 ack 1001
+0ms in  veth1 tcp 172.16.100.5:4001 > 172.16.200.5:80 A seq 1000 ack 7000
     drop Rejected veth1
     out veth1 tcp 172.16.200.5:80 > 172.16.100.5:4001 R seq 7000
+0ms in  veth1 ip gre 172.16.100.5 > 172.16.200.5
     drop Rejected veth1
     out veth1 icmp admin-prohibited 172.16.100.1 > 172.16.100.5 [ip gre 172.16.100.5 > 172.16.200.5]
