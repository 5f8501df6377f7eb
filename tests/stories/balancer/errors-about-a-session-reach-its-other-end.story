# A router between node and box, or between box and client, needs to tell whose packet was too large.
config ../../nacl/upstream-lb.nacl

+0s   start
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 S
      out inside tcp 10.20.17.72:$b > 10.20.17.82:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$a SA
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 x1..3
+1ms  in inside tcp 10.20.17.82:80 > 10.20.17.72:$b SA
      out inside tcp 10.20.17.72:$b > 10.20.17.82:80 x1..3
+1s   in outside tcp 10.20.17.5:1000 > 10.20.17.71:80 S
      out inside tcp 10.20.17.72:$p > 10.20.17.81:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$p SA
      out outside tcp 10.20.17.71:80 > 10.20.17.5:1000 SA
+1ms  in outside tcp 10.20.17.5:1000 > 10.20.17.71:80 A
      out inside tcp 10.20.17.72:$p > 10.20.17.81:80 A
+1ms  in inside icmp fragmentation-needed 10.20.17.200 > 10.20.17.72 mtu 1300 [tcp 10.20.17.72:$p > 10.20.17.81:80 A]
      out outside icmp fragmentation-needed 10.20.17.71 > 10.20.17.5 mtu 1300 [tcp 10.20.17.5:1000 > 10.20.17.71:80]
+1ms  in outside icmp fragmentation-needed 10.20.17.201 > 10.20.17.71 mtu 1400 [tcp 10.20.17.71:80 > 10.20.17.5:1000 A]
      out inside icmp fragmentation-needed 10.20.17.72 > 10.20.17.81 mtu 1400 [tcp 10.20.17.81:80 > 10.20.17.72:$p]
