# Of a datagram whose fragments overlap nothing leaves, not even later.
config ../../../examples/seed6.nacl

+0ms in  outside  udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 2464 len 584 id 8
+1ms in  outside  udp [2001:db8:55::1]:9 > [2001:db8:0:2::5]:9 frag 0 mf len 1280 of 3000 id 8
+1ms in  outside  udp 2001:db8:55::1 > 2001:db8:0:2::5 frag 1224 mf len 1288 id 8
     drop FragmentOverlap outside x3
