# The published port, asked from the private side: a rule on that side translates as well, and the source becomes the
# router's, so that the answer comes back through it.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0, prerouting: publish, postrouting: hide }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0, masquerade: true, prerouting: publish }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 }
}
Nat::IP publish { Nat::TCP { if (ip.daddr == 172.16.200.1 and tcp.dport == 8800) { dnat(172.16.100.5, 8800) } } }
Nat::IP hide { if (ip.saddr in [172.16.100.0/24]) { masquerade } }
END

+0ms in  veth1 tcp 172.16.100.6:4000 > 172.16.200.1:8800 S
     out veth1 tcp 172.16.100.1:4000 > 172.16.100.5:8800 S
+1ms in  veth1 tcp 172.16.100.5:8800 > 172.16.100.1:4000 SA
     out veth1 tcp 172.16.200.1:8800 > 172.16.100.6:4000 SA
