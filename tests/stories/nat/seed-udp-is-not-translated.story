# Nat::TCP is for TCP: UDP to the same port is for the box.
config ../../../examples/seed-nat.nacl

+0ms in  outside  udp 10.55.1.1:1000 > 10.0.0.2:5001
     local outside
     out outside  icmp unreachable-port 10.0.0.2 > 10.55.1.1 [udp 10.55.1.1:1000 > 10.0.0.2:5001]
