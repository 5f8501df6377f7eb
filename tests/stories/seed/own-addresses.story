# The box's own address on an Iface is local there; on another Iface it is reached through the forward chain.
config ../../../examples/seed.nacl

+0ms in  outside  tcp 10.0.0.77:4000 > 10.0.0.2:80 S
     local outside
     out outside  tcp 10.0.0.2:80 > 10.0.0.77:4000 RA seq 0 ack 1001 via 10.0.0.77

+0ms in  outside  tcp 10.0.0.77:4000 > 192.168.0.1:80 S
     log warning  "Dropping packet from saddr 10.0.0.77 to 192.168.0.1"
     drop forward outside

+0ms in  outside  icmp echo-request 10.0.0.77 > 10.0.0.2 echo 7/1 data "ping"
     out outside  icmp echo-reply 10.0.0.2 > 10.0.0.77 echo 7/1 data "ping" via 10.0.0.77
