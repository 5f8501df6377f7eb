# RFC 4890 §4.3.1: errors about known flows pass through: types 1, 2, 3 and 4; others do not.
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

+0ms in  lan udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53
     out wan udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53
+1ms in  wan icmpv6 1/0 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 1/0 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
+1ms in  wan icmpv6 1/4 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 1/4 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
+1ms in  wan icmpv6 packet-too-big 2001:db8:9::1 > 2001:db8:2::9 mtu 1280 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 packet-too-big 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
+1ms in  wan icmpv6 3/0 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 3/0 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
+1ms in  wan icmpv6 3/1 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 3/1 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
+1ms in  wan icmpv6 4/1 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 4/1 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
+1ms in  wan icmpv6 4/2 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
     out lan icmpv6 4/2 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4000 > [2001:db8:9::1]:53]
# About nothing that is known.
+1ms in  wan icmpv6 1/4 2001:db8:9::1 > 2001:db8:2::9 [udp [2001:db8:2::9]:4001 > [2001:db8:9::1]:53]
     drop Invalid wan
