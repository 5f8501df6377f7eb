# RFC 4890 §4.3.1: echo requests and replies (128, 129) pass both ways, as the rules let them.
config <<END
Iface wan { index: 0, address6: 2001:db8:1::1/64, gateway6: 2001:db8:1::fe }
Iface lan { index: 1, address6: 2001:db8:2::1/64 }
Gateway gw {
  forward: guard,
  r1: { net: 2001:db8:1::/64, iface: wan },
  r2: { net: 2001:db8:2::/64, iface: lan },
  r3: { net: ::/0, iface: wan }
}
Filter::IP guard {
  if (ct.state == established or ct.state == related) { accept }
  if (iif == lan) { accept }
  Filter::ICMPv6 { if (icmpv6.type == echo-request) { accept } }
  drop
}
END

+0ms in  lan icmpv6 echo-request 2001:db8:2::9 > 2001:db8:9::1 echo 7/1
     out wan icmpv6 echo-request 2001:db8:2::9 > 2001:db8:9::1 echo 7/1
+1ms in  wan icmpv6 echo-reply 2001:db8:9::1 > 2001:db8:2::9 echo 7/1
     out lan icmpv6 echo-reply 2001:db8:9::1 > 2001:db8:2::9 echo 7/1
+1ms in  wan icmpv6 echo-request 2001:db8:9::1 > 2001:db8:2::9 echo 8/1
     out lan icmpv6 echo-request 2001:db8:9::1 > 2001:db8:2::9 echo 8/1
+1ms in  wan icmpv6 echo-reply 2001:db8:9::1 > 2001:db8:2::9 echo 9/1
     drop forward wan
