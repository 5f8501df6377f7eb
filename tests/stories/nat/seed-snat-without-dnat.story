config ../../../examples/seed-nat.nacl

+0ms in  outside  tcp 10.55.1.1:7 > 192.168.0.54:5001 S
     out inside   tcp 192.168.0.1:7 > 192.168.0.54:5001 S via 192.168.0.54
