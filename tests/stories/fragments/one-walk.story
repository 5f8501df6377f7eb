# One walk, one line in the log, the whole length; then the fragments as they came, each with its own TTL less one.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
a.prerouting: seen
Filter::IP seen {
  log("datagram of ", ip.length, " at ", ip.frag-off, "\n")
  accept
}
END

+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 of 3000 id 7 ttl 64
+1ms in a udp 10.0.0.9 > 10.1.0.9 frag 2960 len 40 id 7 ttl 62
+1ms in a udp 10.0.0.9 > 10.1.0.9 frag 1480 mf len 1500 id 7 ttl 63
     console "datagram of 3000 at 0"
     out b udp 10.0.0.9:1 > 10.1.0.9:2 frag 0 mf len 1500 id 7 ttl 63 via 10.1.0.9
     out b udp 10.0.0.9 > 10.1.0.9 frag 1480 mf len 1500 id 7 ttl 62
     out b udp 10.0.0.9 > 10.1.0.9 frag 2960 no-mf len 40 id 7 ttl 61
