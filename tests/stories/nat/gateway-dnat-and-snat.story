config ../../../examples/includeos-gateway-real.nacl

+0ms in  eth0 tcp 10.0.1.10:2001 > 10.0.1.1:1337 S
     out eth1 tcp 10.0.2.1:2001 > 10.0.2.10:1337 S ttl 63 via 10.0.2.10

+5ms in  eth1 tcp 10.0.2.10:1337 > 10.0.2.1:2001 SA
     out eth0 tcp 10.0.1.1:1337 > 10.0.1.10:2001 SA via 10.0.1.10
