# RFC 4890 §4.3.4, §4.3.5: everything else is for the rules to say: here it passes from inside, and not from outside. Its
# answers are other messages, so they are new, too.
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

+0ms in  lan icmpv6 138/0 2001:db8:2::9 > 2001:db8:9::8a
     out wan icmpv6 138/0 2001:db8:2::9 > 2001:db8:9::8a
+0ms in  wan icmpv6 138/0 2001:db8:7::9 > 2001:db8:2::8a
     drop forward wan
+0ms in  lan icmpv6 139/0 2001:db8:2::9 > 2001:db8:9::8b
     out wan icmpv6 139/0 2001:db8:2::9 > 2001:db8:9::8b
+0ms in  wan icmpv6 139/0 2001:db8:7::9 > 2001:db8:2::8b
     drop forward wan
+0ms in  lan icmpv6 140/0 2001:db8:2::9 > 2001:db8:9::8c
     out wan icmpv6 140/0 2001:db8:2::9 > 2001:db8:9::8c
+0ms in  wan icmpv6 140/0 2001:db8:7::9 > 2001:db8:2::8c
     drop forward wan
+0ms in  lan icmpv6 141/0 2001:db8:2::9 > 2001:db8:9::8d
     out wan icmpv6 141/0 2001:db8:2::9 > 2001:db8:9::8d
+0ms in  wan icmpv6 141/0 2001:db8:7::9 > 2001:db8:2::8d
     drop forward wan
+0ms in  lan icmpv6 142/0 2001:db8:2::9 > 2001:db8:9::8e
     out wan icmpv6 142/0 2001:db8:2::9 > 2001:db8:9::8e
+0ms in  wan icmpv6 142/0 2001:db8:7::9 > 2001:db8:2::8e
     drop forward wan
+0ms in  lan icmpv6 144/0 2001:db8:2::9 > 2001:db8:9::90
     out wan icmpv6 144/0 2001:db8:2::9 > 2001:db8:9::90
+0ms in  wan icmpv6 144/0 2001:db8:7::9 > 2001:db8:2::90
     drop forward wan
+0ms in  lan icmpv6 145/0 2001:db8:2::9 > 2001:db8:9::91
     out wan icmpv6 145/0 2001:db8:2::9 > 2001:db8:9::91
+0ms in  wan icmpv6 145/0 2001:db8:7::9 > 2001:db8:2::91
     drop forward wan
+0ms in  lan icmpv6 146/0 2001:db8:2::9 > 2001:db8:9::92
     out wan icmpv6 146/0 2001:db8:2::9 > 2001:db8:9::92
+0ms in  wan icmpv6 146/0 2001:db8:7::9 > 2001:db8:2::92
     drop forward wan
+0ms in  lan icmpv6 147/0 2001:db8:2::9 > 2001:db8:9::93
     out wan icmpv6 147/0 2001:db8:2::9 > 2001:db8:9::93
+0ms in  wan icmpv6 147/0 2001:db8:7::9 > 2001:db8:2::93
     drop forward wan
+0ms in  lan icmpv6 148/0 2001:db8:2::9 > 2001:db8:9::94
     out wan icmpv6 148/0 2001:db8:2::9 > 2001:db8:9::94
+0ms in  wan icmpv6 148/0 2001:db8:7::9 > 2001:db8:2::94
     drop forward wan
+0ms in  lan icmpv6 149/0 2001:db8:2::9 > 2001:db8:9::95
     out wan icmpv6 149/0 2001:db8:2::9 > 2001:db8:9::95
+0ms in  wan icmpv6 149/0 2001:db8:7::9 > 2001:db8:2::95
     drop forward wan
+0ms in  lan icmpv6 150/0 2001:db8:2::9 > 2001:db8:9::96
     out wan icmpv6 150/0 2001:db8:2::9 > 2001:db8:9::96
+0ms in  wan icmpv6 150/0 2001:db8:7::9 > 2001:db8:2::96
     drop forward wan
+0ms in  lan icmpv6 151/0 2001:db8:2::9 > 2001:db8:9::97
     out wan icmpv6 151/0 2001:db8:2::9 > 2001:db8:9::97
+0ms in  wan icmpv6 151/0 2001:db8:7::9 > 2001:db8:2::97
     drop forward wan
+0ms in  lan icmpv6 152/0 2001:db8:2::9 > 2001:db8:9::98
     out wan icmpv6 152/0 2001:db8:2::9 > 2001:db8:9::98
+0ms in  wan icmpv6 152/0 2001:db8:7::9 > 2001:db8:2::98
     drop forward wan
+0ms in  lan icmpv6 153/0 2001:db8:2::9 > 2001:db8:9::99
     out wan icmpv6 153/0 2001:db8:2::9 > 2001:db8:9::99
+0ms in  wan icmpv6 153/0 2001:db8:7::9 > 2001:db8:2::99
     drop forward wan
+0ms in  lan icmpv6 154/0 2001:db8:2::9 > 2001:db8:9::9a
     out wan icmpv6 154/0 2001:db8:2::9 > 2001:db8:9::9a
+0ms in  wan icmpv6 154/0 2001:db8:7::9 > 2001:db8:2::9a
     drop forward wan
+0ms in  lan icmpv6 100/0 2001:db8:2::9 > 2001:db8:9::64
     out wan icmpv6 100/0 2001:db8:2::9 > 2001:db8:9::64
+0ms in  wan icmpv6 100/0 2001:db8:7::9 > 2001:db8:2::64
     drop forward wan
+0ms in  lan icmpv6 101/0 2001:db8:2::9 > 2001:db8:9::65
     out wan icmpv6 101/0 2001:db8:2::9 > 2001:db8:9::65
+0ms in  wan icmpv6 101/0 2001:db8:7::9 > 2001:db8:2::65
     drop forward wan
+0ms in  lan icmpv6 200/0 2001:db8:2::9 > 2001:db8:9::c8
     out wan icmpv6 200/0 2001:db8:2::9 > 2001:db8:9::c8
+0ms in  wan icmpv6 200/0 2001:db8:7::9 > 2001:db8:2::c8
     drop forward wan
+0ms in  lan icmpv6 201/0 2001:db8:2::9 > 2001:db8:9::c9
     out wan icmpv6 201/0 2001:db8:2::9 > 2001:db8:9::c9
+0ms in  wan icmpv6 201/0 2001:db8:7::9 > 2001:db8:2::c9
     drop forward wan
+0ms in  lan icmpv6 255/0 2001:db8:2::9 > 2001:db8:9::ff
     out wan icmpv6 255/0 2001:db8:2::9 > 2001:db8:9::ff
+0ms in  wan icmpv6 255/0 2001:db8:7::9 > 2001:db8:2::ff
     drop forward wan
+0ms in  lan icmpv6 5/0 2001:db8:2::9 > 2001:db8:9::5
     out wan icmpv6 5/0 2001:db8:2::9 > 2001:db8:9::5
+0ms in  wan icmpv6 5/0 2001:db8:7::9 > 2001:db8:2::5
     drop forward wan
+0ms in  lan icmpv6 127/0 2001:db8:2::9 > 2001:db8:9::7f
     out wan icmpv6 127/0 2001:db8:2::9 > 2001:db8:9::7f
+0ms in  wan icmpv6 127/0 2001:db8:7::9 > 2001:db8:2::7f
     drop forward wan
