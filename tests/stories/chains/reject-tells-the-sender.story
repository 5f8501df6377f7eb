# Dropped like any other, and its sender hears of it.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a { Filter::UDP { reject(port-unreachable) } accept }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop Rejected e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53 ttl 64]
