# Rules see the ports behind extension headers, which travel on unchanged; some chains no router should walk.
config ../../../examples/seed6.nacl

+0ms in  outside  tcp [2001:db8:9::9]:4001 > [2001:db8:0:2::50]:80 S ext hbh,dst
     log info     "New connection established (from 2001:db8:9::9)"
     out inside   tcp [2001:db8:9::9]:4001 > [2001:db8:0:2::50]:80 S ext hbh,dst ttl 63

+0ms in  outside  tcp [2001:db8:9::9]:4001 > [2001:db8:0:2::50]:80 S ext rh0
     drop ExtensionHeaders outside
+0ms in  outside  tcp [2001:db8:9::9]:4001 > [2001:db8:0:2::50]:80 S ext dst*9
     drop ExtensionHeaders outside
+0ms in  outside  tcp [2001:db8:9::9]:4001 > [2001:db8:0:2::50]:80 S ext dst,hbh
     drop ExtensionHeaders outside
