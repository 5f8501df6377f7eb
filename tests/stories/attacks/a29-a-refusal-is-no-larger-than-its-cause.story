# A29 (TCP middlebox reflection): a segment out of nowhere is answered with no more bytes than it has.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Conntrack c { stateful_tcp: true }
Filter::IP guard { Filter::TCP { if (tcp.dport == 80) { reject(tcp-reset) } } drop }
END

+0ms in  wan tcp 203.0.113.9:4000 > 10.1.0.9:80 S data "GET / HTTP/1.1 Host: blocked"
     drop Rejected wan
     out wan tcp 10.1.0.9:80 > 203.0.113.9:4000 RA len 40
# Out of state: silence.
+0ms in  wan tcp 203.0.113.9:4000 > 10.1.0.9:80 PA data "GET / HTTP/1.1 Host: blocked"
     drop Invalid wan
+0ms in  wan tcp 203.0.113.9:4000 > 10.1.0.9:443 S data "GET / HTTP/1.1 Host: blocked"
     drop forward wan
