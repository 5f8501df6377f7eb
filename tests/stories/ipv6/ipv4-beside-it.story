# The IPv4 rules of the same file hold as before; only the log server is an IPv6 host now.
config ../../../examples/seed6.nacl

+0ms  in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S
      log info     "New connection established (from 203.0.113.9)" from 2001:db8:0:2::1
      out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63 via 192.168.0.50

+20ms in  inside   tcp 192.168.0.50:80 > 203.0.113.9:4000 SA
      log info     "Accepting packet from an already established connection (from 192.168.0.50)"
      out outside  tcp 192.168.0.50:80 > 203.0.113.9:4000 SA via 10.0.0.1

+0ms  in  outside  udp 203.0.113.9:4000 > 192.168.0.50:80
      log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"
      drop forward outside
