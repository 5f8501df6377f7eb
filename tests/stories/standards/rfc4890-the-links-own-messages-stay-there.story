# RFC 4890 §4.3.3, §4.3.4: discovery of routers, neighbors and listeners (130-137, 143) is never forwarded, and no rule
# can break it.
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

+0ms in lan icmpv6 130/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
+0ms in lan icmpv6 131/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
+0ms in lan icmpv6 132/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
+0ms in lan icmpv6 133/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
+0ms in lan icmpv6 134/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
+0ms in lan icmpv6 135/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
     drop BadNeighborMessage lan
+0ms in lan icmpv6 136/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
     drop BadNeighborMessage lan
+0ms in lan icmpv6 137/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
+0ms in lan icmpv6 143/0 2001:db8:2::9 > 2001:db8:9::1 ttl 255
# Neighbor discovery from farther away than the link is not believed.
+0ms in lan icmpv6 neighbor-solicitation 2001:db8:2::9 > 2001:db8:2::1 target 2001:db8:2::1 ttl 254
     drop BadNeighborMessage lan
