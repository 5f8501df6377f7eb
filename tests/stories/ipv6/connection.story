# As over IPv4: let in once, answered, established.
config ../../../examples/seed6.nacl

+0ms  in  outside  tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S ttl 64
      log info     "New connection established (from 2001:db8:9::9)" from 2001:db8:0:2::1
      out inside   tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S ttl 63 via 2001:db8:0:2::50

+20ms in  inside   tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 SA
      log info     "Accepting packet from an already established connection (from 2001:db8:0:2::50)"
      out outside  tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 SA ttl 63 via 2001:db8:0:1::1

+20ms in  outside  tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 A
      log info     "Accepting packet from an already established connection (from 2001:db8:9::9)"
      out inside   tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 A ttl 63 via 2001:db8:0:2::50
