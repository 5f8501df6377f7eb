# Everything that leaves to the public side gets the router's address.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, postrouting: hide }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Nat::IP hide { snat(172.16.200.1) }
END

+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 7/1
     out veth2 icmp echo-request 172.16.200.1 > 172.16.200.5 echo 7/1
+1ms in  veth2 icmp echo-reply 172.16.200.5 > 172.16.200.1 echo 7/1
     out veth1 icmp echo-reply 172.16.200.5 > 172.16.100.5 echo 7/1
# Two hosts with one port: both work.
+0ms in  veth1 tcp 172.16.100.5:4000 > 172.16.200.5:80 S
     out veth2 tcp 172.16.200.1:4000 > 172.16.200.5:80 S
+0ms in  veth1 tcp 172.16.100.6:4000 > 172.16.200.5:80 S
     out veth2 tcp 172.16.200.1:$other > 172.16.200.5:80 S
+1ms in  veth2 tcp 172.16.200.5:80 > 172.16.200.1:$other SA
     out veth1 tcp 172.16.200.5:80 > 172.16.100.6:4000 SA
# An error about a translated datagram finds its sender, who recognises what it quotes.
+0ms in  veth1 udp 172.16.100.5:4000 > 172.16.200.5:53
     out veth2 udp 172.16.200.1:4000 > 172.16.200.5:53
+1ms in  veth2 icmp unreachable-port 172.16.200.5 > 172.16.200.1 [udp 172.16.200.1:4000 > 172.16.200.5:53]
     out veth1 icmp unreachable-port 172.16.200.5 > 172.16.100.5 [udp 172.16.100.5:4000 > 172.16.200.5:53]
