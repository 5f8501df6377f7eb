# It refused at the start: asked again every 30 s. All clients go to the other.
config ../../nacl/upstream-lb.nacl

+0s   start
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 S
      out inside tcp 10.20.17.72:$b > 10.20.17.82:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$a SA
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 x1..3
+1ms  in inside tcp 10.20.17.82:80 > 10.20.17.72:$b RA
+1s   in outside tcp 10.20.17.5:1000 > 10.20.17.71:80 S
      out inside tcp 10.20.17.72:$p > 10.20.17.81:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$p SA
      out outside tcp 10.20.17.71:80 > 10.20.17.5:1000 SA
+1ms  in outside tcp 10.20.17.6:1000 > 10.20.17.71:80 S
      out inside tcp 10.20.17.72:$q > 10.20.17.81:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$q SA
      out outside tcp 10.20.17.71:80 > 10.20.17.6:1000 SA
+28s  wait
      out inside tcp 10.20.17.72:$c > 10.20.17.82:80 S
