# The forward chain sees the translated destination, and so does the log.
config ../../../examples/seed-nat.nacl

+0ms in  outside  tcp 203.0.113.9:1000 > 10.0.0.2:5001 S
     log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.54"
     drop forward outside
