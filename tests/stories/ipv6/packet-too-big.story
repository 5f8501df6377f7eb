# Routers do not fragment IPv6: the sender is told the MTU.
config ../../../examples/seed6.nacl
config <<END
outside.mtu: 1400
END

+0ms  in  outside  tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S
      log info     "New connection established (from 2001:db8:9::9)"
      out inside   tcp [2001:db8:9::9]:4000 > [2001:db8:0:2::50]:80 S

+20ms in  inside   tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 SA
      log info     "Accepting packet from an already established connection (from 2001:db8:0:2::50)"
      out outside  tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 SA

+20ms in  inside   tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 A len 1500
      drop TooBig inside
      out inside   icmpv6 packet-too-big 2001:db8:0:2::1 > 2001:db8:0:2::50 mtu 1400 [tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 A len 1500 ttl 64]

+0ms  in  inside   tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 A len 1400
      log info     "Accepting packet from an already established connection (from 2001:db8:0:2::50)"
      out outside  tcp [2001:db8:0:2::50]:80 > [2001:db8:9::9]:4000 A len 1400
