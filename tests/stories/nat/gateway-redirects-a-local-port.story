# Port 3333 of the box is its port 4444; the error says what the sender knows.
config ../../../examples/includeos-gateway-real.nacl

+0ms in  eth0 udp 10.0.1.10:9 > 10.0.1.1:3333 data "hello"
     local eth0
     out eth0 icmp unreachable-port 10.0.1.1 > 10.0.1.10 [udp 10.0.1.10:9 > 10.0.1.1:3333]
