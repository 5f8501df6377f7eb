config seed.nacl

+0ms   in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 64
       log info     "New connection established (from 203.0.113.9)"
       out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63 via 192.168.0.50

+20ms  in  inside   tcp 192.168.0.50:80 > 203.0.113.9:4000 SA
       log info     "Accepting packet from an already established connection (from 192.168.0.50)"
       out outside  tcp 192.168.0.50:80 > 203.0.113.9:4000 SA via 10.0.0.1

+0ms   in  outside  udp 203.0.113.9:53 > 192.168.0.50:53
       log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"
       drop forward
