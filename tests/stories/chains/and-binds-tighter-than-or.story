# A or B and C is A or (B and C).
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a {
  Filter::UDP { if (ip.ttl == 64 or udp.dport == 1 and udp.sport == 1) { drop } }
  accept
}
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop input e

+0ms in e udp 10.0.0.9:1 > 10.0.0.45:1 ttl 63
     drop input e

+0ms in e udp 10.0.0.9:1 > 10.0.0.45:2 ttl 63
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:1 > 10.0.0.45:2]
