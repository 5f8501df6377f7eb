# What a router owes a packet it owes a RST, too; only refusals leave it alone.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: no,
  r1: { net: 10.0.0.0/24, iface: a },
  r2: { net: 10.1.0.0/24, iface: b }
}
Filter::IP no { reject(tcp-reset) }
END

+0ms in a tcp 10.0.0.9:1 > 10.1.0.9:2 R ttl 1
     drop TtlExpired a
     out a icmp time-exceeded 10.0.0.1 > 10.0.0.9 [tcp 10.0.0.9:1 > 10.1.0.9:2 R ttl 1]
+0ms in a tcp 10.0.0.9:3 > 10.1.0.9:2 S
     drop Rejected a
     out a tcp 10.1.0.9:2 > 10.0.0.9:3 RA
+0ms in a tcp 10.0.0.9:1 > 10.1.0.9:2 R
     drop Invalid a
