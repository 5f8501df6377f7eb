# First after one second, then every interval; in a fixed order.
config ../../nacl/upstream-timers.nacl

+1s  wait
     console "[ NaCl Timer Timestamp ] *"
     console "[ NaCl Timer Stack Sampling ] *" x..9
     console "[ NaCl Timer Memory ] *"
     console "[ NaCl Timer CPU ] *"
     console "[ NaCl Timer Stats ] *" x1..9
     console "[ NaCl Timer Timers ] *"
+25s wait
     console "[ NaCl Timer Timestamp ] *"
     console "[ NaCl Timer Stack Sampling ] *" x..9
+20s wait
     console "[ NaCl Timer Memory ] *"
     console "[ NaCl Timer CPU ] *"
+5s  wait
     console "[ NaCl Timer Timestamp ] *"
     console "[ NaCl Timer Stack Sampling ] *" x..9
+5s  wait
