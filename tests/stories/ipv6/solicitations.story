# The box says where it is to who asks from the link, and for its own addresses only.
config ../../../examples/seed6.nacl

+0ms in  outside  icmpv6 neighbor-solicitation 2001:db8:0:1::77 > ff02::1:ff00:2 target 2001:db8:0:1::2
     out outside  icmpv6 neighbor-advertisement 2001:db8:0:1::2 > 2001:db8:0:1::77 target 2001:db8:0:1::2 solicited override ttl 255 via 2001:db8:0:1::77

# Not from the link: a hop limit of 255 cannot have passed a router.
+0ms in  outside  icmpv6 neighbor-solicitation 2001:db8:0:1::77 > ff02::1:ff00:2 target 2001:db8:0:1::2 ttl 254
     drop BadNeighborMessage outside

# No proxy.
+0ms in  outside  icmpv6 neighbor-solicitation 2001:db8:0:1::77 > ff02::1:ff00:50 target 2001:db8:0:2::50
