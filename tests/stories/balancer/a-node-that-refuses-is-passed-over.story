# The client sees nothing of it; the node is probed 8 s later.
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
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$p RA
      out inside tcp 10.20.17.72:$q > 10.20.17.82:80 S
+7s   wait
+1s   wait
      out inside tcp 10.20.17.72:$c > 10.20.17.81:80 S
