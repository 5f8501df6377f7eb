# Nothing may be forwarded, and nothing reach the router; ARP is no packet of IP and works.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0, input: nothing }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, input: nothing }
Gateway router {
  forward: nothing,
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Filter::IP nothing { drop }
END

+0ms in veth1 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 7/1
     drop forward veth1
+0ms in veth1 icmp echo-request 172.16.100.5 > 172.16.100.1 echo 7/1
     drop input veth1
+0ms in veth1 arp who-has 172.16.100.1 tell 172.16.100.5
     out veth1 arp 172.16.100.1 is-at 52:54:00:00:00:00
