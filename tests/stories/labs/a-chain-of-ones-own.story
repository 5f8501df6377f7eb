# A Filter within a Filter is a chain of its own: what it does not decide comes back to the rule behind it.
config <<END
Iface veth1 { index: 0, address: 172.16.100.1, netmask: 255.255.255.0 }
Iface veth2 { index: 1, address: 172.16.200.1, netmask: 255.255.255.0 }
Gateway router {
  r1: { net: 172.16.100.0/24, iface: veth1 },
  r2: { net: 172.16.200.0/24, iface: veth2 },
  forward: rules
}
Filter::TCP web {
  if (tcp.dport == 80) { accept }
  if (tcp.dport == 81) { drop }
}
Filter::IP rules {
  web()
  if (ip.saddr == 172.16.100.5) { accept }
  drop
}
END

+0ms in  veth1 tcp 172.16.100.6:4000 > 172.16.200.5:80 S
     out veth2 tcp 172.16.100.6:4000 > 172.16.200.5:80 S
+0ms in  veth1 tcp 172.16.100.5:4000 > 172.16.200.5:81 S
     drop forward veth1
+0ms in  veth1 tcp 172.16.100.5:4000 > 172.16.200.5:82 S
     out veth2 tcp 172.16.100.5:4000 > 172.16.200.5:82 S
+0ms in  veth1 tcp 172.16.100.6:4000 > 172.16.200.5:82 S
     drop forward veth1
