config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, prerouting: n }
Nat::TCP n { dnat(10.0.0.9) }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53]
