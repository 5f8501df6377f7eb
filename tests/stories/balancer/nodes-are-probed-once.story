# Each node is asked once whether it is there; one that is up is left alone.
config ../../nacl/upstream-lb.nacl

+0s   start
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 S
      out inside tcp 10.20.17.72:$b > 10.20.17.82:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$a SA
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 x1..3
+1ms  in inside tcp 10.20.17.82:80 > 10.20.17.72:$b SA
      out inside tcp 10.20.17.72:$b > 10.20.17.82:80 x1..3
+120s wait
