# A new connection is let in once, its answers come back, and what follows is established.
config ../../../examples/seed.nacl

+0ms  in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S
      log info     "New connection established (from 203.0.113.9)" from 192.168.0.1
      out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63 via 192.168.0.50

+20ms in  inside   tcp 192.168.0.50:80 > 203.0.113.9:4000 SA
      log info     "Accepting packet from an already established connection (from 192.168.0.50)" from 192.168.0.1
      out outside  tcp 192.168.0.50:80 > 203.0.113.9:4000 SA ttl 63 via 10.0.0.1

+20ms in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 A
      log info     "Accepting packet from an already established connection (from 203.0.113.9)"
      out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 A ttl 63 via 192.168.0.50
