# Answers pass, and errors about what was asked; nothing else from the public side.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, postrouting: hide, input: quiet }
Gateway router {
  forward: out,
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Filter::IP quiet { if (ct.state == established) { accept } drop }
Conntrack c { stateful_tcp: true }
Filter::IP out { if (ct.state == established or ct.state == related) { accept } if (iif == veth1) { accept } drop }
Nat::IP hide { snat(172.16.200.1) }
END

+0ms  in  veth1 tcp 172.16.100.5:4000 > 172.16.200.5:80 S
      out veth2 tcp 172.16.200.1:4000 > 172.16.200.5:80 S
+1ms  in  veth2 tcp 172.16.200.5:80 > 172.16.200.1:4000 SA
      out veth1 tcp 172.16.200.5:80 > 172.16.100.5:4000 SA
+1ms  in  veth1 tcp 172.16.100.5:4000 > 172.16.200.5:80 A
      out veth2 tcp 172.16.200.1:4000 > 172.16.200.5:80 A
# A new connection to the private host, an answer to nothing, a RST far outside the window.
+1ms  in  veth2 tcp 172.16.200.5:5000 > 172.16.100.5:22 S
      drop forward veth2
+1ms  in  veth2 tcp 172.16.200.5:80 > 172.16.100.5:4001 SA
      drop Invalid veth2
+1ms  in  veth2 tcp 172.16.200.5:80 > 172.16.200.1:4000 R seq 900000000
      drop Invalid veth2
+20s  in  veth2 tcp 172.16.200.5:80 > 172.16.200.1:4000 PA seq 1001 data "still here"
      out veth1 tcp 172.16.200.5:80 > 172.16.100.5:4000 PA data "still here"
# Errors: about a known flow, and about none.
+0ms  in  veth1 udp 172.16.100.5:4000 > 172.16.200.5:53
      out veth2 udp 172.16.200.1:4000 > 172.16.200.5:53
+1ms  in  veth2 icmp unreachable-port 172.16.200.5 > 172.16.200.1 [udp 172.16.200.1:4000 > 172.16.200.5:53]
      out veth1 icmp unreachable-port 172.16.200.5 > 172.16.100.5 [udp 172.16.100.5:4000 > 172.16.200.5:53]
+1ms  in  veth2 icmp unreachable-port 172.16.200.5 > 172.16.100.5 [udp 172.16.100.5:4009 > 172.16.200.5:53]
      drop Invalid veth2
