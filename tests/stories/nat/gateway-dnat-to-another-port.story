config ../../../examples/includeos-gateway-real.nacl

+0ms in  eth0 tcp 10.0.1.10:2000 > 10.0.1.1:5001 S
     out eth1 tcp 10.0.1.10:2000 > 10.0.2.10:5000 S ttl 63 via 10.0.2.10

+5ms in  eth1 tcp 10.0.2.10:5000 > 10.0.1.10:2000 SA
     out eth0 tcp 10.0.1.1:5001 > 10.0.1.10:2000 SA via 10.0.1.10
