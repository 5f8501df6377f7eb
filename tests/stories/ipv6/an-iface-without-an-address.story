# No address6, no IPv6: not answered, not forwarded, counted.
config ../../../examples/seed.nacl

+0ms in  outside  icmpv6 neighbor-solicitation 2001:db8:0:1::77 > ff02::1:ff00:2 target 2001:db8:0:1::2
     drop FamilyOff outside
+0ms in  outside  tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S
     drop FamilyOff outside
