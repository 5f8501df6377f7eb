# A packet may leave by the Iface that it came in by, if a rule lets it.
config ../../../examples/seed.nacl

+0ms in  inside  tcp 192.168.0.50:5 > 192.168.0.60:80 S
     log info    "New connection established (from 192.168.0.50)"
     out inside  tcp 192.168.0.50:5 > 192.168.0.60:80 S ttl 63 via 192.168.0.60
