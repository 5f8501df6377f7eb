# An object stands for its values, those assigned out of line included.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
m: { a: 53 }
m.b: 54
Filter::IP a {
  Filter::UDP { if (udp.dport in m) { drop } }
  accept
}
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop input e

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:54
     drop input e

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:55
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:55]
