# The identifier of an echo belongs to who asks: a request from the other side under the same identifier is no part of the
# session, and a reply from the side that asks answers nothing.
config <<END
Iface inside { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }
Iface outside { index: 1, address: 10.1.0.1, netmask: 255.255.255.0, masquerade: true }
Gateway gw {
  r1: { net: 10.0.0.0/24, iface: inside },
  r2: { net: 10.1.0.0/24, iface: outside },
  forward: guard
}
Filter::IP guard {
  if (ct.state == established) { accept }
  if (iif == inside and ct.state == new) { Filter::ICMP { if (icmp.type == echo-request) { accept } } }
  drop
}
END

+0ms in inside icmp echo-request 10.0.0.9 > 10.1.0.9 echo 7/1
     out outside icmp echo-request 10.1.0.1 > 10.1.0.9 echo 7/1
+1ms in outside icmp echo-reply 10.1.0.9 > 10.1.0.1 echo 7/1
     out inside icmp echo-reply 10.1.0.9 > 10.0.0.9 echo 7/1
+1ms in outside icmp echo-request 10.1.0.9 > 10.0.0.9 echo 7/1
     drop forward outside
+0ms in inside icmp echo-reply 10.0.0.9 > 10.1.0.9 echo 7/2
     drop forward inside
# Asked at the router's own address, it is the router that answers.
+0ms in outside icmp echo-request 10.1.0.9 > 10.1.0.1 echo 7/1
     out outside icmp echo-reply 10.1.0.1 > 10.1.0.9 echo 7/1
