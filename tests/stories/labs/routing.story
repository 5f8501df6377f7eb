# A private and a public network with a router between them.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, mtu: 1400 }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
END

# A ping is forwarded: source, identification and DF are kept, the TTL is one less.
+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 20237/1 id 15263 df len 84
     out veth2 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 20237/1 id 15263 df len 84 ttl 63
# traceroute works.
+0ms in  veth1 udp 172.16.100.5:4000 > 172.16.200.5:33434 ttl 1
     drop TtlExpired veth1
     out veth1 icmp time-exceeded 172.16.100.1 > 172.16.100.5 [udp 172.16.100.5:4000 > 172.16.200.5:33434 ttl 1]
# Too big for the way, with DF and without.
+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 1/1 df len 1500
     drop TooBig veth1
     out veth1 icmp fragmentation-needed 172.16.100.1 > 172.16.100.5 mtu 1400 [icmp echo-request 172.16.100.5 > 172.16.200.5]
+0ms in  veth1 udp 172.16.100.5:4000 > 172.16.200.5:53 no-df len 1500
     out veth2 udp 172.16.100.5:4000 > 172.16.200.5:53 frag 0 mf len 1396
     out veth2 udp 172.16.100.5 > 172.16.200.5 frag 1376 no-mf len 124
# The router's own address on the wire is announced there, and not that of the other side.
+0ms in  veth1 arp who-has 172.16.100.1 tell 172.16.100.5
     out veth1 arp 172.16.100.1 is-at 52:54:00:00:00:00
+0ms in  veth1 arp who-has 172.16.200.1 tell 172.16.100.5
# Both addresses answer a ping from the private side.
+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.100.1 echo 3/1
     out veth1 icmp echo-reply 172.16.100.1 > 172.16.100.5 echo 3/1
+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.200.1 echo 4/1
     out veth1 icmp echo-reply 172.16.200.1 > 172.16.100.5 echo 4/1
