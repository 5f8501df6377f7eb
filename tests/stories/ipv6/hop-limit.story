# The sender is told; the forward chain does not see the packet.
config ../../../examples/seed6.nacl

+0ms in  outside  tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S ttl 1
     drop TtlExpired outside
     out outside  icmpv6 time-exceeded 2001:db8:0:1::2 > 2001:db8:9::9 via 2001:db8:0:1::1 [tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S ttl 1]
