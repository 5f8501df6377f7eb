# A segment that the link to the nodes does not take: its sender is told the size.
config <<END
Iface outside { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }
Iface inside { index: 1, address: 10.1.0.1, netmask: 255.255.255.0, mtu: 1300 }
Load_balancer lb {
  layer: tcp, clients: { iface: outside, port: 80 },
  servers: { iface: inside, algorithm: round_robin, pool: [ { address: 10.1.0.9, port: 80 } ] }
}
END

+0s   start
      out inside tcp 10.1.0.1:$a > 10.1.0.9:80 S
+1ms  in inside tcp 10.1.0.9:80 > 10.1.0.1:$a SA
      out inside tcp 10.1.0.1:$a > 10.1.0.9:80 x1..3
+1s   in outside tcp 10.0.0.5:1000 > 10.0.0.1:80 S
      out inside tcp 10.1.0.1:$p > 10.1.0.9:80 S
+1ms  in inside tcp 10.1.0.9:80 > 10.1.0.1:$p SA
      out outside tcp 10.0.0.1:80 > 10.0.0.5:1000 SA
+1ms  in outside tcp 10.0.0.5:1000 > 10.0.0.1:80 A len 1301 df
      drop TooBig outside
      out outside icmp fragmentation-needed 10.0.0.1 > 10.0.0.5 mtu 1300 [tcp 10.0.0.5:1000 > 10.0.0.1:80 len 1301]
+1ms  in outside tcp 10.0.0.5:1000 > 10.0.0.1:80 A len 1300 df
      out inside tcp 10.1.0.1:$p > 10.1.0.9:80 A len 1300
