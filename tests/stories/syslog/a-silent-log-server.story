# The box keeps 64 lines for a server that does not answer ARP, and goes on forwarding.
config ../../../examples/seed.nacl

+0s   silent 192.168.0.231
+0s   in  outside  udp 203.0.113.9:4000 > 192.168.0.50:80 x1000
      drop forward outside x1000
      drop NeighborQueueFull inside x936
+10ms in  outside  tcp 10.55.1.1:1 > 192.168.0.5:22 S
      out inside   tcp 10.55.1.1:1 > 192.168.0.5:22 S
# One more line, which says how many were lost, pushes out another.
      drop NeighborQueueFull inside x..1
