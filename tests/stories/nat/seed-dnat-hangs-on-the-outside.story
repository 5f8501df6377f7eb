# From inside, the outer address is the box's own on another Iface: the forward chain refuses it.
config ../../../examples/seed-nat.nacl

+0ms in  inside   tcp 192.168.0.50:4000 > 10.0.0.2:5001 S
     log warning  "Dropping packet from saddr 192.168.0.50 to 10.0.0.2"
     drop forward inside
