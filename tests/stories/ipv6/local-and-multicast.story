config ../../../examples/seed6.nacl

+0ms in  outside  icmpv6 echo-request 2001:db8:0:1::77 > 2001:db8:0:1::2 echo 5/1
     local outside
     out outside  icmpv6 echo-reply 2001:db8:0:1::2 > 2001:db8:0:1::77 echo 5/1 via 2001:db8:0:1::77

+0ms in  outside  udp [2001:db8:0:1::77]:9 > [ff02::1]:9
     local outside

+0ms in  outside  udp [2001:db8:0:1::77]:9 > [ff0e::1]:9
     drop NotForwardable outside
