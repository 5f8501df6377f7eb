# One connection is all there is room for, until it expires: 30 s without an answer.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Conntrack c { limit: 1 }
Filter::IP a { accept }
END

+0s  in e udp 10.0.0.9:7 > 10.0.0.45:53
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53]

+1s  in e udp 10.0.0.9:8 > 10.0.0.45:53
     drop TableFull e

+31s in e udp 10.0.0.9:8 > 10.0.0.45:53
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:8 > 10.0.0.45:53]
