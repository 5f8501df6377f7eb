# The box answers from the address of a wide link over a narrow one: it cuts its own packets.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, address6: 2001:db8:0:1::1/64 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0, address6: 2001:db8:0:2::1/64, mtu: 1280 }
Gateway gw [
  { net: 10.0.0.0/24, iface: a }, { net: 10.1.0.0/24, iface: b },
  { net: 2001:db8:0:1::/64, iface: a }, { net: 2001:db8:0:2::/64, iface: b }
]
END

+0ms in b icmp echo-request 10.1.0.9 > 10.0.0.1 echo 7/1 len 1500
     local b
     out b icmp echo-reply 10.0.0.1 > 10.1.0.9 echo 7/1 frag 0 mf len 1276 id $id
     out b icmp 255/255 10.0.0.1 > 10.1.0.9 frag 1256 no-mf len 244 id $id
+0ms in b icmpv6 echo-request 2001:db8:0:2::9 > 2001:db8:0:1::1 echo 7/1 len 1500
     local b
     out b icmpv6 echo-reply 2001:db8:0:1::1 > 2001:db8:0:2::9 echo 7/1 frag 0 mf len 1280
     out b icmpv6 255/255 2001:db8:0:1::1 > 2001:db8:0:2::9 frag 1232 no-mf len 276
