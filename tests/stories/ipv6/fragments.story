# Held until all are there, judged once, sent on as they came.
config ../../../examples/seed6.nacl

+0ms in  outside  udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 2464 len 584 id 7
+1ms in  outside  udp [2001:db8:55::1]:9 > [2001:db8:0:2::5]:9 frag 0 mf len 1280 of 3000 id 7
+1ms in  outside  udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 1232 mf len 1280 id 7
     out inside   udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 0 mf len 1280 id 7 ttl 63 via 2001:db8:0:2::5
     out inside   udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 1232 mf len 1280 id 7 ttl 63
     out inside   udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 2464 no-mf len 584 id 7 ttl 63
