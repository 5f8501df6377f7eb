# It sends RST, or stays silent for a minute: nothing is sent to a node for it.
config ../../nacl/upstream-lb.nacl

+0s   start
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 S
      out inside tcp 10.20.17.72:$b > 10.20.17.82:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$a RA
+1ms  in inside tcp 10.20.17.82:80 > 10.20.17.72:$b RA
+1s   in outside tcp 10.20.17.5:1000 > 10.20.17.71:80 S
+1s   in outside tcp 10.20.17.5:1000 > 10.20.17.71:80 R
      drop ClientGaveUp outside
+27s  wait
      out inside tcp 10.20.17.72:$c > 10.20.17.81:80 S
      out inside tcp 10.20.17.72:$d > 10.20.17.82:80 S
+2s   in inside tcp 10.20.17.81:80 > 10.20.17.72:$c SA
      out inside tcp 10.20.17.72:$c > 10.20.17.81:80 x1..3
