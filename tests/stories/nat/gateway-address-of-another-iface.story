# Another Iface's address is forwarded to its owner; the answer leaves by that owner's chains.
config ../../../examples/includeos-gateway-real.nacl

+0ms in  eth0 icmp echo-request 10.0.1.10 > 10.0.2.1 echo 3/1
     local eth0
     out eth0 icmp echo-reply 10.0.2.1 > 10.0.1.10 echo 3/1 via 10.0.1.10
