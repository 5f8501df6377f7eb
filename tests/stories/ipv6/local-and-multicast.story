config ../../../examples/seed6.nacl

+0ms in  outside  icmpv6 echo-request 2001:db8:0:1::77 > 2001:db8:0:1::2 echo 5/1
     local outside
     out outside  icmpv6 echo-reply 2001:db8:0:1::2 > 2001:db8:0:1::77 echo 5/1 via 2001:db8:0:1::77

+0ms in  outside  udp [2001:db8:0:1::77]:9 > [ff02::1]:9
     local outside

+0ms in  outside  udp [2001:db8:0:1::77]:9 > [ff0e::1]:9
     drop NotForwardable outside

# On another link a link-local address means another station (RFC 4007 §9): who asks for it from there gets no answer.
+0ms in  outside  icmpv6 echo-request 2001:db8:0:2::77 > fe80::5054:ff:fe00:0 echo 7/1
     local outside
     drop NoRoute outside
