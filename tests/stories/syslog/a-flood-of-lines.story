# 1000 lines at once, then 1000 a second; the rest is counted and said in one line.
config ../../../examples/seed.nacl

+0s    in  outside  udp 203.0.113.9:4000 > 192.168.0.50:80 x1500
       drop forward outside x1500
       log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50" x1000
+100ms in  outside  udp 203.0.113.9:4000 > 192.168.0.50:80 x1500
       drop forward outside x1500
       log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50" x99..101
       log warning  "suppressed 1900"
+2s    wait
