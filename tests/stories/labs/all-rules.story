# All rules of the lab at once: the private side may speak, is answered, and publishes one service.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0, input: quiet }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, masquerade: true, prerouting: publish, input: quiet }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 },
  forward: out
}
Nat::IP publish { Nat::TCP { if (tcp.dport == 8800) { dnat(172.16.100.5, 8800) } } }
Filter::IP quiet { if (ct.state == established) { accept } drop }
Filter::IP out {
  if (ct.state == established or ct.state == related) { accept }
  if (iif == veth1) { accept }
  Filter::TCP { if (ip.daddr == 172.16.100.5 and tcp.dport == 8800) { accept } }
  drop
}
END

# A ping out and its answer.
+0ms in  veth1 icmp echo-request 172.16.100.5 > 172.16.200.5 echo 7/1
     out veth2 icmp echo-request 172.16.200.1 > 172.16.200.5 echo 7/1
+1ms in  veth2 icmp echo-reply 172.16.200.5 > 172.16.200.1 echo 7/1
     out veth1 icmp echo-reply 172.16.200.5 > 172.16.100.5 echo 7/1
# The published service, which refuses: its RST comes from the address that was asked.
+0ms in  veth2 tcp 172.16.200.5:4000 > 172.16.200.1:8800 S
     out veth1 tcp 172.16.200.5:4000 > 172.16.100.5:8800 S
+1ms in  veth1 tcp 172.16.100.5:8800 > 172.16.200.5:4000 RA
     out veth2 tcp 172.16.200.1:8800 > 172.16.200.5:4000 RA
# The host itself is down: its neighbor's error comes from the published address, and quotes it.
+0ms in  veth2 tcp 172.16.200.5:4001 > 172.16.200.1:8800 S
     out veth1 tcp 172.16.200.5:4001 > 172.16.100.5:8800 S
+1ms in  veth1 icmp unreachable-host 172.16.100.9 > 172.16.200.5 [tcp 172.16.200.5:4001 > 172.16.100.5:8800 S]
     out veth2 icmp unreachable-host 172.16.200.1 > 172.16.200.5 [tcp 172.16.200.5:4001 > 172.16.200.1:8800]
# Nothing else from the public side.
+0ms in  veth2 tcp 172.16.200.5:4002 > 172.16.100.5:22 S
     drop forward veth2
+0ms in  veth2 icmp echo-request 172.16.200.5 > 172.16.200.1 echo 8/1
     drop input veth2
