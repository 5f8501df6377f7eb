# The bastion reaches every host inside, without a word in the log; answers are established.
config ../../../examples/seed.nacl

+0ms in  outside  udp 10.55.1.1:1000 > 192.168.0.5:9
     out inside   udp 10.55.1.1:1000 > 192.168.0.5:9 ttl 63 via 192.168.0.5

+5ms in  inside   udp 192.168.0.5:9 > 10.55.1.1:1000
     log info     "Accepting packet from an already established connection (from 192.168.0.5)"
     out outside  udp 192.168.0.5:9 > 10.55.1.1:1000 ttl 63 via 10.0.0.1
