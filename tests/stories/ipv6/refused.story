# The range of allowed hosts is hexadecimal, both ends included.
config ../../../examples/seed6.nacl

+0ms in  outside  tcp [2001:db8:9::9]:1 > [2001:db8:0:2::5]:80 S
     log warning  "Dropping packet from saddr 2001:db8:9::9 to 2001:db8:0:2::5"
     drop forward outside
+0ms in  outside  tcp [2001:db8:9::9]:2 > [2001:db8:0:2::10]:443 S
     log info     "New connection established (from 2001:db8:9::9)"
     out inside   tcp [2001:db8:9::9]:2 > [2001:db8:0:2::10]:443 S via 2001:db8:0:2::10
+0ms in  outside  tcp [2001:db8:9::9]:3 > [2001:db8:0:2::200]:443 S
     log info     "New connection established (from 2001:db8:9::9)"
     out inside   tcp [2001:db8:9::9]:3 > [2001:db8:0:2::200]:443 S via 2001:db8:0:2::200
+0ms in  outside  tcp [2001:db8:9::9]:4 > [2001:db8:0:2::201]:443 S
     log warning  "Dropping packet from saddr 2001:db8:9::9 to 2001:db8:0:2::201"
     drop forward outside
+0ms in  outside  tcp [2001:db8:9::9]:5 > [2001:db8:0:2::50]:22 S
     log warning  "Dropping packet from saddr 2001:db8:9::9 to 2001:db8:0:2::50"
     drop forward outside
# The bastion may.
+0ms in  outside  tcp [2001:db8:55::1]:6 > [2001:db8:0:2::5]:22 S
     out inside   tcp [2001:db8:55::1]:6 > [2001:db8:0:2::5]:22 S via 2001:db8:0:2::5
