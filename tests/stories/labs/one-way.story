# What comes from the private side may be forwarded: the request arrives, the answer does not.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0 }
Gateway router {
  forward: out,
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Filter::IP out { if (iif == veth1) { accept } drop }
END

+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 7/1
     out veth2 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 7/1
+1ms in  veth2 icmp echo-reply 172.16.200.5 > 172.16.100.5 echo 7/1
     drop forward veth2
