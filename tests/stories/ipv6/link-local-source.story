# On another link a link-local address means another station (RFC 4007 §9): who asks for it from there gets no answer.
config ../../../examples/seed6.nacl

+0ms in  outside  icmpv6 echo-request 2001:db8:0:2::77 > fe80::5054:ff:fe00:0 echo 7/1
     local outside
     drop NoRoute outside
