config ../../../examples/includeos-gateway-real.nacl

# Not translated, and its destination is not host2.
+0ms in  eth0 tcp 10.0.1.10:2000 > 10.0.1.1:22 S
     drop prerouting eth0

# Nothing comes in by eth1 but pings and answers.
+0ms in  eth1 tcp 10.0.2.10:2000 > 10.0.1.10:80 S
     drop prerouting eth1

# Dropped by a rule, before the route that is missing.
+0ms in  eth0 tcp 10.0.1.10:1 > 10.0.3.3:80 S
     drop prerouting eth0
