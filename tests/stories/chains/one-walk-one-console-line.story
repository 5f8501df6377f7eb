# Parts and calls are joined as written; the line ends with the walk.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a { log("100", ip.ttl) log("x") accept }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53 x2
     console "10064x" x2
     local e x2
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53] x2
